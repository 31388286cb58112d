//! The views of a test: clips of the video, scales of its frames and crops of those.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::crop::{self, Rect, Views};
use super::preprocess::{MAX_SIDE, Preprocess};
use super::train_crop::Placed;
use crate::VideoError;

/// Which views of a video a test looks at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TestViews {
    /// Clips of a video; 2 with `twice` sampling and else 1 when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clips: Option<usize>,
    /// Crops of a frame: 1 (the middle), 3 (left, right, middle), 5 (corners and middle) or 10 (those five, each followed
    /// by its mirror image). With `cropSize` equal to the scale, 3 are the full-resolution crops.
    pub crops: usize,
    /// Three crops of upright frames.
    pub portrait: Portrait,
    /// Short sides in pixels, each at least the crop; `scaleSize` alone when empty.
    pub scales: Vec<usize>,
    /// Side of the crops in pixels; that of the model's card when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crop_size: Option<usize>,
}

/// Where three crops of frames lie that are higher than wide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Portrait {
    /// Left, right and middle at half height, as in any frame (TSM, TIN, X-Temporal).
    #[default]
    Across,
    /// Top, bottom and middle (bLVNet-TAM).
    Along,
}

impl Default for TestViews {
    fn default() -> Self {
        Self {
            clips: None,
            crops: 1,
            portrait: Portrait::Across,
            scales: Vec::new(),
            crop_size: None,
        }
    }
}

/// The most views of a video.
const MOST: usize = 1000;

impl TestViews {
    /// Clips of a video.
    pub fn clip_count(&self, preprocess: &Preprocess) -> usize {
        self.clips.unwrap_or_else(|| preprocess.sampling.default_clips())
    }

    /// Views of a video: clips times scales times crops, in that order from outside to inside.
    pub fn count(&self, preprocess: &Preprocess) -> usize {
        self.clip_count(preprocess) * self.scales.len().max(1) * self.crops
    }

    /// The preprocessing with the views' own crop size.
    #[must_use]
    pub fn apply(&self, preprocess: &Preprocess) -> Preprocess {
        let crop_size = self.crop_size.unwrap_or(preprocess.crop_size);
        // A larger crop than the card's scale is meant when all scales are given.
        let least = self.scales.iter().copied().min().unwrap_or(preprocess.scale_size);
        let scale_size = if self.scales.is_empty() { preprocess.scale_size } else { least };
        Preprocess { scale_size, crop_size, ..preprocess.clone() }
    }

    /// Checks the views against the settings that [`TestViews::apply`] gave.
    ///
    /// # Errors
    /// `INVALID_OPTION` naming the field of `views`.
    pub fn validate(&self, preprocess: &Preprocess) -> Result<(), VideoError> {
        if !matches!(self.crops, 1 | 3 | 5 | 10) {
            return Err(VideoError::option("views.crops", "1, 3, 5 or 10", self.crops));
        }
        let clips = preprocess.sampling.validate_clips(self.clip_count(preprocess));
        clips.map_err(|error| match error {
            VideoError::InvalidOption { field, expected, received } => {
                VideoError::InvalidOption { field: format!("views.{field}"), expected, received }
            }
            other => other,
        })?;
        for (at, &scale) in self.scales.iter().enumerate() {
            if !(preprocess.crop_size..=MAX_SIDE).contains(&scale) {
                let expected = format!(
                    "a number of pixels from the crop ({}) to {MAX_SIDE}",
                    preprocess.crop_size
                );
                return Err(VideoError::option(format!("views.scales.{at}"), expected, scale));
            }
        }
        if preprocess.crop_size > preprocess.scale_size {
            let expected = format!("at most the scale ({})", preprocess.scale_size);
            return Err(VideoError::option("views.cropSize", expected, preprocess.crop_size));
        }
        let count = self.count(preprocess);
        if count > MOST {
            return Err(VideoError::option("views", format!("at most {MOST} views"), count));
        }
        Ok(())
    }

    /// The cuts of one clip in order, with whether each is mirrored.
    pub(super) fn cuts(&self, preprocess: &Preprocess) -> Vec<(ViewCut, bool)> {
        let own = [preprocess.scale_size];
        let scales = if self.scales.is_empty() { &own[..] } else { &self.scales };
        let of_scale = |&scale: &usize| {
            let cut = move |view: usize| {
                let place = if self.crops == 10 { view / 2 } else { view };
                let cut = ViewCut { scale, crops: self.crops, place, portrait: self.portrait };
                (cut, self.crops == 10 && view % 2 == 1)
            };
            (0..self.crops).map(cut).collect::<Vec<_>>()
        };
        scales.iter().flat_map(of_scale).collect()
    }
}

/// One crop of one scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ViewCut {
    scale: usize,
    crops: usize,
    place: usize,
    portrait: Portrait,
}

impl ViewCut {
    /// The middle of frames at a short side.
    pub(super) fn centre(scale: usize) -> Self {
        Self { scale, crops: 1, place: 0, portrait: Portrait::Across }
    }

    pub(super) fn place(self, image: (usize, usize), target: usize) -> Placed {
        let to = crop::short_side(image, self.scale);
        let views = match (self.crops, self.portrait) {
            (3, Portrait::Across) => Views::Three,
            (3, Portrait::Along) => Views::ThreeAlong,
            _ => Views::Five,
        };
        let window = match self.crops {
            1 => crop::centre(to, target),
            _ => views.crops(to, target)[self.place],
        };
        Placed { area: Rect::whole(image), to, window }
    }
}
