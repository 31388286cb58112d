//! The loops of TIN position by position.
//!
//! With the channels that move put together for each frame, `n[t]` of the frames `t - b` of each
//! group, the older frame of a group's pair is the newer one of the frame before: `y[t] = w[t]
//! ((1-f) n[t] + f n[t-1])`. Backward it is `n[s]` of the upstream gradient's frames `s + b + 1`.

use std::ops::Range;

use super::interlace::Interlace;
use super::rows::{Ahead, Buffer, Step, Strips, Writer, copy_pieces};
use super::vector::{Accumulator, Element, Vector};

/// Accumulators that a sum is spread over, whatever the width of vectors.
const LANES: usize = 32;

/// The most numbers that one accumulator adds.
const TERMS: usize = 128;

/// Numbers that share scales and accumulators: vectors of [`LANES`] in a row of strips' moved
/// channels, one position after another.
#[derive(Clone, Copy)]
struct Block {
    /// Where the first one starts.
    start: usize,
    /// Neighbours, `LANES` apart.
    near: usize,
    /// From one row of neighbours to the next.
    stride: usize,
}

impl Interlace {
    /// How positions are cut into tasks.
    pub(super) fn strips(&self) -> Strips {
        let terms = self.run().max(LANES);
        Strips::of(&self.shape, self.shape.width(), TERMS * LANES / terms)
    }

    /// The blocks of a strip of at most `longest` positions.
    ///
    /// Groups that are whole blocks have one each, in which all of their channels meet. Narrower
    /// groups share blocks, and the same channels come back to the same lanes.
    fn blocks(&self, longest: usize) -> Vec<Block> {
        let (fold, run) = (self.fold as usize, self.run());
        if fold == 0 {
            return Vec::new();
        }
        if run.is_multiple_of(LANES) {
            let near = run / LANES;
            return (0..self.g())
                .map(|group| Block { start: group * run, near, stride: fold })
                .collect();
        }
        // `LANES` is a power of two: its common divisor with the fold is the fold's lowest bit.
        let stride = fold * (LANES >> fold.trailing_zeros().min(LANES.trailing_zeros()));
        let end = stride.min(longest * fold);
        (0..end).step_by(LANES).map(|start| Block { start, near: 1, stride }).collect()
    }
}

/// What one call of a loop works with.
struct Workspace<'a, E: Element> {
    args: &'a Interlace,
    strips: Strips,
    writer: Writer,
    /// The moved channels of a strip: of this frame's sources, of the one before, of `x`.
    newer: Buffer,
    older: Buffer,
    here: Buffer,
    mixed: Buffer,
    /// What there is beyond the clip.
    blank: Buffer,
    blocks: Vec<Block>,
    /// The group of each lane of the blocks.
    groups: Vec<usize>,
    /// What newer and older rows are multiplied with, `[T, 2, lanes]`; vectors in their own order.
    scales: Vec<E::Acc>,
    /// Sums of the products with newer and older rows, likewise.
    sums: Vec<E::Acc>,
    /// Numbers in each of the sums.
    terms: usize,
}

/// Which frame a group's newer row comes from, and what becomes of the pair.
trait Direction {
    const SUMS: bool;
    /// The frame of the newer row, given the whole part of the offset.
    fn source(frame: isize, whole: isize) -> isize;
}

struct Onwards;

impl Direction for Onwards {
    const SUMS: bool = false;
    #[inline(always)]
    fn source(frame: isize, whole: isize) -> isize {
        frame - whole
    }
}

struct Back;

impl Direction for Back {
    const SUMS: bool = true;
    #[inline(always)]
    fn source(frame: isize, whole: isize) -> isize {
        frame + whole + 1
    }
}

impl<'a, E: Element> Workspace<'a, E> {
    fn new(args: &'a Interlace, target: *const u8) -> Self {
        let (strips, width) = (args.strips(), size_of::<E>());
        let (fold, row) = (args.fold as usize * width, args.shape.c() * width);
        let blocks = args.blocks(strips.longest());
        let channel_of = |block: &Block, lane: usize| (block.start + lane) % args.fold as usize;
        let groups: Vec<_> = blocks
            .iter()
            .flat_map(|block| (0..LANES).map(move |lane| channel_of(block, lane)))
            .map(|channel| channel / args.run())
            .collect();
        // The last vector may reach beyond the last position.
        let room = || Buffer::new(strips.longest() * fold + LANES * width);
        let lanes = vec![E::Acc::ZERO; args.shape.t() * 2 * groups.len()];
        Self {
            args,
            strips,
            writer: Writer::new((row, fold), args.shape.streams(width), target, &strips),
            newer: room(),
            older: room(),
            here: room(),
            mixed: room(),
            blank: Buffer::new(fold),
            blocks,
            groups,
            scales: lanes.clone(),
            sums: lanes,
            terms: 0,
        }
    }

    /// Sets the scales of a clip.
    #[inline(always)]
    unsafe fn enter<V: Vector<E>, D: Direction>(&mut self, clip: usize) {
        let (args, lanes) = (self.args, self.groups.len());
        for frame in 0..args.shape.t() {
            let rows = &mut self.scales[frame * 2 * lanes..][..2 * lanes];
            let (newer, older) = rows.split_at_mut(lanes);
            for (lane, &group) in self.groups.iter().enumerate() {
                // SAFETY: the parameters hold all clips, frames and groups.
                unsafe { [newer[lane], older[lane]] = args.scales::<E, D>(clip, frame, group) };
            }
        }
        if V::REORDERS {
            for vector in self.scales.chunks_exact_mut(V::LANES) {
                // SAFETY: `V` is supported, and the chunk is as long as it.
                unsafe { V::load_acc(vector.as_ptr()).store_own(vector.as_mut_ptr()) };
            }
        }
    }

    /// The strip's first element in a frame.
    fn at(&self, clip: usize, frame: usize, strip: &Range<usize>) -> usize {
        let shape = &self.args.shape;
        (clip * shape.t() + frame) * shape.frame() + strip.start * shape.c()
    }

    /// Puts the newer row of a frame together; the one there was becomes the older one.
    #[inline(always)]
    unsafe fn advance<D: Direction>(
        &mut self,
        map: *const E,
        (clip, frame): (usize, isize),
        strip: &Range<usize>,
    ) {
        std::mem::swap(&mut self.newer, &mut self.older);
        let (args, width) = (self.args, size_of::<E>());
        let (run, fold) = (args.run(), args.fold as usize * width);
        for group in 0..args.g() {
            // SAFETY: the caller's map holds the strip of every frame of the clip.
            unsafe {
                let whole = args.shift_of::<E::Acc>(clip, group).whole;
                let from = match args.inside(D::source(frame, whole)) {
                    Some(source) => {
                        let at = self.at(clip, source, strip) + group * run;
                        (map.add(at).cast(), args.shape.c() * width)
                    }
                    None => (self.blank.start::<u8>().cast_const(), 0),
                };
                let to = self.newer.start::<E>().add(group * run).cast();
                copy_pieces(from, (to, fold), run * width, strip.len());
            }
        }
    }

    /// Clears what vectors read beyond the strip's last position.
    unsafe fn clear_rest(&mut self, strip: &Range<usize>) {
        let len = strip.len() * self.args.fold as usize;
        for row in [&mut self.newer, &mut self.older, &mut self.here] {
            // SAFETY: every row has room for one more vector.
            unsafe { row.start::<E>().add(len).write_bytes(0, LANES) };
        }
    }

    /// The moved channels of the results of a frame, and the sums.
    #[inline(always)]
    unsafe fn mix<V: Vector<E>, D: Direction>(&mut self, frame: usize, positions: usize) {
        let (lanes, end) = (self.groups.len(), positions * self.args.fold as usize);
        let (newer, older) = (self.newer.start::<E>(), self.older.start::<E>());
        let (here, mixed) = (self.here.start::<E>(), self.mixed.start::<E>());
        for (index, block) in self.blocks.iter().enumerate() {
            for lane in (0..LANES).step_by(V::LANES) {
                let slot = frame * 2 * lanes + index * LANES + lane;
                // SAFETY: slots lie inside scales and sums, and rows have room for whole vectors.
                unsafe {
                    let scales = self.scales.as_ptr().add(slot);
                    let sums = self.sums.as_mut_ptr().add(slot);
                    let (a, b) = (V::load_own(scales), V::load_own(scales.add(lanes)));
                    let mut totals = [V::load_own(sums), V::load_own(sums.add(lanes))];
                    for row in (block.start..end).step_by(block.stride) {
                        for near in 0..block.near {
                            let at = row + near * LANES + lane;
                            let (new, old) = (V::load(newer.add(at)), V::load(older.add(at)));
                            old.mul(b).add(new.mul(a)).put::<false>(mixed.add(at));
                            if D::SUMS {
                                let x = V::load(here.add(at));
                                totals[0] = totals[0].add(new.mul(x));
                                totals[1] = totals[1].add(old.mul(x));
                            }
                        }
                    }
                    if D::SUMS {
                        totals[0].store_own(sums);
                        totals[1].store_own(sums.add(lanes));
                    }
                }
            }
        }
    }

    /// Moves the sums into the task's part of `partial`.
    #[inline(always)]
    unsafe fn leave<V: Vector<E>>(&mut self, (clip, task): (usize, usize)) {
        self.terms = 0;
        let (args, lanes) = (self.args, self.groups.len());
        if V::REORDERS {
            for vector in self.sums.chunks_exact_mut(V::LANES) {
                // SAFETY: `V` is supported, and the chunk is as long as it.
                unsafe { V::load_own(vector.as_ptr()).store_acc(vector.as_mut_ptr()) };
            }
        }
        let mut totals = vec![0.0; args.g()];
        for (row, sums) in self.sums.chunks_exact_mut(lanes.max(1)).enumerate() {
            totals.fill(0.0);
            // Lane by lane, so that the groups' chains of additions run side by side.
            for lane in 0..LANES {
                for at in (lane..lanes).step_by(LANES) {
                    totals[self.groups[at]] += sums[at].to_f64();
                }
            }
            sums.fill(E::Acc::ZERO);
            let (frame, is_older) = (row / 2, row % 2);
            for (group, total) in totals.iter().enumerate() {
                // SAFETY: the sums of a task have a place for every group, frame and side.
                unsafe {
                    let whole = args.shift_of::<E::Acc>(clip, group).whole;
                    let met = Back::source(frame as isize, whole) - is_older as isize;
                    if let Some(t) = args.inside(met) {
                        let at = args.sums_at(clip, task, group) + 2 * t + 1 - is_older;
                        *args.partial.add(at) += total;
                    }
                }
            }
        }
    }

    /// Numbers that a strip adds to one accumulator.
    fn terms_of(&self, strip: &Range<usize>) -> usize {
        let len = strip.len() * self.args.fold as usize;
        self.blocks.first().map_or(0, |block| len.div_ceil(block.stride) * block.near)
    }

    /// What will be read soon: rows of the map, and backward what moves of `x`.
    fn ahead<D: Direction>(&self, map: *const E, clip: usize, step: &Step) -> [Ahead; 2] {
        let (frame, strip) = &step.ahead;
        let (at, width) = (self.at(clip, *frame, strip), size_of::<E>());
        let row = self.args.shape.c() * width;
        let rows = |map: *const E, bytes| Ahead { start: map.wrapping_add(at).cast(), row, bytes };
        let moved = if D::SUMS { self.args.fold as usize * width } else { 0 };
        [rows(map, row), rows(self.args.x.cast(), moved)]
    }

    /// One frame of a strip.
    #[inline(always)]
    unsafe fn step<V: Vector<E>, D: Direction>(
        &mut self,
        (map, target): (*const E, *mut E),
        clip: usize,
        step: &Step,
    ) {
        let (frame, strip) = (step.frame, &step.strip);
        let (at, width) = (self.at(clip, frame, strip), size_of::<E>());
        let (row, fold) = (self.args.shape.c() * width, self.args.fold as usize * width);
        // SAFETY: the caller's promise; every strip lies inside the frame.
        unsafe {
            if frame == 0 {
                self.clear_rest(strip);
                self.advance::<D>(map, (clip, -1), strip);
            }
            self.advance::<D>(map, (clip, frame as isize), strip);
            if D::SUMS {
                let x = self.args.x.cast::<E>().add(at).cast();
                copy_pieces((x, row), (self.here.start(), fold), fold, strip.len());
            }
            self.mix::<V, D>(frame, strip.len());
            let (kept, to) = (map.add(at).cast(), target.add(at).cast());
            let ahead = self.ahead::<D>(map, clip, step);
            self.writer.write::<E, V>(self.mixed.start(), kept, to, strip.len(), ahead);
        }
    }

    #[inline(always)]
    unsafe fn tasks<V: Vector<E>, D: Direction>(
        &mut self,
        maps: (*const E, *mut E),
        tasks: Range<i64>,
    ) {
        let (per_clip, mut entered) = (self.strips.per_clip(), None);
        for task in tasks {
            let (clip, piece) = (task as usize / per_clip, task as usize % per_clip);
            // SAFETY: the caller's promise.
            unsafe {
                if entered.replace(clip) != Some(clip) {
                    self.enter::<V, D>(clip);
                }
                for step in self.strips.steps(piece, self.args.shape.t()) {
                    if D::SUMS && step.frame == 0 {
                        let terms = self.terms_of(&step.strip);
                        if self.terms + terms > TERMS {
                            self.leave::<V>((clip, piece));
                        }
                        self.terms += terms;
                    }
                    self.step::<V, D>(maps, clip, &step);
                }
                if D::SUMS {
                    self.leave::<V>((clip, piece));
                }
            }
        }
    }
}

impl Interlace {
    /// What the newer and the older row of a frame are multiplied with.
    #[inline(always)]
    unsafe fn scales<E: Element, D: Direction>(
        &self,
        clip: usize,
        frame: usize,
        group: usize,
    ) -> [E::Acc; 2] {
        // SAFETY: the promise of `enter`.
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

/// Forward.
///
/// # Safety
/// As [`Kernel::run`](super::isa::Kernel::run).
#[inline(always)]
pub(super) unsafe fn forward<E: Element, V: Vector<E>>(args: &Interlace, tasks: Range<i64>) {
    let mut work = Workspace::<E>::new(args, args.y.cast());
    // SAFETY: the caller's promise.
    unsafe { work.tasks::<V, Onwards>((args.x.cast(), args.y.cast()), tasks) };
}

/// Backward.
///
/// # Safety
/// As [`forward`].
#[inline(always)]
pub(super) unsafe fn backward<E: Element, V: Vector<E>>(args: &Interlace, tasks: Range<i64>) {
    let mut work = Workspace::<E>::new(args, args.grad_x.cast());
    // SAFETY: the caller's promise.
    unsafe { work.tasks::<V, Back>((args.grad.cast(), args.grad_x.cast()), tasks) };
}
