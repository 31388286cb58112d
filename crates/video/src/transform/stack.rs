//! What a frame of the clip holds: an image, stacked optical flow, or consecutive images whose differences are looked at.
//!
//! Layout and lengths: Sense-X/X-Temporal `x_temporal/core/dataset.py`, mit-han-lab/temporal-shift-module `main.py`.

use super::preprocess::Preprocess;

/// What a frame of the clip holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stack {
    /// One image: red, green, blue.
    #[default]
    Rgb,
    /// Five consecutive pairs of optical flow: x and y of the first, x and y of the second and so on. A source of flow gives
    /// x as the red and y as the green channel of its images.
    Flow,
    /// Six consecutive images, red first; the network takes the five differences.
    RgbDiff,
}

impl Stack {
    /// The stack of a network that takes so many channels a frame.
    pub fn of_channels(channels: usize) -> Option<Self> {
        [Self::Rgb, Self::Flow, Self::RgbDiff]
            .into_iter()
            .find(|stack| stack.channels() == channels)
    }

    /// Channels of a frame of the clip.
    pub fn channels(self) -> usize {
        self.length() * self.planes()
    }

    /// Consecutive frames of the video in a frame of the clip.
    pub fn length(self) -> usize {
        match self {
            Self::Rgb => 1,
            Self::Flow => 5,
            Self::RgbDiff => 6,
        }
    }

    /// Planes that are kept of a frame of the video.
    pub fn planes(self) -> usize {
        if self == Self::Flow { 2 } else { 3 }
    }

    /// Mean and standard deviation that channels are normalised by in turn, of 1.
    ///
    /// Flow has one of both, 0.5 and the mean of the colours' deviations; images whose differences are looked at are left
    /// as they are. Both as in TSN's code.
    pub fn scaling(self, preprocess: &Preprocess) -> Vec<(f32, f32)> {
        match self {
            Self::Rgb => preprocess.mean.into_iter().zip(preprocess.std).collect(),
            Self::Flow => vec![(0.5, preprocess.std.iter().sum::<f32>() / 3.0)],
            Self::RgbDiff => vec![(0.0, 1.0)],
        }
    }

    /// The frames of the video that frames of the clip at `indices` hold; past the end the last one again.
    pub fn frames(self, indices: &[usize], frames: usize) -> Vec<usize> {
        let last = frames.saturating_sub(1);
        let of = |&index: &usize| (0..self.length()).map(move |k| (index + k).min(last));
        indices.iter().flat_map(of).collect()
    }
}
