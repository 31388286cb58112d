//! Changes of colour, form and content that training clips take; drawn once per clip and the same in all its frames.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::affine::Affine;
use super::colour::Planes;
use super::erase::Erasure;
use super::preprocess::Preprocess;
use crate::VideoError;
use crate::random::Draws;

/// Random changes of brightness, contrast, saturation and hue, in random order (torchvision's `ColorJitter`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ColorJitter {
    /// Factors are drawn from 1 - brightness, at least 0, to 1 + brightness.
    pub brightness: f64,
    /// As `brightness`, for the distance from the mean grey.
    pub contrast: f64,
    /// As `brightness`, for the distance from the grey image.
    pub saturation: f64,
    /// The hue is turned by up to this part of the circle in either direction, at most 0.5.
    pub hue: f64,
    /// Part of the clips that are changed.
    pub probability: f64,
}

impl Default for ColorJitter {
    fn default() -> Self {
        Self { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1, probability: 1.0 }
    }
}

impl ColorJitter {
    pub(super) fn validate(&self) -> Result<(), VideoError> {
        for (name, value) in [
            ("brightness", self.brightness),
            ("contrast", self.contrast),
            ("saturation", self.saturation),
        ] {
            in_range(&format!("colorJitter.{name}"), value, 0.0, 10.0)?;
        }
        in_range("colorJitter.hue", self.hue, 0.0, 0.5)?;
        in_range("colorJitter.probability", self.probability, 0.0, 1.0)
    }

    fn draw(&self, draws: &mut Draws, changes: &mut Vec<Change>) {
        if !draws.chance(self.probability) {
            return;
        }
        let mut factor = |part: f64| {
            let low = (1.0 - part).max(0.0);
            (low + draws.unit() * (1.0 + part - low)) as f32
        };
        let mut drawn = vec![
            Change::Brightness(factor(self.brightness)),
            Change::Contrast(factor(self.contrast)),
            Change::Saturation(factor(self.saturation)),
        ];
        drawn.push(Change::Hue(((draws.unit() * 2.0 - 1.0) * self.hue) as f32));
        draws.shuffle(&mut drawn);
        changes.extend(drawn);
    }
}

/// Some operations out of fourteen, all of one strength (https://arxiv.org/abs/1909.13719, torchvision's `RandAugment`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RandAugment {
    /// Operations per clip, one after the other.
    pub operations: usize,
    /// Their strength, 0 to 30.
    pub magnitude: usize,
}

/// The highest strength.
const STRONGEST: usize = 30;
/// The most operations of a clip.
const MOST_OPERATIONS: usize = 16;

impl Default for RandAugment {
    fn default() -> Self {
        Self { operations: 2, magnitude: 9 }
    }
}

impl RandAugment {
    pub(super) fn validate(&self) -> Result<(), VideoError> {
        if !(1..=MOST_OPERATIONS).contains(&self.operations) {
            let expected = format!("an integer from 1 to {MOST_OPERATIONS}");
            return Err(VideoError::option("randAugment.operations", expected, self.operations));
        }
        if self.magnitude > STRONGEST {
            let expected = format!("an integer from 0 to {STRONGEST}");
            return Err(VideoError::option("randAugment.magnitude", expected, self.magnitude));
        }
        Ok(())
    }

    fn draw(&self, side: usize, draws: &mut Draws, changes: &mut Vec<Change>) {
        for _ in 0..self.operations {
            let (operation, negative) = (draws.below(OPERATIONS), draws.chance(0.5));
            changes.extend(self.change(operation, negative, side));
        }
    }

    /// One operation at this strength on frames of so many pixels a side; none for the one that changes nothing.
    fn change(&self, operation: usize, negative: bool, side: usize) -> Option<Change> {
        let part = self.magnitude as f64 / STRONGEST as f64;
        let signed = |most: f64| if negative { -most * part } else { most * part };
        // Moves at the highest strength: 150 pixels of 331, in whole pixels.
        let moved = signed(150.0 / 331.0 * side as f64).trunc();
        let factor = (1.0 + signed(0.9)) as f32;
        Some(match operation {
            0 => return None,
            1 => Change::Affine(Affine::shear_x(signed(0.3))),
            2 => Change::Affine(Affine::shear_y(signed(0.3))),
            3 => Change::Affine(Affine::shift(moved, 0.0)),
            4 => Change::Affine(Affine::shift(0.0, moved)),
            5 => Change::Affine(Affine::turn(signed(30.0), (side, side))),
            6 => Change::Brightness(factor),
            7 => Change::Saturation(factor),
            8 => Change::Contrast(factor),
            9 => Change::Sharpness(factor),
            10 => Change::Posterize(8 - (4.0 * part).round_ties_even() as u32),
            11 => Change::Solarize((255.0 * (1.0 - part)).ceil() as u16),
            12 => Change::AutoContrast,
            _ => Change::Equalize,
        })
    }
}

/// How many operations there are to draw from.
const OPERATIONS: usize = 14;

/// One change of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    Brightness(f32),
    Contrast(f32),
    Saturation(f32),
    Hue(f32),
    Sharpness(f32),
    Posterize(u32),
    Solarize(u16),
    AutoContrast,
    Equalize,
    Affine(Affine),
}

impl Change {
    fn apply(self, planes: &mut Planes<'_>, copy: &mut Vec<u8>) {
        match self {
            Self::Brightness(factor) => planes.brightness(factor),
            Self::Contrast(factor) => planes.contrast(factor),
            Self::Saturation(factor) => planes.saturation(factor),
            Self::Hue(turn) => planes.hue(turn),
            Self::Sharpness(factor) => planes.sharpness(factor, copy),
            Self::Posterize(bits) => planes.posterize(bits),
            Self::Solarize(threshold) => planes.solarize(threshold),
            Self::AutoContrast => planes.auto_contrast(),
            Self::Equalize => planes.equalize(),
            Self::Affine(affine) => affine.apply(planes, copy),
        }
    }
}

/// Everything that one training clip takes after it was cut.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Augment {
    changes: Vec<Change>,
    erasure: Option<Erasure>,
}

impl Augment {
    pub(super) fn draw(preprocess: &Preprocess, is_flow: bool, draws: &mut Draws) -> Self {
        let side = preprocess.crop_size;
        let mut changes = Vec::new();
        if let Some(rand_augment) = &preprocess.rand_augment {
            rand_augment.draw(side, draws, &mut changes);
        }
        if let Some(jitter) = &preprocess.color_jitter {
            jitter.draw(draws, &mut changes);
        }
        let mean = if is_flow { [0.5; 3] } else { preprocess.mean };
        let erasure = preprocess
            .random_erasing
            .as_ref()
            .and_then(|erasing| erasing.draw((side, side), mean, draws));
        Self { changes, erasure }
    }

    /// Changes the planes `[3, side, side]` of one frame; `copy` is a buffer.
    pub(super) fn apply(&self, planes: &mut [u8], side: usize, copy: &mut Vec<u8>) {
        let mut planes = Planes { data: planes, width: side, height: side };
        for change in &self.changes {
            change.apply(&mut planes, copy);
        }
        if let Some(erasure) = &self.erasure {
            erasure.apply(planes.data, (side, side));
        }
    }
}

/// Takes a finite number from `low` to `high`.
pub(super) fn in_range(field: &str, value: f64, low: f64, high: f64) -> Result<(), VideoError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(VideoError::option(field, format!("a number from {low} to {high}"), value))
}

#[cfg(test)]
#[path = "augment_tests.rs"]
mod tests;
