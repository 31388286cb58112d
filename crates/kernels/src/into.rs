//! The operations with given memory for their results, without gradients: for loops that use
//! their buffers again, and for benches.
//!
//! A result lies apart from arguments and other results; autograd sees that it was written to.

use std::ops::Range;

use tch::{Device, Tensor};

use crate::{KernelError, check, ffi, has_kernels};

/// An argument by name.
type Named<'a> = (&'static str, &'a Tensor);

/// Checks that the maps can stand beside `x`: dense, and of the same layout, type and device.
fn beside(op: &'static str, x: &Tensor, maps: &[Named]) -> Result<(), KernelError> {
    if !has_kernels(x) {
        let (expected, actual, shape) = (Device::Cpu, x.device(), x.size());
        return Err(KernelError::Device { op, tensor: "x", expected, actual, shape });
    }
    let (size, strides) = (x.size(), x.stride());
    let Some(layout) = layout_of(&size, &strides) else {
        let expected = "a dense map, channel by channel or position by position".into();
        return Err(KernelError::Layout { op, tensor: "x", expected, shape: size, strides });
    };
    for &(tensor, other) in maps {
        let (shape, other_strides) = (other.size(), other.stride());
        if shape != size || layout_of(&shape, &other_strides) != Some(layout) {
            let expected = format!("{size:?} with strides {strides:?}");
            let strides = other_strides;
            return Err(KernelError::Layout { op, tensor, expected, shape, strides });
        }
        if other.kind() != x.kind() {
            let (expected, actual) = (format!("that of x ({:?})", x.kind()), other.kind());
            return Err(KernelError::Kind { op, tensor, expected, actual, shape });
        }
        if other.device() != x.device() {
            let (expected, actual) = (x.device(), other.device());
            return Err(KernelError::Device { op, tensor, expected, actual, shape });
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    Channels,
    Positions,
}

/// The layout without holes that the strides are of; those of single elements mean nothing, and
/// nothing lies between the elements of an empty map.
fn layout_of(size: &[i64], strides: &[i64]) -> Option<Layout> {
    let &[_, c, h, w] = size else { return None };
    let dense = |expected: [i64; 4]| {
        let mut dimensions = size.iter().zip(strides).zip(expected);
        dimensions.all(|((size, stride), expected)| *size == 1 || *stride == expected)
    };
    if size.contains(&0) || dense([c * h * w, h * w, w, 1]) {
        return Some(Layout::Channels);
    }
    dense([c * h * w, 1, w * c, c]).then_some(Layout::Positions)
}

/// Checks that results are written where neither an argument nor another result lies.
fn apart(op: &'static str, results: &[Named], arguments: &[Named]) -> Result<(), KernelError> {
    for (number, &(tensor, result)) in results.iter().enumerate() {
        let bytes = bytes_of(result);
        for &(other, map) in results[number + 1..].iter().chain(arguments) {
            let there = bytes_of(map);
            if bytes.start < there.end && there.start < bytes.end {
                let (shape, other_shape) = (result.size(), map.size());
                return Err(KernelError::Overlap { op, tensor, shape, other, other_shape });
            }
        }
    }
    Ok(())
}

/// The addresses from the first element of a tensor to its last; none where it has no elements.
fn bytes_of(tensor: &Tensor) -> Range<usize> {
    let size = tensor.size();
    if size.contains(&0) {
        return 0..0;
    }
    let last: i64 =
        size.iter().zip(tensor.stride()).map(|(size, stride)| (size - 1) * stride).sum();
    let start = tensor.data_ptr() as usize;
    start..start + (last as usize + 1) * tensor.kind().elt_size_in_bytes()
}

/// [`crate::temporal_aggregate`] into `y`.
///
/// # Errors
/// As there, or when `y` is not laid out as `x` or does not lie apart.
pub fn aggregate(
    y: &mut Tensor,
    x: &Tensor,
    taps: &Tensor,
    frames: i64,
) -> Result<(), KernelError> {
    const OP: &str = "temporal_aggregate";
    check::aggregate(OP, x, taps, frames)?;
    beside(OP, x, &[("y", y)])?;
    apart(OP, &[("y", y)], &[("x", x), ("taps", taps)])?;
    ffi::aggregate_into(&[y], x, taps, frames)
}

/// The gradients of [`crate::temporal_aggregate`] for the upstream gradient `grad` and the result
/// `y`: that of `x` into `grad_x`, that of the taps returned.
///
/// # Errors
/// As there, or when a map is not laid out as `x` or does not lie apart.
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
    let arguments = [("grad", grad), ("x", x), ("taps", taps), ("y", y)];
    apart(OP, &[("grad_x", grad_x)], &arguments)?;
    ffi::aggregate_backward_into(grad_x, &[grad], x, taps, (&[y], frames))
}

/// [`crate::temporal_aggregate_pairs`] into `y`: the even frames, then the odd ones.
///
/// # Errors
/// As there, or when a map is not laid out as `z` or does not lie apart.
pub fn aggregate_pairs(
    y: [&mut Tensor; 2],
    z: &Tensor,
    taps: &Tensor,
    pairs: i64,
) -> Result<(), KernelError> {
    const OP: &str = "temporal_aggregate_pairs";
    check::aggregate(OP, z, taps, pairs)?;
    let [even, odd] = y;
    let results = [("even", &*even), ("odd", &*odd)];
    beside(OP, z, &results)?;
    apart(OP, &results, &[("x", z), ("taps", taps)])?;
    ffi::aggregate_into(&[even, odd], z, taps, pairs)
}

/// The gradients of [`crate::temporal_aggregate_pairs`], as [`aggregate_backward`].
///
/// # Errors
/// As there, or when a map is not laid out as `z` or does not lie apart.
pub fn aggregate_pairs_backward(
    grad_z: &mut Tensor,
    grad: [&Tensor; 2],
    [z, taps]: [&Tensor; 2],
    y: [&Tensor; 2],
    pairs: i64,
) -> Result<Tensor, KernelError> {
    const OP: &str = "temporal_aggregate_pairs_backward";
    check::aggregate(OP, z, taps, pairs)?;
    let maps = [("grad_even", grad[0]), ("grad_odd", grad[1]), ("even", y[0]), ("odd", y[1])];
    beside(OP, z, &[("grad_z", grad_z)])?;
    beside(OP, z, &maps)?;
    apart(OP, &[("grad_z", grad_z)], &maps)?;
    apart(OP, &[("grad_z", grad_z)], &[("x", z), ("taps", taps)])?;
    ffi::aggregate_backward_into(grad_z, &grad, z, taps, (&y, pairs))
}

/// [`crate::temporal_shift`] into `y`; `step` 1 is the operation, -1 its gradient.
///
/// # Errors
/// As there, when `y` is not laid out as `x` or does not lie apart, or when `step` is another.
pub fn shift(
    y: &mut Tensor,
    x: &Tensor,
    frames: i64,
    fold: i64,
    step: i64,
) -> Result<(), KernelError> {
    const OP: &str = "temporal_shift";
    check::shift(OP, x, frames, fold)?;
    if step != 1 && step != -1 {
        return Err(KernelError::Step { op: OP, step });
    }
    beside(OP, x, &[("y", y)])?;
    apart(OP, &[("y", y)], &[("x", x)])?;
    ffi::shift_into(y, x, frames, fold, step)
}

/// [`crate::temporal_interlace`] into `y`.
///
/// # Errors
/// As there, or when `y` is not laid out as `x` or does not lie apart.
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
    apart(OP, &[("y", y)], &[("x", x), ("offsets", offsets), ("weights", weights)])?;
    ffi::interlace_into(y, x, [offsets, weights], frames, fold)
}

/// The gradients of [`crate::temporal_interlace`]: that of `x` into `grad_x`, those of offsets and
/// weights returned.
///
/// # Errors
/// As there, or when a map is not laid out as `x` or does not lie apart.
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
    let arguments = [("grad", grad), ("x", x), ("offsets", offsets), ("weights", weights)];
    apart(OP, &[("grad_x", grad_x)], &arguments)?;
    ffi::interlace_backward_into(grad_x, grad, x, [offsets, weights], (frames, fold))
}
