//! How a strip of TAM is cut where channels meet: most columns lie in one channel, share its weights
//! and may add up in the same numbers.

use std::ops::Range;

use super::shape::Shape;

/// Neighbouring numbers that the elements of one channel take turns in: those of the widest vector,
/// whatever the processor's are, so that all add up in the same order.
pub(super) const TURNS: usize = 32;

/// The fewest elements that are worth a part of their own.
const LEAST: usize = 4 * TURNS;

/// Some elements of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub range: Range<usize>,
    /// Whether they are of one channel, channel by channel, and a multiple of [`TURNS`].
    pub is_run: bool,
}

impl Part {
    /// Under this mask, an element's place in the part is that of its numbers.
    pub fn mask(&self) -> usize {
        if self.is_run { TURNS - 1 } else { usize::MAX }
    }

    /// How many numbers of each kind it has.
    pub fn numbers(&self) -> usize {
        if self.is_run { TURNS } else { self.range.len() }
    }
}

/// The parts of a strip, none with more than `most` elements of one channel.
pub(super) fn parts(
    shape: &Shape,
    strip: Range<usize>,
    most: usize,
) -> impl Iterator<Item = Part> + use<> {
    let size = if shape.is_channels_last() { usize::MAX } else { shape.run() };
    let (start, end, mut at) = (strip.start, strip.end, strip.start);
    // Parts start at a multiple of the turns from the strip's start: so do lines of the cache.
    let run_from = move |from: usize| {
        let (mut first, mut channel_end) = (from, from);
        while channel_end < end {
            channel_end = (channel_end / size).saturating_add(1).saturating_mul(size).min(end);
            let last = start + (channel_end - start) / TURNS * TURNS;
            if size != usize::MAX && last >= first + LEAST {
                return first..last;
            }
            first = start + (channel_end - start).next_multiple_of(TURNS);
        }
        end..end
    };
    std::iter::from_fn(move || {
        if at >= end {
            return None;
        }
        let run = run_from(at);
        let is_run = run.start == at && !run.is_empty();
        let until =
            if is_run { run.end.min(at.saturating_add(most.max(TURNS))) } else { run.start };
        let range = at..until;
        at = until;
        Some(Part { range, is_run })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_a_strip_once_and_runs_stay_in_their_channel() {
        let mut checked = 0;
        for (plane, channels) in
            [(3136, 3), (784, 9), (196, 31), (49, 90), (1, 300), (40, 7), (161, 5)]
        {
            for (start, len) in [(0, 2048), (64, 1000), (2048, 31), (0, 32), (320, 1)] {
                for last in [0, 1] {
                    let shape = Shape {
                        clips: 1,
                        frames: 8,
                        channels,
                        plane,
                        channels_last: last,
                        dtype: 1,
                    };
                    let end = (start + len).min(shape.frame());
                    let mut at = start.min(end);
                    for part in parts(&shape, at..end, 512) {
                        assert_eq!(part.range.start, at);
                        assert!(part.range.end > at, "an empty part");
                        at = part.range.end;
                        if part.is_run {
                            let (plane, range) = (plane as usize, &part.range);
                            assert_eq!(range.start / plane, (range.end - 1) / plane);
                            assert!(range.len() <= 512 && range.len().is_multiple_of(TURNS));
                            assert!((range.start - start).is_multiple_of(TURNS) && last == 0);
                        }
                        checked += 1;
                    }
                    assert_eq!(at, end.max(start.min(end)));
                }
            }
        }
        println!("checked: {checked} parts");
    }
}
