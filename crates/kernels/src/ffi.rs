//! The C++ part (`csrc/interface.cpp`) as safe functions: tensors in, tensors or an error out.

use std::ffi::{CStr, c_char, c_void};
use std::ptr::{null, null_mut};

use tch::{TchError, Tensor};

use crate::KernelError;

unsafe extern "C" {
    fn timeweave_temporal_aggregate(
        y: *mut *mut c_void,
        x: *const c_void,
        taps: *const c_void,
        frames: i64,
    ) -> *mut c_char;
    fn timeweave_temporal_aggregate_pairs(
        y: *mut *mut c_void,
        z: *const c_void,
        taps: *const c_void,
        frames: i64,
    ) -> *mut c_char;
    fn timeweave_temporal_shift(
        y: *mut *mut c_void,
        x: *const c_void,
        frames: i64,
        fold: i64,
    ) -> *mut c_char;
    fn timeweave_temporal_shift_online(
        y: *mut *mut c_void,
        x: *const c_void,
        state: *const c_void,
        frames: i64,
    ) -> *mut c_char;
    fn timeweave_temporal_interlace(
        y: *mut *mut c_void,
        x: *const c_void,
        offsets: *const c_void,
        weights: *const c_void,
        frames: i64,
        fold: i64,
    ) -> *mut c_char;
    fn timeweave_aggregate_into(
        y: *const *const c_void,
        x: *const c_void,
        taps: *const c_void,
        frames: i64,
    ) -> *mut c_char;
    fn timeweave_aggregate_backward_into(
        grad_x: *const c_void,
        grad_taps: *mut *mut c_void,
        grad: *const *const c_void,
        x: *const c_void,
        taps: *const c_void,
        y: *const *const c_void,
        frames: i64,
    ) -> *mut c_char;
    fn timeweave_shift_into(
        y: *const c_void,
        x: *const c_void,
        frames: i64,
        fold: i64,
        step: i64,
    ) -> *mut c_char;
    fn timeweave_interlace_into(
        y: *const c_void,
        x: *const c_void,
        offsets: *const c_void,
        weights: *const c_void,
        frames: i64,
        fold: i64,
    ) -> *mut c_char;
    fn timeweave_interlace_backward_into(
        grad_x: *const c_void,
        grads: *mut *mut c_void,
        grad: *const c_void,
        x: *const c_void,
        offsets: *const c_void,
        weights: *const c_void,
        frames: i64,
        fold: i64,
    ) -> *mut c_char;
    fn timeweave_as_autocast(y: *mut *mut c_void, x: *const c_void) -> *mut c_char;
    fn timeweave_as_result(
        result: *mut *mut c_void,
        x: *const c_void,
        y: *const c_void,
    ) -> *mut c_char;
    fn timeweave_autocast(x: *const c_void) -> i32;
    fn timeweave_cuda_present() -> i32;
    fn free(text: *mut c_void);
}

fn raw(tensor: &Tensor) -> *const c_void {
    tensor.as_ptr().cast()
}

/// The error that a text stands for; null is success.
fn checked(text: *mut c_char) -> Result<(), KernelError> {
    if text.is_null() {
        return Ok(());
    }
    // SAFETY: the C++ part returns a text of its own, ended by zero, for the caller to free.
    let message = unsafe {
        let message = CStr::from_ptr(text).to_string_lossy().into_owned();
        free(text.cast());
        message
    };
    Err(TchError::Torch(message).into())
}

/// Calls `body` with room for `K` tensors, which it fills unless it fails.
fn produced<const K: usize>(
    body: impl FnOnce(*mut *mut c_void) -> *mut c_char,
) -> Result<[Tensor; K], KernelError> {
    let mut tensors = [null_mut(); K];
    checked(body(tensors.as_mut_ptr()))?;
    if tensors.iter().any(|tensor| tensor.is_null()) {
        // The text of an error is memory too.
        return Err(TchError::Torch("out of memory".into()).into());
    }
    // SAFETY: on success every slot holds a new at::Tensor, which is what torch-sys calls C_tensor.
    Ok(tensors.map(|tensor| unsafe { Tensor::from_ptr(tensor.cast()) }))
}

pub(crate) fn aggregate(x: &Tensor, taps: &Tensor, frames: i64) -> Result<Tensor, KernelError> {
    // SAFETY: the tensors live through the call, here and in all functions below.
    let [y] = produced(|y| unsafe { timeweave_temporal_aggregate(y, raw(x), raw(taps), frames) })?;
    Ok(y)
}

pub(crate) fn aggregate_pairs(
    z: &Tensor,
    taps: &Tensor,
    frames: i64,
) -> Result<(Tensor, Tensor), KernelError> {
    // SAFETY: as above.
    let [even, odd] =
        produced(|y| unsafe { timeweave_temporal_aggregate_pairs(y, raw(z), raw(taps), frames) })?;
    Ok((even, odd))
}

pub(crate) fn shift(x: &Tensor, frames: i64, fold: i64) -> Result<Tensor, KernelError> {
    // SAFETY: as above.
    let [y] = produced(|y| unsafe { timeweave_temporal_shift(y, raw(x), frames, fold) })?;
    Ok(y)
}

pub(crate) fn shift_online(
    x: &Tensor,
    state: &Tensor,
    frames: i64,
) -> Result<(Tensor, Tensor), KernelError> {
    // SAFETY: as above.
    let [y, next] =
        produced(|y| unsafe { timeweave_temporal_shift_online(y, raw(x), raw(state), frames) })?;
    Ok((y, next))
}

pub(crate) fn interlace(
    x: &Tensor,
    offsets: &Tensor,
    weights: &Tensor,
    frames: i64,
    fold: i64,
) -> Result<Tensor, KernelError> {
    let (offsets, weights) = (raw(offsets), raw(weights));
    // SAFETY: as above.
    let [y] = produced(|y| unsafe {
        timeweave_temporal_interlace(y, raw(x), offsets, weights, frames, fold)
    })?;
    Ok(y)
}

/// Whether autocast is on for the device of `x`.
pub(crate) fn is_autocast(x: &Tensor) -> bool {
    // SAFETY: as above.
    unsafe { timeweave_autocast(raw(x)) != 0 }
}

/// `x` as the operations take it: in the type of autocast where that is on.
pub(crate) fn as_autocast(x: &Tensor) -> Result<Tensor, KernelError> {
    // SAFETY: as above.
    let [y] = produced(|y| unsafe { timeweave_as_autocast(y, raw(x)) })?;
    Ok(y)
}

/// `y` in the type and the memory layout of `x`, as the operations return it.
pub(crate) fn as_result(x: &Tensor, y: &Tensor) -> Result<Tensor, KernelError> {
    // SAFETY: as above.
    let [result] = produced(|result| unsafe { timeweave_as_result(result, raw(x), raw(y)) })?;
    Ok(result)
}

/// Whether this build has the CUDA kernels.
pub(crate) fn has_cuda_kernels() -> bool {
    // SAFETY: a function without arguments that only returns a constant.
    unsafe { timeweave_cuda_present() != 0 }
}

fn pair_of(tensors: &[&Tensor]) -> [*const c_void; 2] {
    [tensors.first().map_or(null(), |t| raw(t)), tensors.get(1).map_or(null(), |t| raw(t))]
}

pub(crate) fn aggregate_into(
    y: &[&Tensor],
    x: &Tensor,
    taps: &Tensor,
    frames: i64,
) -> Result<(), KernelError> {
    let y = pair_of(y);
    // SAFETY: as above.
    checked(unsafe { timeweave_aggregate_into(y.as_ptr(), raw(x), raw(taps), frames) })
}

pub(crate) fn aggregate_backward_into(
    grad_x: &Tensor,
    grad: &[&Tensor],
    x: &Tensor,
    taps: &Tensor,
    (y, frames): (&[&Tensor], i64),
) -> Result<Tensor, KernelError> {
    let (grad, y) = (pair_of(grad), pair_of(y));
    // SAFETY: as above.
    let [grad_taps] = produced(|result| unsafe {
        let (grad, y) = (grad.as_ptr(), y.as_ptr());
        timeweave_aggregate_backward_into(raw(grad_x), result, grad, raw(x), raw(taps), y, frames)
    })?;
    Ok(grad_taps)
}

pub(crate) fn shift_into(
    y: &Tensor,
    x: &Tensor,
    frames: i64,
    fold: i64,
    step: i64,
) -> Result<(), KernelError> {
    // SAFETY: as above.
    checked(unsafe { timeweave_shift_into(raw(y), raw(x), frames, fold, step) })
}

pub(crate) fn interlace_into(
    y: &Tensor,
    x: &Tensor,
    [offsets, weights]: [&Tensor; 2],
    frames: i64,
    fold: i64,
) -> Result<(), KernelError> {
    let (offsets, weights) = (raw(offsets), raw(weights));
    // SAFETY: as above.
    checked(unsafe { timeweave_interlace_into(raw(y), raw(x), offsets, weights, frames, fold) })
}

pub(crate) fn interlace_backward_into(
    grad_x: &Tensor,
    grad: &Tensor,
    x: &Tensor,
    [offsets, weights]: [&Tensor; 2],
    (frames, fold): (i64, i64),
) -> Result<[Tensor; 2], KernelError> {
    let (o, w) = (raw(offsets), raw(weights));
    // SAFETY: as above.
    produced(|grads| unsafe {
        timeweave_interlace_backward_into(raw(grad_x), grads, raw(grad), raw(x), o, w, frames, fold)
    })
}
