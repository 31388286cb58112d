//! The encoder of the shared object.

use std::ffi::c_void;
use std::path::{Path, PathBuf};

use super::{Failure, Plugin};
use crate::{RgbImage, VideoError};

/// A video file being written; dropped without [`Encoder::finish`] it leaves a useless file.
pub(crate) struct Encoder {
    plugin: &'static Plugin,
    handle: *mut c_void,
    path: PathBuf,
}

impl Encoder {
    /// Creates the file, for frames of `width` x `height` pixels.
    pub(crate) fn open(path: &Path, width: u32, height: u32, fps: f64) -> Result<Self, VideoError> {
        let plugin = Plugin::get()?;
        let name = path.as_os_str().as_encoded_bytes();
        let (mut handle, mut failure) = (std::ptr::null_mut(), Failure::new());
        // SAFETY: all pointers are to live values; the handle is written on success only.
        let status = unsafe {
            (plugin.encoder_open)(
                name.as_ptr(),
                name.len(),
                width,
                height,
                fps,
                &raw mut handle,
                &raw mut failure,
            )
        };
        if status != 0 {
            return Err(failure.into_error(path, None));
        }
        Ok(Self { plugin, handle, path: path.to_owned() })
    }

    /// Appends one frame.
    pub(crate) fn write(&mut self, image: &RgbImage) -> Result<(), VideoError> {
        let mut failure = Failure::new();
        // SAFETY: the handle is open, the data readable for its length.
        let status = unsafe {
            (self.plugin.encoder_write)(
                self.handle,
                image.data.as_ptr(),
                image.data.len(),
                &raw mut failure,
            )
        };
        if status == 0 { Ok(()) } else { Err(failure.into_error(&self.path, None)) }
    }

    /// Completes the file.
    pub(crate) fn finish(mut self) -> Result<(), VideoError> {
        let mut failure = Failure::new();
        let handle = std::mem::replace(&mut self.handle, std::ptr::null_mut());
        // SAFETY: the handle is open and given back here; drop closes null, which does nothing.
        let status = unsafe { (self.plugin.encoder_close)(handle, 1, &raw mut failure) };
        if status == 0 { Ok(()) } else { Err(failure.into_error(&self.path, None)) }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: the handle is null or open, and not used again.
        unsafe { (self.plugin.encoder_close)(self.handle, 0, std::ptr::null_mut()) };
    }
}
