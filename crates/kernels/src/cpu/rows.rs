//! Frames position by position of which the first channels come from other frames.
//!
//! What moves is a part of each row, often less than a cache line of it, and pieces of a few
//! channels come from different frames. A [`Writer`] puts them together in a buffer first, so that
//! results leave in whole lines, one after another: of a line in two parts neither goes past the
//! caches. Where rows are whole vectors TSM and TIN walk in columns instead (see
//! [`columns`](super::columns)).

use std::ops::Range;

use super::shape::{LINE, Shape, is_just_behind};
use super::vector::{Element, HALF, Vector, copy, foresee};

/// Bytes of a frame that are worked on together: few enough that what moves stays in the
/// first-level cache, and all frames in the second; whole pages where rows allow, since what the
/// processor foresees ends with a page.
const STRIP_BYTES: usize = 8 << 10;

/// Tasks of all clips, about, where they have positions enough.
const TASKS: usize = 64;

/// Rows of all frames that a task has at least, so that what it does once weighs little.
const ROWS: usize = 128;

/// How the positions of a frame are cut: into tasks, and those into strips, both in whole cache
/// lines where the frame is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strips {
    task: usize,
    strip: usize,
    positions: usize,
}

impl Strips {
    /// Strips of at most `most` positions, as far as whole lines allow.
    pub fn of(shape: &Shape, width: usize, most: usize) -> Self {
        if shape.is_empty() {
            return Self { task: 1, strip: 1, positions: 0 };
        }
        let (positions, row) = (shape.s(), shape.c() * width);
        // `LINE` is a power of two: its common divisor with a length is the length's lowest bit.
        let lines = LINE / (1 << row.trailing_zeros()).min(LINE);
        let most = ((STRIP_BYTES / row).min(most) / lines * lines).max(lines);
        let strips = positions.div_ceil(most);
        let tasks = (TASKS / shape.clips as usize).min(positions * shape.t() / ROWS).max(1);
        let (strip, task) = (most, most * ((strips + tasks / 2) / tasks).max(1));
        Self { task, strip, positions }
    }

    /// Tasks of one clip.
    pub fn per_clip(&self) -> usize {
        self.positions.div_ceil(self.task)
    }

    /// The most positions that a strip has.
    pub fn longest(&self) -> usize {
        self.strip
    }

    /// The strips of a task.
    pub fn of_task(&self, task: usize) -> Pieces {
        let start = task * self.task;
        Pieces { strip: self.strip, range: start..(start + self.task).min(self.positions) }
    }

    /// The strips of a task from the last to the first, each in all frames before the next.
    pub fn steps(&self, task: usize, frames: usize) -> impl Iterator<Item = Step> + use<> {
        let (strips, strip) = (self.of_task(task), self.strip);
        let (count, start) = (strips.len(), strips.range.start);
        let place = move |step: usize| {
            // Beyond the task's start follows the one before.
            let before = || start.saturating_sub(strip)..start;
            let index = (count - 1).checked_sub(step / frames);
            (step % frames, index.map_or_else(before, |index| strips.get(index)))
        };
        (0..count * frames).map(move |step| {
            let (frame, strip) = place(step);
            Step { frame, strip, ahead: place(step + AHEAD) }
        })
    }
}

/// The strips of a task by number.
pub(super) struct Pieces {
    strip: usize,
    range: Range<usize>,
}

impl Pieces {
    pub fn len(&self) -> usize {
        self.range.len().div_ceil(self.strip)
    }

    /// The positions of strip `index`.
    pub fn get(&self, index: usize) -> Range<usize> {
        let start = self.range.start + index * self.strip;
        start..(start + self.strip).min(self.range.end)
    }
}

/// Steps from when a strip is asked for until it is needed.
const AHEAD: usize = 2;

/// A strip of a frame, and the one that will be worked on soon.
pub(super) struct Step {
    pub frame: usize,
    pub strip: Range<usize>,
    pub ahead: (usize, Range<usize>),
}

/// Bytes of one cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; LINE]);

/// Zeroed memory that starts with a cache line.
pub(super) struct Buffer(Vec<Line>);

impl Buffer {
    /// Room for `bytes` bytes, and a little more: buffers whose lengths are powers of two would
    /// share their places in a cache.
    pub fn new(bytes: usize) -> Self {
        Self(vec![Line([0; LINE]); bytes.div_ceil(LINE) + 5])
    }

    /// Where it starts.
    pub fn start<T>(&mut self) -> *mut T {
        self.0.as_mut_ptr().cast()
    }
}

/// Rows that will be read soon: the first `bytes` of each, `row` bytes apart.
///
/// The processor foresees neither where the next frame's strip lies, nor pieces of rows.
#[derive(Clone, Copy)]
pub(super) struct Ahead {
    pub start: *const u8,
    pub row: usize,
    pub bytes: usize,
}

impl Ahead {
    pub const NOTHING: Self = Self { start: std::ptr::null(), row: 0, bytes: 0 };

    /// Asks for the cache line of byte `at` of a row.
    #[inline(always)]
    fn line(&self, row: usize, at: usize) {
        if at < self.bytes {
            foresee::<true>(self.start.wrapping_add(row * self.row + at));
        }
    }
}

/// Copies `count` pieces of `bytes` bytes from places `from.1` bytes apart to places `to.1` apart.
///
/// # Safety
/// All pieces must be readable and writable; no target overlaps a source.
#[inline(always)]
pub(super) unsafe fn copy_pieces(
    from: (*const u8, usize),
    to: (*mut u8, usize),
    bytes: usize,
    count: usize,
) {
    // SAFETY: the caller's promise; no move is longer than a piece.
    unsafe {
        match bytes {
            0 => {}
            1 => moves::<1>(from, to, bytes, count),
            2..4 => moves::<2>(from, to, bytes, count),
            4..8 => moves::<4>(from, to, bytes, count),
            8..16 => moves::<8>(from, to, bytes, count),
            16..32 => moves::<16>(from, to, bytes, count),
            32..64 => moves::<32>(from, to, bytes, count),
            _ => moves::<64>(from, to, bytes, count),
        }
    }
}

/// [`copy_pieces`] in moves of `N` bytes, the last of which may repeat a part of the one before.
#[inline(always)]
unsafe fn moves<const N: usize>(
    from: (*const u8, usize),
    to: (*mut u8, usize),
    bytes: usize,
    count: usize,
) {
    // SAFETY: the promise of `copy_pieces`, and `N <= bytes`.
    unsafe {
        if bytes == N {
            for piece in 0..count {
                from.0.add(piece * from.1).copy_to_nonoverlapping(to.0.add(piece * to.1), N);
            }
            return;
        }
        for piece in 0..count {
            let (from, to) = (from.0.add(piece * from.1), to.0.add(piece * to.1));
            let mut at = 0;
            while at + N <= bytes {
                from.add(at).copy_to_nonoverlapping(to.add(at), N);
                at += N;
            }
            if at < bytes {
                from.add(bytes - N).copy_to_nonoverlapping(to.add(bytes - N), N);
            }
        }
    }
}

/// How rows reach their frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// As every other store, since the map will be read from a cache.
    Cached,
    /// Past the caches, in whole vectors.
    Vectors,
    /// Past the caches, in halves of the widest vector.
    Halves,
    /// Past the caches, once the strip is whole.
    Staged,
}

/// Writes rows of which the first bytes come from a buffer and the others from a frame.
pub(super) struct Writer {
    row: usize,
    moved: usize,
    way: Way,
    stage: Buffer,
}

impl Writer {
    /// For at most `longest` rows of `row` bytes, `moved` of them from a buffer, into a map at
    /// `target`.
    pub fn new(
        (row, moved): (usize, usize),
        streams: bool,
        target: *const u8,
        longest: usize,
    ) -> Self {
        let fits = |bytes: usize| [row, moved, target.addr()].iter().all(|n| n % bytes == 0);
        let way = match streams {
            false => Way::Cached,
            true if fits(LINE) => Way::Vectors,
            true if fits(HALF) => Way::Halves,
            true => Way::Staged,
        };
        let stage = if way == Way::Staged { longest * row } else { 0 };
        Self { row, moved, way, stage: Buffer::new(stage) }
    }

    /// Writes `count` rows.
    ///
    /// # Safety
    /// `moved` holds the rows' first bytes one after another, `kept` and `to` whole rows; `V` is
    /// supported.
    #[inline(always)]
    pub unsafe fn write<E: Element, V: Vector<E>>(
        &mut self,
        moved: *const u8,
        kept: *const u8,
        to: *mut u8,
        count: usize,
        ahead: [Ahead; 2],
    ) {
        // SAFETY: the caller's promise; what goes past the caches was found aligned.
        unsafe {
            match self.way {
                Way::Cached => self.join(moved, kept, to, count),
                Way::Vectors => self.lines::<E, V, false>(moved, kept, to, count, ahead),
                Way::Halves => self.lines::<E, V, true>(moved, kept, to, count, ahead),
                Way::Staged => {
                    let stage = self.stage.start();
                    self.join(moved, kept, stage, count);
                    copy::<E, V>(stage, to, count * self.row, true);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn join(&self, moved: *const u8, kept: *const u8, to: *mut u8, count: usize) {
        let (row, first) = (self.row, self.moved);
        // SAFETY: the promise of `write`.
        unsafe {
            copy_pieces((moved, first), (to, row), first, count);
            copy_pieces((kept.add(first), row), (to.add(first), row), row - first, count);
        }
    }

    #[inline(always)]
    unsafe fn lines<E: Element, V: Vector<E>, const HALVES: bool>(
        &self,
        moved: *const u8,
        kept: *const u8,
        to: *mut u8,
        count: usize,
        ahead: [Ahead; 2],
    ) {
        let step = if HALVES { HALF } else { V::BYTES };
        let falls = is_just_behind(kept, to);
        for row in 0..count {
            let row = if falls { count - 1 - row } else { row };
            // SAFETY: the promise of `write`; `step` divides both parts of a row.
            unsafe {
                let (moved, kept) = (moved.add(row * self.moved), kept.add(row * self.row));
                let to = to.add(row * self.row);
                for at in (0..self.row).step_by(step) {
                    if at % LINE == 0 {
                        ahead[0].line(row, at);
                        ahead[1].line(row, at);
                    }
                    let from = if at < self.moved { moved.add(at) } else { kept.add(at) };
                    if HALVES {
                        V::carry_half(from, to.add(at));
                    } else {
                        V::carry(from, to.add(at));
                    }
                }
            }
        }
    }
}
