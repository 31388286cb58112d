//! How vectors are stored, and what lies beside them.

use super::vector::{Element, Vector};

/// How vectors are stored, by themselves or with what lies beside them.
pub(crate) trait Join<E: Element, V: Vector<E>> {
    /// Bytes beside a vector that are stored with it.
    const BESIDE: usize;
    /// What a place must be aligned to.
    const ALIGNMENT: usize = V::BYTES + Self::BESIDE;
    /// Rounds and stores a vector and `BESIDE` bytes more.
    ///
    /// # Safety
    /// As [`Vector`], of both pointers.
    unsafe fn put(value: V, beside: *const u8, to: *mut E);
    /// Copies as many bytes as [`Join::put`] stores.
    ///
    /// # Safety
    /// As [`Vector`], of both pointers.
    unsafe fn carry(from: *const u8, to: *mut u8);
}

/// Vectors by themselves, past the caches if `STREAM`, else for maps that will be read from one.
pub(crate) struct Apart<const STREAM: bool>;

impl<E: Element, V: Vector<E>, const STREAM: bool> Join<E, V> for Apart<STREAM> {
    const BESIDE: usize = 0;
    const ALIGNMENT: usize = if STREAM { V::BYTES } else { 1 };
    #[inline(always)]
    unsafe fn put(value: V, _: *const u8, to: *mut E) {
        // SAFETY: the caller's promise.
        unsafe { value.put::<STREAM>(to) }
    }
    #[inline(always)]
    unsafe fn carry(from: *const u8, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe {
            if STREAM {
                V::carry(from, to);
            } else {
                from.copy_to_nonoverlapping(to, V::BYTES);
            }
        }
    }
}
