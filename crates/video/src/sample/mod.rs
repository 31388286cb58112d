//! Which frames of a video make a clip.
//!
//! Indices count from 0. A video with fewer frames than the clip works as in the peers: frames repeat (`x-temporal`), the
//! first one alone is taken (`tsm`), or reproducible random ones are (`blvnet`).
//!
//! [`train_indices`] and [`eval_indices`] check their arguments. The samplers of the peers in the modules below are plain
//! formulas for at least one frame, one segment and one clip.

pub mod blvnet;
pub mod fair;
pub mod mmaction;
pub mod numpy;
pub mod segments;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::VideoError;
use crate::random::Draws;
use segments::Dense;

/// The most frames a clip can hold.
pub const MAX_FRAMES: usize = 1024;

/// How frames are chosen; stored in a model's card, so prediction samples as training's validation did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "type",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Sampling {
    /// One frame out of each of `numFrames` equal parts of the video.
    Uniform {
        /// Whose rules hold where the peers differ.
        #[serde(default)]
        manner: Manner,
    },
    /// Frames at a fixed distance, out of one window of the video.
    Dense {
        /// Whose rules hold where the peers differ.
        #[serde(default)]
        manner: Manner,
        /// Distance between frames; 1 when left out. `tsm` fixes it at 64 / `numFrames` and takes none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<usize>,
    },
}

impl Default for Sampling {
    fn default() -> Self {
        Self::Uniform { manner: Manner::default() }
    }
}

/// The rules of one code base, where they differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Manner {
    /// X-Temporal and TIN: centres of the segments in evaluation, an own random offset per segment in training.
    #[default]
    XTemporal,
    /// As `x-temporal`, but evaluation takes the first frame only of videos without a frame more than segments.
    Tsm,
    /// bLVNet-TAM: one random offset for all segments in training, reproducible draws for short videos in evaluation.
    Blvnet,
}

/// Indices for one training clip.
///
/// # Errors
/// `INVALID_OPTION` when `numFrames` or the stride is impossible, `EMPTY_VIDEO` without a frame.
pub fn train_indices(
    sampling: &Sampling,
    frame_count: usize,
    num_frames: usize,
    draws: &mut Draws,
) -> Result<Vec<usize>, VideoError> {
    check(sampling, frame_count, num_frames)?;
    Ok(match *sampling {
        Sampling::Uniform { manner: Manner::Blvnet } => {
            blvnet::uniform_random(frame_count, num_frames, draws)
        }
        Sampling::Uniform { .. } => segments::random(frame_count, num_frames, 1, draws),
        Sampling::Dense { manner, stride } => {
            let dense = dense(manner, stride, num_frames);
            match manner {
                Manner::Blvnet => blvnet::dense_random(frame_count, dense, draws),
                Manner::XTemporal | Manner::Tsm => dense.random(frame_count, draws),
            }
        }
    })
}

/// Indices for the one clip of validation and prediction; the same every time.
///
/// # Errors
/// As for [`train_indices`].
pub fn eval_indices(
    sampling: &Sampling,
    frame_count: usize,
    num_frames: usize,
) -> Result<Vec<usize>, VideoError> {
    check(sampling, frame_count, num_frames)?;
    Ok(match *sampling {
        Sampling::Uniform { manner: Manner::XTemporal } => {
            segments::centres(frame_count, num_frames, 1)
        }
        Sampling::Uniform { manner: Manner::Tsm } => {
            segments::centres_or_first(frame_count, num_frames, 1)
        }
        Sampling::Uniform { manner: Manner::Blvnet } => {
            blvnet::uniform_clips(frame_count, num_frames, 1)
        }
        Sampling::Dense { manner, stride } => {
            let dense = dense(manner, stride, num_frames);
            match manner {
                Manner::Blvnet => blvnet::dense_clips(frame_count, dense, 1),
                Manner::XTemporal | Manner::Tsm => dense.centre(frame_count),
            }
        }
    })
}

impl Sampling {
    /// Checks the settings for a clip of `num_frames`, before any video is opened.
    ///
    /// # Errors
    /// `INVALID_OPTION` naming `numFrames` or `sampling.stride`.
    pub fn validate(&self, num_frames: usize) -> Result<(), VideoError> {
        if num_frames == 0 || num_frames > MAX_FRAMES {
            return Err(VideoError::option(
                "numFrames",
                format!("an integer from 1 to {MAX_FRAMES}"),
                num_frames,
            ));
        }
        match *self {
            Self::Dense { manner: Manner::Tsm, stride: Some(stride) } => Err(VideoError::option(
                "sampling.stride",
                "no value with manner `tsm`, which fixes it",
                stride,
            )),
            Self::Dense { manner: Manner::Tsm, stride: None }
                if num_frames > segments::TSM_SPAN =>
            {
                let expected = format!(
                    "at most {} with dense sampling in the manner of `tsm`",
                    segments::TSM_SPAN
                );
                Err(VideoError::option("numFrames", expected, num_frames))
            }
            Self::Dense { stride: Some(stride), .. } if stride == 0 || stride > MAX_FRAMES => {
                Err(VideoError::option(
                    "sampling.stride",
                    format!("an integer from 1 to {MAX_FRAMES}"),
                    stride,
                ))
            }
            Self::Uniform { .. } | Self::Dense { .. } => Ok(()),
        }
    }
}

fn dense(manner: Manner, stride: Option<usize>, num_frames: usize) -> Dense {
    match manner {
        Manner::Tsm => Dense::tsm(num_frames),
        Manner::XTemporal | Manner::Blvnet => Dense::strided(num_frames, stride.unwrap_or(1)),
    }
}

fn check(sampling: &Sampling, frame_count: usize, num_frames: usize) -> Result<(), VideoError> {
    sampling.validate(num_frames)?;
    if frame_count == 0 {
        return Err(VideoError::EmptyVideo);
    }
    if u32::try_from(frame_count).is_err() {
        return Err(VideoError::option(
            "frames of the video",
            format!("at most {}", u32::MAX),
            frame_count,
        ));
    }
    Ok(())
}
