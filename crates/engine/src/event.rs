//! What a run tells while it goes, and what it leaves.

use serde::{Deserialize, Serialize};
use timeweave_models::CheckpointReport;

use crate::metrics::ClassResult;

/// Means over the samples of one epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrainFigures {
    /// Mean loss.
    pub loss: f64,
    /// In 0..1.
    pub top1: f64,
}

/// Means over the validation samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValFigures {
    /// Mean loss.
    pub loss: f64,
    /// In 0..1.
    pub top1: f64,
    /// In 0..1.
    pub top5: f64,
    /// Null unless multi-label.
    pub map_sample: Option<f64>,
    /// Null unless multi-label.
    pub map_class: Option<f64>,
}

/// What one training sample was made of: the lines of `samples.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SampleRecord {
    /// From 1.
    pub epoch: u64,
    /// Of the epoch, from 1.
    pub step: u64,
    /// The line in the list, from 1.
    pub line: usize,
    /// The path as the list has it.
    pub input: String,
    /// The classes, after mirroring.
    pub labels: Vec<usize>,
    /// The frames that were looked at, from 0.
    pub frames: Vec<usize>,
    /// Whether the clip was mirrored.
    pub mirrored: bool,
}

/// Progress of a training run; also the lines of its `log.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum TrainEvent {
    /// The run folder is made and the data is open.
    Start {
        /// The run folder.
        run_dir: String,
        /// Epochs to run in all.
        epochs: u64,
        /// Steps of one epoch.
        steps: u64,
        /// Training samples.
        train_samples: usize,
        /// Validation samples.
        val_samples: usize,
        /// Epochs that a resumed run has behind it.
        resumed_epochs: u64,
        /// `cpu` or `cuda:N`.
        device: String,
    },
    /// What the run starts from, once, where `init` names a file.
    Init {
        /// The file.
        weights: String,
        /// What became of every weight of the network.
        report: CheckpointReport,
    },
    /// Every `train.logEvery` steps.
    Step {
        /// From 1.
        epoch: u64,
        /// Of the epoch, from 1.
        step: u64,
        /// Of the epoch.
        steps: u64,
        /// Of this step's batch.
        loss: f64,
        /// Learning rate of this step.
        lr: f64,
        /// Of this step's batch, in 0..1.
        top1: f64,
        /// Norm of the gradients before clipping; none where nothing is clipped.
        grad_norm: Option<f64>,
    },
    /// An epoch is over.
    Epoch {
        /// From 1.
        epoch: u64,
        /// In all.
        epochs: u64,
        /// Over the training samples, in train mode.
        train: TrainFigures,
        /// Over the validation samples; none where this epoch was not validated.
        val: Option<ValFigures>,
        /// Learning rate of the last step.
        lr: f64,
        /// Of this epoch.
        seconds: f64,
        /// Part of the training time in which the network waited for clips, in 0..1.
        data_wait: f64,
    },
    /// A checkpoint is written.
    Checkpoint {
        /// The file.
        path: String,
        /// From 1.
        epoch: u64,
        /// Whether it is the best so far.
        best: bool,
    },
}

/// A sample that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkippedSample {
    /// The file or folder.
    pub input: String,
    /// Code of the error.
    pub code: String,
    /// The error.
    pub message: String,
}

/// A checkpoint of a run with its figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunCheckpoint {
    /// The file.
    pub path: String,
    /// From 1.
    pub epoch: u64,
    /// Validation figures of that epoch; null without validation.
    pub top1: Option<f64>,
    /// As `top1`.
    pub top5: Option<f64>,
    /// Null unless multi-label; decides what is best there.
    #[serde(default)]
    pub map_sample: Option<f64>,
    /// Validation loss, else training loss.
    pub loss: f64,
}

/// What a training run leaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrainResult {
    /// The run folder.
    pub run_dir: String,
    /// The best epoch by validation top-1, then loss.
    pub best: RunCheckpoint,
    /// The last epoch.
    pub last: RunCheckpoint,
    /// Epochs in all.
    pub epochs: u64,
    /// Of this process's part of the run.
    pub seconds: f64,
    /// Samples that could not be read, once each.
    pub skipped: Vec<SkippedSample>,
    /// The resolved configuration.
    pub config: serde_json::Value,
}

/// Progress of an evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum EvalEvent {
    /// The data is open.
    Start {
        /// Samples of the list.
        samples: usize,
        /// Batches to run.
        steps: u64,
        /// `cpu` or `cuda:N`.
        device: String,
    },
    /// A batch is through.
    Step {
        /// From 1.
        step: u64,
        /// In all.
        steps: u64,
        /// Samples so far.
        samples: u64,
        /// Over the samples so far, in 0..1.
        top1: f64,
    },
}

/// Figures of a network on a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EvalResult {
    /// In 0..1.
    pub top1: f64,
    /// In 0..1.
    pub top5: f64,
    /// In 0..1.
    pub mean_class_accuracy: f64,
    /// Mean cross-entropy; binary, and the mean over the classes, where multi-label.
    pub loss: f64,
    /// Null unless multi-label.
    pub map_sample: Option<f64>,
    /// Null unless multi-label.
    pub map_class: Option<f64>,
    /// Samples that were read.
    pub samples: u64,
    /// Those that were not.
    pub skipped: Vec<SkippedSample>,
    /// By class.
    pub per_class: Vec<ClassResult>,
    /// Rows by label, columns by prediction.
    pub confusion: Vec<Vec<u64>>,
}
