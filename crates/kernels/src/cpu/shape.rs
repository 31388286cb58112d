//! How a feature map is cut into tasks and chunks, the same for any number of threads.

use std::ops::Range;

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

    /// Whether a map is too large to stay in a cache until something reads it: then stores go past
    /// the caches, which saves reading what they overwrite.
    pub(crate) fn streams(&self, width: usize) -> bool {
        self.clips as usize * self.t() * self.frame() * width >= STREAMED
    }

    pub(crate) fn is_channels_last(&self) -> bool {
        self.channels_last != 0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.clips == 0 || self.frame() == 0
    }

    /// Positions that a channels-last chunk covers.
    pub(crate) fn chunk_positions(&self) -> usize {
        (CHUNK / self.c()).clamp(1, self.s())
    }
}

/// How one clip is cut: each task is a range of the frame's flat elements, for all frames.
///
/// Channel by channel a task covers whole channels. Position by position it covers all channels
/// of some positions, and there are few enough tasks that the sums they leave weigh little.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// Elements of a full task.
    pub task: usize,
    /// Elements of a full chunk; a task is one or more of them.
    pub chunk: usize,
    frame: usize,
}

impl Cut {
    pub fn of(shape: &Shape) -> Self {
        let (c, s, frame) = (shape.c(), shape.s(), shape.frame());
        if shape.is_empty() {
            return Self { task: 1, chunk: 1, frame: 0 };
        }
        if shape.is_channels_last() {
            let chunk = shape.chunk_positions();
            let least = s.div_ceil(16).max(128usize.div_ceil(shape.t()));
            let task = chunk * least.div_ceil(chunk);
            return Self { task: task * c, chunk: chunk * c, frame };
        }
        let task = (CHUNK / s).clamp(1, c) * s;
        Self { task, chunk: if s > CHUNK { CHUNK } else { task }, frame }
    }

    /// Tasks of one clip.
    pub fn per_clip(&self) -> usize {
        self.frame.div_ceil(self.task)
    }

    /// The chunks of a task.
    pub fn chunks(&self, task: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let Self { task: size, chunk, frame } = *self;
        let end = ((task + 1) * size).min(frame);
        (task * size..end).step_by(chunk).map(move |start| start..(start + chunk).min(end))
    }
}
