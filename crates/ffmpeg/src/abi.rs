//! The C interface: every function returns 0 or a [`Class`](crate::failure::Class) number and fills the caller's [`TwError`].
//!
//! A handle may be used by one thread at a time, and by any. Null handles are refused, closing null does nothing.

mod encoding;

use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

use crate::failure::{Class, Damage, Failure};
use crate::input::Options;
use crate::reader::Reader;
use crate::versions::versions;

/// Names the functions and structures below; a caller made for another number must not call them.
pub const ABI_VERSION: u32 = 4;

/// Bytes of an error's text, with its final zero.
pub const TEXT_BYTES: usize = 512;

/// Where a failure is written; owned by the caller.
#[repr(C)]
pub struct TwError {
    /// The class, equal to the status returned.
    pub class: i32,
    /// Zero.
    pub reserved: i32,
    /// The frame concerned.
    pub frame: u64,
    /// How many frames (or video streams) there are.
    pub frames: u64,
    /// UTF-8, ended by a zero.
    pub text: [u8; TEXT_BYTES],
}

/// How to open a file.
#[repr(C)]
pub struct TwOpenOptions {
    /// The n-th video stream, or -1 for FFmpeg's choice.
    pub stream: i64,
    /// Decoder threads, at least one.
    pub threads: u32,
    /// Not zero: turn frames upright as the display matrix says.
    pub rotate: u32,
    /// What [`tw_video_index`] gave for the same file, stream and libraries, or null.
    pub index: *const u8,
    /// Bytes of `index`.
    pub index_bytes: usize,
}

/// What is known of an open file.
#[repr(C)]
pub struct TwInfo {
    /// Width of the frames as they come out.
    pub width: u32,
    /// Height of the frames as they come out.
    pub height: u32,
    /// Frames, or -1 where counting them needs decoding.
    pub frames: i64,
    /// Frames per second, or 0 where unknown.
    pub fps: f64,
}

/// What is wrong with an open file.
#[repr(C)]
pub struct TwDamage {
    /// Not zero: something is.
    pub is_damaged: u32,
    /// Zero.
    pub reserved: u32,
    /// Frames that the container announces, or -1 where it does not.
    pub expected: i64,
    /// What was found: UTF-8, ended by a zero.
    pub text: [u8; TEXT_BYTES],
}

/// Writes text with its final zero, shortened to fit.
fn write_text(text: &str, out: &mut [u8; TEXT_BYTES]) {
    let length = text.floor_char_boundary(TEXT_BYTES - 1);
    out[..length].copy_from_slice(&text.as_bytes()[..length]);
    out[length] = 0;
}

/// Runs one entry: neither panics nor errors leave it.
fn guard(error: *mut TwError, entry: impl FnOnce() -> Result<(), Failure>) -> i32 {
    let result = catch_unwind(AssertUnwindSafe(entry)).unwrap_or_else(|_| {
        Err(Failure::new(Class::Internal, "the decoder met a defect of its own"))
    });
    let Err(failure) = result else { return 0 };
    // SAFETY: null, or the caller's structure.
    if let Some(error) = unsafe { error.as_mut() } {
        error.class = failure.class as i32;
        error.reserved = 0;
        (error.frame, error.frames) = (failure.frame as u64, failure.frames as u64);
        write_text(&failure.text, &mut error.text);
    }
    failure.class as i32
}

fn null() -> Failure {
    Failure::new(Class::Argument, "expected a pointer but received null")
}

/// # Safety
/// `indices` must be null or hold `count` entries.
unsafe fn numbers(indices: *const u64, count: usize) -> Result<Vec<usize>, Failure> {
    if indices.is_null() {
        return Err(null());
    }
    // SAFETY: not null, and the caller states the length.
    let indices = unsafe { slice::from_raw_parts(indices, count) };
    Ok(indices.iter().map(|&index| index as usize).collect())
}

/// [`ABI_VERSION`].
#[unsafe(no_mangle)]
pub extern "C" fn tw_ffmpeg_abi_version() -> u32 {
    ABI_VERSION
}

/// Writes the versions of FFmpeg's libraries as zero-ended text; returns its length without the zero.
///
/// # Safety
/// `buffer` must be writable for `capacity` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tw_ffmpeg_versions(buffer: *mut c_char, capacity: usize) -> usize {
    let text = catch_unwind(versions).unwrap_or_default();
    if buffer.is_null() || capacity == 0 {
        return 0;
    }
    let length = text.len().min(capacity - 1);
    // SAFETY: `length` and the zero after it fit the capacity that the caller states.
    unsafe {
        buffer.copy_from_nonoverlapping(text.as_ptr().cast(), length);
        buffer.add(length).write(0);
    }
    length
}

/// Opens a video file; `path` holds `path_bytes` bytes.
///
/// # Safety
/// All pointers must be valid; `out` receives a handle for [`tw_video_close`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tw_video_open(
    path: *const u8,
    path_bytes: usize,
    options: *const TwOpenOptions,
    out: *mut *mut Reader,
    error: *mut TwError,
) -> i32 {
    guard(error, || {
        if path.is_null() || out.is_null() {
            return Err(null());
        }
        // SAFETY: the caller states so.
        let (path, options) = unsafe {
            (slice::from_raw_parts(path, path_bytes), options.as_ref().ok_or_else(null)?)
        };
        let saved = (!options.index.is_null()).then(|| {
            // SAFETY: not null, and the caller states the length.
            unsafe { slice::from_raw_parts(options.index, options.index_bytes) }
        });
        let options = Options {
            stream: usize::try_from(options.stream).ok(),
            threads: options.threads as usize,
            rotate: options.rotate != 0,
            seek: true,
        };
        let reader = Box::into_raw(Box::new(Reader::open(path, options, saved)?));
        // SAFETY: `out` is not null and writable.
        unsafe { out.write(reader) };
        Ok(())
    })
}

/// Says what is known without decoding.
///
/// # Safety
/// `reader` must be an open handle, `out` writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tw_video_info(
    reader: *mut Reader,
    out: *mut TwInfo,
    error: *mut TwError,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller states so.
        let (reader, out) =
            unsafe { (reader.as_ref().ok_or_else(null)?, out.as_mut().ok_or_else(null)?) };
        let (width, height) = reader.size();
        let frames = reader.known_frames().map_or(-1, |frames| frames as i64);
        *out = TwInfo {
            width: width as u32,
            height: height as u32,
            frames,
            fps: reader.frame_rate().unwrap_or(0.0),
        };
        Ok(())
    })
}

/// Counts the frames that decode, by decoding where nothing else is sure.
///
/// # Safety
/// `reader` must be an open handle, `out` writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tw_video_frame_count(
    reader: *mut Reader,
    out: *mut u64,
    error: *mut TwError,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller states so.
        let (reader, out) =
            unsafe { (reader.as_mut().ok_or_else(null)?, out.as_mut().ok_or_else(null)?) };
        *out = reader.frame_count()? as u64;
        Ok(())
    })
}

/// Writes the index of the file, where finding it out again would take long: `bytes` receives its length, or 0. Nothing is
/// written when it is longer than `capacity`.
///
/// # Safety
/// `reader` must be an open handle, `out` writable for `capacity` bytes, `bytes` writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tw_video_index(
    reader: *mut Reader,
    out: *mut u8,
    capacity: usize,
    bytes: *mut usize,
    error: *mut TwError,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller states so.
        let (reader, bytes) =
            unsafe { (reader.as_ref().ok_or_else(null)?, bytes.as_mut().ok_or_else(null)?) };
        let index = reader.index_to_save().unwrap_or_default();
        *bytes = index.len();
        if index.len() <= capacity && !out.is_null() {
            // SAFETY: `out` is writable for `capacity` bytes.
            unsafe { out.copy_from_nonoverlapping(index.as_ptr(), index.len()) };
        }
        Ok(())
    })
}

/// Says what is wrong with the file, as far as is known: all that shows without decoding after
/// [`tw_video_frame_count`], more when frames were read.
///
/// # Safety
/// `reader` must be an open handle, `out` writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tw_video_damage(
    reader: *mut Reader,
    out: *mut TwDamage,
    error: *mut TwError,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller states so.
        let (reader, out) =
            unsafe { (reader.as_ref().ok_or_else(null)?, out.as_mut().ok_or_else(null)?) };
        let damage = reader.damage();
        (out.is_damaged, out.reserved) = (u32::from(damage.is_some()), 0);
        let Damage { reason, expected } = damage.unwrap_or_default();
        out.expected = expected.map_or(-1, |frames| frames as i64);
        write_text(&reason, &mut out.text);
        Ok(())
    })
}

/// Names the frames that will be asked for, in one call of [`tw_video_frames`] or several.
///
/// # Safety
/// `reader` must be an open handle; `indices` holds `count` entries.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tw_video_expect(
    reader: *mut Reader,
    indices: *const u64,
    count: usize,
    error: *mut TwError,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller states so.
        let reader = unsafe { reader.as_mut().ok_or_else(null)? };
        // SAFETY: as above.
        reader.expect(&unsafe { numbers(indices, count) }?)
    })
}

/// Writes `count` frames, each as packed RGB into its own buffer of `frame_bytes` bytes (width * height * 3).
///
/// # Safety
/// `reader` must be an open handle; `indices` and `buffers` hold `count` entries; the buffers must not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tw_video_frames(
    reader: *mut Reader,
    indices: *const u64,
    buffers: *const *mut u8,
    count: usize,
    frame_bytes: usize,
    error: *mut TwError,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller states so.
        let reader = unsafe { reader.as_mut().ok_or_else(null)? };
        if count == 0 {
            return Ok(());
        }
        // SAFETY: the caller states so.
        let indices = unsafe { numbers(indices, count) }?;
        if buffers.is_null() {
            return Err(null());
        }
        // SAFETY: not null, and as many as the indices.
        let buffers = unsafe { slice::from_raw_parts(buffers, count) };
        if buffers.iter().any(|buffer| buffer.is_null()) {
            return Err(null());
        }
        // SAFETY: the buffers are writable for `frame_bytes` bytes and do not overlap.
        let mut out: Vec<&mut [u8]> = buffers
            .iter()
            .map(|&buffer| unsafe { slice::from_raw_parts_mut(buffer, frame_bytes) })
            .collect();
        reader.frames(&indices, &mut out)
    })
}

/// Closes a video.
///
/// # Safety
/// `reader` must be null or an open handle, which is void afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tw_video_close(reader: *mut Reader) {
    if !reader.is_null() {
        // SAFETY: the handle came from `tw_video_open` and is given back once.
        let reader = unsafe { Box::from_raw(reader) };
        let _ = catch_unwind(AssertUnwindSafe(|| drop(reader)));
    }
}
