//! The vector operations in AVX2 and AVX-512.

#![allow(
    clippy::wildcard_imports,
    reason = "the names of all instructions would be a page of imports"
)]

use std::arch::x86_64::*;

use super::join::Apart;
use super::vector::{PIECES, Vector};
use super::x86_join::Line;

/// Implements `Vector` for one register type whose lanes are elements.
macro_rules! vector {
    (
        $elem:ty, $reg:ty, $half:ty, $join:ty, $bits:ty, $line:ty, $lanes:expr, $splat:ident, $load:ident,
        $weave:ident, $of_bits:ident, $load_gated:ident, $store:ident, $stream:ident, $add:ident, $mul:ident, $fused:ident, $max:ident,
        $zero:ident
    ) => {
        impl Vector<$elem> for $reg {
            const LANES: usize = $lanes;
            type Half = $half;
            type Join = $join;
            type Bits = $bits;
            type Line = $line;
            const STREAMS: bool = true;
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
            #[inline(always)]
            unsafe fn load_woven(from: [*const $elem; PIECES], pieces: usize) -> Self {
                // SAFETY: as above, by the promise of the trait.
                unsafe { $of_bits($weave(from.map(<*const $elem>::cast), pieces)) }
            }
            #[inline(always)]
            unsafe fn load_gated(from: *const $elem, y: *const $elem) -> Self {
                // SAFETY: as above, of both pointers.
                unsafe { $load_gated(from, y) }
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
            unsafe fn fused(self, by: Self, plus: Self) -> Self {
                // SAFETY: as above.
                unsafe { $fused(self, by, plus) }
            }
            #[inline(always)]
            unsafe fn relu(self) -> Self {
                // `max(0, v)` returns its second operand where either is NaN.
                // SAFETY: as above.
                unsafe { $max($zero(), self) }
            }
        }
    };
}

/// [`Vector::load_woven`], whatever the elements.
#[inline(always)]
pub(super) unsafe fn weave_512(from: [*const u8; PIECES], pieces: usize) -> __m512i {
    // SAFETY: the callers run where AVX-512 was detected; the promise of `load_woven`.
    unsafe {
        let [first, second, third, fourth] = from;
        let whole = _mm512_loadu_si512(first.cast());
        match pieces {
            1 => whole,
            2 => _mm512_mask_loadu_epi64(whole, 0b1111_0000, second.cast()),
            _ => {
                let woven = _mm512_mask_loadu_epi64(whole, 0b0000_1100, second.cast());
                let woven = _mm512_mask_loadu_epi64(woven, 0b0011_0000, third.cast());
                _mm512_mask_loadu_epi64(woven, 0b1100_0000, fourth.cast())
            }
        }
    }
}

/// As [`weave_512`].
#[inline(always)]
pub(super) unsafe fn weave_256(from: [*const u8; PIECES], pieces: usize) -> __m256i {
    // SAFETY: the callers run where AVX2 was detected; the promise of `load_woven`.
    unsafe {
        let load = |piece: usize| _mm256_loadu_si256(from[piece].cast());
        match pieces {
            1 => load(0),
            2 => _mm256_blend_epi32::<0b1111_0000>(load(0), load(1)),
            _ => {
                let woven = _mm256_blend_epi32::<0b0000_1100>(load(0), load(1));
                let woven = _mm256_blend_epi32::<0b0011_0000>(woven, load(2));
                _mm256_blend_epi32::<0b1100_0000>(woven, load(3))
            }
        }
    }
}

#[inline(always)]
unsafe fn load_gated_512(from: *const f32, y: *const f32) -> __m512 {
    // SAFETY: the callers run where AVX-512 was detected, and 16 elements are readable at both.
    unsafe {
        let is_open = _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(_mm512_loadu_ps(y), _mm512_setzero_ps());
        _mm512_maskz_loadu_ps(is_open, from)
    }
}

#[inline(always)]
unsafe fn load_gated_512d(from: *const f64, y: *const f64) -> __m512d {
    // SAFETY: as in `load_gated_512`.
    unsafe {
        let is_open = _mm512_cmp_pd_mask::<_CMP_NLE_UQ>(_mm512_loadu_pd(y), _mm512_setzero_pd());
        _mm512_maskz_loadu_pd(is_open, from)
    }
}

#[inline(always)]
unsafe fn load_gated_256(from: *const f32, y: *const f32) -> __m256 {
    // SAFETY: the callers run where AVX2 was detected, and 8 elements are readable at both.
    unsafe {
        let is_open = _mm256_cmp_ps::<_CMP_NLE_UQ>(_mm256_loadu_ps(y), _mm256_setzero_ps());
        _mm256_and_ps(is_open, _mm256_loadu_ps(from))
    }
}

#[inline(always)]
unsafe fn load_gated_256d(from: *const f64, y: *const f64) -> __m256d {
    // SAFETY: as in `load_gated_256`.
    unsafe {
        let is_open = _mm256_cmp_pd::<_CMP_NLE_UQ>(_mm256_loadu_pd(y), _mm256_setzero_pd());
        _mm256_and_pd(is_open, _mm256_loadu_pd(from))
    }
}

/// float64 does without the fused instruction (see [`Vector::fused`]).
#[inline(always)]
unsafe fn twice_512(a: __m512d, b: __m512d, c: __m512d) -> __m512d {
    // SAFETY: as in `load_gated_512`.
    unsafe { _mm512_add_pd(_mm512_mul_pd(a, b), c) }
}

#[inline(always)]
unsafe fn twice_256(a: __m256d, b: __m256d, c: __m256d) -> __m256d {
    // SAFETY: as in `load_gated_256`.
    unsafe { _mm256_add_pd(_mm256_mul_pd(a, b), c) }
}

vector!(
    f32,
    __m512,
    __m256,
    Line,
    __m512i,
    __m512i,
    16,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    weave_512,
    _mm512_castsi512_ps,
    load_gated_512,
    _mm512_storeu_ps,
    _mm512_stream_ps,
    _mm512_add_ps,
    _mm512_mul_ps,
    _mm512_fmadd_ps,
    _mm512_max_ps,
    _mm512_setzero_ps
);
vector!(
    f64,
    __m512d,
    __m256d,
    Line,
    __m512i,
    __m512i,
    8,
    _mm512_set1_pd,
    _mm512_loadu_pd,
    weave_512,
    _mm512_castsi512_pd,
    load_gated_512d,
    _mm512_storeu_pd,
    _mm512_stream_pd,
    _mm512_add_pd,
    _mm512_mul_pd,
    twice_512,
    _mm512_max_pd,
    _mm512_setzero_pd
);
vector!(
    f32,
    __m256,
    Self,
    Apart,
    __m256i,
    [__m256i; 2],
    8,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    weave_256,
    _mm256_castsi256_ps,
    load_gated_256,
    _mm256_storeu_ps,
    _mm256_stream_ps,
    _mm256_add_ps,
    _mm256_mul_ps,
    _mm256_fmadd_ps,
    _mm256_max_ps,
    _mm256_setzero_ps
);
vector!(
    f64,
    __m256d,
    Self,
    Apart,
    __m256i,
    [__m256i; 2],
    4,
    _mm256_set1_pd,
    _mm256_loadu_pd,
    weave_256,
    _mm256_castsi256_pd,
    load_gated_256d,
    _mm256_storeu_pd,
    _mm256_stream_pd,
    _mm256_add_pd,
    _mm256_mul_pd,
    twice_256,
    _mm256_max_pd,
    _mm256_setzero_pd
);
