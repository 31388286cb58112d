//! The loops of TIN in either layout.

use std::ops::Range;

use super::interlace::Interlace;
use super::isa::Kernel;
use super::vector::{Element, Vector};
use super::{interlace_planes, interlace_rows};

/// The forward loop.
pub(crate) struct Forward<'a>(pub &'a Interlace);

impl Kernel for Forward<'_> {
    #[inline(always)]
    unsafe fn run<E: Element, V: Vector<E>>(&self, tasks: Range<i64>) {
        // SAFETY: the caller's promise.
        unsafe {
            if self.0.shape.is_channels_last() {
                interlace_rows::forward::<E, V>(self.0, tasks);
            } else {
                interlace_planes::forward::<E, V>(self.0, tasks);
            }
            V::fence();
        }
    }
}

/// The backward loop.
pub(crate) struct Backward<'a>(pub &'a Interlace);

impl Kernel for Backward<'_> {
    #[inline(always)]
    unsafe fn run<E: Element, V: Vector<E>>(&self, tasks: Range<i64>) {
        // SAFETY: the caller's promise.
        unsafe {
            if self.0.shape.is_channels_last() {
                interlace_rows::backward::<E, V>(self.0, tasks);
            } else {
                interlace_planes::backward::<E, V>(self.0, tasks);
            }
            V::fence();
        }
    }
}
