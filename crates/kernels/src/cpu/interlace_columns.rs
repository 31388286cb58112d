//! TIN position by position: columns of a few neighbouring channels that walk through time.
//!
//! What stays is copied, and what moves mixes the frames that each group's offset names: the older
//! one of a frame is the newer one of the frame before.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::bits::Bits;
use super::columns::{AHEAD, blocks, look_ahead};
use super::interlace::Interlace;
use super::interlace_blocks::{Block, Direction, LANES, Lanes};
use super::join::Join;
use super::rows::{Buffer, Strips};
use super::shape::LINE;
use super::vector::{Element, PIECES, Vector};

/// Frames that a column passes at once, forward and backward, where those of `x` are read beside them:
/// all may lie at the same place of a page, and more would not fit the first-level cache together.
const FORWARD: usize = 8;
const BACKWARD: usize = 4;

/// A vector of moved channels.
#[derive(Clone, Copy)]
struct Moved {
    /// Its first channel.
    channel: usize,
    /// The group of that; where groups cut the vector into pieces, the next ones follow.
    group: usize,
    /// Its first lane among those of all blocks.
    lane: usize,
    look: Look,
}

/// The frames of one clip from the start of a strip on.
#[derive(Clone, Copy)]
struct Maps<E> {
    map: *const E,
    /// Backward only.
    x: *const E,
    target: *mut E,
    /// Elements from one frame to the next.
    frame: usize,
}

/// Bytes from what is read to what is asked for, which lies in so many rows before.
#[derive(Clone, Copy)]
struct Look {
    bytes: isize,
    rows: usize,
}

impl Look {
    /// From byte `at` of a part of rows to the one that is read `ahead` bytes of such parts later.
    fn of(at: usize, ahead: usize, part: usize, row: usize) -> Self {
        let rows = ahead.saturating_sub(at).div_ceil(part.max(1));
        Self { bytes: -((ahead + rows * row - rows * part) as isize), rows }
    }

    /// Bytes to what is asked for, given how far the frames that follow those of a strip are.
    #[inline(always)]
    fn from(self, position: usize, jump: isize) -> isize {
        self.bytes + if position < self.rows { jump } else { 0 }
    }
}

/// What one call of a loop works with.
pub(super) struct Columns<'a, E: Element> {
    args: &'a Interlace,
    maps: (*const E, *mut E),
    strips: Strips,
    blocks: Vec<Block>,
    lanes: Lanes<E::Acc>,
    /// Scales of newer and older rows `[T, G]`, for vectors of one group.
    scales: Vec<[E::Acc; 2]>,
    /// The moved vectors of a row: of as many rows as share the lanes of blocks.
    moved: Vec<Moved>,
    /// Where to look from each column of a row that stays.
    kept: Vec<Look>,
    /// Moved vectors of a row.
    vectors: usize,
    /// Groups that a vector is of.
    pieces: usize,
    /// Whether stores go past the caches.
    streams: bool,
    /// Where the sources of a strip's groups start in the frames from the one before the first on.
    sources: Vec<*const E>,
    /// What there is beyond the clip.
    blank: Buffer,
}

impl<'a, E: Element> Columns<'a, E> {
    /// The columns of maps whose rows are whole ones, if vectors are of whole groups, or of parts of
    /// one; else none.
    pub fn of<V: Vector<E>, J: Join<E, V>>(
        args: &'a Interlace,
        maps: (*const E, *mut E),
    ) -> Option<Self> {
        let (fold, c, run) = (args.fold as usize, args.shape.c(), args.run());
        let pieces = match V::LANES / run.max(1) {
            0 | 1 if run > 0 && run.is_multiple_of(V::LANES) => 1,
            pieces @ (2 | PIECES) if fold.is_multiple_of(V::LANES) && pieces * run == V::LANES => {
                pieces
            }
            _ => return None,
        };
        // What is stored together lies together.
        let is_joined = J::BESIDE == 0 || fold == V::LANES;
        let row = c * size_of::<E>();
        let streams = args.shape.streams(size_of::<E>());
        // Rows are whole columns; those that go past the caches start at a multiple of one.
        let place = if streams { maps.1.addr() } else { 0 };
        let is_aligned = [place, row].iter().all(|at| at.is_multiple_of(V::BYTES + J::BESIDE));
        let fills_lines = !streams || !V::STREAMS || V::BYTES + J::BESIDE == LINE;
        if !c.is_multiple_of(fold) || !is_joined || !is_aligned || !fills_lines {
            return None;
        }
        let strips = args.strips();
        let blocks = args.blocks(strips.longest());
        let lane = |packed: usize| {
            let channel = packed % fold;
            if args.is_wide() { channel / run * LANES + channel % run % LANES } else { packed }
        };
        // Both parts of a row take turns: what is asked for of either is read at the same time.
        let width = size_of::<E>();
        let joined = fold * width + fold / V::LANES * J::BESIDE;
        let near = (AHEAD * joined / row).next_multiple_of(V::BYTES + J::BESIDE);
        let moved = (0..args.apart() * fold).step_by(V::LANES).map(|packed| {
            let channel = packed % fold;
            let look = Look::of(channel * width, near, joined, row);
            Moved { channel, group: channel / run, lane: lane(packed), look }
        });
        let far = AHEAD.saturating_sub(near).next_multiple_of(J::Bits::BYTES);
        let kept = (0..row - joined).step_by(J::Bits::BYTES);
        let kept = kept.map(|at| Look::of(at, far, row - joined, row)).collect();
        let (moved, t, g) = (moved.collect(), args.shape.t(), args.g());
        Some(Self {
            args,
            maps,
            lanes: Lanes::new(args, &blocks),
            blocks,
            scales: Vec::with_capacity(t * g),
            moved,
            kept,
            vectors: fold / V::LANES,
            pieces,
            streams,
            sources: Vec::with_capacity((t + 1) * g),
            blank: Buffer::new(strips.longest() * row + LINE),
            strips,
        })
    }

    /// All tasks of a range, from the last strip of each to the first.
    ///
    /// Results may lie a little after what is read (see [`is_just_behind`]), and sums have one order
    /// that way, wherever maps lie.
    ///
    /// # Safety
    /// As [`Kernel::run`](super::isa::Kernel::run).
    ///
    /// [`is_just_behind`]: super::shape::is_just_behind
    #[inline(always)]
    pub unsafe fn tasks<V: Vector<E>, J: Join<E, V>, D: Direction>(&mut self, tasks: Range<i64>) {
        let (args, per_clip) = (self.args, self.strips.per_clip());
        let (t, frame) = (args.shape.t(), args.shape.frame());
        let mut entered = None;
        for task in tasks {
            let (clip, piece) = (task as usize / per_clip, task as usize % per_clip);
            // SAFETY: the caller's promise; every strip lies inside the frame.
            unsafe {
                if entered.replace(clip) != Some(clip) {
                    self.enter::<V, D>(clip);
                }
                let strips = self.strips.of_task(piece);
                for index in (0..strips.len()).rev() {
                    let strip = strips.get(index);
                    let at = clip * t * frame + strip.start * args.shape.c();
                    let maps = Maps {
                        map: self.maps.0.wrapping_add(at),
                        x: args.x.cast::<E>().wrapping_add(at),
                        target: self.maps.1.wrapping_add(at),
                        frame,
                    };
                    if D::SUMS {
                        let terms = args.terms_of(&self.blocks, strip.len());
                        self.lanes.turn::<E, V>(args, (clip, piece), terms);
                    }
                    self.find::<D>(&maps);
                    self.strip::<V, J, D>(&maps, strip.len());
                }
                if D::SUMS {
                    self.lanes.leave::<E, V>(args, (clip, piece));
                }
            }
        }
    }

    /// Enters a clip.
    #[inline(always)]
    unsafe fn enter<V: Vector<E>, D: Direction>(&mut self, clip: usize) {
        let args = self.args;
        // SAFETY: the caller's promise.
        unsafe {
            self.lanes.enter::<E, V, D>(args, clip);
            self.scales.clear();
            for frame in 0..args.shape.t() {
                let of = |group| args.scales::<E, D>(clip, frame, group);
                self.scales.extend((0..args.g()).map(of));
            }
        }
    }

    /// Finds the sources of a strip.
    #[inline(always)]
    fn find<D: Direction>(&mut self, maps: &Maps<E>) {
        let (args, blank) = (self.args, self.blank.start::<E>().cast_const());
        self.sources.clear();
        for frame in -1..args.shape.t() as isize {
            self.sources.extend(self.lanes.wholes.iter().map(|whole| {
                let source = args.inside(D::source(frame, *whole));
                source.map_or(blank, |frame| maps.map.wrapping_add(frame * maps.frame))
            }));
        }
    }

    /// All frames of a strip.
    #[inline(always)]
    unsafe fn strip<V: Vector<E>, J: Join<E, V>, D: Direction>(
        &mut self,
        maps: &Maps<E>,
        positions: usize,
    ) {
        let (t, width) = (self.args.shape.t(), size_of::<E>());
        let bytes = |elements: usize| (elements * width) as isize;
        let most = if D::SUMS { BACKWARD } else { FORWARD };
        for frames in blocks(t, [most, BACKWARD]) {
            let first = frames.start;
            // After the first columns follow the last ones in the next frames, or else the strip before.
            let jump = if frames.end < t {
                bytes(positions * self.args.shape.c() + frames.len() * maps.frame)
            } else {
                -bytes(first * maps.frame)
            };
            // SAFETY: the caller's promise.
            unsafe {
                match frames.len() {
                    FORWARD if !D::SUMS => {
                        self.walk::<V, J, D, FORWARD>(maps, first, positions, jump);
                    }
                    BACKWARD => self.walk::<V, J, D, BACKWARD>(maps, first, positions, jump),
                    _ => self.walk::<V, J, D, 1>(maps, first, positions, jump),
                }
            }
        }
    }

    /// `N` frames of a strip: each moved vector after its share of what stays, both from the end of a
    /// row to its start, so that arithmetic and memory overlap.
    #[inline(always)]
    unsafe fn walk<V: Vector<E>, J: Join<E, V>, D: Direction, const N: usize>(
        &mut self,
        maps: &Maps<E>,
        first: usize,
        positions: usize,
        jump: isize,
    ) {
        let (c, apart, vectors) = (self.args.shape.c(), self.args.apart(), self.vectors);
        let step = J::Bits::BYTES / size_of::<E>();
        let (kinds, share) = (self.kept.len(), self.kept.len() / vectors);
        for position in (0..positions).rev() {
            let (row, mut kept) = (position * c, kinds);
            let stays = row + c - kinds * step;
            for vector in (0..vectors).rev() {
                // SAFETY: the caller's promise; shares and vectors fill the row.
                unsafe {
                    for _ in 0..share {
                        kept -= 1;
                        let ahead = self.kept.get_unchecked(kept).from(position, jump);
                        self.keep::<V, J, N>(maps, first, stays + kept * step, ahead);
                    }
                    let moved = *self.moved.get_unchecked(position % apart * vectors + vector);
                    let ahead = moved.look.from(position, jump);
                    let at = (row, moved);
                    match self.pieces {
                        1 => self.mix::<V, J, D, 1, N>(maps, first, at, ahead),
                        2 => self.mix::<V, J, D, 2, N>(maps, first, at, ahead),
                        _ => self.mix::<V, J, D, PIECES, N>(maps, first, at, ahead),
                    }
                }
            }
        }
    }

    /// A moved vector of `P` groups in `N` frames, and what is stored with it.
    #[inline(always)]
    unsafe fn mix<V, J, D, const P: usize, const N: usize>(
        &mut self,
        maps: &Maps<E>,
        first: usize,
        (row, moved): (usize, Moved),
        ahead: isize,
    ) where
        V: Vector<E>,
        J: Join<E, V>,
        D: Direction,
    {
        let (g, at) = (self.args.g(), row + moved.channel);
        let frame = maps.frame;
        // SAFETY: the caller's promise: there are sources, scales and sums of all frames and groups.
        unsafe {
            let sources = self.sources.as_ptr().add(first * g + moved.group);
            let scales = self.scales.as_ptr().add(first * g + moved.group);
            let (slot, older) = self.lanes.slot(first);
            let lanes = self.lanes.scales().add(slot + moved.lane);
            let sums = self.lanes.sums().add(slot + moved.lane);
            if first == 0 {
                look_ahead((*sources).wrapping_add(at), ahead);
            }
            let mut old = read::<E, V, P>(sources, at);
            let mut results = [const { MaybeUninit::uninit() }; N];
            for (index, result) in results.iter_mut().enumerate() {
                let place = (first + index) * frame + at;
                let source = sources.add((index + 1) * g);
                let new = read::<E, V, P>(source, at);
                // What pieces of vectors are of lies in some frame of the same column.
                let next = if P == 1 { (*source).wrapping_add(at) } else { maps.map.add(place) };
                look_ahead(next, ahead);
                let [near, far] = if P == 1 {
                    (*scales.add(index * g)).map(|scale| V::splat(scale))
                } else {
                    let lanes = lanes.add(2 * index * older);
                    [V::load_own(lanes), V::load_own(lanes.add(older))]
                };
                if D::SUMS {
                    let x = maps.x.add(place);
                    look_ahead(x, ahead);
                    let (x, sums) = (V::load(x), sums.add(2 * index * older));
                    new.fused(x, V::load_own(sums)).store_own(sums);
                    old.fused(x, V::load_own(sums.add(older))).store_own(sums.add(older));
                }
                let beside = maps.map.wrapping_add(place + V::LANES).cast();
                *result = MaybeUninit::new(J::join(new.fused(near, old.mul(far)), beside));
                old = new;
            }
            for (index, result) in results.iter().enumerate() {
                let to = maps.target.add((first + index) * frame + at);
                if self.streams {
                    J::stream(result.assume_init(), to);
                } else {
                    J::store(result.assume_init(), to);
                }
            }
        }
    }

    /// Copies `N` frames of a column that stays.
    ///
    /// All frames of a column lie at the same place of a page, and a processor takes a load from there
    /// for one of what was just stored there: so nothing is stored before all is loaded.
    #[inline(always)]
    unsafe fn keep<V: Vector<E>, J: Join<E, V>, const N: usize>(
        &self,
        maps: &Maps<E>,
        first: usize,
        at: usize,
        ahead: isize,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            let mut columns = [J::Bits::zero(); N];
            for (index, column) in columns.iter_mut().enumerate() {
                let from = maps.map.add((first + index) * maps.frame + at);
                look_ahead(from, ahead);
                *column = J::Bits::load(from.cast());
            }
            for (index, column) in columns.into_iter().enumerate() {
                let to = maps.target.add((first + index) * maps.frame + at).cast();
                if self.streams { column.stream(to) } else { column.store(to) }
            }
        }
    }
}

/// Reads the vector at `at` of its pieces' sources.
#[inline(always)]
unsafe fn read<E: Element, V: Vector<E>, const P: usize>(from: *const *const E, at: usize) -> V {
    // SAFETY: the caller's promise: there are as many sources, whose vectors are readable.
    unsafe {
        if P == 1 {
            return V::load((*from).wrapping_add(at));
        }
        let mut pointers = [*from; PIECES];
        for (piece, pointer) in pointers.iter_mut().enumerate().take(P) {
            *pointer = *from.add(piece);
        }
        V::load_woven(pointers.map(|pointer| pointer.wrapping_add(at)), P)
    }
}
