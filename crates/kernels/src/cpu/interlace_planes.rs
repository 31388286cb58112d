//! The loops of TIN channel by channel.
//!
//! A task passes neighbouring elements of one group through all frames, or copies neighbouring
//! elements of channels that stay in one frame.

use std::ops::Range;

use super::interlace::Interlace;
use super::interlace_blocks::{LANES, MOST};
use super::shape::CHUNK;
use super::vector::{Accumulator, Element, Vector, copy, foresee, head};

/// Bytes that a task copies.
const COPIED: usize = 1 << 16;

/// Frames from when a piece is asked for until it is needed.
const AHEAD: isize = 2;

/// How one clip is cut.
pub(super) struct Planes {
    /// Tasks of one group.
    pub pieces: usize,
    /// Tasks of all groups, and those of the channels that stay.
    moved: usize,
    kept: usize,
    /// Elements of a frame that stay, and how many of them a task copies.
    stay: usize,
    copied: usize,
}

impl Planes {
    /// Tasks of one clip.
    pub fn per_clip(&self) -> usize {
        self.moved + self.kept
    }
}

impl Interlace {
    /// How the planes of a clip are cut into tasks.
    pub(super) fn planes(&self) -> Planes {
        let pieces = self.run().div_ceil(CHUNK);
        let stay = self.shape.frame() - self.fold as usize * self.shape.s();
        let copied = COPIED / self.shape.width();
        let kept = self.shape.t() * stay.div_ceil(copied);
        Planes { pieces, moved: self.g() * pieces, kept, stay, copied }
    }
}

/// A task: neighbouring elements of a group, the same in every frame, or of one frame.
struct Piece {
    clip: usize,
    part: Part,
    /// Flat elements of a frame.
    range: Range<usize>,
}

enum Part {
    /// Of a group, and the piece's number in it.
    Moved { group: usize, number: usize },
    /// Of the channels of a frame that stay.
    Kept { frame: usize },
}

impl Piece {
    fn of(args: &Interlace, planes: &Planes, task: i64) -> Self {
        let (per_clip, run) = (planes.per_clip(), args.run());
        let (clip, part) = (task as usize / per_clip, task as usize % per_clip);
        // Moved and kept pieces take turns in the proportion of their numbers, since they differ
        // in work and every thread takes neighbouring tasks.
        let moved = part * planes.moved / per_clip;
        if (part + 1) * planes.moved / per_clip > moved {
            let (group, number) = (moved / planes.pieces, moved % planes.pieces);
            let (first, end) = (group * run + number * CHUNK, (group + 1) * run);
            let range = first..end.min(first + CHUNK);
            return Self { clip, part: Part::Moved { group, number }, range };
        }
        let (kept, per_frame) = (part - moved, planes.stay.div_ceil(planes.copied));
        let first = args.g() * run + kept % per_frame * planes.copied;
        let range = first..args.shape.frame().min(first + planes.copied);
        Self { clip, part: Part::Kept { frame: kept / per_frame }, range }
    }
}

/// What one call of a loop works with.
struct Work<'a, E: Element> {
    args: &'a Interlace,
    streams: bool,
    /// What there is beyond the clip.
    blank: Vec<E>,
}

impl<'a, E: Element> Work<'a, E> {
    fn new(args: &'a Interlace) -> Self {
        // SAFETY: all bits zero is the number zero in every element type.
        let blank = vec![unsafe { std::mem::zeroed::<E>() }; CHUNK];
        Self { args, streams: args.shape.streams(size_of::<E>()), blank }
    }

    /// Where the piece starts in a frame.
    fn at(&self, piece: &Piece, frame: usize) -> usize {
        let shape = &self.args.shape;
        (piece.clip * shape.t() + frame) * shape.frame() + piece.range.start
    }

    /// The piece in a frame of a map, or nothing but zeros.
    unsafe fn source(&self, map: *const E, piece: &Piece, frame: Option<usize>) -> *const E {
        match frame {
            // SAFETY: the caller's map holds all frames.
            Some(frame) => unsafe { map.add(self.at(piece, frame)) },
            None => self.blank.as_ptr(),
        }
    }

    /// The piece in a frame that will be needed soon, given the one of now: in the next piece, if
    /// the clip ends before.
    fn ahead(&self, map: *const E, piece: &Piece, frame: isize) -> *const u8 {
        let (t, next) = (self.args.shape.t() as isize, frame + AHEAD);
        let further = if next < t { 0 } else { piece.range.len() };
        let at = self.at(piece, next.rem_euclid(t) as usize) + further;
        map.wrapping_add(at).cast()
    }

    /// Copies what stays in a frame.
    #[inline(always)]
    unsafe fn keep<V: Vector<E>>(
        &self,
        (from, to): (*const E, *mut E),
        piece: &Piece,
        frame: usize,
    ) {
        let at = self.at(piece, frame);
        // SAFETY: both maps hold the piece.
        unsafe {
            let (from, to) = (from.add(at).cast(), to.add(at).cast());
            copy::<E, V>(from, to, piece.range.len() * size_of::<E>(), self.streams);
        }
    }

    #[inline(always)]
    unsafe fn forward<V: Vector<E>>(&self, piece: &Piece, group: usize) {
        let (args, len) = (self.args, piece.range.len());
        let (x, y) = (args.x.cast::<E>(), args.y.cast::<E>());
        for t in 0..args.shape.t() {
            // SAFETY: the caller's promise.
            unsafe {
                let shift = args.shift_of::<E::Acc>(piece.clip, group);
                let weight = args.weight::<E::Acc>(piece.clip, t, group);
                let from = t as isize - shift.whole;
                let sources = [from, from - 1].map(|from| self.source(x, piece, args.inside(from)));
                let scales = [weight.times(shift.near), weight.times(shift.far)];
                let to = y.add(self.at(piece, t));
                let ahead = self.ahead(x, piece, from);
                let start = if self.streams { head::<E, V>(to, len) } else { 0 };
                blend::<E, E::Acc, false>(sources, scales, to, 0..start, ahead);
                let done = if self.streams {
                    blend::<E, V, true>(sources, scales, to, start..len, ahead)
                } else {
                    blend::<E, V, false>(sources, scales, to, start..len, ahead)
                };
                blend::<E, E::Acc, false>(sources, scales, to, done..len, ahead);
            }
        }
    }

    #[inline(always)]
    unsafe fn backward<V: Vector<E>>(&self, piece: &Piece, group: usize, number: usize) {
        let (args, len) = (self.args, piece.range.len());
        let partial = args.sums_at(piece.clip, number, group);
        for s in 0..args.shape.t() {
            // SAFETY: the caller's promise.
            unsafe {
                let shift = args.shift_of::<E::Acc>(piece.clip, group);
                let to = s as isize + shift.whole;
                let meets = [args.inside(to), args.inside(to + 1)];
                let scale = |met: Option<usize>, share: E::Acc| match met {
                    Some(t) => args.weight::<E::Acc>(piece.clip, t, group).times(share),
                    // Not zero if the offset is no number: the gradient is none either.
                    None => E::Acc::ZERO.times(share),
                };
                let scales = [scale(meets[0], shift.near), scale(meets[1], shift.far)];
                let [near, far] = meets.map(|met| self.source(args.grad.cast(), piece, met));
                let at = self.at(piece, s);
                let sources = [near, far, args.x.cast::<E>().add(at)];
                let gx = args.grad_x.cast::<E>().add(at);
                let ahead = [
                    self.ahead(args.grad.cast(), piece, to + 1),
                    self.ahead(args.x.cast(), piece, s as isize),
                ];
                let mut sums = Sums::new(if self.streams { head::<E, V>(gx, len) } else { 0 });
                let start = sums.start;
                spread_singly(sources, scales, gx, 0..start, &mut sums);
                let done = if self.streams {
                    spread::<E, V, true>(sources, scales, gx, len, (ahead, &mut sums))
                } else {
                    spread::<E, V, false>(sources, scales, gx, len, (ahead, &mut sums))
                };
                spread_singly(sources, scales, gx, done..len, &mut sums);
                for (met, (side, total)) in meets.into_iter().zip(sums.totals().enumerate()) {
                    if let Some(t) = met {
                        *args.partial.add(partial + 2 * t + side) = total;
                    }
                }
            }
        }
    }
}

/// Sums of a piece in [`LANES`] accumulators: element `i` adds to number `i` modulo that, in whatever
/// vectors and from whichever element on they are aligned.
struct Sums<A> {
    /// Where vectors start: its accumulators are the first ones.
    start: usize,
    sides: [[A; LANES]; 2],
}

impl<A: Accumulator> Sums<A> {
    fn new(start: usize) -> Self {
        Self { start, sides: [[A::ZERO; LANES]; 2] }
    }

    /// Where the accumulators of an element are.
    fn place(&self, element: usize) -> usize {
        (element + LANES - self.start % LANES) % LANES
    }

    /// The sums of both sides, in one order.
    fn totals(&self) -> impl Iterator<Item = f64> {
        self.sides.iter().map(|side| (0..LANES).map(|at| side[self.place(at)].to_f64()).sum())
    }
}

/// `to = a near + b far`.
#[inline(always)]
unsafe fn blend<E: Element, V: Vector<E>, const STREAM: bool>(
    [near, far]: [*const E; 2],
    scales: [E::Acc; 2],
    to: *mut E,
    range: Range<usize>,
    ahead: *const u8,
) -> usize {
    let mut at = range.start;
    // SAFETY: the promise of `forward`.
    unsafe {
        let [a, b] = scales.map(|scale| V::splat(scale));
        while at + V::LANES <= range.end {
            if V::LANES > 1 {
                foresee::<false>(ahead.wrapping_add(at * size_of::<E>()));
            }
            let sum = V::load(near.add(at)).mul(a).add(V::load(far.add(at)).mul(b));
            sum.put::<STREAM>(to.add(at));
            at += V::LANES;
        }
    }
    at
}

/// `gx = a near + b far`, and the sums of `near x` and `far x`, of whole vectors from the first that is
/// aligned.
#[inline(always)]
unsafe fn spread<E: Element, V: Vector<E>, const STREAM: bool>(
    [near, far, x]: [*const E; 3],
    scales: [E::Acc; 2],
    gx: *mut E,
    len: usize,
    (ahead, sums): ([*const u8; 2], &mut Sums<E::Acc>),
) -> usize {
    let (mut at, count) = (sums.start, LANES / V::LANES);
    let [near_sums, far_sums] = &mut sums.sides;
    // SAFETY: the promise of `backward`; `LANES` is a multiple of that of every vector.
    unsafe {
        let [a, b] = scales.map(|scale| V::splat(scale));
        let mut totals = [[V::splat(E::Acc::ZERO); 2]; MOST];
        for (lane, totals) in totals.iter_mut().enumerate().take(count) {
            let sums = [&near_sums, &far_sums].map(|sums| sums.as_ptr().add(lane * V::LANES));
            *totals = sums.map(|sums| V::load_acc(sums));
        }
        while at + V::LANES <= len {
            for [near_sum, far_sum] in totals.iter_mut().take(count) {
                if at + V::LANES > len {
                    break;
                }
                for ahead in ahead {
                    foresee::<false>(ahead.wrapping_add(at * size_of::<E>()));
                }
                let here = V::load(x.add(at));
                let (early, late) = (V::load(near.add(at)), V::load(far.add(at)));
                let sum = early.mul(a).add(late.mul(b));
                sum.put::<STREAM>(gx.add(at));
                *near_sum = near_sum.add(early.mul(here));
                *far_sum = far_sum.add(late.mul(here));
                at += V::LANES;
            }
        }
        for (lane, [near_sum, far_sum]) in totals.into_iter().enumerate().take(count) {
            near_sum.store_acc(near_sums.as_mut_ptr().add(lane * V::LANES));
            far_sum.store_acc(far_sums.as_mut_ptr().add(lane * V::LANES));
        }
    }
    at
}

/// As [`spread`], of the elements in front of whole vectors and after them.
#[inline(always)]
unsafe fn spread_singly<E: Element>(
    [near, far, x]: [*const E; 3],
    [a, b]: [E::Acc; 2],
    gx: *mut E,
    range: Range<usize>,
    sums: &mut Sums<E::Acc>,
) {
    for at in range {
        // SAFETY: the promise of `backward`; single elements need no instruction set.
        unsafe {
            let [early, late, here] =
                [near, far, x].map(|map| <E::Acc as Vector<E>>::load(map.add(at)));
            let sum = early.times(a).plus(late.times(b));
            <E::Acc as Vector<E>>::put::<false>(sum, gx.add(at));
            let place = sums.place(at);
            for (side, factor) in sums.sides.iter_mut().zip([early, late]) {
                side[place] = side[place].plus(factor.times(here));
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
    let (work, planes) = (Work::<E>::new(args), args.planes());
    for task in tasks {
        let piece = Piece::of(args, &planes, task);
        // SAFETY: the caller's promise; the piece lies inside the frame.
        unsafe {
            match piece.part {
                Part::Moved { group, .. } => work.forward::<V>(&piece, group),
                Part::Kept { frame } => {
                    work.keep::<V>((args.x.cast(), args.y.cast()), &piece, frame);
                }
            }
        }
    }
}

/// Backward.
///
/// # Safety
/// As [`forward`].
#[inline(always)]
pub(super) unsafe fn backward<E: Element, V: Vector<E>>(args: &Interlace, tasks: Range<i64>) {
    let (work, planes) = (Work::<E>::new(args), args.planes());
    for task in tasks {
        let piece = Piece::of(args, &planes, task);
        // SAFETY: as above.
        unsafe {
            match piece.part {
                Part::Moved { group, number } => work.backward::<V>(&piece, group, number),
                Part::Kept { frame } => {
                    work.keep::<V>((args.grad.cast(), args.grad_x.cast()), &piece, frame);
                }
            }
        }
    }
}
