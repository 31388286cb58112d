//! What can be asked of sampling: the ways, their settings and the checks of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::mmaction::Beyond;
use super::segments;
use crate::VideoError;

/// The most frames a clip can hold, and the most clips of a video.
pub const MAX_FRAMES: usize = 1024;
/// The longest window, in seconds.
const MAX_SECONDS: f64 = 86_400.0;
/// The highest frame rate, in frames per second.
const MAX_FPS: f64 = 1000.0;

/// How frames are chosen; stored in a model's card, so prediction samples as training's validation did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// TSM's sampling for tests: a clip of the parts' middles and a clip of their starts. Training draws as `uniform` does.
    Twice {},
    /// Frames at a fixed distance, out of one window of the video; short videos go round from the end to the start.
    Dense {
        /// Whose rules hold where the peers differ.
        #[serde(default)]
        manner: Manner,
        /// Distance between frames; 1 when left out. `tsm` and `mmaction2` fix it at 64 / `numFrames` and take none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<usize>,
    },
    /// SlowFast's clip: a window of `numFrames` times `stride` frames, and frames at equal distances in it. What lies
    /// beyond the end is the last frame.
    Slowfast {
        /// Distance between frames.
        #[serde(default = "two")]
        stride: usize,
        /// The frame rate in which `stride` counts (SlowFast's configurations have 30); the video's own when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target_fps: Option<f64>,
        /// Tests: windows begin at whole frames, a single one in the middle and the last of several at the end. Otherwise
        /// window k of n begins at k/n of the free frames, a single one at the first.
        #[serde(default = "yes")]
        use_offset: bool,
    },
    /// mmaction2's clip: `numFrames` frames at the distance `stride`.
    Clip {
        /// Distance between frames.
        #[serde(default = "one")]
        stride: usize,
        /// What a clip does that reaches beyond the end of the video.
        #[serde(default)]
        beyond: Beyond,
    },
    /// Frames at equal distances in a window of so many seconds.
    Seconds {
        /// Length of the window.
        duration: f64,
        /// Frames per second of sources that do not state them, such as folders of frames.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fps: Option<f64>,
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
    /// mmaction2: as `x-temporal`, but short videos repeat frames evenly in training. Dense clips are those of `tsm`.
    Mmaction2,
}

impl Sampling {
    /// Checks the settings for a clip of `num_frames`, before any video is opened.
    ///
    /// # Errors
    /// `INVALID_OPTION` naming `numFrames` or the field of `sampling`.
    pub fn validate(&self, num_frames: usize) -> Result<(), VideoError> {
        whole("numFrames", num_frames)?;
        match *self {
            Self::Uniform { .. } | Self::Twice {} => Ok(()),
            Self::Dense { manner: Manner::Tsm | Manner::Mmaction2, stride } => {
                if let Some(stride) = stride {
                    let expected = "no value with the manners `tsm` and `mmaction2`, which fix it";
                    return Err(VideoError::option("sampling.stride", expected, stride));
                }
                if num_frames > segments::TSM_SPAN {
                    let expected = format!(
                        "at most {} with dense sampling in the manner of `tsm` or `mmaction2`",
                        segments::TSM_SPAN
                    );
                    return Err(VideoError::option("numFrames", expected, num_frames));
                }
                Ok(())
            }
            Self::Dense { stride, .. } => whole("sampling.stride", stride.unwrap_or(1)),
            Self::Slowfast { stride, target_fps, .. } => {
                whole("sampling.stride", stride)?;
                rate("sampling.targetFps", target_fps)
            }
            Self::Clip { stride, .. } => whole("sampling.stride", stride),
            Self::Seconds { duration, fps } => {
                if !(duration > 0.0 && duration <= MAX_SECONDS) {
                    let expected = format!("a number of seconds above 0 and up to {MAX_SECONDS}");
                    return Err(VideoError::option("sampling.duration", expected, duration));
                }
                rate("sampling.fps", fps)
            }
        }
    }

    /// Checks how many clips of a video are asked for in a test.
    ///
    /// # Errors
    /// `INVALID_OPTION` naming `clips`.
    pub fn validate_clips(&self, clips: usize) -> Result<(), VideoError> {
        if matches!(self, Self::Twice {}) && !(1..=2).contains(&clips) {
            let expected = "1 or 2 with sampling of the type `twice`";
            return Err(VideoError::option("clips", expected, clips));
        }
        whole("clips", clips)
    }

    /// The clips of a video in a test that asks for no number.
    pub fn default_clips(&self) -> usize {
        if matches!(self, Self::Twice {}) { 2 } else { 1 }
    }
}

fn whole(field: &str, value: usize) -> Result<(), VideoError> {
    if (1..=MAX_FRAMES).contains(&value) {
        return Ok(());
    }
    Err(VideoError::option(field, format!("an integer from 1 to {MAX_FRAMES}"), value))
}

fn rate(field: &str, fps: Option<f64>) -> Result<(), VideoError> {
    match fps {
        Some(fps) if !(fps > 0.0 && fps <= MAX_FPS) => {
            let expected = format!("a number of frames per second above 0 and up to {MAX_FPS}");
            Err(VideoError::option(field, expected, fps))
        }
        _ => Ok(()),
    }
}

fn one() -> usize {
    1
}

fn two() -> usize {
    2
}

fn yes() -> bool {
    true
}
