//! The configuration of a training run.

use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use timeweave_models::{LoadOptions, ModelError, ModelSpec, Source};
use timeweave_video::datasets::presets;
use timeweave_video::list::{ListFormat, Separator};
use timeweave_video::loader::OnError;
use timeweave_video::transform::{Preprocess, Stack};
use timeweave_video::{OpenOptions, VideoError};

use super::eval::{validate_prefetch, validate_workers};
use super::{LoopConfig, OptimizerConfig, ScheduleConfig};
use crate::EngineError;
use crate::classes::known_dataset;
use crate::device::Device;

/// Everything that a training run depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrainConfig {
    /// The network.
    pub model: ModelSpec,
    /// Weights to start from; fresh ones when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<InitConfig>,
    /// What to train on.
    pub data: TrainData,
    /// How weights are stepped.
    #[serde(default)]
    pub optimizer: OptimizerConfig,
    /// How the learning rate changes.
    #[serde(default)]
    pub schedule: ScheduleConfig,
    /// How long and in what portions.
    #[serde(default)]
    pub train: LoopConfig,
    /// `auto`, `cpu`, `cuda` or `cuda:N`.
    #[serde(default)]
    pub device: Device,
    /// Where the run is kept.
    #[serde(default)]
    pub output: OutputConfig,
    /// `auto` (go on where the run folder stands, if there is one) or a run folder to go on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
}

/// Weights to start from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InitConfig {
    /// A checkpoint of ours or of another project: PyTorch's files and safetensors. Weights of a
    /// related network are fitted, and the `init` event says how.
    pub weights: PathBuf,
    /// Whose names the file has; found in the names when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "source_schema")]
    pub from: Option<Source>,
    /// Start with a fresh classifier where the file's does not fit; after an image network it is
    /// always fresh.
    #[serde(default)]
    pub new_classifier: bool,
}

fn source_schema(_: &mut SchemaGenerator) -> Schema {
    let mut ids: Vec<Option<&str>> = Source::ALL.iter().map(|source| Some(source.id())).collect();
    ids.push(None);
    json_schema!({ "enum": ids })
}

fn dataset_schema(_: &mut SchemaGenerator) -> Schema {
    let mut ids: Vec<Option<&str>> =
        presets().iter().map(|known| Some(known.id.as_str())).collect();
    ids.push(None);
    json_schema!({ "enum": ids })
}

impl InitConfig {
    /// How the file is read.
    pub(crate) fn options(&self) -> LoadOptions {
        LoadOptions { source: self.from, new_classifier: self.new_classifier, adapt: true }
    }
}

/// The lists and how their videos become clips.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrainData {
    /// Training samples.
    pub train: ListConfig,
    /// Validation samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub val: Option<ListConfig>,
    /// A known data set, such as `jester`: its number of classes is checked, and it gives the class names where no file does
    /// and they are public, and the pairs of classes that change places in a mirrored clip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "dataset_schema")]
    pub dataset: Option<String>,
    /// A file with one class name per line; the data set's names or the numbers when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<PathBuf>,
    /// Sampling of frames and the transforms.
    #[serde(default)]
    pub preprocess: Preprocess,
    /// How videos are opened.
    #[serde(default)]
    pub decode: OpenOptions,
    /// Threads that decode and transform.
    #[serde(default = "one")]
    pub workers: usize,
    /// Batches that are made ahead of the one in use.
    #[serde(default = "one")]
    pub prefetch: usize,
    /// What to do with a sample that cannot be read.
    #[serde(default)]
    pub on_error: OnError,
}

/// A list file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListConfig {
    /// The file: a path and a label per line.
    pub list: PathBuf,
    /// The folder that relative paths start from; the list's own when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// The form of the lines.
    #[serde(default)]
    pub format: ListFormat,
    /// What separates columns; found from the lines when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<Separator>,
}

/// Where a run is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OutputConfig {
    /// The run folder; `runs/<arch>-<n>` with the first free n when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
}

pub(super) fn one() -> usize {
    1
}

impl TrainConfig {
    /// Checks every value that can be checked without opening a file.
    ///
    /// # Errors
    /// `CONFIG_INVALID` naming the JSON path.
    pub fn validate(&self) -> Result<(), EngineError> {
        self.model.validate().map_err(spec_as_config)?;
        let stack = stack_of(&self.model)?;
        known_dataset(self)?;
        self.optimizer.validate()?;
        self.schedule.validate(self.optimizer.lr())?;
        self.train.validate()?;
        validate_workers("data", self.data.workers)?;
        validate_prefetch("data", self.data.prefetch)?;
        let frames = usize::try_from(self.model.num_frames()).unwrap_or_default();
        self.data
            .preprocess
            .validate_stack(frames, stack)
            .map_err(|error| option_as_config("data.preprocess", error))?;
        let open = self.data.decode.for_stack(stack);
        open.map(|_| ()).map_err(|error| option_as_config("data", error))
    }
}

/// What a frame of the network's clips holds.
pub(crate) fn stack_of(model: &ModelSpec) -> Result<Stack, EngineError> {
    let channels = usize::try_from(model.input_channels()).unwrap_or_default();
    Stack::of_channels(channels).ok_or_else(|| {
        let received = format!("a network of {channels} channels a frame");
        EngineError::config("model.modality", "rgb, flow or rgb-diff", received)
    })
}

/// The same finding, named as a field of the configuration.
pub(crate) fn option_as_config(path: &str, error: VideoError) -> EngineError {
    match error {
        VideoError::InvalidOption { field, expected, received } => {
            let dot = if path.is_empty() { "" } else { "." };
            EngineError::config(format!("{path}{dot}{field}"), &expected, received)
        }
        other => other.into(),
    }
}

/// The same finding, named as a field of the configuration.
fn spec_as_config(error: ModelError) -> EngineError {
    match error {
        ModelError::InvalidSpec { field, expected, received } => {
            EngineError::config(format!("model.{field}"), &expected, received)
        }
        other => other.into(),
    }
}
