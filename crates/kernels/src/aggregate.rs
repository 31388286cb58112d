//! The temporal aggregation of TAM (<https://arxiv.org/abs/1912.00869>,
//! `core/models/blvnet_tam_backbone.py` of IBM/bLVNet-TAM).

use tch::Tensor;

use crate::KernelError;
use crate::check::{self, Clips};

const OP: &str = "temporal_aggregate";

/// Mixes each frame with its neighbours, one weight per channel and distance, and rectifies.
///
/// `x` is `[N*T, C, H, W]` with `T = frames`; `taps` is `[r, C]`, tap `j` weighs frame
/// `t + j - r/2` (integer division: an even `r` has one more tap on the side of the past).
/// Frames outside the clip count as zero. The result has the shape of `x`.
///
/// # Errors
/// When shapes, element types or devices do not fit together, or there is no tap.
pub fn temporal_aggregate(x: &Tensor, taps: &Tensor, frames: i64) -> Result<Tensor, KernelError> {
    let Clips { n, t, c, h, w } = Clips::of(OP, x, frames)?;
    let size = taps.size();
    let r = match size.as_slice() {
        &[r, channels] if r > 0 && channels == c => r,
        _ => {
            let expected = format!("[r, {c}] with r >= 1");
            return Err(KernelError::Shape { op: OP, tensor: "taps", expected, actual: size });
        }
    };
    check::floating(OP, x)?;
    check::same_place(OP, x, "taps", taps)?;
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
