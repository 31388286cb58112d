//! How a task of TAM is cut into parts: elements whose columns are passed one after another, and
//! which share weights and sums where they can. Those then stay in the first-level cache.

use std::ops::Range;

use super::shape::{Cut, Shape};
use super::total::CHAIN;

/// Neighbouring numbers that the elements of one channel take turns in: those of the widest vector,
/// whatever the processor's are, so that all add up in the same order.
pub(super) const TURNS: usize = 32;

/// The fewest elements of a channel that are worth a part of their own.
const LEAST: usize = 4 * TURNS;

/// The smallest plane of whose elements parts of their own are worth it.
const PLANE: usize = 256;

/// Some elements of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub range: Range<usize>,
    /// How many numbers of each kind they have: their own ones, or as many as they take turns in.
    pub numbers: usize,
}

impl Part {
    /// Under this mask, an element's place in the part is that of its numbers.
    pub fn mask(&self) -> usize {
        if self.numbers < self.range.len() { self.numbers - 1 } else { usize::MAX }
    }

    /// How many elements add to the same sum.
    pub fn turns(&self) -> usize {
        self.range.len().div_ceil(self.numbers)
    }
}

/// Whether elements of a channel, channel by channel, have parts of their own.
pub(super) fn has_runs(shape: &Shape) -> bool {
    !shape.is_channels_last() && shape.run() >= PLANE
}

/// The parts of a task in the order of work.
pub(super) fn parts(shape: &Shape, cut: &Cut, piece: usize, is_backward: bool) -> Vec<Part> {
    let (c, mut parts) = (shape.c(), Vec::new());
    let terms = if is_backward { shape.t() } else { 0 };
    let shares = shape.is_channels_last() && c.is_power_of_two() && c >= TURNS;
    for strip in cut.strips(piece) {
        if has_runs(shape) {
            runs(shape.run(), strip, terms, &mut parts);
        } else if shares && strip.len().is_multiple_of(c) {
            parts.push(shared(strip, c, terms));
        } else {
            parts.push(whole(strip));
        }
    }
    parts
}

/// A part in which every element has its own numbers.
fn whole(range: Range<usize>) -> Part {
    Part { numbers: range.len(), range }
}

/// A part in which elements `unit` apart are of the same channel: as many numbers as keep the sums of
/// `terms` frames short.
fn shared(range: Range<usize>, unit: usize, terms: usize) -> Part {
    let (mut numbers, fewest) = (unit, (range.len() * terms).div_ceil(CHAIN));
    while numbers < fewest {
        numbers *= 2;
    }
    Part { numbers: numbers.min(range.len()), range }
}

/// The parts of a strip that crosses planes of `plane` elements.
fn runs(plane: usize, strip: Range<usize>, terms: usize, parts: &mut Vec<Part>) {
    let (start, end, mut at) = (strip.start, strip.end, strip.start);
    let mut edge = start;
    while edge < end {
        // Runs start at a multiple of the turns from the strip's start: so do lines of the cache.
        let first = start + (edge - start).next_multiple_of(TURNS);
        edge = ((edge / plane + 1) * plane).min(end);
        let last = start + (edge - start) / TURNS * TURNS;
        if last >= first + LEAST {
            if at < first {
                parts.push(whole(at..first));
            }
            parts.push(shared(first..last, TURNS, terms));
            at = last;
        }
    }
    if at < end {
        parts.push(whole(at..end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_a_task_once_and_share_numbers_of_the_same_channels() {
        let mut checked = 0;
        for (plane, channels) in [
            (3136, 3),
            (3136, 64),
            (784, 9),
            (196, 31),
            (49, 90),
            (49, 2048),
            (9, 1500),
            (9, 1501),
            (1, 300),
            (40, 7),
            (161, 5),
        ] {
            for (frames, channels_last) in [(1, 0), (8, 0), (300, 0), (1, 1), (8, 1), (300, 1)] {
                let dtype = 1;
                let shape = Shape { clips: 1, frames, channels, plane, channels_last, dtype };
                let (cut, c) = (Cut::of(&shape), channels as usize);
                for piece in 0..cut.per_clip() {
                    for is_backward in [false, true] {
                        let parts = parts(&shape, &cut, piece, is_backward);
                        let mut seen = vec![false; cut.range(piece).len()];
                        for part in &parts {
                            assert!(!part.range.is_empty());
                            for at in part.range.clone() {
                                let seen = &mut seen[at - cut.range(piece).start];
                                assert!(!std::mem::replace(seen, true), "{at} twice");
                                let place = (at - part.range.start) & part.mask();
                                let shares = part.range.start + place;
                                let channel = |at| {
                                    if channels_last == 1 { at % c } else { at / plane as usize }
                                };
                                assert!(place < part.numbers && channel(at) == channel(shares));
                            }
                            let chain = part.turns() * frames as usize;
                            assert!(!is_backward || part.turns() == 1 || chain <= CHAIN);
                            checked += 1;
                        }
                        assert!(seen.iter().all(|seen| *seen), "all of {piece}");
                    }
                }
            }
        }
        println!("checked: {checked} parts");
    }
}
