//! TAM, bLVNet's temporal aggregation (<https://arxiv.org/abs/1912.00869>,
//! `core/models/blvnet_tam_backbone.py:17-76` of IBM/bLVNet-TAM).

use tch::nn::Init;
use tch::{TchError, Tensor, nn};
use timeweave_kernels::{temporal_aggregate, temporal_aggregate_pairs};

use crate::ModelError;
use crate::layers::FAN_OUT;

/// A temporal aggregation with its own weights.
#[derive(Debug)]
pub(crate) struct Aggregate {
    /// `[C, 1, 1, 1]` each; tap `j` weighs frame `t + j - r/2`.
    taps: Vec<Tensor>,
}

impl Aggregate {
    /// `taps` taps under `path`, for `channels` channels.
    pub fn new(path: &nn::Path, taps: i64, channels: i64) -> Result<Self, ModelError> {
        // Three taps have names of their own in the official code.
        let paths: Vec<nn::Path> = if taps == 3 {
            ["prev", "curr", "next"].into_iter().map(|name| path / name).collect()
        } else {
            let list = path / "blending_layers";
            (0..taps).map(|j| &list / j).collect()
        };
        let shape = [channels, 1, 1, 1];
        // Fan-out is the number of channels, as PyTorch counts it for a depthwise convolution.
        let init: Init = FAN_OUT;
        let taps: Result<_, TchError> =
            paths.iter().map(|path| path.f_var("weight", &shape, init)).collect();
        Ok(Self { taps: taps? })
    }

    /// `x` is `[N*T, C, H, W]` with `T = frames`, and so is the result.
    pub fn forward(&self, x: &Tensor, frames: i64) -> Result<Tensor, ModelError> {
        Ok(temporal_aggregate(x, &self.stacked()?, frames)?)
    }

    /// The aggregation of a clip in which frames `2k` and `2k+1` are both `z[k]`, without
    /// building that clip: `z` is `[N*P, C, H, W]` with `P = pairs`, and so are the results,
    /// the aggregated even and odd frames.
    pub fn forward_pairs(&self, z: &Tensor, pairs: i64) -> Result<(Tensor, Tensor), ModelError> {
        Ok(temporal_aggregate_pairs(z, &self.stacked()?, pairs)?)
    }

    /// The taps as the operations take them, `[r, C]`.
    fn stacked(&self) -> Result<Tensor, TchError> {
        Tensor::f_stack(&self.taps, 0)?.f_flatten(1, -1)
    }
}
