//! What goes into a prediction and what comes out.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use timeweave_video::transform::Stack;
use timeweave_video::{OpenOptions, RgbImage, VideoError, VideoSource, from_frames, open};

use crate::EngineError;

/// What to predict on.
#[derive(Clone, Debug, PartialEq)]
pub enum PredictInput {
    /// A video file or a folder of frames.
    Path(PathBuf),
    /// Decoded frames, with the name that results carry.
    Frames {
        /// The name.
        name: String,
        /// Frames of one size.
        frames: Vec<RgbImage>,
    },
}

/// A class with its probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClassScore {
    /// The class, from 0.
    pub index: usize,
    /// Its name.
    pub label: String,
    /// In 0..1.
    pub score: f32,
}

/// What one input shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prediction {
    /// The path, or the name of the frames.
    pub input: String,
    /// The best classes, best first.
    pub predictions: Vec<ClassScore>,
    /// Indices (from 0) of the frames that were looked at.
    pub frames: Vec<usize>,
    /// Milliseconds from the file to the clip.
    pub decode_ms: f64,
    /// Milliseconds from the clip to the scores.
    pub infer_ms: f64,
}

/// Why one input could not be predicted on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Code of the error.
    pub code: String,
    /// The error.
    pub message: String,
}

/// One input's outcome; a failed input does not stop the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outcome {
    /// It was predicted on.
    Done(Prediction),
    /// It could not be.
    Failed {
        /// The path, or the name of the frames.
        input: String,
        /// Why.
        error: Failure,
    },
}

/// One interlacing module of a TIN, averaged over videos.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MeanInterlace {
    /// Name of the module.
    pub module: String,
    /// In frames, one per group.
    pub offsets: Vec<f32>,
    /// `[T][groups]`.
    pub weights: Vec<Vec<f32>>,
}

impl PredictInput {
    /// What results call this input.
    pub fn name(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Frames { name, .. } => name.clone(),
        }
    }

    /// Opens the input for clips whose frames hold `stack`.
    pub(crate) fn open(
        &self,
        options: &OpenOptions,
        stack: Stack,
    ) -> Result<Box<dyn VideoSource>, EngineError> {
        match self {
            Self::Path(path) => Ok(open(path, &options.for_stack(stack)?)?),
            Self::Frames { name, .. } if stack == Stack::Flow && !options.flow => {
                Err(VideoError::NoFlow {
                    received: format!("the decoded frames {name}"),
                    advice: "where they hold flow, horizontal motion in red and vertical motion in green, say so by `decode.flow: true`",
                }
                .into())
            }
            Self::Frames { frames, .. } => Ok(from_frames(frames.clone())?),
        }
    }
}
