//! Everything that can go wrong between a file and a clip.

use std::path::{Path, PathBuf};

/// Why a video, a frame or a record could not be had. [`VideoError::code`] is public API.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VideoError {
    /// Nothing is there.
    #[error("expected a video file or a folder of frames but received {}: no such file or directory", path.display())]
    FileNotFound {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The operating system refused to read or write.
    #[error("could not {action} {}: {reason}", path.display())]
    FileAccess {
        /// `read`, `write` or `list`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// FFmpeg does not know the file as a video.
    #[error("expected a video file that FFmpeg can open but received {}: {reason}", path.display())]
    NotAVideo {
        /// The file.
        path: PathBuf,
        /// FFmpeg's words.
        reason: String,
    },
    /// The container holds no stream of pictures, or not the one asked for.
    #[error("expected {expected} in {} but received a file with {received}", path.display())]
    NoVideoStream {
        /// The file.
        path: PathBuf,
        /// What was wanted.
        expected: String,
        /// What the container holds.
        received: String,
    },
    /// The decoder's shared object or FFmpeg's libraries are not there.
    #[error(
        "the video decoder could not be loaded: {reason}; install FFmpeg's libraries (Debian, Ubuntu: `apt install ffmpeg`; macOS: `brew install ffmpeg`) and build `timeweave-ffmpeg`, or use folders of JPEG, PNG or WebP frames"
    )]
    DecoderMissing {
        /// What was looked for, and the loader's words.
        reason: String,
    },
    /// A frame could not be decoded.
    #[error("could not decode frame {frame} of {}: {reason}", path.display())]
    DecodeFailed {
        /// The file.
        path: PathBuf,
        /// The frame's index, from 0.
        frame: usize,
        /// FFmpeg's words, and how many frames decode.
        reason: String,
    },
    /// A file that is cut or spoilt, and was to be whole.
    #[error("expected {} in {} but received a damaged file of which {frames} decode: {reason}; `decode.damaged: 'use'` takes the frames before the damage", announced(*expected), path.display())]
    DamagedVideo {
        /// The file.
        path: PathBuf,
        /// Frames that decode.
        frames: usize,
        /// Frames that the container announces, where it does.
        expected: Option<usize>,
        /// What was found, with FFmpeg's words.
        reason: String,
    },
    /// An index past the end.
    #[error("expected a frame index below {frames} for {} but received {frame}", path.display())]
    FrameOutOfRange {
        /// The file or folder.
        path: PathBuf,
        /// The index asked for.
        frame: usize,
        /// How many frames there are.
        frames: usize,
    },
    /// A folder, or a row of frames, without what is to be read.
    #[error("expected {expected} in {} but received {received}", path.display())]
    NoFrames {
        /// The folder.
        path: PathBuf,
        /// What was looked for.
        expected: String,
        /// What is there, and what to do with it.
        received: String,
    },
    /// Optical flow was asked of something that holds none.
    #[error(
        "expected optical flow (a folder with pairs of images such as `flow_x_00001.jpg` and `flow_y_00001.jpg`) but received {received}; {advice}"
    )]
    NoFlow {
        /// What was given.
        received: String,
        /// What to do.
        advice: &'static str,
    },
    /// A hole in the numbering of a frame folder.
    #[error("expected frame {} (index {frame}) but received a folder without it", path.display())]
    FrameMissing {
        /// The file that should be there.
        path: PathBuf,
        /// The frame's index, from 0.
        frame: usize,
    },
    /// Frames of one video differ in size.
    #[error("expected a frame of {expected_width}x{expected_height} pixels, the size of the first, for {} but received {width}x{height}", path.display())]
    FrameSize {
        /// The image file, or the name of the frame in memory.
        path: PathBuf,
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
        /// Width of the first frame.
        expected_width: u32,
        /// Height of the first frame.
        expected_height: u32,
    },
    /// An image file that is no readable JPEG, PNG or WebP.
    #[error("expected a readable JPEG, PNG or WebP image but received {}: {reason}", path.display())]
    InvalidImage {
        /// The image file.
        path: PathBuf,
        /// The image library's words.
        reason: String,
    },
    /// A decoded frame that was handed in has an impossible size.
    #[error("expected {expected} for {field} but received {received}")]
    InvalidFrame {
        /// Which frame.
        field: String,
        /// What it should hold.
        expected: String,
        /// What it holds.
        received: String,
    },
    /// An option with an impossible value.
    #[error("expected {expected} for {field} but received {received}")]
    InvalidOption {
        /// The option's name or path.
        field: String,
        /// What it may be.
        expected: String,
        /// What it is.
        received: String,
    },
    /// A video could not be written.
    #[error("could not write the video {}: {reason}", path.display())]
    EncodeFailed {
        /// The file.
        path: PathBuf,
        /// FFmpeg's words.
        reason: String,
    },
    /// A source that holds no frame at all.
    #[error("expected a video with at least one frame but received an empty one")]
    EmptyVideo,
    /// No list file is there.
    #[error("expected a list file but received {}: no such file", path.display())]
    ListNotFound {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// A line of a list that cannot be read.
    #[error("{}:{line}: expected {expected} for {field} but received {received}", file.display())]
    ListInvalid {
        /// The list file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column's name, with its number from 1.
        field: String,
        /// What it may hold.
        expected: String,
        /// What it holds.
        received: String,
    },
    /// A list whose lines could be of two dialects.
    #[error("{}:{line}: expected a list of one dialect but received lines that could be of several ({candidates}); name the one that is meant as its format", file.display())]
    ListAmbiguous {
        /// The list file.
        file: PathBuf,
        /// A line that leaves it open, from 1.
        line: usize,
        /// The names of the dialects.
        candidates: String,
    },
    /// A record that the dialect to write cannot hold.
    #[error("{}:{line}: expected a record that {format} can hold but received {received}", file.display())]
    ListLossy {
        /// The list that the record is from.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// The dialect to write.
        format: &'static str,
        /// What would be lost.
        received: String,
    },
    /// A label that the classifier has no output for.
    #[error("{}:{line}: expected a label from 0 to {} (numClasses is {num_classes}) but received {label}", file.display(), num_classes.saturating_sub(1))]
    LabelOutOfRange {
        /// The list file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The label.
        label: usize,
        /// Outputs of the classifier.
        num_classes: usize,
    },
    /// A list without a record.
    #[error("expected at least one record in {} but received an empty list", file.display())]
    EmptyList {
        /// The list file.
        file: PathBuf,
    },
    /// A record of a list whose video failed.
    #[error("{}:{line}: {}{source}", file.display(), unnamed(video, source))]
    Sample {
        /// The list file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The video of that line.
        video: PathBuf,
        /// What went wrong with it; its code is the code of this error.
        source: Box<VideoError>,
    },
    /// The work was asked to stop.
    #[error("the work was stopped")]
    Aborted,
    /// A worker of the loader ended by a panic.
    #[error(
        "a worker stopped while it read record {record}: {reason}; this is a defect of timeweave"
    )]
    WorkerFailed {
        /// The record, from 0.
        record: usize,
        /// The panic's words.
        reason: String,
    },
    /// The decoder failed in a way that it should not.
    #[error("the decoder failed on {}: {reason}; this is a defect of timeweave, please report it", path.display())]
    DecoderDefect {
        /// The file.
        path: PathBuf,
        /// What is known.
        reason: String,
    },
}

/// The video, where the failure does not name it.
fn unnamed(video: &Path, source: &VideoError) -> String {
    let video = video.display().to_string();
    if source.to_string().contains(&video) { String::new() } else { format!("{video}: ") }
}

/// How many frames a file was to have.
fn announced(expected: Option<usize>) -> String {
    expected.map_or_else(|| "a whole video".to_owned(), |frames| format!("{frames} frames"))
}

impl VideoError {
    /// An option with an impossible value; `expected` completes "expected ... for field".
    pub(crate) fn option(
        field: impl Into<String>,
        expected: impl Into<String>,
        received: impl std::fmt::Display,
    ) -> Self {
        Self::InvalidOption {
            field: field.into(),
            expected: expected.into(),
            received: received.to_string(),
        }
    }

    /// The public code of the error, in `UPPER_SNAKE`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::FileNotFound { .. } => "FILE_NOT_FOUND",
            Self::FileAccess { .. } => "FILE_ACCESS",
            Self::NotAVideo { .. } => "NOT_A_VIDEO",
            Self::NoVideoStream { .. } => "NO_VIDEO_STREAM",
            Self::DecoderMissing { .. } => "DECODER_MISSING",
            Self::DecodeFailed { .. } => "DECODE_FAILED",
            Self::DamagedVideo { .. } => "DAMAGED_VIDEO",
            Self::FrameOutOfRange { .. } => "FRAME_OUT_OF_RANGE",
            Self::NoFrames { .. } => "NO_FRAMES",
            Self::NoFlow { .. } => "NO_FLOW",
            Self::FrameMissing { .. } => "FRAME_MISSING",
            Self::FrameSize { .. } => "FRAME_SIZE",
            Self::InvalidImage { .. } => "INVALID_IMAGE",
            Self::InvalidFrame { .. } => "INVALID_FRAME",
            Self::InvalidOption { .. } => "INVALID_OPTION",
            Self::EncodeFailed { .. } => "ENCODE_FAILED",
            Self::DecoderDefect { .. } => "INTERNAL",
            Self::EmptyVideo => "EMPTY_VIDEO",
            Self::ListNotFound { .. } => "LIST_NOT_FOUND",
            Self::ListInvalid { .. } => "LIST_INVALID",
            Self::ListAmbiguous { .. } => "LIST_AMBIGUOUS",
            Self::ListLossy { .. } => "LIST_LOSSY",
            Self::Aborted => "ABORTED",
            Self::LabelOutOfRange { .. } => "LABEL_OUT_OF_RANGE",
            Self::EmptyList { .. } => "EMPTY_LIST",
            Self::Sample { source, .. } => source.code(),
            Self::WorkerFailed { .. } => "WORKER_FAILED",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_names_its_video_once() {
        let of = |source: VideoError| {
            let source = Box::new(source);
            let (file, video) = ("list.txt".into(), "a b.mkv".into());
            VideoError::Sample { file, line: 3, video, source }.to_string()
        };
        let empty = of(VideoError::EmptyVideo);
        assert!(empty.starts_with("list.txt:3: a b.mkv: expected a video"), "{empty}");
        let missing = of(VideoError::FileNotFound { path: "a b.mkv".into() });
        assert_eq!(missing.matches("a b.mkv").count(), 1, "{missing}");
    }
}
