//! The temporal modules that stand before a convolution or a block of a ResNet.
//!
//! A module decides two things about the convolution that it wraps: how the features move in
//! time, and under which name the convolution's weights are stored. [`insert`] answers both, so
//! that plugging a module in cannot give wrong names.

mod aggregate;
mod interlace;

pub(crate) use aggregate::Aggregate;
pub(crate) use interlace::Interlace;

use tch::{Tensor, nn};
use timeweave_kernels::temporal_shift;

use crate::pass::Pass;
use crate::spec::{ShiftPlace, TinSpec, TsmSpec};
use crate::{ModelError, ModelSpec};

/// Which temporal module a ResNet has, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TemporalConfig<'a> {
    None,
    Shift(&'a TsmSpec),
    Interlace(&'a TinSpec),
}

/// Where in a block a module may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Block,
    Conv1,
    Conv2,
}

/// A temporal module of a ResNet.
#[derive(Debug)]
pub(crate) enum TemporalModule {
    None,
    Shift { frames: i64, fold: i64 },
    Interlace(Box<Interlace>),
}

impl<'a> TemporalConfig<'a> {
    /// The modules of the network that `spec` describes.
    pub fn of(spec: &'a ModelSpec) -> Self {
        match spec {
            ModelSpec::Tsm(spec) => Self::Shift(spec),
            ModelSpec::Tin(spec) => Self::Interlace(spec),
            ModelSpec::Tsn(_) | ModelSpec::BlvnetTam(_) => Self::None,
        }
    }

    /// Whether block number `index` of a stage has a module at `place`.
    pub fn stands_at(self, place: Place, index: usize) -> bool {
        match self {
            Self::None => false,
            Self::Interlace(_) => place == Place::Conv1,
            Self::Shift(spec) => {
                let here = match spec.shift_place {
                    ShiftPlace::Blockres => place == Place::Conv1,
                    ShiftPlace::TwoPath => place != Place::Block,
                    ShiftPlace::Block => return place == Place::Block,
                };
                here && index.is_multiple_of(spec.rounds())
            }
        }
    }
}

/// Makes the module that wraps the convolution or block at `path` with `channels` inputs, and
/// the path where the weights of the wrapped part are stored.
pub(crate) fn insert<'a>(
    path: nn::Path<'a>,
    config: TemporalConfig,
    channels: i64,
) -> Result<(TemporalModule, nn::Path<'a>), ModelError> {
    Ok(match config {
        TemporalConfig::None => (TemporalModule::None, path),
        TemporalConfig::Shift(spec) => {
            let (frames, fold) = (spec.num_frames, channels / spec.shift_div);
            (TemporalModule::Shift { frames, fold }, path / "net")
        }
        TemporalConfig::Interlace(spec) => {
            let module = Interlace::new(&(&path / "net1"), spec, channels)?;
            (TemporalModule::Interlace(Box::new(module)), path / "net2")
        }
    })
}

impl TemporalModule {
    /// `x` is `[N*T, C, H, W]`, and so is the result.
    pub fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError> {
        match self {
            Self::None => Ok(x.shallow_clone()),
            &Self::Shift { frames, fold } => Ok(temporal_shift(x, frames, fold)?),
            Self::Interlace(module) => module.forward(x, pass),
        }
    }
}
