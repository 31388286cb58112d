//! The loops of TIN position by position.
//!
//! With the channels that move put together for each frame, `n[t]` of the frames `t - b` of each
//! group, the older frame of a group's pair is the newer one of the frame before: `y[t] = w[t]
//! ((1-f) n[t] + f n[t-1])`. Backward it is `n[s]` of the upstream gradient's frames `s + b + 1`.
//!
//! Where vectors are of one position, each result is stored with its share of the channels that
//! stay, so that arithmetic and memory overlap; else a [`Writer`] puts both together.

mod mix;

use std::ops::Range;

use super::interlace::Interlace;
use super::interlace_blocks::{
    Back, Block, Direction, LANES, Lanes, Onwards, Part, Strides, TERMS,
};
use super::join::{Apart, Join};
use super::rows::{Ahead, Buffer, Step, Strips, Writer, copy_pieces};
use super::shape::LINE;
use super::vector::{Element, PIECES, Vector};
use mix::Kept;

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
    /// Whether vectors are of one position, so that `x` is read where it is.
    of_position: bool,
    /// Groups that a vector is of, where sources are read where they are; else zero.
    pieces: usize,
    /// Whether each moved vector is stored with its share of what stays, not through a [`Writer`].
    in_shares: bool,
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
    /// Strips of which all rows of `x` are still to be read whole.
    whole: usize,
}

/// Of so many strips one is read whole, all of them first, where rows are two cache lines and what
/// moves is in one: reading every second line of `x` alone, a processor that brings lines in
/// pairs where those are used unlearns that, for the maps as well, and walks through the same
/// memory took 2.2 ms instead of 1.6 ever after. It learns it again in a few strips.
const WHOLE: usize = 12;

/// Whether vectors are of one position.
fn is_of_position<E: Element, V: Vector<E>>(args: &Interlace) -> bool {
    (args.fold as usize).is_multiple_of(V::LANES)
}

impl<'a, E: Element> Workspace<'a, E> {
    fn new<V: Vector<E>, J: Join<E, V>>(args: &'a Interlace, target: *const u8) -> Self {
        let (strips, width) = (args.strips(), size_of::<E>());
        let (fold, c, run) = (args.fold as usize, args.shape.c(), args.run());
        let (blocks, streams) = (args.blocks(strips.longest()), args.shape.streams(width));
        let of_position = is_of_position::<E, V>(args);
        let pieces = match V::LANES / run.max(1) {
            0 | 1 if run.is_multiple_of(V::LANES) => 1,
            pieces @ (2 | PIECES) if of_position && pieces * run == V::LANES => pieces,
            _ => 0,
        };
        // What is stored together lies together.
        let is_joined = J::BESIDE == 0 || fold == V::LANES;
        let is_aligned = [target.addr(), c * width].iter().all(|at| at % J::ALIGNMENT == 0);
        let is_even = fold > 0 && c.is_multiple_of(fold) && is_joined && is_aligned;
        let in_shares = of_position && is_even;
        let stride = |in_map| args.apart() * if in_map { c } else { fold };
        // The last vector may reach beyond the last position.
        let longest = strips.longest();
        let room = || Buffer::new((longest * fold + LANES) * width);
        Self {
            args,
            strips,
            strides: Strides {
                map: stride(true),
                source: stride(pieces > 0),
                x: stride(of_position),
                result: stride(in_shares),
            },
            writer: Writer::new((c * width, fold * width), streams, target, longest),
            parts: args.parts::<E, V>(&blocks),
            lanes: Lanes::new(args, &blocks),
            blocks,
            of_position,
            pieces,
            in_shares,
            wholes: vec![0; args.g()],
            rows: [room(), room(), room()],
            mixed: room(),
            blank: Buffer::new(longest * c * width),
            terms: 0,
            whole: 0,
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
        if self.pieces == 0 {
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
        let (rows, pieces) = (self.rows[0].start::<E>().cast_const(), self.pieces);
        for part in &mut self.parts {
            part.older = part.newer;
            part.newer[0] = rows.wrapping_add(part.packed);
            for (piece, newer) in part.newer.iter_mut().enumerate().take(pieces) {
                let source = source(part.group + piece).map(|it| it.wrapping_add(part.mapped));
                *newer = source.unwrap_or(blank);
            }
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
            part.result = if self.in_shares { direct } else { mixed };
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

    /// What stays of a strip that starts at `at`, and what will be read soon.
    fn kept(&self, (map, target): (*const E, *mut E), clip: usize, at: usize, step: &Step) -> Kept {
        let (args, strip) = (self.args, &step.strip);
        let ahead = Self::at(args, clip, step.ahead.0, &step.ahead.1);
        let [row, moved] = [args.shape.c(), args.fold as usize].map(|it| it * size_of::<E>());
        let place = |map: *const E, at: usize| map.wrapping_add(at).cast();
        Kept {
            from: place(map, at),
            to: target.wrapping_add(at).cast(),
            share: args.share(),
            row: [row, moved],
            left: [strip.len() * row, row - moved],
            ahead: [map, args.x.cast()].map(|map| place(map, ahead)),
            whole: self.whole > 0,
        }
    }

    /// One frame of a strip.
    #[inline(always)]
    unsafe fn step<V, J, D>(&mut self, maps: (*const E, *mut E), clip: usize, step: &Step)
    where
        V: Vector<E>,
        J: Join<E, V>,
        D: Direction,
    {
        let (args, frame, strip) = (self.args, step.frame, &step.strip);
        let (at, count) = (Self::at(args, clip, frame, strip), strip.len());
        // SAFETY: the caller's promise; every strip lies inside the frame.
        unsafe {
            if frame == 0 {
                self.whole = self.whole.saturating_sub(1);
                self.clear_rest(strip);
                self.advance::<D>(maps.0, (clip, -1), strip);
            }
            self.advance::<D>(maps.0, (clip, frame as isize), strip);
            self.find::<D>(args.x.cast::<E>().wrapping_add(at), maps.1.add(at), count);
            let kept = self.kept(maps, clip, at, step);
            if self.in_shares {
                return self.mix::<V, J, D, true>(frame, count, kept);
            }
            self.mix::<V, J, D, false>(frame, count, kept);
            let ([row, moved], mixed) = (kept.row, self.mixed.start());
            let bytes = if D::SUMS { [row, moved] } else { [row, 0] };
            let ahead = |map: usize| Ahead { start: kept.ahead[map], row, bytes: bytes[map] };
            self.writer.write::<E, V>(mixed, kept.from, kept.to, count, [ahead(0), ahead(1)]);
        }
    }

    #[inline(always)]
    unsafe fn run<V, J, D>(args: &'a Interlace, maps: (*const E, *mut E), tasks: Range<i64>)
    where
        V: Vector<E>,
        J: Join<E, V>,
        D: Direction,
    {
        let mut work = Self::new::<V, J>(args, maps.1.cast());
        let (per_clip, mut entered) = (work.strips.per_clip(), None);
        let row = [args.shape.c(), args.fold as usize].map(|it| it * size_of::<E>());
        if row[0] == 2 * LINE && row[1] < LINE {
            work.whole = tasks.clone().count() * work.strips.per_task() / WHOLE + 1;
        }
        for task in tasks {
            let (clip, piece) = (task as usize / per_clip, task as usize % per_clip);
            // SAFETY: the caller's promise.
            unsafe {
                if entered.replace(clip) != Some(clip) {
                    work.enter::<V, D>(clip);
                }
                for step in work.strips.steps(piece, args.shape.t()) {
                    if D::SUMS && step.frame == 0 {
                        let terms = work.terms_of(&step.strip);
                        if work.terms + terms > TERMS {
                            work.leave::<V>((clip, piece));
                        }
                        work.terms += terms;
                    }
                    work.step::<V, J, D>(maps, clip, &step);
                }
                if D::SUMS {
                    work.leave::<V>((clip, piece));
                }
            }
        }
    }
}

/// Works on tasks with whole vectors, or with halves where those fit and whole ones do not.
#[inline(always)]
unsafe fn run<E: Element, V: Vector<E>, D: Direction>(
    args: &Interlace,
    maps: (*const E, *mut E),
    tasks: Range<i64>,
) {
    let halves = !is_of_position::<E, V>(args) && is_of_position::<E, V::Half>(args);
    // SAFETY: the caller's promise.
    unsafe {
        match (halves, args.shape.streams(size_of::<E>())) {
            (false, false) => Workspace::run::<V, Apart<false>, D>(args, maps, tasks),
            (false, true) => Workspace::run::<V, Apart<true>, D>(args, maps, tasks),
            (true, false) => Workspace::run::<V::Half, Apart<false>, D>(args, maps, tasks),
            (true, true) => Workspace::run::<V::Half, V::Join, D>(args, maps, tasks),
        }
    }
}

/// Forward.
///
/// # Safety
/// As [`Kernel::run`](super::isa::Kernel::run).
#[inline(always)]
pub(super) unsafe fn forward<E: Element, V: Vector<E>>(args: &Interlace, tasks: Range<i64>) {
    // SAFETY: the caller's promise.
    unsafe { run::<E, V, Onwards>(args, (args.x.cast(), args.y.cast()), tasks) };
}

/// Backward.
///
/// # Safety
/// As [`forward`].
#[inline(always)]
pub(super) unsafe fn backward<E: Element, V: Vector<E>>(args: &Interlace, tasks: Range<i64>) {
    // SAFETY: the caller's promise.
    unsafe { run::<E, V, Back>(args, (args.grad.cast(), args.grad_x.cast()), tasks) };
}
