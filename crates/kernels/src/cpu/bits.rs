//! Vectors of bytes that are copied and chosen from, whatever elements they are.

/// As many bytes as a vector has.
///
/// # Safety
/// Every method may only be called where the instruction set of the implementing type was detected;
/// pointers must be valid for `BYTES` bytes.
pub(crate) trait Bits: Copy {
    const BYTES: usize = size_of::<Self>();
    /// Registers that they take.
    const PARTS: usize = 1;
    unsafe fn zero() -> Self;
    unsafe fn load(from: *const u8) -> Self;
    unsafe fn store(self, to: *mut u8);
    /// Stores past the caches, where the processor can; `to` is aligned to `BYTES`.
    #[inline(always)]
    unsafe fn stream(self, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { self.store(to) }
    }
    /// Stores, past the caches if `STREAM`.
    #[inline(always)]
    unsafe fn put<const STREAM: bool>(self, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { if STREAM { self.stream(to) } else { self.store(to) } }
    }
    /// The bits of `self` where those of `mask` are set, else those of `other`.
    unsafe fn pick(self, mask: Self, other: Self) -> Self;
}

/// Some bytes side by side, for processors without a form of their own; the compiler makes the
/// baseline's vector instructions of it.
#[derive(Clone, Copy)]
pub(crate) struct Words<const L: usize>([u64; L]);

impl<const L: usize> Bits for Words<L> {
    #[inline(always)]
    unsafe fn zero() -> Self {
        Self([0; L])
    }
    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { from.cast::<[u64; L]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<[u64; L]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn pick(self, mask: Self, other: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at] & mask.0[at] | other.0[at] & !mask.0[at]))
    }
}

/// Two halves, which follow one another into the same cache line.
impl<B: Bits> Bits for [B; 2] {
    const PARTS: usize = 2 * B::PARTS;
    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: the caller's promise.
        unsafe { [B::zero(); 2] }
    }
    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        // SAFETY: the caller's promise.
        unsafe { [B::load(from), B::load(from.add(B::BYTES))] }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe {
            self[0].store(to);
            self[1].store(to.add(B::BYTES));
        }
    }
    #[inline(always)]
    unsafe fn stream(self, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe {
            self[0].stream(to);
            self[1].stream(to.add(B::BYTES));
        }
    }
    #[inline(always)]
    unsafe fn pick(self, mask: Self, other: Self) -> Self {
        // SAFETY: the caller's promise.
        unsafe { [self[0].pick(mask[0], other[0]), self[1].pick(mask[1], other[1])] }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    #![allow(
        clippy::wildcard_imports,
        reason = "the names of all instructions would be a page of imports"
    )]

    use std::arch::x86_64::*;

    use super::Bits;

    /// Implements `Bits` for one register type; `$pick` takes the mask, the picked and the other bits.
    macro_rules! bits {
        ($reg:ty, $zero:ident, $load:ident, $store:ident, $stream:ident, $pick:ident) => {
            impl Bits for $reg {
                #[inline(always)]
                unsafe fn zero() -> Self {
                    // SAFETY: the instruction set was detected (contract of the trait).
                    unsafe { $zero() }
                }
                #[inline(always)]
                unsafe fn load(from: *const u8) -> Self {
                    // SAFETY: as above; loads need no alignment.
                    unsafe { $load(from.cast()) }
                }
                #[inline(always)]
                unsafe fn store(self, to: *mut u8) {
                    // SAFETY: as above.
                    unsafe { $store(to.cast(), self) }
                }
                #[inline(always)]
                unsafe fn stream(self, to: *mut u8) {
                    // SAFETY: as above, and aligned.
                    unsafe { $stream(to.cast(), self) }
                }
                #[inline(always)]
                unsafe fn pick(self, mask: Self, other: Self) -> Self {
                    // SAFETY: as above.
                    unsafe { $pick(mask, self, other) }
                }
            }
        };
    }

    #[inline(always)]
    unsafe fn pick_256(mask: __m256i, picked: __m256i, other: __m256i) -> __m256i {
        // SAFETY: the callers run where AVX2 was detected.
        unsafe { _mm256_blendv_epi8(other, picked, mask) }
    }

    #[inline(always)]
    unsafe fn pick_512(mask: __m512i, picked: __m512i, other: __m512i) -> __m512i {
        /// The bits of the second where those of the first are set, else of the third.
        const CHOOSE: i32 = 0b1100_1010;
        // SAFETY: the callers run where AVX-512 was detected.
        unsafe { _mm512_ternarylogic_epi64::<CHOOSE>(mask, picked, other) }
    }

    bits!(
        __m256i,
        _mm256_setzero_si256,
        _mm256_loadu_si256,
        _mm256_storeu_si256,
        _mm256_stream_si256,
        pick_256
    );
    bits!(
        __m512i,
        _mm512_setzero_si512,
        _mm512_loadu_si512,
        _mm512_storeu_si512,
        _mm512_stream_si512,
        pick_512
    );
}
