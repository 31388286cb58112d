//! The configurations of evaluation and prediction.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use timeweave_video::OpenOptions;
use timeweave_video::list::{ListFormat, Separator};
use timeweave_video::loader::OnError;
use timeweave_video::sample::Sampling;
use timeweave_video::transform::{Preprocess, TestViews};

use super::check::Check;
use super::train::{ListConfig, one};
use crate::EngineError;
use crate::device::Device;

/// Everything that an evaluation depends on; the network and its transforms come from the checkpoint's card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EvalConfig {
    /// A checkpoint with a model card.
    pub checkpoint: PathBuf,
    /// What to evaluate on.
    pub data: EvalData,
    /// The views of each video, whose scores are joined.
    #[serde(default)]
    pub views: TestViews,
    /// How the views' scores are joined.
    #[serde(default)]
    pub view_mean: ViewMean,
    /// How frames are chosen, instead of as the checkpoint's card says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling: Option<Sampling>,
    /// Clips per batch; changes no figure.
    #[serde(default = "batch_size")]
    pub batch_size: usize,
    /// `auto`, `cpu`, `cuda` or `cuda:N`.
    #[serde(default)]
    pub device: Device,
}

/// How the scores of a video's views are joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ViewMean {
    /// The mean of the logits (bLVNet-TAM, X-Temporal).
    #[default]
    Logits,
    /// The mean of the probabilities (TIN, SlowFast).
    Scores,
}

/// A list to evaluate on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EvalData {
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

/// What a prediction gives and how videos are opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PredictOptions {
    /// Classes to give, best first.
    pub top_k: usize,
    /// How videos are opened.
    pub decode: OpenOptions,
    /// The views of each video, whose scores are joined.
    pub views: TestViews,
    /// How the views' scores are joined.
    pub view_mean: ViewMean,
    /// How frames are chosen, instead of as the checkpoint's card says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampling: Option<Sampling>,
}

fn batch_size() -> usize {
    8
}

impl Default for PredictOptions {
    fn default() -> Self {
        Self {
            top_k: 5,
            decode: OpenOptions::default(),
            views: TestViews::default(),
            view_mean: ViewMean::default(),
            sampling: None,
        }
    }
}

impl EvalData {
    /// The list alone.
    pub(crate) fn list(&self) -> ListConfig {
        ListConfig {
            list: self.list.clone(),
            root: self.root.clone(),
            format: self.format,
            separator: self.separator,
        }
    }
}

impl EvalConfig {
    /// Checks every value that can be checked without opening a file.
    ///
    /// # Errors
    /// `CONFIG_INVALID` naming the JSON path.
    pub fn validate(&self) -> Result<(), EngineError> {
        if self.batch_size == 0 {
            return Err(EngineError::config("batchSize", "a whole number of at least 1", "0"));
        }
        validate_workers("data", self.data.workers)?;
        validate_prefetch("data", self.data.prefetch)
    }
}

impl PredictOptions {
    /// The card's preprocessing with what the options change of it.
    pub(crate) fn apply(&self, preprocess: &Preprocess) -> Preprocess {
        let mut preprocess = self.views.apply(preprocess);
        if let Some(sampling) = &self.sampling {
            preprocess.sampling = sampling.clone();
        }
        preprocess
    }

    /// Whether other views are asked for than the one of validation.
    pub(crate) fn has_views(&self) -> bool {
        self.sampling.is_some() || self.views != TestViews::default()
    }

    /// Checks every value.
    ///
    /// # Errors
    /// `CONFIG_INVALID` naming the field.
    pub fn validate(&self) -> Result<(), EngineError> {
        if self.top_k == 0 {
            return Err(EngineError::config("topK", "a whole number of at least 1", "0"));
        }
        Ok(())
    }
}

/// Takes any number of threads that a machine may have.
pub(super) fn validate_workers(path: &str, workers: usize) -> Result<(), EngineError> {
    Check::at(path).fact(
        "workers",
        (1..=MOST_WORKERS).contains(&workers),
        "a whole number in 1..=256",
        || workers.to_string(),
    )
}

/// Takes any number of batches that memory may hold.
pub(super) fn validate_prefetch(path: &str, prefetch: usize) -> Result<(), EngineError> {
    Check::at(path).fact(
        "prefetch",
        (1..=MOST_PREFETCH).contains(&prefetch),
        "a whole number in 1..=64",
        || prefetch.to_string(),
    )
}

/// As many as the loader takes.
const MOST_PREFETCH: usize = 64;
/// More threads than this is a mistyped number.
const MOST_WORKERS: usize = 256;
