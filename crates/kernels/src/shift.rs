//! The temporal shifts of TSM (<https://arxiv.org/abs/1811.08383>, `ops/temporal_shift.py` and
//! `online_demo/mobilenet_v2_tsm.py` of mit-han-lab/temporal-shift-module).

use tch::Tensor;

use crate::{KernelError, check, ffi, has_kernels, reference};

/// Moves channels `0..fold` of `x` one frame back in time (they come from frame `t+1`) and
/// channels `fold..2*fold` one frame forward (from `t-1`), with zeros outside the clip.
///
/// `x` is `[N*T, C, H, W]` with `T = frames`; so is the result. The values are exact copies. Where
/// `fold` is zero nothing moves, and the result is `x` itself.
///
/// # Errors
/// When `x` has another rank, `frames` does not divide `N*T`, or `2*fold` exceeds `C`.
pub fn temporal_shift(x: &Tensor, frames: i64, fold: i64) -> Result<Tensor, KernelError> {
    check::shift("temporal_shift", x, frames, fold)?;
    if fold == 0 {
        return Ok(x.shallow_clone());
    }
    if has_kernels(x) {
        return ffi::shift(x, frames, fold);
    }
    reference::temporal_shift(x, frames, fold)
}

/// The shift of a stream: channels `0..fold` of each frame come from the frame before, those of
/// the first from `state`.
///
/// `x` is `[N*T, C, H, W]` with `T = frames` (one for a frame at a time), `state` is
/// `[N, fold, H, W]`. Returns the shifted maps and the state for what follows. The network is
/// another than that of [`temporal_shift`], whose channels `0..fold` come from the future.
///
/// # Errors
/// When shapes, element types or devices do not fit together.
pub fn temporal_shift_online(
    x: &Tensor,
    state: &Tensor,
    frames: i64,
) -> Result<(Tensor, Tensor), KernelError> {
    check::shift_online("temporal_shift_online", x, state, frames)?;
    if has_kernels(x) {
        return ffi::shift_online(x, state, frames);
    }
    reference::temporal_shift_online(x, state, frames)
}
