//! Sampling of bLVNet-TAM, which differs from TSN's in training and for short videos.
//!
//! Official: IBM/bLVNet-TAM `core/video_dataset.py:190-260`. All indices here count from 0; IBM's count from 1.

use super::numpy::Mt19937;
use super::segments::{Dense, linspace};
use crate::random::Draws;

/// Training: one offset shared by all segments; sorted draws with replacement when there are fewer frames than segments.
pub fn uniform_random(frames: usize, segments: usize, draws: &mut Draws) -> Vec<usize> {
    let segment = frames / segments;
    if segment > 0 {
        let offset = draws.below(segment);
        return (0..segments).map(|i| i * segment + offset).collect();
    }
    let mut indices: Vec<_> = (0..segments).map(|_| draws.below(frames)).collect();
    indices.sort_unstable();
    indices
}

/// Evaluation: one clip per offset from the segments' centres, one after the other. With no more frames than segments clip
/// k takes sorted draws of numpy's generator with seed k, so it is the same every time.
pub fn uniform_clips(frames: usize, segments: usize, clips: usize) -> Vec<usize> {
    let one = |(clip, offset)| {
        if frames > segments {
            return uniform_clip(frames, segments, offset);
        }
        let mut indices = Mt19937::new(clip).choice(frames as u32, segments);
        indices.sort_unstable();
        indices
    };
    (0_u32..).zip(offsets(clips)).flat_map(one).collect()
}

/// Offsets of the clips in frames: [0], [0, 1], [-1, 0, 1], [-1, 0, 1, 2] and so on.
fn offsets(clips: usize) -> Vec<i64> {
    let clips = clips as i64;
    // The lower end is the floor of -clips / 2, plus one: Python's `-clips // 2 + 1`.
    ((-clips).div_euclid(2) + 1..=clips / 2).collect()
}

fn uniform_clip(frames: usize, segments: usize, offset: i64) -> Vec<usize> {
    let tick = frames as f64 / segments as f64;
    let offset = (offset as f64).max(-tick / 2.0).min(tick / 2.0 - 1e-4);
    (0..segments).map(|i| (tick / 2.0 + offset + tick * i as f64) as usize).collect()
}

/// Dense training clip.
pub fn dense_random(frames: usize, dense: Dense, draws: &mut Draws) -> Vec<usize> {
    dense.clip(frames, draws.below(frames.saturating_sub(dense.span)))
}

/// Dense evaluation clips, one after the other; a single one begins at the first frame.
pub fn dense_clips(frames: usize, dense: Dense, clips: usize) -> Vec<usize> {
    let last = frames.saturating_sub(dense.span);
    linspace(last, clips).into_iter().flat_map(|start| dense.clip(frames, start)).collect()
}
