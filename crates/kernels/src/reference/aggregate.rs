//! The temporal aggregation of TAM from plain tensor calls.

use tch::Tensor;

use super::sums_of;
use crate::check::{self, Clips};
use crate::{KernelError, ffi};

const OP: &str = "temporal_aggregate";
const PAIRS: &str = "temporal_aggregate_pairs";

/// What [`crate::temporal_aggregate`] must compute.
///
/// # Errors
/// As there.
pub fn temporal_aggregate(x: &Tensor, taps: &Tensor, frames: i64) -> Result<Tensor, KernelError> {
    let (Clips { n, t, c, h, w }, r) = check::aggregate(OP, x, taps, frames)?;
    let x = ffi::as_autocast(x)?;
    let wide = x.f_to_kind(sums_of(&x))?;
    let taps = taps.f_to_kind(wide.kind())?;
    let clips = wide.f_view([n, t, c, h, w]).or_else(|_| wide.f_reshape([n, t, c, h, w]))?;
    let taps = taps.f_view([r, 1, 1, c, 1, 1]).or_else(|_| taps.f_reshape([r, 1, 1, c, 1, 1]))?;
    let centre = r / 2;
    let mut y = clips.f_mul(&taps.f_select(0, centre)?)?;
    for j in (0..r).filter(|&j| j != centre && (j - centre).abs() < t) {
        let shift = j - centre;
        let kept = t - shift.abs();
        let source = clips.f_narrow(1, shift.max(0), kept)?;
        let mut target = y.f_narrow(1, (-shift).max(0), kept)?;
        let _ = target.f_addcmul_(&source, &taps.f_select(0, j)?)?;
    }
    ffi::as_result(&x, &y.f_relu_()?.f_reshape([n * t, c, h, w])?)
}

/// What [`crate::temporal_aggregate_pairs`] must compute, by building the frames it never builds.
///
/// # Errors
/// As there.
pub fn temporal_aggregate_pairs(
    z: &Tensor,
    taps: &Tensor,
    pairs: i64,
) -> Result<(Tensor, Tensor), KernelError> {
    let (Clips { n, t, c, h, w }, _) = check::aggregate(PAIRS, z, taps, pairs)?;
    let z = ffi::as_autocast(z)?;
    let x = Tensor::f_stack(&[&z, &z], 1)?.f_reshape([n * t * 2, c, h, w])?;
    let y = temporal_aggregate(&x, taps, 2 * pairs)?.f_view([n * t, 2, c, h, w])?;
    Ok((ffi::as_result(&z, &y.f_select(1, 0)?)?, ffi::as_result(&z, &y.f_select(1, 1)?)?))
}
