//! Everything that can go wrong in a run, with the causes of the layers below kept whole.

use std::path::{Path, PathBuf};

use timeweave_kernels::KernelError;
use timeweave_models::ModelError;
use timeweave_video::VideoError;

/// Why a run, a prediction or a configuration failed. [`EngineError::code`] is public API.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A configuration with a value that cannot be.
    #[error("expected {expected} for {path} but received {received}{}", suggest(.suggestion.as_ref()))]
    ConfigInvalid {
        /// JSON path of the value, such as `optimizer.lr`.
        path: String,
        /// What it may be.
        expected: String,
        /// What it is.
        received: String,
        /// The known name that comes closest.
        suggestion: Option<String>,
    },
    /// The operating system refused a file of the run.
    #[error("could not {action} {}: {reason}", path.display())]
    FileAccess {
        /// `read`, `write` or `make`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// A file that a configuration names is not there.
    #[error("expected a file for {field} but received {}: no such file or directory", path.display())]
    FileNotFound {
        /// JSON path of the field.
        field: String,
        /// The file.
        path: PathBuf,
    },
    /// What is there cannot be resumed from.
    #[error("cannot resume from {}: {reason}", path.display())]
    ResumeInvalid {
        /// The run folder or state file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The loss left the finite numbers.
    #[error(
        "expected a finite loss but received {loss} in epoch {epoch}, step {step}; lower optimizer.lr or train.clipGradient, or check the data"
    )]
    LossNotFinite {
        /// The loss.
        loss: f64,
        /// The epoch, from 1.
        epoch: u64,
        /// The step in the epoch, from 1.
        step: u64,
    },
    /// No sample of a list could be read.
    #[error("expected at least one readable sample in {} but received {skipped} that failed; the first: {first}", list.display())]
    NoSamples {
        /// The list file.
        list: PathBuf,
        /// How many samples failed.
        skipped: usize,
        /// Code and message of the first.
        first: String,
    },
    /// The device is not there.
    #[error("expected a device that is present but received {device}: {reason}")]
    DeviceUnavailable {
        /// The device asked for.
        device: String,
        /// Why it cannot serve.
        reason: String,
    },
    /// A tensor or an option handed to a call does not fit.
    #[error("expected {expected} for {field} but received {received}")]
    InputInvalid {
        /// What was handed in.
        field: String,
        /// What it may be.
        expected: String,
        /// What it is.
        received: String,
    },
    /// The caller stopped the run.
    #[error("the run was stopped by its caller{}", resumable(.checkpoint.as_deref()))]
    Aborted {
        /// What the run can be resumed from.
        checkpoint: Option<PathBuf>,
    },
    /// libtorch refused an operation.
    #[error("libtorch failed to {action}: {reason}")]
    Libtorch {
        /// What was being done.
        action: &'static str,
        /// libtorch's words.
        reason: String,
    },
    /// A temporal operation.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// A network or a checkpoint.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A video, a list or a data set.
    #[error(transparent)]
    Video(#[from] VideoError),
}

fn suggest(suggestion: Option<&String>) -> String {
    suggestion.map_or_else(String::new, |name| format!("; did you mean {name}?"))
}

fn resumable(checkpoint: Option<&Path>) -> String {
    checkpoint
        .map_or_else(String::new, |path| format!("; it can be resumed from {}", path.display()))
}

impl EngineError {
    /// The public code of the error, in `UPPER_SNAKE`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ConfigInvalid { .. } => "CONFIG_INVALID",
            Self::FileAccess { .. } => "FILE_ACCESS",
            Self::FileNotFound { .. } => "FILE_NOT_FOUND",
            Self::ResumeInvalid { .. } => "RESUME_INVALID",
            Self::LossNotFinite { .. } => "LOSS_NOT_FINITE",
            Self::NoSamples { .. } => "NO_SAMPLES",
            Self::DeviceUnavailable { .. } => "DEVICE_UNAVAILABLE",
            Self::InputInvalid { .. } => "INPUT_INVALID",
            Self::Aborted { .. } => "ABORTED",
            Self::Libtorch { .. } => "LIBTORCH_ERROR",
            Self::Kernel(error) => error.code(),
            Self::Model(error) => error.code(),
            Self::Video(error) => error.code(),
        }
    }

    /// A configured value that cannot be.
    pub(crate) fn config(
        path: impl Into<String>,
        expected: &str,
        received: impl Into<String>,
    ) -> Self {
        Self::ConfigInvalid {
            path: path.into(),
            expected: expected.to_owned(),
            received: received.into(),
            suggestion: None,
        }
    }

    /// Wraps what the operating system said of `path`.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::FileAccess { action, path: path.to_owned(), reason: error.to_string() }
    }

    /// Wraps what libtorch said.
    pub(crate) fn libtorch(action: &'static str) -> impl FnOnce(tch::TchError) -> Self {
        move |error| Self::Libtorch { action, reason: first_line(&error.to_string()) }
    }
}

/// The message without libtorch's C++ backtrace.
fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}
