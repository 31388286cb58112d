//! Which instruction set the loops run in: detected once, or forced by `TIMEWEAVE_CPU`.

use std::ops::Range;
use std::sync::atomic::{AtomicU8, Ordering};

use super::vector::{Bf16, Element, Vector, Wide};

/// The instruction sets there are bodies for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Isa {
    /// What every processor of the architecture has.
    Baseline = 1,
    /// AVX2 and FMA (x86-64).
    Avx2 = 2,
    /// AVX-512 F, BW, DQ and VL, besides AVX2 and FMA (x86-64).
    Avx512 = 3,
}

impl Isa {
    /// All of them, slowest first.
    pub const ALL: [Self; 3] = [Self::Baseline, Self::Avx2, Self::Avx512];

    /// Whether this processor runs it.
    pub fn is_supported(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return match self {
            Self::Baseline => true,
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            Self::Avx512 => {
                Self::Avx2.is_supported()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
        };
        #[cfg(not(target_arch = "x86_64"))]
        return self == Self::Baseline;
    }

    /// The best one that this processor and `TIMEWEAVE_CPU=baseline|avx2|avx512` allow.
    ///
    /// A name that the processor does not support, or that does not exist, changes nothing.
    pub fn detect() -> Self {
        let asked = match std::env::var("TIMEWEAVE_CPU").as_deref() {
            Ok("baseline") => Some(Self::Baseline),
            Ok("avx2") => Some(Self::Avx2),
            Ok("avx512") => Some(Self::Avx512),
            _ => None,
        };
        asked.filter(|isa| isa.is_supported()).unwrap_or_else(|| {
            *Self::ALL.iter().rev().find(|isa| isa.is_supported()).unwrap_or(&Self::Baseline)
        })
    }

    /// The one in use.
    pub fn current() -> Self {
        match CURRENT.load(Ordering::Relaxed) {
            1 => Self::Baseline,
            2 => Self::Avx2,
            3 => Self::Avx512,
            _ => {
                let isa = Self::detect();
                CURRENT.store(isa as u8, Ordering::Relaxed);
                isa
            }
        }
    }

    /// Uses `self` from now on, in all threads; false if this processor does not support it.
    ///
    /// For tests and benches, which compare the bodies with one another.
    pub fn force(self) -> bool {
        let supported = self.is_supported();
        if supported {
            CURRENT.store(self as u8, Ordering::Relaxed);
        }
        supported
    }
}

static CURRENT: AtomicU8 = AtomicU8::new(0);

/// The element types of the CPU bodies, numbered as in `csrc/ops.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Dtype {
    /// 32-bit float.
    F32 = 0,
    /// bfloat16, summed in 32 bits.
    Bf16 = 1,
    /// 64-bit float.
    F64 = 2,
}

impl Dtype {
    /// Bytes of an element.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::Bf16 => 2,
            Self::F64 => 8,
        }
    }

    /// The type with this number.
    pub(crate) fn of(number: i32) -> Option<Self> {
        [Self::F32, Self::Bf16, Self::F64].into_iter().find(|dtype| *dtype as i32 == number)
    }
}

/// A loop over numbered tasks, generic in element and vector type.
pub(crate) trait Kernel {
    /// # Safety
    /// The pointers inside must be valid for the shapes inside, no other thread may run the same
    /// tasks, and the instruction set of `V` must be supported.
    unsafe fn run<E: Element, V: Vector<E>>(&self, tasks: Range<i64>);
}

/// Runs `tasks` of `kernel` in the current instruction set.
///
/// # Safety
/// As [`Kernel::run`].
pub(crate) unsafe fn launch(kernel: &impl Kernel, dtype: Dtype, tasks: Range<i64>) {
    // SAFETY: the caller's promise; `current` is always a supported instruction set.
    unsafe {
        match Isa::current() {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => avx512(kernel, dtype, tasks),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => avx2(kernel, dtype, tasks),
            _ => match dtype {
                Dtype::F32 => kernel.run::<f32, Wide<f32, 8>>(tasks),
                Dtype::Bf16 => kernel.run::<Bf16, Wide<f32, 8>>(tasks),
                Dtype::F64 => kernel.run::<f64, Wide<f64, 4>>(tasks),
            },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn avx512(kernel: &impl Kernel, dtype: Dtype, tasks: Range<i64>) {
    use super::x86_bf16::Twin;
    use std::arch::x86_64::{__m512, __m512d};
    // SAFETY: the caller's promise.
    unsafe {
        match dtype {
            Dtype::F32 => kernel.run::<f32, __m512>(tasks),
            Dtype::Bf16 => kernel.run::<Bf16, Twin<__m512>>(tasks),
            Dtype::F64 => kernel.run::<f64, __m512d>(tasks),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(kernel: &impl Kernel, dtype: Dtype, tasks: Range<i64>) {
    use super::x86_bf16::Twin;
    use std::arch::x86_64::{__m256, __m256d};
    // SAFETY: the caller's promise.
    unsafe {
        match dtype {
            Dtype::F32 => kernel.run::<f32, __m256>(tasks),
            Dtype::Bf16 => kernel.run::<Bf16, Twin<__m256>>(tasks),
            Dtype::F64 => kernel.run::<f64, __m256d>(tasks),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::vector::Accumulator;
    use super::*;

    /// Rounds numbers to elements, as results of arithmetic are.
    struct Round<'a> {
        numbers: &'a [f32],
        rounded: *mut Bf16,
    }

    impl Kernel for Round<'_> {
        #[inline(always)]
        unsafe fn run<E: Element, V: Vector<E>>(&self, _: Range<i64>) {
            let (from, to) = (self.numbers.as_ptr().cast::<E::Acc>(), self.rounded.cast::<E>());
            for at in (0..self.numbers.len()).step_by(V::LANES) {
                // SAFETY: both hold as many numbers, a multiple of the lanes of every type.
                unsafe {
                    let one = V::splat(E::Acc::from_f64(1.0));
                    V::store(V::load_acc(from.add(at)).mul(one).pack(), to.add(at));
                }
            }
        }
    }

    #[test]
    fn every_instruction_set_rounds_alike() {
        let lower = [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff];
        let numbers: Vec<_> = (0..=u32::from(u16::MAX))
            .flat_map(|upper| lower.map(|lower| f32::from_bits(upper << 16 | lower).quiet()))
            .chain([0, 0x40_0000].map(|more| f32::from_bits(0x7f80_0001 + more).quiet()))
            .collect();
        let numbers = &numbers[..numbers.len() / 32 * 32];
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_supported()) {
            let mut rounded = vec![Bf16::default(); numbers.len()];
            assert!(isa.force());
            // SAFETY: `rounded` holds as many elements as there are numbers.
            unsafe {
                launch(&Round { numbers, rounded: rounded.as_mut_ptr() }, Dtype::Bf16, 0..1);
            }
            for (number, rounded) in numbers.iter().zip(rounded) {
                let expected = Bf16::from_f32(*number);
                assert_eq!(rounded, expected, "{isa:?}: {number:?} {:#x}", number.to_bits());
            }
        }
        assert!(Isa::detect().force());
    }
}
