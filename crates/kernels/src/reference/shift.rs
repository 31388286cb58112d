//! The temporal shifts of TSM from plain tensor calls.

use tch::Tensor;

use crate::check::{self, Clips};
use crate::{KernelError, ffi};

const OP: &str = "temporal_shift";
const ONLINE: &str = "temporal_shift_online";

/// What [`crate::temporal_shift`] must compute.
///
/// # Errors
/// As there.
pub fn temporal_shift(x: &Tensor, frames: i64, fold: i64) -> Result<Tensor, KernelError> {
    let Clips { n, t, c, h, w } = check::shift(OP, x, frames, fold)?;
    if fold == 0 {
        return Ok(x.shallow_clone());
    }
    let x = ffi::as_autocast(x)?;
    let clips = x.f_view([n, t, c, h, w]).or_else(|_| x.f_reshape([n, t, c, h, w]))?;
    let blank = Tensor::f_zeros([n, 1, fold, h, w], (x.kind(), x.device()))?;
    let later = clips.f_narrow(1, 1, t - 1)?.f_narrow(2, 0, fold)?;
    let earlier = clips.f_narrow(1, 0, t - 1)?.f_narrow(2, fold, fold)?;
    let rest = clips.f_narrow(2, 2 * fold, c - 2 * fold)?;
    let from_future = Tensor::f_cat(&[&later, &blank], 1)?;
    let from_past = Tensor::f_cat(&[&blank, &earlier], 1)?;
    let y = Tensor::f_cat(&[from_future, from_past, rest], 2)?;
    ffi::as_result(&x, &y.f_reshape([n * t, c, h, w])?)
}

/// What [`crate::temporal_shift_online`] must compute.
///
/// # Errors
/// As there.
pub fn temporal_shift_online(
    x: &Tensor,
    state: &Tensor,
    frames: i64,
) -> Result<(Tensor, Tensor), KernelError> {
    let (Clips { n, t, c, h, w }, fold) = check::shift_online(ONLINE, x, state, frames)?;
    let [x, state] = [ffi::as_autocast(x)?, ffi::as_autocast(state)?];
    let clips = x.f_reshape([n, t, c, h, w])?;
    let moving = clips.f_narrow(2, 0, fold)?;
    let past = Tensor::f_cat(&[state.f_unsqueeze(1)?, moving.f_narrow(1, 0, t - 1)?], 1)?;
    let y = Tensor::f_cat(&[past, clips.f_narrow(2, fold, c - fold)?], 2)?;
    let next = Tensor::f_cat(&[moving.f_select(1, t - 1)?], 0)?;
    Ok((ffi::as_result(&x, &y.f_reshape([n * t, c, h, w])?)?, ffi::as_result(&x, &next)?))
}
