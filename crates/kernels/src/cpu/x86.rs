//! The vector operations in AVX2 and AVX-512.

use std::arch::x86_64::*;

use super::vector::{Bf16, Vector};

/// Implements `Vector` for one register type and one element type.
macro_rules! vector {
    (
        $elem:ty, $acc:ty, $reg:ty, $lanes:expr,
        $splat:ident, $load_acc:ident, $store_acc:ident, $add:ident, $mul:ident, $max:ident,
        $zero:ident, $gate:expr, $load:expr, $store:expr, $stream:expr, $stream_acc:ident
    ) => {
        impl Vector<$elem> for $reg {
            const LANES: usize = $lanes;
            #[inline(always)]
            unsafe fn splat(value: $acc) -> Self {
                // SAFETY: the instruction set was detected (contract of the trait).
                unsafe { $splat(value) }
            }
            #[inline(always)]
            unsafe fn load(from: *const $elem) -> Self {
                // SAFETY: as above, and the pointer is valid for LANES elements.
                unsafe { $load(from) }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $elem) {
                // SAFETY: as above.
                unsafe { $store(to, self) }
            }
            #[inline(always)]
            unsafe fn stream(self, to: *mut $elem) {
                // SAFETY: as above, and aligned.
                unsafe { $stream(to, self) }
            }
            #[inline(always)]
            unsafe fn stream_acc(self, to: *mut $acc) {
                // SAFETY: as above.
                unsafe { $stream_acc(to, self) }
            }
            #[inline(always)]
            unsafe fn fence() {
                // SAFETY: SSE is part of x86-64.
                unsafe { _mm_sfence() };
            }
            #[inline(always)]
            unsafe fn load_acc(from: *const $acc) -> Self {
                // SAFETY: as above.
                unsafe { $load_acc(from) }
            }
            #[inline(always)]
            unsafe fn store_acc(self, to: *mut $acc) {
                // SAFETY: as above.
                unsafe { $store_acc(to, self) }
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
unsafe fn gate_512(value: __m512, y: __m512) -> __m512 {
    // SAFETY: the callers run where AVX-512 was detected.
    unsafe { _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_NLE_UQ>(y, _mm512_setzero_ps()), value) }
}

#[inline(always)]
unsafe fn gate_512d(value: __m512d, y: __m512d) -> __m512d {
    // SAFETY: as in `gate_512`.
    unsafe { _mm512_maskz_mov_pd(_mm512_cmp_pd_mask::<_CMP_NLE_UQ>(y, _mm512_setzero_pd()), value) }
}

#[inline(always)]
unsafe fn gate_256(value: __m256, y: __m256) -> __m256 {
    // SAFETY: the callers run where AVX2 was detected.
    unsafe { _mm256_and_ps(_mm256_cmp_ps::<_CMP_NLE_UQ>(y, _mm256_setzero_ps()), value) }
}

#[inline(always)]
unsafe fn gate_256d(value: __m256d, y: __m256d) -> __m256d {
    // SAFETY: as in `gate_256`.
    unsafe { _mm256_and_pd(_mm256_cmp_pd::<_CMP_NLE_UQ>(y, _mm256_setzero_pd()), value) }
}

#[inline(always)]
unsafe fn load_bf16_512(from: *const Bf16) -> __m512 {
    // SAFETY: AVX-512 was detected and 16 elements are readable.
    unsafe {
        let halves = _mm256_loadu_si256(from.cast());
        _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves)))
    }
}

#[inline(always)]
unsafe fn round_bf16_512(value: __m512) -> __m256i {
    // SAFETY: AVX-512 was detected.
    unsafe {
        let bits = _mm512_castps_si512(value);
        let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
        let bias = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
        let rounded = _mm512_srli_epi32::<16>(_mm512_add_epi32(bits, bias));
        let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(value, value);
        let quiet = _mm512_or_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(0x40));
        let halves = _mm512_mask_mov_epi32(rounded, nan, quiet);
        _mm512_cvtepi32_epi16(halves)
    }
}

#[inline(always)]
unsafe fn store_bf16_512(to: *mut Bf16, value: __m512) {
    // SAFETY: AVX-512 was detected and 16 elements are writable.
    unsafe { _mm256_storeu_si256(to.cast(), round_bf16_512(value)) }
}

#[inline(always)]
unsafe fn stream_bf16_512(to: *mut Bf16, value: __m512) {
    // SAFETY: as in `store_bf16_512`, and aligned.
    unsafe { _mm256_stream_si256(to.cast(), round_bf16_512(value)) }
}

#[inline(always)]
unsafe fn load_bf16_256(from: *const Bf16) -> __m256 {
    // SAFETY: AVX2 was detected and 8 elements are readable.
    unsafe {
        let halves = _mm_loadu_si128(from.cast());
        _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(halves)))
    }
}

#[inline(always)]
unsafe fn round_bf16_256(value: __m256) -> __m128i {
    // SAFETY: AVX2 was detected.
    unsafe {
        let bits = _mm256_castps_si256(value);
        let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
        let bias = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
        let rounded = _mm256_srli_epi32::<16>(_mm256_add_epi32(bits, bias));
        let nan = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_UNORD_Q>(value, value));
        let quiet = _mm256_or_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(0x40));
        let halves = _mm256_blendv_epi8(rounded, quiet, nan);
        let (low, high) = (_mm256_castsi256_si128(halves), _mm256_extracti128_si256::<1>(halves));
        _mm_packus_epi32(low, high)
    }
}

#[inline(always)]
unsafe fn store_bf16_256(to: *mut Bf16, value: __m256) {
    // SAFETY: AVX2 was detected and 8 elements are writable.
    unsafe { _mm_storeu_si128(to.cast(), round_bf16_256(value)) }
}

#[inline(always)]
unsafe fn stream_bf16_256(to: *mut Bf16, value: __m256) {
    // SAFETY: as in `store_bf16_256`, and aligned.
    unsafe { _mm_stream_si128(to.cast(), round_bf16_256(value)) }
}

vector!(
    f32,
    f32,
    __m512,
    16,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_add_ps,
    _mm512_mul_ps,
    _mm512_max_ps,
    _mm512_setzero_ps,
    gate_512,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_stream_ps,
    _mm512_stream_ps
);
vector!(
    Bf16,
    f32,
    __m512,
    16,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_add_ps,
    _mm512_mul_ps,
    _mm512_max_ps,
    _mm512_setzero_ps,
    gate_512,
    load_bf16_512,
    store_bf16_512,
    stream_bf16_512,
    _mm512_stream_ps
);
vector!(
    f64,
    f64,
    __m512d,
    8,
    _mm512_set1_pd,
    _mm512_loadu_pd,
    _mm512_storeu_pd,
    _mm512_add_pd,
    _mm512_mul_pd,
    _mm512_max_pd,
    _mm512_setzero_pd,
    gate_512d,
    _mm512_loadu_pd,
    _mm512_storeu_pd,
    _mm512_stream_pd,
    _mm512_stream_pd
);
vector!(
    f32,
    f32,
    __m256,
    8,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_add_ps,
    _mm256_mul_ps,
    _mm256_max_ps,
    _mm256_setzero_ps,
    gate_256,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_stream_ps,
    _mm256_stream_ps
);
vector!(
    Bf16,
    f32,
    __m256,
    8,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_add_ps,
    _mm256_mul_ps,
    _mm256_max_ps,
    _mm256_setzero_ps,
    gate_256,
    load_bf16_256,
    store_bf16_256,
    stream_bf16_256,
    _mm256_stream_ps
);
vector!(
    f64,
    f64,
    __m256d,
    4,
    _mm256_set1_pd,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_add_pd,
    _mm256_mul_pd,
    _mm256_max_pd,
    _mm256_setzero_pd,
    gate_256d,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_stream_pd,
    _mm256_stream_pd
);
