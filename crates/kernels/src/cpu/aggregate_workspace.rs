//! What a thread works with in TAM: the weights of the elements before it and their sums.

use std::ops::Range;

use super::aggregate::{Aggregate, Plan};
use super::aggregate_columns::{Maps, Numbers};
use super::aggregate_parts::Part;
use super::columns::AHEAD;
use super::scratch::{Kept, Scratch};
use super::shape::{Cut, LINE, MOST_NUMBERS, Shape};
use super::total::{CHAIN, total_of};
use super::vector::{Accumulator, Element, Vector};

thread_local! {
    static NUMBERS: Kept = const { Kept::new() };
    static ROW: Kept = const { Kept::new() };
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
    /// The weights of each element of a part, and backward its sums over time, channels-last also over
    /// some strips of the same channels, or over some clips (see [`Numbers`]).
    numbers: Scratch<E::Acc>,
    /// The kinds of them.
    kinds: usize,
    /// The weights or sums of one term in the order of the elements.
    row: Scratch<E::Acc>,
    /// The place of the part that `numbers` has the weights of.
    entered: (usize, usize),
    /// A part with the channels that the sums are of, and how many terms each has.
    held: Option<Part>,
    terms: usize,
    /// Whether stores go past the caches.
    pub streams: bool,
    /// Whether the work goes from the last element to the first (see [`Maps`]).
    pub falls: bool,
}

impl<'a, E: Element> Workspace<'a, E> {
    pub unsafe fn new(
        args: &'a Aggregate,
        plan: &'a Plan,
        targets: &[*mut E],
        is_backward: bool,
    ) -> Self {
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
        let kinds = plan.terms.len() * if is_backward { 2 } else { 1 };
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
            numbers: Scratch::take(&NUMBERS, kinds * MOST_NUMBERS),
            kinds,
            row: Scratch::take(&ROW, MOST_NUMBERS),
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
        if self.entered == self.place(part) {
            return;
        }
        self.entered = self.place(part);
        let (shape, c) = (&self.args.shape, self.args.shape.c());
        for (term, weights) in self.weights.chunks_exact(c).enumerate() {
            for Segment { run, in_run, in_strip, len } in Self::segments(shape, part) {
                let row = &mut self.row[in_strip..in_strip + len];
                if shape.is_channels_last() {
                    row.copy_from_slice(&weights[in_run..in_run + len]);
                } else {
                    row.fill(weights[run]);
                }
            }
            let (row, numbers) = (&self.row[..part.numbers], &mut self.numbers);
            let (kinds, whole) = (self.kinds, row.len() / V::LANES * V::LANES);
            for (first, row) in (0..).step_by(V::LANES).zip(row.chunks_exact(V::LANES)) {
                let weights = &mut numbers[first * kinds + term * V::LANES..][..V::LANES];
                // SAFETY: `V` is supported wherever a workspace is, and both slices are as long.
                unsafe { V::load_acc(row.as_ptr()).store_own(weights.as_mut_ptr()) };
            }
            for (at, weight) in (whole..).zip(&row[whole..]) {
                numbers[at * kinds + term] = *weight;
            }
        }
    }

    /// Sets the sums of a part to zero.
    #[inline(always)]
    fn restart<V: Vector<E>>(&mut self, part: &Part) {
        let (kinds, terms) = (self.kinds, self.plan.terms.len());
        let whole = part.numbers / V::LANES * V::LANES;
        let (vectors, rest) = self.numbers[..part.numbers * kinds].split_at_mut(whole * kinds);
        for numbers in vectors.chunks_exact_mut(kinds * V::LANES) {
            numbers[terms * V::LANES..].fill(E::Acc::ZERO);
        }
        for numbers in rest.chunks_exact_mut(kinds) {
            numbers[terms..].fill(E::Acc::ZERO);
        }
    }

    /// Puts the sums of a term into `row`.
    #[inline(always)]
    unsafe fn gather<V: Vector<E>>(&mut self, part: &Part, term: usize) {
        let (kinds, kind) = (self.kinds, self.plan.terms.len() + term);
        let whole = part.numbers / V::LANES * V::LANES;
        let (vectors, rest) = self.numbers[..part.numbers * kinds].split_at(whole * kinds);
        let (row, row_rest) = self.row[..part.numbers].split_at_mut(whole);
        let vectors = vectors.chunks_exact(kinds * V::LANES);
        for (numbers, row) in vectors.zip(row.chunks_exact_mut(V::LANES)) {
            let sums = &numbers[kind * V::LANES..][..V::LANES];
            // SAFETY: `V` is supported, and both slices are as long as it.
            unsafe { V::load_own(sums.as_ptr()).store_acc(row.as_mut_ptr()) };
        }
        for (numbers, sum) in rest.chunks_exact(kinds).zip(row_rest) {
            *sum = numbers[kind];
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
        if !same {
            self.restart::<V>(part);
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
        let (c, partial) = (self.args.shape.c(), self.partial(place));
        for term in 0..self.plan.terms.len() {
            // SAFETY: the caller's promise.
            unsafe { self.gather::<V>(&part, term) };
            for Segment { run, in_run, in_strip, len } in Self::segments(&self.args.shape, &part) {
                let sums = &self.row[in_strip..in_strip + len];
                // SAFETY: as in `clear`.
                unsafe {
                    if self.args.shape.is_channels_last() {
                        let at = partial.add(term * c + in_run);
                        let totals = std::slice::from_raw_parts_mut(at, len);
                        totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum.to_f64());
                    } else {
                        *partial.add(term * c + run) += total_of(sums);
                    }
                }
            }
        }
    }

    /// A part of the frames of one clip.
    pub fn maps(&self, clip: usize, part: &Part) -> Maps<E> {
        let (args, shape) = (self.args, &self.args.shape);
        let offset = clip * shape.t() * shape.frame() + part.range.start;
        Maps {
            x: args.x.cast::<E>().wrapping_add(offset),
            y: args.y.map(|y| y.cast::<E>().wrapping_add(offset)),
            grad: args.grad.map(|grad| grad.cast::<E>().wrapping_add(offset)),
            grad_x: args.grad_x.cast::<E>().wrapping_add(offset),
            frames: shape.t(),
            frame: shape.frame(),
            falls: self.falls,
        }
    }

    /// Bytes from what is read to what is read [`AHEAD`] later: within part `index` of a task's
    /// `parts`, and from its last bytes into what follows it: the same part of the next one of
    /// `clips`, or the next part of the first one.
    pub fn ahead(
        &self,
        clips: &Range<usize>,
        clip: usize,
        parts: &[Part],
        index: usize,
    ) -> [isize; 2] {
        let size = (self.args.shape.t() * self.args.shape.frame()) as isize;
        let here = &parts[index].range;
        let (next, onwards) = match parts.get(index + 1) {
            _ if clip + 1 < clips.end => (here, size),
            Some(next) => (&next.range, (1 - clips.len() as isize) * size),
            // The next task begins where this one ends.
            None if self.falls => (&(0..here.start), (1 - clips.len() as isize) * size),
            None => (&(here.end..0), (1 - clips.len() as isize) * size),
        };
        let (jump, sign) = if self.falls {
            (next.end as isize - here.start as isize, -1)
        } else {
            (next.start as isize - here.end as isize, 1)
        };
        let near = sign * AHEAD as isize;
        [near, near + (jump + onwards) * size_of::<E>() as isize]
    }

    pub fn numbers(&mut self, part: &Part) -> Numbers<E::Acc> {
        Numbers { at: self.numbers.as_mut_ptr(), kinds: self.kinds, mask: part.mask() }
    }
}
