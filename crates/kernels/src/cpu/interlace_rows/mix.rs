//! The innermost loop: moved channels, their sums, and their shares of what stays.

use super::super::interlace_blocks::{Direction, LANES, Lanes, MOST};
use super::super::join::Join;
use super::super::shape::LINE;
use super::super::vector::{Accumulator, Element, PIECES, Vector, foresee};
use super::Workspace;

/// What stays of a strip's rows, and what will be read soon.
#[derive(Clone, Copy)]
pub(super) struct Kept {
    pub from: *const u8,
    pub to: *mut u8,
    /// Channels that stay for each one that moves.
    pub share: usize,
    /// Bytes of a row, and those of them that move.
    pub row: [usize; 2],
    /// Bytes of the strip that precede what was written in order, and of those, the ones that stay
    /// of the same row.
    pub left: [usize; 2],
    /// The strip that comes soon: in the map, and in `x`.
    ///
    /// The processor foresees neither where the next frame's strip lies, nor pieces of rows.
    pub ahead: [*const u8; 2],
    /// Whether rows of `x` are read whole, those of two lines of which one holds what moves.
    pub whole: bool,
}

impl Kept {
    /// Writes the share of a vector, but for what leaves with the vector itself.
    ///
    /// A vector's own share starts with number `start` of the strip. Where a row of a block is one
    /// vector, shares are taken in order instead, from the strip's end: in turns, bfloat16 gained 5
    /// to 25 % by that; other types, and vectors of half a cache line, lost as much.
    #[inline(always)]
    unsafe fn carry<E: Element, V: Vector<E>, J: Join<E, V>>(&mut self, start: usize) {
        if V::LANES == LANES && J::BESIDE == 0 {
            for _ in 0..self.share {
                let [strip, row] = &mut self.left;
                if *row == 0 {
                    *strip -= self.row[1];
                    *row = self.row[0] - self.row[1];
                }
                (*strip, *row) = (*strip - V::BYTES, *row - V::BYTES);
                let at = *strip;
                foresee::<true>(self.ahead[0].wrapping_add(at));
                // SAFETY: the caller's promise: there are as many shares as vectors.
                unsafe { J::carry(self.from.add(at), self.to.add(at)) };
            }
            return;
        }
        let (start, bytes) = (start * size_of::<E>(), V::BYTES + J::BESIDE);
        let mut at = start + self.share * V::BYTES;
        while at > start + J::BESIDE {
            at -= bytes;
            if at % LINE < bytes {
                foresee::<true>(self.ahead[0].wrapping_add(at));
            }
            // SAFETY: the caller's promise: shares lie inside the strip, in whole vectors.
            unsafe { J::carry(self.from.add(at), self.to.add(at)) };
        }
    }

    /// Asks for a vector of moved channels.
    #[inline(always)]
    fn foresee<E: Element, V: Vector<E>, J: Join<E, V>, D: Direction>(&self, at: usize) {
        let at = at * size_of::<E>();
        foresee::<true>(self.ahead[0].wrapping_add(at));
        if D::SUMS {
            foresee::<true>(self.ahead[1].wrapping_add(at));
            if J::BESIDE > 0 && self.whole {
                foresee::<true>(self.ahead[1].wrapping_add(at + LINE));
            }
        }
    }

    /// Reads the second line of a row of `x`, given a vector in its first one.
    #[inline(always)]
    unsafe fn meet<E: Element, V: Vector<E>, J: Join<E, V>>(&self, x: *const E) {
        if J::BESIDE > 0 && self.whole {
            // SAFETY: the row has two lines; a read that nothing needs would be left out.
            unsafe { x.cast::<u8>().add(LINE).read_volatile() };
        }
    }
}

impl<E: Element> Workspace<'_, E> {
    /// The moved channels of the results of a frame, and the sums; if `SHARES`, what stays too.
    ///
    /// From the last row to the first: results may lie a little after what is read (see
    /// [`is_just_behind`](super::super::shape::is_just_behind)). Sums have one order that way, wherever
    /// maps lie.
    #[inline(always)]
    pub(super) unsafe fn mix<V, J, D, const SHARES: bool>(
        &mut self,
        frame: usize,
        positions: usize,
        mut kept: Kept,
    ) where
        V: Vector<E>,
        J: Join<E, V>,
        D: Direction,
    {
        let (count, end) = (LANES / V::LANES, positions * self.args.fold as usize);
        let (strides, pieces) = (self.strides, self.pieces);
        let (slot, older) = self.lanes.slot(frame);
        for (index, block) in self.blocks.iter().enumerate().rev() {
            let (first, part) = (slot + index * LANES, index * count);
            let rows = end.saturating_sub(block.start).div_ceil(block.stride);
            // SAFETY: slots lie inside scales and sums, and rows have room for whole vectors.
            unsafe {
                let parts = self.parts.as_ptr().add(part);
                let (scales, sums) = (self.lanes.scales().add(first), self.lanes.sums().add(first));
                let scales = Lanes::load(scales, older);
                let mut totals = [[V::splat(E::Acc::ZERO); 2]; MOST];
                if D::SUMS {
                    totals = Lanes::load(sums, older);
                }
                for row in (0..rows).rev() {
                    let (start, at) = (block.start + row * block.stride, strides.times(row));
                    for near in (0..block.near).rev().map(|near| near * LANES) {
                        for (lane, totals) in totals.iter_mut().enumerate().take(count).rev() {
                            if start + lane * V::LANES >= end {
                                continue;
                            }
                            let part = &*parts.add(lane);
                            let stays = part.kept + at.map + near * kept.share;
                            if SHARES {
                                kept.carry::<E, V, J>(stays);
                                kept.foresee::<E, V, J, D>(part.mapped + at.map + near);
                            }
                            let new = read::<E, V>(&part.newer, at.source + near, pieces);
                            let old = read::<E, V>(&part.older, at.source + near, pieces);
                            if D::SUMS {
                                let x = part.x.add(at.x + near);
                                if SHARES {
                                    kept.meet::<E, V, J>(x);
                                }
                                let x = V::load(x);
                                totals[0] = new.fused(x, totals[0]);
                                totals[1] = old.fused(x, totals[1]);
                            }
                            let result = part.result.add(at.result + near);
                            let mixed = new.fused(scales[lane][0], old.mul(scales[lane][1]));
                            if SHARES {
                                J::put(mixed, kept.from.add(stays * size_of::<E>()), result);
                            } else {
                                mixed.put::<false>(result);
                            }
                        }
                    }
                }
                if D::SUMS {
                    Lanes::store(totals, sums, older);
                }
            }
        }
    }
}

/// Reads a vector at `at` of its pieces' sources.
#[inline(always)]
unsafe fn read<E: Element, V: Vector<E>>(from: &[*const E; PIECES], at: usize, pieces: usize) -> V {
    // SAFETY: the caller's promise: vectors there are readable, of as many sources as pieces.
    unsafe {
        if pieces < 2 {
            V::load(from[0].add(at))
        } else {
            V::load_woven(from.map(|from| from.wrapping_add(at)), pieces)
        }
    }
}
