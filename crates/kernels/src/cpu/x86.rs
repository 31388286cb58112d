//! The vector operations in AVX2 and AVX-512.

#![allow(
    clippy::wildcard_imports,
    reason = "the names of all instructions would be a page of imports"
)]

use std::arch::x86_64::*;

use super::vector::Vector;

/// Implements `Vector` for one register type whose lanes are elements.
macro_rules! vector {
    (
        $elem:ty, $reg:ty, $lanes:expr, $splat:ident, $load:ident, $store:ident, $stream:ident,
        $add:ident, $mul:ident, $max:ident, $zero:ident, $gate:ident
    ) => {
        impl Vector<$elem> for $reg {
            const LANES: usize = $lanes;
            #[inline(always)]
            unsafe fn splat(value: $elem) -> Self {
                // SAFETY: the instruction set was detected (contract of the trait).
                unsafe { $splat(value) }
            }
            #[inline(always)]
            unsafe fn load(from: *const $elem) -> Self {
                // SAFETY: as above, and the pointer is valid for LANES elements.
                unsafe { $load(from) }
            }
            type Packed = Self;
            #[inline(always)]
            unsafe fn pack(self) -> Self {
                self
            }
            #[inline(always)]
            unsafe fn store(packed: Self, to: *mut $elem) {
                // SAFETY: as above.
                unsafe { $store(to, packed) }
            }
            #[inline(always)]
            unsafe fn stream(packed: Self, to: *mut $elem) {
                // SAFETY: as above, and aligned.
                unsafe { $stream(to, packed) }
            }
            #[inline(always)]
            unsafe fn carry(from: *const u8, to: *mut u8) {
                // SAFETY: as above; loads need no alignment.
                unsafe { $stream(to.cast(), $load(from.cast())) }
            }
            #[inline(always)]
            unsafe fn fence() {
                // SAFETY: SSE is part of x86-64.
                unsafe { _mm_sfence() };
            }
            #[inline(always)]
            unsafe fn load_acc(from: *const $elem) -> Self {
                // SAFETY: as above.
                unsafe { $load(from) }
            }
            #[inline(always)]
            unsafe fn store_acc(self, to: *mut $elem) {
                // SAFETY: as above.
                unsafe { $store(to, self) }
            }
            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                // SAFETY: as above.
                unsafe { $add(self, other) }
            }
            #[inline(always)]
            unsafe fn mul(self, other: Self) -> Self {
                // SAFETY: as above.
                unsafe { $mul(self, other) }
            }
            #[inline(always)]
            unsafe fn relu(self) -> Self {
                // `max(0, v)` returns its second operand where either is NaN.
                // SAFETY: as above.
                unsafe { $max($zero(), self) }
            }
            #[inline(always)]
            unsafe fn gate(self, y: Self) -> Self {
                // SAFETY: as above.
                unsafe { $gate(self, y) }
            }
        }
    };
}

#[inline(always)]
pub(super) unsafe fn gate_512(value: __m512, y: __m512) -> __m512 {
    // SAFETY: the callers run where AVX-512 was detected.
    unsafe { _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_NLE_UQ>(y, _mm512_setzero_ps()), value) }
}

#[inline(always)]
pub(super) unsafe fn gate_512d(value: __m512d, y: __m512d) -> __m512d {
    // SAFETY: as in `gate_512`.
    unsafe { _mm512_maskz_mov_pd(_mm512_cmp_pd_mask::<_CMP_NLE_UQ>(y, _mm512_setzero_pd()), value) }
}

#[inline(always)]
pub(super) unsafe fn gate_256(value: __m256, y: __m256) -> __m256 {
    // SAFETY: the callers run where AVX2 was detected.
    unsafe { _mm256_and_ps(_mm256_cmp_ps::<_CMP_NLE_UQ>(y, _mm256_setzero_ps()), value) }
}

#[inline(always)]
pub(super) unsafe fn gate_256d(value: __m256d, y: __m256d) -> __m256d {
    // SAFETY: as in `gate_256`.
    unsafe { _mm256_and_pd(_mm256_cmp_pd::<_CMP_NLE_UQ>(y, _mm256_setzero_pd()), value) }
}

vector!(
    f32,
    __m512,
    16,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_stream_ps,
    _mm512_add_ps,
    _mm512_mul_ps,
    _mm512_max_ps,
    _mm512_setzero_ps,
    gate_512
);
vector!(
    f64,
    __m512d,
    8,
    _mm512_set1_pd,
    _mm512_loadu_pd,
    _mm512_storeu_pd,
    _mm512_stream_pd,
    _mm512_add_pd,
    _mm512_mul_pd,
    _mm512_max_pd,
    _mm512_setzero_pd,
    gate_512d
);
vector!(
    f32,
    __m256,
    8,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_stream_ps,
    _mm256_add_ps,
    _mm256_mul_ps,
    _mm256_max_ps,
    _mm256_setzero_ps,
    gate_256
);
vector!(
    f64,
    __m256d,
    4,
    _mm256_set1_pd,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_stream_pd,
    _mm256_add_pd,
    _mm256_mul_pd,
    _mm256_max_pd,
    _mm256_setzero_pd,
    gate_256d
);
