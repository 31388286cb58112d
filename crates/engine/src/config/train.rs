//! The configuration of a training run.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use timeweave_models::{ModelError, ModelSpec};
use timeweave_video::VideoError;
use timeweave_video::list::{ListFormat, Separator};
use timeweave_video::loader::OnError;
use timeweave_video::transform::Preprocess;

use super::check::Check;
use super::eval::validate_workers;
use super::{OptimizerConfig, ScheduleConfig};
use crate::EngineError;
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
    /// A safetensors file with the network's own names.
    pub weights: PathBuf,
    /// Start with a fresh classifier where the file's does not fit.
    #[serde(default)]
    pub new_classifier: bool,
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
    /// A file with one class name per line; the numbers when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<PathBuf>,
    /// Sampling of frames and the transforms.
    #[serde(default)]
    pub preprocess: Preprocess,
    /// Threads that decode and transform.
    #[serde(default = "one")]
    pub workers: usize,
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

/// How long and in what portions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LoopConfig {
    /// Passes over the training list.
    pub epochs: u64,
    /// Clips per step.
    pub batch_size: usize,
    /// The largest norm of all gradients together; not clipped when null.
    pub clip_gradient: Option<f64>,
    /// Part of the target spread over all classes.
    pub label_smoothing: f64,
    /// Validate every so many epochs, and after the last.
    pub eval_every: u64,
    /// A `step` event every so many steps.
    pub log_every: u64,
    /// Decides weights, order, augmentation and dropout.
    pub seed: u64,
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

impl Default for LoopConfig {
    fn default() -> Self {
        Self {
            epochs: 50,
            batch_size: 8,
            clip_gradient: Some(20.0),
            label_smoothing: 0.0,
            eval_every: 1,
            log_every: 20,
            seed: 1,
        }
    }
}

impl LoopConfig {
    fn validate(&self) -> Result<(), EngineError> {
        let check = Check::at("train");
        let whole = "a whole number of at least 1";
        check.fact("epochs", self.epochs >= 1, whole, || self.epochs.to_string())?;
        check.fact("batchSize", self.batch_size >= 1, whole, || self.batch_size.to_string())?;
        check.fact("evalEvery", self.eval_every >= 1, whole, || self.eval_every.to_string())?;
        check.fact("logEvery", self.log_every >= 1, whole, || self.log_every.to_string())?;
        check.number(
            "clipGradient",
            self.clip_gradient.unwrap_or(1.0),
            "null or a number above 0",
            |v| v > 0.0,
        )?;
        check.number("labelSmoothing", self.label_smoothing, "a number from 0 to below 1", |v| {
            (0.0..1.0).contains(&v)
        })
    }
}

impl TrainConfig {
    /// Checks every value that can be checked without opening a file.
    ///
    /// # Errors
    /// `CONFIG_INVALID` naming the JSON path.
    pub fn validate(&self) -> Result<(), EngineError> {
        self.model.validate().map_err(spec_as_config)?;
        let channels = self.model.input_channels();
        let check = Check::at("model");
        check.fact(
            "modality",
            channels == 3,
            "rgb (the other modalities have no input from files yet)",
            || format!("a network of {channels} channels a frame"),
        )?;
        self.optimizer.validate()?;
        self.schedule.validate(self.optimizer.lr())?;
        self.train.validate()?;
        validate_workers("data", self.data.workers)?;
        let frames = usize::try_from(self.model.num_frames()).unwrap_or_default();
        self.data
            .preprocess
            .validate(frames)
            .map_err(|error| option_as_config("data.preprocess", error))
    }
}

/// The same finding, named as a field of the configuration.
fn option_as_config(path: &str, error: VideoError) -> EngineError {
    match error {
        VideoError::InvalidOption { field, expected, received } => {
            EngineError::config(format!("{path}.{field}"), &expected, received)
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
