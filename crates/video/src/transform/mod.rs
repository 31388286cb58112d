//! Frames to clips: scale, crop, flip and normalise.

pub mod crop;
pub mod normalize;
pub mod preprocess;
pub mod resize;

pub use crop::MultiScale;
pub use normalize::{IMAGENET_MEAN, IMAGENET_STD, normalize_into};
pub use preprocess::{Preprocess, eval_clip, train_clip};

use crate::RgbImage;
use resize::{Resize, Scratch};

/// The frames of one clip, planar: `[T, 3, H, W]`, 8 bit, red first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clip {
    /// `frames * channels * height * width` bytes in that order.
    pub data: Vec<u8>,
    /// T.
    pub frames: usize,
    /// Always 3.
    pub channels: usize,
    /// H, in pixels.
    pub height: usize,
    /// W, in pixels.
    pub width: usize,
}

impl Clip {
    /// A black clip.
    pub fn new(frames: usize, height: usize, width: usize) -> Self {
        Self { data: vec![0; frames * 3 * height * width], frames, channels: 3, height, width }
    }

    /// `[T, 3, H, W]`.
    pub fn shape(&self) -> [usize; 4] {
        [self.frames, self.channels, self.height, self.width]
    }

    /// One frame as a packed image.
    pub fn frame(&self, index: usize) -> Option<RgbImage> {
        let plane = self.height * self.width;
        let planes = self.data.chunks_exact(3 * plane).nth(index)?;
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
