//! Equal segments in the manners of TSN, TSM, X-Temporal and TIN, and their dense clips.
//!
//! Official: mit-han-lab/temporal-shift-module `ops/dataset.py:104-190`, X-Temporal `x_temporal/core/dataset.py:120-250`,
//! deepcs233/TIN `ops/dataset.py:100-190`. `length` is the number of consecutive frames per index: 1 for RGB, 5 for flow.
//! All indices here count from 0; the peers' count from 1.

use crate::random::Draws;

/// Frames that TSM's dense clips span, whatever the frame rate.
pub const TSM_SPAN: usize = 64;

/// The middle of each of `segments` equal parts. Short videos repeat frames.
pub fn centres(frames: usize, segments: usize, length: usize) -> Vec<usize> {
    let tick = tick(frames, segments, length);
    (0..segments).map(|i| (tick / 2.0 + tick * i as f64) as usize).collect()
}

/// Clips for tests: clip k of n takes the frame at (k + 1/2)/n of each segment; a single one the middle. Clips lie one after
/// the other.
pub fn spread(frames: usize, segments: usize, length: usize, clips: usize) -> Vec<usize> {
    if clips == 1 {
        return centres(frames, segments, length);
    }
    let tick = tick(frames, segments, length);
    let last = frames.saturating_sub(length);
    let place = |clip: usize, i: usize| {
        let part = (clip as f64 + 0.5) / clips as f64;
        ((i as f64 + part) * tick) as usize
    };
    (0..clips).flat_map(|clip| (0..segments).map(move |i| place(clip, i).min(last))).collect()
}

/// TSM's validation: the centres, or the first frame only when there is no frame more than segments.
pub fn centres_or_first(frames: usize, segments: usize, length: usize) -> Vec<usize> {
    if frames + 1 > segments + length {
        centres(frames, segments, length)
    } else {
        vec![0; segments]
    }
}

/// Sampling twice: the centres, then the starts of the segments.
pub fn centres_and_starts(frames: usize, segments: usize, length: usize) -> Vec<usize> {
    let tick = tick(frames, segments, length);
    let mut indices = centres(frames, segments, length);
    indices.extend((0..segments).map(|i| (tick * i as f64) as usize));
    indices
}

/// Training: one frame at random per segment; sorted draws when segments are shorter than a frame, the first frame when
/// the video holds no more frames than segments.
pub fn random(frames: usize, segments: usize, length: usize, draws: &mut Draws) -> Vec<usize> {
    let starts = (frames + 1).saturating_sub(length);
    let average = starts / segments;
    if average > 0 {
        (0..segments).map(|i| i * average + draws.below(average)).collect()
    } else if frames > segments {
        let mut indices: Vec<_> = (0..segments).map(|_| draws.below(starts)).collect();
        indices.sort_unstable();
        indices
    } else {
        vec![0; segments]
    }
}

/// A dense clip: every `stride`-th frame of a window.
#[derive(Clone, Copy, Debug)]
pub struct Dense {
    /// Frames in the clip.
    pub segments: usize,
    /// Distance between frames.
    pub stride: usize,
    /// Length of the window that must fit into the video; shorter videos go round from the end to the start.
    pub span: usize,
}

impl Dense {
    /// TSM's: 64 frames of the video, whatever the number of segments.
    pub fn tsm(segments: usize) -> Self {
        Self { segments, stride: TSM_SPAN / segments, span: TSM_SPAN }
    }

    /// X-Temporal's: the window grows with the clip.
    pub fn strided(segments: usize, stride: usize) -> Self {
        Self { segments, stride, span: segments.saturating_mul(stride) }
    }

    /// The clip that begins at `start`, modulo the number of frames.
    pub fn clip(self, frames: usize, start: usize) -> Vec<usize> {
        (0..self.segments).map(|i| (start + i * self.stride) % frames).collect()
    }

    /// Places at which the window can begin, at least one.
    fn starts(self, frames: usize) -> usize {
        (frames + 1).saturating_sub(self.span).max(1)
    }

    /// The clip in the middle of the video (X-Temporal's validation with one clip).
    pub fn centre(self, frames: usize) -> Vec<usize> {
        let starts = self.starts(frames);
        self.clip(frames, if starts == 1 { 0 } else { starts / 2 })
    }

    /// `clips` clips that begin at equal distances from the first place to the last, one after the other.
    pub fn spread(self, frames: usize, clips: usize) -> Vec<usize> {
        let last = self.starts(frames) - 1;
        linspace(last, clips).into_iter().flat_map(|start| self.clip(frames, start)).collect()
    }

    /// A clip that begins anywhere but at the last place, as the peers draw it.
    pub fn random(self, frames: usize, draws: &mut Draws) -> Vec<usize> {
        self.clip(frames, draws.below(self.starts(frames) - 1))
    }
}

/// `numpy.linspace(0, last, count)` truncated to integers.
pub(super) fn linspace(last: usize, count: usize) -> Vec<usize> {
    let step = if count > 1 { last as f64 / (count - 1) as f64 } else { 0.0 };
    // numpy writes the end point itself into the last place.
    (0..count)
        .map(|i| if i > 0 && i + 1 == count { last } else { (i as f64 * step) as usize })
        .collect()
}

/// Frames per segment, not rounded.
fn tick(frames: usize, segments: usize, length: usize) -> f64 {
    (frames + 1).saturating_sub(length) as f64 / segments as f64
}
