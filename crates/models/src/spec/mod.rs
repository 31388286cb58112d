//! What a network is made of: one serialisable description per architecture.
//!
//! [`ModelSpec`] is the registry. Building, counting and documenting a network all match on it,
//! so an architecture that lacks one of these does not compile.

mod depth;
mod validate;
mod variants;

pub use depth::{BigLittleDepth, ResnetDepth};
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
    /// TSN: a ResNet on each frame, averaged.
    Tsn(TsnSpec),
    /// TSM: a ResNet whose blocks shift channels in time.
    Tsm(TsmSpec),
    /// TIN: a ResNet whose blocks interlace channels in time by learnt offsets.
    Tin(TinSpec),
}

/// Evaluates `$body` with the fields that every architecture has.
macro_rules! each {
    ($spec:expr, $inner:ident => $body:expr) => {
        match $spec {
            ModelSpec::BlvnetTam($inner) => $body,
            ModelSpec::Tsn($inner) => $body,
            ModelSpec::Tsm($inner) => $body,
            ModelSpec::Tin($inner) => $body,
        }
    };
}

impl ModelSpec {
    /// All values of `arch`, in the order of the documentation.
    pub const ARCHS: [&'static str; 4] = ["blvnet-tam", "tsn", "tsm", "tin"];

    /// The value of `arch`.
    pub fn arch(&self) -> &'static str {
        match self {
            Self::BlvnetTam(_) => "blvnet-tam",
            Self::Tsn(_) => "tsn",
            Self::Tsm(_) => "tsm",
            Self::Tin(_) => "tin",
        }
    }

    /// A name for people, e.g. `tsm-50` or `blvnet-tam-101`.
    pub fn id(&self) -> String {
        let depth = match self {
            Self::BlvnetTam(spec) => spec.depth.name(),
            Self::Tsn(spec) => spec.depth.name(),
            Self::Tsm(spec) => spec.depth.name(),
            Self::Tin(spec) => spec.depth.name(),
        };
        format!("{}-{depth}", self.arch())
    }

    /// Number of classes of the classifier.
    pub fn num_classes(&self) -> i64 {
        each!(self, spec => spec.num_classes)
    }

    /// Frames (with flow and RGB differences: segments) of one clip.
    pub fn num_frames(&self) -> i64 {
        each!(self, spec => spec.num_frames)
    }

    /// Probability of the dropout before the classifier.
    pub fn dropout(&self) -> f64 {
        each!(self, spec => spec.dropout)
    }

    /// What a frame of the clip holds.
    pub fn modality(&self) -> Modality {
        each!(self, spec => spec.modality)
    }

    /// Channels of one frame of the clip that `forward` takes.
    pub fn input_channels(&self) -> i64 {
        self.modality().clip_channels()
    }

    /// The same network with another classifier.
    #[must_use]
    pub fn with_num_classes(mut self, num_classes: i64) -> Self {
        each!(&mut self, spec => spec.num_classes = num_classes);
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
