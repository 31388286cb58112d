//! The C names under which `csrc/launch.cpp` calls the loops, from libtorch's threads.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::isa::{Dtype, launch};
use super::{Aggregate, Interlace, Shift, aggregate_loops, interlace_loops, shift};

/// Runs `body` with the element type of `number`; a panic becomes a failure of the call.
fn guarded(number: i32, body: impl FnOnce(Dtype)) -> i32 {
    let Some(dtype) = Dtype::of(number) else { return 1 };
    i32::from(catch_unwind(AssertUnwindSafe(|| body(dtype))).is_err()) * 2
}

fn tasks(first: i64, last: i64) -> Range<i64> {
    first..last
}

/// Tasks of an aggregation; the C form of [`Aggregate::tasks`].
#[unsafe(no_mangle)]
pub extern "C" fn timeweave_cpu_aggregate_tasks(args: &Aggregate) -> i64 {
    args.tasks()
}

/// The C form of [`Aggregate::partial_len`].
#[unsafe(no_mangle)]
pub extern "C" fn timeweave_cpu_aggregate_partial(args: &Aggregate) -> i64 {
    args.partial_len()
}

/// Runs some tasks of the forward loop.
///
/// # Safety
/// The pointers of `args` must be valid for its shape, and no other thread may run these tasks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timeweave_cpu_aggregate_forward(
    args: &Aggregate,
    first: i64,
    last: i64,
) -> i32 {
    guarded(args.shape.dtype, |dtype| {
        // SAFETY: the caller's promise.
        unsafe { launch(&aggregate_loops::Forward(args), dtype, tasks(first, last)) }
    })
}

/// Runs some tasks of the backward loop.
///
/// # Safety
/// As [`timeweave_cpu_aggregate_forward`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timeweave_cpu_aggregate_backward(
    args: &Aggregate,
    first: i64,
    last: i64,
) -> i32 {
    guarded(args.shape.dtype, |dtype| {
        // SAFETY: the caller's promise.
        unsafe { launch(&aggregate_loops::Backward(args), dtype, tasks(first, last)) }
    })
}

/// The C form of [`Aggregate::finish_tasks`].
#[unsafe(no_mangle)]
pub extern "C" fn timeweave_cpu_aggregate_finish_tasks(args: &Aggregate) -> i64 {
    args.finish_tasks()
}

/// Makes some channels' gradients of the weights, after all tasks of the backward loop.
///
/// # Safety
/// As [`timeweave_cpu_aggregate_forward`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timeweave_cpu_aggregate_finish(
    args: &Aggregate,
    first: i64,
    last: i64,
) -> i32 {
    guarded(args.shape.dtype, |dtype| {
        // SAFETY: the caller's promise.
        unsafe {
            match dtype {
                Dtype::F64 => args.finish::<f64>(tasks(first, last)),
                Dtype::F32 | Dtype::Bf16 => args.finish::<f32>(tasks(first, last)),
            }
        }
    })
}

/// Tasks of a shift; the C form of [`Shift::tasks`].
#[unsafe(no_mangle)]
pub extern "C" fn timeweave_cpu_shift_tasks(args: &Shift) -> i64 {
    args.tasks()
}

/// Runs some tasks of a shift.
///
/// # Safety
/// As [`timeweave_cpu_aggregate_forward`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timeweave_cpu_shift(args: &Shift, first: i64, last: i64) -> i32 {
    guarded(Dtype::F32 as i32, |dtype| {
        // SAFETY: the caller's promise; the loop looks at bytes only.
        unsafe { launch(&shift::Copies(args), dtype, tasks(first, last)) }
    })
}

/// Tasks of an interlacing; the C form of [`Interlace::tasks`].
#[unsafe(no_mangle)]
pub extern "C" fn timeweave_cpu_interlace_tasks(args: &Interlace) -> i64 {
    args.tasks()
}

/// The C form of [`Interlace::partial_len`].
#[unsafe(no_mangle)]
pub extern "C" fn timeweave_cpu_interlace_partial(args: &Interlace) -> i64 {
    args.partial_len()
}

/// Runs some tasks of the forward loop.
///
/// # Safety
/// As [`timeweave_cpu_aggregate_forward`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timeweave_cpu_interlace_forward(
    args: &Interlace,
    first: i64,
    last: i64,
) -> i32 {
    guarded(args.shape.dtype, |dtype| {
        // SAFETY: the caller's promise.
        unsafe { launch(&interlace_loops::Forward(args), dtype, tasks(first, last)) }
    })
}

/// Runs some tasks of the backward loop.
///
/// # Safety
/// As [`timeweave_cpu_aggregate_forward`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timeweave_cpu_interlace_backward(
    args: &Interlace,
    first: i64,
    last: i64,
) -> i32 {
    guarded(args.shape.dtype, |dtype| {
        // SAFETY: the caller's promise.
        unsafe { launch(&interlace_loops::Backward(args), dtype, tasks(first, last)) }
    })
}

/// Makes the gradients of offsets and weights, after all tasks.
///
/// # Safety
/// As [`timeweave_cpu_aggregate_forward`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timeweave_cpu_interlace_finish(args: &Interlace) -> i32 {
    guarded(args.shape.dtype, |dtype| {
        // SAFETY: the caller's promise.
        unsafe {
            match dtype {
                Dtype::F64 => args.finish::<f64>(),
                Dtype::F32 | Dtype::Bf16 => args.finish::<f32>(),
            }
        }
    })
}
