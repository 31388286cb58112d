//! SlowFast's test sampling, as Facebook AI Research wrote it.
//!
//! Official: facebookresearch/SlowFast `slowfast/datasets/decoder.py:17-60` and `slowfast/datasets/utils.py`
//! (`pack_pathway_output`). Indices count from 0.

use crate::random::Draws;

/// A window of a video, of which frames are taken at equal distances.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Frames of a clip.
    pub num_frames: usize,
    /// Frames of the window: `numFrames` times the distance between frames, and times the video's frame rate over the
    /// target's where there is one.
    pub size: f64,
    /// Clips of a video.
    pub clips: usize,
    /// Whether windows begin at whole frames, the single one in the middle, the last one at the end.
    pub use_offset: bool,
}

impl Window {
    /// The frames of all clips, one clip after the other. What lies beyond the end is the last frame.
    pub fn indices(self, frames: usize) -> Vec<usize> {
        let free = self.free(frames);
        let start = |clip: usize| match (self.use_offset, self.clips) {
            (true, 1) => (free / 2.0).floor(),
            (true, clips) => clip as f64 * (free / (clips - 1) as f64).floor(),
            (false, clips) => free * clip as f64 / clips as f64,
        };
        (0..self.clips).flat_map(|clip| self.clip(frames, start(clip))).collect()
    }

    /// A training clip: the window begins anywhere where it fits, also between frames.
    pub fn random(self, frames: usize, draws: &mut Draws) -> Vec<usize> {
        self.clip(frames, draws.unit() * self.free(frames))
    }

    /// The last start.
    fn free(self, frames: usize) -> f64 {
        (frames as f64 - self.size).max(0.0)
    }

    fn clip(self, frames: usize, start: f64) -> Vec<usize> {
        let places = linspace(start, start + self.size - 1.0, self.num_frames);
        places.into_iter().map(|place| place.clamp(0.0, frames as f32 - 1.0) as usize).collect()
    }
}

/// Which frames of the fast path the slow path sees.
pub fn slow_path(num_frames: usize, alpha: usize) -> Vec<usize> {
    let places = linspace(0.0, num_frames as f64 - 1.0, num_frames / alpha);
    places.into_iter().map(|place| place as usize).collect()
}

/// `torch.linspace` in float32, which counts the second half from the end.
pub(super) fn linspace(from: f64, to: f64, count: usize) -> Vec<f32> {
    let (from, to) = (from as f32, to as f32);
    if count == 1 {
        return vec![from];
    }
    let step = (to - from) / (count as f32 - 1.0);
    let place = |i: usize| {
        if i < count / 2 { from + step * i as f32 } else { to - step * (count - 1 - i) as f32 }
    };
    (0..count).map(place).collect()
}
