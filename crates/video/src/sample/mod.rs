//! Which frames of a video make a clip.
//!
//! Indices count from 0. A video with fewer frames than the clip works as in the peers: frames repeat (`x-temporal`), the
//! first one alone is taken (`tsm`), or reproducible random ones are (`blvnet`).
//!
//! [`train_indices`], [`eval_indices`] and [`eval_clips`] check their arguments. The samplers of the peers in the modules
//! below are plain formulas for at least one frame, one segment and one clip.

pub mod blvnet;
pub mod fair;
pub mod mmaction;
pub mod numpy;
pub mod seconds;
pub mod segments;
mod settings;

use crate::VideoError;
use crate::random::Draws;
use fair::Window;
use mmaction::{Beyond, Clips};
use seconds::Span;
use segments::Dense;
pub use settings::{MAX_FRAMES, Manner, Sampling};

/// What is known of a video when its frames are chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Footage {
    /// Its frames.
    pub frames: usize,
    /// Its frames per second, where the source states them.
    pub fps: Option<f64>,
    /// Consecutive frames that each index stands for: 1, or more where optical flow or differences are stacked.
    pub length: usize,
}

impl From<usize> for Footage {
    fn from(frames: usize) -> Self {
        Self { frames, fps: None, length: 1 }
    }
}

impl Footage {
    /// Frames at which so many consecutive ones can begin, at least one.
    fn starts(self) -> usize {
        (self.frames + 1).saturating_sub(self.length).max(1)
    }
}

/// Indices for one training clip.
///
/// # Errors
/// `INVALID_OPTION` when `numFrames` or a setting is impossible or needs a frame rate that the source does not state,
/// `EMPTY_VIDEO` without a frame.
pub fn train_indices(
    sampling: &Sampling,
    footage: impl Into<Footage>,
    num_frames: usize,
    draws: &mut Draws,
) -> Result<Vec<usize>, VideoError> {
    let footage = footage.into();
    check(sampling, footage, num_frames)?;
    let starts = footage.starts();
    Ok(match *sampling {
        Sampling::Uniform { manner: Manner::Blvnet } => {
            blvnet::uniform_random(starts, num_frames, draws)
        }
        Sampling::Uniform { manner: Manner::Mmaction2 } => {
            mmaction::random_starts(starts, num_frames, 1, draws)
        }
        Sampling::Uniform { manner: Manner::XTemporal | Manner::Tsm } | Sampling::Twice {} => {
            segments::random(footage.frames, num_frames, footage.length, draws)
        }
        Sampling::Dense { manner, stride } => {
            let dense = dense(manner, stride, num_frames);
            match manner {
                Manner::Blvnet => blvnet::dense_random(starts, dense, draws),
                Manner::XTemporal | Manner::Tsm | Manner::Mmaction2 => dense.random(starts, draws),
            }
        }
        Sampling::Slowfast { .. } => {
            window(sampling, footage, num_frames, 1)?.random(starts, draws)
        }
        Sampling::Clip { stride, beyond } => {
            Clips { length: num_frames, interval: stride, clips: 1, twice: false, beyond }
                .random(starts, draws)
        }
        Sampling::Seconds { .. } => span(sampling, footage, num_frames)?.random(starts, draws),
    })
}

/// Indices for the one clip of validation and prediction; the same every time.
///
/// # Errors
/// As for [`train_indices`].
pub fn eval_indices(
    sampling: &Sampling,
    footage: impl Into<Footage>,
    num_frames: usize,
) -> Result<Vec<usize>, VideoError> {
    eval_clips(sampling, footage, num_frames, 1)
}

/// Indices for the clips of a test, one clip after the other; the same every time.
///
/// Where the peers draw all clips but the first at random (uniform sampling in the manner of X-Temporal), clips lie at equal
/// distances in the segments instead, so that a test can be repeated.
///
/// # Errors
/// As for [`train_indices`], and `INVALID_OPTION` naming `clips`.
pub fn eval_clips(
    sampling: &Sampling,
    footage: impl Into<Footage>,
    num_frames: usize,
    clips: usize,
) -> Result<Vec<usize>, VideoError> {
    let footage = footage.into();
    check(sampling, footage, num_frames)?;
    sampling.validate_clips(clips)?;
    let Footage { frames, length, .. } = footage;
    let starts = footage.starts();
    Ok(match *sampling {
        Sampling::Uniform { manner } => uniform_clips(manner, footage, num_frames, clips),
        Sampling::Twice {} => {
            let mut both = segments::centres_and_starts(frames, num_frames, length);
            both.truncate(num_frames * clips);
            both
        }
        Sampling::Dense { manner, stride } => {
            let dense = dense(manner, stride, num_frames);
            match (manner, clips) {
                (Manner::Blvnet, _) => blvnet::dense_clips(starts, dense, clips),
                (_, 1) => dense.centre(starts),
                _ => dense.spread(starts, clips),
            }
        }
        Sampling::Slowfast { .. } => window(sampling, footage, num_frames, clips)?.indices(starts),
        Sampling::Clip { stride, beyond } => {
            Clips { length: num_frames, interval: stride, clips, twice: false, beyond }
                .windows(starts)
        }
        Sampling::Seconds { .. } => span(sampling, footage, num_frames)?.clips(starts, clips),
    })
}

fn uniform_clips(manner: Manner, footage: Footage, segments: usize, clips: usize) -> Vec<usize> {
    let Footage { frames, length, .. } = footage;
    match manner {
        Manner::Blvnet => blvnet::uniform_clips(footage.starts(), segments, clips),
        Manner::Tsm if footage.starts() <= segments => {
            segments::centres_or_first(frames, segments, length).repeat(clips)
        }
        Manner::Mmaction2 if clips == 1 => {
            let beyond = Beyond::Loop;
            Clips { length: 1, interval: 1, clips: segments, twice: false, beyond }
                .indices(footage.starts())
        }
        Manner::XTemporal | Manner::Tsm | Manner::Mmaction2 => {
            segments::spread(frames, segments, length, clips)
        }
    }
}

fn dense(manner: Manner, stride: Option<usize>, num_frames: usize) -> Dense {
    match manner {
        Manner::Tsm | Manner::Mmaction2 => Dense::tsm(num_frames),
        Manner::XTemporal | Manner::Blvnet => Dense::strided(num_frames, stride.unwrap_or(1)),
    }
}

/// SlowFast's window; a target frame rate needs the video's own.
fn window(
    sampling: &Sampling,
    footage: Footage,
    num_frames: usize,
    clips: usize,
) -> Result<Window, VideoError> {
    let Sampling::Slowfast { stride, target_fps, use_offset } = *sampling else {
        return Err(VideoError::option("sampling.type", "`slowfast`", format!("{sampling:?}")));
    };
    let size = (stride * num_frames) as f64;
    let size = match (target_fps, footage.fps) {
        (None, _) => size,
        (Some(target), Some(fps)) => size / target * fps,
        (Some(target), None) => {
            let expected = "no value for a video that does not state its frame rate";
            return Err(VideoError::option("sampling.targetFps", expected, target));
        }
    };
    Ok(Window { num_frames, size, clips, use_offset })
}

fn span(sampling: &Sampling, footage: Footage, num_frames: usize) -> Result<Span, VideoError> {
    let Sampling::Seconds { duration, fps } = *sampling else {
        return Err(VideoError::option("sampling.type", "`seconds`", format!("{sampling:?}")));
    };
    let fps = footage.fps.or(fps).ok_or_else(|| {
        let expected = "the frames per second of a video that does not state them";
        VideoError::option("sampling.fps", expected, "nothing")
    })?;
    Ok(Span { num_frames, duration, fps })
}

fn check(sampling: &Sampling, footage: Footage, num_frames: usize) -> Result<(), VideoError> {
    sampling.validate(num_frames)?;
    if footage.frames == 0 {
        return Err(VideoError::EmptyVideo);
    }
    if u32::try_from(footage.frames).is_err() {
        let expected = format!("at most {}", u32::MAX);
        return Err(VideoError::option("frames of the video", expected, footage.frames));
    }
    Ok(())
}
