//! The temporal aggregation of TAM from plain tensor calls.

use tch::Tensor;

use crate::KernelError;
use crate::check::{self, Clips};

const OP: &str = "temporal_aggregate";
const PAIRS: &str = "temporal_aggregate_pairs";

/// What [`crate::temporal_aggregate`] must compute.
///
/// # Errors
/// As there.
pub fn temporal_aggregate(x: &Tensor, taps: &Tensor, frames: i64) -> Result<Tensor, KernelError> {
    let (Clips { n, t, c, h, w }, r) = check::aggregate(OP, x, taps, frames)?;
    let clips = x.f_view([n, t, c, h, w]).or_else(|_| x.f_reshape([n, t, c, h, w]))?;
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
    Ok(y.f_relu_()?.f_view([n * t, c, h, w])?)
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
    let x = Tensor::f_stack(&[z, z], 1)?.f_reshape([n * t * 2, c, h, w])?;
    let y = temporal_aggregate(&x, taps, 2 * pairs)?.f_view([n * t, 2, c, h, w])?;
    Ok((y.f_select(1, 0)?, y.f_select(1, 1)?))
}
