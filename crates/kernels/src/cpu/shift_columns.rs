//! TSM position by position: columns of a few neighbouring bytes that walk through time, each frame
//! of which gets its bytes from the frame after it, the one before, and its own.

use std::ops::Range;

use super::bits::Bits;
use super::columns::{AHEAD, blocks, look_ahead, stretches};
use super::rows::Strips;
use super::shape::{LINE, is_just_behind};
use super::shift::Shift;

/// Frames that a column passes at once: as many as there are registers for.
const FRAMES: usize = 8;
const FEWER: usize = 4;

/// Which bytes of a column come from the frame after its own, and which from the one before.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
struct Masks {
    after: [u8; LINE],
    before: [u8; LINE],
}

impl Masks {
    /// Those of a column of which the bytes up to the first end move one way, and from there up to the
    /// second the other way.
    fn of(ends: [usize; 2], forward: bool) -> Self {
        let bytes = |range: Range<usize>| {
            std::array::from_fn(|at| if range.contains(&at) { u8::MAX } else { 0 })
        };
        let (one, other) = (bytes(0..ends[0]), bytes(ends[0]..ends[1]));
        let (after, before) = if forward { (one, other) } else { (other, one) };
        Self { after, before }
    }
}

/// The frames of one clip from the start of a strip on.
struct Maps {
    x: *const u8,
    y: *mut u8,
    frames: usize,
    /// Bytes from one frame to the next.
    frame: usize,
}

/// What one call of the loop works with.
pub(super) struct Columns<'a> {
    args: &'a Shift,
    strips: Strips,
    /// The masks of each column of a strip, as places in `masks`: a row has five kinds at most.
    kinds: Vec<u8>,
    masks: Vec<Masks>,
    streams: bool,
    /// Whether the work goes from the last column to the first (see [`is_just_behind`]).
    falls: bool,
}

impl<'a> Columns<'a> {
    /// The columns of maps whose rows are whole ones; else none. Nor are there any where something lies
    /// beyond the clip.
    pub fn of<B: Bits>(args: &'a Shift, strips: Strips) -> Option<Self> {
        let (width, c) = (args.width as usize, args.shape.c());
        let (row, streams) = (c * width, args.shape.streams(width));
        let is_aligned = !streams || args.y.addr().is_multiple_of(B::BYTES);
        if !args.edge.is_null() || !row.is_multiple_of(B::BYTES) || !is_aligned {
            return None;
        }
        let [moved, end, _] = args.ends().map(|end| end * width);
        let (mut kinds, mut seen, mut masks) = (Vec::new(), Vec::new(), Vec::new());
        for start in (0..row).step_by(B::BYTES) {
            // How many bytes of the column belong to the first segment, and to both that move.
            let ends = [moved, end].map(|end| end.saturating_sub(start).min(B::BYTES));
            let kind = seen.iter().position(|other| *other == ends).unwrap_or_else(|| {
                seen.push(ends);
                masks.push(Masks::of(ends, args.step > 0));
                masks.len() - 1
            });
            kinds.push(u8::try_from(kind).ok()?);
        }
        let kinds = kinds.repeat(strips.longest());
        let falls = is_just_behind(args.x, args.y);
        Some(Self { args, strips, kinds, masks, streams, falls })
    }

    /// All tasks of a range.
    ///
    /// # Safety
    /// As [`Kernel::run`](super::isa::Kernel::run).
    #[inline(always)]
    pub unsafe fn tasks<B: Bits>(&self, tasks: Range<i64>) {
        let (args, per_clip) = (self.args, self.strips.per_clip());
        let (width, t) = (args.width as usize, args.shape.t());
        let (row, frame) = (args.shape.c() * width, args.shape.frame() * width);
        let sum = tasks.start + tasks.end - 1;
        for task in tasks {
            let task = if self.falls { sum - task } else { task } as usize;
            let (clip, piece) = (task / per_clip, task % per_clip);
            let strips = self.strips.of_task(piece);
            let count = strips.len();
            for index in 0..count {
                let index = if self.falls { count - 1 - index } else { index };
                let strip = strips.get(index);
                let at = clip * t * frame + strip.start * row;
                let maps = Maps {
                    x: args.x.cast::<u8>().wrapping_add(at),
                    y: args.y.cast::<u8>().wrapping_add(at),
                    frames: t,
                    frame,
                };
                // SAFETY: the caller's promise; the strip lies inside the frame.
                unsafe {
                    if self.streams {
                        self.strip::<B, true>(&maps, strip.len() * row);
                    } else {
                        self.strip::<B, false>(&maps, strip.len() * row);
                    }
                }
            }
        }
    }

    /// All frames of a strip of `len` bytes.
    #[inline(always)]
    unsafe fn strip<B: Bits, const STREAM: bool>(&self, maps: &Maps, len: usize) {
        let sign = if self.falls { -1 } else { 1 };
        let most = if B::PARTS > 1 { FEWER } else { FRAMES };
        for frames in blocks(maps.frames, [most, FEWER]) {
            let first = frames.start;
            // After the last columns follow the first ones in the next frames, or else the next strip.
            let within = sign * AHEAD as isize;
            let beyond = if frames.end < maps.frames {
                within - sign * len as isize + (frames.len() * maps.frame) as isize
            } else {
                within - (first * maps.frame) as isize
            };
            for (range, ahead) in stretches(len, (1, B::BYTES), [within, beyond], self.falls) {
                // SAFETY: the caller's promise.
                unsafe {
                    match frames.len() {
                        FRAMES if B::PARTS == 1 => {
                            self.walk::<B, STREAM, FRAMES>(maps, first, range, ahead);
                        }
                        1 => self.walk::<B, STREAM, 1>(maps, first, range, ahead),
                        _ => self.walk::<B, STREAM, FEWER>(maps, first, range, ahead),
                    }
                }
            }
        }
    }

    /// Some columns of `N` frames.
    ///
    /// All frames of a column lie at the same place of a page, and a processor takes a load from there
    /// for one of what was just stored there: so nothing is stored before all is loaded.
    #[inline(always)]
    unsafe fn walk<B: Bits, const STREAM: bool, const N: usize>(
        &self,
        maps: &Maps,
        first: usize,
        range: Range<usize>,
        ahead: isize,
    ) {
        let (kinds, masks) = (self.kinds.as_ptr(), self.masks.as_ptr());
        let columns = range.len() / B::BYTES;
        // SAFETY: the caller's promise; every column has a kind, and every kind masks.
        unsafe {
            let load = |t: usize, at: usize, is_new: bool| {
                if t >= maps.frames {
                    return B::zero();
                }
                let from = maps.x.add(t * maps.frame + at);
                if is_new {
                    look_ahead(from, ahead);
                }
                B::load(from)
            };
            for column in 0..columns {
                let column = if self.falls { columns - 1 - column } else { column };
                let at = range.start + column * B::BYTES;
                let Masks { after, before } = &*masks.add(usize::from(*kinds.add(at / B::BYTES)));
                let (after, before) = (B::load(after.as_ptr()), B::load(before.as_ptr()));
                // Later on these are frames of the block before.
                let mut last = load(first.wrapping_sub(1), at, false);
                let mut here = load(first, at, first == 0);
                let mut results = [here; N];
                for (index, result) in results.iter_mut().enumerate() {
                    let next = load(first + index + 1, at, true);
                    *result = next.pick(after, last.pick(before, here));
                    (last, here) = (here, next);
                }
                for (index, result) in results.into_iter().enumerate() {
                    result.put::<STREAM>(maps.y.add((first + index) * maps.frame + at));
                }
            }
        }
    }
}
