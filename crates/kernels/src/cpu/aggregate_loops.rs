//! The loops of TAM over tasks, chunks and frames.

use std::ops::Range;

use super::aggregate::{Aggregate, Plan, Term};
use super::aggregate_rows::{Back, LANES, gate, mix, spread};
use super::isa::Kernel;
use super::shape::Cut;
use super::vector::{Accumulator, Element, Vector};

/// Planes from this size on have one weight per run of elements; smaller ones get one per element.
const RUN: usize = 256;

/// The weights in the form that the rows want.
enum Weights<A> {
    /// One per row and channel; a part of a chunk is a run of one channel.
    Runs,
    /// One per row and element of a period, which repeats through the chunk.
    Elements { values: Vec<A>, period: usize },
}

/// What one call of a loop works with.
struct Workspace<'a, E: Element> {
    args: &'a Aggregate,
    plan: Plan,
    cut: Cut,
    /// `[rows, C]`.
    rows: Vec<E::Acc>,
    weights: Weights<E::Acc>,
    /// Frames outside the clip.
    blank: Vec<E>,
}

impl<'a, E: Element> Workspace<'a, E> {
    unsafe fn new(args: &'a Aggregate) -> Self {
        let (plan, cut, shape) = (Plan::of(args), Cut::of(&args.shape), &args.shape);
        let c = shape.c();
        let mut rows = vec![E::Acc::ZERO; plan.rows.len() * c];
        for (row, taps) in plan.rows.iter().enumerate() {
            for tap in taps {
                for channel in 0..c {
                    // SAFETY: `weights` holds `taps * c` numbers.
                    let weight = unsafe { *args.weights.cast::<E::Acc>().add(tap * c + channel) };
                    rows[row * c + channel] = rows[row * c + channel].plus(weight);
                }
            }
        }
        let weights = if !shape.is_channels_last() && shape.s() >= RUN {
            Weights::Runs
        } else if shape.is_channels_last() && c >= 64 && c.is_multiple_of(LANES) {
            Weights::Elements { values: rows.clone(), period: c }
        } else {
            let mut values = vec![E::Acc::ZERO; plan.rows.len() * cut.chunk];
            if shape.is_channels_last() {
                for (row, values) in values.chunks_exact_mut(cut.chunk).enumerate() {
                    let cycle = rows[row * c..(row + 1) * c].iter().cycle();
                    values.iter_mut().zip(cycle).for_each(|(value, weight)| *value = *weight);
                }
            }
            Weights::Elements { values, period: cut.chunk }
        };
        // SAFETY: all bits zero is the number zero in every element type.
        let blank = vec![unsafe { std::mem::zeroed() }; cut.chunk];
        Self { args, plan, cut, rows, weights, blank }
    }

    /// Fits the weights to a task: planes too small for runs spread each weight over its plane.
    fn enter(&mut self, task: usize) {
        let (c, s) = (self.args.shape.c(), self.args.shape.s());
        let Weights::Elements { values, period } = &mut self.weights else { return };
        if self.args.shape.is_channels_last() {
            return;
        }
        let first = task * self.cut.task / s;
        for (row, values) in values.chunks_exact_mut(*period).enumerate() {
            let weights = &self.rows[row * c + first..(row + 1) * c];
            for (run, weight) in values.chunks_exact_mut(s).zip(weights) {
                run.fill(*weight);
            }
        }
    }

    #[inline(always)]
    fn is_runs(&self) -> bool {
        matches!(self.weights, Weights::Runs)
    }

    /// The parts of a chunk within which each term has one run or one period of weights.
    #[inline(always)]
    fn parts(&self, chunk: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<E> {
        let (period, mut left) = match &self.weights {
            Weights::Runs => (self.args.shape.s(), chunk.start % self.args.shape.s()),
            Weights::Elements { period, .. } => (*period, 0),
        };
        left = period - left;
        let (mut at, end) = (chunk.start, chunk.end);
        std::iter::from_fn(move || {
            let start = at;
            at = (at + left).min(end);
            left = period;
            (start < end).then_some(start..at)
        })
    }

    /// Where the weights of `row` for the part at flat element `at` are.
    #[inline(always)]
    fn weight(&self, row: usize, at: usize) -> *const E::Acc {
        let shape = &self.args.shape;
        match &self.weights {
            Weights::Runs => self.rows[row * shape.c() + at / shape.s()..].as_ptr(),
            Weights::Elements { values, period } => values[row * period..].as_ptr(),
        }
    }

    /// Offset of flat element `at` of a frame.
    #[inline(always)]
    fn offset(&self, clip: usize, frame: usize, at: usize) -> usize {
        (clip * self.args.shape.t() + frame) * self.args.shape.frame() + at
    }

    /// The frame that a term meets at `frame` in direction `sign`, if it lies inside the clip.
    #[inline(always)]
    fn meets(&self, frame: usize, term: &Term, sign: isize) -> Option<usize> {
        let source = frame as isize + sign * term.shift;
        (0..self.args.shape.t() as isize).contains(&source).then_some(source as usize)
    }
}

/// The forward loop.
pub(crate) struct Forward<'a>(pub &'a Aggregate);

impl Kernel for Forward<'_> {
    #[inline(always)]
    unsafe fn run<E: Element, V: Vector<E>>(&self, tasks: Range<i64>) {
        // SAFETY: the caller's promise, here and below.
        let mut work = unsafe { Workspace::<E>::new(self.0) };
        let per_clip = work.cut.per_clip();
        let streams = self.0.shape.streams(size_of::<E>());
        let (mut xs, mut ws) = (Vec::new(), Vec::new());
        for task in tasks {
            let (clip, piece) = (task as usize / per_clip, task as usize % per_clip);
            work.enter(piece);
            for chunk in work.cut.chunks(piece) {
                for frame in 0..self.0.shape.t() {
                    for out in 0..self.0.outputs() {
                        for part in work.parts(&chunk) {
                            gather(&work, (clip, frame, out), part.start, (&mut xs, &mut ws));
                            let offset = work.offset(clip, frame, part.start);
                            // SAFETY: the part lies inside the output.
                            unsafe {
                                let y = self.0.y[out].cast::<E>().add(offset);
                                let len = part.len();
                                match (work.is_runs(), streams) {
                                    (true, true) => mix::<E, V, true, true>(&xs, &ws, y, len),
                                    (true, false) => mix::<E, V, true, false>(&xs, &ws, y, len),
                                    (false, true) => mix::<E, V, false, true>(&xs, &ws, y, len),
                                    _ => mix::<E, V, false, false>(&xs, &ws, y, len),
                                }
                            }
                        }
                    }
                }
            }
        }
        // SAFETY: `V` is supported.
        unsafe { V::fence() };
    }
}

/// Lists the frames and weights that meet in output `out` of a frame.
#[inline(always)]
fn gather<E: Element>(
    work: &Workspace<E>,
    (clip, frame, out): (usize, usize, usize),
    at: usize,
    (xs, ws): (&mut Vec<*const E>, &mut Vec<*const E::Acc>),
) {
    xs.clear();
    ws.clear();
    for term in work.plan.terms.iter().filter(|term| term.out == out) {
        xs.push(match work.meets(frame, term, 1) {
            // SAFETY: the offset lies inside `x`.
            Some(source) => unsafe { work.args.x.cast::<E>().add(work.offset(clip, source, at)) },
            None => work.blank.as_ptr(),
        });
        ws.push(work.weight(term.row, at));
    }
}

/// The gated gradients of the frames around the one at hand, and the sums of a chunk.
struct Gradients<A> {
    /// `[outputs, slots, chunk]`; frame `u` lies in slot `u % slots`.
    ring: Vec<A>,
    slots: usize,
    /// How many frames lie ahead of the one at hand.
    ahead: isize,
    blank: Vec<A>,
    /// `[rows, channels of the chunk, LANES]` for runs, else `[rows, period]`.
    sums: Vec<A>,
    /// Length of a row of `sums`.
    row: usize,
}

impl<A: Accumulator> Gradients<A> {
    fn new<E: Element<Acc = A>>(work: &Workspace<E>) -> Self {
        let shifts = work.plan.terms.iter().map(|term| term.shift);
        let (least, most) = (shifts.clone().min().unwrap_or(0), shifts.max().unwrap_or(0));
        let slots = ((most - least + 1) as usize).min(work.args.shape.t());
        let (chunk, s) = (work.cut.chunk, work.args.shape.s());
        let row = match &work.weights {
            Weights::Runs => chunk.div_ceil(s) * LANES,
            Weights::Elements { period, .. } => *period,
        };
        Self {
            ring: vec![A::ZERO; work.args.outputs() * slots * chunk],
            slots,
            ahead: -least,
            blank: vec![A::ZERO; chunk],
            sums: vec![A::ZERO; work.plan.rows.len() * row],
            row,
        }
    }
}

/// The backward loop.
pub(crate) struct Backward<'a>(pub &'a Aggregate);

impl Kernel for Backward<'_> {
    #[inline(always)]
    unsafe fn run<E: Element, V: Vector<E>>(&self, tasks: Range<i64>) {
        // SAFETY: the caller's promise, here and below.
        let mut work = unsafe { Workspace::<E>::new(self.0) };
        let mut gradients = Gradients::<E::Acc>::new(&work);
        let per_clip = work.cut.per_clip();
        let streams = self.0.shape.streams(size_of::<E>());
        let mut terms = Vec::new();
        for task in tasks {
            let (clip, piece) = (task as usize / per_clip, task as usize % per_clip);
            work.enter(piece);
            for chunk in work.cut.chunks(piece) {
                let mut ready = 0;
                for frame in 0..self.0.shape.t() {
                    let until = (frame as isize + gradients.ahead + 1).max(0) as usize;
                    while ready < until.min(self.0.shape.t()) {
                        // SAFETY: the chunk lies inside the gradients.
                        unsafe { open::<E, V>(&work, &mut gradients, (clip, ready), &chunk) };
                        ready += 1;
                    }
                    for part in work.parts(&chunk) {
                        collect(&work, &mut gradients, frame, (&chunk, part.start), &mut terms);
                        let offset = work.offset(clip, frame, part.start);
                        // SAFETY: the part lies inside `x` and its gradient.
                        unsafe {
                            let x = self.0.x.cast::<E>().add(offset);
                            let gx = self.0.grad_x.cast::<E>().add(offset);
                            let (ts, len) = (&terms[..], part.len());
                            match (work.is_runs(), streams) {
                                (true, true) => spread::<E, V, true, true>(x, ts, gx, len),
                                (true, false) => spread::<E, V, true, false>(x, ts, gx, len),
                                (false, true) => spread::<E, V, false, true>(x, ts, gx, len),
                                _ => spread::<E, V, false, false>(x, ts, gx, len),
                            }
                        }
                    }
                }
                // SAFETY: `partial` is valid, and this part of it belongs to the task.
                unsafe { flush(&work, &mut gradients, (clip, piece), &chunk) };
            }
        }
        // SAFETY: `V` is supported.
        unsafe { V::fence() };
    }
}

/// Puts the gated gradients of a frame into the ring.
#[inline(always)]
unsafe fn open<E: Element, V: Vector<E>>(
    work: &Workspace<E>,
    gradients: &mut Gradients<E::Acc>,
    (clip, frame): (usize, usize),
    chunk: &Range<usize>,
) {
    let offset = work.offset(clip, frame, chunk.start);
    for out in 0..work.args.outputs() {
        let slot = (out * gradients.slots + frame % gradients.slots) * work.cut.chunk;
        let m = gradients.ring[slot..slot + chunk.len()].as_mut_ptr();
        // SAFETY: the caller's promise; the slot is as long as the chunk.
        unsafe {
            let (g, y) = (work.args.grad[out].cast::<E>(), work.args.y[out].cast::<E>());
            gate::<E, V>(g.add(offset), y.add(offset), m, chunk.len());
        }
    }
}

/// Lists the terms that meet in the gradient of a frame.
#[inline(always)]
fn collect<E: Element>(
    work: &Workspace<E>,
    gradients: &mut Gradients<E::Acc>,
    frame: usize,
    (chunk, at): (&Range<usize>, usize),
    terms: &mut Vec<Back<E::Acc>>,
) {
    terms.clear();
    for term in &work.plan.terms {
        let m = match work.meets(frame, term, -1) {
            Some(source) => {
                let slot = term.out * gradients.slots + source % gradients.slots;
                gradients.ring[slot * work.cut.chunk + at - chunk.start..].as_ptr()
            }
            None => gradients.blank.as_ptr(),
        };
        let s = work.args.shape.s();
        let column = match work.weights {
            Weights::Runs => (at / s - chunk.start / s) * LANES,
            Weights::Elements { .. } => 0,
        };
        let sum = gradients.sums[term.row * gradients.row + column..].as_mut_ptr();
        terms.push(Back { m, w: work.weight(term.row, at), sum });
    }
}

/// Moves the sums of a chunk into the task's part of `partial`.
#[inline(always)]
unsafe fn flush<E: Element>(
    work: &Workspace<E>,
    gradients: &mut Gradients<E::Acc>,
    (clip, piece): (usize, usize),
    chunk: &Range<usize>,
) {
    let (shape, rows) = (&work.args.shape, work.plan.rows.len());
    let (c, s, splits) = (shape.c(), shape.s(), work.args.splits());
    let block = if shape.is_channels_last() { clip * splits + piece } else { clip };
    for (row, sums) in gradients.sums.chunks_exact_mut(gradients.row).enumerate() {
        // SAFETY: `partial` holds `[blocks, rows, C]`.
        let partial = unsafe {
            std::slice::from_raw_parts_mut(work.args.partial.add((block * rows + row) * c), c)
        };
        if shape.is_channels_last() {
            for sums in sums.chunks_exact(c) {
                partial.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum.to_f64());
            }
        } else {
            let width = if matches!(work.weights, Weights::Runs) { LANES } else { s };
            let channels = chunk.start / s..chunk.end.div_ceil(s);
            for (total, sums) in partial[channels].iter_mut().zip(sums.chunks_exact(width)) {
                *total += total_of(sums);
            }
        }
        sums.fill(E::Acc::ZERO);
    }
}

/// The sum of some numbers, in eight independent chains.
#[inline(always)]
pub(super) fn total_of<A: Accumulator>(values: &[A]) -> f64 {
    let mut lanes = [0.0; 8];
    let chunks = values.chunks_exact(8);
    let rest: f64 = chunks.remainder().iter().map(|value| value.to_f64()).sum();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, value)| *lane += value.to_f64());
    }
    lanes.iter().sum::<f64>() + rest
}
