//! How the numbers of TIN's moved channels share scales and sums, position by position, and where
//! they are.

use std::ops::Range;

use super::interlace::Interlace;
use super::vector::{Accumulator, Element, PIECES, Vector};

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

/// Vectors at the same lanes of a block's rows: where those of a strip's first row are.
#[derive(Clone, Copy)]
pub(super) struct Part<E> {
    /// Where the first number is among the moved channels of a strip, and in its map.
    pub packed: usize,
    pub mapped: usize,
    /// Where its share of the channels that stay starts in its map.
    pub kept: usize,
    /// The group of the first number; where groups cut the vector into pieces, the next ones follow.
    pub group: usize,
    pub newer: [*const E; PIECES],
    pub older: [*const E; PIECES],
    pub x: *const E,
    pub result: *mut E,
}

/// Numbers from one row of a block to the next in a map, and in sources, `x` and results where they
/// are read and written.
#[derive(Clone, Copy)]
pub(super) struct Strides {
    pub map: usize,
    pub source: usize,
    pub x: usize,
    pub result: usize,
}

impl Strides {
    /// Where row `row` of a block lies.
    #[inline(always)]
    pub fn times(self, row: usize) -> Self {
        Self {
            map: self.map * row,
            source: self.source * row,
            x: self.x * row,
            result: self.result * row,
        }
    }
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

    /// Channels that stay for each one that moves, rounded down.
    pub(super) fn share(&self) -> usize {
        (self.shape.c() / self.fold.max(1) as usize).saturating_sub(1)
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

    /// The parts of blocks, without places.
    pub(super) fn parts<E: Element, V: Vector<E>>(&self, blocks: &[Block]) -> Vec<Part<E>> {
        let (c, fold, share) = (self.shape.c(), self.fold as usize, self.share());
        let (nothing, nowhere) = (std::ptr::null(), std::ptr::null_mut());
        let part = |packed: usize| Part {
            packed,
            mapped: packed / fold * c + packed % fold,
            kept: packed / fold * c + fold + share * (packed % fold),
            group: packed % fold / self.run(),
            newer: [nothing; PIECES],
            older: [nothing; PIECES],
            x: nothing,
            result: nowhere,
        };
        let starts = |block: &Block| (block.start..block.start + LANES).step_by(V::LANES);
        blocks.iter().flat_map(starts).map(part).collect()
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
    /// Lanes of all blocks.
    count: usize,
    spans: Vec<Span>,
    /// What newer and older rows are multiplied with, `[T, 2, lanes]`; vectors in their own order.
    scales: Vec<A>,
    /// Sums of the products with newer and older rows, likewise.
    sums: Vec<A>,
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
        let lanes = vec![A::ZERO; args.shape.t() * 2 * count];
        Self { count, spans, scales: lanes.clone(), sums: lanes, totals: vec![0.0; args.g()] }
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
    pub unsafe fn scale<E, V>(&mut self, of: impl Fn(usize, usize) -> [A; 2])
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
    pub unsafe fn take<E, V>(&mut self, to: impl Fn(usize, bool, &[f64]))
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
