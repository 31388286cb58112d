//! From a source to a clip: the one path that training, tests and prediction share.
//!
//! Evaluation scales the short side and takes the middle; training takes a multi-scale crop and may mirror it. A clip's
//! random numbers are drawn once, so all its frames are cut alike.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::crop::{self, CropDraw, MultiScale, Rect};
use super::normalize::{IMAGENET_MEAN, IMAGENET_STD};
use super::resize::{Resize, Scratch};
use super::{Clip, normalize_into};
use crate::random::Draws;
use crate::sample::{self, Sampling};
use crate::{RgbImage, VideoError, VideoSource};

/// The longest side of a scaled frame or a crop, in pixels.
pub const MAX_SIDE: usize = 4096;
/// The most bytes of a clip.
const MAX_CLIP: usize = 1 << 30;
/// Frames that are held at full size; sources go on where they stopped, so small groups cost nothing.
const DECODED_AT_ONCE: usize = 4;

/// Everything that turns a video into a network's input; stored in a model's card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Preprocess {
    /// Evaluation: the frame's shorter side, in pixels, before the middle is cut out.
    pub scale_size: usize,
    /// Side of the square that the network sees, in pixels.
    pub crop_size: usize,
    /// Mean of red, green and blue, of 1.
    pub mean: [f32; 3],
    /// Standard deviation of red, green and blue, of 1.
    pub std: [f32; 3],
    /// Which frames make the clip.
    pub sampling: Sampling,
    /// Training: mirror half of the clips left to right. Set it to false where the classes have a direction: a mirrored
    /// "left" looks like "right" and keeps its label.
    pub flip: bool,
    /// Training: the multi-scale crop; null cuts training clips as evaluation does.
    pub multi_scale: Option<MultiScale>,
}

impl Default for Preprocess {
    fn default() -> Self {
        Self {
            scale_size: 256,
            crop_size: 224,
            mean: IMAGENET_MEAN,
            std: IMAGENET_STD,
            sampling: Sampling::default(),
            flip: true,
            multi_scale: Some(MultiScale::default()),
        }
    }
}

impl Preprocess {
    /// Checks the settings for clips of `num_frames`.
    ///
    /// # Errors
    /// `INVALID_OPTION` naming the field.
    pub fn validate(&self, num_frames: usize) -> Result<(), VideoError> {
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
        let most = MAX_CLIP / (3 * self.crop_size * self.crop_size);
        if num_frames > most {
            let expected = format!("at most {most} with a cropSize of {}", self.crop_size);
            return Err(VideoError::option("numFrames", expected, num_frames));
        }
        if !self.mean.iter().all(|mean| mean.is_finite()) {
            return Err(VideoError::option(
                "mean",
                "three finite numbers",
                format!("{:?}", self.mean),
            ));
        }
        if !self.std.iter().all(|std| std.is_finite() && *std > 0.0) {
            return Err(VideoError::option(
                "std",
                "three finite numbers above 0",
                format!("{:?}", self.std),
            ));
        }
        self.multi_scale.as_ref().map_or(Ok(()), MultiScale::validate)
    }

    /// Writes the normalised numbers of clips `[.., 3, cropSize, cropSize]`.
    pub fn normalize_into(&self, clips: &[u8], out: &mut [f32]) {
        normalize_into(clips, self.crop_size * self.crop_size, self.mean, self.std, out);
    }

    /// What evaluation does to frames of size (width, height).
    fn eval_resize(&self, image: (usize, usize), mirrored: bool) -> Resize {
        let to = crop::short_side(image, self.scale_size);
        Resize::new(image, Rect::whole(image), to, crop::centre(to, self.crop_size), mirrored)
    }
}

/// Settings of one clip besides [`Preprocess`].
pub struct ClipRequest<'a> {
    /// Frames of the clip.
    pub num_frames: usize,
    /// The part of the video to take frames from; all of it when left out.
    pub part: Option<Range<usize>>,
    /// The random numbers of a training clip; none for evaluation.
    pub draws: Option<&'a mut Draws>,
}

/// The clip of validation and prediction, `[T, 3, cropSize, cropSize]`, and the indices of its frames.
///
/// # Errors
/// `INVALID_OPTION` for impossible settings, and what the source gives.
pub fn eval_clip(
    source: &mut dyn VideoSource,
    preprocess: &Preprocess,
    num_frames: usize,
) -> Result<(Clip, Vec<usize>), VideoError> {
    clip(source, preprocess, ClipRequest { num_frames, part: None, draws: None })
}

/// A training clip, `[T, 3, cropSize, cropSize]`, and the indices of its frames.
///
/// # Errors
/// As for [`eval_clip`].
pub fn train_clip(
    source: &mut dyn VideoSource,
    preprocess: &Preprocess,
    num_frames: usize,
    draws: &mut Draws,
) -> Result<(Clip, Vec<usize>), VideoError> {
    clip(source, preprocess, ClipRequest { num_frames, part: None, draws: Some(draws) })
}

/// What [`eval_clip`] and [`train_clip`] do, for a part of a video too.
///
/// # Errors
/// As for [`eval_clip`].
pub fn clip(
    source: &mut dyn VideoSource,
    preprocess: &Preprocess,
    request: ClipRequest<'_>,
) -> Result<(Clip, Vec<usize>), VideoError> {
    preprocess.validate(request.num_frames)?;
    let part = match request.part {
        Some(part) => part,
        None => 0..source.frame_count()?,
    };
    let (mut indices, cut) = match request.draws {
        Some(draws) => {
            let indices =
                sample::train_indices(&preprocess.sampling, part.len(), request.num_frames, draws)?;
            (indices, Cut::draw(preprocess, draws))
        }
        None => {
            (sample::eval_indices(&preprocess.sampling, part.len(), request.num_frames)?, Cut::Eval)
        }
    };
    for index in &mut indices {
        *index += part.start;
    }
    let clip = cut.clip(source, preprocess, &indices)?;
    Ok((clip, indices))
}

/// How the frames of one clip are cut.
enum Cut {
    Eval,
    Train { crop: Option<CropDraw>, mirrored: bool },
}

impl Cut {
    fn draw(preprocess: &Preprocess, draws: &mut Draws) -> Self {
        let crop = preprocess.multi_scale.as_ref().map(|multi_scale| multi_scale.draw(draws));
        Self::Train { crop, mirrored: preprocess.flip && draws.chance(0.5) }
    }

    fn clip(
        &self,
        source: &mut dyn VideoSource,
        preprocess: &Preprocess,
        indices: &[usize],
    ) -> Result<Clip, VideoError> {
        // Short videos repeat frames; each is decoded and resized once, in the order in which it lies in the file.
        let mut distinct = indices.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let mut clip = Clip::new(indices.len(), preprocess.crop_size, preprocess.crop_size);
        let frame_bytes = clip.data.len() / indices.len();
        let mut cutter =
            Cutter { cut: self, preprocess, resize: None, scratch: Scratch::default() };
        for group in distinct.chunks(DECODED_AT_ONCE) {
            for (index, image) in group.iter().zip(&source.frames(group)?) {
                let mut places = (0..indices.len()).filter(|&place| indices[place] == *index);
                let Some(first) = places.next() else { continue };
                let planes = first * frame_bytes..(first + 1) * frame_bytes;
                cutter.run(image, &mut clip.data[planes.clone()])?;
                for place in places {
                    clip.data.copy_within(planes.clone(), place * frame_bytes);
                }
            }
        }
        Ok(clip)
    }

    /// The area that is cut out of frames of size (width, height), and the resize of it.
    fn resize(&self, preprocess: &Preprocess, image: (usize, usize)) -> (Rect, Resize) {
        let whole = Rect::whole(image);
        let target = preprocess.crop_size;
        let (crop, mirrored) = match *self {
            Self::Eval => (None, false),
            Self::Train { crop, mirrored } => (crop, mirrored),
        };
        let multi_scale = preprocess.multi_scale.as_ref().zip(crop);
        let Some(area) =
            multi_scale.and_then(|(multi_scale, draw)| multi_scale.crop(draw, image, target))
        else {
            return (whole, preprocess.eval_resize(image, mirrored));
        };
        let square = Rect::whole((target, target));
        if area.lies_in(image) {
            return (whole, Resize::new(image, area, (target, target), square, mirrored));
        }
        let size = (area.width, area.height);
        (area, Resize::new(size, Rect::whole(size), (target, target), square, mirrored))
    }
}

/// The cut with its weights, which are made again only when a frame has another size.
struct Cutter<'a> {
    cut: &'a Cut,
    preprocess: &'a Preprocess,
    resize: Option<((usize, usize), Rect, Resize)>,
    scratch: Scratch,
}

impl Cutter<'_> {
    fn run(&mut self, image: &RgbImage, planes: &mut [u8]) -> Result<(), VideoError> {
        image.check("frame")?;
        let size = (image.width as usize, image.height as usize);
        if self.resize.as_ref().is_none_or(|(of, ..)| *of != size) {
            let (area, resize) = self.cut.resize(self.preprocess, size);
            self.resize = Some((size, area, resize));
        }
        let Some((_, area, resize)) = &self.resize else { return Ok(()) };
        if area.lies_in(size) {
            resize.run(image, &mut self.scratch, planes);
        } else {
            resize.run(&cut_out(image, *area), &mut self.scratch, planes);
        }
        Ok(())
    }
}

/// An area that reaches beyond the image; what lies outside is black.
fn cut_out(image: &RgbImage, area: Rect) -> RgbImage {
    let mut data = vec![0; area.width * area.height * 3];
    let rows = data.chunks_exact_mut(area.width * 3);
    for (y, row) in (area.y..).zip(rows) {
        for (x, pixel) in (area.x..).zip(row.chunks_exact_mut(3)) {
            if (0..i64::from(image.width)).contains(&x) && (0..i64::from(image.height)).contains(&y)
            {
                let at = (y * i64::from(image.width) + x) as usize * 3;
                pixel.copy_from_slice(&image.data[at..at + 3]);
            }
        }
    }
    RgbImage { width: area.width as u32, height: area.height as u32, data }
}
