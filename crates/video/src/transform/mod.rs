//! Frames to clips: scale, crop, flip and normalise.

mod affine;
mod augment;
mod clip;
mod colour;
pub mod crop;
mod erase;
pub mod flip;
pub mod normalize;
mod preprocess;
pub mod resize;
mod stack;
mod train_crop;
mod views;

pub use augment::{ColorJitter, RandAugment};
pub use clip::{ClipRequest, Drawn, Workspace, clip, eval_clip, train_clip};
pub use crop::MultiScale;
pub use erase::{EraseFill, RandomErasing};
pub use normalize::{IMAGENET_MEAN, IMAGENET_STD, normalize_channels, normalize_into};
pub use preprocess::{MAX_SIDE, Preprocess};
pub use stack::Stack;
pub use train_crop::{Centre, RandomResized, ShortSide, TrainCrop};
pub use views::{Portrait, TestViews};

use crate::RgbImage;
use resize::{Resize, Scratch};

/// The frames of the views of one video, planar: `[V, T, C, H, W]`, 8 bit, red first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clip {
    /// `views * frames * channels * height * width` bytes in that order.
    pub data: Vec<u8>,
    /// V, 1 but for tests of several views.
    pub views: usize,
    /// T.
    pub frames: usize,
    /// C: 3, or that of a [`Stack`].
    pub channels: usize,
    /// H, in pixels.
    pub height: usize,
    /// W, in pixels.
    pub width: usize,
}

impl Clip {
    /// A black clip of one view and three channels.
    pub fn new(frames: usize, height: usize, width: usize) -> Self {
        let data = vec![0; frames * 3 * height * width];
        Self { data, views: 1, frames, channels: 3, height, width }
    }

    /// A clip of squares in memory that was used before; its bytes are those of before.
    fn reusing(
        mut data: Vec<u8>,
        views: usize,
        frames: usize,
        channels: usize,
        side: usize,
    ) -> Self {
        data.resize(views * frames * channels * side * side, 0);
        Self { data, views, frames, channels, height: side, width: side }
    }

    /// `[T, C, H, W]` of one view.
    pub fn shape(&self) -> [usize; 4] {
        [self.frames, self.channels, self.height, self.width]
    }

    /// The first three channels of one frame, counted through all views, as a packed image.
    pub fn frame(&self, index: usize) -> Option<RgbImage> {
        let plane = self.height * self.width;
        let planes = self.data.chunks_exact(self.channels * plane).nth(index)?.get(..3 * plane)?;
        Some(RgbImage {
            width: self.width as u32,
            height: self.height as u32,
            data: packed(planes, plane),
        })
    }
}

impl RgbImage {
    /// The image at another size, by Pillow's bilinear filter.
    ///
    /// # Errors
    /// `INVALID_FRAME` when the image is no image, `INVALID_OPTION` when a side of the result is zero.
    pub fn resized(&self, width: u32, height: u32) -> Result<Self, crate::VideoError> {
        self.check("frame")?;
        if width == 0 || height == 0 {
            return Err(crate::VideoError::option(
                "size",
                "sides of at least one pixel",
                format!("{width}x{height}"),
            ));
        }
        let to = (width as usize, height as usize);
        let resize = Resize::whole((self.width as usize, self.height as usize), to);
        let mut planes = vec![0; 3 * to.0 * to.1];
        resize.run(self, &mut Scratch::default(), &mut planes);
        Ok(Self { width, height, data: packed(&planes, to.0 * to.1) })
    }
}

/// Planar to packed: `[3, H, W]` to `[H, W, 3]`.
fn packed(planes: &[u8], plane: usize) -> Vec<u8> {
    let mut data = vec![0; planes.len()];
    for (channel, values) in planes.chunks_exact(plane.max(1)).enumerate() {
        for (pixel, &value) in data.chunks_exact_mut(3).zip(values) {
            pixel[channel] = value;
        }
    }
    data
}
