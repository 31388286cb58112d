//! Pillow's bilinear resize to the bit: a triangle filter that widens when it shrinks, in two passes of 22-bit weights.
//!
//! Pillow 12 `src/libImaging/Resample.c`. Only the pixels of a window of the result are computed, so a centre crop costs no
//! more than its own pixels, and a mirrored result costs nothing.

use std::ops::Range;

use multiversion::multiversion;

use super::crop::Rect;
use crate::RgbImage;

/// Bits of a weight.
const BITS: u32 = 22;
/// Half of the last bit that is kept: sums are rounded to nearest.
const HALF: i32 = 1 << (BITS - 1);
/// Rows that the horizontal pass takes at once, and pixels of the vertical pass: one per vector lane.
const LANES: usize = 16;

/// The weights of one axis: output index i reads `count[i]` inputs from `first[i]`.
struct Taps {
    first: Vec<usize>,
    count: Vec<usize>,
    /// Distance between the weights of two outputs.
    stride: usize,
    weights: Vec<i32>,
}

impl Taps {
    /// Weights for `window` of `to` outputs over `from` inputs that begin at `offset`.
    fn new(offset: usize, from: usize, to: usize, window: Range<usize>) -> Self {
        let scale = from as f64 / to as f64;
        let radius = scale.max(1.0);
        let stride = radius.ceil() as usize * 2 + 1;
        let mut taps = Self { first: Vec::new(), count: Vec::new(), stride, weights: Vec::new() };
        for index in window {
            let centre = (index as f64 + 0.5) * scale;
            // A negative number becomes 0 by the cast, as Pillow clamps it.
            let low = (centre - radius + 0.5) as usize;
            let high = ((centre + radius + 0.5) as usize).min(from);
            let weight =
                |j: usize| (1.0 - (((j + low) as f64 - centre + 0.5) / radius).abs()).max(0.0);
            let sum: f64 = (0..high - low).map(weight).sum();
            let fixed = |j| (weight(j) / sum * f64::from(1 << BITS) + 0.5) as i32;
            let count = (0..high - low).rposition(|j| fixed(j) != 0).map_or(1, |last| last + 1);
            taps.first.push(offset + low);
            taps.count.push(count);
            taps.weights.extend((0..stride).map(|j| if j < count { fixed(j) } else { 0 }));
        }
        taps
    }

    fn reversed(mut self) -> Self {
        self.first.reverse();
        self.count.reverse();
        self.weights = self.weights.chunks_exact(self.stride).rev().flatten().copied().collect();
        self
    }

    fn of(&self, index: usize) -> (usize, &[i32]) {
        let start = index * self.stride;
        (self.first[index], &self.weights[start..start + self.count[index]])
    }

    /// Whether every output is a plain copy of one input.
    fn copies(&self) -> bool {
        (0..self.first.len()).all(|i| self.of(i).1 == [1 << BITS])
    }

    /// The inputs that any output reads.
    fn inputs(&self) -> Range<usize> {
        let low = self.first.iter().copied().min().unwrap_or(0);
        let high = self
            .first
            .iter()
            .zip(&self.count)
            .map(|(first, count)| first + count)
            .max()
            .unwrap_or(0);
        low..high
    }
}

/// Buffers that are kept from frame to frame.
#[derive(Default)]
pub struct Scratch {
    /// Sixteen rows, transposed: one lane per row.
    block: Vec<[u8; LANES]>,
    /// The same after the horizontal pass.
    narrow: Vec<[u8; LANES]>,
    /// Rows after the horizontal pass: red, green and blue behind one another, padded to whole lanes.
    rows: Vec<u8>,
}

/// A resize with its weights, for all frames of one size.
pub struct Resize {
    image: (usize, usize),
    columns: Taps,
    rows: Taps,
}

impl Resize {
    /// Resizes `area` of images of size `image` to `to` and keeps `window` of the result, mirrored left to right when
    /// asked. Sizes are (width, height); `area` must lie inside the image and `window` inside the result.
    pub fn new(
        image: (usize, usize),
        area: Rect,
        to: (usize, usize),
        window: Rect,
        mirrored: bool,
    ) -> Self {
        debug_assert!(area.lies_in(image) && window.lies_in(to));
        let (left, top) = (window.x as usize, window.y as usize);
        let columns = Taps::new(area.x as usize, area.width, to.0, left..left + window.width);
        let rows = Taps::new(area.y as usize, area.height, to.1, top..top + window.height);
        Self { image, columns: if mirrored { columns.reversed() } else { columns }, rows }
    }

    /// The whole image to the whole of `to`.
    pub fn whole(image: (usize, usize), to: (usize, usize)) -> Self {
        Self::new(image, Rect::whole(image), to, Rect::whole(to), false)
    }

    /// The size of the images it takes: (width, height).
    pub fn image(&self) -> (usize, usize) {
        self.image
    }

    /// Writes the planes `[3, window height, window width]`. The image must have the size given to [`Resize::new`].
    pub fn run(&self, image: &RgbImage, scratch: &mut Scratch, planes: &mut [u8]) {
        let (width, height) = (self.columns.first.len(), self.rows.first.len());
        let stride = (3 * width).next_multiple_of(LANES);
        let inputs = self.rows.inputs();
        scratch.rows.resize(inputs.len() * stride, 0);
        let source = &image.data[inputs.start * self.image.0 * 3..inputs.end * self.image.0 * 3];
        if self.columns.copies() {
            self.gather(source, stride, &mut scratch.rows);
        } else {
            self.horizontal(source, stride, scratch);
        }
        let mut line = vec![0; stride];
        for y in 0..height {
            let (first, weights) = self.rows.of(y);
            let rows = &scratch.rows[(first - inputs.start) * stride..];
            let line = if *weights == [1 << BITS] {
                &rows[..stride]
            } else {
                vertical(rows, stride, weights, &mut line);
                &line[..]
            };
            for channel in 0..3 {
                let at = (channel * height + y) * width;
                planes[at..at + width]
                    .copy_from_slice(&line[channel * width..(channel + 1) * width]);
            }
        }
    }

    /// The horizontal pass where columns are only moved.
    fn gather(&self, source: &[u8], stride: usize, rows: &mut [u8]) {
        let width = self.columns.first.len();
        for (row, out) in source.chunks_exact(self.image.0 * 3).zip(rows.chunks_exact_mut(stride)) {
            for (x, &first) in self.columns.first.iter().enumerate() {
                for channel in 0..3 {
                    out[channel * width + x] = row[first * 3 + channel];
                }
            }
        }
    }

    /// The horizontal pass: sixteen rows are transposed first, so that neighbours in memory take the same weight.
    fn horizontal(&self, source: &[u8], stride: usize, scratch: &mut Scratch) {
        let inputs = self.columns.inputs();
        let Scratch { block, narrow, rows } = scratch;
        block.resize(inputs.len() * 3, [0; LANES]);
        narrow.resize(stride, [0; LANES]);
        let row_bytes = self.image.0 * 3;
        for (sources, outs) in source.chunks(LANES * row_bytes).zip(rows.chunks_mut(LANES * stride))
        {
            to_lanes(sources, row_bytes, inputs.start * 3, block);
            weigh(&self.columns, inputs.start, block, narrow);
            to_rows(narrow, stride, outs);
        }
    }
}

type Tile = [[u8; LANES]; LANES];

/// Exchanges rows and columns: four times, each row of the first half is mixed with its fellow of the second.
#[allow(clippy::inline_always, reason = "a call would pass the tile through memory")]
#[inline(always)]
fn transpose(tile: &Tile) -> Tile {
    let mut tile = *tile;
    for _ in 0..LANES.ilog2() {
        let mut mixed = [[0; LANES]; LANES];
        for (pair, row) in mixed.as_chunks_mut::<2>().0.iter_mut().enumerate() {
            let (one, other) = (&tile[pair], &tile[pair + LANES / 2]);
            for at in 0..LANES / 2 {
                (row[0][2 * at], row[0][2 * at + 1]) = (one[at], other[at]);
                let far = at + LANES / 2;
                (row[1][2 * at], row[1][2 * at + 1]) = (one[far], other[far]);
            }
        }
        tile = mixed;
    }
    tile
}

/// Transposes the bytes from `start` on of sixteen rows, or of those that are left.
#[multiversion(targets("x86_64+avx2"))]
fn to_lanes(sources: &[u8], row_bytes: usize, start: usize, cells: &mut [[u8; LANES]]) {
    let tiled = if sources.len() < LANES * row_bytes { 0 } else { cells.len() / LANES * LANES };
    let (tiles, rest) = cells.split_at_mut(tiled);
    for (place, tile) in tiles.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let mut rows = [[0; LANES]; LANES];
        for (row, source) in rows.iter_mut().zip(sources.chunks_exact(row_bytes)) {
            row.copy_from_slice(&source[start + place * LANES..][..LANES]);
        }
        *tile = transpose(&rows);
    }
    for (lane, source) in sources.chunks_exact(row_bytes).enumerate() {
        for (cell, &value) in rest.iter_mut().zip(&source[start + tiled..]) {
            cell[lane] = value;
        }
    }
}

/// The way back: as many rows as `outs` holds.
#[multiversion(targets("x86_64+avx2"))]
fn to_rows(cells: &[[u8; LANES]], stride: usize, outs: &mut [u8]) {
    for (place, tile) in cells.as_chunks::<LANES>().0.iter().enumerate() {
        for (row, out) in transpose(tile).iter().zip(outs.chunks_exact_mut(stride)) {
            out[place * LANES..(place + 1) * LANES].copy_from_slice(row);
        }
    }
}

/// The horizontal pass for sixteen transposed rows, the first of whose cells is that of column `start`: red, green and blue
/// behind one another.
///
/// A baseline x86-64 has no 32-bit product of lanes; with AVX2 the same sums take a third of the time.
#[multiversion(targets("x86_64+avx2"))]
fn weigh(columns: &Taps, start: usize, block: &[[u8; LANES]], outs: &mut [[u8; LANES]]) {
    let width = columns.first.len();
    let (red, rest) = outs.split_at_mut(width);
    let (green, blue) = rest.split_at_mut(width);
    for (x, ((red, green), blue)) in red.iter_mut().zip(green).zip(blue).enumerate() {
        let (first, weights) = columns.of(x);
        let mut sums = [[HALF; LANES]; 3];
        for (pixel, &weight) in block[(first - start) * 3..].as_chunks::<3>().0.iter().zip(weights)
        {
            for (sums, cell) in sums.iter_mut().zip(pixel) {
                for (sum, &value) in sums.iter_mut().zip(cell) {
                    *sum += i32::from(value) * weight;
                }
            }
        }
        for (out, sums) in [red, green, blue].into_iter().zip(&sums) {
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = (sum >> BITS) as u8;
            }
        }
    }
}

/// The vertical pass for one row of the result.
#[multiversion(targets("x86_64+avx2"))]
fn vertical(rows: &[u8], stride: usize, weights: &[i32], line: &mut [u8]) {
    for (chunk, out) in line.chunks_exact_mut(LANES).enumerate() {
        let (mut high, mut low) = ([0_i32; LANES], [HALF; LANES]);
        for (row, &weight) in rows.chunks_exact(stride).zip(weights) {
            // Halves of 11 bits make 16-bit products, which every x86-64 multiplies eight at a time.
            let (weight_high, weight_low) = ((weight >> 11) as i16, (weight & 0x7ff) as i16);
            for (lane, &value) in row[chunk * LANES..(chunk + 1) * LANES].iter().enumerate() {
                high[lane] += i32::from(i16::from(value)) * i32::from(weight_high);
                low[lane] += i32::from(i16::from(value)) * i32::from(weight_low);
            }
        }
        for (out, (high, low)) in out.iter_mut().zip(high.into_iter().zip(low)) {
            *out = (((high << 11) + low) >> BITS) as u8;
        }
    }
}
