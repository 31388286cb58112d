//! The loops of TIN position by position, where rows are no whole columns (else see
//! [`Columns`]).
//!
//! With the channels that move put together for each frame, `n[t]` of the frames `t - b` of each
//! group, the older frame of a group's pair is the newer one of the frame before: `y[t] = w[t]
//! ((1-f) n[t] + f n[t-1])`. Backward it is `n[s]` of the upstream gradient's frames `s + b + 1`.

use std::ops::Range;

use super::interlace::Interlace;
use super::interlace_blocks::{Back, Block, Direction, LANES, Lanes, MOST, Onwards, TERMS};
use super::interlace_columns::Columns;
use super::join::{Apart, Join};
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
    lanes: Lanes<E::Acc>,
    /// The moved channels of this frame's sources, of those of the one before, and of `x`, put
    /// together.
    rows: [Buffer; 3],
    mixed: Buffer,
    /// What there is beyond the clip.
    blank: Buffer,
}

impl<'a, E: Element> Workspace<'a, E> {
    fn new(args: &'a Interlace, target: *const u8) -> Self {
        let (strips, width) = (args.strips(), size_of::<E>());
        let (fold, c) = (args.fold as usize, args.shape.c());
        let (longest, streams) = (strips.longest(), args.shape.streams(width));
        let blocks = args.blocks(longest);
        // The last vector may reach beyond the last position.
        let room = || Buffer::new((longest * fold + LANES) * width);
        Self {
            args,
            strips,
            writer: Writer::new((c * width, fold * width), streams, target, longest),
            lanes: Lanes::new(args, &blocks),
            blocks,
            rows: [room(), room(), room()],
            mixed: room(),
            blank: Buffer::new(args.run() * width),
        }
    }

    /// The strip's first element in a frame.
    fn at(args: &Interlace, clip: usize, frame: usize, strip: &Range<usize>) -> usize {
        let shape = &args.shape;
        (clip * shape.t() + frame) * shape.frame() + strip.start * shape.c()
    }

    /// Puts the newer rows of a frame together; those there were become the older ones.
    #[inline(always)]
    unsafe fn advance<D: Direction>(
        &mut self,
        map: *const E,
        (clip, frame): (usize, isize),
        strip: &Range<usize>,
    ) {
        let (args, width, blank) = (self.args, size_of::<E>(), self.blank.start::<E>());
        let (run, fold, c) = (args.run(), args.fold as usize, args.shape.c());
        self.rows.swap(0, 1);
        let rows = self.rows[0].start::<E>();
        for group in 0..args.g() {
            let (start, stride) = match args.inside(D::source(frame, self.lanes.wholes[group])) {
                Some(frame) => {
                    let start = map.wrapping_add(Self::at(args, clip, frame, strip) + group * run);
                    (start, c * width)
                }
                None => (blank.cast_const(), 0),
            };
            let to = rows.wrapping_add(group * run).cast();
            // SAFETY: the caller's map holds the strip of every frame of the clip.
            unsafe {
                copy_pieces((start.cast(), stride), (to, fold * width), run * width, strip.len());
            };
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
    ///
    /// From the last row to the first, as the columns go: sums have one order that way.
    #[inline(always)]
    unsafe fn mix<V: Vector<E>, D: Direction>(&mut self, frame: usize, positions: usize) {
        let (count, end) = (LANES / V::LANES, positions * self.args.fold as usize);
        let (slot, older) = self.lanes.slot(frame);
        let mixed = self.mixed.start::<E>();
        let [new, old, x] = self.rows.each_mut().map(Buffer::start::<E>);
        for (index, block) in self.blocks.iter().enumerate().rev() {
            let first = slot + index * LANES;
            let rows = end.saturating_sub(block.start).div_ceil(block.stride);
            // SAFETY: slots lie inside scales and sums, and rows have room for whole vectors.
            unsafe {
                let (scales, sums) = (self.lanes.scales().add(first), self.lanes.sums().add(first));
                let scales = Lanes::load(scales, older);
                let mut totals = [[V::splat(E::Acc::ZERO); 2]; MOST];
                if D::SUMS {
                    totals = Lanes::load(sums, older);
                }
                for row in (0..rows).rev().map(|row| block.start + row * block.stride) {
                    for near in (0..block.near).rev().map(|near| row + near * LANES) {
                        for (lane, totals) in totals.iter_mut().enumerate().take(count).rev() {
                            let at = near + lane * V::LANES;
                            if at >= end {
                                continue;
                            }
                            let (new, old) = (V::load(new.add(at)), V::load(old.add(at)));
                            if D::SUMS {
                                let x = V::load(x.add(at));
                                totals[0] = new.fused(x, totals[0]);
                                totals[1] = old.fused(x, totals[1]);
                            }
                            let result = new.fused(scales[lane][0], old.mul(scales[lane][1]));
                            result.put::<false>(mixed.add(at));
                        }
                    }
                }
                if D::SUMS {
                    Lanes::store(totals, sums, older);
                }
            }
        }
    }

    /// One frame of a strip.
    #[inline(always)]
    unsafe fn step<V, D>(&mut self, maps: (*const E, *mut E), clip: usize, step: &Step)
    where
        V: Vector<E>,
        D: Direction,
    {
        let (args, frame, strip) = (self.args, step.frame, &step.strip);
        let (at, count) = (Self::at(args, clip, frame, strip), strip.len());
        let [row, moved] = [args.shape.c(), args.fold as usize].map(|it| it * size_of::<E>());
        let x = args.x.cast::<E>();
        // SAFETY: the caller's promise; every strip lies inside the frame.
        unsafe {
            if frame == 0 {
                self.clear_rest(strip);
                self.advance::<D>(maps.0, (clip, -1), strip);
            }
            self.advance::<D>(maps.0, (clip, frame as isize), strip);
            if D::SUMS {
                let to = (self.rows[2].start(), moved);
                copy_pieces((x.add(at).cast(), row), to, moved, count);
            }
            self.mix::<V, D>(frame, count);
            let ahead = Self::at(args, clip, step.ahead.0, &step.ahead.1);
            let ahead =
                |map: *const E, bytes| Ahead { start: map.wrapping_add(ahead).cast(), row, bytes };
            let ahead = [ahead(maps.0, row), ahead(x, if D::SUMS { moved } else { 0 })];
            let (from, to) = (maps.0.add(at).cast(), maps.1.add(at).cast());
            self.writer.write::<E, V>(self.mixed.start(), from, to, count, ahead);
        }
    }

    #[inline(always)]
    unsafe fn tasks<V, D>(args: &'a Interlace, maps: (*const E, *mut E), tasks: Range<i64>)
    where
        V: Vector<E>,
        D: Direction,
    {
        let mut work = Self::new(args, maps.1.cast());
        let (per_clip, mut entered) = (work.strips.per_clip(), None);
        for task in tasks {
            let (clip, piece) = (task as usize / per_clip, task as usize % per_clip);
            // SAFETY: the caller's promise.
            unsafe {
                if entered.replace(clip) != Some(clip) {
                    work.lanes.enter::<E, V, D>(args, clip);
                }
                for step in work.strips.steps(piece, args.shape.t()) {
                    if D::SUMS && step.frame == 0 {
                        let terms = args.terms_of(&work.blocks, step.strip.len());
                        work.lanes.turn::<E, V>(args, (clip, piece), terms);
                    }
                    work.step::<V, D>(maps, clip, &step);
                }
                if D::SUMS {
                    work.lanes.leave::<E, V>(args, (clip, piece));
                }
            }
        }
    }
}

/// Works on tasks in columns, if there are such.
#[inline(always)]
unsafe fn columns<E: Element, V: Vector<E>, J: Join<E, V>, D: Direction>(
    args: &Interlace,
    maps: (*const E, *mut E),
    tasks: Range<i64>,
) -> bool {
    let Some(mut columns) = Columns::<E>::of::<V, J>(args, maps) else { return false };
    // SAFETY: the caller's promise.
    unsafe { columns.tasks::<V, J, D>(tasks) };
    true
}

/// Works on tasks with whole vectors, or with halves where those fit and whole ones do not.
#[inline(always)]
unsafe fn run<E: Element, V: Vector<E>, D: Direction>(
    args: &Interlace,
    maps: (*const E, *mut E),
    tasks: Range<i64>,
) {
    let halves = V::Half::LANES < V::LANES && !(args.fold as usize).is_multiple_of(V::LANES);
    // SAFETY: the caller's promise.
    unsafe {
        let done = if halves {
            columns::<E, V::Half, V::Join, D>(args, maps, tasks.clone())
        } else {
            columns::<E, V, Apart, D>(args, maps, tasks.clone())
        };
        if !done {
            Workspace::<E>::tasks::<V, D>(args, maps, tasks);
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
