//! bfloat16 in AVX2 and AVX-512: one register of elements as two registers of float32, one of the
//! elements at even places and one of those at odd places, since either is a shift or a mask away.

#![allow(
    clippy::wildcard_imports,
    reason = "the names of all instructions would be a page of imports"
)]

use std::arch::x86_64::*;

use super::join::Apart;
use super::vector::{Bf16, PIECES, Vector};
use super::x86::{weave_256, weave_512};
use super::x86_join::Line;

/// The bits of a float32 that a bfloat16 keeps.
const UPPER: i32 = 0xffff_0000_u32 as i32;
/// Half a unit of a bfloat16's last bit, less one, in the bits of a float32.
const HALF: i32 = 0x7fff;
/// The bits of the negative infinity: only a NaN is a smaller negative number, seen without sign.
const NEGATIVE_INFINITY: i16 = 0xff80_u16 as i16;

/// The float32 numbers of neighbouring bfloat16 numbers, those at even and those at odd places.
#[derive(Clone, Copy)]
pub(crate) struct Twin<R> {
    even: R,
    odd: R,
}

/// Rounds to the nearest bfloat16, ties to even: half a unit less one is added, and one more where
/// the last bit that stays is odd. A NaN has an empty lower half (see [`Vector::pack`]), which none
/// of this overflows. Comparing would be shorter, but results in mask registers are slower.
#[inline(always)]
unsafe fn pack_512(value: Twin<__m512>) -> __m512i {
    /// `a | (b & c)`.
    const OR_AND: i32 = 0b1111_1000;
    // SAFETY: the callers run where AVX-512 was detected.
    unsafe {
        let rounded = |value: __m512| {
            let bits = _mm512_castps_si512(value);
            let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
            _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(HALF)), odd)
        };
        let even = _mm512_srli_epi32::<16>(rounded(value.even));
        _mm512_ternarylogic_epi32::<OR_AND>(even, rounded(value.odd), _mm512_set1_epi32(UPPER))
    }
}

#[inline(always)]
unsafe fn load_512(from: *const Bf16) -> Twin<__m512> {
    // SAFETY: as in `pack_512`, and 32 elements are readable.
    unsafe { unpack_512(_mm512_loadu_si512(from.cast())) }
}

/// Reads elements where those of `y` are positive or NaN, told from their bits as whole numbers.
#[inline(always)]
unsafe fn load_gated_512(from: *const Bf16, y: *const Bf16) -> Twin<__m512> {
    // SAFETY: as in `load_512`, of both pointers.
    unsafe {
        let y = _mm512_loadu_si512(y.cast());
        let not_zero = _mm512_test_epi16_mask(y, y);
        let infinity = _mm512_set1_epi16(NEGATIVE_INFINITY);
        let is_open = _mm512_mask_cmpgt_epi16_mask(not_zero, y, infinity);
        unpack_512(_mm512_maskz_loadu_epi16(is_open, from.cast()))
    }
}

#[inline(always)]
unsafe fn unpack_512(both: __m512i) -> Twin<__m512> {
    // SAFETY: as in `pack_512`.
    unsafe {
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
        let rounded = |value: __m256| {
            let bits = _mm256_castps_si256(value);
            let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
            _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(HALF)), odd)
        };
        let even = _mm256_srli_epi32::<16>(rounded(value.even));
        _mm256_blend_epi16::<ODD_PLACES>(even, rounded(value.odd))
    }
}

#[inline(always)]
unsafe fn load_256(from: *const Bf16) -> Twin<__m256> {
    // SAFETY: as in `pack_256`, and 16 elements are readable.
    unsafe { unpack_256(_mm256_loadu_si256(from.cast())) }
}

/// As [`load_gated_512`].
#[inline(always)]
unsafe fn load_gated_256(from: *const Bf16, y: *const Bf16) -> Twin<__m256> {
    // SAFETY: as in `load_256`, of both pointers.
    unsafe {
        let y = _mm256_loadu_si256(y.cast());
        let is_zero = _mm256_cmpeq_epi16(y, _mm256_setzero_si256());
        let is_open = _mm256_cmpgt_epi16(y, _mm256_set1_epi16(NEGATIVE_INFINITY));
        let is_open = _mm256_andnot_si256(is_zero, is_open);
        unpack_256(_mm256_and_si256(is_open, _mm256_loadu_si256(from.cast())))
    }
}

#[inline(always)]
unsafe fn unpack_256(both: __m256i) -> Twin<__m256> {
    // SAFETY: as in `pack_256`.
    unsafe {
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
        $reg:ty, $half:ty, $join:ty, $packed:ty, $line:ty, $lanes:expr, $splat:ident, $load:ident, $weave:ident, $unpack:ident,
        $load_gated:ident, $pack:ident,
        $load_acc:ident, $store_acc:ident, $load_half:ident, $store_half:ident,
        $store:ident, $stream:ident, $add:ident, $mul:ident, $fused:ident, $max:ident, $zero:ident
    ) => {
        impl Vector<Bf16> for Twin<$reg> {
            const LANES: usize = $lanes;
            type Half = $half;
            type Join = $join;
            type Bits = $packed;
            type Line = $line;
            const STREAMS: bool = true;
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
            #[inline(always)]
            unsafe fn load_woven(from: [*const Bf16; PIECES], pieces: usize) -> Self {
                // SAFETY: as above, by the promise of the trait.
                unsafe { $unpack($weave(from.map(<*const Bf16>::cast), pieces)) }
            }
            #[inline(always)]
            unsafe fn load_gated(from: *const Bf16, y: *const Bf16) -> Self {
                // SAFETY: as above.
                unsafe { $load_gated(from, y) }
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
            unsafe fn fused(self, by: Self, plus: Self) -> Self {
                // SAFETY: as above.
                unsafe {
                    Self {
                        even: $fused(self.even, by.even, plus.even),
                        odd: $fused(self.odd, by.odd, plus.odd),
                    }
                }
            }
            #[inline(always)]
            unsafe fn relu(self) -> Self {
                // `max(0, v)` returns its second operand where either is NaN.
                // SAFETY: as above.
                unsafe { Self { even: $max($zero(), self.even), odd: $max($zero(), self.odd) } }
            }
        }
    };
}

twin!(
    __m512,
    Twin<__m256>,
    Line,
    __m512i,
    __m512i,
    32,
    _mm512_set1_ps,
    load_512,
    weave_512,
    unpack_512,
    load_gated_512,
    pack_512,
    load_acc_512,
    store_acc_512,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_storeu_si512,
    _mm512_stream_si512,
    _mm512_add_ps,
    _mm512_mul_ps,
    _mm512_fmadd_ps,
    _mm512_max_ps,
    _mm512_setzero_ps
);
twin!(
    __m256,
    Self,
    Apart,
    __m256i,
    [__m256i; 2],
    16,
    _mm256_set1_ps,
    load_256,
    weave_256,
    unpack_256,
    load_gated_256,
    pack_256,
    load_acc_256,
    store_acc_256,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_storeu_si256,
    _mm256_stream_si256,
    _mm256_add_ps,
    _mm256_mul_ps,
    _mm256_fmadd_ps,
    _mm256_max_ps,
    _mm256_setzero_ps
);
