//! What can go wrong with a network or its weights.

use std::path::PathBuf;

use tch::{Kind, TchError};
use timeweave_kernels::KernelError;
use timeweave_weights::WeightsError;

/// An error of the models crate; [`ModelError::code`] is its stable name.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A field of a spec has a value that fits no network.
    #[error("expected {expected} for model.{field} but received {received}")]
    InvalidSpec {
        /// Field in its JSON spelling.
        field: &'static str,
        /// What it may be.
        expected: String,
        /// What it was.
        received: String,
    },
    /// A tensor has another shape than the network takes.
    #[error("expected {tensor} of shape {expected} but received {actual:?}")]
    Shape {
        /// Which tensor.
        tensor: &'static str,
        /// Expected shape in words.
        expected: String,
        /// The shape that came.
        actual: Vec<i64>,
    },
    /// A tensor has another element type than the network takes.
    #[error("expected {tensor} in a floating-point type but received {actual:?}")]
    Dtype {
        /// Which tensor.
        tensor: &'static str,
        /// The type that came.
        actual: Kind,
    },
    /// The device that was asked for is not there.
    #[error("expected an available device but received {device}: {reason}")]
    Device {
        /// The device asked for.
        device: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// The checkpoint has no model card, so it does not say which network it belongs to.
    #[error(
        "expected a model card in {} but it holds weights only, as files of other projects do; \
         pass a spec, or write a file with a card: timeweave convert {} OUT.safetensors --arch ARCH",
        path.display(),
        path.display()
    )]
    CheckpointWithoutCard {
        /// The path.
        path: PathBuf,
    },
    /// The weights belong to another network.
    #[error("the checkpoint {} does not fit {network}: {details}", path.display())]
    CheckpointMismatch {
        /// The path.
        path: PathBuf,
        /// The network that was to be filled.
        network: String,
        /// Which architecture, keys or shapes differ.
        details: String,
    },
    /// A file of weights could not be read or written.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A temporal operation refused its arguments.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// libtorch refused.
    #[error("libtorch failed: {0}")]
    Torch(#[from] TchError),
}

impl ModelError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidSpec { .. } => "INVALID_SPEC",
            Self::Shape { .. } => "SHAPE_MISMATCH",
            Self::Dtype { .. } => "DTYPE_MISMATCH",
            Self::Device { .. } => "DEVICE_UNAVAILABLE",
            Self::CheckpointWithoutCard { .. } => "CHECKPOINT_WITHOUT_CARD",
            Self::CheckpointMismatch { .. } => "CHECKPOINT_MISMATCH",
            Self::Weights(error) => error.code(),
            Self::Kernel(error) => error.code(),
            Self::Torch(_) => "LIBTORCH_ERROR",
        }
    }
}
