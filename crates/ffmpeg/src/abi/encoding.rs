//! The part of the interface that writes files.

use std::slice;

use super::{TwError, guard, null};
use crate::encoder::Encoder;

/// Creates an MP4 file for frames of one even size.
///
/// # Safety
/// All pointers must be valid; `out` receives a handle for [`tw_encoder_close`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tw_encoder_open(
    path: *const u8,
    path_bytes: usize,
    width: u32,
    height: u32,
    fps: f64,
    out: *mut *mut Encoder,
    error: *mut TwError,
) -> i32 {
    guard(error, || {
        if path.is_null() || out.is_null() {
            return Err(null());
        }
        // SAFETY: the caller states so.
        let path = unsafe { slice::from_raw_parts(path, path_bytes) };
        let encoder =
            Box::into_raw(Box::new(Encoder::open(path, width as usize, height as usize, fps)?));
        // SAFETY: `out` is not null and writable.
        unsafe { out.write(encoder) };
        Ok(())
    })
}

/// Appends one packed RGB frame.
///
/// # Safety
/// `encoder` must be an open handle, `rgb` readable for `rgb_bytes` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tw_encoder_write(
    encoder: *mut Encoder,
    rgb: *const u8,
    rgb_bytes: usize,
    error: *mut TwError,
) -> i32 {
    guard(error, || {
        if rgb.is_null() {
            return Err(null());
        }
        // SAFETY: the caller states so.
        let (encoder, rgb) =
            unsafe { (encoder.as_mut().ok_or_else(null)?, slice::from_raw_parts(rgb, rgb_bytes)) };
        encoder.write(rgb)
    })
}

/// Closes a file: completes it when `finish` is not zero, and leaves a useless file otherwise.
///
/// # Safety
/// `encoder` must be null or an open handle, which is void afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tw_encoder_close(
    encoder: *mut Encoder,
    finish: i32,
    error: *mut TwError,
) -> i32 {
    if encoder.is_null() {
        return 0;
    }
    guard(error, || {
        // SAFETY: the handle came from `tw_encoder_open` and is given back once.
        let mut encoder = unsafe { Box::from_raw(encoder) };
        if finish == 0 { Ok(()) } else { encoder.finish() }
    })
}
