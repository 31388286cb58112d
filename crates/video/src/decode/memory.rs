//! Frames that are decoded already.

use std::path::PathBuf;

use crate::{RgbImage, VideoError, VideoInfo, VideoSource};

struct Memory {
    info: VideoInfo,
    frames: Vec<RgbImage>,
}

/// A source over decoded frames of one size.
///
/// # Errors
/// `NO_FRAMES` without a frame, `INVALID_FRAME` when a size does not fit the data, `FRAME_SIZE` when sizes differ.
pub fn from_frames(frames: Vec<RgbImage>) -> Result<Box<dyn VideoSource>, VideoError> {
    let Some(first) = frames.first() else {
        return Err(VideoError::NoFrames {
            path: name(),
            expected: "at least one frame".into(),
            received: "none".into(),
        });
    };
    let (width, height) = (first.width, first.height);
    for (index, frame) in frames.iter().enumerate() {
        frame.check(&format!("frames[{index}]"))?;
        if (frame.width, frame.height) != (width, height) {
            return Err(VideoError::FrameSize {
                path: PathBuf::from(format!("frames[{index}]")),
                width: frame.width,
                height: frame.height,
                expected_width: width,
                expected_height: height,
            });
        }
    }
    let info = VideoInfo {
        width,
        height,
        frames: Some(frames.len()),
        fps: None,
        decoder: "memory",
        damage: None,
    };
    Ok(Box::new(Memory { info, frames }))
}

fn name() -> PathBuf {
    PathBuf::from("the frames in memory")
}

impl VideoSource for Memory {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn frame_count(&mut self) -> Result<usize, VideoError> {
        Ok(self.frames.len())
    }

    fn frames(&mut self, indices: &[usize]) -> Result<Vec<RgbImage>, VideoError> {
        let frames = self.frames.len();
        let get = |&frame: &usize| {
            self.frames.get(frame).cloned().ok_or_else(|| VideoError::FrameOutOfRange {
                path: name(),
                frame,
                frames,
            })
        };
        indices.iter().map(get).collect()
    }
}
