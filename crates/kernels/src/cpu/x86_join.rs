//! Halves of vectors in AVX-512: a half and as many bytes more leave as one cache line.

#![allow(
    clippy::wildcard_imports,
    reason = "the names of all instructions would be a page of imports"
)]

use std::arch::x86_64::*;
use std::convert::identity;

use super::join::Join;
use super::vector::{Bf16, Vector};
use super::x86_bf16::Twin;

/// Whole cache lines.
pub(crate) struct Line;

/// Implements `Join` for the halves of one type, given what makes bits of them.
macro_rules! join {
    ($elem:ty, $half:ty, $bits:path) => {
        impl Join<$elem, $half> for Line {
            const BESIDE: usize = size_of::<__m256i>();
            type Bits = __m512i;
            type Joined = __m512i;
            #[inline(always)]
            unsafe fn join(value: $half, beside: *const u8) -> __m512i {
                // SAFETY: AVX-512 was detected, and the promise of the trait.
                unsafe {
                    let lower = $bits(<$half as Vector<$elem>>::pack(value));
                    let upper = _mm256_loadu_si256(beside.cast());
                    _mm512_inserti64x4::<1>(_mm512_castsi256_si512(lower), upper)
                }
            }
            #[inline(always)]
            unsafe fn store(joined: __m512i, to: *mut $elem) {
                // SAFETY: as above.
                unsafe { _mm512_storeu_si512(to.cast(), joined) };
            }
            #[inline(always)]
            unsafe fn stream(joined: __m512i, to: *mut $elem) {
                // SAFETY: as above.
                unsafe { _mm512_stream_si512(to.cast(), joined) };
            }
        }
    };
}

join!(f32, __m256, _mm256_castps_si256);
join!(f64, __m256d, _mm256_castpd_si256);
join!(Bf16, Twin<__m256>, identity);
