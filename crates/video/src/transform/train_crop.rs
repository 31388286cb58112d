//! Where training clips are cut: the multi-scale crop, a random resized crop, a jittered short side, or the middle.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::crop::{self, CropDraw, MultiScale, Rect};
use super::erase::{between, range};
use super::preprocess::MAX_SIDE;
use crate::VideoError;
use crate::random::Draws;

/// Sizes that are tried before the middle is taken.
const ATTEMPTS: usize = 10;

/// How training clips are cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum TrainCrop {
    /// As evaluation cuts: the short side at `scaleSize`, the middle.
    Centre(Centre),
    /// Sides from fractions of the shorter side, at fixed places (TSN and all that followed).
    MultiScale(MultiScale),
    /// A part of random area and form (torchvision's `RandomResizedCrop`).
    RandomResized(RandomResized),
    /// The short side at a random length, a square anywhere (SlowFast, and IBM's second augmentor).
    ShortSide(ShortSide),
}

/// No settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Centre {}

/// Settings of the random resized crop.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RandomResized {
    /// Smallest and largest part of the frame's area.
    pub area: [f64; 2],
    /// Smallest and largest width over height.
    pub aspect: [f64; 2],
}

/// Settings of the jittered short side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ShortSide {
    /// The shortest short side, in pixels.
    pub min: usize,
    /// The longest short side, in pixels.
    pub max: usize,
}

impl Default for TrainCrop {
    fn default() -> Self {
        Self::MultiScale(MultiScale::default())
    }
}

impl Default for RandomResized {
    fn default() -> Self {
        Self { area: [0.08, 1.0], aspect: [0.75, 4.0 / 3.0] }
    }
}

impl Default for ShortSide {
    fn default() -> Self {
        Self { min: 256, max: 320 }
    }
}

/// What one clip has drawn, before its frames' size is known.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TrainCut {
    Centre,
    MultiScale(CropDraw),
    /// (part of the area, logarithm of the form) of every attempt, and the place in 0..1.
    RandomResized {
        attempts: [(f64, f64); ATTEMPTS],
        place: (f64, f64),
    },
    /// The short side, and the place in 0..1.
    ShortSide {
        short: usize,
        place: (f64, f64),
    },
}

/// A cut of frames of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// The part of the frame; it can reach beyond it.
    pub(super) area: Rect,
    /// The size (width, height) to which the part is resized.
    pub(super) to: (usize, usize),
    /// What is kept of that.
    pub(super) window: Rect,
}

impl TrainCrop {
    pub(super) fn validate(&self, crop_size: usize) -> Result<(), VideoError> {
        match self {
            Self::Centre(_) => Ok(()),
            Self::MultiScale(multi_scale) => multi_scale.validate(),
            Self::RandomResized(resized) => {
                range("trainCrop.area", resized.area, 1.0)?;
                range("trainCrop.aspect", resized.aspect, 100.0)
            }
            Self::ShortSide(side) => {
                if side.min < crop_size {
                    let expected = format!("at least cropSize ({crop_size})");
                    return Err(VideoError::option("trainCrop.min", expected, side.min));
                }
                if !(side.min..=MAX_SIDE).contains(&side.max) {
                    let expected =
                        format!("a number of pixels from min ({}) to {MAX_SIDE}", side.min);
                    return Err(VideoError::option("trainCrop.max", expected, side.max));
                }
                Ok(())
            }
        }
    }

    pub(super) fn draw(&self, draws: &mut Draws) -> TrainCut {
        match self {
            Self::Centre(_) => TrainCut::Centre,
            Self::MultiScale(multi_scale) => TrainCut::MultiScale(multi_scale.draw(draws)),
            Self::RandomResized(resized) => TrainCut::RandomResized {
                attempts: std::array::from_fn(|_| {
                    let area = between(resized.area, draws);
                    (area, between(resized.aspect.map(f64::ln), draws))
                }),
                place: (draws.unit(), draws.unit()),
            },
            Self::ShortSide(side) => TrainCut::ShortSide {
                short: side.min + draws.below(side.max - side.min + 1),
                place: (draws.unit(), draws.unit()),
            },
        }
    }

    /// The cut of a draw in frames of size (width, height); none where the middle is taken as in evaluation.
    pub(super) fn place(
        &self,
        cut: &TrainCut,
        image: (usize, usize),
        target: usize,
    ) -> Option<Placed> {
        let square = Rect::whole((target, target));
        match (self, cut) {
            (Self::MultiScale(multi_scale), TrainCut::MultiScale(draw)) => {
                let area = multi_scale.crop(*draw, image, target)?;
                Some(Placed { area, to: (target, target), window: square })
            }
            (Self::RandomResized(resized), TrainCut::RandomResized { attempts, place }) => {
                let (width, height) = resized.size(attempts, image);
                let fits = attempts
                    .iter()
                    .any(|&attempt| RandomResized::attempt(attempt, image).is_some());
                // Without a size that fits, the largest one lies in the middle.
                let place = if fits { *place } else { (0.5, 0.5) };
                let area = Rect {
                    x: at(place.0, image.0 - width),
                    y: at(place.1, image.1 - height),
                    width,
                    height,
                };
                Some(Placed { area, to: (target, target), window: square })
            }
            (Self::ShortSide(_), TrainCut::ShortSide { short, place }) => {
                let to = crop::short_side(image, *short);
                let (x, y) = (at(place.0, to.0 - target), at(place.1, to.1 - target));
                let window = Rect { x, y, width: target, height: target };
                Some(Placed { area: Rect::whole(image), to, window })
            }
            _ => None,
        }
    }
}

/// A place in 0..1 as one of `free + 1` pixels.
fn at(place: f64, free: usize) -> i64 {
    ((place * (free + 1) as f64) as usize).min(free) as i64
}

impl RandomResized {
    /// The size (width, height) of an attempt, where it fits into the image.
    fn attempt((area, form): (f64, f64), image: (usize, usize)) -> Option<(usize, usize)> {
        let (area, form) = (area * (image.0 * image.1) as f64, form.exp());
        let (width, height) = ((area * form).sqrt().round(), (area / form).sqrt().round());
        let fits =
            width >= 1.0 && height >= 1.0 && width <= image.0 as f64 && height <= image.1 as f64;
        fits.then_some((width as usize, height as usize))
    }

    /// The first attempt that fits, else the largest part of an allowed form.
    fn size(&self, attempts: &[(f64, f64)], image: (usize, usize)) -> (usize, usize) {
        if let Some(size) = attempts.iter().find_map(|&attempt| Self::attempt(attempt, image)) {
            return size;
        }
        let form = image.0 as f64 / image.1 as f64;
        let [low, high] = self.aspect;
        let (width, height) = if form < low {
            (image.0, (image.0 as f64 / low).round() as usize)
        } else if form > high {
            ((image.1 as f64 * high).round() as usize, image.1)
        } else {
            image
        };
        (width.clamp(1, image.0), height.clamp(1, image.1))
    }
}
