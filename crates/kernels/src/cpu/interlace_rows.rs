//! The loops of TIN position by position.
//!
//! With the channels that move put together for each frame, `n[t]` of the frames `t - b` of each
//! group, the older frame of a group's pair is the newer one of the frame before: `y[t] = w[t]
//! ((1-f) n[t] + f n[t-1])`. Backward it is `n[s]` of the upstream gradient's frames `s + b + 1`.

use std::ops::Range;

use super::interlace::Interlace;
use super::interlace_blocks::{
    Back, Block, Direction, LANES, Lanes, MOST, Onwards, Part, Strides, TERMS,
};
use super::rows::{Ahead, Buffer, Step, Strips, Writer, copy_pieces};
use super::vector::{Accumulator, Element, Vector};

impl Interlace {
    /// How positions are cut into tasks.
    pub(super) fn strips(&self) -> Strips {
        let terms = self.run().max(LANES);
        Strips::of(&self.shape, self.shape.width(), TERMS * LANES / terms)
    }
}

/// What one call of a loop works with.
struct Workspace<'a, E: Element> {
    args: &'a Interlace,
    strips: Strips,
    writer: Writer,
    blocks: Vec<Block>,
    parts: Vec<Part<E>>,
    lanes: Lanes<E::Acc>,
    /// Whether vectors are of one group, so that sources are read where they are; of one position,
    /// so that `x` is; and whether results of moved channels go straight to their map.
    of_group: bool,
    of_position: bool,
    is_direct: bool,
    strides: Strides,
    /// The whole parts of a clip's offsets.
    wholes: Vec<isize>,
    /// The moved channels of this frame's sources, of those of the one before, and of `x`, put
    /// together where need be.
    rows: [Buffer; 3],
    mixed: Buffer,
    /// What there is beyond the clip.
    blank: Buffer,
    /// Numbers in each of the sums.
    terms: usize,
}

impl<'a, E: Element> Workspace<'a, E> {
    fn new<V: Vector<E>>(args: &'a Interlace, target: *const u8) -> Self {
        let (strips, width) = (args.strips(), size_of::<E>());
        let (fold, row) = (args.fold as usize, args.shape.c() * width);
        let blocks = args.blocks(strips.longest());
        let writer =
            Writer::new((row, fold * width), args.shape.streams(width), target, strips.longest());
        let of_position = fold.is_multiple_of(V::LANES);
        let of_group = args.run().is_multiple_of(V::LANES);
        let is_direct = of_position && writer.is_by_lines();
        let stride = |in_map| args.apart() * if in_map { args.shape.c() } else { fold };
        // The last vector may reach beyond the last position.
        let room = |positions: usize| Buffer::new((positions * fold + LANES) * width);
        let longest = strips.longest();
        Self {
            args,
            strips,
            is_direct,
            strides: Strides {
                map: stride(true),
                source: stride(of_group),
                x: stride(of_position),
                result: stride(is_direct),
            },
            writer,
            parts: args.parts::<E, V>(&blocks),
            lanes: Lanes::new(args, &blocks),
            blocks,
            of_group,
            of_position,
            wholes: vec![0; args.g()],
            rows: [room(longest), room(longest), room(longest)],
            mixed: room(longest),
            blank: Buffer::new(strips.longest() * row),
            terms: 0,
        }
    }

    /// The strip's first element in a frame.
    fn at(args: &Interlace, clip: usize, frame: usize, strip: &Range<usize>) -> usize {
        let shape = &args.shape;
        (clip * shape.t() + frame) * shape.frame() + strip.start * shape.c()
    }

    /// Enters a clip.
    #[inline(always)]
    unsafe fn enter<V: Vector<E>, D: Direction>(&mut self, clip: usize) {
        let args = self.args;
        // SAFETY: the parameters hold all clips, frames and groups.
        unsafe {
            for (group, whole) in self.wholes.iter_mut().enumerate() {
                *whole = args.shift_of::<E::Acc>(clip, group).whole;
            }
            let of = |frame, group| args.scales::<E, D>(clip, frame, group);
            self.lanes.scale::<E, V>(of);
        }
    }

    /// Finds the newer rows of a frame; those there were become the older ones.
    #[inline(always)]
    unsafe fn advance<D: Direction>(
        &mut self,
        map: *const E,
        (clip, frame): (usize, isize),
        strip: &Range<usize>,
    ) {
        let (args, width, blank) = (self.args, size_of::<E>(), self.blank.start::<E>());
        let (run, fold, c) = (args.run(), args.fold as usize, args.shape.c());
        let wholes = &self.wholes;
        let source = |group: usize| {
            let frame = args.inside(D::source(frame, wholes[group]))?;
            Some(map.wrapping_add(Self::at(args, clip, frame, strip)).cast_mut())
        };
        if !self.of_group {
            self.rows.swap(0, 1);
            let rows = self.rows[0].start::<E>();
            for group in 0..args.g() {
                let (start, stride) = match source(group) {
                    Some(start) => (start.wrapping_add(group * run), c * width),
                    None => (blank, 0),
                };
                let to = rows.wrapping_add(group * run).cast();
                // SAFETY: the caller's map holds the strip of every frame of the clip.
                unsafe {
                    let from = (start.cast_const().cast(), stride);
                    copy_pieces(from, (to, fold * width), run * width, strip.len());
                }
            }
        }
        let rows = self.rows[0].start::<E>();
        for part in &mut self.parts {
            part.older = part.newer;
            part.newer = match source(part.group) {
                _ if !self.of_group => rows.wrapping_add(part.packed),
                Some(start) => start.wrapping_add(part.mapped),
                None => blank,
            };
        }
    }

    /// Finds the moved channels of `x` and of the results, given where the strip starts.
    #[inline(always)]
    unsafe fn find<D: Direction>(&mut self, x: *const E, target: *mut E, positions: usize) {
        let (args, width) = (self.args, size_of::<E>());
        let (rows, mixed) = (self.rows[2].start::<E>(), self.mixed.start::<E>());
        let (moved, row) = (args.fold as usize * width, args.shape.c() * width);
        if D::SUMS && !self.of_position {
            // SAFETY: `x` holds the strip, and there is room for its moved channels.
            unsafe { copy_pieces((x.cast(), row), (rows.cast(), moved), moved, positions) };
        }
        for part in &mut self.parts {
            let Part { packed, mapped, .. } = *part;
            let in_rows = rows.cast_const().wrapping_add(packed);
            part.x = if self.of_position { x.wrapping_add(mapped) } else { in_rows };
            let (direct, mixed) = (target.wrapping_add(mapped), mixed.wrapping_add(packed));
            part.result = if self.is_direct { direct } else { mixed };
        }
    }

    /// Clears what vectors read beyond the strip's last position.
    unsafe fn clear_rest(&mut self, strip: &Range<usize>) {
        let len = strip.len() * self.args.fold as usize;
        for row in &mut self.rows {
            // SAFETY: every row has room for one more vector.
            unsafe { row.start::<E>().add(len).write_bytes(0, LANES) };
        }
    }

    /// The moved channels of the results of a frame, and the sums.
    #[inline(always)]
    unsafe fn mix<V: Vector<E>, D: Direction, const STREAM: bool>(
        &mut self,
        frame: usize,
        positions: usize,
        ahead: [Ahead; 2],
    ) {
        let (count, end) = (LANES / V::LANES, positions * self.args.fold as usize);
        let (strides, (slot, older)) = (self.strides, self.lanes.slot(frame));
        // SAFETY: slots lie inside scales and sums, and rows have room for whole vectors.
        unsafe {
            let mut scales = self.lanes.scales().add(slot);
            let mut sums = self.lanes.sums().add(slot);
            let mut parts = self.parts.as_ptr();
            for block in &self.blocks {
                let mut totals = [[V::splat(E::Acc::ZERO); 2]; MOST];
                if D::SUMS {
                    totals = Lanes::load(sums, older);
                }
                // Loops by hand: the length of a stepped range takes a division.
                let (mut at, mut start) = (Strides::default(), block.start);
                while start < end {
                    let mut near = 0;
                    while near < block.near * LANES {
                        for (lane, totals) in totals.iter_mut().enumerate().take(count) {
                            if start + lane * V::LANES >= end {
                                break;
                            }
                            let part = &*parts.add(lane);
                            let place = (part.mapped + at.map + near) * size_of::<E>();
                            ahead[0].foresee(place);
                            ahead[1].foresee(place);
                            let scales = scales.add(lane * V::LANES);
                            let (a, b) = (V::load_own(scales), V::load_own(scales.add(older)));
                            let new = V::load(part.newer.add(at.source + near));
                            let old = V::load(part.older.add(at.source + near));
                            let result = part.result.add(at.result + near);
                            if D::SUMS {
                                let x = V::load(part.x.add(at.x + near));
                                totals[0] = new.fused(x, totals[0]);
                                totals[1] = old.fused(x, totals[1]);
                            }
                            new.fused(a, old.mul(b)).put::<STREAM>(result);
                        }
                        near += LANES;
                    }
                    start += block.stride;
                    at.map += strides.map;
                    at.source += strides.source;
                    at.x += strides.x;
                    at.result += strides.result;
                }
                if D::SUMS {
                    Lanes::store(totals, sums, older);
                }
                scales = scales.add(LANES);
                sums = sums.add(LANES);
                parts = parts.add(count);
            }
        }
    }

    /// Moves the sums into the task's part of `partial`.
    #[inline(always)]
    unsafe fn leave<V: Vector<E>>(&mut self, (clip, task): (usize, usize)) {
        self.terms = 0;
        let (args, wholes) = (self.args, &self.wholes);
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
        unsafe { self.lanes.take::<E, V>(add) };
    }

    /// Numbers that a strip adds to one accumulator.
    fn terms_of(&self, strip: &Range<usize>) -> usize {
        let len = strip.len() * self.args.fold as usize;
        self.blocks.first().map_or(0, |block| len.div_ceil(block.stride) * block.near)
    }

    /// What will be read soon: rows of the map, and backward what moves of `x`.
    fn ahead<D: Direction>(&self, map: *const E, clip: usize, step: &Step) -> [Ahead; 2] {
        let (frame, strip) = &step.ahead;
        let (at, width) = (Self::at(self.args, clip, *frame, strip), size_of::<E>());
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
        let at = Self::at(self.args, clip, frame, strip);
        // SAFETY: the caller's promise; every strip lies inside the frame.
        unsafe {
            if frame == 0 {
                self.clear_rest(strip);
                self.advance::<D>(map, (clip, -1), strip);
            }
            self.advance::<D>(map, (clip, frame as isize), strip);
            let to = target.add(at);
            self.find::<D>(self.args.x.cast::<E>().wrapping_add(at), to, strip.len());
            let (ahead, nothing) = (self.ahead::<D>(map, clip, step), [Ahead::NOTHING; 2]);
            match (self.is_direct, self.writer.streams()) {
                (true, true) => self.mix::<V, D, true>(frame, strip.len(), ahead),
                _ => self.mix::<V, D, false>(frame, strip.len(), nothing),
            }
            let (kept, to, count) = (map.add(at).cast(), to.cast(), strip.len());
            if self.is_direct {
                self.writer.keep::<E, V>(kept, to, count, ahead[0]);
            } else {
                self.writer.write::<E, V>(self.mixed.start(), kept, to, count, ahead);
            }
        }
    }

    #[inline(always)]
    unsafe fn tasks<V: Vector<E>, D: Direction>(
        &mut self,
        maps: (*const E, *mut E),
        tasks: Range<i64>,
    ) {
        let (args, per_clip, mut entered) = (self.args, self.strips.per_clip(), None);
        for task in tasks {
            let (clip, piece) = (task as usize / per_clip, task as usize % per_clip);
            // SAFETY: the caller's promise.
            unsafe {
                if entered.replace(clip) != Some(clip) {
                    self.enter::<V, D>(clip);
                }
                for step in self.strips.steps(piece, args.shape.t()) {
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

/// Forward.
///
/// # Safety
/// As [`Kernel::run`](super::isa::Kernel::run).
#[inline(always)]
pub(super) unsafe fn forward<E: Element, V: Vector<E>>(args: &Interlace, tasks: Range<i64>) {
    let mut work = Workspace::<E>::new::<V>(args, args.y.cast());
    // SAFETY: the caller's promise.
    unsafe { work.tasks::<V, Onwards>((args.x.cast(), args.y.cast()), tasks) };
}

/// Backward.
///
/// # Safety
/// As [`forward`].
#[inline(always)]
pub(super) unsafe fn backward<E: Element, V: Vector<E>>(args: &Interlace, tasks: Range<i64>) {
    let mut work = Workspace::<E>::new::<V>(args, args.grad_x.cast());
    // SAFETY: the caller's promise.
    unsafe { work.tasks::<V, Back>((args.grad.cast(), args.grad_x.cast()), tasks) };
}
