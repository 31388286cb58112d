//! What a network is, costs and expects.

use serde::Serialize;

use crate::{ModelError, ModelSpec};

/// What a network takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InputInfo {
    /// Frames of a clip.
    pub frames: i64,
    /// Side of the square frames that the cost is counted for, in pixels.
    pub size: i64,
    /// Channels of a frame.
    pub channels: i64,
}

/// A network in figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelInfo {
    /// Architecture and depth, e.g. `tsm-50`.
    pub id: String,
    /// Architecture.
    pub family: String,
    /// Learnable values.
    pub params: i64,
    /// Multiply-adds of convolutions and linear layers for one clip.
    pub macs: i64,
    /// What it takes.
    pub input: InputInfo,
    /// Address of the paper.
    pub paper: String,
}

/// The figures of one network at its native size.
///
/// # Errors
/// When the spec is invalid.
pub fn model_info(_spec: &ModelSpec) -> Result<ModelInfo, ModelError> {
    todo!()
}

/// Every architecture in every depth, with 400 classes and defaults otherwise.
pub fn list_models() -> Vec<ModelInfo> {
    todo!()
}
