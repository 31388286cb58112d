//! How long a training runs, in what portions, and what it minimises.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Check;
use crate::EngineError;

/// How long and in what portions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LoopConfig {
    /// Passes over the training list.
    pub epochs: u64,
    /// Clips per step.
    pub batch_size: usize,
    /// What is minimised.
    pub loss: Loss,
    /// What the loss is multiplied by before the gradients; logged losses are not. The mean over hundreds of classes that
    /// `binaryCrossEntropy` takes gives small gradients (mmaction2 multiplies by 160 for 313 classes).
    pub loss_scale: f64,
    /// The largest norm of all gradients together; not clipped when null.
    pub clip_gradient: Option<f64>,
    /// Part of the target spread over all classes.
    pub label_smoothing: f64,
    /// Mixes clips of a batch and their targets: the parameter of the Beta distribution of the part; not mixed when null.
    pub mixup: Option<f64>,
    /// Pastes a rectangle of another clip of the batch, and mixes the targets by its area; as `mixup`. With both, each
    /// batch takes one of them.
    pub cutmix: Option<f64>,
    /// Part of the batches that `mixup` and `cutmix` change.
    pub mix_probability: f64,
    /// Validate every so many epochs, and after the last.
    pub eval_every: u64,
    /// A `step` event every so many steps.
    pub log_every: u64,
    /// Write the record, frames, labels and mirroring of every training sample to `samples.jsonl` in the run's folder.
    pub log_samples: bool,
    /// Decides weights, order, augmentation and dropout.
    pub seed: u64,
}

/// What is minimised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Loss {
    /// One class per video.
    #[default]
    CrossEntropy,
    /// Any number of classes per video, each by itself; the mean over the classes.
    BinaryCrossEntropy,
}

/// Beta distributions beyond these have no use and cost draws.
const LEAST_ALPHA: f64 = 0.05;
const MOST_ALPHA: f64 = 100.0;

impl Default for LoopConfig {
    fn default() -> Self {
        Self {
            epochs: 50,
            batch_size: 8,
            loss: Loss::default(),
            loss_scale: 1.0,
            clip_gradient: Some(20.0),
            label_smoothing: 0.0,
            mixup: None,
            cutmix: None,
            mix_probability: 1.0,
            eval_every: 1,
            log_every: 20,
            log_samples: false,
            seed: 1,
        }
    }
}

impl LoopConfig {
    pub(super) fn validate(&self) -> Result<(), EngineError> {
        let check = Check::at("train");
        let whole = "a whole number of at least 1";
        check.fact("epochs", self.epochs >= 1, whole, || self.epochs.to_string())?;
        check.fact("batchSize", self.batch_size >= 1, whole, || self.batch_size.to_string())?;
        check.fact("evalEvery", self.eval_every >= 1, whole, || self.eval_every.to_string())?;
        check.fact("logEvery", self.log_every >= 1, whole, || self.log_every.to_string())?;
        check.number("lossScale", self.loss_scale, "a number above 0", |v| v > 0.0)?;
        check.number(
            "clipGradient",
            self.clip_gradient.unwrap_or(1.0),
            "null or a number above 0",
            |v| v > 0.0,
        )?;
        check.number(
            "labelSmoothing",
            self.label_smoothing,
            "a number from 0 to below 1",
            |v| (0.0..1.0).contains(&v),
        )?;
        check.fact(
            "labelSmoothing",
            self.label_smoothing <= 0.0 || self.loss == Loss::CrossEntropy,
            "0 with train.loss binaryCrossEntropy",
            || self.label_smoothing.to_string(),
        )?;
        let alpha = "null or a number from 0.05 to 100";
        for (field, value) in [("mixup", self.mixup), ("cutmix", self.cutmix)] {
            check.number(field, value.unwrap_or(1.0), alpha, |v| {
                (LEAST_ALPHA..=MOST_ALPHA).contains(&v)
            })?;
        }
        check.number("mixProbability", self.mix_probability, "a number from 0 to 1", |v| {
            (0.0..=1.0).contains(&v)
        })
    }
}
