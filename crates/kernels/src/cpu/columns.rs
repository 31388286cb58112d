//! How columns of a few neighbouring bytes walk through a clip: all frames of a block at once, so that
//! the processor sees every load and store walk through memory in even steps.

use std::ops::Range;

use super::vector::foresee;

/// Bytes of a row that are asked for ahead of time. All frames of a clip may lie at the same place of
/// a page and so share a few ways of the first-level cache: more is gone before it is read.
pub(super) const AHEAD: usize = 768;

/// The frames in blocks of the first size that fits, or else one by one.
pub(super) fn blocks(frames: usize, sizes: [usize; 2]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        at += sizes.into_iter().find(|size| at + size <= frames).unwrap_or(1);
        (start < frames).then_some(start..at)
    })
}

/// The stretches of a row of `len` elements of `width` bytes, in whole columns of `lanes` elements and
/// in the order of work: one that looks ahead within the row, and the last [`AHEAD`] bytes, which look
/// into what comes after it.
pub(super) fn stretches(
    len: usize,
    (width, lanes): (usize, usize),
    [within, beyond]: [isize; 2],
    falls: bool,
) -> impl Iterator<Item = (Range<usize>, isize)> {
    let last = (AHEAD / width).next_multiple_of(lanes).min(len);
    let both = if falls {
        [(last..len, within), (0..last, beyond)]
    } else {
        [(0..len - last, within), (len - last..len, beyond)]
    };
    both.into_iter().filter(|(range, _)| !range.is_empty())
}

/// Foresees what is read `ahead` bytes after `from`.
#[inline(always)]
pub(super) fn look_ahead<T>(from: *const T, ahead: isize) {
    foresee::<true>(from.cast::<u8>().wrapping_offset(ahead));
}
