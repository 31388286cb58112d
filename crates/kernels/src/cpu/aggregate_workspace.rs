//! What a thread works with in TAM: the weights of the elements before it and their sums.

use std::ops::Range;

use super::aggregate::{Aggregate, Plan};
use super::aggregate_columns::{Maps, Rows};
use super::aggregate_parts::Part;
use super::scratch::{Kept, Scratch};
use super::shape::{Cut, LINE, ROW, Shape};
use super::total::{CHAIN, total_of};
use super::vector::{Accumulator, Element, Vector};

/// Bytes of a row that are asked for ahead of time; twice as many were slower.
const AHEAD: usize = 2 << 10;

thread_local! {
    static SPREAD: Kept = const { Kept::new() };
    static SUMS: Kept = const { Kept::new() };
}

/// Neighbouring elements of a strip that lie in the same run.
struct Segment {
    /// The run: a channel, or a position if channels-last.
    run: usize,
    /// Where the elements start in the run and in the strip.
    in_run: usize,
    in_strip: usize,
    len: usize,
}

/// What one call of a loop works with.
pub(super) struct Workspace<'a, E: Element> {
    args: &'a Aggregate,
    plan: &'a Plan,
    pub cut: Cut,
    /// Weights `[terms, C]`.
    weights: Vec<E::Acc>,
    /// The weight of each element of a strip, `[terms, ROW]`.
    spread: Scratch<E::Acc>,
    /// The sums over time of each element of a strip, `[terms, ROW]`, channels-last also over some
    /// strips of the same channels, or over some clips; zero after they are left.
    sums: Scratch<E::Acc>,
    /// The place of the part that `spread` was made for.
    entered: (usize, usize),
    /// A part with the channels that `sums` are of, and how many terms each has.
    held: Option<Part>,
    terms: usize,
    /// Whether stores go past the caches.
    pub streams: bool,
    /// Whether the work goes from the last element to the first (see [`Maps`]).
    pub falls: bool,
}

impl<'a, E: Element> Workspace<'a, E> {
    pub unsafe fn new(args: &'a Aggregate, plan: &'a Plan, targets: &[*mut E]) -> Self {
        let (cut, c) = (Cut::of(&args.shape), args.shape.c());
        let mut weights = vec![E::Acc::ZERO; plan.terms.len() * c];
        for (taps, weights) in plan.taps.iter().zip(weights.chunks_exact_mut(c)) {
            for tap in taps {
                for (channel, sum) in weights.iter_mut().enumerate() {
                    // SAFETY: `weights` holds `taps * c` numbers.
                    let weight = unsafe { *args.weights.cast::<E::Acc>().add(tap * c + channel) };
                    *sum = sum.plus(weight).quiet();
                }
            }
        }
        let rows = plan.terms.len() * ROW;
        let is_aligned = |bytes: usize| bytes.is_multiple_of(LINE);
        let streams = args.shape.streams(size_of::<E>())
            && is_aligned(cut.task * size_of::<E>())
            && is_aligned(args.shape.frame() * size_of::<E>())
            && targets.iter().all(|target| is_aligned(target.addr()));
        Self {
            args,
            plan,
            cut,
            weights,
            spread: Scratch::take(&SPREAD, rows),
            sums: Scratch::take(&SUMS, rows),
            entered: (0, 0),
            held: None,
            terms: 0,
            streams,
            falls: false,
        }
    }

    /// The runs that the numbers of a part cross.
    fn segments(shape: &Shape, part: &Part) -> impl Iterator<Item = Segment> + use<E> {
        let (size, start, all) = (shape.run(), part.range.start, part.numbers);
        let (mut run, mut in_run, mut in_strip) = (start / size, start % size, 0);
        std::iter::from_fn(move || {
            let len = (size - in_run).min(all - in_strip);
            let segment = Segment { run, in_run, in_strip, len };
            (run, in_run, in_strip) = (run + 1, 0, in_strip + len);
            (len > 0).then_some(segment)
        })
    }

    /// What parts with the same weights and sums have in common. Their count is a part of it: whole
    /// vectors have an order of their own, what is left has not.
    fn place(&self, part: &Part) -> (usize, usize) {
        let (shape, start) = (&self.args.shape, part.range.start);
        (if shape.is_channels_last() { start % shape.c() } else { start }, part.numbers)
    }

    /// Gives each element of a part its weights.
    #[inline(always)]
    pub unsafe fn enter<V: Vector<E>>(&mut self, part: &Part) {
        let (c, place) = (self.args.shape.c(), self.place(part));
        if self.entered == place {
            return;
        }
        self.entered = place;
        for Segment { run, in_run, in_strip, len } in Self::segments(&self.args.shape, part) {
            let rows = self.weights.chunks_exact(c).zip(self.spread.chunks_exact_mut(ROW));
            for (weights, spread) in rows {
                let spread = &mut spread[in_strip..in_strip + len];
                if self.args.shape.is_channels_last() {
                    spread.copy_from_slice(&weights[in_run..in_run + len]);
                } else {
                    spread.fill(weights[run]);
                }
            }
        }
        if !V::REORDERS {
            return;
        }
        let whole = part.numbers / V::LANES;
        if self.args.shape.is_channels_last() {
            for vector in 0..whole {
                self.reorder::<V>(vector);
            }
            return;
        }
        // A vector of one number has no order: only those that two runs share.
        let mut last = None;
        for Segment { in_strip, .. } in Self::segments(&self.args.shape, part) {
            let vector = in_strip / V::LANES;
            if !in_strip.is_multiple_of(V::LANES) && vector < whole && last != Some(vector) {
                self.reorder::<V>(vector);
                last = Some(vector);
            }
        }
    }

    /// Brings a whole vector of each row of weights into the order of [`Vector::store_own`].
    #[inline(always)]
    fn reorder<V: Vector<E>>(&mut self, vector: usize) {
        for row in self.spread.chunks_exact_mut(ROW) {
            let lanes = row[vector * V::LANES..][..V::LANES].as_mut_ptr();
            // SAFETY: `V` is supported wherever a workspace is, and the slice is as long as it.
            unsafe { V::load_acc(lanes).store_own(lanes) };
        }
    }

    /// Prepares for a strip: gives each element its weights, and lets go of sums that are those of
    /// other channels or have enough terms.
    #[inline(always)]
    pub unsafe fn turn<V: Vector<E>>(&mut self, place: (usize, usize), part: &Part) {
        let terms = self.args.shape.t() * part.turns();
        let same = self.held.as_ref().is_some_and(|held| {
            self.place(held) == self.place(part) && self.terms + terms <= CHAIN
        });
        // SAFETY: the caller's promise.
        unsafe {
            if !same {
                self.leave::<V>(place);
            }
            self.enter::<V>(part);
        }
        self.held = Some(part.clone());
        self.terms += terms;
    }

    /// Where the sums `[terms, C]` of a task are; it has all of its channels to itself.
    fn partial(&self, (group, piece): (usize, usize)) -> *mut f64 {
        let is_last = self.args.shape.is_channels_last();
        let block = if is_last { group * self.args.splits() + piece } else { group };
        self.args.partial.wrapping_add(block * self.plan.terms.len() * self.args.shape.c())
    }

    /// Sets a task's sums to zero.
    pub unsafe fn clear(&self, place: (usize, usize)) {
        let (shape, range) = (&self.args.shape, self.cut.range(place.1));
        let (c, run) = (shape.c(), shape.run());
        let is_last = shape.is_channels_last();
        let channels = if is_last { 0..c } else { range.start / run..range.end.div_ceil(run) };
        for row in 0..self.plan.terms.len() {
            // SAFETY: `partial` holds `[blocks, terms, C]`, and no other task has these channels.
            let sums = unsafe {
                let at = self.partial(place).add(row * c + channels.start);
                std::slice::from_raw_parts_mut(at, channels.len())
            };
            sums.fill(0.0);
        }
    }

    /// Moves the sums, if there are any, into the task's part of `partial`.
    #[inline(always)]
    pub unsafe fn leave<V: Vector<E>>(&mut self, place: (usize, usize)) {
        let Some(part) = self.held.take() else { return };
        self.terms = 0;
        let (c, shape) = (self.args.shape.c(), &self.args.shape);
        if V::REORDERS {
            for row in self.sums.chunks_exact_mut(ROW) {
                for vector in row[..part.numbers].chunks_exact_mut(V::LANES) {
                    // SAFETY: `V` is supported, and the chunk is as long as it.
                    unsafe { V::load_own(vector.as_ptr()).store_acc(vector.as_mut_ptr()) };
                }
            }
        }
        let partial = self.partial(place);
        for Segment { run, in_run, in_strip, len } in Self::segments(shape, &part) {
            for (row, sums) in self.sums.chunks_exact(ROW).enumerate() {
                let sums = &sums[in_strip..in_strip + len];
                // SAFETY: as above.
                unsafe {
                    if shape.is_channels_last() {
                        let at = partial.add(row * c + in_run);
                        let totals = std::slice::from_raw_parts_mut(at, len);
                        totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum.to_f64());
                    } else {
                        *partial.add(row * c + run) += total_of(sums);
                    }
                }
            }
        }
        for row in self.sums.chunks_exact_mut(ROW) {
            row[..part.numbers].fill(E::Acc::ZERO);
        }
    }

    /// A part of the frames of one clip, after which the other ones of `clips` follow.
    pub fn maps(&self, clips: &Range<usize>, clip: usize, part: &Part) -> Maps<E> {
        let (args, shape) = (self.args, &self.args.shape);
        let size = shape.t() * shape.frame();
        let offset = clip * size + part.range.start;
        let onwards = if self.falls { -1 } else { 1 };
        let ahead = match clips.len() {
            1 => onwards * (AHEAD / size_of::<E>()) as isize,
            _ if clip + 1 < clips.end => size as isize,
            all => onwards * part.range.len() as isize - ((all - 1) * size) as isize,
        };
        Maps {
            x: args.x.cast::<E>().wrapping_add(offset),
            y: args.y.map(|y| y.cast::<E>().wrapping_add(offset)),
            grad: args.grad.map(|grad| grad.cast::<E>().wrapping_add(offset)),
            grad_x: args.grad_x.cast::<E>().wrapping_add(offset),
            frames: shape.t(),
            frame: shape.frame(),
            ahead: ahead * size_of::<E>() as isize,
            falls: self.falls,
        }
    }

    pub fn rows(&mut self, part: &Part) -> Rows<E::Acc> {
        Rows { mask: part.mask(), weights: self.spread.as_ptr(), sums: self.sums.as_mut_ptr() }
    }
}
