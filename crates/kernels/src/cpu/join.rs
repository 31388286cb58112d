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

/// Vectors by themselves, for maps that will be read from a cache.
pub(crate) struct Cached;

impl<E: Element, V: Vector<E>> Join<E, V> for Cached {
    const BESIDE: usize = 0;
    const ALIGNMENT: usize = 1;
    #[inline(always)]
    unsafe fn put(value: V, _: *const u8, to: *mut E) {
        // SAFETY: the caller's promise.
        unsafe { value.put::<false>(to) }
    }
    #[inline(always)]
    unsafe fn carry(from: *const u8, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { from.copy_to_nonoverlapping(to, V::BYTES) }
    }
}

/// Vectors by themselves, past the caches.
pub(crate) struct Apart;

impl<E: Element, V: Vector<E>> Join<E, V> for Apart {
    const BESIDE: usize = 0;
    #[inline(always)]
    unsafe fn put(value: V, _: *const u8, to: *mut E) {
        // SAFETY: the caller's promise.
        unsafe { value.put::<true>(to) }
    }
    #[inline(always)]
    unsafe fn carry(from: *const u8, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { V::carry(from, to) }
    }
}
