//! Everything that turns a video into a network's input, as settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::augment::{ColorJitter, RandAugment};
use super::erase::RandomErasing;
use super::normalize::{IMAGENET_MEAN, IMAGENET_STD, normalize_channels};
use super::stack::Stack;
use super::train_crop::TrainCrop;
use crate::VideoError;
use crate::sample::Sampling;

/// The longest side of a scaled frame or a crop, in pixels.
pub const MAX_SIDE: usize = 4096;
/// The most bytes of a clip.
const MAX_CLIP: usize = 1 << 30;

/// Everything that turns a video into a network's input; stored in a model's card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Preprocess {
    /// Evaluation: the frame's shorter side, in pixels, before the middle is cut out.
    pub scale_size: usize,
    /// Side of the square that the network sees, in pixels.
    pub crop_size: usize,
    /// Mean of red, green and blue, of 1. Optical flow takes 0.5, differences of images 0.
    pub mean: [f32; 3],
    /// Standard deviation of red, green and blue, of 1. Optical flow takes their mean, differences of images 1.
    pub std: [f32; 3],
    /// Which frames make the clip.
    pub sampling: Sampling,
    /// Training: how clips are cut.
    pub train_crop: TrainCrop,
    /// Training: mirror half of the clips left to right. Classes whose names have a direction need `flipLabels` then.
    pub flip: bool,
    /// Training: pairs of classes that change places in a mirrored clip, such as "swiping left" and "swiping right"; those of
    /// `data.dataset` when left out.
    pub flip_labels: Option<Vec<[usize; 2]>>,
    /// Training: random changes of colour; none when null.
    pub color_jitter: Option<ColorJitter>,
    /// Training: random operations of one strength; none when null.
    pub rand_augment: Option<RandAugment>,
    /// Training: a rectangle that is filled; none when null.
    pub random_erasing: Option<RandomErasing>,
}

impl Default for Preprocess {
    fn default() -> Self {
        Self {
            scale_size: 256,
            crop_size: 224,
            mean: IMAGENET_MEAN,
            std: IMAGENET_STD,
            sampling: Sampling::default(),
            train_crop: TrainCrop::default(),
            flip: true,
            flip_labels: None,
            color_jitter: None,
            rand_augment: None,
            random_erasing: None,
        }
    }
}

impl Preprocess {
    /// Checks the settings for clips of `num_frames`.
    ///
    /// # Errors
    /// `INVALID_OPTION` naming the field.
    pub fn validate(&self, num_frames: usize) -> Result<(), VideoError> {
        self.validate_stack(num_frames, Stack::Rgb)
    }

    /// Checks the settings for clips of `num_frames` frames that hold `stack`.
    ///
    /// # Errors
    /// `INVALID_OPTION` naming the field.
    pub fn validate_stack(&self, num_frames: usize, stack: Stack) -> Result<(), VideoError> {
        self.sampling.validate(num_frames)?;
        let pixels = |field, value| match value {
            1..=MAX_SIDE => Ok(()),
            _ => Err(VideoError::option(
                field,
                format!("a number of pixels from 1 to {MAX_SIDE}"),
                value,
            )),
        };
        pixels("scaleSize", self.scale_size)?;
        pixels("cropSize", self.crop_size)?;
        if self.crop_size > self.scale_size {
            let expected = format!("at most scaleSize ({})", self.scale_size);
            return Err(VideoError::option("cropSize", expected, self.crop_size));
        }
        let most = MAX_CLIP / (stack.channels() * self.crop_size * self.crop_size);
        if num_frames > most {
            let expected = format!("at most {most} with a cropSize of {}", self.crop_size);
            return Err(VideoError::option("numFrames", expected, num_frames));
        }
        if !self.mean.iter().all(|mean| mean.is_finite()) {
            let received = format!("{:?}", self.mean);
            return Err(VideoError::option("mean", "three finite numbers", received));
        }
        if !self.std.iter().all(|std| std.is_finite() && *std > 0.0) {
            let received = format!("{:?}", self.std);
            return Err(VideoError::option("std", "three finite numbers above 0", received));
        }
        self.train_crop.validate(self.crop_size)?;
        self.validate_augment(stack)
    }

    fn validate_augment(&self, stack: Stack) -> Result<(), VideoError> {
        let colours = [
            ("colorJitter", self.color_jitter.is_some()),
            ("randAugment", self.rand_augment.is_some()),
        ];
        if let Some((field, _)) = colours.iter().find(|(_, is_set)| *is_set && stack == Stack::Flow)
        {
            let expected = "null with optical flow, which has no colours";
            return Err(VideoError::option(*field, expected, "settings"));
        }
        self.color_jitter.as_ref().map_or(Ok(()), ColorJitter::validate)?;
        self.rand_augment.as_ref().map_or(Ok(()), RandAugment::validate)?;
        self.random_erasing.as_ref().map_or(Ok(()), RandomErasing::validate)
    }

    /// Writes the normalised numbers of clips `[.., C, cropSize, cropSize]`, whose frames hold `stack`.
    pub fn normalize_into(&self, stack: Stack, clips: &[u8], out: &mut [f32]) {
        let plane = self.crop_size * self.crop_size;
        normalize_channels(clips, plane, &stack.scaling(self), out);
    }
}
