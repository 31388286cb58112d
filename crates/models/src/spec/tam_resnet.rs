//! The fields of a TAM-ResNet with their defaults.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::variants::{eight, half, three, yes};
use super::{Modality, TamDepth};

/// How TAM joins the weighted frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Blending {
    /// Their sum.
    #[default]
    Sum,
    /// The largest of them, zeros outside the clip included.
    Max,
}

/// What halves the frames after each of the first three stages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TemporalPooling {
    /// Nothing: all frames reach the end.
    #[default]
    None,
    /// The largest of three frames around every second one.
    Max,
    /// Their mean.
    Avg,
}

/// TAM-ResNet (<https://arxiv.org/abs/2010.11757>): TAM in every block of a ResNet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TamResnetSpec {
    /// Number of classes.
    pub num_classes: i64,
    /// Frames of a clip; a multiple of 8 with temporal pooling.
    #[serde(default = "eight")]
    pub num_frames: i64,
    /// Depth of the backbone.
    #[serde(default)]
    pub depth: TamDepth,
    /// Taps of the temporal aggregation.
    #[serde(default = "three")]
    pub blending_frames: i64,
    /// How the taps' products are joined.
    #[serde(default)]
    pub blending: Blending,
    /// One weight for each channel and tap, instead of one for each pair of channels.
    #[serde(default = "yes")]
    pub depthwise: bool,
    /// What halves the frames after the first three stages.
    #[serde(default)]
    pub temporal_pooling: TemporalPooling,
    /// Dropout before the classifier.
    #[serde(default = "half")]
    pub dropout: f64,
    /// What a frame of the clip holds.
    #[serde(default)]
    pub modality: Modality,
}
