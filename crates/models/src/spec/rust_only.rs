//! Networks that have no JSON form: the image network that initialises another, and networks with
//! a part from outside this crate.

use std::sync::Arc;

use super::{BigLittleDepth, BlvnetTamSpec, Modality, TsnSpec};
use crate::backbones::NetworkPlug;
use crate::temporal::TemporalPlug;

/// bL-ResNet (<https://arxiv.org/abs/1807.03848>), the image network whose weights start a
/// bLVNet-TAM: clips `[N, 1, 3, H, W]`. Its names are those of `baseline_model` without the prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlresnetSpec {
    /// Number of classes.
    pub num_classes: i64,
    /// Depth of the network.
    pub depth: BigLittleDepth,
    /// The little branch has `1/alpha` of the channels.
    pub alpha: i64,
    /// The little branch has about `1/beta` of the blocks.
    pub beta: i64,
}

impl BlresnetSpec {
    /// The network of this depth with the branches of the published weights.
    pub fn new(num_classes: i64, depth: BigLittleDepth) -> Self {
        Self { num_classes, depth, alpha: 2, beta: 4 }
    }

    /// The trunk as that of a bLVNet without TAM that sees one frame.
    pub(crate) fn trunk(&self) -> BlvnetTamSpec {
        BlvnetTamSpec {
            num_classes: self.num_classes,
            num_frames: 1,
            depth: self.depth,
            alpha: self.alpha,
            beta: self.beta,
            blending_frames: 3,
            tam: false,
            dropout: 0.0,
            modality: Modality::Rgb,
        }
    }
}

/// A network with a part of the user's own.
#[derive(Debug, Clone)]
pub struct PluggedSpec {
    /// The fields that the network has beside its own part.
    pub fields: TsnSpec,
    /// The own part.
    pub plug: Plug,
}

/// What is the user's own in a network.
#[derive(Debug, Clone)]
pub enum Plug {
    /// The temporal module in the blocks of a ResNet.
    Temporal(Arc<dyn TemporalPlug>),
    /// Everything before the dropout and the classifier.
    Network(Arc<dyn NetworkPlug>),
}

impl Plug {
    /// The name of the architecture.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Temporal(plug) => plug.name(),
            Self::Network(plug) => plug.name(),
        }
    }
}

impl PartialEq for PluggedSpec {
    fn eq(&self, other: &Self) -> bool {
        self.fields == other.fields && self.plug.name() == other.plug.name()
    }
}
