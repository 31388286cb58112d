//! The innermost loops of TAM: columns of a few neighbouring elements that walk through time, so
//! that every map is read once and all taps meet in registers.
//!
//! `STREAM` says that stores go past the caches.

use std::ops::Range;

use super::aggregate_forms::{Form, put};
use super::vector::{Accumulator, Element, Vector, prefetch};

/// The frames of one clip from the start of a strip on.
pub(super) struct Maps<E> {
    pub x: *const E,
    /// Written forward, read backward.
    pub y: [*mut E; 2],
    pub grad: [*const E; 2],
    pub grad_x: *mut E,
    pub outputs: usize,
    pub frames: usize,
    /// Elements from one frame to the next.
    pub frame: usize,
}

/// A number per term and element of a strip, [`STRIP`] apart from term to term.
#[derive(Clone, Copy)]
pub(super) struct Rows<A> {
    pub weights: *const A,
    /// Written backward.
    pub sums: *mut A,
}

/// Walks through the strip after this one in the order of memory, a vector with each step of a
/// column: columns alone touch too many places at once for the processor to foresee.
pub(super) struct Ahead {
    at: usize,
    left: usize,
    strip: usize,
    frame: usize,
}

impl Ahead {
    pub fn new(strip: usize, frame: usize) -> Self {
        Self { at: strip, left: strip, strip, frame }
    }

    /// Where the next vector lies, from the start of this strip.
    #[inline(always)]
    fn step(&mut self, lanes: usize) -> usize {
        let at = self.at;
        if self.left > lanes {
            self.at += lanes;
            self.left -= lanes;
        } else {
            self.at += self.left + self.frame - self.strip;
            self.left = self.strip;
        }
        at
    }
}

/// `y = ReLU(sum_j w_j x_j)` in the columns of `range`; returns where the last full vector ends.
///
/// # Safety
/// All pointers must be valid for the range, and aligned if `STREAM`; `V` is supported.
#[inline(always)]
pub(super) unsafe fn mix<E: Element, V: Vector<E>, F: Form, const STREAM: bool>(
    form: &F,
    maps: &Maps<E>,
    rows: Rows<E::Acc>,
    range: Range<usize>,
    ahead: &mut Ahead,
) -> usize {
    let ((_, lead), frame) = (form.reach(), maps.frame);
    let mut at = range.start;
    // SAFETY: the caller's promise.
    unsafe {
        let zero = V::splat(E::Acc::ZERO);
        let (mut weights, mut sight) = (form.few(zero), form.sight(zero));
        while at + V::LANES <= range.end {
            form.read::<E, V>(&mut weights, rows.weights.add(at));
            for step in 0..maps.frames + lead {
                let is_inside = step < maps.frames;
                let newest = if is_inside { V::load(maps.x.add(step * frame + at)) } else { zero };
                form.enter(&mut sight, newest);
                if step >= lead {
                    prefetch(maps.x.wrapping_add(ahead.step(V::LANES)));
                    let here = (step - lead) * frame + at;
                    form.mix::<E, V, STREAM>(&sight, &weights, maps.y, here);
                }
            }
            // The next column has no past.
            sight = form.sight(zero);
            at += V::LANES;
        }
    }
    at
}

/// `gx = sum_j w_j m_j` and `sum_j = sum_t x m_j` in the columns of `range`, with `m = g` where
/// `y > 0` and else 0; returns as [`mix`].
///
/// # Safety
/// As [`mix`].
#[inline(always)]
pub(super) unsafe fn spread<E: Element, V: Vector<E>, F: Form, const STREAM: bool>(
    form: &F,
    maps: &Maps<E>,
    rows: Rows<E::Acc>,
    range: Range<usize>,
    ahead: &mut Ahead,
) -> usize {
    let ((lead, _), frame) = (form.reach(), maps.frame);
    let mut at = range.start;
    // SAFETY: the caller's promise.
    unsafe {
        let zero = V::splat(E::Acc::ZERO);
        let (mut weights, mut sights) = (form.few(zero), form.sights(zero));
        while at + V::LANES <= range.end {
            form.read::<E, V>(&mut weights, rows.weights.add(at));
            let mut sums = form.few(zero);
            for step in 0..maps.frames + lead {
                let there = step * frame + at;
                let newest = (step < maps.frames).then_some(there);
                form.open::<E, V>(&mut sights, maps.grad, maps.y, newest);
                if step < lead {
                    continue;
                }
                let next = ahead.step(V::LANES);
                prefetch(maps.x.wrapping_add(next));
                for out in 0..maps.outputs {
                    prefetch(maps.grad[out].wrapping_add(next));
                    prefetch(maps.y[out].wrapping_add(next));
                }
                let here = there - lead * frame;
                let x = V::load(maps.x.add(here));
                let gx = form.spread::<E, V>(&sights, &weights, &mut sums, x);
                put::<E, V, STREAM>(gx, maps.grad_x.add(here));
            }
            form.write::<E, V>(&sums, rows.sums.add(at));
            // The next column has no past.
            sights = form.sights(zero);
            at += V::LANES;
        }
    }
    at
}
