//! The loops of TIN over tasks, frames and groups.

use std::ops::Range;

use super::interlace::Interlace;
use super::isa::Kernel;
use super::shape::CHUNK;
use super::vector::{Accumulator, Element, Vector, copy, head};

/// Accumulators that a sum is spread over.
const LANES: usize = 32;

/// A piece of one clip: rows of neighbouring elements, the same in every frame.
struct Piece {
    clip: usize,
    number: usize,
    /// Groups whose channels the piece holds.
    groups: Range<usize>,
    /// First flat element of the first row.
    start: usize,
    rows: usize,
    /// Elements from one row to the next.
    stride: usize,
    /// Elements of a row that belong to each group.
    moved: usize,
    /// Elements of a row that stay, and where they start relative to `start`.
    kept: usize,
    kept_at: usize,
}

impl Piece {
    fn of(args: &Interlace, task: i64) -> Self {
        let (clip, part) = (task as usize / args.per_clip(), task as usize % args.per_clip());
        let (c, s, fold) = (args.shape.c(), args.shape.s(), args.fold as usize);
        if args.shape.is_channels_last() {
            let positions = args.shape.chunk_positions();
            let first = part * positions;
            return Self {
                clip,
                number: part,
                groups: 0..args.g(),
                start: first * c,
                rows: positions.min(s - first),
                stride: c,
                moved: args.run(),
                kept: c - fold,
                kept_at: fold,
            };
        }
        let (pieces, run) = (args.pieces(), args.run());
        let empty = Self {
            clip,
            number: part % pieces.max(1),
            groups: 0..0,
            start: 0,
            rows: 1,
            stride: 0,
            moved: 0,
            kept: 0,
            kept_at: 0,
        };
        if part < args.g() * pieces {
            let (group, first) = (part / pieces, part % pieces * CHUNK);
            let groups = group..group + 1;
            return Self {
                groups,
                start: group * run + first,
                moved: CHUNK.min(run - first),
                ..empty
            };
        }
        let first = fold * s + (part - args.g() * pieces) * CHUNK;
        Self { start: first, kept: CHUNK.min(args.shape.frame() - first), ..empty }
    }

    /// First element of a group's part of the first row.
    #[inline(always)]
    fn group_at(&self, group: usize) -> usize {
        self.start + (group - self.groups.start) * self.moved
    }

    /// Copies what stays, from one pointer to the same frame of another.
    #[inline(always)]
    unsafe fn keep<E: Element, V: Vector<E>>(
        &self,
        from: *const E,
        to: *mut E,
        (frame, stream): (usize, bool),
    ) {
        if self.kept == 0 {
            return;
        }
        for row in 0..self.rows {
            let at = frame + self.start + row * self.stride + self.kept_at;
            // SAFETY: the caller's frame holds the row.
            unsafe {
                let (from, to) = (from.add(at).cast(), to.add(at).cast());
                copy::<E, V>(from, to, self.kept * size_of::<E>(), stream);
            }
        }
    }
}

/// Some rows of one frame, `stride` elements apart.
#[derive(Clone, Copy)]
struct Rows {
    count: usize,
    len: usize,
    stride: usize,
    /// Whether stores go past the caches.
    stream: bool,
}

/// The forward loop.
pub(crate) struct Forward<'a>(pub &'a Interlace);

impl Kernel for Forward<'_> {
    #[inline(always)]
    unsafe fn run<E: Element, V: Vector<E>>(&self, tasks: Range<i64>) {
        let (args, frame) = (self.0, self.0.shape.frame());
        let stream = args.shape.streams(size_of::<E>());
        let (x, y) = (args.x.cast::<E>(), args.y.cast::<E>());
        // SAFETY: all bits zero is the number zero in every element type.
        let blank = vec![unsafe { std::mem::zeroed::<E>() }; CHUNK.max(args.shape.c())];
        for task in tasks {
            let piece = Piece::of(args, task);
            let base = piece.clip * args.shape.t();
            for t in 0..args.shape.t() {
                // SAFETY: the caller's promise; the piece lies inside the frame.
                unsafe { piece.keep::<E, V>(x, y, ((base + t) * frame, stream)) };
                for group in piece.groups.clone() {
                    // SAFETY: as above; a missing frame is one blank row, read again and again.
                    unsafe {
                        let shift = args.shift_of::<E::Acc>(piece.clip, group);
                        let weight = args.weight::<E::Acc>(piece.clip, t, group);
                        let at = piece.group_at(group);
                        let source = |by: isize| match args.inside(t, by) {
                            Some(from) => (x.add((base + from) * frame + at), piece.stride),
                            None => (blank.as_ptr(), 0),
                        };
                        let sources = [source(-shift.whole), source(-shift.whole - 1)];
                        let scales = [weight.times(shift.near), weight.times(shift.far)];
                        let target = y.add((base + t) * frame + at);
                        let rows = Rows {
                            count: piece.rows,
                            len: piece.moved,
                            stride: piece.stride,
                            stream,
                        };
                        blend::<E, V>(sources, scales, target, rows);
                    }
                }
            }
        }
        // SAFETY: `V` is supported.
        unsafe { V::fence() };
    }
}

/// `to = a near + b far`.
#[inline(always)]
unsafe fn blend<E: Element, V: Vector<E>>(
    sources: [(*const E, usize); 2],
    scales: [E::Acc; 2],
    to: *mut E,
    rows: Rows,
) {
    // SAFETY: the caller's promise: every row holds `len` elements.
    unsafe {
        for row in 0..rows.count {
            let [near, far] = sources.map(|(from, stride)| from.add(row * stride));
            let to = to.add(row * rows.stride);
            let from = if rows.stream { head::<E, V>(to, rows.len) } else { 0 };
            blend_row::<E, E::Acc, false>([near, far], scales, to, 0..from);
            let done = if rows.stream {
                blend_row::<E, V, true>([near, far], scales, to, from..rows.len)
            } else {
                blend_row::<E, V, false>([near, far], scales, to, from..rows.len)
            };
            blend_row::<E, E::Acc, false>([near, far], scales, to, done..rows.len);
        }
    }
}

#[inline(always)]
unsafe fn blend_row<E: Element, V: Vector<E>, const STREAM: bool>(
    [near, far]: [*const E; 2],
    scales: [E::Acc; 2],
    to: *mut E,
    range: Range<usize>,
) -> usize {
    let mut at = range.start;
    // SAFETY: the promise of `blend`.
    unsafe {
        let [a, b] = scales.map(|scale| V::splat(scale));
        while at + V::LANES <= range.end {
            let sum = V::load(near.add(at)).mul(a).add(V::load(far.add(at)).mul(b));
            sum.put::<STREAM>(to.add(at));
            at += V::LANES;
        }
    }
    at
}

/// The backward loop.
pub(crate) struct Backward<'a>(pub &'a Interlace);

impl Kernel for Backward<'_> {
    #[inline(always)]
    unsafe fn run<E: Element, V: Vector<E>>(&self, tasks: Range<i64>) {
        let (args, frame) = (self.0, self.0.shape.frame());
        let stream = args.shape.streams(size_of::<E>());
        let (grad, gx) = (args.grad.cast::<E>(), args.grad_x.cast::<E>());
        // SAFETY: all bits zero is the number zero in every element type.
        let blank = vec![unsafe { std::mem::zeroed::<E>() }; CHUNK.max(args.shape.c())];
        for task in tasks {
            let piece = Piece::of(args, task);
            let base = piece.clip * args.shape.t();
            for s in 0..args.shape.t() {
                // SAFETY: the caller's promise; the piece lies inside the frame.
                unsafe { piece.keep::<E, V>(grad, gx, ((base + s) * frame, stream)) };
                for group in piece.groups.clone() {
                    // SAFETY: as above.
                    unsafe { backward_group::<E, V>(args, &piece, s, group, &blank) };
                }
            }
        }
        // SAFETY: `V` is supported.
        unsafe { V::fence() };
    }
}

#[inline(always)]
unsafe fn backward_group<E: Element, V: Vector<E>>(
    args: &Interlace,
    piece: &Piece,
    s: usize,
    group: usize,
    blank: &[E],
) {
    let (base, at) = (piece.clip * args.shape.t(), piece.group_at(group));
    let offset = |frame: usize| (base + frame) * args.shape.frame() + at;
    // SAFETY: the caller's promise.
    unsafe {
        let shift = args.shift_of::<E::Acc>(piece.clip, group);
        let meets = [args.inside(s, shift.whole), args.inside(s, shift.whole + 1)];
        let sources = meets.map(|met| match met {
            Some(t) => (args.grad.cast::<E>().add(offset(t)), piece.stride),
            None => (blank.as_ptr(), 0),
        });
        let scale = |met: Option<usize>, share: E::Acc| match met {
            Some(t) => args.weight::<E::Acc>(piece.clip, t, group).times(share),
            // Not zero if the offset is no number: the gradient is none either.
            None => E::Acc::ZERO.times(share),
        };
        let scales = [scale(meets[0], shift.near), scale(meets[1], shift.far)];
        let x = args.x.cast::<E>().add(offset(s));
        let gx = args.grad_x.cast::<E>().add(offset(s));
        let stream = args.shape.streams(size_of::<E>());
        let rows = Rows { count: piece.rows, len: piece.moved, stride: piece.stride, stream };
        let mut sums = [[E::Acc::ZERO; LANES]; 2];
        for row in 0..rows.count {
            let [near, far] = sources.map(|(from, stride)| from.add(row * stride));
            let (x, gx) = (x.add(row * rows.stride), gx.add(row * rows.stride));
            // Rows shorter than a vector take turns, so that no lane sums for all of them.
            let (sources, turn) = ([near, far, x], row % LANES);
            let from = if stream { head::<E, V>(gx, rows.len) } else { 0 };
            back_row::<E, E::Acc, false>(sources, scales, gx, 0..from, &mut sums, turn);
            let rest = from..rows.len;
            let done = if stream {
                back_row::<E, V, true>(sources, scales, gx, rest, &mut sums, 0)
            } else {
                back_row::<E, V, false>(sources, scales, gx, rest, &mut sums, 0)
            };
            back_row::<E, E::Acc, false>(sources, scales, gx, done..rows.len, &mut sums, turn);
        }
        let first = args.sums_at(piece.clip, piece.number, group);
        for (side, (met, lanes)) in meets.into_iter().zip(sums).enumerate() {
            if let Some(t) = met {
                let sum: f64 = lanes.iter().map(|lane| lane.to_f64()).sum();
                *args.partial.add(first + 2 * t + side) = sum;
            }
        }
    }
}

/// `gx = a near + b far`, and the sums of `near x` and `far x`, from lane `lane` on.
#[inline(always)]
unsafe fn back_row<E: Element, V: Vector<E>, const STREAM: bool>(
    [near, far, x]: [*const E; 3],
    scales: [E::Acc; 2],
    gx: *mut E,
    range: Range<usize>,
    sums: &mut [[E::Acc; LANES]; 2],
    lane: usize,
) -> usize {
    let mut at = range.start;
    // SAFETY: the promise of `backward_group`; `LANES` is at least that of every vector.
    unsafe {
        let [a, b] = scales.map(|scale| V::splat(scale));
        let mut near_sum = V::load_acc(sums[0].as_ptr().add(lane));
        let mut far_sum = V::load_acc(sums[1].as_ptr().add(lane));
        while at + V::LANES <= range.end {
            let here = V::load(x.add(at));
            let (early, late) = (V::load(near.add(at)), V::load(far.add(at)));
            let sum = early.mul(a).add(late.mul(b));
            sum.put::<STREAM>(gx.add(at));
            near_sum = near_sum.add(early.mul(here));
            far_sum = far_sum.add(late.mul(here));
            at += V::LANES;
        }
        near_sum.store_acc(sums[0].as_mut_ptr().add(lane));
        far_sum.store_acc(sums[1].as_mut_ptr().add(lane));
    }
    at
}
