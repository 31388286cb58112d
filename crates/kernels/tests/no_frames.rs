//! Clips without frames: the loops of the CPU and the bodies of the CUDA kernels on a shape that the tensor
//! library cannot ask for, but that `ops.h` allows.

#[path = "cases/bodies.rs"]
mod bodies;
mod cases;

use std::ptr::{null, null_mut};

use bodies::{
    raw, room, timeweave_grid_aggregate_backward, timeweave_grid_aggregate_forward,
    timeweave_grid_aggregate_partial, timeweave_grid_interlace_backward,
    timeweave_grid_interlace_forward, timeweave_grid_interlace_partial, timeweave_grid_shift,
};
use tch::{Device, Kind, Tensor};
use timeweave_kernels::cpu::export::{
    timeweave_cpu_aggregate_backward, timeweave_cpu_aggregate_finish,
    timeweave_cpu_aggregate_finish_tasks, timeweave_cpu_aggregate_forward,
    timeweave_cpu_aggregate_partial, timeweave_cpu_aggregate_tasks,
    timeweave_cpu_interlace_backward, timeweave_cpu_interlace_finish,
    timeweave_cpu_interlace_forward, timeweave_cpu_interlace_partial,
    timeweave_cpu_interlace_tasks, timeweave_cpu_shift, timeweave_cpu_shift_tasks,
};
use timeweave_kernels::cpu::{Aggregate, Interlace, Shape, Shift};

/// No frames are a shape like any other: nothing is read or written, and sums of nothing are zero.
#[test]
fn clips_without_frames_leave_zero_gradients_of_the_parameters() {
    for (dtype, channels_last) in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)] {
        let shape = Shape { clips: 2, frames: 0, channels: 16, plane: 9, channels_last, dtype };
        let kind = if dtype == 2 { Kind::Double } else { Kind::Float };
        let filled = |size: &[i64]| Tensor::full(size, 77, (kind, Device::Cpu));
        for on_grid in [true, false] {
            let name = format!("{shape:?} on the grid {on_grid}");
            for (taps, pairs) in [(3, 0), (3, 1), (5, 0), (5, 1)] {
                let (weights, sums) = (filled(&[taps, 16]), filled(&[taps, 16]));
                aggregate_nothing(shape, pairs, [&weights, &sums], on_grid);
                assert!(sums.equal(&sums.zeros_like()), "{name} aggregate {taps} pairs {pairs}");
            }
            let (offsets, sums) = (filled(&[2, 4]), filled(&[2, 4]));
            interlace_nothing(shape, [&offsets, &sums], on_grid);
            assert!(sums.equal(&sums.zeros_like()), "{name} interlace");
            let (fold, width) = (4, if dtype == 2 { 8 } else { 4 });
            let (x, y) = (null(), null_mut());
            let args = Shift { shape, fold, step: 1, one_way: 0, width, x, edge: null(), y };
            // SAFETY: there are no elements to touch.
            let code = unsafe {
                if on_grid {
                    timeweave_grid_shift(&raw const args)
                } else {
                    timeweave_cpu_shift(&args, 0, timeweave_cpu_shift_tasks(&args))
                }
            };
            assert_eq!(code, 0, "{name} shift");
        }
    }
}

fn aggregate_nothing(shape: Shape, pairs: i64, [weights, sums]: [&Tensor; 2], on_grid: bool) {
    let mut args = Aggregate {
        shape,
        taps: weights.size()[0],
        pairs,
        x: null(),
        weights: raw(weights),
        y: [null_mut(); 2],
        grad: [null(); 2],
        grad_x: null_mut(),
        partial: null_mut(),
        grad_weights: raw(sums),
    };
    // SAFETY: the maps have no elements, and the parameters live through the calls.
    let codes = unsafe {
        if on_grid {
            let partial = room(timeweave_grid_aggregate_partial(&raw const args));
            args.partial = raw(&partial).cast();
            let forward = timeweave_grid_aggregate_forward(&raw const args);
            [forward, timeweave_grid_aggregate_backward(&raw const args), 0]
        } else {
            let partial = room(timeweave_cpu_aggregate_partial(&args));
            args.partial = raw(&partial).cast();
            let (tasks, last) =
                (timeweave_cpu_aggregate_tasks(&args), timeweave_cpu_aggregate_finish_tasks(&args));
            [
                timeweave_cpu_aggregate_forward(&args, 0, tasks),
                timeweave_cpu_aggregate_backward(&args, 0, tasks),
                timeweave_cpu_aggregate_finish(&args, 0, last),
            ]
        }
    };
    assert_eq!(codes, [0; 3], "{shape:?}");
}

fn interlace_nothing(shape: Shape, [offsets, sums]: [&Tensor; 2], on_grid: bool) {
    let mut args = Interlace {
        shape,
        fold: 8,
        groups: 4,
        x: null(),
        offsets: raw(offsets),
        weights: null(),
        y: null_mut(),
        grad: null(),
        grad_x: null_mut(),
        partial: null_mut(),
        grad_offsets: raw(sums),
        grad_weights: null_mut(),
    };
    // SAFETY: as above; weights have a number for each frame, so there are none either.
    let codes = unsafe {
        if on_grid {
            let partial = room(timeweave_grid_interlace_partial(&raw const args));
            args.partial = raw(&partial).cast();
            let forward = timeweave_grid_interlace_forward(&raw const args);
            [forward, timeweave_grid_interlace_backward(&raw const args), 0]
        } else {
            let partial = room(timeweave_cpu_interlace_partial(&args)).zero_();
            args.partial = raw(&partial).cast();
            let tasks = timeweave_cpu_interlace_tasks(&args);
            [
                timeweave_cpu_interlace_forward(&args, 0, tasks),
                timeweave_cpu_interlace_backward(&args, 0, tasks),
                timeweave_cpu_interlace_finish(&args),
            ]
        }
    };
    assert_eq!(codes, [0; 3], "{shape:?}");
}
