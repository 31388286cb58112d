//! The loops of TAM: every frame is read once, whatever the number of taps.
//!
//! Forward, `y[t] = ReLU(sum_j w_j x[t + d_j])`. Backward, with `m[t] = g[t]` where `y[t] > 0`
//! and else 0, frame `s` needs `x[s]` and the same `m[s - d_j]` for both of its results:
//! `gx[s] = sum_j w_j m[s - d_j]` and `gw_j = sum_s x[s] m[s - d_j]`.

use std::ffi::c_void;
use std::ops::Range;

use super::aggregate_parts::has_runs;
use super::shape::{Cut, Shape};
use super::total::CHAIN;
use super::vector::Accumulator;

/// As many tasks keep many processors busy.
const TASKS: usize = 64;

/// Channels that one task finishes.
const FINISHED: usize = 128;

/// Arguments of the aggregation, shared with `csrc/ops.h`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Aggregate {
    /// Shape of `x`; of the pair form, with `frames` the number of frame pairs.
    pub shape: Shape,
    /// Taps `r`.
    pub taps: i64,
    /// 0: one output; 1: the outputs of the even and the odd frames of pairs that share a map.
    pub pairs: i64,
    /// `x`, `[N*T, C, H, W]`.
    pub x: *const c_void,
    /// Weights `[r, C]` in the type of sums.
    pub weights: *const c_void,
    /// Outputs; the second only in the pair form. Backward reads their signs.
    pub y: [*mut c_void; 2],
    /// Upstream gradients of the outputs (backward).
    pub grad: [*const c_void; 2],
    /// Gradient of `x` (backward).
    pub grad_x: *mut c_void,
    /// Room for the sums of the tasks (backward), [`Aggregate::partial_len`] numbers.
    pub partial: *mut f64,
    /// Gradient of the weights `[r, C]` in the type of sums (backward).
    pub grad_weights: *mut c_void,
}

/// Output `out` sees `x[t + shift]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Term {
    pub out: usize,
    pub shift: isize,
}

/// Which outputs meet which frames.
pub(super) struct Plan {
    pub terms: Vec<Term>,
    /// The taps whose weights add up to that of each term.
    pub taps: Vec<Vec<usize>>,
}

impl Plan {
    pub fn of(args: &Aggregate) -> Self {
        let (mut terms, mut taps) = (Vec::new(), Vec::<Vec<usize>>::new());
        for out in 0..args.outputs() {
            for tap in 0..args.taps as usize {
                let distance = tap as isize - args.taps as isize / 2;
                // Frames 2k and 2k+1 of pairs both hold map k.
                let shift = match args.pairs {
                    0 => distance,
                    _ => (distance + out as isize).div_euclid(2),
                };
                let term = Term { out, shift };
                if let Some(index) = terms.iter().position(|known| *known == term) {
                    taps[index].push(tap);
                } else {
                    terms.push(term);
                    taps.push(vec![tap]);
                }
            }
        }
        Self { terms, taps }
    }
}

impl Aggregate {
    pub(crate) fn outputs(&self) -> usize {
        if self.pairs == 0 { 1 } else { 2 }
    }

    /// Independent tasks of the forward and of the backward loop.
    pub fn tasks(&self) -> i64 {
        (self.groups() * Cut::of(&self.shape).per_clip()) as i64
    }

    /// How many clips a task works on, one after the other.
    ///
    /// Small planes have a weight and a sum for each element, whose coming and going weighs less
    /// the more frames share them.
    pub(super) fn clips_per_task(&self) -> usize {
        let (clips, t) = (self.shape.clips as usize, self.shape.t());
        if self.shape.is_channels_last() || has_runs(&self.shape) {
            return 1;
        }
        let enough = clips * Cut::of(&self.shape).per_clip() / TASKS;
        let most = (CHAIN / t.max(1)).min(enough).max(1);
        clips.div_ceil(clips.div_ceil(most).max(1)).max(1)
    }

    /// Groups of clips that share their tasks.
    fn groups(&self) -> usize {
        (self.shape.clips as usize).div_ceil(self.clips_per_task())
    }

    /// The clips of a group.
    pub(super) fn clips(&self, group: usize) -> Range<usize> {
        let each = self.clips_per_task();
        group * each..((group + 1) * each).min(self.shape.clips as usize)
    }

    /// Tasks of a group of clips that sum over the same channels.
    pub(super) fn splits(&self) -> usize {
        if self.shape.is_channels_last() { Cut::of(&self.shape).per_clip() } else { 1 }
    }

    /// Length of `partial`.
    pub fn partial_len(&self) -> i64 {
        let rows = Plan::of(self).terms.len();
        (self.groups() * self.splits() * rows * self.shape.c()) as i64
    }

    /// Tasks of [`Aggregate::finish`].
    pub fn finish_tasks(&self) -> i64 {
        self.shape.c().div_ceil(FINISHED) as i64
    }

    /// Adds the tasks' sums to the gradient of the weights, in the order of the tasks.
    ///
    /// # Safety
    /// `partial` and `grad_weights` must be valid, all tasks must have run, and no other thread may
    /// run the same finishing tasks.
    pub(crate) unsafe fn finish<A: Accumulator>(&self, tasks: Range<i64>) {
        let (plan, c) = (Plan::of(self), self.shape.c());
        let (tasks, rows) = (tasks.start as usize..tasks.end as usize, plan.terms.len());
        // Nothing has been summed of a map without elements.
        let blocks = if self.shape.is_empty() { 0 } else { self.groups() * self.splits() };
        let mut sums = vec![[0.0; FINISHED]; self.taps as usize];
        for first in tasks.map(|task| task * FINISHED) {
            let len = FINISHED.min(c - first);
            sums.fill([0.0; FINISHED]);
            for block in 0..blocks {
                for (row, taps) in plan.taps.iter().enumerate() {
                    // SAFETY: `partial` holds `blocks * rows * c` numbers.
                    let partial = unsafe {
                        let at = (block * rows + row) * c + first;
                        std::slice::from_raw_parts(self.partial.add(at), len)
                    };
                    for tap in taps {
                        sums[*tap].iter_mut().zip(partial).for_each(|(sum, value)| *sum += value);
                    }
                }
            }
            for (tap, sums) in sums.iter().enumerate() {
                for (channel, sum) in (first..first + len).zip(sums) {
                    // SAFETY: `grad_weights` holds `taps * c` numbers.
                    unsafe {
                        *self.grad_weights.cast::<A>().add(tap * c + channel) = A::from_f64(*sum);
                    };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ptr::{null, null_mut};

    use super::*;

    #[test]
    fn groups_hold_every_clip_once_and_leave_tasks_enough() {
        let mut checked = 0;
        for (clips, frames, channels, plane, channels_last) in [
            (16, 8, 2048, 49, 0),
            (16, 8, 2048, 49, 1),
            (9, 2, 3300, 9, 0),
            (7, 100, 4096, 49, 0),
            (1, 8, 64, 3136, 0),
            (300, 300, 512, 1, 0),
            (0, 8, 64, 49, 0),
        ] {
            let shape = Shape { clips, frames, channels, plane, channels_last, dtype: 1 };
            let args = Aggregate {
                shape,
                taps: 3,
                pairs: 0,
                x: null(),
                weights: null(),
                y: [null_mut(); 2],
                grad: [null(); 2],
                grad_x: null_mut(),
                partial: null_mut(),
                grad_weights: null_mut(),
            };
            let all: Vec<_> = (0..args.groups()).flat_map(|group| args.clips(group)).collect();
            assert_eq!(all, (0..clips as usize).collect::<Vec<_>>());
            let each = args.clips_per_task();
            assert!(each == 1 || args.tasks() >= TASKS as i64, "{each} clips in {shape:?}");
            assert!(each == 1 || each * frames as usize <= CHAIN);
            checked += all.len();
        }
        println!("checked: {checked} clips in groups");
    }
}
