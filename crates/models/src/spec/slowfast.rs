//! The fields of SlowFast and of its two pathways as networks of their own.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::validate::check;
use super::{Modality, PathwayDepth, SlowFastDepth};
use crate::ModelError;

/// Whose SlowFast: the three differ in the lateral connections, in the frames that the slow
/// pathway sees, in the classifier and in every name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SlowFastVariant {
    /// Sense-X/X-Temporal: bare lateral convolutions of 5 taps, frames 0, 4, 8, ..., no bias in
    /// the classifier.
    #[default]
    XTemporal,
    /// facebookresearch/pytorchvideo and SlowFast: lateral convolutions with batch norm and ReLU,
    /// frames spread evenly from the first to the last.
    Fair,
    /// open-mmlab/mmaction2: bare lateral convolutions, frames 0, alpha, 2 alpha, ...
    Mmaction2,
}

impl SlowFastVariant {
    /// The variant as it stands in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::XTemporal => "x-temporal",
            Self::Fair => "fair",
            Self::Mmaction2 => "mmaction2",
        }
    }
}

/// SlowFast (<https://arxiv.org/abs/1812.03982>).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SlowFastSpec {
    /// Number of classes.
    pub num_classes: i64,
    /// Frames of a clip, all of which the fast pathway sees; divisible by `alpha` in the variants
    /// `fair` and `mmaction2`.
    #[serde(default = "thirty_two")]
    pub num_frames: i64,
    /// Depth of both pathways; 200 is X-Temporal's alone.
    #[serde(default)]
    pub depth: SlowFastDepth,
    /// Whose SlowFast.
    #[serde(default)]
    pub variant: SlowFastVariant,
    /// The slow pathway sees every `alpha`-th frame; 4 in X-Temporal.
    #[serde(default = "four")]
    pub alpha: i64,
    /// The fast pathway has `1/betaInverse` of the channels.
    #[serde(default = "eight")]
    pub beta_inverse: i64,
    /// Taps of the lateral convolutions, odd. Left out: 5, but 7 in the variant `fair` at depth
    /// 50 with `alpha` 4.
    #[serde(default)]
    pub fusion_kernel: Option<i64>,
    /// Dropout before the classifier.
    #[serde(default = "half")]
    pub dropout: f64,
    /// What a frame of the clip holds: `rgb`.
    #[serde(default)]
    pub modality: Modality,
}

/// The slow pathway alone (<https://arxiv.org/abs/1812.03982>).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SlowOnlySpec {
    /// Number of classes.
    pub num_classes: i64,
    /// Frames of a clip.
    #[serde(default = "eight")]
    pub num_frames: i64,
    /// Depth of the pathway.
    #[serde(default)]
    pub depth: PathwayDepth,
    /// Whose slow pathway.
    #[serde(default)]
    pub variant: SlowFastVariant,
    /// Dropout before the classifier.
    #[serde(default = "half")]
    pub dropout: f64,
    /// What a frame of the clip holds: `rgb`.
    #[serde(default)]
    pub modality: Modality,
}

/// The fast pathway alone (<https://arxiv.org/abs/1812.03982>).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FastOnlySpec {
    /// Number of classes.
    pub num_classes: i64,
    /// Frames of a clip.
    #[serde(default = "thirty_two")]
    pub num_frames: i64,
    /// Depth of the pathway.
    #[serde(default)]
    pub depth: PathwayDepth,
    /// Whose fast pathway.
    #[serde(default)]
    pub variant: SlowFastVariant,
    /// Dropout before the classifier.
    #[serde(default = "half")]
    pub dropout: f64,
    /// What a frame of the clip holds: `rgb`.
    #[serde(default)]
    pub modality: Modality,
}

impl SlowFastSpec {
    /// Taps of the lateral convolutions.
    pub fn fusion_taps(&self) -> i64 {
        self.fusion_kernel.unwrap_or_else(|| {
            let eight_by_eight = self.variant == SlowFastVariant::Fair
                && self.depth == SlowFastDepth::D50
                && self.alpha == 4;
            if eight_by_eight { 7 } else { 5 }
        })
    }

    /// Reads a spec and writes out what its `fusionKernel` is when it is left out.
    pub(super) fn resolved<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut spec = Self::deserialize(deserializer)?;
        spec.fusion_kernel = Some(spec.fusion_taps());
        Ok(spec)
    }

    pub(super) fn check(&self) -> Result<(), ModelError> {
        let variant = self.variant.name();
        let x_temporal = self.variant == SlowFastVariant::XTemporal;
        check(x_temporal || self.depth != SlowFastDepth::D200, "depth", || {
            (format!("50, 101 or 152 with variant '{variant}'"), self.depth.name().into())
        })?;
        check(!x_temporal || self.alpha == 4, "alpha", || {
            (
                "4 with variant 'x-temporal' (else 'fair' or 'mmaction2')".into(),
                self.alpha.to_string(),
            )
        })?;
        check(self.alpha >= 1, "alpha", || ("a positive integer".into(), self.alpha.to_string()))?;
        check(x_temporal || self.num_frames % self.alpha == 0, "numFrames", || {
            let expected = format!("a multiple of alpha ({}) with variant '{variant}'", self.alpha);
            (expected, self.num_frames.to_string())
        })?;
        let beta = self.beta_inverse;
        check(beta >= 1 && 64 % beta == 0, "betaInverse", || {
            ("a divisor of 64".into(), beta.to_string())
        })?;
        let taps = self.fusion_taps();
        check(!x_temporal || taps == 5, "fusionKernel", || {
            ("5 with variant 'x-temporal' (else 'fair' or 'mmaction2')".into(), taps.to_string())
        })?;
        check((1..=63).contains(&taps) && taps % 2 == 1, "fusionKernel", || {
            ("an odd integer in 1..=63".into(), taps.to_string())
        })
    }
}

fn four() -> i64 {
    4
}
fn eight() -> i64 {
    8
}
fn thirty_two() -> i64 {
    32
}
fn half() -> f64 {
    0.5
}
