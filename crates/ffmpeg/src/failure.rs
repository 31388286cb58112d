//! What went wrong, as it crosses the C interface: a class, numbers and a sentence.

use std::ffi::{CStr, c_char, c_int};

use ffmpeg_next as ff;

use crate::log;

/// The class of a failure; its number is the status of the C functions (0 is success).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Class {
    /// FFmpeg cannot open the file as a video.
    Open = 1,
    /// The container holds no (such) video stream.
    NoVideoStream = 2,
    /// A frame cannot be decoded.
    Decode = 3,
    /// The index lies past the last frame.
    OutOfRange = 4,
    /// A file cannot be written.
    Encode = 5,
    /// A null pointer or an impossible number was passed.
    Argument = 6,
    /// A defect of this library.
    Internal = 7,
}

/// One failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its class.
    pub class: Class,
    /// The frame concerned, for `Decode` and `OutOfRange`.
    pub frame: usize,
    /// How many frames there are, for `Decode` and `OutOfRange`.
    pub frames: usize,
    /// A sentence, with FFmpeg's own words.
    pub text: String,
}

impl Failure {
    /// A failure that concerns no single frame.
    pub fn new(class: Class, text: impl Into<String>) -> Self {
        Self { class, frame: 0, frames: 0, text: text.into() }
    }

    /// A failure with FFmpeg's text for an error number and the last thing it logged.
    pub fn from_code(class: Class, action: &str, code: c_int) -> Self {
        Self::new(class, format!("{action}: {}", describe(code)))
    }
}

/// FFmpeg's text for an error number, followed by the first error it logged on this thread since [`log::clear`].
pub fn describe(code: c_int) -> String {
    let mut buffer = [0 as c_char; 128];
    // SAFETY: the buffer is writable for the length given, and av_strerror always terminates it.
    let text = unsafe {
        ff::ffi::av_strerror(code, buffer.as_mut_ptr(), buffer.len());
        CStr::from_ptr(buffer.as_ptr()).to_string_lossy().into_owned()
    };
    match log::first() {
        Some(line) => format!("{text} ({line})"),
        None => text,
    }
}

/// Why a file gives fewer frames than it was made with, or other ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// What was found, with FFmpeg's words where it has some.
    pub reason: String,
    /// Frames that the container announces, where it does.
    pub expected: Option<usize>,
}
