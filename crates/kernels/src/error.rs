//! What can be wrong with the arguments of a temporal operation.

use tch::{Device, Kind, TchError};

/// An argument that an operation cannot work with, or a failure inside libtorch.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// A tensor has another rank or size than the operation needs.
    #[error("{op}: expected {expected} for {tensor} but received shape {actual:?}")]
    Shape {
        /// Operation, e.g. `temporal_shift`.
        op: &'static str,
        /// Argument, e.g. `taps`.
        tensor: &'static str,
        /// What was expected, in words.
        expected: String,
        /// The shape that came.
        actual: Vec<i64>,
    },
    /// A given map does not lie in memory as it has to.
    #[error(
        "{op}: expected {expected} for {tensor} but received shape {shape:?} with strides {strides:?}"
    )]
    Layout {
        /// Operation.
        op: &'static str,
        /// Argument.
        tensor: &'static str,
        /// What was expected, in words.
        expected: String,
        /// The shape that came.
        shape: Vec<i64>,
        /// The strides that came.
        strides: Vec<i64>,
    },
    /// A result would be written where an argument or another result lies.
    #[error(
        "{op}: expected memory of its own for {tensor} {shape:?} but received that of {other} \
         {other_shape:?}"
    )]
    Overlap {
        /// Operation.
        op: &'static str,
        /// The result.
        tensor: &'static str,
        /// Its shape.
        shape: Vec<i64>,
        /// The argument or result that lies there.
        other: &'static str,
        /// Its shape.
        other_shape: Vec<i64>,
    },
    /// A shift by another distance than one frame.
    #[error("{op}: expected 1 or -1 for step but received {step}")]
    Step {
        /// Operation.
        op: &'static str,
        /// The `step` argument.
        step: i64,
    },
    /// The batch does not hold whole clips.
    #[error(
        "{op}: expected frames >= 1 that divide the batch of {batch} images but received {frames}"
    )]
    Frames {
        /// Operation.
        op: &'static str,
        /// The `frames` argument.
        frames: i64,
        /// First dimension of `x`.
        batch: i64,
    },
    /// `fold` asks for more channels than there are, or not for whole groups.
    #[error("{op}: expected {expected} for fold but received {fold} (x has {channels} channels)")]
    Fold {
        /// Operation.
        op: &'static str,
        /// What was expected, in words.
        expected: String,
        /// The `fold` argument.
        fold: i64,
        /// Channels of `x`.
        channels: i64,
    },
    /// Two arguments have different element types, or a type that is not floating point.
    #[error(
        "{op}: expected {expected} for the element type of {tensor} {shape:?} but received {actual:?}"
    )]
    Kind {
        /// Operation.
        op: &'static str,
        /// Argument.
        tensor: &'static str,
        /// What was expected, in words.
        expected: String,
        /// The type that came.
        actual: Kind,
        /// Shape of the argument.
        shape: Vec<i64>,
    },
    /// Two arguments live on different devices.
    #[error("{op}: expected {tensor} {shape:?} on {expected:?} but received it on {actual:?}")]
    Device {
        /// Operation.
        op: &'static str,
        /// Argument.
        tensor: &'static str,
        /// Device of `x`.
        expected: Device,
        /// Device of the argument.
        actual: Device,
        /// Shape of the argument.
        shape: Vec<i64>,
    },
    /// An offset is NaN or infinite, so no frame belongs to it.
    #[error(
        "{op}: expected finite offsets {shape:?} but received NaN or infinity; the network has \
         diverged"
    )]
    NonFinite {
        /// Operation.
        op: &'static str,
        /// Shape of the offsets.
        shape: Vec<i64>,
    },
    /// libtorch itself refused, for instance for lack of memory.
    #[error("libtorch failed: {0}")]
    Torch(#[from] TchError),
}

impl KernelError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Shape { .. } | Self::Layout { .. } | Self::Frames { .. } | Self::Fold { .. } => {
                "SHAPE_MISMATCH"
            }
            Self::Overlap { .. } | Self::Step { .. } => "INPUT_INVALID",
            Self::Kind { .. } => "DTYPE_MISMATCH",
            Self::Device { .. } => "DEVICE_MISMATCH",
            Self::NonFinite { .. } => "NON_FINITE",
            Self::Torch(_) => "LIBTORCH_ERROR",
        }
    }
}
