//! The loops of TIN.
//!
//! With `b = floor(o)`, `f = o - b` of a clip and group, and `w[t]` of a frame,
//! `y[t] = w[t] ((1-f) x[t-b] + f x[t-b-1])`. Backward, frame `s` meets `g[s+b]` and `g[s+b+1]`:
//! `gx[s] = (1-f) w[s+b] g[s+b] + f w[s+b+1] g[s+b+1]`, and their products with `x[s]` are the
//! sums `near[t] = sum g[t] x[t-b]` and `far[t] = sum g[t] x[t-b-1]`, of which the gradients of
//! weights and offsets are made.

use std::ffi::c_void;

use super::shape::Shape;
use super::vector::Accumulator;

/// Arguments of the interlacing, shared with `csrc/ops.h`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Interlace {
    /// Shape of `x`.
    pub shape: Shape,
    /// Channels that move; a multiple of `groups`.
    pub fold: i64,
    /// Groups `G`.
    pub groups: i64,
    /// `x`.
    pub x: *const c_void,
    /// Offsets `[N, G]` in the type of sums.
    pub offsets: *const c_void,
    /// Weights `[N, T, G]` in the type of sums.
    pub weights: *const c_void,
    /// Output (forward).
    pub y: *mut c_void,
    /// Upstream gradient (backward).
    pub grad: *const c_void,
    /// Gradient of `x` (backward).
    pub grad_x: *mut c_void,
    /// Sums of the tasks, zero at first (backward), [`Interlace::partial_len`] numbers.
    pub partial: *mut f64,
    /// Gradient of the offsets in the type of sums (backward).
    pub grad_offsets: *mut c_void,
    /// Gradient of the weights in the type of sums (backward).
    pub grad_weights: *mut c_void,
}

/// An offset as a whole number of frames and the fraction that remains.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move<A> {
    pub whole: isize,
    pub near: A,
    pub far: A,
}

impl Interlace {
    pub(super) fn g(&self) -> usize {
        self.groups as usize
    }

    /// Elements of one group: contiguous in a frame, or in a position if channels-last.
    pub(super) fn run(&self) -> usize {
        let channels = (self.fold / self.groups) as usize;
        if self.shape.is_channels_last() { channels } else { channels * self.shape.s() }
    }

    /// Tasks over the same group of a clip, channel by channel; over a clip, if channels-last.
    fn pieces(&self) -> usize {
        if self.shape.is_channels_last() { self.strips().per_clip() } else { self.planes().pieces }
    }

    fn per_clip(&self) -> usize {
        if self.shape.is_channels_last() {
            self.strips().per_clip()
        } else {
            self.planes().per_clip()
        }
    }

    /// Independent tasks of the loops.
    pub fn tasks(&self) -> i64 {
        if self.shape.is_empty() { 0 } else { self.shape.clips * self.per_clip() as i64 }
    }

    /// Length of `partial`, `[N, pieces, G, T, 2]`.
    pub fn partial_len(&self) -> i64 {
        if self.shape.is_empty() {
            return 0;
        }
        self.shape.clips * (self.pieces() * self.g() * self.shape.t() * 2) as i64
    }

    /// Where the sums of a piece start in `partial`.
    pub(super) fn sums_at(&self, clip: usize, piece: usize, group: usize) -> usize {
        ((clip * self.pieces() + piece) * self.g() + group) * self.shape.t() * 2
    }

    /// The offset of a group.
    ///
    /// Beyond the clip's length one missing frame is like another. An offset that is no number
    /// keeps its fraction, which makes the whole group NaN.
    #[inline(always)]
    pub(super) unsafe fn shift_of<A: Accumulator>(&self, clip: usize, group: usize) -> Move<A> {
        // SAFETY: `offsets` holds `[N, G]`.
        let offset = unsafe { *self.offsets.cast::<A>().add(clip * self.g() + group) }.to_f64();
        let bound = self.shape.t() as f64 + 1.0;
        let fraction = offset - offset.floor();
        let whole = offset.floor().clamp(-bound, bound) as isize;
        Move {
            whole,
            near: A::from_f64(1.0 - fraction).quiet(),
            far: A::from_f64(fraction).quiet(),
        }
    }

    /// The weight of a group at an output frame.
    #[inline(always)]
    pub(super) unsafe fn weight<A: Accumulator>(&self, clip: usize, t: usize, group: usize) -> A {
        // SAFETY: `weights` holds `[N, T, G]`.
        unsafe {
            (*self.weights.cast::<A>().add((clip * self.shape.t() + t) * self.g() + group)).quiet()
        }
    }

    /// The frame, if it lies inside the clip.
    #[inline(always)]
    pub(super) fn inside(&self, frame: isize) -> Option<usize> {
        (0..self.shape.t() as isize).contains(&frame).then_some(frame as usize)
    }

    /// Makes the gradients of offsets and weights of the tasks' sums, in the order of the tasks.
    ///
    /// # Safety
    /// `partial` and both gradients must be valid, and all tasks must have run.
    pub(crate) unsafe fn finish<A: Accumulator>(&self) {
        let (t, g) = (self.shape.t(), self.g());
        let pieces = if self.shape.is_empty() { 0 } else { self.pieces() };
        for index in 0..self.shape.clips as usize * g {
            let (clip, group) = (index / g, index % g);
            let first = self.sums_at(clip, 0, group);
            // SAFETY: the offsets hold `[N, G]`.
            let shift = unsafe { self.shift_of::<A>(clip, group) };
            let mut offset = 0.0;
            for frame in 0..t {
                let (mut near, mut far) = (0.0, 0.0);
                for piece in 0..pieces {
                    let at = first + (piece * g * t + frame) * 2;
                    // SAFETY: inside `partial`.
                    unsafe {
                        near += *self.partial.add(at);
                        far += *self.partial.add(at + 1);
                    }
                }
                // SAFETY: `weights` and its gradient hold `[N, T, G]`.
                unsafe {
                    let weight = self.weight::<A>(clip, frame, group).to_f64();
                    offset += weight * (far - near);
                    let slope = shift.near.to_f64() * near + shift.far.to_f64() * far;
                    *self.grad_weights.cast::<A>().add((clip * t + frame) * g + group) =
                        A::from_f64(slope);
                }
            }
            // SAFETY: as above.
            unsafe { *self.grad_offsets.cast::<A>().add(index) = A::from_f64(offset) };
        }
    }
}
