//! The temporal shift of TSM (<https://arxiv.org/abs/1811.08383>, `ops/temporal_shift.py` of
//! mit-han-lab/temporal-shift-module).

use tch::Tensor;

use crate::KernelError;
use crate::check::Clips;

const OP: &str = "temporal_shift";

/// Moves channels `0..fold` of `x` one frame back in time (they come from frame `t+1`) and
/// channels `fold..2*fold` one frame forward (from `t-1`), with zeros outside the clip.
///
/// `x` is `[N*T, C, H, W]` with `T = frames`; so is the result. The values are exact copies.
///
/// # Errors
/// When `x` has another rank, `frames` does not divide `N*T`, or `2*fold` exceeds `C`.
pub fn temporal_shift(x: &Tensor, frames: i64, fold: i64) -> Result<Tensor, KernelError> {
    let Clips { n, t, c, h, w } = Clips::of(OP, x, frames)?;
    if fold < 0 || 2 * fold > c {
        let expected = format!("0..={}", c / 2);
        return Err(KernelError::Fold { op: OP, expected, fold, channels: c });
    }
    if fold == 0 {
        return Ok(x.shallow_clone());
    }
    let clips = x.f_view([n, t, c, h, w]).or_else(|_| x.f_reshape([n, t, c, h, w]))?;
    let blank = Tensor::f_zeros([n, 1, fold, h, w], (x.kind(), x.device()))?;
    let later = clips.f_narrow(1, 1, t - 1)?.f_narrow(2, 0, fold)?;
    let earlier = clips.f_narrow(1, 0, t - 1)?.f_narrow(2, fold, fold)?;
    let rest = clips.f_narrow(2, 2 * fold, c - 2 * fold)?;
    let from_future = Tensor::f_cat(&[&later, &blank], 1)?;
    let from_past = Tensor::f_cat(&[&blank, &earlier], 1)?;
    Ok(Tensor::f_cat(&[from_future, from_past, rest], 2)?.f_view([n * t, c, h, w])?)
}
