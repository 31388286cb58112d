//! The loops of TSM: exact copies, so only the width of an element matters.

use std::ffi::c_void;
use std::ops::Range;

use super::isa::Kernel;
use super::shape::Shape;
use super::vector::{Element, Vector, copy};

/// Bytes of a frame that one task of the channel-by-channel form copies.
const PIECE: usize = 1 << 16;

/// Arguments of the shift, shared with `csrc/ops.h`.
///
/// Channels `0..fold` come from frame `t + step`, channels `fold..2*fold` from `t - step`, or
/// from `t` if `one_way`; the rest from `t`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Shift {
    /// Shape of `x` and `y`.
    pub shape: Shape,
    /// Channels that move one way.
    pub fold: i64,
    /// 1 or -1.
    pub step: i64,
    /// 1: only the first `fold` channels move.
    pub one_way: i64,
    /// Bytes of an element: 2, 4 or 8.
    pub width: i64,
    /// Source.
    pub x: *const c_void,
    /// What the first `fold` channels are beyond the clip, `[N, fold, H, W]` in the layout of
    /// `x`; null for zeros.
    pub edge: *const c_void,
    /// Target.
    pub y: *mut c_void,
}

impl Shift {
    /// Elements of a frame per task.
    fn piece(&self) -> usize {
        if self.shape.is_channels_last() {
            self.shape.chunk_positions() * self.shape.c()
        } else {
            PIECE / self.width as usize
        }
    }

    fn per_clip(&self) -> usize {
        self.shape.frame().div_ceil(self.piece().max(1))
    }

    /// Independent tasks of the loop.
    pub fn tasks(&self) -> i64 {
        if self.shape.is_empty() { 0 } else { self.shape.clips * self.per_clip() as i64 }
    }

    /// Where elements `at..` of a frame come from; `segment` 0 and 1 move, 2 stays.
    ///
    /// None means zeros.
    #[inline(always)]
    fn source(&self, clip: usize, frame: usize, segment: usize, at: usize) -> Option<*const u8> {
        let (t, width) = (self.shape.t(), self.width as usize);
        let step = match segment {
            0 => self.step as isize,
            1 => -(self.step as isize),
            _ => 0,
        };
        let from = frame as isize + step;
        if (0..t as isize).contains(&from) {
            let offset = (clip * t + from as usize) * self.shape.frame() + at;
            // SAFETY: the offset lies inside `x`.
            return Some(unsafe { self.x.cast::<u8>().add(offset * width) });
        }
        if segment != 0 || self.edge.is_null() {
            return None;
        }
        let (fold, c, s) = (self.fold as usize, self.shape.c(), self.shape.s());
        let inside = if self.shape.is_channels_last() { at / c * fold + at % c } else { at };
        // SAFETY: `edge` holds `[N, fold, H, W]`.
        Some(unsafe { self.edge.cast::<u8>().add((clip * fold * s + inside) * width) })
    }

    /// Ends of the three segments, in channels.
    #[inline(always)]
    fn ends(&self) -> [usize; 3] {
        let fold = self.fold as usize;
        [fold, if self.one_way == 0 { 2 * fold } else { fold }, self.shape.c()]
    }

    #[inline(always)]
    unsafe fn target(&self, clip: usize, frame: usize, at: usize) -> *mut u8 {
        let offset = (clip * self.shape.t() + frame) * self.shape.frame() + at;
        // SAFETY: the offset lies inside `y`.
        unsafe { self.y.cast::<u8>().add(offset * self.width as usize) }
    }
}

/// The loop.
pub(crate) struct Copies<'a>(pub &'a Shift);

impl Kernel for Copies<'_> {
    #[inline(always)]
    unsafe fn run<E: Element, V: Vector<E>>(&self, tasks: Range<i64>) {
        let (args, piece, per_clip) = (self.0, self.0.piece(), self.0.per_clip());
        let stream = args.shape.streams(args.width as usize);
        for task in tasks {
            let (clip, part) = (task as usize / per_clip, task as usize % per_clip);
            let range = part * piece..((part + 1) * piece).min(args.shape.frame());
            for frame in 0..args.shape.t() {
                // SAFETY: the caller's promise; the range lies inside the frame.
                unsafe {
                    if args.shape.is_channels_last() {
                        positions::<E, V>(args, clip, frame, &range, stream);
                    } else {
                        planes::<E, V>(args, clip, frame, &range, stream);
                    }
                }
            }
        }
        // SAFETY: `V` is supported.
        unsafe { V::fence() };
    }
}

#[inline(always)]
unsafe fn planes<E: Element, V: Vector<E>>(
    args: &Shift,
    clip: usize,
    frame: usize,
    range: &Range<usize>,
    stream: bool,
) {
    let (s, width) = (args.shape.s(), args.width as usize);
    let mut at = range.start;
    for (segment, end) in args.ends().into_iter().enumerate() {
        let stop = (end * s).min(range.end);
        if at >= stop {
            continue;
        }
        let bytes = (stop - at) * width;
        // SAFETY: source and target hold the segment.
        unsafe {
            let to = args.target(clip, frame, at);
            match args.source(clip, frame, segment, at) {
                Some(from) => copy::<E, V>(from, to, bytes, stream),
                None => to.write_bytes(0, bytes),
            }
        }
        at = stop;
    }
}

#[inline(always)]
unsafe fn positions<E: Element, V: Vector<E>>(
    args: &Shift,
    clip: usize,
    frame: usize,
    range: &Range<usize>,
    stream: bool,
) {
    let (c, width, ends) = (args.shape.c(), args.width as usize, args.ends());
    let starts = [0, ends[0], ends[1]];
    let rows = range.len() / c;
    // The segment that stays comes first: it touches most of each row, in order.
    for segment in [2, 0, 1] {
        let (start, bytes) = (starts[segment], (ends[segment] - starts[segment]) * width);
        if bytes == 0 {
            continue;
        }
        let at = range.start + start;
        let source = args.source(clip, frame, segment, at);
        let inside = (0..args.shape.t() as isize).contains(
            &(frame as isize
                + match segment {
                    0 => args.step as isize,
                    1 => -(args.step as isize),
                    _ => 0,
                }),
        );
        let stride = if inside { c } else { args.fold as usize } * width;
        for row in 0..rows {
            // SAFETY: row by row inside source and target.
            unsafe {
                let to = args.target(clip, frame, at + row * c);
                match source {
                    Some(from) => copy::<E, V>(from.add(row * stride), to, bytes, stream),
                    None => to.write_bytes(0, bytes),
                }
            }
        }
    }
}
