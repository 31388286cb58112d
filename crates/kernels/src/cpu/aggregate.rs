//! The loops of TAM: every frame is read once, whatever the number of taps.
//!
//! Forward, `y[t] = ReLU(sum_j w_j x[t + d_j])`. Backward, with `m[t] = g[t]` where `y[t] > 0`
//! and else 0, frame `s` needs `x[s]` and the same `m[s - d_j]` for both of its results:
//! `gx[s] = sum_j w_j m[s - d_j]` and `gw_j = sum_s x[s] m[s - d_j]`.

use std::ffi::c_void;

use super::shape::{Cut, Shape};
use super::vector::Accumulator;

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
    /// Sums of the tasks, zero at first (backward), [`Aggregate::partial_len`] numbers.
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
        self.shape.clips * Cut::of(&self.shape).per_clip() as i64
    }

    /// Tasks of a clip that sum over the same channels.
    pub(super) fn splits(&self) -> usize {
        if self.shape.is_channels_last() { Cut::of(&self.shape).per_clip() } else { 1 }
    }

    /// Length of `partial`.
    pub fn partial_len(&self) -> i64 {
        let rows = Plan::of(self).terms.len();
        self.shape.clips * (self.splits() * rows * self.shape.c()) as i64
    }

    /// Adds the tasks' sums to the gradient of the weights, in the order of the tasks.
    ///
    /// # Safety
    /// `partial` and `grad_weights` must be valid and all tasks must have run.
    pub(crate) unsafe fn finish<A: Accumulator>(&self) {
        let (plan, c) = (Plan::of(self), self.shape.c());
        let (count, rows) = (self.shape.clips as usize * self.splits(), plan.terms.len());
        let mut sums = vec![0.0; self.taps as usize * c];
        for block in 0..count {
            for (row, taps) in plan.taps.iter().enumerate() {
                // SAFETY: `partial` holds `count * rows * c` numbers.
                let partial = unsafe {
                    std::slice::from_raw_parts(self.partial.add((block * rows + row) * c), c)
                };
                for tap in taps {
                    let sums = &mut sums[tap * c..(tap + 1) * c];
                    sums.iter_mut().zip(partial).for_each(|(sum, value)| *sum += value);
                }
            }
        }
        for (index, sum) in sums.into_iter().enumerate() {
            // SAFETY: `grad_weights` holds `taps * c` numbers.
            unsafe { *self.grad_weights.cast::<A>().add(index) = A::from_f64(sum) };
        }
    }
}
