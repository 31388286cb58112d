//! The operations with given memory for their results, without gradients: for loops that use
//! their buffers again, and for benches.

use tch::{Device, Tensor};

use crate::{KernelError, check, ffi, has_kernels};

/// Checks that the maps can stand beside `x`: dense, and of the same layout, type and device.
fn beside(
    op: &'static str,
    x: &Tensor,
    maps: &[(&'static str, &Tensor)],
) -> Result<(), KernelError> {
    if !has_kernels(x) {
        let (expected, actual) = (Device::Cpu, x.device());
        return Err(KernelError::Device { op, tensor: "x", expected, actual });
    }
    let (size, stride) = (x.size(), x.stride());
    if !is_dense(&size, &stride) {
        let expected = "a dense map, channel by channel or position by position".into();
        return Err(KernelError::Shape { op, tensor: "x", expected, actual: size });
    }
    for &(tensor, other) in maps {
        if other.size() != size || other.stride() != stride {
            let expected = format!("{size:?} with strides {stride:?}");
            return Err(KernelError::Shape { op, tensor, expected, actual: other.size() });
        }
        if other.kind() != x.kind() {
            let expected = format!("that of x ({:?})", x.kind());
            return Err(KernelError::Kind { op, tensor, expected, actual: other.kind() });
        }
        if other.device() != x.device() {
            let (expected, actual) = (x.device(), other.device());
            return Err(KernelError::Device { op, tensor, expected, actual });
        }
    }
    Ok(())
}

/// Whether the strides are those of NCHW or channels-last memory without holes; nothing lies between
/// the elements of an empty map.
fn is_dense(size: &[i64], stride: &[i64]) -> bool {
    let &[_, c, h, w] = size else { return false };
    size.contains(&0) || stride == [c * h * w, h * w, w, 1] || stride == [c * h * w, 1, w * c, c]
}

/// [`crate::temporal_aggregate`] into `y`.
///
/// # Errors
/// As there, or when `y` is not laid out as `x`.
pub fn aggregate(
    y: &mut Tensor,
    x: &Tensor,
    taps: &Tensor,
    frames: i64,
) -> Result<(), KernelError> {
    const OP: &str = "temporal_aggregate";
    check::aggregate(OP, x, taps, frames)?;
    beside(OP, x, &[("y", y)])?;
    ffi::aggregate_into(&[y], x, taps, frames)
}

/// The gradients of [`crate::temporal_aggregate`] for the upstream gradient `grad` and the result
/// `y`: that of `x` into `grad_x`, that of the taps returned.
///
/// # Errors
/// As there, or when a map is not laid out as `x`.
pub fn aggregate_backward(
    grad_x: &mut Tensor,
    grad: &Tensor,
    [x, taps]: [&Tensor; 2],
    y: &Tensor,
    frames: i64,
) -> Result<Tensor, KernelError> {
    const OP: &str = "temporal_aggregate_backward";
    check::aggregate(OP, x, taps, frames)?;
    beside(OP, x, &[("grad_x", grad_x), ("grad", grad), ("y", y)])?;
    ffi::aggregate_backward_into(grad_x, &[grad], x, taps, (&[y], frames))
}

/// [`crate::temporal_aggregate_pairs`] into `y`: the even frames, then the odd ones.
///
/// # Errors
/// As there, or when a map is not laid out as `z`.
pub fn aggregate_pairs(
    y: [&mut Tensor; 2],
    z: &Tensor,
    taps: &Tensor,
    pairs: i64,
) -> Result<(), KernelError> {
    const OP: &str = "temporal_aggregate_pairs";
    check::aggregate(OP, z, taps, pairs)?;
    let [even, odd] = y;
    beside(OP, z, &[("even", even), ("odd", odd)])?;
    ffi::aggregate_into(&[even, odd], z, taps, pairs)
}

/// The gradients of [`crate::temporal_aggregate_pairs`], as [`aggregate_backward`].
///
/// # Errors
/// As there, or when a map is not laid out as `z`.
pub fn aggregate_pairs_backward(
    grad_z: &mut Tensor,
    grad: [&Tensor; 2],
    [z, taps]: [&Tensor; 2],
    y: [&Tensor; 2],
    pairs: i64,
) -> Result<Tensor, KernelError> {
    const OP: &str = "temporal_aggregate_pairs_backward";
    check::aggregate(OP, z, taps, pairs)?;
    let maps = [("grad_z", &*grad_z), ("grad_even", grad[0]), ("grad_odd", grad[1])];
    beside(OP, z, &maps)?;
    beside(OP, z, &[("even", y[0]), ("odd", y[1])])?;
    ffi::aggregate_backward_into(grad_z, &grad, z, taps, (&y, pairs))
}

/// [`crate::temporal_shift`] into `y`; `step` 1 is the operation, -1 its gradient.
///
/// # Errors
/// As there, or when `y` is not laid out as `x`.
pub fn shift(
    y: &mut Tensor,
    x: &Tensor,
    frames: i64,
    fold: i64,
    step: i64,
) -> Result<(), KernelError> {
    const OP: &str = "temporal_shift";
    check::shift(OP, x, frames, fold)?;
    beside(OP, x, &[("y", y)])?;
    ffi::shift_into(y, x, frames, fold, step.signum())
}

/// [`crate::temporal_interlace`] into `y`.
///
/// # Errors
/// As there, or when `y` is not laid out as `x`.
pub fn interlace(
    y: &mut Tensor,
    x: &Tensor,
    [offsets, weights]: [&Tensor; 2],
    frames: i64,
    fold: i64,
) -> Result<(), KernelError> {
    const OP: &str = "temporal_interlace";
    check::interlace(OP, x, [offsets, weights], frames, fold)?;
    beside(OP, x, &[("y", y)])?;
    ffi::interlace_into(y, x, [offsets, weights], frames, fold)
}

/// The gradients of [`crate::temporal_interlace`]: that of `x` into `grad_x`, those of offsets and
/// weights returned.
///
/// # Errors
/// As there, or when a map is not laid out as `x`.
pub fn interlace_backward(
    grad_x: &mut Tensor,
    grad: &Tensor,
    [x, offsets, weights]: [&Tensor; 3],
    frames: i64,
    fold: i64,
) -> Result<[Tensor; 2], KernelError> {
    const OP: &str = "temporal_interlace_backward";
    check::interlace(OP, x, [offsets, weights], frames, fold)?;
    beside(OP, x, &[("grad_x", grad_x), ("grad", grad)])?;
    ffi::interlace_backward_into(grad_x, grad, x, [offsets, weights], (frames, fold))
}
