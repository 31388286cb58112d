//! The innermost loops of TAM, over neighbouring elements of one frame.
//!
//! `RUNS` says that a weight holds for the whole length; otherwise each element has its own.
//! `STREAM` says that stores go past the caches.

use std::ops::Range;

use super::vector::{Accumulator, Element, Vector, head};

/// Accumulators that the sum over a run is spread over.
pub(super) const LANES: usize = 16;

#[inline(always)]
unsafe fn weight<E: Element, V: Vector<E>, const RUNS: bool>(from: *const E::Acc, at: usize) -> V {
    // SAFETY: the caller's weights are valid for one number, or for the whole length.
    unsafe { if RUNS { V::splat(*from) } else { V::load_acc(from.add(at)) } }
}

#[inline(always)]
unsafe fn put<E: Element, V: Vector<E>, const STREAM: bool>(value: V, to: *mut E) {
    // SAFETY: the caller's target is valid, and aligned if `STREAM`.
    unsafe { if STREAM { value.stream(to) } else { value.store(to) } }
}

/// `y = ReLU(sum_j w_j x_j)` over `len` elements.
///
/// # Safety
/// All pointers must be valid for `len` elements, `ws` for one if `RUNS`; there is at least one
/// term, and `V` is supported.
#[inline(always)]
pub(super) unsafe fn mix<E: Element, V: Vector<E>, const RUNS: bool, const STREAM: bool>(
    xs: &[*const E],
    ws: &[*const E::Acc],
    y: *mut E,
    len: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let from = if STREAM { head::<E, V>(y, len) } else { 0 };
        mix_any::<E, E::Acc, RUNS, false>(xs, ws, y, 0..from);
        let done = match (xs, ws) {
            (&[a, b, c], &[u, v, w]) => {
                mix_fixed::<E, V, RUNS, STREAM, 3>([a, b, c], [u, v, w], y, from..len)
            }
            _ => mix_any::<E, V, RUNS, STREAM>(xs, ws, y, from..len),
        };
        mix_any::<E, E::Acc, RUNS, false>(xs, ws, y, done..len);
    }
}

#[inline(always)]
unsafe fn mix_fixed<
    E: Element,
    V: Vector<E>,
    const RUNS: bool,
    const STREAM: bool,
    const R: usize,
>(
    xs: [*const E; R],
    ws: [*const E::Acc; R],
    y: *mut E,
    range: Range<usize>,
) -> usize {
    let mut at = range.start;
    // SAFETY: the promise of `mix`.
    unsafe {
        while at + V::LANES <= range.end {
            let mut sum = V::load(xs[0].add(at)).mul(weight::<E, V, RUNS>(ws[0], at));
            for j in 1..R {
                let product = V::load(xs[j].add(at)).mul(weight::<E, V, RUNS>(ws[j], at));
                sum = sum.add(product);
            }
            put::<E, V, STREAM>(sum.relu(), y.add(at));
            at += V::LANES;
        }
    }
    at
}

#[inline(always)]
unsafe fn mix_any<E: Element, V: Vector<E>, const RUNS: bool, const STREAM: bool>(
    xs: &[*const E],
    ws: &[*const E::Acc],
    y: *mut E,
    range: Range<usize>,
) -> usize {
    let mut at = range.start;
    // SAFETY: the promise of `mix`.
    unsafe {
        while at + V::LANES <= range.end {
            let mut sum = V::load(xs[0].add(at)).mul(weight::<E, V, RUNS>(ws[0], at));
            for (x, w) in xs.iter().zip(ws).skip(1) {
                sum = sum.add(V::load(x.add(at)).mul(weight::<E, V, RUNS>(*w, at)));
            }
            put::<E, V, STREAM>(sum.relu(), y.add(at));
            at += V::LANES;
        }
    }
    at
}

/// `m = g` where `y > 0`, else zero, over `len` elements.
///
/// # Safety
/// All pointers must be valid for `len` elements and `V` supported.
#[inline(always)]
pub(super) unsafe fn gate<E: Element, V: Vector<E>>(
    g: *const E,
    y: *const E,
    m: *mut E::Acc,
    len: usize,
) {
    let mut at = 0;
    // SAFETY: the caller's promise.
    unsafe {
        while at + V::LANES <= len {
            V::load(g.add(at)).gate(V::load(y.add(at))).store_acc(m.add(at));
            at += V::LANES;
        }
        while at < len {
            let y = <E::Acc as Vector<E>>::load(y.add(at));
            let g = <E::Acc as Vector<E>>::load(g.add(at));
            <E::Acc as Vector<E>>::store_acc(<E::Acc as Vector<E>>::gate(g, y), m.add(at));
            at += 1;
        }
    }
}

/// One term of the backward row: the gated gradient, its weight, and where its sum goes.
#[derive(Clone, Copy)]
pub(super) struct Back<A> {
    pub m: *const A,
    pub w: *const A,
    /// `LANES` numbers if `RUNS`, else one per element.
    pub sum: *mut A,
}

/// `gx = sum_j w_j m_j` and `sum_j += x m_j` over `len` elements.
///
/// # Safety
/// As [`mix`].
#[inline(always)]
pub(super) unsafe fn spread<E: Element, V: Vector<E>, const RUNS: bool, const STREAM: bool>(
    x: *const E,
    terms: &[Back<E::Acc>],
    gx: *mut E,
    len: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let from = if STREAM { head::<E, V>(gx, len) } else { 0 };
        spread_any::<E, E::Acc, RUNS, false>(x, terms, gx, 0..from);
        let range = from..len;
        let done = match *terms {
            [a, b, c] => spread_fixed::<E, V, RUNS, STREAM, 3>(x, [a, b, c], gx, range),
            [a, b, c, d] => spread_fixed::<E, V, RUNS, STREAM, 4>(x, [a, b, c, d], gx, range),
            _ => spread_any::<E, V, RUNS, STREAM>(x, terms, gx, range),
        };
        spread_any::<E, E::Acc, RUNS, false>(x, terms, gx, done..len);
    }
}

#[inline(always)]
unsafe fn spread_fixed<
    E: Element,
    V: Vector<E>,
    const RUNS: bool,
    const STREAM: bool,
    const R: usize,
>(
    x: *const E,
    terms: [Back<E::Acc>; R],
    gx: *mut E,
    range: Range<usize>,
) -> usize {
    let mut at = range.start;
    // SAFETY: the promise of `spread`.
    unsafe {
        let mut sums = [V::splat(E::Acc::ZERO); R];
        while at + V::LANES <= range.end {
            let here = V::load(x.add(at));
            let mut total = V::splat(E::Acc::ZERO);
            for j in 0..R {
                let m = V::load_acc(terms[j].m.add(at));
                total = total.add(m.mul(weight::<E, V, RUNS>(terms[j].w, at)));
                if RUNS {
                    sums[j] = sums[j].add(m.mul(here));
                } else {
                    let sum = terms[j].sum.add(at);
                    V::load_acc(sum).add(m.mul(here)).store_acc(sum);
                }
            }
            put::<E, V, STREAM>(total, gx.add(at));
            at += V::LANES;
        }
        if RUNS {
            for j in 0..R {
                V::load_acc(terms[j].sum).add(sums[j]).store_acc(terms[j].sum);
            }
        }
    }
    at
}

#[inline(always)]
unsafe fn spread_any<E: Element, V: Vector<E>, const RUNS: bool, const STREAM: bool>(
    x: *const E,
    terms: &[Back<E::Acc>],
    gx: *mut E,
    range: Range<usize>,
) -> usize {
    let mut at = range.start;
    // SAFETY: the promise of `spread`.
    unsafe {
        while at + V::LANES <= range.end {
            let here = V::load(x.add(at));
            let mut total = V::splat(E::Acc::ZERO);
            for term in terms {
                let m = V::load_acc(term.m.add(at));
                total = total.add(m.mul(weight::<E, V, RUNS>(term.w, at)));
                let sum = term.sum.add(if RUNS { 0 } else { at });
                V::load_acc(sum).add(m.mul(here)).store_acc(sum);
            }
            put::<E, V, STREAM>(total, gx.add(at));
            at += V::LANES;
        }
    }
    at
}
