//! The innermost loops of TAM: columns of a few neighbouring elements that walk through time, so
//! that every map is read once and all taps meet in registers.
//!
//! `STREAM` says that stores go past the caches.

use std::hint::black_box;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::sync::atomic::{Ordering, compiler_fence};

use super::aggregate_forms::Form;
use super::columns::look_ahead;
use super::shape::LINE;
use super::vector::{Accumulator, Element, MOST_LANES, Vector};

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
    /// Whether columns are passed from the last one to the first (forward).
    pub falls: bool,
}

/// The numbers of the elements of a part, weights first and backward then sums: those of a vector of
/// elements are neighbours, kind after kind, in the order of [`Vector::store_own`].
#[derive(Clone, Copy)]
pub(super) struct Numbers<A> {
    pub at: *mut A,
    /// How many kinds there are.
    pub kinds: usize,
    /// The numbers of an element are at its place under this mask.
    pub mask: usize,
}

impl<A> Numbers<A> {
    /// Those of the vector at an element.
    #[inline(always)]
    pub fn of(&self, at: usize) -> *mut A {
        self.at.wrapping_add((at & self.mask) * self.kinds)
    }
}

/// Whole vectors of elements that are passed in one go.
pub(super) struct Pass {
    /// The first frame.
    pub first: usize,
    pub range: Range<usize>,
    /// How often the range is passed, each time a vector further, with the same numbers.
    pub turns: usize,
    /// Bytes from what is read to what is asked for: the columns walk through more rows of memory
    /// than the processor follows by itself.
    pub ahead: isize,
}

/// Stores an element's vector, past the caches if `STREAM`.
#[inline(always)]
unsafe fn put<E: Element, V: Vector<E>, const STREAM: bool>(packed: V::Packed, to: *mut E) {
    // SAFETY: the caller's target is valid, and aligned if `STREAM`.
    unsafe { if STREAM { V::stream(packed, to) } else { V::store(packed, to) } }
}

/// Whether two vectors are a cache line, and must be stored one after another past the caches (see
/// [`Vector::STREAMS`]).
const fn is_half<E: Element, V: Vector<E>, const STREAM: bool>() -> bool {
    STREAM && V::STREAMS && V::BYTES < LINE
}

/// `y = ReLU(sum_j w_j x_j)` of `N` frames in the columns of a pass, which is whole vectors.
///
/// All frames of a column lie at the same place of a page, and a processor takes a load from there
/// for one of what was just stored there: so nothing is stored before all is loaded.
///
/// # Safety
/// All pointers must be valid for the pass, and aligned if `STREAM`; `V` is supported.
#[inline(always)]
pub(super) unsafe fn mix<E: Element, V: Vector<E>, F: Form, const STREAM: bool, const N: usize>(
    form: &F,
    maps: &Maps<E>,
    numbers: Numbers<E::Acc>,
    pass: Pass,
) {
    // SAFETY: the caller's promise.
    unsafe {
        if const { is_half::<E, V, STREAM>() } {
            mix_of::<E, V, F, STREAM, N, 2>(form, maps, numbers, pass);
        } else {
            mix_of::<E, V, F, STREAM, N, 1>(form, maps, numbers, pass);
        }
    }
}

/// [`mix`] of `W` vectors at a time, which are stored one after another.
#[inline(always)]
unsafe fn mix_of<
    E: Element,
    V: Vector<E>,
    F: Form,
    const STREAM: bool,
    const N: usize,
    const W: usize,
>(
    form: &F,
    maps: &Maps<E>,
    numbers: Numbers<E::Acc>,
    pass: Pass,
) {
    let ((before, after), frame) = (form.reach(), maps.frame);
    let Pass { first, range, ahead, .. } = pass;
    let count = range.len() / (W * V::LANES);
    // SAFETY: the caller's promise.
    unsafe {
        let zero = V::splat(E::Acc::ZERO);
        let (mut weights, mut sight) = (form.few(zero), form.sight(zero));
        for column in 0..count {
            let column = if maps.falls { count - 1 - column } else { column };
            let start = range.start + column * W * V::LANES;
            let mut results = [[[zero.pack(); 2]; N]; W];
            for (vector, results) in results.iter_mut().enumerate() {
                let at = start + vector * V::LANES;
                form.read::<E, V>(&mut weights, numbers.of(at));
                for near in 0..before + after {
                    let t = (first + near).wrapping_sub(before);
                    let newest = if t < maps.frames {
                        // Later on these are frames of the pass before.
                        if first == 0 {
                            look_ahead(maps.x.add(t * frame + at), ahead);
                        }
                        V::load(maps.x.add(t * frame + at))
                    } else {
                        zero
                    };
                    form.enter(&mut sight, newest);
                }
                for (index, result) in results.iter_mut().enumerate() {
                    let t = first + index + after;
                    let newest = if t < maps.frames {
                        look_ahead(maps.x.add(t * frame + at), ahead);
                        V::load(maps.x.add(t * frame + at))
                    } else {
                        zero
                    };
                    form.enter(&mut sight, newest);
                    *result = form.mix::<E, V>(&sight, &weights);
                }
            }
            for index in 0..N {
                for out in 0..form.outputs() {
                    let to = maps.y[out].add((first + index) * frame + start);
                    for (vector, results) in results.iter().enumerate() {
                        put::<E, V, STREAM>(results[index][out], to.add(vector * V::LANES));
                    }
                }
            }
        }
    }
}

/// The most kinds of numbers that are staged.
const MOST_KINDS: usize = 8;

/// A vector's numbers on their way into registers.
#[repr(C, align(64))]
struct Stage<A>([MaybeUninit<A>; MOST_KINDS * MOST_LANES]);

impl<A> Stage<A> {
    fn new() -> Self {
        Self([const { MaybeUninit::uninit() }; MOST_KINDS * MOST_LANES])
    }

    /// Copies the vectors of some kinds.
    ///
    /// A processor remembers where some two dozen instructions read, and brings what each reads
    /// next. Those that read frames need all of that: so here one reads all numbers, in a loop that
    /// the compiler must neither unroll nor make a call of.
    #[inline(always)]
    unsafe fn bring<E: Element<Acc = A>, V: Vector<E>>(
        &mut self,
        from: *const A,
        kinds: usize,
    ) -> *const A {
        let to = self.0.as_mut_ptr().cast::<A>();
        for at in (0..kinds * V::LANES).step_by(V::LANES) {
            // SAFETY: the caller's numbers are valid, and no form that is staged has more kinds.
            unsafe { V::load_own(from.add(at)).store_own(to.add(at)) };
            compiler_fence(Ordering::SeqCst);
        }
        to
    }
}

/// Foresees the gradients and results of all outputs.
#[inline(always)]
fn foresee_gated<E, F: Form>(form: &F, maps: &Maps<E>, at: usize, ahead: isize) {
    for out in 0..2 {
        if out < form.outputs() {
            look_ahead(maps.grad[out].wrapping_add(at), ahead);
            look_ahead(maps.y[out].wrapping_add(at), ahead);
        }
    }
}

/// `gx = sum_j w_j m_j` of `N` frames in the columns of a pass, and `sum_t x m_j` added to the sums,
/// with `m = g` where `y > 0` and else 0.
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
    numbers: Numbers<E::Acc>,
    pass: Pass,
) {
    // SAFETY: the caller's promise.
    unsafe {
        if const { is_half::<E, V, STREAM>() } {
            spread_of::<E, V, F, STREAM, N, 2>(form, maps, numbers, pass);
        } else {
            spread_of::<E, V, F, STREAM, N, 1>(form, maps, numbers, pass);
        }
    }
}

/// [`spread`], of which `W` vectors are stored one after another.
#[inline(always)]
unsafe fn spread_of<
    E: Element,
    V: Vector<E>,
    F: Form,
    const STREAM: bool,
    const N: usize,
    const W: usize,
>(
    form: &F,
    maps: &Maps<E>,
    numbers: Numbers<E::Acc>,
    pass: Pass,
) {
    let ((after, before), frame) = (form.reach(), maps.frame);
    let Pass { first, range, turns, ahead } = pass;
    let (mut base, mut stage) = (range.start, Stage::new());
    let (kinds, sums_at) = (black_box(numbers.kinds), numbers.kinds / 2 * V::LANES);
    // SAFETY: the caller's promise.
    unsafe {
        let zero = V::splat(E::Acc::ZERO);
        let (mut weights, mut sums) = (form.few(zero), form.few(zero));
        let mut sights = form.sights(zero);
        // Results on their way into a whole cache line.
        let (mut waiting, mut count) = ([[zero.pack(); N]; W], 0);
        while base + V::LANES <= range.end {
            let home = numbers.of(base);
            let from = if F::STAGED && V::LANES > 1 && turns == 1 {
                stage.bring::<E, V>(home, kinds)
            } else {
                home
            };
            form.read::<E, V>(&mut weights, from);
            form.read::<E, V>(&mut sums, from.add(sums_at));
            for turn in 0..turns {
                let at = base + turn * V::LANES;
                for near in 0..before + after {
                    let t = (first + near).wrapping_sub(before);
                    let there = if t < maps.frames { Some(t * frame + at) } else { None };
                    // Later on these are frames of the pass before.
                    if let Some(there) = there
                        && first == 0
                    {
                        foresee_gated(form, maps, there, ahead);
                    }
                    form.open::<E, V>(&mut sights, maps.grad, maps.y, there);
                }
                let mut results = [zero.pack(); N];
                for (index, result) in results.iter_mut().enumerate() {
                    let t = first + index;
                    let is_inside = t + after < maps.frames;
                    let there = if is_inside { Some((t + after) * frame + at) } else { None };
                    form.open::<E, V>(&mut sights, maps.grad, maps.y, there);
                    if let Some(there) = there {
                        foresee_gated(form, maps, there, ahead);
                    }
                    look_ahead(maps.x.add(t * frame + at), ahead);
                    let x = V::load(maps.x.add(t * frame + at));
                    *result = form.spread::<E, V>(&sights, &weights, &mut sums, x).pack();
                }
                waiting[count] = results;
                count += 1;
                if count == W {
                    let start = at - (W - 1) * V::LANES;
                    for index in 0..N {
                        let to = maps.grad_x.add((first + index) * frame + start);
                        for (vector, results) in waiting.iter().enumerate() {
                            put::<E, V, STREAM>(results[index], to.add(vector * V::LANES));
                        }
                    }
                    count = 0;
                }
            }
            form.write::<E, V>(&sums, home.add(sums_at));
            base += V::LANES;
        }
    }
}
