//! What a network is made of: one serialisable description per architecture.
//!
//! [`ModelSpec`] is the registry. Building, counting and documenting a network all match on it,
//! so an architecture that lacks one of these does not compile.

mod depth;
mod resnet3d;
mod rust_only;
mod slowfast;
mod tam_resnet;
mod validate;
mod variants;

pub use depth::{
    BigLittleDepth, PathwayDepth, Resnet3dDepth, ResnetDepth, SlowFastDepth, TamDepth, TsmDepth,
};
pub use resnet3d::{BlockModule, R2plus1dSpec, R3dSpec, Shortcut};
pub use rust_only::{BlresnetSpec, Plug, PluggedSpec};
pub use slowfast::{FastOnlySpec, SlowFastSpec, SlowFastVariant, SlowOnlySpec};
pub use tam_resnet::{Blending, TamResnetSpec, TemporalPooling};
pub use variants::{
    BlvnetTamSpec, Consensus, Modality, OffsetScale, Rounds, ShiftPlace, TinSpec, TsmSpec, TsnSpec,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ModelError;

/// A network, discriminated on `arch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "arch", rename_all = "kebab-case")]
pub enum ModelSpec {
    /// bLVNet-TAM: a big and a little branch on alternate frames with temporal aggregation.
    BlvnetTam(BlvnetTamSpec),
    /// TAM-ResNet: a ResNet whose blocks aggregate neighbouring frames.
    TamResnet(TamResnetSpec),
    /// TSN: a ResNet on each frame, averaged.
    Tsn(TsnSpec),
    /// TSM: a ResNet whose blocks shift channels in time.
    Tsm(TsmSpec),
    /// TIN: a ResNet whose blocks interlace channels in time by learnt offsets.
    Tin(TinSpec),
    /// SlowFast: a slow pathway on few frames and a thin fast one on all.
    #[serde(rename = "slowfast", deserialize_with = "SlowFastSpec::resolved")]
    SlowFast(SlowFastSpec),
    /// The slow pathway of SlowFast alone.
    SlowOnly(SlowOnlySpec),
    /// The fast pathway of SlowFast alone.
    FastOnly(FastOnlySpec),
    /// ResNet-3D: a ResNet of 3x3x3 convolutions.
    R3d(R3dSpec),
    /// R(2+1)D: a ResNet whose convolutions are split into space and time.
    R2plus1d(R2plus1dSpec),
    /// bL-ResNet, an image network; has no JSON form.
    #[serde(skip)]
    Blresnet(BlresnetSpec),
    /// A network with a part from outside this crate; has no JSON form.
    #[serde(skip)]
    Plugged(PluggedSpec),
}

/// Evaluates `$body` with the fields that every network for clips has, `$other` with those of
/// the image network.
macro_rules! each {
    ($spec:expr, $inner:ident => $body:expr, $image:ident => $other:expr) => {
        match $spec {
            ModelSpec::Blresnet($image) => $other,
            ModelSpec::Plugged(PluggedSpec { fields: $inner, .. }) => $body,
            ModelSpec::BlvnetTam($inner) => $body,
            ModelSpec::TamResnet($inner) => $body,
            ModelSpec::Tsn($inner) => $body,
            ModelSpec::Tsm($inner) => $body,
            ModelSpec::Tin($inner) => $body,
            ModelSpec::SlowFast($inner) => $body,
            ModelSpec::SlowOnly($inner) => $body,
            ModelSpec::FastOnly($inner) => $body,
            ModelSpec::R3d($inner) => $body,
            ModelSpec::R2plus1d($inner) => $body,
        }
    };
}

impl ModelSpec {
    /// All values of `arch`, in the order of the documentation.
    pub const ARCHS: [&'static str; 10] = [
        "blvnet-tam",
        "tam-resnet",
        "tsn",
        "tsm",
        "tin",
        "slowfast",
        "slow-only",
        "fast-only",
        "r3d",
        "r2plus1d",
    ];

    /// The value of `arch`.
    pub fn arch(&self) -> &'static str {
        match self {
            Self::BlvnetTam(_) => "blvnet-tam",
            Self::TamResnet(_) => "tam-resnet",
            Self::Tsn(_) => "tsn",
            Self::Tsm(_) => "tsm",
            Self::Tin(_) => "tin",
            Self::SlowFast(_) => "slowfast",
            Self::SlowOnly(_) => "slow-only",
            Self::FastOnly(_) => "fast-only",
            Self::R3d(_) => "r3d",
            Self::R2plus1d(_) => "r2plus1d",
            Self::Blresnet(_) => "blresnet",
            Self::Plugged(spec) => spec.plug.name(),
        }
    }

    /// A name for people, e.g. `tsm-50`, `blvnet-tam-101` or `slowfast-fair-50`.
    pub fn id(&self) -> String {
        let depth = match self {
            Self::BlvnetTam(spec) => spec.depth.name(),
            Self::TamResnet(spec) => spec.depth.name(),
            Self::Tsn(spec) => spec.depth.name(),
            Self::Tsm(spec) => spec.depth.name(),
            Self::Tin(spec) => spec.depth.name(),
            Self::SlowFast(spec) => spec.depth.name(),
            Self::SlowOnly(spec) => spec.depth.name(),
            Self::FastOnly(spec) => spec.depth.name(),
            Self::R3d(spec) => spec.depth.name(),
            Self::R2plus1d(spec) => spec.depth.name(),
            Self::Blresnet(spec) => spec.depth.name(),
            Self::Plugged(spec) => spec.fields.depth.name(),
        };
        match self.variant() {
            None | Some(SlowFastVariant::XTemporal) => format!("{}-{depth}", self.arch()),
            Some(variant) => format!("{}-{}-{depth}", self.arch(), variant.name()),
        }
    }

    /// Whose SlowFast, in the families that come in variants.
    pub fn variant(&self) -> Option<SlowFastVariant> {
        match self {
            Self::SlowFast(spec) => Some(spec.variant),
            Self::SlowOnly(spec) => Some(spec.variant),
            Self::FastOnly(spec) => Some(spec.variant),
            _ => None,
        }
    }

    /// Number of classes of the classifier.
    pub fn num_classes(&self) -> i64 {
        each!(self, spec => spec.num_classes, image => image.num_classes)
    }

    /// Frames (with flow and RGB differences: segments) of one clip.
    pub fn num_frames(&self) -> i64 {
        each!(self, spec => spec.num_frames, _image => 1)
    }

    /// Probability of the dropout before the classifier.
    pub fn dropout(&self) -> f64 {
        each!(self, spec => spec.dropout, _image => 0.0)
    }

    /// What a frame of the clip holds.
    pub fn modality(&self) -> Modality {
        each!(self, spec => spec.modality, _image => Modality::Rgb)
    }

    /// Channels of one frame of the clip that `forward` takes.
    pub fn input_channels(&self) -> i64 {
        self.modality().clip_channels()
    }

    /// How the logits of a clip's frames are joined.
    pub fn consensus(&self) -> Consensus {
        match self {
            Self::Tsn(spec) | Self::Plugged(PluggedSpec { fields: spec, .. }) => spec.consensus,
            Self::Tsm(spec) => spec.consensus,
            Self::Tin(spec) => spec.consensus,
            // Nothing is left of the frames at the end of a 3-D network.
            _ => Consensus::Avg,
        }
    }

    /// Whether a dropout of 0.5 stands before the one of the spec.
    pub(crate) fn double_dropout(&self) -> bool {
        match self {
            Self::Tsn(spec) | Self::Plugged(PluggedSpec { fields: spec, .. }) => {
                spec.double_dropout
            }
            Self::Tsm(spec) => spec.double_dropout,
            Self::Tin(spec) => spec.double_dropout,
            _ => false,
        }
    }

    /// Whether the network can follow a stream frame by frame.
    pub fn is_online(&self) -> bool {
        matches!(self, Self::Tsm(spec) if spec.online)
    }

    /// The same network with another classifier.
    #[must_use]
    pub fn with_num_classes(mut self, num_classes: i64) -> Self {
        each!(
            &mut self,
            spec => spec.num_classes = num_classes,
            image => image.num_classes = num_classes
        );
        self
    }

    /// Checks that the fields fit together.
    ///
    /// # Errors
    /// `INVALID_SPEC`, naming the first field that does not fit and what it may be.
    pub fn validate(&self) -> Result<(), ModelError> {
        validate::validate(self)
    }
}
