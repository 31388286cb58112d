//! The temporal interlacing of TIN (<https://arxiv.org/abs/2001.06499>,
//! `ops/temporal_interlace.py` and `cuda_shift` of deepcs233/TIN).

use tch::Tensor;

use crate::{KernelError, check, ffi, has_kernels, reference};

/// Moves the first `fold` channels of `x` in time by learnt amounts and weighs each frame.
///
/// `x` is `[N*T, C, H, W]` with `T = frames`; the first `fold` channels form `G` contiguous
/// groups. `offsets` is `[N, G]` in frames (positive moves content to later frames), `weights`
/// is `[N, T, G]` and applies to the output frame. Between two frames the offset interpolates
/// linearly; outside the clip everything is zero; channels from `fold` on pass through.
///
/// Where `fold` is zero nothing moves, and the result is `x` itself, not a copy.
///
/// The integer part of an offset carries no gradient, so the gradient of an offset is the
/// right-hand derivative of the interpolation, as in the official CUDA operation.
///
/// # Errors
/// When shapes, element types or devices do not fit together, `fold` is not a multiple of `G`,
/// or an offset on the CPU is NaN or infinite (on other devices its group becomes NaN).
pub fn temporal_interlace(
    x: &Tensor,
    offsets: &Tensor,
    weights: &Tensor,
    frames: i64,
    fold: i64,
) -> Result<Tensor, KernelError> {
    check::interlace("temporal_interlace", x, [offsets, weights], frames, fold)?;
    if fold == 0 {
        return Ok(x.shallow_clone());
    }
    if has_kernels(x) {
        return ffi::interlace(x, offsets, weights, frames, fold);
    }
    reference::temporal_interlace(x, offsets, weights, frames, fold)
}
