//! The argument checks of the operations, the same for the kernels and the reference form.

use tch::{Device, Kind, Tensor};

use crate::{KernelError, ffi};

/// A batch of whole clips: `x` is [n * t, c, h, w].
pub(crate) struct Clips {
    pub n: i64,
    pub t: i64,
    pub c: i64,
    pub h: i64,
    pub w: i64,
}

impl Clips {
    /// Reads the shape of `x` and checks that `frames` divides its first dimension.
    pub fn of(op: &'static str, x: &Tensor, frames: i64) -> Result<Self, KernelError> {
        let size = sizes(op, "x", x)?;
        let &[batch, c, h, w] = size.as_slice() else {
            return Err(KernelError::Shape {
                op,
                tensor: "x",
                expected: "[N*T, C, H, W]".into(),
                actual: size,
            });
        };
        if frames < 1 || batch % frames != 0 {
            return Err(KernelError::Frames { op, frames, batch });
        }
        Ok(Self { n: batch / frames, t: frames, c, h, w })
    }
}

/// The shape of an argument; a tensor that was never given a value has none.
fn sizes(op: &'static str, tensor: &'static str, value: &Tensor) -> Result<Vec<i64>, KernelError> {
    let refusal = |expected: &str, actual| {
        Err(KernelError::Shape { op, tensor, expected: expected.into(), actual })
    };
    if !value.defined() {
        return refusal("a tensor with a value", Vec::new());
    }
    if value.is_sparse() || value.is_mkldnn() {
        return refusal("a dense tensor", value.size());
    }
    Ok(value.size())
}

/// Checks that `x` holds floating-point numbers.
pub(crate) fn floating(op: &'static str, x: &Tensor) -> Result<(), KernelError> {
    if is_floating(x.kind()) {
        return Ok(());
    }
    let expected = "a floating-point type".into();
    Err(KernelError::Kind { op, tensor: "x", expected, actual: x.kind(), shape: x.size() })
}

fn is_floating(kind: Kind) -> bool {
    matches!(kind, Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16)
}

/// Checks that `other` has the element type and the device of `x`.
///
/// Under autocast any floating-point type will do: the operation brings them together.
pub(crate) fn same_place(
    op: &'static str,
    x: &Tensor,
    tensor: &'static str,
    other: &Tensor,
) -> Result<(), KernelError> {
    if other.kind() != x.kind() && !(ffi::is_autocast(x) && is_floating(other.kind())) {
        let expected = format!("that of x ({:?})", x.kind());
        let (actual, shape) = (other.kind(), other.size());
        return Err(KernelError::Kind { op, tensor, expected, actual, shape });
    }
    if other.device() != x.device() {
        let (expected, actual, shape) = (x.device(), other.device(), other.size());
        return Err(KernelError::Device { op, tensor, expected, actual, shape });
    }
    Ok(())
}

/// Checks the arguments of the aggregation of `x`; returns its shape and the number of taps.
pub(crate) fn aggregate(
    op: &'static str,
    x: &Tensor,
    taps: &Tensor,
    frames: i64,
) -> Result<(Clips, i64), KernelError> {
    let clips = Clips::of(op, x, frames)?;
    let size = sizes(op, "taps", taps)?;
    let r = match size.as_slice() {
        &[r, channels] if r > 0 && channels == clips.c => r,
        _ => {
            let expected = format!("[r, {}] with r >= 1", clips.c);
            return Err(KernelError::Shape { op, tensor: "taps", expected, actual: size });
        }
    };
    floating(op, x)?;
    same_place(op, x, "taps", taps)?;
    Ok((clips, r))
}

/// Checks the arguments of the shift of `x`.
pub(crate) fn shift(
    op: &'static str,
    x: &Tensor,
    frames: i64,
    fold: i64,
) -> Result<Clips, KernelError> {
    let clips = Clips::of(op, x, frames)?;
    if fold < 0 || fold > clips.c / 2 {
        let expected = format!("0..={}", clips.c / 2);
        return Err(KernelError::Fold { op, expected, fold, channels: clips.c });
    }
    floating(op, x)?;
    Ok(clips)
}

/// Checks the arguments of the online shift of `x`; returns its shape and the fold.
pub(crate) fn shift_online(
    op: &'static str,
    x: &Tensor,
    state: &Tensor,
    frames: i64,
) -> Result<(Clips, i64), KernelError> {
    let clips = Clips::of(op, x, frames)?;
    let size = sizes(op, "state", state)?;
    let fold = match size.as_slice() {
        &[n, fold, h, w] if [n, h, w] == [clips.n, clips.h, clips.w] && fold <= clips.c => fold,
        _ => {
            let Clips { n, c, h, w, .. } = clips;
            let expected = format!("[{n}, fold, {h}, {w}] with fold <= {c}");
            return Err(KernelError::Shape { op, tensor: "state", expected, actual: size });
        }
    };
    floating(op, x)?;
    same_place(op, x, "state", state)?;
    Ok((clips, fold))
}

/// Checks the arguments of the interlacing of `x`; returns its shape and the number of groups.
pub(crate) fn interlace(
    op: &'static str,
    x: &Tensor,
    [offsets, weights]: [&Tensor; 2],
    frames: i64,
    fold: i64,
) -> Result<(Clips, i64), KernelError> {
    let clips = Clips::of(op, x, frames)?;
    let Clips { n, t, c, .. } = clips;
    let size = sizes(op, "offsets", offsets)?;
    let groups = match size.as_slice() {
        &[count, groups] if count == n && groups > 0 => groups,
        _ => {
            let expected = format!("[{n}, G] with G >= 1");
            return Err(KernelError::Shape { op, tensor: "offsets", expected, actual: size });
        }
    };
    let actual = sizes(op, "weights", weights)?;
    if actual != [n, t, groups] {
        let expected = format!("[{n}, {t}, {groups}]");
        return Err(KernelError::Shape { op, tensor: "weights", expected, actual });
    }
    if fold < 0 || fold > c || fold % groups != 0 {
        let expected = format!("a multiple of the {groups} groups in 0..={c}");
        return Err(KernelError::Fold { op, expected, fold, channels: c });
    }
    floating(op, x)?;
    same_place(op, x, "offsets", offsets)?;
    same_place(op, x, "weights", weights)?;
    // On other devices the answer would have to be waited for; there a group whose offset is no
    // number becomes NaN as a whole.
    if x.device() == Device::Cpu && offsets.f_isfinite()?.f_all()?.f_int64_value(&[])? == 0 {
        return Err(KernelError::NonFinite { op, shape: size });
    }
    Ok((clips, groups))
}
