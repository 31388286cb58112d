//! The loops of TAM over tasks, strips and clips.

use std::ops::Range;

use super::aggregate::{Aggregate, Plan};
use super::aggregate_columns::{Maps, Rows, mix, spread};
use super::aggregate_forms::{Form, Three, ThreeOfPairs};
use super::aggregate_parts::parts;
use super::aggregate_workspace::Workspace;
use super::isa::Kernel;
use super::shape::is_just_behind;
use super::vector::{Element, Vector};

/// Frames that a column passes at once, forward and backward. More would need more registers than
/// there are; fewer would read their neighbours, which are still in the cache, too often.
const FORWARD: usize = 8;
const BACKWARD: usize = 4;

/// As `BACKWARD`, of elements of 32 bits or more with few weights and sums to read again: then
/// memory has the last word, and prefers fewer rows at a time.
const FEW: usize = 2;

/// Up to how many numbers of a kind are few.
const FEW_NUMBERS: usize = 128;

/// The frames in blocks of the first size that fits, or else one by one.
fn blocks(frames: usize, sizes: [usize; 2]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        at += sizes.into_iter().find(|size| at + size <= frames).unwrap_or(1);
        (start < frames).then_some(start..at)
    })
}

/// The forward loop.
pub(crate) struct Forward<'a>(pub &'a Aggregate);

impl Kernel for Forward<'_> {
    #[inline(always)]
    unsafe fn run<E: Element, V: Vector<E>>(&self, tasks: Range<i64>) {
        let plan = Plan::of(self.0);
        // SAFETY: the caller's promise.
        unsafe {
            match &plan.terms[..] {
                terms if terms == Three::TERMS => self.tasks::<E, V, _>(&Three, &plan, tasks),
                terms if terms == ThreeOfPairs::TERMS => {
                    self.tasks::<E, V, _>(&ThreeOfPairs, &plan, tasks);
                }
                _ => self.tasks::<E, V, _>(&plan, &plan, tasks),
            }
        }
    }
}

impl Forward<'_> {
    #[inline(always)]
    unsafe fn tasks<E: Element, V: Vector<E>, F: Form>(
        &self,
        form: &F,
        plan: &Plan,
        tasks: Range<i64>,
    ) {
        let targets = self.0.y.map(<*mut _>::cast);
        // SAFETY: the caller's promise; every strip lies inside the frame, and strips of streamed
        // maps start and end with a cache line.
        unsafe {
            let mut work = Workspace::<E>::new(self.0, plan, &targets[..self.0.outputs()]);
            work.falls = self.falls();
            let per_clip = work.cut.per_clip();
            let sum = tasks.start + tasks.end - 1;
            for task in tasks {
                let task = if work.falls { sum - task } else { task };
                let (group, piece) = (task as usize / per_clip, task as usize % per_clip);
                let clips = self.0.clips(group);
                let mut parts = parts(&self.0.shape, &work.cut, piece, false);
                if work.falls {
                    parts.reverse();
                }
                for part in parts {
                    work.enter::<V>(&part);
                    for clip in clips.clone() {
                        let maps = work.maps(&clips, clip, &part);
                        let (rows, streams) = (work.rows(&part), work.streams);
                        Self::columns::<E, V, F>(form, &maps, rows, part.range.len(), streams);
                    }
                }
            }
            V::fence();
        }
    }

    /// Whether results should be written from the last to the first: more of them lie just behind
    /// the input than just before it.
    fn falls(&self) -> bool {
        let (x, ys) = (self.0.x, &self.0.y[..self.0.outputs()]);
        let behind = ys.iter().filter(|y| is_just_behind(x, **y)).count();
        behind > ys.iter().filter(|y| is_just_behind(**y, x)).count()
    }

    /// All frames of a part of a clip.
    #[inline(always)]
    unsafe fn columns<E: Element, V: Vector<E>, F: Form>(
        form: &F,
        maps: &Maps<E>,
        rows: Rows<E::Acc>,
        len: usize,
        streams: bool,
    ) {
        // Two results of each frame would not fit the registers.
        let most = if form.outputs() > 1 { BACKWARD } else { FORWARD };
        for frames in blocks(maps.frames, [most, BACKWARD]) {
            let (first, all) = (frames.start, 0..len);
            // SAFETY: the caller's promise.
            unsafe {
                let done = match (frames.len(), streams) {
                    (FORWARD, true) => mix::<E, V, F, true, FORWARD>(form, maps, rows, first, all),
                    (FORWARD, false) => {
                        mix::<E, V, F, false, FORWARD>(form, maps, rows, first, all)
                    }
                    (BACKWARD, true) => {
                        mix::<E, V, F, true, BACKWARD>(form, maps, rows, first, all)
                    }
                    (BACKWARD, false) => {
                        mix::<E, V, F, false, BACKWARD>(form, maps, rows, first, all)
                    }
                    (_, true) => mix::<E, V, F, true, 1>(form, maps, rows, first, all),
                    (_, false) => mix::<E, V, F, false, 1>(form, maps, rows, first, all),
                };
                for t in frames {
                    mix::<E, E::Acc, F, false, 1>(form, maps, rows, t, done..len);
                }
            }
        }
    }
}

/// The backward loop.
pub(crate) struct Backward<'a>(pub &'a Aggregate);

impl Kernel for Backward<'_> {
    #[inline(always)]
    unsafe fn run<E: Element, V: Vector<E>>(&self, tasks: Range<i64>) {
        let plan = Plan::of(self.0);
        // SAFETY: the caller's promise.
        unsafe {
            match &plan.terms[..] {
                terms if terms == Three::TERMS => self.tasks::<E, V, _>(&Three, &plan, tasks),
                terms if terms == ThreeOfPairs::TERMS => {
                    self.tasks::<E, V, _>(&ThreeOfPairs, &plan, tasks);
                }
                _ => self.tasks::<E, V, _>(&plan, &plan, tasks),
            }
        }
    }
}

impl Backward<'_> {
    #[inline(always)]
    unsafe fn tasks<E: Element, V: Vector<E>, F: Form>(
        &self,
        form: &F,
        plan: &Plan,
        tasks: Range<i64>,
    ) {
        // SAFETY: as in the forward loop.
        unsafe {
            let mut work = Workspace::<E>::new(self.0, plan, &[self.0.grad_x.cast()]);
            let per_clip = work.cut.per_clip();
            for task in tasks {
                let (group, piece) = (task as usize / per_clip, task as usize % per_clip);
                let clips = self.0.clips(group);
                work.clear((group, piece));
                for part in parts(&self.0.shape, &work.cut, piece, true) {
                    for clip in clips.clone() {
                        work.turn::<V>((group, piece), &part);
                        let maps = work.maps(&clips, clip, &part);
                        let (rows, streams) = (work.rows(&part), work.streams);
                        Self::columns::<E, V, F>(form, &maps, rows, part.range.len(), streams);
                    }
                }
                work.leave::<V>((group, piece));
            }
            V::fence();
        }
    }

    /// All frames of a part of a clip.
    #[inline(always)]
    unsafe fn columns<E: Element, V: Vector<E>, F: Form>(
        form: &F,
        maps: &Maps<E>,
        rows: Rows<E::Acc>,
        len: usize,
        streams: bool,
    ) {
        let is_few = size_of::<E>() >= size_of::<f32>() && rows.mask < FEW_NUMBERS;
        let size = if is_few { FEW } else { BACKWARD };
        for frames in blocks(maps.frames, [size; 2]) {
            let (first, all) = (frames.start, 0..len);
            // SAFETY: the caller's promise.
            unsafe {
                let done = match (frames.len(), streams) {
                    (BACKWARD, true) => {
                        spread::<E, V, F, true, BACKWARD>(form, maps, rows, first, all)
                    }
                    (BACKWARD, false) => {
                        spread::<E, V, F, false, BACKWARD>(form, maps, rows, first, all)
                    }
                    (FEW, true) => spread::<E, V, F, true, FEW>(form, maps, rows, first, all),
                    (FEW, false) => spread::<E, V, F, false, FEW>(form, maps, rows, first, all),
                    (_, true) => spread::<E, V, F, true, 1>(form, maps, rows, first, all),
                    (_, false) => spread::<E, V, F, false, 1>(form, maps, rows, first, all),
                };
                for t in frames {
                    spread::<E, E::Acc, F, false, 1>(form, maps, rows, t, done..len);
                }
            }
        }
    }
}
