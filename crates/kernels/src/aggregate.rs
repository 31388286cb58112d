//! The temporal aggregation of TAM (<https://arxiv.org/abs/1912.00869>,
//! `core/models/blvnet_tam_backbone.py` of IBM/bLVNet-TAM).

use tch::Tensor;

use crate::{KernelError, check, ffi, has_kernels, reference};

/// Mixes each frame with its neighbours, one weight per channel and distance, and rectifies.
///
/// `x` is `[N*T, C, H, W]` with `T = frames`; `taps` is `[r, C]`, tap `j` weighs frame
/// `t + j - r/2` (integer division: an even `r` has one more tap on the side of the past).
/// Frames outside the clip count as zero. The result has the shape and the memory layout of `x`.
///
/// # Errors
/// When shapes, element types or devices do not fit together, or there is no tap.
pub fn temporal_aggregate(x: &Tensor, taps: &Tensor, frames: i64) -> Result<Tensor, KernelError> {
    check::aggregate("temporal_aggregate", x, taps, frames)?;
    if has_kernels(x) {
        return ffi::aggregate(x, taps, frames);
    }
    reference::temporal_aggregate(x, taps, frames)
}

/// [`temporal_aggregate`] of clips in which frames `2k` and `2k + 1` hold the same map, without
/// building them: returns the results of the even and of the odd frames.
///
/// `z` is `[N*P, C, H, W]` with `P = pairs` maps for `2 P` frames; so are both results.
///
/// # Errors
/// As [`temporal_aggregate`].
pub fn temporal_aggregate_pairs(
    z: &Tensor,
    taps: &Tensor,
    pairs: i64,
) -> Result<(Tensor, Tensor), KernelError> {
    check::aggregate("temporal_aggregate_pairs", z, taps, pairs)?;
    if has_kernels(z) {
        return ffi::aggregate_pairs(z, taps, pairs);
    }
    reference::temporal_aggregate_pairs(z, taps, pairs)
}
