//! The few vector operations that the loop bodies are written in, and their portable form.
//!
//! All instruction sets give the same bits: multiplication and addition stay separate unless
//! [`Vector::fused`] says otherwise, and that is exactly rounded on every processor.

use super::bits::{Bits, Words};
use super::join::{Apart, Join};

/// The type that sums are kept in.
pub(crate) trait Accumulator: Copy + 'static {
    const ZERO: Self;
    fn from_f64(value: f64) -> Self;
    fn to_f64(self) -> f64;
    fn plus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    /// `self * by + plus`, rounded once in float32, twice in float64.
    ///
    /// Not every processor has an instruction for it; float64, which nobody trains in, does without.
    fn fused(self, by: Self, plus: Self) -> Self;
    /// The same number, or the NaN whose lower bits are empty for any NaN: rounding to fewer bits
    /// then needs no case of its own for it.
    fn quiet(self) -> Self;
}

/// A type that tensors hold.
pub(crate) trait Element: Copy + 'static {
    type Acc: Accumulator + Vector<Self>;
}

/// A bfloat16 number: the upper half of a float32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Bf16(pub u16);

impl Bf16 {
    /// Rounds to the nearest, ties to even; NaN stays NaN.
    #[inline(always)]
    pub fn from_f32(value: f32) -> Self {
        let bits = value.to_bits();
        if value.is_nan() {
            return Self((bits >> 16) as u16 | 0x40);
        }
        Self(((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) as u16)
    }

    /// The same number as float32.
    #[inline(always)]
    pub fn to_f32(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }
}

impl Element for f32 {
    type Acc = f32;
}
impl Element for f64 {
    type Acc = f64;
}
impl Element for Bf16 {
    type Acc = f32;
}

/// `a * b + c` rounded once, without an instruction for it.
///
/// The product is exact in float64. Its sum with `c` is rounded to odd, which leaves what the second
/// rounding, to float32, must know: whether anything was cut off.
#[inline(always)]
fn fused_in_f64(a: f32, b: f32, c: f32) -> f32 {
    let (product, c) = (f64::from(a) * f64::from(b), f64::from(c));
    let sum = product + c;
    // What the sum lost (Knuth's two-sum).
    let part = sum - product;
    let lost = (product - (sum - part)) + (c - part);
    let bits = sum.to_bits();
    let is_inexact = lost != 0.0 && lost.is_finite() && bits & 1 == 0;
    // Away from zero to the odd neighbour, or towards it.
    let away = (lost > 0.0) == (sum > 0.0);
    let odd = if away { bits.wrapping_add(1) } else { bits.wrapping_sub(1) };
    f64::from_bits(if is_inexact { odd } else { bits }) as f32
}

macro_rules! accumulator {
    ($acc:ty, $fused:expr) => {
        impl Accumulator for $acc {
            const ZERO: Self = 0.0;
            #[inline(always)]
            #[allow(clippy::unnecessary_cast, reason = "one macro for both widths")]
            fn from_f64(value: f64) -> Self {
                value as $acc
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self + other
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self * other
            }
            #[inline(always)]
            fn fused(self, by: Self, plus: Self) -> Self {
                $fused(self, by, plus)
            }
            #[inline(always)]
            fn quiet(self) -> Self {
                if self.is_nan() { <$acc>::NAN } else { self }
            }
        }
    };
}
accumulator!(f32, fused_in_f64);
accumulator!(f64, |a, b, c| a * b + c);

/// The most pieces of [`Vector::load_woven`].
pub(super) const PIECES: usize = 4;

/// Bytes of half the widest vector.
pub(super) const HALF: usize = 32;

/// The most lanes of a vector.
pub(super) const MOST_LANES: usize = 32;

/// `LANES` accumulators that are read from and written to elements of type `E`.
///
/// # Safety
/// Every method may only be called where the instruction set of the implementing type was
/// detected; pointers must be valid for `LANES` elements, aligned as one element is.
pub(crate) trait Vector<E: Element>: Copy {
    const LANES: usize;
    /// Bytes of the elements.
    const BYTES: usize = Self::LANES * size_of::<E>();
    /// Whether [`Vector::store_own`] has an order of its own.
    const REORDERS: bool = false;
    /// A vector of half the lanes, or the same one where none of less is quick.
    type Half: Vector<E>;
    /// How halves leave in whole cache lines.
    type Join: Join<E, Self::Half>;
    /// Bytes that are copied together, a part of `BYTES`.
    type Bits: Bits;
    /// A cache line.
    type Line: Bits;
    /// Whether [`Vector::stream`] goes past the caches. What does must fill whole lines one after another:
    /// where halves of several take turns, a processor writes each of them for itself, many times as slowly.
    const STREAMS: bool = false;
    /// The elements themselves.
    type Packed: Copy;
    unsafe fn splat(value: E::Acc) -> Self;
    unsafe fn load(from: *const E) -> Self;
    /// Reads zero where `y <= 0`, else what is there: the gradient of the ReLU whose result is `y`.
    unsafe fn load_gated(from: *const E, y: *const E) -> Self;
    /// Reads a vector of which each of `pieces` equal parts, 1, 2 or 4, is at its place in another
    /// vector: part `k` in the one at `from[k]`. Each of those is readable as a whole.
    #[inline(always)]
    unsafe fn load_woven(from: [*const E; PIECES], pieces: usize) -> Self {
        let mut row = [std::mem::MaybeUninit::<E>::uninit(); MOST_LANES];
        let len = Self::LANES / pieces;
        // SAFETY: the caller's promise; no vector has more lanes than the row.
        unsafe {
            for (piece, from) in from.into_iter().enumerate().take(pieces) {
                let to = row.as_mut_ptr().cast::<E>().add(piece * len);
                from.add(piece * len).copy_to_nonoverlapping(to, len);
            }
            Self::load(row.as_ptr().cast())
        }
    }
    /// Rounds to elements. A NaN must be one of an element or of [`Accumulator::quiet`], or a result
    /// of arithmetic with such.
    unsafe fn pack(self) -> Self::Packed;
    unsafe fn store(packed: Self::Packed, to: *mut E);
    /// Stores past the caches, where the processor can; `to` is aligned to `BYTES`.
    #[inline(always)]
    unsafe fn stream(packed: Self::Packed, to: *mut E) {
        // SAFETY: the caller's promise.
        unsafe { Self::store(packed, to) }
    }
    /// Rounds and stores, past the caches if `STREAM`.
    #[inline(always)]
    unsafe fn put<const STREAM: bool>(self, to: *mut E) {
        // SAFETY: the caller's promise.
        unsafe { if STREAM { Self::stream(self.pack(), to) } else { Self::store(self.pack(), to) } }
    }
    /// Copies `BYTES` bytes past the caches; `to` is aligned to them.
    #[inline(always)]
    unsafe fn carry(from: *const u8, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { carry::<Self::Bits>(from, to, Self::BYTES) }
    }
    /// Copies [`HALF`] bytes past the caches; `to` is aligned to them.
    #[inline(always)]
    unsafe fn carry_half(from: *const u8, to: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { carry::<<Self::Half as Vector<E>>::Bits>(from, to, HALF) }
    }
    /// Makes streamed stores visible to other threads.
    #[inline(always)]
    unsafe fn fence() {}
    unsafe fn load_acc(from: *const E::Acc) -> Self;
    unsafe fn store_acc(self, to: *mut E::Acc);
    /// Reads what [`Vector::store_own`] wrote.
    #[inline(always)]
    unsafe fn load_own(from: *const E::Acc) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::load_acc(from) }
    }
    /// Stores the accumulators in whatever order is the fastest.
    #[inline(always)]
    unsafe fn store_own(self, to: *mut E::Acc) {
        // SAFETY: the caller's promise.
        unsafe { self.store_acc(to) }
    }
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    /// [`Accumulator::fused`].
    unsafe fn fused(self, by: Self, plus: Self) -> Self;
    /// Zero where negative; NaN stays NaN.
    unsafe fn relu(self) -> Self;
}

macro_rules! scalar {
    ($elem:ty, $acc:ty, $read:expr, $write:expr) => {
        impl Vector<$elem> for $acc {
            const LANES: usize = 1;
            type Half = Self;
            type Join = Apart;
            type Bits = Words<1>;
            type Line = Words<8>;
            #[inline(always)]
            unsafe fn splat(value: $acc) -> Self {
                value
            }
            #[inline(always)]
            unsafe fn load(from: *const $elem) -> Self {
                // SAFETY: the caller's pointer is valid for one element.
                $read(unsafe { *from })
            }
            #[inline(always)]
            unsafe fn load_gated(from: *const $elem, y: *const $elem) -> Self {
                // SAFETY: as above, of both pointers.
                unsafe { if $read(*y) <= 0.0 { 0.0 } else { $read(*from) } }
            }
            type Packed = $elem;
            #[inline(always)]
            unsafe fn pack(self) -> $elem {
                $write(self)
            }
            #[inline(always)]
            unsafe fn store(packed: $elem, to: *mut $elem) {
                // SAFETY: as above.
                unsafe { *to = packed }
            }
            #[inline(always)]
            unsafe fn load_acc(from: *const $acc) -> Self {
                // SAFETY: as above.
                unsafe { *from }
            }
            #[inline(always)]
            unsafe fn store_acc(self, to: *mut $acc) {
                // SAFETY: as above.
                unsafe { *to = self }
            }
            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                self + other
            }
            #[inline(always)]
            unsafe fn mul(self, other: Self) -> Self {
                self * other
            }
            #[inline(always)]
            unsafe fn fused(self, by: Self, plus: Self) -> Self {
                Accumulator::fused(self, by, plus)
            }
            #[inline(always)]
            unsafe fn relu(self) -> Self {
                if 0.0 > self { 0.0 } else { self }
            }
        }
    };
}
scalar!(f32, f32, |v: f32| v, |v: f32| v);
scalar!(f64, f64, |v: f64| v, |v: f64| v);
scalar!(Bf16, f32, Bf16::to_f32, Bf16::from_f32);

/// Several scalars side by side, for processors without a form of their own; the compiler makes
/// the baseline's vector instructions of it.
#[derive(Clone, Copy)]
pub(crate) struct Wide<A, const L: usize>([A; L]);

impl<E: Element, const L: usize> Vector<E> for Wide<E::Acc, L> {
    const LANES: usize = L;
    type Half = Self;
    type Join = Apart;
    type Bits = Words<2>;
    type Line = Words<8>;
    #[inline(always)]
    unsafe fn splat(value: E::Acc) -> Self {
        Self([value; L])
    }
    #[inline(always)]
    unsafe fn load(from: *const E) -> Self {
        // SAFETY: the caller's pointer is valid for L elements.
        Self(std::array::from_fn(|lane| unsafe { E::Acc::load(from.add(lane)) }))
    }
    #[inline(always)]
    unsafe fn load_gated(from: *const E, y: *const E) -> Self {
        // SAFETY: as above, of both pointers.
        Self(std::array::from_fn(|lane| unsafe { E::Acc::load_gated(from.add(lane), y.add(lane)) }))
    }
    type Packed = Self;
    #[inline(always)]
    unsafe fn pack(self) -> Self {
        self
    }
    #[inline(always)]
    unsafe fn store(packed: Self, to: *mut E) {
        for (lane, value) in packed.0.into_iter().enumerate() {
            // SAFETY: as above.
            unsafe { value.put::<false>(to.add(lane)) }
        }
    }
    #[inline(always)]
    unsafe fn load_acc(from: *const E::Acc) -> Self {
        // SAFETY: as above.
        Self(unsafe { from.cast::<[E::Acc; L]>().read() })
    }
    #[inline(always)]
    unsafe fn store_acc(self, to: *mut E::Acc) {
        // SAFETY: as above.
        unsafe { to.cast::<[E::Acc; L]>().write(self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane].plus(other.0[lane])))
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane].times(other.0[lane])))
    }
    #[inline(always)]
    unsafe fn fused(self, by: Self, plus: Self) -> Self {
        Self(std::array::from_fn(|lane| Accumulator::fused(self.0[lane], by.0[lane], plus.0[lane])))
    }
    #[inline(always)]
    unsafe fn relu(self) -> Self {
        // SAFETY: the scalar form needs no instruction set.
        Self(self.0.map(|value| unsafe { <E::Acc as Vector<E>>::relu(value) }))
    }
}

/// Copies `bytes` bytes past the caches; `to` is aligned to those of `B`, which divide them.
#[inline(always)]
unsafe fn carry<B: Bits>(from: *const u8, to: *mut u8, bytes: usize) {
    for at in (0..bytes).step_by(B::BYTES) {
        // SAFETY: the caller's promise.
        unsafe { B::load(from.add(at)).stream(to.add(at)) };
    }
}

/// Elements until `to` is aligned to a whole vector, at most `len`.
#[inline(always)]
pub(super) fn head<E: Element, V: Vector<E>>(to: *const E, len: usize) -> usize {
    let vector = V::LANES * size_of::<E>();
    let past = to as usize % vector;
    let bytes = if past == 0 { 0 } else { vector - past };
    // An address that is no multiple of an element never fits: then all of it is the head.
    if bytes.is_multiple_of(size_of::<E>()) { (bytes / size_of::<E>()).min(len) } else { len }
}

/// Asks for a cache line that will be read soon, into the first-level cache if `NEAR`, else the second.
#[inline(always)]
pub(super) fn foresee<const NEAR: bool>(place: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};
        // SAFETY: a hint, which no address makes fail.
        unsafe {
            if NEAR {
                _mm_prefetch::<_MM_HINT_T0>(place.cast());
            } else {
                _mm_prefetch::<_MM_HINT_T1>(place.cast());
            }
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// Copies `bytes` bytes, past the caches if `stream`.
///
/// # Safety
/// As [`std::ptr::copy_nonoverlapping`], and `V` is supported.
#[inline(always)]
pub(super) unsafe fn copy<E: Element, V: Vector<E>>(
    from: *const u8,
    to: *mut u8,
    bytes: usize,
    stream: bool,
) {
    // SAFETY: every access lies inside the `bytes` bytes; the middle is aligned for streaming.
    unsafe {
        if !stream || bytes < 2 * V::BYTES {
            return from.copy_to_nonoverlapping(to, bytes);
        }
        let mut at = (V::BYTES - to as usize % V::BYTES) % V::BYTES;
        from.copy_to_nonoverlapping(to, at);
        while at + V::BYTES <= bytes {
            V::carry(from.add(at), to.add(at));
            at += V::BYTES;
        }
        from.add(at).copy_to_nonoverlapping(to.add(at), bytes - at);
    }
}
