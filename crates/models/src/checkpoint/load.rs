//! Reading weights strictly: every name and shape must fit.

use std::path::Path;

use serde::Serialize;
use tch::nn::VarStore;

use crate::{ModelError, ModelSpec};

/// What a loader may overlook.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoadOptions {
    /// The classifier may be missing or of another number of classes; it then keeps its fresh
    /// weights.
    pub allow_new_classifier: bool,
}

/// A weight whose shape in the file differs from the network's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reshaped {
    /// Name of the weight.
    pub name: String,
    /// Shape in the network.
    pub expected: Vec<i64>,
    /// Shape in the file.
    pub found: Vec<i64>,
}

/// What became of each weight.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CheckpointReport {
    /// Names that were filled from the file.
    pub loaded: Vec<String>,
    /// Names of the network that the file lacks.
    pub missing: Vec<String>,
    /// Names of the file that the network lacks.
    pub unexpected: Vec<String>,
    /// Names with another shape; not loaded.
    pub reshaped: Vec<Reshaped>,
}

/// Fills `vs`, the weights of a network of `spec`, from a safetensors file.
///
/// # Errors
/// When the file cannot be read, or anything is missing, unexpected or of another shape that
/// `options` does not allow; the weights are then unchanged.
pub fn load_into(
    _path: &Path,
    _spec: &ModelSpec,
    _vs: &mut VarStore,
    _options: &LoadOptions,
) -> Result<CheckpointReport, ModelError> {
    todo!()
}
