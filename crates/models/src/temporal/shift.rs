//! TSM's shift in both directions, and the past-only form that a stream can be fed to
//! (<https://arxiv.org/abs/1811.08383>, `ops/temporal_shift.py` and
//! `online_demo/mobilenet_v2_tsm.py` of mit-han-lab/temporal-shift-module).

use tch::{Tensor, nn};
use timeweave_kernels::{temporal_shift, temporal_shift_online};

use super::plug::{Cost, Own, Place, Slot, TemporalModule, TemporalPlug};
use crate::ModelError;
use crate::pass::Pass;
use crate::spec::{ShiftPlace, TsmDepth, TsmSpec};

impl TemporalPlug for TsmSpec {
    fn name(&self) -> &'static str {
        "tsm"
    }

    fn stands_at(&self, slot: Slot) -> bool {
        let here = match self.shift_place {
            ShiftPlace::Blockres => slot.place == Place::Conv1,
            ShiftPlace::TwoPath => slot.place != Place::Block,
            // nRound is no matter of whole blocks: each one is shifted.
            ShiftPlace::Block => return slot.place == Place::Block,
        };
        here && slot.index.is_multiple_of(self.rounds())
    }

    fn own(&self) -> Own {
        Own::Wrapped("shift")
    }

    fn wrapped(&self) -> Option<&'static str> {
        // The online MobileNetV2 is a network of its own, without the wrapper.
        (!(self.online && self.depth == TsmDepth::MobilenetV2)).then_some("net")
    }

    fn build(&self, _: &nn::Path, slot: Slot) -> Result<Box<dyn TemporalModule>, ModelError> {
        let (frames, fold) = (slot.frames, slot.channels / self.shift_div);
        Ok(if self.online {
            Box::new(OnlineShift { frames, fold })
        } else {
            Box::new(Shift { frames, fold })
        })
    }

    fn cost(&self, _: Slot, _: i64) -> Cost {
        Cost::default()
    }
}

/// Channels `0..fold` come from the next frame, `fold..2*fold` from the last one.
#[derive(Debug)]
struct Shift {
    frames: i64,
    fold: i64,
}

impl TemporalModule for Shift {
    fn forward(&self, x: &Tensor, _: &mut Pass) -> Result<Tensor, ModelError> {
        Ok(temporal_shift(x, self.frames, self.fold)?)
    }
}

/// Channels `0..fold` come from the last frame; a stream carries those of its newest frame on.
#[derive(Debug)]
struct OnlineShift {
    frames: i64,
    fold: i64,
}

impl TemporalModule for OnlineShift {
    fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError> {
        let frames = pass.stream_frames().unwrap_or(self.frames);
        let (nt, _, h, w) = x.size4()?;
        let shape = [nt / frames, self.fold, h, w];
        let state = match pass.carried(&shape)? {
            Some(state) => state,
            None => Tensor::f_zeros(shape, (x.kind(), x.device()))?,
        };
        let (y, next) = temporal_shift_online(x, &state, frames)?;
        pass.carry(&next);
        Ok(y)
    }
}
