//! The temporal interlacing of TIN from plain tensor calls.

use tch::{Kind, Tensor};

use super::sums_of;
use crate::check::{self, Clips};
use crate::{KernelError, ffi};

const OP: &str = "temporal_interlace";

/// What [`crate::temporal_interlace`] must compute.
///
/// # Errors
/// As there.
pub fn temporal_interlace(
    x: &Tensor,
    offsets: &Tensor,
    weights: &Tensor,
    frames: i64,
    fold: i64,
) -> Result<Tensor, KernelError> {
    let (Clips { n, t, c, h, w }, groups) =
        check::interlace(OP, x, [offsets, weights], frames, fold)?;
    if fold == 0 {
        return Ok(x.shallow_clone());
    }
    let x = ffi::as_autocast(x)?;
    if n == 0 {
        return Ok(x);
    }
    let row = fold / groups * h * w;
    let kind = sums_of(&x);
    let [offsets, weights] = [offsets.f_to_kind(kind)?, weights.f_to_kind(kind)?];
    // One row per (clip, frame, group); the row after the last is the zero outside the clip.
    let rows = x.f_narrow(1, 0, fold)?.f_reshape([n * t * groups, row])?;
    let blank = Tensor::f_zeros([1, row], (x.kind(), x.device()))?;
    let rows = Tensor::f_cat(&[rows, blank], 0)?;

    let floor = offsets.f_detach()?.f_floor()?;
    let fraction = offsets.f_sub(&floor)?.f_view([n, 1, groups])?;
    let near = weights.f_mul(&fraction.f_neg()?.f_add_scalar(1.0)?)?;
    let far = weights.f_mul(&fraction)?;
    let [near_rows, far_rows] = source_rows(&floor, n, t, groups)?;
    let near = rows.f_index_select(0, &near_rows)?.f_mul(&near.f_reshape([n * t * groups, 1])?)?;
    let far = rows.f_index_select(0, &far_rows)?.f_mul(&far.f_reshape([n * t * groups, 1])?)?;
    let moved = near.f_add(&far)?.f_view([n * t, fold, h, w])?.f_to_kind(x.kind())?;
    if fold == c {
        return ffi::as_result(&x, &moved);
    }
    ffi::as_result(&x, &Tensor::f_cat(&[moved, x.f_narrow(1, fold, c - fold)?], 1)?)
}

/// The rows that output (n, t, g) reads: frames `t - b` and `t - b - 1`, or the blank row.
fn source_rows(floor: &Tensor, n: i64, t: i64, groups: i64) -> Result<[Tensor; 2], KernelError> {
    let at = (Kind::Int64, floor.device());
    // Beyond the clip's length one missing frame is like another; the bound keeps the conversion
    // to integers inside their range.
    let bound = t as f64 + 1.0;
    let whole = floor.f_clamp(-bound, bound)?.f_to_kind(Kind::Int64)?.f_view([n, 1, groups])?;
    let frame = Tensor::f_arange(t, at)?.f_view([1, t, 1])?.f_sub(&whole)?;
    let clip = Tensor::f_arange(n, at)?.f_view([n, 1, 1])?;
    let group = Tensor::f_arange(groups, at)?.f_view([1, 1, groups])?;
    let rows = |frame: &Tensor| -> Result<Tensor, KernelError> {
        let inside = frame.f_ge(0)?.f_logical_and(&frame.f_lt(t)?)?;
        let row = clip.f_mul_scalar(t)?.f_add(frame)?.f_mul_scalar(groups)?.f_add(&group)?;
        let blank = Tensor::f_scalar_tensor(n * t * groups, at)?;
        Ok(row.f_where_self(&inside, &blank)?.f_reshape([n * t * groups])?)
    };
    Ok([rows(&frame)?, rows(&frame.f_sub_scalar(1)?)?])
}
