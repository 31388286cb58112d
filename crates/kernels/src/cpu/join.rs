//! How vectors are stored, and what lies beside them.

use super::bits::Bits;
use super::vector::{Element, Vector};

/// How vectors are stored, by themselves or with what lies beside them.
pub(crate) trait Join<E: Element, V: Vector<E>> {
    /// Bytes beside a vector that are stored with it.
    const BESIDE: usize;
    /// What lies beside vectors is copied in these, a part of as many bytes as a joined vector has.
    type Bits: Bits;
    /// A rounded vector and what lies beside it.
    type Joined: Copy;
    /// Rounds a vector and reads `BESIDE` bytes more.
    ///
    /// # Safety
    /// As [`Vector`].
    unsafe fn join(value: V, beside: *const u8) -> Self::Joined;
    unsafe fn store(joined: Self::Joined, to: *mut E);
    /// Stores past the caches; `to` is aligned to all that is stored.
    unsafe fn stream(joined: Self::Joined, to: *mut E);
}

/// Vectors by themselves.
pub(crate) struct Apart;

impl<E: Element, V: Vector<E>> Join<E, V> for Apart {
    const BESIDE: usize = 0;
    type Bits = V::Bits;
    type Joined = V::Packed;
    #[inline(always)]
    unsafe fn join(value: V, _: *const u8) -> V::Packed {
        // SAFETY: the caller's promise.
        unsafe { value.pack() }
    }
    #[inline(always)]
    unsafe fn store(packed: V::Packed, to: *mut E) {
        // SAFETY: the caller's promise.
        unsafe { V::store(packed, to) }
    }
    #[inline(always)]
    unsafe fn stream(packed: V::Packed, to: *mut E) {
        // SAFETY: the caller's promise.
        unsafe { V::stream(packed, to) }
    }
}
