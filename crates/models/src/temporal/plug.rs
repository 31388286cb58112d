//! The slot of a temporal module: what a module is, what it is told, and how its parameters and
//! those of the convolution behind it are named.
//!
//! A module decides two things about the convolution that it wraps: how the features move in
//! time, and under which name the convolution's weights are stored. The slot puts both together,
//! so that plugging a module in cannot give wrong names. The shortcut of a block never sees what
//! a module at a convolution does, and always sees what one at the block does.

use std::fmt::Debug;

use tch::{Tensor, nn};

use crate::ModelError;
use crate::pass::Pass;

/// Where in a residual block a module may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Before the whole block, shortcut included.
    Block,
    /// Before the first convolution.
    Conv1,
    /// Before the second convolution.
    Conv2,
}

/// What a module is told about the place that it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Where in its block.
    pub place: Place,
    /// Position of the block in its stage.
    pub index: usize,
    /// Channels of the features.
    pub channels: i64,
    /// Frames of a clip at this depth of the network.
    pub frames: i64,
}

/// Below what the parameters of a module are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// The block, as `layer1.0.tam`.
    Block(&'static str),
    /// The wrapped convolution, as `layer1.0.conv1.net1`.
    Wrapped(&'static str),
}

/// What a module costs for one clip.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Learnable values.
    pub params: i64,
    /// Multiply-adds.
    pub macs: i64,
}

/// A built module: moves or mixes features in time.
pub trait TemporalModule: Debug + Send {
    /// `x` is `[N*T, C, H, W]` with the frames of a clip one after another, and so is the result.
    ///
    /// # Errors
    /// When libtorch or a kernel refuses.
    fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError>;
}

/// A kind of temporal module: where it stands, what its parameters are called, and how one is
/// built. [`crate::PluggedSpec`] makes a network of any implementation.
pub trait TemporalPlug: Debug + Send + Sync {
    /// The name of the architecture that is a ResNet with this module.
    fn name(&self) -> &'static str;

    /// Whether a block has a module in this slot; by default before every first convolution.
    fn stands_at(&self, slot: Slot) -> bool {
        slot.place == Place::Conv1
    }

    /// Where the module's own parameters are stored.
    fn own(&self) -> Own;

    /// What stands between the name of the wrapped convolution and its `weight`, as `net`.
    fn wrapped(&self) -> Option<&'static str> {
        None
    }

    /// Builds a module whose parameters lie under `path`.
    ///
    /// # Errors
    /// When libtorch cannot allocate them.
    fn build(&self, path: &nn::Path, slot: Slot) -> Result<Box<dyn TemporalModule>, ModelError>;

    /// What one module costs on feature maps of `positions` pixels a frame.
    fn cost(&self, slot: Slot, positions: i64) -> Cost;
}
