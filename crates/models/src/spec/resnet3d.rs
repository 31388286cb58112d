//! The fields of ResNet-3D and R(2+1)D.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Modality, Resnet3dDepth};

/// How a shortcut of ResNet-3D changes its shape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Shortcut {
    /// A 1x1x1 convolution with a batch norm.
    #[default]
    B,
    /// No weights: every second position, zeros for the new channels, and no gradient, as
    /// X-Temporal cuts it.
    A,
}

/// The temporal module before the first convolution of every block of a 3-D network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BlockModule {
    /// No module.
    #[default]
    None,
    /// bLVNet's temporal aggregation over three frames.
    Tam,
}

/// ResNet-3D (<https://arxiv.org/abs/1708.07632>).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct R3dSpec {
    /// Number of classes.
    pub num_classes: i64,
    /// Frames of a clip.
    #[serde(default = "sixteen")]
    pub num_frames: i64,
    /// Depth of the network.
    #[serde(default)]
    pub depth: Resnet3dDepth,
    /// How shortcuts change their shape.
    #[serde(default)]
    pub shortcut: Shortcut,
    /// The temporal module of every block.
    #[serde(default)]
    pub temporal_module: BlockModule,
    /// Dropout before the classifier.
    #[serde(default)]
    pub dropout: f64,
    /// What a frame of the clip holds: `rgb`.
    #[serde(default)]
    pub modality: Modality,
}

/// R(2+1)D (<https://arxiv.org/abs/1711.11248>).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct R2plus1dSpec {
    /// Number of classes.
    pub num_classes: i64,
    /// Frames of a clip.
    #[serde(default = "sixteen")]
    pub num_frames: i64,
    /// Depth of the network.
    #[serde(default)]
    pub depth: Resnet3dDepth,
    /// Whether the stem ends with a max pool over 3x3 pixels, as X-Temporal's configurations ask.
    #[serde(default)]
    pub max_pool: bool,
    /// The temporal module of every block.
    #[serde(default)]
    pub temporal_module: BlockModule,
    /// Dropout before the classifier.
    #[serde(default)]
    pub dropout: f64,
    /// What a frame of the clip holds: `rgb`.
    #[serde(default)]
    pub modality: Modality,
}

fn sixteen() -> i64 {
    16
}
