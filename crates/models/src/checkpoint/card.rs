//! The model card: everything that inference needs besides the weights.

use std::path::Path;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use timeweave_weights::WeightsError;

use crate::{ModelError, ModelSpec};

/// Version of the card's form that this program writes.
pub const FORMAT_VERSION: u32 = 1;
/// Key of the card in the metadata of a safetensors file.
pub const METADATA_KEY: &str = "timeweave";

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

/// The card of a checkpoint, or nothing when the file holds weights only, as those of other
/// projects do. Reads the header only.
///
/// # Errors
/// When there is no such file, it is no checkpoint, or its card is of a newer form.
pub fn read_card(path: &Path) -> Result<Option<ModelCard>, ModelError> {
    card_of(path, &timeweave_weights::read_texts(path)?)
}

/// The card of a checkpoint that has to have one.
///
/// # Errors
/// As [`read_card`], and when there is no card. A file that is damaged says so instead.
pub fn card_or_error(path: &Path) -> Result<ModelCard, ModelError> {
    if let Some(card) = read_card(path)? {
        return Ok(card);
    }
    timeweave_weights::read(path)?;
    Err(ModelError::CheckpointWithoutCard { path: path.to_owned() })
}

/// The card among the texts of a file.
pub(super) fn card_of(
    path: &Path,
    texts: &IndexMap<String, String>,
) -> Result<Option<ModelCard>, ModelError> {
    let Some(text) = texts.get(METADATA_KEY) else { return Ok(None) };
    let unreadable = |reason: String| WeightsError::Unreadable { path: path.into(), reason };
    let value: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| unreadable(format!("has a model card that is no JSON: {error}")))?;
    let version = value.get("formatVersion").and_then(serde_json::Value::as_u64);
    if version != Some(u64::from(FORMAT_VERSION)) {
        let version = version.map_or("none".to_owned(), |version| version.to_string());
        let reason = format!(
            "has a model card of format version {version}; this program reads version {FORMAT_VERSION}"
        );
        return Err(unreadable(reason).into());
    }
    let card = serde_json::from_value(value)
        .map_err(|error| unreadable(format!("has a model card that cannot be read: {error}")))?;
    Ok(Some(card))
}
