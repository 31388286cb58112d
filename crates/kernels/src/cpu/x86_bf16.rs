//! bfloat16 in AVX2 and AVX-512: one register of elements as two registers of float32, one of the
//! elements at even places and one of those at odd places, since either is a shift or a mask away.

#![allow(
    clippy::wildcard_imports,
    reason = "the names of all instructions would be a page of imports"
)]

use std::arch::x86_64::*;

use super::vector::{Bf16, Vector};
use super::x86::{gate_256, gate_512};

/// The bits of a float32 that a bfloat16 keeps.
const UPPER: i32 = 0xffff_0000_u32 as i32;
/// What makes a bfloat16 NaN quiet, so that one with nothing in its upper half stays a NaN.
const QUIET: i16 = 0x40;

/// The float32 numbers of neighbouring bfloat16 numbers, those at even and those at odd places.
#[derive(Clone, Copy)]
pub(crate) struct Twin<R> {
    even: R,
    odd: R,
}

/// Rounds to the nearest bfloat16, ties to even: up where the lower half is more than half a unit,
/// or just half of one beside an odd upper half.
#[inline(always)]
unsafe fn pack_512(value: Twin<__m512>) -> __m512i {
    const ODD_PLACES: u32 = 0xaaaa_aaaa;
    /// `a | (b & c)`.
    const OR_AND: i32 = 0b1111_1000;
    // SAFETY: the callers run where AVX-512 was detected.
    unsafe {
        let (even, odd) = (_mm512_castps_si512(value.even), _mm512_castps_si512(value.odd));
        let upper = _mm512_mask_blend_epi16(ODD_PLACES, _mm512_srli_epi32::<16>(even), odd);
        let lower = _mm512_mask_blend_epi16(ODD_PLACES, even, _mm512_slli_epi32::<16>(odd));
        // The last bit of `upper` counts only where `lower` is just half a unit.
        let rest = _mm512_ternarylogic_epi32::<OR_AND>(lower, upper, _mm512_set1_epi16(1));
        let is_up = _mm512_cmpgt_epu16_mask(rest, _mm512_set1_epi16(i16::MIN));
        let up = _mm512_mask_sub_epi16(upper, is_up, upper, _mm512_set1_epi16(-1));
        if _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(value.even, value.odd) != 0 {
            let even_nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(value.even, value.even);
            let odd_nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(value.odd, value.odd);
            let even_places = _mm512_maskz_set1_epi32(even_nan, 0xffff);
            let places = _mm512_mask_set1_epi32(even_places, odd_nan, UPPER);
            let both = _mm512_mask_set1_epi32(places, even_nan & odd_nan, -1);
            let quiet = _mm512_or_si512(upper, _mm512_set1_epi16(QUIET));
            return _mm512_mask_blend_epi16(_mm512_movepi16_mask(both), up, quiet);
        }
        up
    }
}

#[inline(always)]
unsafe fn load_512(from: *const Bf16) -> Twin<__m512> {
    // SAFETY: as in `pack_512`, and 32 elements are readable.
    unsafe {
        let both = _mm512_loadu_si512(from.cast());
        Twin {
            even: _mm512_castsi512_ps(_mm512_slli_epi32::<16>(both)),
            odd: _mm512_castsi512_ps(_mm512_and_si512(both, _mm512_set1_epi32(UPPER))),
        }
    }
}

#[inline(always)]
unsafe fn load_acc_512(from: *const f32) -> Twin<__m512> {
    // SAFETY: as in `pack_512`, and 32 numbers are readable.
    unsafe {
        let (low, high) = (_mm512_loadu_ps(from), _mm512_loadu_ps(from.add(16)));
        let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        let odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
        Twin {
            even: _mm512_permutex2var_ps(low, even, high),
            odd: _mm512_permutex2var_ps(low, odd, high),
        }
    }
}

#[inline(always)]
unsafe fn store_acc_512(to: *mut f32, value: Twin<__m512>) {
    // SAFETY: as in `pack_512`, and 32 numbers are writable.
    unsafe {
        let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        let high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
        _mm512_storeu_ps(to, _mm512_permutex2var_ps(value.even, low, value.odd));
        _mm512_storeu_ps(to.add(16), _mm512_permutex2var_ps(value.even, high, value.odd));
    }
}

/// As [`pack_512`].
#[inline(always)]
unsafe fn pack_256(value: Twin<__m256>) -> __m256i {
    const ODD_PLACES: i32 = 0xaa;
    // SAFETY: the callers run where AVX2 was detected.
    unsafe {
        let (even, odd) = (_mm256_castps_si256(value.even), _mm256_castps_si256(value.odd));
        let upper = _mm256_blend_epi16::<ODD_PLACES>(_mm256_srli_epi32::<16>(even), odd);
        let lower = _mm256_blend_epi16::<ODD_PLACES>(even, _mm256_slli_epi32::<16>(odd));
        let last = _mm256_and_si256(upper, _mm256_set1_epi16(1));
        let rest = _mm256_or_si256(lower, last);
        // There is no comparison without sign.
        let signed = _mm256_xor_si256(rest, _mm256_set1_epi16(i16::MIN));
        let up = _mm256_sub_epi16(upper, _mm256_cmpgt_epi16(signed, _mm256_setzero_si256()));
        let some_nan = _mm256_cmp_ps::<_CMP_UNORD_Q>(value.even, value.odd);
        if _mm256_movemask_ps(some_nan) != 0 {
            let even_nan = _mm256_cmp_ps::<_CMP_UNORD_Q>(value.even, value.even);
            let odd_nan = _mm256_cmp_ps::<_CMP_UNORD_Q>(value.odd, value.odd);
            let (even_nan, odd_nan) = (_mm256_castps_si256(even_nan), _mm256_castps_si256(odd_nan));
            let places = _mm256_blend_epi16::<ODD_PLACES>(even_nan, odd_nan);
            let quiet = _mm256_or_si256(upper, _mm256_set1_epi16(QUIET));
            return _mm256_blendv_epi8(up, quiet, places);
        }
        up
    }
}

#[inline(always)]
unsafe fn load_256(from: *const Bf16) -> Twin<__m256> {
    // SAFETY: as in `pack_256`, and 16 elements are readable.
    unsafe {
        let both = _mm256_loadu_si256(from.cast());
        Twin {
            even: _mm256_castsi256_ps(_mm256_slli_epi32::<16>(both)),
            odd: _mm256_castsi256_ps(_mm256_and_si256(both, _mm256_set1_epi32(UPPER))),
        }
    }
}

#[inline(always)]
unsafe fn load_acc_256(from: *const f32) -> Twin<__m256> {
    // SAFETY: as in `pack_256`, and 16 numbers are readable.
    unsafe {
        let (low, high) = (_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8)));
        // Within each half of a register first, then the quarters into order.
        let order = |mixed: __m256| {
            _mm256_castpd_ps(_mm256_permute4x64_pd::<0b11_01_10_00>(_mm256_castps_pd(mixed)))
        };
        Twin {
            even: order(_mm256_shuffle_ps::<0b10_00_10_00>(low, high)),
            odd: order(_mm256_shuffle_ps::<0b11_01_11_01>(low, high)),
        }
    }
}

#[inline(always)]
unsafe fn store_acc_256(to: *mut f32, value: Twin<__m256>) {
    // SAFETY: as in `pack_256`, and 16 numbers are writable.
    unsafe {
        let low = _mm256_unpacklo_ps(value.even, value.odd);
        let high = _mm256_unpackhi_ps(value.even, value.odd);
        _mm256_storeu_ps(to, _mm256_permute2f128_ps::<0x20>(low, high));
        _mm256_storeu_ps(to.add(8), _mm256_permute2f128_ps::<0x31>(low, high));
    }
}

/// Implements `Vector<Bf16>` for the twins of one register type.
macro_rules! twin {
    (
        $reg:ty, $packed:ty, $lanes:expr, $splat:ident, $load:ident, $pack:ident, $load_acc:ident,
        $store_acc:ident, $load_half:ident, $store_half:ident, $load_raw:ident, $store:ident, $stream:ident, $add:ident, $mul:ident,
        $max:ident, $zero:ident, $gate:ident
    ) => {
        impl Vector<Bf16> for Twin<$reg> {
            const LANES: usize = $lanes;
            const REORDERS: bool = true;
            #[inline(always)]
            unsafe fn splat(value: f32) -> Self {
                // SAFETY: the instruction set was detected (contract of the trait).
                let both = unsafe { $splat(value) };
                Self { even: both, odd: both }
            }
            #[inline(always)]
            unsafe fn load(from: *const Bf16) -> Self {
                // SAFETY: as above, and the pointer is valid for LANES elements.
                unsafe { $load(from) }
            }
            type Packed = $packed;
            #[inline(always)]
            unsafe fn pack(self) -> $packed {
                // SAFETY: as above.
                unsafe { $pack(self) }
            }
            #[inline(always)]
            unsafe fn store(packed: $packed, to: *mut Bf16) {
                // SAFETY: as above.
                unsafe { $store(to.cast(), packed) }
            }
            #[inline(always)]
            unsafe fn stream(packed: $packed, to: *mut Bf16) {
                // SAFETY: as above, and aligned.
                unsafe { $stream(to.cast(), packed) }
            }
            #[inline(always)]
            unsafe fn carry(from: *const u8, to: *mut u8) {
                // SAFETY: as above; loads need no alignment.
                unsafe { $stream(to.cast(), $load_raw(from.cast())) }
            }
            #[inline(always)]
            unsafe fn fence() {
                // SAFETY: SSE is part of x86-64.
                unsafe { _mm_sfence() };
            }
            #[inline(always)]
            unsafe fn load_acc(from: *const f32) -> Self {
                // SAFETY: as above.
                unsafe { $load_acc(from) }
            }
            #[inline(always)]
            unsafe fn store_acc(self, to: *mut f32) {
                // SAFETY: as above.
                unsafe { $store_acc(to, self) }
            }
            #[inline(always)]
            unsafe fn load_own(from: *const f32) -> Self {
                // SAFETY: as above.
                unsafe { Self { even: $load_half(from), odd: $load_half(from.add($lanes / 2)) } }
            }
            #[inline(always)]
            unsafe fn store_own(self, to: *mut f32) {
                // SAFETY: as above.
                unsafe {
                    $store_half(to, self.even);
                    $store_half(to.add($lanes / 2), self.odd);
                }
            }
            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                // SAFETY: as above.
                unsafe {
                    Self { even: $add(self.even, other.even), odd: $add(self.odd, other.odd) }
                }
            }
            #[inline(always)]
            unsafe fn mul(self, other: Self) -> Self {
                // SAFETY: as above.
                unsafe {
                    Self { even: $mul(self.even, other.even), odd: $mul(self.odd, other.odd) }
                }
            }
            #[inline(always)]
            unsafe fn relu(self) -> Self {
                // `max(0, v)` returns its second operand where either is NaN.
                // SAFETY: as above.
                unsafe { Self { even: $max($zero(), self.even), odd: $max($zero(), self.odd) } }
            }
            #[inline(always)]
            unsafe fn gate(self, y: Self) -> Self {
                // SAFETY: as above.
                unsafe { Self { even: $gate(self.even, y.even), odd: $gate(self.odd, y.odd) } }
            }
        }
    };
}

twin!(
    __m512,
    __m512i,
    32,
    _mm512_set1_ps,
    load_512,
    pack_512,
    load_acc_512,
    store_acc_512,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_loadu_si512,
    _mm512_storeu_si512,
    _mm512_stream_si512,
    _mm512_add_ps,
    _mm512_mul_ps,
    _mm512_max_ps,
    _mm512_setzero_ps,
    gate_512
);
twin!(
    __m256,
    __m256i,
    16,
    _mm256_set1_ps,
    load_256,
    pack_256,
    load_acc_256,
    store_acc_256,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_loadu_si256,
    _mm256_storeu_si256,
    _mm256_stream_si256,
    _mm256_add_ps,
    _mm256_mul_ps,
    _mm256_max_ps,
    _mm256_setzero_ps,
    gate_256
);
