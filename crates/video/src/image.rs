//! The image that decoders give and transforms take.

use crate::VideoError;

/// A packed 8-bit RGB image: `height` rows of `width` pixels of three bytes, without padding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RgbImage {
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `height * width * 3` bytes, row by row, red first.
    pub data: Vec<u8>,
}

impl RgbImage {
    /// Takes pixels that are already packed.
    ///
    /// # Errors
    /// `INVALID_FRAME` when a side is zero or `data` does not hold `width * height * 3` bytes.
    pub fn new(width: u32, height: u32, data: Vec<u8>) -> Result<Self, VideoError> {
        let image = Self { width, height, data };
        image.check("frame")?;
        Ok(image)
    }

    /// Bytes that an image of this size holds.
    pub fn byte_count(width: u32, height: u32) -> usize {
        width as usize * height as usize * 3
    }

    /// Checks the size against the data; `field` is the name used in the error.
    ///
    /// # Errors
    /// `INVALID_FRAME` as for [`RgbImage::new`].
    pub fn check(&self, field: &str) -> Result<(), VideoError> {
        let invalid = |expected: String, received: String| {
            Err(VideoError::InvalidFrame { field: field.to_owned(), expected, received })
        };
        if self.width == 0 || self.height == 0 {
            return invalid(
                "sides of at least one pixel".into(),
                format!("{}x{}", self.width, self.height),
            );
        }
        let bytes = Self::byte_count(self.width, self.height);
        if self.data.len() != bytes {
            return invalid(
                format!("{bytes} bytes ({}x{} RGB)", self.width, self.height),
                format!("{} bytes", self.data.len()),
            );
        }
        Ok(())
    }
}
