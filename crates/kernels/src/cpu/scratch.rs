//! Memory that a thread keeps from call to call: fresh pages cost more than a small map takes.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::thread::LocalKey;

use super::shape::LINE;
use super::vector::Accumulator;

/// A cache line: vectors that lie in two of them are read and written at half the speed, and much
/// slower when they are read soon after they were written.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; LINE]);

/// What a thread keeps, while nobody uses it.
pub(super) struct Kept(Cell<Vec<Line>>);

impl Kept {
    pub const fn new() -> Self {
        Self(Cell::new(Vec::new()))
    }
}

/// Numbers in kept memory: zero at first, and afterwards what its last user left in it.
pub(super) struct Scratch<A> {
    lines: Vec<Line>,
    len: usize,
    home: &'static LocalKey<Kept>,
    numbers: PhantomData<A>,
}

impl<A: Accumulator> Scratch<A> {
    /// Takes the memory of this thread, made longer for `len` numbers if need be.
    ///
    /// A user inside a user of the same memory gets memory of its own.
    pub fn take(home: &'static LocalKey<Kept>, len: usize) -> Self {
        let mut lines = home.with(|kept| kept.0.take());
        let needed = (len * size_of::<A>()).div_ceil(LINE);
        if lines.len() < needed {
            lines.resize(needed, Line([0; LINE]));
        }
        Self { lines, len, home, numbers: PhantomData }
    }
}

impl<A> Drop for Scratch<A> {
    fn drop(&mut self) {
        // What a panic leaves behind is in no known state; a thread that ends keeps nothing.
        if !std::thread::panicking() {
            let lines = std::mem::take(&mut self.lines);
            let _ = self.home.try_with(|kept| kept.0.set(lines));
        }
    }
}

impl<A: Accumulator> Deref for Scratch<A> {
    type Target = [A];

    #[inline(always)]
    fn deref(&self) -> &[A] {
        // SAFETY: the lines hold `len` numbers, whose alignment is at most that of lines, and any
        // bits are a number.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl<A: Accumulator> DerefMut for Scratch<A> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [A] {
        // SAFETY: as above, and `self` is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}
