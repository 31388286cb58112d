//! How a feature map is cut into tasks and chunks, the same for any number of threads.

use std::ops::Range;

use super::isa::Dtype;
use super::vector::Bf16;

/// Elements of a frame that one chunk covers: small enough that the chunks of a few frames stay
/// in the second-level cache, long enough for the hardware prefetcher.
pub(crate) const CHUNK: usize = 4096;

/// Bytes of a map from which on stores go past the caches.
const STREAMED: usize = 12 << 20;

/// A batch of clips in memory, frame after frame.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Shape {
    /// Clips `N`.
    pub clips: i64,
    /// Frames of a clip `T`.
    pub frames: i64,
    /// Channels `C`.
    pub channels: i64,
    /// Positions of a plane `H * W`.
    pub plane: i64,
    /// 0: channel by channel (NCHW); 1: position by position (channels-last).
    pub channels_last: i32,
    /// Number of a [`Dtype`](super::isa::Dtype).
    pub dtype: i32,
}

impl Shape {
    pub(crate) fn t(&self) -> usize {
        self.frames as usize
    }

    pub(crate) fn c(&self) -> usize {
        self.channels as usize
    }

    pub(crate) fn s(&self) -> usize {
        self.plane as usize
    }

    /// Elements of one frame.
    pub(crate) fn frame(&self) -> usize {
        self.c() * self.s()
    }

    /// Elements of a run: a plane, or the channels of a position.
    pub(crate) fn run(&self) -> usize {
        if self.is_channels_last() { self.c() } else { self.s() }
    }

    /// Bytes of an element.
    pub(crate) fn width(&self) -> usize {
        Dtype::of(self.dtype).map_or(4, Dtype::bytes)
    }

    /// Whether a map is too large to stay in a cache until something reads it: then stores go past
    /// the caches, which saves reading what they overwrite.
    pub(crate) fn streams(&self, width: usize) -> bool {
        self.clips as usize * self.t() * self.frame() * width >= STREAMED
    }

    pub(crate) fn is_channels_last(&self) -> bool {
        self.channels_last != 0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.clips == 0 || self.frames == 0 || self.frame() == 0
    }
}

/// Bytes of a frame that are worked on together: enough for the processor to foresee what comes
/// next, few enough that the rows of some frames and a strip's numbers stay in the second-level cache.
const STRIP_BYTES: usize = 8 << 10;

/// The most elements that a strip can have.
pub(crate) const MOST_NUMBERS: usize = STRIP_BYTES / size_of::<Bf16>() + LINE;

/// Bytes of a cache line, and of the widest vector.
pub(crate) const LINE: usize = 64;

/// Whether `to` lies at most four cache lines behind `from`, seen within a page.
///
/// A processor takes a load for one of what was just stored at the same place of another page, and
/// waits. Loops that read at `from` and write to `to` should go from the last element to the first
/// there: otherwise what they load next is what they just stored, seen so.
pub(crate) fn is_just_behind<T, U>(from: *const T, to: *const U) -> bool {
    const PAGE: usize = 4096;
    (1..=4 * LINE).contains(&(to.addr().wrapping_sub(from.addr()) % PAGE))
}

/// How one clip is cut: each task is a range of the frame's flat elements, for all frames, and a
/// row of strips.
///
/// A frame is a row of runs: planes channel by channel, or all channels of a position. A task
/// covers whole runs, and whole cache lines where it can. Channel by channel no other task then
/// sums for its channels; position by position there are few enough tasks that their sums weigh
/// little.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// Elements of a full task.
    pub task: usize,
    strip: usize,
    frame: usize,
}

impl Cut {
    pub fn of(shape: &Shape) -> Self {
        if shape.is_empty() {
            return Self { task: 1, strip: 1, frame: 0 };
        }
        let (run, strip) = (shape.run(), STRIP_BYTES / shape.width());
        // `LINE` is a power of two: its common divisor with a length is the length's lowest bit.
        let bytes = run * shape.width();
        let lines = LINE / (1 << bytes.trailing_zeros()).min(LINE);
        let mut runs = (strip / run).max(1).next_multiple_of(lines);
        if runs * run > strip && runs > lines {
            runs -= lines;
        }
        // Long runs in even strips, short ones whole.
        let many = (runs * run).div_ceil(strip);
        let mut even = (runs * run).div_ceil(many).next_multiple_of(LINE);
        if shape.is_channels_last() {
            // Strips that all start with the same channel share their weights and sums.
            if lines * run <= strip {
                even = strip / (lines * run) * (lines * run);
            }
            let least = shape.s().div_ceil(16).max(128usize.div_ceil(shape.t()));
            runs *= least.div_ceil(runs);
        }
        Self { task: runs * run, strip: even, frame: shape.frame() }
    }

    /// Tasks of one clip.
    pub fn per_clip(&self) -> usize {
        self.frame.div_ceil(self.task)
    }

    /// The elements of a task.
    pub fn range(&self, task: usize) -> Range<usize> {
        task * self.task..((task + 1) * self.task).min(self.frame)
    }

    /// The strips of a task.
    pub fn strips(&self, task: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let (range, strip) = (self.range(task), self.strip);
        let end = range.end;
        range.step_by(strip).map(move |start| start..(start + strip).min(end))
    }
}
