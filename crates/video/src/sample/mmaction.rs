//! mmaction2's sampling.
//!
//! Official: open-mmlab/mmaction2 `mmaction/datasets/transforms/loading.py`, class `SampleFrames`. Indices count from 0;
//! mmaction2 adds its `start_index`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::random::Draws;

/// What a clip does that reaches beyond the end of the video.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Beyond {
    /// It goes on from the first frame.
    #[default]
    Loop,
    /// It repeats its last frame inside the video.
    RepeatLast,
}

/// Clips at equal distances.
#[derive(Clone, Copy, Debug)]
pub struct Clips {
    /// Frames of a clip.
    pub length: usize,
    /// Distance between the frames of a clip.
    pub interval: usize,
    /// Clips of a video; segments, where a clip is one frame.
    pub clips: usize,
    /// Where clips are one frame: the starts of the segments too, after their centres.
    pub twice: bool,
    /// What a clip does beyond the end.
    pub beyond: Beyond,
}

impl Clips {
    /// The frames of all clips, one clip after the other.
    pub fn indices(self, frames: usize) -> Vec<usize> {
        self.starts(frames).into_iter().flat_map(|start| self.clip(frames, start)).collect()
    }

    /// As [`Clips::indices`], but clips of one frame lie where longer ones would, and not in segments.
    pub fn windows(self, frames: usize) -> Vec<usize> {
        self.spread(frames).into_iter().flat_map(|start| self.clip(frames, start)).collect()
    }

    /// A training clip.
    pub fn random(self, frames: usize, draws: &mut Draws) -> Vec<usize> {
        let starts = random_starts(frames, self.clips, self.reach(), draws);
        starts.into_iter().flat_map(|start| self.clip(frames, start)).collect()
    }

    /// Frames from the first of a clip to its last.
    fn reach(self) -> usize {
        (self.length - 1) * self.interval + 1
    }

    fn starts(self, frames: usize) -> Vec<usize> {
        if self.length == 1 {
            let average = frames as f64 / self.clips as f64;
            let at =
                |shift: f64| (0..self.clips).map(move |i| (i as f64 * average + shift) as usize);
            let starts = if self.twice { self.clips } else { 0 };
            return at(average / 2.0).chain(at(0.0).take(starts)).collect();
        }
        self.spread(frames)
    }

    fn spread(self, frames: usize) -> Vec<usize> {
        let last = frames.saturating_sub(self.reach());
        match self.clips {
            1 => vec![last / 2],
            clips => {
                let spread = |i| (i as f64 * last as f64 / (clips - 1) as f64).round_ties_even();
                (0..clips).map(|i| spread(i) as usize).collect()
            }
        }
    }

    fn clip(self, frames: usize, start: usize) -> Vec<usize> {
        let reached = (0..self.length).map(|k| start + k * self.interval);
        match self.beyond {
            Beyond::Loop => reached.map(|index| index % frames).collect(),
            Beyond::RepeatLast => {
                let last = reached.clone().take_while(|&index| index < frames).last().unwrap_or(0);
                reached.map(|index| if index < frames { index } else { last }).collect()
            }
        }
    }
}

/// Where training clips that reach over `reach` frames begin: one at random in each of `clips` equal parts; sorted draws when
/// the parts are shorter than a frame, and equal distances or the first frame alone when there are fewer frames still.
pub fn random_starts(frames: usize, clips: usize, reach: usize, draws: &mut Draws) -> Vec<usize> {
    let free = (frames + 1).saturating_sub(reach);
    let average = free / clips;
    if average > 0 {
        return (0..clips).map(|i| i * average + draws.below(average)).collect();
    }
    if frames > clips.max(reach) {
        let mut starts: Vec<_> = (0..clips).map(|_| draws.below(free)).collect();
        starts.sort_unstable();
        return starts;
    }
    let ratio = free as f64 / clips as f64;
    let start = |i: usize| (i as f64 * ratio).round_ties_even() as usize;
    (0..clips).map(|i| start(i) % frames).collect()
}
