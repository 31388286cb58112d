//! Random erasing (https://arxiv.org/abs/1708.04896): a rectangle of the clip is filled, at the same place in all frames.
//!
//! Sizes are drawn as torchvision's `RandomErasing` does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::augment::in_range;
use crate::VideoError;
use crate::random::Draws;

/// Sizes that are tried before the clip stays whole.
const ATTEMPTS: usize = 10;

/// Settings of random erasing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RandomErasing {
    /// Part of the clips that lose a rectangle.
    pub probability: f64,
    /// Smallest and largest part of the frame's area.
    pub area: [f64; 2],
    /// Smallest and largest height over width.
    pub aspect: [f64; 2],
    /// What the rectangle is filled with.
    pub fill: EraseFill,
}

/// What an erased rectangle is filled with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EraseFill {
    /// The mean colour, which is zero for the network.
    #[default]
    Mean,
    /// Random colours, pixel by pixel.
    Noise,
}

impl Default for RandomErasing {
    fn default() -> Self {
        Self { probability: 0.25, area: [0.02, 0.33], aspect: [0.3, 3.3], fill: EraseFill::Mean }
    }
}

/// The rectangle of one clip.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Erasure {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    colour: [u8; 3],
    noise: Option<Draws>,
}

impl RandomErasing {
    pub(super) fn validate(&self) -> Result<(), VideoError> {
        in_range("randomErasing.probability", self.probability, 0.0, 1.0)?;
        range("randomErasing.area", self.area, 1.0)?;
        range("randomErasing.aspect", self.aspect, 100.0)
    }

    /// The rectangle of a clip of size (width, height) whose mean colour is `mean` of 1.
    pub(super) fn draw(
        &self,
        (width, height): (usize, usize),
        mean: [f32; 3],
        draws: &mut Draws,
    ) -> Option<Erasure> {
        if !draws.chance(self.probability) {
            return None;
        }
        for _ in 0..ATTEMPTS {
            let area = (width * height) as f64 * between(self.area, draws);
            let aspect = between(self.aspect.map(f64::ln), draws).exp();
            let (h, w) = ((area * aspect).sqrt().round(), (area / aspect).sqrt().round());
            if h < 1.0 || w < 1.0 || h >= height as f64 || w >= width as f64 {
                continue;
            }
            let (w, h) = (w as usize, h as usize);
            return Some(Erasure {
                left: draws.below(width - w + 1),
                top: draws.below(height - h + 1),
                width: w,
                height: h,
                colour: mean.map(|mean| (mean * 255.0).round() as u8),
                noise: (self.fill == EraseFill::Noise).then(|| draws.clone()),
            });
        }
        None
    }
}

impl Erasure {
    /// Fills the rectangle of the planes `[3, height, width]`; noise is the same in every frame of the clip.
    pub(super) fn apply(&self, planes: &mut [u8], (width, height): (usize, usize)) {
        let mut noise = self.noise.clone();
        for (plane, colour) in planes.chunks_exact_mut(width * height).zip(self.colour) {
            for row in plane.chunks_exact_mut(width).skip(self.top).take(self.height) {
                for value in &mut row[self.left..self.left + self.width] {
                    *value = noise.as_mut().map_or(colour, |noise| noise.below(256) as u8);
                }
            }
        }
    }
}

/// A number between two.
pub(super) fn between([low, high]: [f64; 2], draws: &mut Draws) -> f64 {
    low + draws.unit() * (high - low)
}

/// Takes two numbers above 0, the smaller one first.
pub(super) fn range(field: &str, [low, high]: [f64; 2], most: f64) -> Result<(), VideoError> {
    if low > 0.0 && low <= high && high <= most {
        return Ok(());
    }
    let expected = format!("two rising numbers above 0 and up to {most}");
    Err(VideoError::option(field, expected, format!("[{low}, {high}]")))
}
