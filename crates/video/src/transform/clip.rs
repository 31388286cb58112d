//! From a source to a clip: the one path that training, tests and prediction share.
//!
//! Evaluation scales the short side and takes the middle, or several views; training cuts at random, may mirror and changes
//! colours. A clip's random numbers are drawn once, so all its frames are cut and changed alike.

use std::ops::Range;

use super::Clip;
use super::augment::Augment;
use super::crop::Rect;
use super::preprocess::Preprocess;
use super::resize::{Resize, Scratch};
use super::stack::Stack;
use super::train_crop::{Placed, TrainCut};
use super::views::{TestViews, ViewCut};
use crate::random::Draws;
use crate::sample::{self, Footage};
use crate::{RgbImage, VideoError, VideoSource};

/// What is wanted of a video besides [`Preprocess`].
#[derive(Default)]
pub struct ClipRequest<'a> {
    /// Frames of the clip.
    pub num_frames: usize,
    /// What a frame of the clip holds.
    pub stack: Stack,
    /// The part of the video to take frames from; all of it when left out.
    pub part: Option<Range<usize>>,
    /// The views of a test; the one of validation when left out.
    pub views: Option<&'a TestViews>,
    /// The random numbers of a training clip; none for evaluation.
    pub draws: Option<&'a mut Draws>,
}

/// What a video gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// `[V, T, C, cropSize, cropSize]`, 8 bit; V is 1 but for tests of several views.
    pub clip: Clip,
    /// The indices of all frames that were looked at, clip by clip; several per frame of a stack.
    pub frames: Vec<usize>,
    /// Whether the clip was mirrored at random.
    pub mirrored: bool,
}

/// Buffers that are kept from video to video.
#[derive(Default)]
pub struct Workspace {
    scratch: Scratch,
    /// The planes of one frame.
    planes: Vec<u8>,
    /// A copy of them.
    copy: Vec<u8>,
    /// Memory for the next clip.
    pub(crate) clip: Vec<u8>,
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
    let request = ClipRequest { num_frames, ..ClipRequest::default() };
    let drawn = clip(source, preprocess, request, &mut Workspace::default())?;
    Ok((drawn.clip, drawn.frames))
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
    let request = ClipRequest { num_frames, draws: Some(draws), ..ClipRequest::default() };
    let drawn = clip(source, preprocess, request, &mut Workspace::default())?;
    Ok((drawn.clip, drawn.frames))
}

/// What [`eval_clip`] and [`train_clip`] do, for parts of videos, stacks and views too.
///
/// # Errors
/// As for [`eval_clip`].
pub fn clip(
    source: &mut dyn VideoSource,
    preprocess: &Preprocess,
    request: ClipRequest<'_>,
    workspace: &mut Workspace,
) -> Result<Drawn, VideoError> {
    let ClipRequest { num_frames, stack, part, views, draws } = request;
    preprocess.validate_stack(num_frames, stack)?;
    let part = match part {
        Some(part) => part,
        None => 0..source.frame_count()?,
    };
    let footage = Footage { frames: part.len(), fps: source.info().fps, length: stack.length() };
    let mut mirrored = false;
    let mut augment = Augment::default();
    let (indices, cuts) = match (draws, views) {
        (Some(draws), _) => {
            let indices = sample::train_indices(&preprocess.sampling, footage, num_frames, draws)?;
            let cut = preprocess.train_crop.draw(draws);
            mirrored = preprocess.flip && draws.chance(0.5);
            augment = Augment::draw(preprocess, stack == Stack::Flow, draws);
            (indices, vec![(Cut::Train(cut), mirrored)])
        }
        (None, None) => {
            let indices = sample::eval_indices(&preprocess.sampling, footage, num_frames)?;
            (indices, vec![(Cut::View(ViewCut::centre(preprocess.scale_size)), false)])
        }
        (None, Some(views)) => {
            views.validate(preprocess)?;
            let clips = views.clip_count(preprocess);
            let indices = sample::eval_clips(&preprocess.sampling, footage, num_frames, clips)?;
            let cuts = views.cuts(preprocess).into_iter();
            (indices, cuts.map(|(cut, mirrored)| (Cut::View(cut), mirrored)).collect())
        }
    };
    let mut frames = stack.frames(&indices, part.len());
    for frame in &mut frames {
        *frame += part.start;
    }
    let plan = Plan { preprocess, stack, num_frames, cuts: &cuts, augment: &augment };
    let clip = plan.run(source, &frames, workspace)?;
    Ok(Drawn { clip, frames, mirrored })
}

/// How frames are cut.
#[derive(Clone, Debug, PartialEq)]
enum Cut {
    View(ViewCut),
    Train(TrainCut),
}

/// What is done to the frames of one video.
struct Plan<'a> {
    preprocess: &'a Preprocess,
    stack: Stack,
    num_frames: usize,
    /// Cuts of every clip, and whether they are mirrored.
    cuts: &'a [(Cut, bool)],
    augment: &'a Augment,
}

impl Plan<'_> {
    /// Cuts `frames`, clip after clip, in all ways: `[clips * cuts, T, C, H, W]`.
    fn run(
        &self,
        source: &mut dyn VideoSource,
        frames: &[usize],
        workspace: &mut Workspace,
    ) -> Result<Clip, VideoError> {
        // Short videos repeat frames; each is decoded and resized once, in the order in which it lies in the file.
        let mut distinct = frames.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let of_clip = self.num_frames * self.stack.length();
        let side = self.preprocess.crop_size;
        let views = frames.len() / of_clip * self.cuts.len();
        let memory = std::mem::take(&mut workspace.clip);
        let mut clip = Clip::reusing(memory, views, self.num_frames, self.stack.channels(), side);
        let bytes = self.stack.planes() * side * side;
        let mut cutters: Vec<_> =
            self.cuts.iter().map(|(cut, mirrored)| Cutter::new(self, cut, *mirrored)).collect();
        source.each(&distinct, &mut |index, image| {
            image.check("frame")?;
            for (number, cutter) in cutters.iter_mut().enumerate() {
                cutter.run(image, workspace);
                for place in (0..frames.len()).filter(|&place| frames[place] == index) {
                    let view = place / of_clip * self.cuts.len() + number;
                    let at = (view * of_clip + place % of_clip) * bytes;
                    clip.data[at..at + bytes].copy_from_slice(&workspace.planes[..bytes]);
                }
            }
            Ok(())
        })?;
        Ok(clip)
    }

    /// Where a cut lies in frames of size (width, height).
    fn place(&self, cut: &Cut, image: (usize, usize)) -> Placed {
        let target = self.preprocess.crop_size;
        let drawn = match cut {
            Cut::View(view) => Some(view.place(image, target)),
            Cut::Train(cut) => self.preprocess.train_crop.place(cut, image, target),
        };
        drawn.unwrap_or_else(|| ViewCut::centre(self.preprocess.scale_size).place(image, target))
    }
}

/// A cut with its weights, which are made again only when a frame has another size.
struct Cutter<'a> {
    plan: &'a Plan<'a>,
    cut: &'a Cut,
    mirrored: bool,
    /// The size of the frames, the part of them that reaches beyond, and the resize.
    resize: Option<((usize, usize), Option<Rect>, Resize)>,
}

impl<'a> Cutter<'a> {
    fn new(plan: &'a Plan<'a>, cut: &'a Cut, mirrored: bool) -> Self {
        Self { plan, cut, mirrored, resize: None }
    }

    /// Writes the planes of one frame to the workspace's.
    fn run(&mut self, image: &RgbImage, workspace: &mut Workspace) {
        let size = (image.width as usize, image.height as usize);
        let side = self.plan.preprocess.crop_size;
        if self.resize.as_ref().is_none_or(|(of, ..)| *of != size) {
            let Placed { area, to, window } = self.plan.place(self.cut, size);
            self.resize = Some(if area.lies_in(size) {
                (size, None, Resize::new(size, area, to, window, self.mirrored))
            } else {
                let inner = (area.width, area.height);
                let whole = Rect::whole(inner);
                (size, Some(area), Resize::new(inner, whole, to, window, self.mirrored))
            });
        }
        let Some((_, beyond, resize)) = &self.resize else { return };
        workspace.planes.resize(3 * side * side, 0);
        let planes = &mut workspace.planes[..3 * side * side];
        match beyond {
            Some(area) => resize.run(&cut_out(image, *area), &mut workspace.scratch, planes),
            None => resize.run(image, &mut workspace.scratch, planes),
        }
        if self.mirrored && self.plan.stack == Stack::Flow {
            // What moved to the right moves to the left in a mirror.
            for value in &mut planes[..side * side] {
                *value = 255 - *value;
            }
        }
        self.plan.augment.apply(planes, side, &mut workspace.copy);
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
