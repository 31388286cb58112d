//! TAM as it stands in every block of a ResNet (<https://arxiv.org/abs/1912.00869>,
//! `models/twod_models/temporal_modeling.py` of IBM/action-recognition-pytorch).

use tch::{TchError, Tensor, nn};
use timeweave_kernels::temporal_aggregate;

use super::plug::{Cost, Own, Slot, TemporalModule, TemporalPlug};
use crate::ModelError;
use crate::layers::FAN_OUT;
use crate::pass::Pass;
use crate::spec::{Blending, TamResnetSpec};

impl TemporalPlug for TamResnetSpec {
    fn name(&self) -> &'static str {
        "tam-resnet"
    }

    fn own(&self) -> Own {
        Own::Block("tam")
    }

    fn build(&self, path: &nn::Path, slot: Slot) -> Result<Box<dyn TemporalModule>, ModelError> {
        Ok(Box::new(Blend::new(path, self, slot)?))
    }

    fn cost(&self, slot: Slot, positions: i64) -> Cost {
        let inputs = if self.depthwise { 1 } else { slot.channels };
        let params = self.blending_frames * slot.channels * inputs;
        Cost { params, macs: params * slot.frames * positions }
    }
}

/// Each frame mixed with its neighbours, one convolution of a single pixel for each distance.
#[derive(Debug)]
struct Blend {
    name: String,
    frames: i64,
    depthwise: bool,
    blending: Blending,
    /// `[C, 1, 1, 1]` or, over all channels, `[C, C, 1, 1]`; number `j` sees frame `t + j - r/2`.
    taps: Vec<Tensor>,
}

impl Blend {
    fn new(path: &nn::Path, spec: &TamResnetSpec, slot: Slot) -> Result<Self, TchError> {
        // Three taps have names of their own in the official code.
        let paths: Vec<nn::Path> = if spec.blending_frames == 3 {
            ["prev_se", "curr_se", "next_se"].into_iter().map(|name| path / name).collect()
        } else {
            let list = path / "blending_layers";
            (0..spec.blending_frames).map(|j| &list / j).collect()
        };
        let inputs = if spec.depthwise { 1 } else { slot.channels };
        let shape = [slot.channels, inputs, 1, 1];
        let taps: Result<_, TchError> =
            paths.iter().map(|path| (path / "fc1").f_var("weight", &shape, FAN_OUT)).collect();
        Ok(Self {
            name: path.components().collect::<Vec<_>>().join("."),
            frames: slot.frames,
            depthwise: spec.depthwise,
            blending: spec.blending,
            taps: taps?,
        })
    }

    /// The forms that have no kernel: each product moved to its frame, then joined.
    fn composed(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let radius = self.taps.len() as i64 / 2;
        let mut joined: Option<Tensor> = None;
        for (j, tap) in self.taps.iter().enumerate() {
            let groups = if self.depthwise { tap.size()[0] } else { 1 };
            let product = x.f_conv2d::<&Tensor>(tap, None, [1, 1], [0, 0], [1, 1], groups)?;
            let moved = from_frame(&product, self.frames, j as i64 - radius)?;
            joined = Some(match (joined, self.blending) {
                (None, _) => moved,
                (Some(joined), Blending::Sum) => joined.f_add(&moved)?,
                (Some(joined), Blending::Max) => joined.f_maximum(&moved)?,
            });
        }
        joined.map_or_else(|| x.f_relu(), |joined| joined.f_relu())
    }
}

impl TemporalModule for Blend {
    fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError> {
        let y = if self.depthwise && self.blending == Blending::Sum {
            let taps = Tensor::f_stack(&self.taps, 0)?.f_flatten(1, -1)?;
            temporal_aggregate(x, &taps, self.frames)?
        } else {
            self.composed(x)?
        };
        pass.stage(|| self.name.clone(), &y);
        Ok(y)
    }
}

/// Puts frame `t + distance` of `[N*T, C, H, W]` at `t`, zeros where there is none.
fn from_frame(x: &Tensor, frames: i64, distance: i64) -> Result<Tensor, TchError> {
    if distance == 0 {
        return Ok(x.shallow_clone());
    }
    let (nt, c, h, w) = x.size4()?;
    let missing = distance.abs().min(frames);
    let clips = x.f_reshape([nt / frames, frames, c, h, w])?;
    let start = if distance > 0 { missing } else { 0 };
    let seen = clips.f_narrow(1, start, frames - missing)?;
    let blank = Tensor::f_zeros([nt / frames, missing, c, h, w], (x.kind(), x.device()))?;
    let parts = if distance > 0 { [seen, blank] } else { [blank, seen] };
    Tensor::f_cat(&parts, 1)?.f_view([nt, c, h, w])
}

#[cfg(test)]
#[path = "blend_test.rs"]
mod blend_test;
