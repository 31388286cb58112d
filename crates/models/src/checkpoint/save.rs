//! Writing a checkpoint so that a reader sees the old file or the whole new one.

use std::path::Path;

use tch::nn::VarStore;

use super::ModelCard;
use crate::ModelError;

/// Writes weights and card.
///
/// # Errors
/// When the file cannot be written.
pub fn save(_path: &Path, _vs: &VarStore, _card: &ModelCard) -> Result<(), ModelError> {
    todo!()
}
