//! The model card: everything that inference needs besides the weights.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use safetensors::tensor::Metadata;
use serde::{Deserialize, Serialize};

use crate::{ModelError, ModelSpec};

/// Version of the card's form that this program writes.
pub const FORMAT_VERSION: u32 = 1;
/// Key of the card in the metadata of a safetensors file.
pub const METADATA_KEY: &str = "timeweave";
/// Longest header that the safetensors format allows, in bytes.
const LONGEST_HEADER: u64 = 100_000_000;

/// What a checkpoint says about its network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelCard {
    /// Version of this form, [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The network.
    pub spec: ModelSpec,
    /// Names of the classes by index; may be empty.
    #[serde(default)]
    pub classes: Vec<String>,
    /// Whether a video can show several classes: scores are then of each class by itself.
    #[serde(default)]
    pub multi_label: bool,
    /// How frames become a clip; its form belongs to the engine.
    #[serde(default)]
    pub preprocess: serde_json::Value,
    /// Figures of the training run.
    #[serde(default)]
    pub metrics: serde_json::Value,
    /// Version of the program that wrote the file.
    #[serde(default)]
    pub timeweave_version: String,
}

impl ModelCard {
    /// A card of this version with only the network filled in.
    pub fn new(spec: ModelSpec) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            spec,
            classes: Vec::new(),
            multi_label: false,
            preprocess: serde_json::Value::Null,
            metrics: serde_json::Value::Null,
            timeweave_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// The card of a checkpoint, or nothing when the file holds weights only. Reads the header only.
///
/// # Errors
/// When there is no such file, it is no safetensors file, or its card is of a newer form.
pub fn read_card(path: &Path) -> Result<Option<ModelCard>, ModelError> {
    card_of(path, &read_header(path)?)
}

/// The whole file, after a check of its header.
pub(super) fn read_file(path: &Path) -> Result<(Vec<u8>, Option<ModelCard>), ModelError> {
    let card = read_card(path)?;
    let bytes = std::fs::read(path).map_err(|error| ModelError::CheckpointUnreadable {
        path: path.into(),
        reason: format!("cannot be read: {error}"),
    })?;
    Ok((bytes, card))
}

fn card_of(path: &Path, header: &Metadata) -> Result<Option<ModelCard>, ModelError> {
    let Some(text) = header.metadata().as_ref().and_then(|map| map.get(METADATA_KEY)) else {
        return Ok(None);
    };
    let unreadable =
        |reason: String| ModelError::CheckpointUnreadable { path: path.into(), reason };
    let value: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| unreadable(format!("has a model card that is no JSON: {error}")))?;
    let version = value.get("formatVersion").and_then(serde_json::Value::as_u64);
    if version != Some(u64::from(FORMAT_VERSION)) {
        let version = version.map_or("none".to_owned(), |version| version.to_string());
        let reason = format!(
            "has a model card of format version {version}; this program reads version {FORMAT_VERSION}"
        );
        return Err(unreadable(reason));
    }
    let card = serde_json::from_value(value)
        .map_err(|error| unreadable(format!("has a model card that cannot be read: {error}")))?;
    Ok(Some(card))
}

fn read_header(path: &Path) -> Result<Metadata, ModelError> {
    let mut file = open(path)?;
    let unreadable =
        |reason: String| ModelError::CheckpointUnreadable { path: path.into(), reason };
    let io = |error: std::io::Error| unreadable(format!("cannot be read: {error}"));
    let found = file.metadata().map_err(io)?.len();
    let mut start = Vec::new();
    Read::by_ref(&mut file).take(8).read_to_end(&mut start).map_err(io)?;
    let length = start.as_slice().try_into().map(u64::from_le_bytes).ok();
    let Some(length) = length.filter(|&length| length <= LONGEST_HEADER) else {
        return Err(unreadable(look(&start).into()));
    };
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header).map_err(io)?;
    if (header.len() as u64) < length && header.first() == Some(&b'{') {
        let reason = format!("is cut off: {found} bytes found, its header alone has {length}");
        return Err(unreadable(reason));
    }
    let header: Metadata =
        serde_json::from_slice(&header).map_err(|_| unreadable(look(&start).into()))?;
    let expected = 8 + length + header.data_len() as u64;
    if found != expected {
        let reason = format!("is cut off or damaged: {found} bytes found, {expected} expected");
        return Err(unreadable(reason));
    }
    Ok(header)
}

/// Opens a checkpoint for reading.
fn open(path: &Path) -> Result<File, ModelError> {
    let unreadable =
        |reason: String| ModelError::CheckpointUnreadable { path: path.into(), reason };
    let file = File::open(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => ModelError::CheckpointNotFound { path: path.into() },
        _ => unreadable(format!("cannot be opened: {error}")),
    })?;
    let kind = file.metadata().map_err(|error| unreadable(format!("cannot be read: {error}")))?;
    if kind.is_dir() {
        return Err(unreadable("is a directory".into()));
    }
    Ok(file)
}

/// What a file that is not safetensors looks like, as the end of a sentence.
fn look(start: &[u8]) -> &'static str {
    match start {
        [] => "is an empty file",
        [b'P', b'K', 3, 4, ..] => {
            "is a zip archive, probably a PyTorch checkpoint (.pth); convert it to safetensors first"
        }
        [0x80, 2..=5, ..] => "is a PyTorch pickle (an old .pth); convert it to safetensors first",
        [0x1f, 0x8b, ..] => "is gzip-compressed",
        [0x89, b'H', b'D', b'F', ..] => "is an HDF5 file",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "is a video file",
        _ if start.len() < 8 => "is too short for a safetensors file",
        _ if start.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) => {
            "is a text file"
        }
        _ => "is damaged or of another format (its header is no safetensors header)",
    }
}
