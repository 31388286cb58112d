//! Data made ready: [`lists`] are made and converted, [`frames`] extracted, and lists [`check`]ed against the files.

pub mod check;
pub mod frames;
pub mod lists;

mod clean;
pub(crate) mod each;
mod extract;
mod folder;
mod probe;
mod sources;
mod whole;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use crate::VideoError;

/// Work of the three kinds, as one value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "camelCase")]
pub enum PrepareConfig {
    /// Make or convert lists.
    Lists(lists::ListsConfig),
    /// Extract frames.
    Frames(frames::FramesConfig),
    /// Check lists.
    Check(check::CheckConfig),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum PrepareResult {
    /// Lists that were written.
    Lists(lists::ListsResult),
    /// Frames that were extracted.
    Frames(frames::FramesResult),
    /// What the lists have.
    Check(check::CheckResult),
}

/// A video that is done.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Videos that are done.
    pub done: usize,
    /// All videos.
    pub total: usize,
    /// The one that was finished just now.
    pub input: String,
    /// What kept it from being done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failed>,
}

/// A file that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    /// The path as it was given.
    pub input: String,
    /// The error's code.
    pub code: String,
    /// The error's words.
    pub message: String,
}

impl Failed {
    fn new(input: impl Into<String>, error: &VideoError) -> Self {
        Self { input: input.into(), code: error.code().into(), message: error.to_string() }
    }
}

/// Who hears of the work, and how it is stopped.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Hears of every video that is done, on the thread that called.
    pub step: &'a dyn Fn(&Step),
    /// Stops the work when it becomes true: the result is then `ABORTED`.
    pub cancel: &'a AtomicBool,
}

impl Watch<'_> {
    fn check(&self) -> Result<(), VideoError> {
        if self.cancel.load(Ordering::Relaxed) { Err(VideoError::Aborted) } else { Ok(()) }
    }
}

/// Does the work.
///
/// # Errors
/// Those of [`lists::make`], [`frames::extract`] and [`check::check`].
pub fn prepare(config: &PrepareConfig, watch: Watch<'_>) -> Result<PrepareResult, VideoError> {
    match config {
        PrepareConfig::Lists(config) => lists::make(config, watch).map(PrepareResult::Lists),
        PrepareConfig::Frames(config) => frames::extract(config, watch).map(PrepareResult::Frames),
        PrepareConfig::Check(config) => check::check(config, watch).map(PrepareResult::Check),
    }
}

/// The error for a file or folder that the system refuses.
fn access(action: &'static str, path: &Path, error: &std::io::Error) -> VideoError {
    match error.kind() {
        std::io::ErrorKind::NotFound => VideoError::FileNotFound { path: path.to_owned() },
        _ => VideoError::FileAccess { action, path: path.to_owned(), reason: error.to_string() },
    }
}

/// Threads that work at once, as asked for or one per processor.
fn workers(asked: Option<usize>) -> Result<usize, VideoError> {
    match asked {
        None => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
        Some(workers @ 1..=1024) => Ok(workers),
        Some(other) => Err(VideoError::option("workers", "an integer from 1 to 1024", other)),
    }
}
