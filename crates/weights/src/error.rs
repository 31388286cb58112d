//! What can go wrong with a file of weights.

use std::path::{Path, PathBuf};

/// An error of the weights crate; [`WeightsError::code`] is its stable name.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// No file at the path.
    #[error("expected a checkpoint at {} but there is no such file", path.display())]
    NotFound {
        /// The path.
        path: PathBuf,
    },
    /// The file is no checkpoint, or a damaged one.
    #[error("expected a checkpoint but {} {reason}", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What it is instead, as the rest of the sentence.
        reason: String,
    },
    /// The file ends before what it announces.
    #[error("expected a whole checkpoint but {} {reason}", path.display())]
    Truncated {
        /// The path.
        path: PathBuf,
        /// Where it ends, as the rest of the sentence.
        reason: String,
    },
    /// The file asks for more than plain tensors.
    #[error(
        "expected plain tensors but {} holds {refused}, which is never read; save \
         model.state_dict() without compression instead", path.display()
    )]
    Refused {
        /// The path.
        path: PathBuf,
        /// The class, function, opcode or structure that was refused.
        refused: String,
    },
    /// The file claims more than a checkpoint of its size can hold.
    #[error("expected at most {limit} {what} but {} claims {claimed}", path.display())]
    TooLarge {
        /// The path.
        path: PathBuf,
        /// What is counted.
        what: &'static str,
        /// The most that is read.
        limit: u64,
        /// What the file claims, in words.
        claimed: String,
    },
    /// The file could not be written.
    #[error("could not write the checkpoint {}: {source}", path.display())]
    Unwritable {
        /// The path.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A tensor has another shape than the operation takes.
    #[error("expected {tensor} of shape {expected} but received {actual:?}")]
    Shape {
        /// Which tensor.
        tensor: String,
        /// Expected shape in words.
        expected: String,
        /// The shape that came.
        actual: Vec<u64>,
    },
    /// A tensor has another element type than the operation takes.
    #[error("expected {tensor} in a floating-point type but received {actual}")]
    Dtype {
        /// Which tensor.
        tensor: String,
        /// The type that came.
        actual: &'static str,
    },
    /// Nobody that we know gives such names to weights, or names of this source do not fit the
    /// network.
    #[error("expected names of {expected} but received {received}")]
    UnknownNames {
        /// Whose names would do.
        expected: String,
        /// What came, e.g. the first names.
        received: String,
    },
}

impl WeightsError {
    /// The same error, naming the file where it does not do so yet.
    #[must_use]
    pub fn in_file(self, path: &Path) -> Self {
        match self {
            Self::Dtype { tensor, actual } => {
                Self::Dtype { tensor: format!("{tensor} of {}", path.display()), actual }
            }
            Self::UnknownNames { expected, received } => Self::UnknownNames {
                expected,
                received: format!("{received} in {}", path.display()),
            },
            other => other,
        }
    }

    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "CHECKPOINT_NOT_FOUND",
            Self::Unreadable { .. } => "CHECKPOINT_UNREADABLE",
            Self::Truncated { .. } => "CHECKPOINT_TRUNCATED",
            Self::Refused { .. } => "CHECKPOINT_REFUSED",
            Self::TooLarge { .. } => "CHECKPOINT_TOO_LARGE",
            Self::Unwritable { .. } => "CHECKPOINT_UNWRITABLE",
            Self::Shape { .. } => "SHAPE_MISMATCH",
            Self::Dtype { .. } => "DTYPE_MISMATCH",
            Self::UnknownNames { .. } => "CHECKPOINT_NAMES_UNKNOWN",
        }
    }
}

/// A [`WeightsError`] of reading that does not know its file yet.
#[derive(Debug)]
pub(crate) enum Fault {
    Unreadable(String),
    Truncated(String),
    Refused(String),
    TooLarge { what: &'static str, limit: u64, claimed: String },
}

impl Fault {
    pub(crate) fn at(self, path: &Path) -> WeightsError {
        let path = path.to_path_buf();
        match self {
            Self::Unreadable(reason) => WeightsError::Unreadable { path, reason },
            Self::Truncated(reason) => WeightsError::Truncated { path, reason },
            Self::Refused(refused) => WeightsError::Refused { path, refused },
            Self::TooLarge { what, limit, claimed } => {
                WeightsError::TooLarge { path, what, limit, claimed }
            }
        }
    }
}

/// A text of a file as it may stand in a message: short and without control characters.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 120;
    let mut shown: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push_str("...");
    }
    format!("'{shown}'")
}
