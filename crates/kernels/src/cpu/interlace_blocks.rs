//! How the numbers of TIN's moved channels share scales and sums, position by position, and where
//! they are.

use std::ops::Range;

use super::interlace::Interlace;
use super::scratch::{Kept, Scratch};
use super::vector::{Accumulator, Element, Vector};

thread_local! {
    static SCALES: Kept = const { Kept::new() };
    static SUMS: Kept = const { Kept::new() };
}

/// Accumulators that a sum is spread over, whatever the width of vectors.
pub(super) const LANES: usize = 32;

/// The most vectors that a block has.
pub(super) const MOST: usize = 8;

/// The most numbers that one accumulator adds.
pub(super) const TERMS: usize = 128;

/// Chains of additions side by side.
const TOGETHER: usize = 8;

/// Numbers that share scales and accumulators: vectors of [`LANES`] in a row of strips' moved
/// channels, one position after another.
#[derive(Clone, Copy)]
pub(super) struct Block {
    /// Where the first one starts.
    pub start: usize,
    /// Neighbours, `LANES` apart.
    pub near: usize,
    /// From one row of neighbours to the next.
    pub stride: usize,
}

impl Interlace {
    /// Whether each group is whole blocks.
    ///
    /// Those have one block a group, in which all of its channels meet. Narrower groups share
    /// blocks, and the same channels come back to the same lanes.
    pub(super) fn is_wide(&self) -> bool {
        self.run().is_multiple_of(LANES)
    }

    /// Positions from one row of a block to the next.
    pub(super) fn apart(&self) -> usize {
        // `LANES` is a power of two: its common divisor with the fold is the fold's lowest bit.
        LANES >> self.fold.trailing_zeros().min(LANES.trailing_zeros())
    }

    /// The blocks of a strip of at most `longest` positions.
    pub(super) fn blocks(&self, longest: usize) -> Vec<Block> {
        let (fold, run) = (self.fold as usize, self.run());
        if fold == 0 {
            return Vec::new();
        }
        if self.is_wide() {
            let near = run / LANES;
            return (0..self.g())
                .map(|group| Block { start: group * run, near, stride: fold })
                .collect();
        }
        let stride = fold * self.apart();
        let end = stride.min(longest * fold);
        (0..end).step_by(LANES).map(|start| Block { start, near: 1, stride }).collect()
    }

    /// Numbers that a strip of so many positions adds to one accumulator.
    pub(super) fn terms_of(&self, blocks: &[Block], positions: usize) -> usize {
        let len = positions * self.fold as usize;
        blocks.first().map_or(0, |block| len.div_ceil(block.stride) * block.near)
    }

    /// What the newer and the older row of a frame are multiplied with.
    #[inline(always)]
    pub(super) unsafe fn scales<E: Element, D: Direction>(
        &self,
        clip: usize,
        frame: usize,
        group: usize,
    ) -> [E::Acc; 2] {
        // SAFETY: the parameters hold all clips, frames and groups.
        unsafe {
            let shift = self.shift_of::<E::Acc>(clip, group);
            if !D::SUMS {
                let weight = self.weight::<E::Acc>(clip, frame, group);
                return [weight.times(shift.near), weight.times(shift.far)];
            }
            let met = D::source(frame as isize, shift.whole);
            let scale = |met: isize, share: E::Acc| match self.inside(met) {
                Some(t) => self.weight::<E::Acc>(clip, t, group).times(share),
                // Not zero if the offset is no number: the gradient is none either.
                None => E::Acc::ZERO.times(share),
            };
            [scale(met, shift.far), scale(met - 1, shift.near)]
        }
    }
}

/// Which frame a group's newer row comes from, and what becomes of the pair.
pub(super) trait Direction {
    const SUMS: bool;
    /// The frame of the newer row, given the whole part of the offset.
    fn source(frame: isize, whole: isize) -> isize;
}

/// Forward.
pub(super) struct Onwards;

impl Direction for Onwards {
    const SUMS: bool = false;
    #[inline(always)]
    fn source(frame: isize, whole: isize) -> isize {
        frame - whole
    }
}

/// Backward.
pub(super) struct Back;

impl Direction for Back {
    const SUMS: bool = true;
    #[inline(always)]
    fn source(frame: isize, whole: isize) -> isize {
        frame + whole + 1
    }
}

/// Neighbouring lanes of one group.
struct Span {
    group: usize,
    lanes: Range<usize>,
}

/// Scales and sums of the blocks in every frame.
pub(super) struct Lanes<A> {
    /// The whole parts of a clip's offsets.
    pub wholes: Vec<isize>,
    /// Lanes of all blocks.
    count: usize,
    /// Numbers that were added to each of the sums.
    terms: usize,
    spans: Vec<Span>,
    /// What newer and older rows are multiplied with, `[T, 2, lanes]`; vectors in their own order.
    scales: Scratch<A>,
    /// Sums of the products with newer and older rows, likewise.
    sums: Scratch<A>,
    /// Of each group.
    totals: Vec<f64>,
}

impl<A: Accumulator> Lanes<A> {
    pub fn new(args: &Interlace, blocks: &[Block]) -> Self {
        let channel_of = |block: &Block, lane: usize| (block.start + lane) % args.fold as usize;
        let mut spans: Vec<Span> = Vec::new();
        for (index, block) in blocks.iter().enumerate() {
            for lane in 0..LANES {
                let (group, at) = (channel_of(block, lane) / args.run(), index * LANES + lane);
                match spans.last_mut() {
                    Some(span) if span.group == group => span.lanes.end = at + 1,
                    _ => spans.push(Span { group, lanes: at..at + 1 }),
                }
            }
        }
        let count = blocks.len() * LANES;
        let len = args.shape.t() * 2 * count;
        let mut sums = Scratch::take(&SUMS, len);
        sums.fill(A::ZERO);
        Self {
            wholes: vec![0; args.g()],
            count,
            terms: 0,
            spans,
            scales: Scratch::take(&SCALES, len),
            sums,
            totals: vec![0.0; args.g()],
        }
    }

    /// Enters a clip.
    #[inline(always)]
    pub unsafe fn enter<E, V, D>(&mut self, args: &Interlace, clip: usize)
    where
        E: Element<Acc = A>,
        V: Vector<E>,
        D: Direction,
    {
        // SAFETY: the parameters hold all clips, frames and groups; `V` is supported.
        unsafe {
            for (group, whole) in self.wholes.iter_mut().enumerate() {
                *whole = args.shift_of::<A>(clip, group).whole;
            }
            self.scale::<E, V>(|frame, group| args.scales::<E, D>(clip, frame, group));
        }
    }

    /// Makes room for the sums of a strip of a task, which adds as many terms to each.
    #[inline(always)]
    pub unsafe fn turn<E, V>(&mut self, args: &Interlace, task: (usize, usize), terms: usize)
    where
        E: Element<Acc = A>,
        V: Vector<E>,
    {
        if self.terms + terms > TERMS {
            // SAFETY: the caller's promise.
            unsafe { self.leave::<E, V>(args, task) };
        }
        self.terms += terms;
    }

    /// Moves the sums into a task's part of `partial`.
    #[inline(always)]
    pub unsafe fn leave<E, V>(&mut self, args: &Interlace, (clip, task): (usize, usize))
    where
        E: Element<Acc = A>,
        V: Vector<E>,
    {
        self.terms = 0;
        let wholes = std::mem::take(&mut self.wholes);
        let first = args.sums_at(clip, task, 0);
        let add = |frame: usize, is_older: bool, totals: &[f64]| {
            for (group, total) in totals.iter().enumerate() {
                // SAFETY: the sums of a task have a place for every group, frame and side.
                unsafe {
                    let met = Back::source(frame as isize, wholes[group]) - isize::from(is_older);
                    if let Some(t) = args.inside(met) {
                        let at = first + (group * args.shape.t() + t) * 2;
                        *args.partial.add(at + usize::from(!is_older)) += total;
                    }
                }
            }
        };
        // SAFETY: the caller's promise.
        unsafe { self.take::<E, V>(add) };
        self.wholes = wholes;
    }

    /// Where those of a frame's newer rows start, and how far the older rows' are from them.
    #[inline(always)]
    pub fn slot(&self, frame: usize) -> (usize, usize) {
        (frame * 2 * self.count, self.count)
    }

    #[inline(always)]
    pub fn scales(&self) -> *const A {
        self.scales.as_ptr()
    }

    #[inline(always)]
    pub fn sums(&mut self) -> *mut A {
        self.sums.as_mut_ptr()
    }

    /// Reads scales or sums of a block, those of the newer rows and, `older` further, of the older
    /// ones.
    #[inline(always)]
    pub unsafe fn load<E, V>(sums: *const A, older: usize) -> [[V; 2]; MOST]
    where
        E: Element<Acc = A>,
        V: Vector<E>,
    {
        // SAFETY: the caller's promise: the sums of all lanes of a block, and a supported `V`.
        unsafe {
            let mut totals = [[V::splat(A::ZERO); 2]; MOST];
            for (lane, totals) in totals.iter_mut().enumerate().take(LANES / V::LANES) {
                let sums = sums.add(lane * V::LANES);
                *totals = [V::load_own(sums), V::load_own(sums.add(older))];
            }
            totals
        }
    }

    /// Writes what [`Lanes::load`] reads.
    #[inline(always)]
    pub unsafe fn store<E, V>(totals: [[V; 2]; MOST], sums: *mut A, older: usize)
    where
        E: Element<Acc = A>,
        V: Vector<E>,
    {
        for (lane, [newer, old]) in totals.into_iter().enumerate().take(LANES / V::LANES) {
            // SAFETY: as in `load`.
            unsafe {
                let sums = sums.add(lane * V::LANES);
                newer.store_own(sums);
                old.store_own(sums.add(older));
            }
        }
    }

    /// Sets the scales, given those of newer and older rows for frame and group.
    #[inline(always)]
    unsafe fn scale<E, V>(&mut self, of: impl Fn(usize, usize) -> [A; 2])
    where
        E: Element<Acc = A>,
        V: Vector<E>,
    {
        for (frame, rows) in self.scales.chunks_exact_mut(2 * self.count.max(1)).enumerate() {
            let (newer, older) = rows.split_at_mut(self.count);
            for Span { group, lanes } in &self.spans {
                let scales = of(frame, *group);
                newer[lanes.clone()].fill(scales[0]);
                older[lanes.clone()].fill(scales[1]);
            }
        }
        if V::REORDERS {
            for vector in self.scales.chunks_exact_mut(V::LANES) {
                // SAFETY: `V` is supported, and the chunk is as long as it.
                unsafe { V::load_acc(vector.as_ptr()).store_own(vector.as_mut_ptr()) };
            }
        }
    }

    /// Adds the sums up for each group, as `(frame, is_older, totals)`, and clears them.
    #[inline(always)]
    unsafe fn take<E, V>(&mut self, to: impl Fn(usize, bool, &[f64]))
    where
        E: Element<Acc = A>,
        V: Vector<E>,
    {
        for (row, sums) in self.sums.chunks_exact_mut(self.count.max(1)).enumerate() {
            if V::REORDERS {
                for vector in sums.chunks_exact_mut(V::LANES) {
                    // SAFETY: `V` is supported, and the chunk is as long as it.
                    unsafe { V::load_own(vector.as_ptr()).store_acc(vector.as_mut_ptr()) };
                }
            }
            self.totals.fill(0.0);
            for Span { group, lanes } in &self.spans {
                self.totals[*group] += sum_of(&sums[lanes.clone()]);
            }
            sums.fill(A::ZERO);
            to(row / 2, row % 2 == 1, &self.totals);
        }
    }
}

/// The sum of some numbers, in chains side by side.
#[inline(always)]
fn sum_of<A: Accumulator>(values: &[A]) -> f64 {
    let mut chains = [0.0; TOGETHER];
    let chunks = values.chunks_exact(TOGETHER);
    let rest: f64 = chunks.remainder().iter().map(|value| value.to_f64()).sum();
    for chunk in chunks {
        for (chain, value) in chains.iter_mut().zip(chunk) {
            *chain += value.to_f64();
        }
    }
    let [a, b, c, d, e, f, g, h] = chains;
    ((a + e) + (c + g)) + ((b + f) + (d + h)) + rest
}
