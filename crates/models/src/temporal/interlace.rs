//! TIN's module: two small nets on the pooled features decide how channels move in time
//! (<https://arxiv.org/abs/2001.06499>, `ops/temporal_interlace.py` of deepcs233/TIN).

use tch::{TchError, Tensor, nn};
use timeweave_kernels::temporal_interlace;

use super::plug::{Cost, Own, Slot, TemporalModule, TemporalPlug};
use crate::ModelError;
use crate::layers::{Conv1d, Linear, LinearInit};
use crate::pass::Pass;
use crate::spec::{OffsetScale, TinSpec};

/// The bias that the authors start the offsets from, about half a frame
/// (deepcs233/TIN ops/temporal_interlace.py:90).
const HALF_A_FRAME: f64 = 0.5108;

impl TemporalPlug for TinSpec {
    fn name(&self) -> &'static str {
        "tin"
    }

    fn own(&self) -> Own {
        Own::Wrapped("net1")
    }

    fn wrapped(&self) -> Option<&'static str> {
        Some("net2")
    }

    fn build(&self, path: &nn::Path, slot: Slot) -> Result<Box<dyn TemporalModule>, ModelError> {
        Ok(Box::new(Interlace::new(path, self, slot.channels)?))
    }

    fn cost(&self, slot: Slot, _: i64) -> Cost {
        let (t, fold) = (slot.frames, slot.channels / self.shift_div);
        // Two convolutions of three taps to 1 and 2 channels, two linear layers, with biases.
        let (convs, linears) = (3 * fold * 3, t * t + t * 2);
        Cost { params: convs + 3 + linears + t + 2, macs: convs * t + linears }
    }
}

/// The module before the first convolution of a block.
#[derive(Debug)]
pub(crate) struct Interlace {
    name: String,
    frames: i64,
    fold: i64,
    scale: f64,
    offset_conv: Conv1d,
    offset_fc: Linear,
    offset_last: Linear,
    weight_last: Conv1d,
}

impl Interlace {
    pub fn new(path: &nn::Path, spec: &TinSpec, channels: i64) -> Result<Self, ModelError> {
        let (frames, fold) = (spec.num_frames, channels / spec.shift_div);
        let offsets = path / "biasnet" / "net";
        let weights = path / "weightnet" / "net";
        let bias = LinearInit::Bias(initial_bias(spec));
        Ok(Self {
            name: path.components().collect::<Vec<_>>().join("."),
            frames,
            fold,
            scale: spec.scale(),
            offset_conv: Conv1d::new(&(&offsets / "conv"), fold, 1, None)?,
            offset_fc: Linear::new(&(&offsets / "fc"), frames, frames, LinearInit::Default)?,
            offset_last: Linear::new(&(&offsets / "lastlayer"), frames, 2, bias)?,
            weight_last: Conv1d::new(&(&weights / "lastlayer"), fold, 2, Some(0.0))?,
        })
    }

    /// `[N, fold, T]` to the offsets `[N, 2]` in frames.
    fn offsets(&self, pooled: &Tensor) -> Result<Tensor, TchError> {
        let hidden = self.offset_conv.forward(pooled)?.f_view([-1, self.frames])?;
        let hidden = self.offset_fc.forward(&hidden)?.f_relu()?;
        let open = self.offset_last.forward(&hidden)?.f_sigmoid()?;
        open.f_sub_scalar(0.5)?.f_mul_scalar(self.scale)
    }

    /// `[N, fold, T]` to the weights `[N, T, 2]`.
    fn weights(&self, pooled: &Tensor) -> Result<Tensor, TchError> {
        let open = self.weight_last.forward(pooled)?.f_transpose(1, 2)?.f_sigmoid()?;
        open.f_mul_scalar(2.0)
    }
}

impl TemporalModule for Interlace {
    fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError> {
        let t = self.frames;
        let pooled = x.f_narrow(1, 0, self.fold)?.f_mean_dim([2i64, 3].as_slice(), false, None)?;
        let pooled = pooled.f_view([-1, t, self.fold])?.f_transpose(1, 2)?.f_contiguous()?;
        let offsets = self.offsets(&pooled)?;
        let weights = self.weights(&pooled)?;
        pass.interlace(&self.name, &offsets, &weights);
        // Four groups move by o0, o1, -o0, -o1 and are weighed by w0, w1, w0, w1.
        let offsets = Tensor::f_cat(&[&offsets, &offsets.f_neg()?], 1)?;
        let weights = Tensor::f_cat(&[&weights, &weights], 2)?;
        let out = temporal_interlace(x, &offsets, &weights, t, self.fold)?;
        pass.stage(|| self.name.clone(), &out);
        Ok(out)
    }
}

/// The bias whose sigmoid gives the initial offset.
fn initial_bias(spec: &TinSpec) -> f64 {
    let as_published =
        spec.offset_scale == OffsetScale::Four && (spec.initial_offset - 0.5).abs() < f64::EPSILON;
    if as_published {
        return HALF_A_FRAME;
    }
    let open = spec.initial_offset / spec.scale() + 0.5;
    (open / (1.0 - open)).ln()
}

#[cfg(test)]
#[path = "interlace_test.rs"]
mod interlace_test;
