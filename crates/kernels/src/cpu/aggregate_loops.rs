//! The loops of TAM over tasks and strips.

use std::ops::Range;

use super::aggregate::{Aggregate, Plan};
use super::aggregate_columns::{Maps, Rows, mix, spread};
use super::aggregate_forms::{Form, Three, ThreeOfPairs};
use super::aggregate_parts::{Part, TURNS, parts};
use super::isa::Kernel;
use super::scratch::{Kept, Scratch};
use super::shape::{Cut, LINE, ROW};
use super::total::{CHAIN, total_of};
use super::vector::{Accumulator, Element, Vector};

/// Frames that a column passes at once, forward and backward. More would need more registers than
/// there are; fewer would read their neighbours, which are still in the cache, too often.
const FORWARD: usize = 8;
const BACKWARD: usize = 4;

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
struct Workspace<'a, E: Element> {
    args: &'a Aggregate,
    plan: &'a Plan,
    cut: Cut,
    /// Weights `[terms, C]`.
    weights: Vec<E::Acc>,
    /// The weight of each element of a strip, `[terms, ROW]`.
    spread: Scratch<E::Acc>,
    /// The sums over time of each element of a strip, `[terms, ROW]`, channels-last also over some
    /// strips of the same channels; zero after they are left.
    sums: Scratch<E::Acc>,
    /// Channels-last, the first channel and the length that `spread` was made for.
    entered: (usize, usize),
    /// A part with the channels that `sums` are of, and how many terms each has.
    held: Option<Part>,
    terms: usize,
    /// Whether stores go past the caches.
    streams: bool,
}

impl<'a, E: Element> Workspace<'a, E> {
    unsafe fn new(args: &'a Aggregate, plan: &'a Plan, targets: &[*mut E]) -> Self {
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
        }
    }

    /// The runs that a strip crosses.
    fn segments(&self, strip: &Range<usize>) -> impl Iterator<Item = Segment> + use<E> {
        let (size, all) = (self.args.shape.run(), strip.len());
        let (mut run, mut in_run, mut in_strip) = (strip.start / size, strip.start % size, 0);
        std::iter::from_fn(move || {
            let len = (size - in_run).min(all - in_strip);
            let segment = Segment { run, in_run, in_strip, len };
            (run, in_run, in_strip) = (run + 1, 0, in_strip + len);
            (len > 0).then_some(segment)
        })
    }

    /// Gives each element of a part its weights.
    #[inline(always)]
    unsafe fn enter<V: Vector<E>>(&mut self, part: &Part) {
        let (c, strip) = (self.args.shape.c(), &part.range);
        if part.is_run {
            let run = strip.start / self.args.shape.run();
            let rows = self.weights.chunks_exact(c).zip(self.spread.chunks_exact_mut(ROW));
            rows.for_each(|(weights, spread)| spread[..part.numbers()].fill(weights[run]));
            return;
        }
        if self.args.shape.is_channels_last() {
            let (first, len) = (strip.start % c, strip.len());
            // Not a longer one: whole vectors have an order of their own, what is left has not.
            if self.entered == (first, len) {
                return;
            }
            self.entered = (first, len);
        }
        for Segment { run, in_run, in_strip, len } in self.segments(strip) {
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
        let whole = strip.len() / V::LANES;
        if self.args.shape.is_channels_last() {
            (0..whole).for_each(|vector| self.reorder::<V>(vector));
            return;
        }
        // A vector of one number has no order: only those that two runs share.
        let mut last = None;
        for Segment { in_strip, .. } in self.segments(strip) {
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
    unsafe fn turn<V: Vector<E>>(&mut self, place: (usize, usize), part: &Part) {
        let (c, t, strip) = (self.args.shape.c(), self.args.shape.t(), &part.range);
        let same = self.held.as_ref().is_some_and(|held| {
            let is_in_step =
                held.range.start % c == strip.start % c && held.range.len() == strip.len();
            self.args.shape.is_channels_last() && is_in_step && self.terms + t <= CHAIN
        });
        // SAFETY: the caller's promise.
        unsafe {
            if !same {
                self.leave::<V>(place);
            }
            self.enter::<V>(part);
        }
        self.held = Some(part.clone());
        self.terms += t;
    }

    /// Moves the sums, if there are any, into the task's part of `partial`.
    #[inline(always)]
    unsafe fn leave<V: Vector<E>>(&mut self, (clip, task): (usize, usize)) {
        let Some(part) = self.held.take() else { return };
        self.terms = 0;
        let numbers = part.numbers();
        let (c, rows, shape) = (self.args.shape.c(), self.plan.terms.len(), &self.args.shape);
        if V::REORDERS {
            for row in self.sums.chunks_exact_mut(ROW) {
                for vector in row[..numbers].chunks_exact_mut(V::LANES) {
                    // SAFETY: `V` is supported, and the chunk is as long as it.
                    unsafe { V::load_own(vector.as_ptr()).store_acc(vector.as_mut_ptr()) };
                }
            }
        }
        let splits = self.args.splits();
        let block = if shape.is_channels_last() { clip * splits + task } else { clip };
        // SAFETY: `partial` holds `[blocks, rows, C]`, and no other task has these channels of it.
        let partial = unsafe { self.args.partial.add(block * rows * c) };
        // All numbers of a run are of its channel.
        let strip = part.range.start..part.range.start + numbers;
        for Segment { run, in_run, in_strip, len } in self.segments(&strip) {
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
            row[..numbers].fill(E::Acc::ZERO);
        }
    }

    /// The frames of a clip from an element on.
    fn maps(&self, clip: usize, at: usize) -> Maps<E> {
        let (args, shape) = (self.args, &self.args.shape);
        let offset = clip * shape.t() * shape.frame() + at;
        Maps {
            x: args.x.cast::<E>().wrapping_add(offset),
            y: args.y.map(|y| y.cast::<E>().wrapping_add(offset)),
            grad: args.grad.map(|grad| grad.cast::<E>().wrapping_add(offset)),
            grad_x: args.grad_x.cast::<E>().wrapping_add(offset),
            frames: shape.t(),
            frame: shape.frame(),
        }
    }

    /// The frames, at most `most` at a time: in blocks of [`FORWARD`], of [`BACKWARD`], then one by one.
    fn blocks(&self, most: usize) -> impl Iterator<Item = Range<usize>> + use<E> {
        let (frames, mut at) = (self.args.shape.t(), 0);
        std::iter::from_fn(move || {
            let start = at;
            let fits = |block: &usize| *block <= most && at + block <= frames;
            at += [FORWARD, BACKWARD].into_iter().find(fits).unwrap_or(1);
            (start < frames).then_some(start..at)
        })
    }

    fn rows(&mut self, part: &Part) -> Rows<E::Acc> {
        Rows { mask: part.mask(), weights: self.spread.as_ptr(), sums: self.sums.as_mut_ptr() }
    }
}

/// The forward loop.
pub(crate) struct Forward<'a>(pub &'a Aggregate);

impl Kernel for Forward<'_> {
    #[inline(always)]
    unsafe fn run<E: Element, V: Vector<E>>(&self, tasks: Range<i64>) {
        let plan = Plan::of(self.0);
        // SAFETY: the caller's promise.
        unsafe {
            match &plan.terms[..] {
                terms if terms == Three::TERMS => self.tasks::<E, V, _>(&Three, &plan, tasks),
                terms if terms == ThreeOfPairs::TERMS => {
                    self.tasks::<E, V, _>(&ThreeOfPairs, &plan, tasks);
                }
                _ => self.tasks::<E, V, _>(&plan, &plan, tasks),
            }
        }
    }
}

impl Forward<'_> {
    #[inline(always)]
    unsafe fn tasks<E: Element, V: Vector<E>, F: Form>(
        &self,
        form: &F,
        plan: &Plan,
        tasks: Range<i64>,
    ) {
        let targets = self.0.y.map(<*mut _>::cast);
        // SAFETY: the caller's promise; every strip lies inside the frame, and strips of streamed
        // maps start and end with a cache line.
        unsafe {
            let mut work = Workspace::<E>::new(self.0, plan, &targets[..self.0.outputs()]);
            let per_clip = work.cut.per_clip();
            for task in tasks {
                let (clip, piece) = (task as usize / per_clip, task as usize % per_clip);
                let strips = work.cut.strips(piece);
                for part in strips.flat_map(|strip| parts(&self.0.shape, strip, usize::MAX)) {
                    work.enter::<V>(&part);
                    let (strip, rows) = (part.range.clone(), work.rows(&part));
                    let maps = work.maps(clip, strip.start);
                    for frames in work.blocks(FORWARD) {
                        let (first, all) = (frames.start, 0..strip.len());
                        let done = match (frames.len(), work.streams) {
                            (FORWARD, true) => {
                                mix::<E, V, F, true, FORWARD>(form, &maps, rows, first, all)
                            }
                            (FORWARD, false) => {
                                mix::<E, V, F, false, FORWARD>(form, &maps, rows, first, all)
                            }
                            (BACKWARD, true) => {
                                mix::<E, V, F, true, BACKWARD>(form, &maps, rows, first, all)
                            }
                            (BACKWARD, false) => {
                                mix::<E, V, F, false, BACKWARD>(form, &maps, rows, first, all)
                            }
                            (_, true) => mix::<E, V, F, true, 1>(form, &maps, rows, first, all),
                            (_, false) => mix::<E, V, F, false, 1>(form, &maps, rows, first, all),
                        };
                        for t in frames {
                            let rest = done..strip.len();
                            mix::<E, E::Acc, F, false, 1>(form, &maps, rows, t, rest);
                        }
                    }
                }
            }
            V::fence();
        }
    }
}

/// The backward loop.
pub(crate) struct Backward<'a>(pub &'a Aggregate);

impl Kernel for Backward<'_> {
    #[inline(always)]
    unsafe fn run<E: Element, V: Vector<E>>(&self, tasks: Range<i64>) {
        let plan = Plan::of(self.0);
        // SAFETY: the caller's promise.
        unsafe {
            match &plan.terms[..] {
                terms if terms == Three::TERMS => self.tasks::<E, V, _>(&Three, &plan, tasks),
                terms if terms == ThreeOfPairs::TERMS => {
                    self.tasks::<E, V, _>(&ThreeOfPairs, &plan, tasks);
                }
                _ => self.tasks::<E, V, _>(&plan, &plan, tasks),
            }
        }
    }
}

impl Backward<'_> {
    #[inline(always)]
    unsafe fn tasks<E: Element, V: Vector<E>, F: Form>(
        &self,
        form: &F,
        plan: &Plan,
        tasks: Range<i64>,
    ) {
        // SAFETY: as in the forward loop.
        unsafe {
            let mut work = Workspace::<E>::new(self.0, plan, &[self.0.grad_x.cast()]);
            let (per_clip, most) = (work.cut.per_clip(), CHAIN / self.0.shape.t() * TURNS);
            for task in tasks {
                let (clip, piece) = (task as usize / per_clip, task as usize % per_clip);
                let strips = work.cut.strips(piece);
                for part in strips.flat_map(|strip| parts(&self.0.shape, strip, most)) {
                    work.turn::<V>((clip, piece), &part);
                    let (strip, rows) = (part.range.clone(), work.rows(&part));
                    let maps = work.maps(clip, strip.start);
                    for frames in work.blocks(BACKWARD) {
                        let (first, all) = (frames.start, 0..strip.len());
                        let done = match (frames.len() == BACKWARD, work.streams) {
                            (true, true) => {
                                spread::<E, V, F, true, BACKWARD>(form, &maps, rows, first, all)
                            }
                            (true, false) => {
                                spread::<E, V, F, false, BACKWARD>(form, &maps, rows, first, all)
                            }
                            (false, true) => {
                                spread::<E, V, F, true, 1>(form, &maps, rows, first, all)
                            }
                            _ => spread::<E, V, F, false, 1>(form, &maps, rows, first, all),
                        };
                        for t in frames {
                            let rest = done..strip.len();
                            spread::<E, E::Acc, F, false, 1>(form, &maps, rows, t, rest);
                        }
                    }
                }
                work.leave::<V>((clip, piece));
            }
            V::fence();
        }
    }
}
