//! A temporal module of one's own, whole in this file: each channel is given some of what changed
//! since the last frame.

use tch::nn::Init;
use tch::{Tensor, nn};
use timeweave_models::{Cost, ModelError, Own, Pass, Slot, TemporalModule, TemporalPlug};

/// The kind of module: its name, where its parameters lie and how one is built.
#[derive(Debug)]
pub struct Difference;

impl TemporalPlug for Difference {
    fn name(&self) -> &'static str {
        "difference-resnet"
    }

    fn own(&self) -> Own {
        Own::Block("difference")
    }

    fn build(&self, path: &nn::Path, slot: Slot) -> Result<Box<dyn TemporalModule>, ModelError> {
        // Zero at first: a fresh network is the one without modules.
        let gain = path.f_var("gain", &[slot.channels], Init::Const(0.0))?;
        Ok(Box::new(Built { gain, frames: slot.frames }))
    }

    fn cost(&self, slot: Slot, positions: i64) -> Cost {
        Cost { params: slot.channels, macs: slot.channels * slot.frames * positions }
    }
}

/// A module in its block.
#[derive(Debug)]
struct Built {
    gain: Tensor,
    frames: i64,
}

impl TemporalModule for Built {
    fn forward(&self, x: &Tensor, _: &mut Pass) -> Result<Tensor, ModelError> {
        let (nt, c, h, w) = x.size4()?;
        let clips = x.f_reshape([nt / self.frames, self.frames, c, h, w])?;
        let later = clips.f_narrow(1, 1, self.frames - 1)?;
        let change = later.f_sub(&clips.f_narrow(1, 0, self.frames - 1)?)?;
        // Nothing comes before the first frame of a clip.
        let change = change.f_constant_pad_nd([0, 0, 0, 0, 0, 0, 1, 0])?;
        let gain = self.gain.f_view([1, 1, c, 1, 1])?;
        Ok(clips.f_addcmul(&change, &gain)?.f_view([nt, c, h, w])?)
    }
}
