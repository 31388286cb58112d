//! Clips by time: a window of so many seconds, and frames at equal distances in it.
//!
//! The windows are those of facebookresearch/pytorchvideo `pytorchvideo/data/clip_sampling.py` (random, and constant per
//! video), the frames those of its `uniform_temporal_subsample`; a single window lies in the middle here, not at the start.

use super::fair::linspace;
use crate::random::Draws;

/// Times closer than this are the same, in frames: sums of fractions of seconds miss whole frames by rounding.
const SAME: f64 = 1e-6;

/// A window of time.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Frames of a clip.
    pub num_frames: usize,
    /// Length of the window, in seconds.
    pub duration: f64,
    /// Frames per second of the video.
    pub fps: f64,
}

impl Span {
    /// A training clip: the window begins at any time at which it fits; in a video that is shorter, at the start.
    pub fn random(self, frames: usize, draws: &mut Draws) -> Vec<usize> {
        self.clip(frames, draws.unit() * self.free(frames))
    }

    /// The frames of clips that begin at equal distances in time, one clip after the other; a single one is in the middle.
    pub fn clips(self, frames: usize, clips: usize) -> Vec<usize> {
        let free = self.free(frames);
        let start = |clip: usize| match clips {
            1 => free / 2.0,
            _ => free * clip as f64 / (clips - 1) as f64,
        };
        (0..clips).flat_map(|clip| self.clip(frames, start(clip))).collect()
    }

    /// The last start, in seconds.
    fn free(self, frames: usize) -> f64 {
        (frames as f64 / self.fps - self.duration).max(0.0)
    }

    /// Frame k is in the window when its time, k / fps, is.
    fn clip(self, frames: usize, start: f64) -> Vec<usize> {
        let at = |seconds: f64| (seconds * self.fps - SAME).ceil().max(0.0) as usize;
        let first = at(start).min(frames - 1);
        let last = at(start + self.duration).clamp(first + 1, frames) - 1;
        let places = linspace(0.0, (last - first) as f64, self.num_frames);
        places.into_iter().map(|place| (first + place as usize).min(last)).collect()
    }
}
