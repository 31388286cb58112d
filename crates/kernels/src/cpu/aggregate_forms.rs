//! The terms of TAM that meet in a column: fixed for the networks' three taps, so that all vectors
//! of a column are registers, and of any number else.

use super::aggregate::{Plan, Term};
use super::vector::{Accumulator, Element, Vector};

/// What a column of TAM adds up.
///
/// Only constant places of arrays are named, and no vector passes through a closure: the compiler
/// keeps them in registers, and in one function with the right instruction set, only so.
///
/// # Safety
/// Of all methods: `V` is supported, and pointers are valid for `LANES` elements at `at`.
pub(super) trait Form {
    /// The frames in sight of a column, oldest first.
    type Sight<V: Copy>;
    /// One such sight for each output.
    type Sights<V: Copy>;
    /// One vector for each term.
    type Few<V: Copy>;

    fn sight<V: Copy>(&self, value: V) -> Self::Sight<V>;

    fn sights<V: Copy>(&self, value: V) -> Self::Sights<V>;

    fn few<V: Copy>(&self, value: V) -> Self::Few<V>;

    /// Whether its numbers are few enough to be staged.
    const STAGED: bool;

    /// How many frames before and after one it meets.
    fn reach(&self) -> (usize, usize);

    /// Reads a vector's numbers of each term.
    unsafe fn read<E: Element, V: Vector<E>>(&self, few: &mut Self::Few<V>, from: *const E::Acc);

    /// Writes them.
    unsafe fn write<E: Element, V: Vector<E>>(&self, few: &Self::Few<V>, to: *mut E::Acc);

    /// Puts a frame into sight and lets the oldest one out of it.
    fn enter<V: Copy>(&self, sight: &mut Self::Sight<V>, newest: V);

    /// As `enter` for each output: the gradients at `at` where its result is not zero, or nothing.
    unsafe fn open<E: Element, V: Vector<E>>(
        &self,
        sights: &mut Self::Sights<V>,
        grads: [*const E; 2],
        ys: [*mut E; 2],
        at: Option<usize>,
    );

    /// The sum of each output, rectified; a second one only where there is one.
    unsafe fn mix<E: Element, V: Vector<E>>(
        &self,
        sight: &Self::Sight<V>,
        weights: &Self::Few<V>,
    ) -> [V::Packed; 2];

    /// How many outputs there are.
    fn outputs(&self) -> usize;

    /// The gradient of a frame; adds its products with the frame to `sums`.
    unsafe fn spread<E: Element, V: Vector<E>>(
        &self,
        sights: &Self::Sights<V>,
        weights: &Self::Few<V>,
        sums: &mut Self::Few<V>,
        x: V,
    ) -> V;
}

/// `grad` where `y` is not zero; zero outside the clip.
#[inline(always)]
unsafe fn gated<E: Element, V: Vector<E>>(grad: *const E, y: *const E, at: Option<usize>) -> V {
    // SAFETY: the caller's promise.
    unsafe {
        match at {
            Some(at) => V::load_gated(grad.add(at), y.add(at)),
            None => V::splat(E::Acc::ZERO),
        }
    }
}

/// Three taps.
pub(super) struct Three;

impl Three {
    pub const TERMS: [Term; 3] =
        [Term { out: 0, shift: -1 }, Term { out: 0, shift: 0 }, Term { out: 0, shift: 1 }];
}

impl Form for Three {
    type Sight<V: Copy> = [V; 3];
    type Sights<V: Copy> = [V; 3];
    type Few<V: Copy> = [V; 3];
    const STAGED: bool = true;
    #[inline(always)]
    fn sight<V: Copy>(&self, value: V) -> [V; 3] {
        [value; 3]
    }
    #[inline(always)]
    fn sights<V: Copy>(&self, value: V) -> [V; 3] {
        [value; 3]
    }
    #[inline(always)]
    fn few<V: Copy>(&self, value: V) -> [V; 3] {
        [value; 3]
    }
    #[inline(always)]
    fn reach(&self) -> (usize, usize) {
        (1, 1)
    }
    #[inline(always)]
    unsafe fn read<E: Element, V: Vector<E>>(&self, few: &mut [V; 3], from: *const E::Acc) {
        // SAFETY: the caller's promise.
        unsafe {
            few[0] = V::load_own(from);
            few[1] = V::load_own(from.add(V::LANES));
            few[2] = V::load_own(from.add(2 * V::LANES));
        }
    }
    #[inline(always)]
    unsafe fn write<E: Element, V: Vector<E>>(&self, few: &[V; 3], to: *mut E::Acc) {
        // SAFETY: the caller's promise.
        unsafe {
            few[0].store_own(to);
            few[1].store_own(to.add(V::LANES));
            few[2].store_own(to.add(2 * V::LANES));
        }
    }
    #[inline(always)]
    fn enter<V: Copy>(&self, sight: &mut [V; 3], newest: V) {
        *sight = [sight[1], sight[2], newest];
    }
    #[inline(always)]
    unsafe fn open<E: Element, V: Vector<E>>(
        &self,
        sights: &mut [V; 3],
        grads: [*const E; 2],
        ys: [*mut E; 2],
        at: Option<usize>,
    ) {
        // SAFETY: the caller's promise.
        unsafe { self.enter(sights, gated(grads[0], ys[0], at)) }
    }
    #[inline(always)]
    unsafe fn mix<E: Element, V: Vector<E>>(
        &self,
        &[past, here, next]: &[V; 3],
        &[a, b, c]: &[V; 3],
    ) -> [V::Packed; 2] {
        // SAFETY: the caller's promise.
        unsafe { [next.fused(c, here.fused(b, past.mul(a))).relu().pack(); 2] }
    }
    #[inline(always)]
    fn outputs(&self) -> usize {
        1
    }
    #[inline(always)]
    unsafe fn spread<E: Element, V: Vector<E>>(
        &self,
        &[past, here, next]: &[V; 3],
        &[a, b, c]: &[V; 3],
        sums: &mut [V; 3],
        x: V,
    ) -> V {
        // The past tap saw this frame from the next one.
        // SAFETY: the caller's promise.
        unsafe {
            sums[0] = next.fused(x, sums[0]);
            sums[1] = here.fused(x, sums[1]);
            sums[2] = past.fused(x, sums[2]);
            past.fused(c, here.fused(b, next.mul(a)))
        }
    }
}

/// Three taps over maps that two frames share.
pub(super) struct ThreeOfPairs;

impl ThreeOfPairs {
    pub const TERMS: [Term; 4] = [
        Term { out: 0, shift: -1 },
        Term { out: 0, shift: 0 },
        Term { out: 1, shift: 0 },
        Term { out: 1, shift: 1 },
    ];
}

impl Form for ThreeOfPairs {
    type Sight<V: Copy> = [V; 3];
    type Sights<V: Copy> = [[V; 3]; 2];
    type Few<V: Copy> = [V; 4];
    const STAGED: bool = true;
    #[inline(always)]
    fn sight<V: Copy>(&self, value: V) -> [V; 3] {
        [value; 3]
    }
    #[inline(always)]
    fn sights<V: Copy>(&self, value: V) -> [[V; 3]; 2] {
        [[value; 3]; 2]
    }
    #[inline(always)]
    fn few<V: Copy>(&self, value: V) -> [V; 4] {
        [value; 4]
    }
    #[inline(always)]
    fn reach(&self) -> (usize, usize) {
        (1, 1)
    }
    #[inline(always)]
    unsafe fn read<E: Element, V: Vector<E>>(&self, few: &mut [V; 4], from: *const E::Acc) {
        // SAFETY: the caller's promise.
        unsafe {
            few[0] = V::load_own(from);
            few[1] = V::load_own(from.add(V::LANES));
            few[2] = V::load_own(from.add(2 * V::LANES));
            few[3] = V::load_own(from.add(3 * V::LANES));
        }
    }
    #[inline(always)]
    unsafe fn write<E: Element, V: Vector<E>>(&self, few: &[V; 4], to: *mut E::Acc) {
        // SAFETY: the caller's promise.
        unsafe {
            few[0].store_own(to);
            few[1].store_own(to.add(V::LANES));
            few[2].store_own(to.add(2 * V::LANES));
            few[3].store_own(to.add(3 * V::LANES));
        }
    }
    #[inline(always)]
    fn enter<V: Copy>(&self, sight: &mut [V; 3], newest: V) {
        *sight = [sight[1], sight[2], newest];
    }
    #[inline(always)]
    unsafe fn open<E: Element, V: Vector<E>>(
        &self,
        [even, odd]: &mut [[V; 3]; 2],
        grads: [*const E; 2],
        ys: [*mut E; 2],
        at: Option<usize>,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            self.enter(even, gated(grads[0], ys[0], at));
            self.enter(odd, gated(grads[1], ys[1], at));
        }
    }
    #[inline(always)]
    unsafe fn mix<E: Element, V: Vector<E>>(
        &self,
        &[past, here, next]: &[V; 3],
        &[a, b, c, d]: &[V; 4],
    ) -> [V::Packed; 2] {
        // SAFETY: the caller's promise.
        unsafe {
            let (even, odd) = (here.fused(b, past.mul(a)), next.fused(d, here.mul(c)));
            [even.relu().pack(), odd.relu().pack()]
        }
    }
    #[inline(always)]
    fn outputs(&self) -> usize {
        2
    }
    #[inline(always)]
    unsafe fn spread<E: Element, V: Vector<E>>(
        &self,
        &[[_, even, even_next], [odd_past, odd, _]]: &[[V; 3]; 2],
        &[a, b, c, d]: &[V; 4],
        sums: &mut [V; 4],
        x: V,
    ) -> V {
        // SAFETY: the caller's promise.
        unsafe {
            sums[0] = even_next.fused(x, sums[0]);
            sums[1] = even.fused(x, sums[1]);
            sums[2] = odd.fused(x, sums[2]);
            sums[3] = odd_past.fused(x, sums[3]);
            odd_past.fused(d, odd.fused(c, even.fused(b, even_next.mul(a))))
        }
    }
}

impl Form for Plan {
    type Sight<V: Copy> = Vec<V>;
    type Sights<V: Copy> = Vec<Vec<V>>;
    type Few<V: Copy> = Vec<V>;
    const STAGED: bool = false;
    fn sight<V: Copy>(&self, value: V) -> Vec<V> {
        let (before, after) = self.reach();
        vec![value; before + 1 + after]
    }
    fn sights<V: Copy>(&self, value: V) -> Vec<Vec<V>> {
        vec![self.sight(value); self.outputs()]
    }
    fn few<V: Copy>(&self, value: V) -> Vec<V> {
        vec![value; self.terms.len()]
    }
    fn reach(&self) -> (usize, usize) {
        let shifts = || self.terms.iter().map(|term| term.shift);
        let (least, most) = (shifts().min().unwrap_or(0), shifts().max().unwrap_or(0));
        (least.min(0).unsigned_abs(), most.max(0).unsigned_abs())
    }
    #[inline(always)]
    unsafe fn read<E: Element, V: Vector<E>>(&self, few: &mut Vec<V>, from: *const E::Acc) {
        for (index, value) in few.iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            *value = unsafe { V::load_own(from.add(index * V::LANES)) };
        }
    }
    #[inline(always)]
    unsafe fn write<E: Element, V: Vector<E>>(&self, few: &Vec<V>, to: *mut E::Acc) {
        for (index, value) in few.iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { value.store_own(to.add(index * V::LANES)) };
        }
    }
    #[inline(always)]
    fn enter<V: Copy>(&self, sight: &mut Vec<V>, newest: V) {
        let last = sight.len() - 1;
        sight.copy_within(1.., 0);
        sight[last] = newest;
    }
    #[inline(always)]
    unsafe fn open<E: Element, V: Vector<E>>(
        &self,
        sights: &mut Vec<Vec<V>>,
        grads: [*const E; 2],
        ys: [*mut E; 2],
        at: Option<usize>,
    ) {
        for (out, sight) in sights.iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { self.enter(sight, gated(grads[out], ys[out], at)) };
        }
    }
    #[inline(always)]
    unsafe fn mix<E: Element, V: Vector<E>>(
        &self,
        sight: &Vec<V>,
        weights: &Vec<V>,
    ) -> [V::Packed; 2] {
        let (before, _) = self.reach();
        // SAFETY: the caller's promise.
        unsafe {
            let zero = V::splat(E::Acc::ZERO);
            let mut sums = [zero, zero];
            for (term, weight) in self.terms.iter().zip(weights) {
                let met = sight[before.wrapping_add_signed(term.shift)];
                sums[term.out] = met.fused(*weight, sums[term.out]);
            }
            [sums[0].relu().pack(), sums[1].relu().pack()]
        }
    }
    fn outputs(&self) -> usize {
        1 + self.terms.iter().map(|term| term.out).max().unwrap_or(0)
    }
    #[inline(always)]
    unsafe fn spread<E: Element, V: Vector<E>>(
        &self,
        sights: &Vec<Vec<V>>,
        weights: &Vec<V>,
        sums: &mut Vec<V>,
        x: V,
    ) -> V {
        let (_, after) = self.reach();
        // SAFETY: the caller's promise.
        unsafe {
            let mut total = V::splat(E::Acc::ZERO);
            for (index, term) in self.terms.iter().enumerate() {
                let met = sights[term.out][after.wrapping_add_signed(-term.shift)];
                sums[index] = met.fused(x, sums[index]);
                total = met.fused(weights[index], total);
            }
            total
        }
    }
}
