//! The innermost loops of TAM: columns of a few neighbouring elements that walk through time, so
//! that every map is read once and all taps meet in registers.
//!
//! `STREAM` says that stores go past the caches.

use std::ops::Range;

use super::aggregate_forms::Form;
use super::vector::{Accumulator, Element, Vector, foresee};

/// The frames of one clip from the start of a strip on.
pub(super) struct Maps<E> {
    pub x: *const E,
    /// Written forward, read backward.
    pub y: [*mut E; 2],
    pub grad: [*const E; 2],
    pub grad_x: *mut E,
    pub frames: usize,
    /// Elements from one frame to the next.
    pub frame: usize,
    /// Bytes from what is read to what is asked for: the columns walk through more rows of memory
    /// than the processor follows by itself.
    pub ahead: isize,
    /// Whether columns are passed from the last one to the first (forward).
    pub falls: bool,
}

impl<E> Maps<E> {
    /// Foresees what is read soon after `from`.
    #[inline(always)]
    fn foresee(&self, from: *const E) {
        foresee(from.cast::<u8>().wrapping_offset(self.ahead));
    }
}

/// A number per term and element of a part, [`ROW`](super::shape::ROW) apart from term to term.
#[derive(Clone, Copy)]
pub(super) struct Rows<A> {
    /// Where an element's numbers are: its place under this mask.
    pub mask: usize,
    pub weights: *const A,
    /// Written backward.
    pub sums: *mut A,
}

/// Stores an element's vector, past the caches if `STREAM`.
#[inline(always)]
unsafe fn put<E: Element, V: Vector<E>, const STREAM: bool>(packed: V::Packed, to: *mut E) {
    // SAFETY: the caller's target is valid, and aligned if `STREAM`.
    unsafe { if STREAM { V::stream(packed, to) } else { V::store(packed, to) } }
}

/// `y = ReLU(sum_j w_j x_j)` of `N` frames from `first` on, in the columns of `range`; returns where
/// the last full vector ends.
///
/// All frames of a column lie at the same place of a page, and a processor takes a load from there
/// for one of what was just stored there: so nothing is stored before all is loaded.
///
/// # Safety
/// All pointers must be valid for the range, and aligned if `STREAM`; `V` is supported.
#[inline(always)]
pub(super) unsafe fn mix<E: Element, V: Vector<E>, F: Form, const STREAM: bool, const N: usize>(
    form: &F,
    maps: &Maps<E>,
    rows: Rows<E::Acc>,
    first: usize,
    range: Range<usize>,
) -> usize {
    let ((before, after), frame) = (form.reach(), maps.frame);
    let count = range.len() / V::LANES;
    // SAFETY: the caller's promise.
    unsafe {
        let zero = V::splat(E::Acc::ZERO);
        let (mut weights, mut sight) = (form.few(zero), form.sight(zero));
        for column in 0..count {
            let column = if maps.falls { count - 1 - column } else { column };
            let at = range.start + column * V::LANES;
            form.read::<E, V>(&mut weights, rows.weights.add(at & rows.mask));
            for near in 0..before + after {
                let t = (first + near).wrapping_sub(before);
                let is_inside = t < maps.frames;
                let newest = if is_inside { V::load(maps.x.add(t * frame + at)) } else { zero };
                form.enter(&mut sight, newest);
            }
            let mut results = [[zero.pack(); 2]; N];
            for (index, result) in results.iter_mut().enumerate() {
                let t = first + index + after;
                let is_inside = t < maps.frames;
                let newest = if is_inside {
                    maps.foresee(maps.x.add(t * frame + at));
                    V::load(maps.x.add(t * frame + at))
                } else {
                    zero
                };
                form.enter(&mut sight, newest);
                *result = form.mix::<E, V>(&sight, &weights);
            }
            for (index, result) in results.iter().enumerate() {
                let to = (first + index) * frame + at;
                put::<E, V, STREAM>(result[0], maps.y[0].add(to));
                if form.outputs() > 1 {
                    put::<E, V, STREAM>(result[1], maps.y[1].add(to));
                }
            }
        }
    }
    range.start + count * V::LANES
}

/// `gx = sum_j w_j m_j` of `N` frames from `first` on in the columns of `range`, and `sum_t x m_j`
/// added to the sums, with `m = g` where `y > 0` and else 0; returns as [`mix`].
///
/// # Safety
/// As [`mix`].
#[inline(always)]
pub(super) unsafe fn spread<
    E: Element,
    V: Vector<E>,
    F: Form,
    const STREAM: bool,
    const N: usize,
>(
    form: &F,
    maps: &Maps<E>,
    rows: Rows<E::Acc>,
    first: usize,
    range: Range<usize>,
) -> usize {
    let ((after, before), frame) = (form.reach(), maps.frame);
    let mut at = range.start;
    // SAFETY: the caller's promise.
    unsafe {
        let zero = V::splat(E::Acc::ZERO);
        let (mut weights, mut sums) = (form.few(zero), form.few(zero));
        let mut sights = form.sights(zero);
        while at + V::LANES <= range.end {
            form.read::<E, V>(&mut weights, rows.weights.add(at & rows.mask));
            form.read::<E, V>(&mut sums, rows.sums.add(at & rows.mask));
            for near in 0..before + after {
                let t = (first + near).wrapping_sub(before);
                let there = if t < maps.frames { Some(t * frame + at) } else { None };
                form.open::<E, V>(&mut sights, maps.grad, maps.y, there);
            }
            let mut results = [zero.pack(); N];
            for (index, result) in results.iter_mut().enumerate() {
                let t = first + index;
                let is_inside = t + after < maps.frames;
                let there = if is_inside { Some((t + after) * frame + at) } else { None };
                form.open::<E, V>(&mut sights, maps.grad, maps.y, there);
                if let Some(there) = there {
                    maps.foresee(maps.grad[0].wrapping_add(there));
                    maps.foresee(maps.y[0].wrapping_add(there));
                    if form.outputs() > 1 {
                        maps.foresee(maps.grad[1].wrapping_add(there));
                        maps.foresee(maps.y[1].wrapping_add(there));
                    }
                }
                maps.foresee(maps.x.add(t * frame + at));
                let x = V::load(maps.x.add(t * frame + at));
                *result = form.spread::<E, V>(&sights, &weights, &mut sums, x).pack();
            }
            for (index, result) in results.iter().enumerate() {
                put::<E, V, STREAM>(*result, maps.grad_x.add((first + index) * frame + at));
            }
            form.write::<E, V>(&sums, rows.sums.add(at & rows.mask));
            at += V::LANES;
        }
    }
    at
}
