//! Frames to video files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::decode::Encoder;
use crate::{RgbImage, VideoError};

/// Writes frames of one even size as an MP4 file: H.264 where FFmpeg has libx264, MPEG-4 part 2 otherwise.
///
/// The file appears whole or not at all: it is written beside its place and moved there.
///
/// # Errors
/// `NO_FRAMES`, `INVALID_FRAME`, `FRAME_SIZE` and `INVALID_OPTION` for what cannot be written, `DECODER_MISSING`,
/// `ENCODE_FAILED`, `FILE_ACCESS`.
pub fn write_video(path: &Path, frames: &[RgbImage], fps: f64) -> Result<(), VideoError> {
    let (width, height) = check(path, frames)?;
    if !(fps.is_finite() && fps > 0.0 && fps <= 1000.0) {
        return Err(VideoError::InvalidOption {
            field: "fps".into(),
            expected: "frames per second above 0 and up to 1000".into(),
            received: fps.to_string(),
        });
    }
    let draft = Draft::beside(path)?;
    let mut encoder =
        Encoder::open(&draft.0, width, height, fps).map_err(|error| named(error, path))?;
    for frame in frames {
        encoder.write(frame).map_err(|error| named(error, path))?;
    }
    encoder.finish().map_err(|error| named(error, path))?;
    fs::rename(&draft.0, path).map_err(|error| VideoError::FileAccess {
        action: "write",
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

fn check(path: &Path, frames: &[RgbImage]) -> Result<(u32, u32), VideoError> {
    let Some(first) = frames.first() else {
        return Err(VideoError::NoFrames {
            path: path.to_owned(),
            expected: "at least one frame to write".into(),
            received: "none".into(),
        });
    };
    let (width, height) = (first.width, first.height);
    for (index, frame) in frames.iter().enumerate() {
        let field = format!("frames[{index}]");
        frame.check(&field)?;
        if (frame.width, frame.height) != (width, height) {
            return Err(VideoError::FrameSize {
                path: field.into(),
                width: frame.width,
                height: frame.height,
                expected_width: width,
                expected_height: height,
            });
        }
    }
    if !width.is_multiple_of(2) || !height.is_multiple_of(2) {
        // The colour planes have half the size.
        return Err(VideoError::InvalidFrame {
            field: "frames".into(),
            expected: "even width and height".into(),
            received: format!("{width}x{height}"),
        });
    }
    Ok((width, height))
}

/// The error with the file's final name.
fn named(error: VideoError, path: &Path) -> VideoError {
    match error {
        VideoError::EncodeFailed { reason, .. } => {
            VideoError::EncodeFailed { path: path.to_owned(), reason }
        }
        other => other,
    }
}

/// A file that is removed unless it was moved to its place.
struct Draft(PathBuf);

impl Draft {
    fn beside(path: &Path) -> Result<Self, VideoError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let Some(name) = path.file_name() else {
            return Err(VideoError::InvalidOption {
                field: "path".into(),
                expected: "the name of a file to write".into(),
                received: path.display().to_string(),
            });
        };
        let mut draft = std::ffi::OsString::from(".");
        draft.push(name);
        draft.push(format!(".{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        Ok(Self(path.with_file_name(draft)))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
