//! The loops of TAM over tasks, strips and clips.

use std::ops::Range;

use super::aggregate::{Aggregate, Plan};
use super::aggregate_columns::{Maps, Numbers, Pass, mix, spread};
use super::aggregate_forms::{Form, Three, ThreeOfPairs};
use super::aggregate_parts::parts;
use super::aggregate_workspace::Workspace;
use super::columns::{blocks, stretches};
use super::isa::Kernel;
use super::shape::{LINE, is_just_behind};
use super::vector::{Element, Vector};

/// Frames that a column passes at once, forward and backward. More would need more registers than
/// there are; fewer would read their neighbours, which are still in the cache, too often.
const FORWARD: usize = 8;
const BACKWARD: usize = 4;

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
            let mut work = Workspace::<E>::new(self.0, plan, &targets[..self.0.outputs()], false);
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
                for (index, part) in parts.iter().enumerate() {
                    work.enter::<V>(part);
                    for clip in clips.clone() {
                        let ahead = work.ahead(&clips, clip, &parts, index);
                        let (maps, len) = (work.maps(clip, part), part.range.len());
                        let (numbers, streams) = (work.numbers(part), work.streams);
                        Self::columns::<E, V, F>(form, &maps, numbers, (len, ahead), streams);
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
        numbers: Numbers<E::Acc>,
        (len, ahead): (usize, [isize; 2]),
        streams: bool,
    ) {
        // Two results of each frame, or two vectors of a cache line, would not fit the registers.
        let in_parts = V::STREAMS && V::BYTES < LINE;
        let most = if form.outputs() > 1 || in_parts { BACKWARD } else { FORWARD };
        let whole = len / V::LANES * V::LANES;
        for frames in blocks(maps.frames, [most, BACKWARD]) {
            let first = frames.start;
            for (range, ahead) in stretches(whole, (size_of::<E>(), V::LANES), ahead, maps.falls) {
                let pass = Pass { first, range, turns: 1, ahead };
                // SAFETY: the caller's promise.
                unsafe {
                    match (frames.len(), streams) {
                        (FORWARD, true) => mix::<E, V, F, true, FORWARD>(form, maps, numbers, pass),
                        (FORWARD, false) => {
                            mix::<E, V, F, false, FORWARD>(form, maps, numbers, pass);
                        }
                        (BACKWARD, true) => {
                            mix::<E, V, F, true, BACKWARD>(form, maps, numbers, pass);
                        }
                        (BACKWARD, false) => {
                            mix::<E, V, F, false, BACKWARD>(form, maps, numbers, pass);
                        }
                        (_, true) => mix::<E, V, F, true, 1>(form, maps, numbers, pass),
                        (_, false) => mix::<E, V, F, false, 1>(form, maps, numbers, pass),
                    }
                }
            }
            for first in frames {
                let pass = Pass { first, range: whole..len, turns: 1, ahead: ahead[1] };
                // SAFETY: the caller's promise.
                unsafe { mix::<E, E::Acc, F, false, 1>(form, maps, numbers, pass) };
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
            let mut work = Workspace::<E>::new(self.0, plan, &[self.0.grad_x.cast()], true);
            let per_clip = work.cut.per_clip();
            for task in tasks {
                let (group, piece) = (task as usize / per_clip, task as usize % per_clip);
                let clips = self.0.clips(group);
                work.clear((group, piece));
                let parts = parts(&self.0.shape, &work.cut, piece, true);
                for (index, part) in parts.iter().enumerate() {
                    for clip in clips.clone() {
                        work.turn::<V>((group, piece), part);
                        let ahead = work.ahead(&clips, clip, &parts, index);
                        let (maps, len) = (work.maps(clip, part), part.range.len());
                        let (numbers, streams) = (work.numbers(part), work.streams);
                        Self::columns::<E, V, F>(form, &maps, numbers, (len, ahead), streams);
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
        numbers: Numbers<E::Acc>,
        (len, ahead): (usize, [isize; 2]),
        streams: bool,
    ) {
        let whole = len / V::LANES * V::LANES;
        for frames in blocks(maps.frames, [BACKWARD; 2]) {
            let first = frames.start;
            for (range, ahead) in stretches(whole, (size_of::<E>(), V::LANES), ahead, false) {
                // The numbers of a part that has a vector of them stay in registers.
                let (range, turns) = if numbers.mask == V::LANES - 1 {
                    (range.start..range.start + V::LANES, range.len() / V::LANES)
                } else {
                    (range, 1)
                };
                let pass = Pass { first, range, turns, ahead };
                // SAFETY: the caller's promise.
                unsafe {
                    match (frames.len(), streams) {
                        (BACKWARD, true) => {
                            spread::<E, V, F, true, BACKWARD>(form, maps, numbers, pass);
                        }
                        (BACKWARD, false) => {
                            spread::<E, V, F, false, BACKWARD>(form, maps, numbers, pass);
                        }
                        (_, true) => spread::<E, V, F, true, 1>(form, maps, numbers, pass),
                        (_, false) => spread::<E, V, F, false, 1>(form, maps, numbers, pass),
                    }
                }
            }
            for first in frames {
                let pass = Pass { first, range: whole..len, turns: 1, ahead: ahead[1] };
                // SAFETY: the caller's promise.
                unsafe { spread::<E, E::Acc, F, false, 1>(form, maps, numbers, pass) };
            }
        }
    }
}
