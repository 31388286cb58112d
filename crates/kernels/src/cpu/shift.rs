//! The loops of TSM: exact copies, so only the width of an element matters.

use std::ffi::c_void;
use std::ops::Range;

use super::isa::Kernel;
use super::rows::{Ahead, Buffer, Step, Strips, Writer, copy_pieces};
use super::shape::Shape;
use super::shift_columns::Columns;
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

/// Where some neighbouring channels come from.
enum Source {
    /// A frame of the clip.
    Map(*const u8),
    /// What there is beyond the clip.
    Edge(*const u8),
    /// Zeros.
    Blank,
}

impl Shift {
    /// Elements of a frame per task, channel by channel.
    fn piece(&self) -> usize {
        PIECE / self.width as usize
    }

    fn per_clip(&self) -> usize {
        if self.shape.is_channels_last() {
            return self.strips().per_clip();
        }
        self.shape.frame().div_ceil(self.piece())
    }

    /// Independent tasks of the loop.
    pub fn tasks(&self) -> i64 {
        if self.shape.is_empty() { 0 } else { self.shape.clips * self.per_clip() as i64 }
    }

    /// How positions are cut into tasks.
    fn strips(&self) -> Strips {
        Strips::of(&self.shape, self.width as usize, usize::MAX)
    }

    /// Where elements `at..` of a frame come from; `segment` 0 and 1 move, 2 stays.
    #[inline(always)]
    fn source(&self, clip: usize, frame: usize, segment: usize, at: usize) -> Source {
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
            return Source::Map(unsafe { self.x.cast::<u8>().add(offset * width) });
        }
        if segment != 0 || self.edge.is_null() {
            return Source::Blank;
        }
        let (fold, c, s) = (self.fold as usize, self.shape.c(), self.shape.s());
        let inside = if self.shape.is_channels_last() { at / c * fold + at % c } else { at };
        // SAFETY: `edge` holds `[N, fold, H, W]`.
        Source::Edge(unsafe { self.edge.cast::<u8>().add((clip * fold * s + inside) * width) })
    }

    /// Ends of the three segments, in channels.
    #[inline(always)]
    pub(super) fn ends(&self) -> [usize; 3] {
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
        let is_in_columns = V::STREAMS && args.shape.is_channels_last();
        let columns = is_in_columns.then(|| Columns::of::<V::Line>(args, args.strips()));
        if let Some(columns) = columns.flatten() {
            // SAFETY: the caller's promise; `V` is supported.
            unsafe {
                columns.tasks::<V::Line>(tasks);
                V::fence();
            }
            return;
        }
        let mut rows = args.shape.is_channels_last().then(|| Rows::new(args));
        for task in tasks {
            let (clip, part) = (task as usize / per_clip, task as usize % per_clip);
            if let Some(rows) = &mut rows {
                // SAFETY: the caller's promise.
                unsafe { rows.task::<E, V>(clip, part) };
                continue;
            }
            let range = part * piece..((part + 1) * piece).min(args.shape.frame());
            for frame in 0..args.shape.t() {
                // SAFETY: the caller's promise; the range lies inside the frame.
                unsafe { planes::<E, V>(args, clip, frame, &range, stream) };
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
                Source::Map(from) | Source::Edge(from) => copy::<E, V>(from, to, bytes, stream),
                Source::Blank => to.write_bytes(0, bytes),
            }
        }
        at = stop;
    }
}

/// Rows of neighbouring positions, of which a writer puts moved and kept channels together.
struct Rows<'a> {
    args: &'a Shift,
    strips: Strips,
    writer: Writer,
    /// The moved channels of a strip, and what there is beyond the clip.
    moved: Buffer,
    blank: Buffer,
}

impl<'a> Rows<'a> {
    fn new(args: &'a Shift) -> Self {
        let (strips, width) = (args.strips(), args.width as usize);
        let (row, moved) = (args.shape.c() * width, args.ends()[1] * width);
        let streams = args.shape.streams(width);
        Self {
            args,
            strips,
            writer: Writer::new((row, moved), streams, args.y.cast(), strips.longest()),
            moved: Buffer::new(strips.longest() * moved),
            blank: Buffer::new(moved),
        }
    }

    #[inline(always)]
    unsafe fn task<E: Element, V: Vector<E>>(&mut self, clip: usize, piece: usize) {
        let (args, width, ends) = (self.args, self.args.width as usize, self.args.ends());
        let (c, moved, t) = (args.shape.c(), ends[1] * width, args.shape.t());
        let place = |frame: usize, strip: &Range<usize>| {
            ((clip * t + frame) * args.shape.s() + strip.start) * c * width
        };
        for Step { frame, strip, ahead } in self.strips.steps(piece, t) {
            // SAFETY: the caller's promise; the strip lies inside the frame.
            unsafe {
                for (segment, start) in [0, ends[0]].into_iter().enumerate() {
                    let from = match args.source(clip, frame, segment, strip.start * c + start) {
                        Source::Map(from) => (from, c * width),
                        Source::Edge(from) => (from, args.fold as usize * width),
                        Source::Blank => (self.blank.start::<u8>().cast_const(), 0),
                    };
                    let to = (self.moved.start::<u8>().add(start * width), moved);
                    copy_pieces(from, to, (ends[segment] - start) * width, strip.len());
                }
                let (x, at) = (args.x.cast::<u8>(), place(frame, &strip));
                let to = args.y.cast::<u8>().add(at);
                let start = x.wrapping_add(place(ahead.0, &ahead.1));
                let ahead = Ahead { start, row: c * width, bytes: c * width };
                let (moved, kept) = (self.moved.start(), x.add(at));
                self.writer.write::<E, V>(moved, kept, to, strip.len(), [ahead, Ahead::NOTHING]);
            }
        }
    }
}
