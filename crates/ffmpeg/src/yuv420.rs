//! Pictures of 8 bits with halved colour (4:2:0) to RGB: what nearly every video holds, at several times libswscale's speed.
//!
//! The results are libswscale's own for `bilinear + accurate_rnd + full_chroma_int`, to the bit, its oddities included: a row
//! takes the mean of two rows of colour where the filter's second weight is half or more, and the nearest one otherwise
//! (FFmpeg libswscale/output.c, `yuv2rgb_full_1_c_template`); too much light and blue together wrap round to none.

use std::ffi::c_int;

use multiversion::multiversion;

/// Bits of a product below a level of the result, in libswscale's arithmetic.
const FINE: u32 = 22;
/// Our products are exact without the lowest bits of libswscale's.
const SPARED: u32 = 6;
/// Half a level: results are rounded.
const HALF: i32 = 1 << (FINE - SPARED - 1);
/// Sums of colour that mean none: four parts of two rows.
const NEUTRAL: i16 = 128 * 8;

/// One plane of a picture: `stride` bytes from row to row.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    /// The rows; the last one may end with its pixels.
    pub data: &'a [u8],
    /// Bytes from row to row.
    pub stride: usize,
}

impl<'a> Plane<'a> {
    fn row(&self, row: usize, width: usize) -> &'a [u8] {
        &self.data[row * self.stride..][..width]
    }
}

/// The factors of one colour space, as libswscale rounds them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Colours {
    /// Luma that is black.
    black: i16,
    luma: i16,
    v_to_red: i16,
    u_to_green: i16,
    v_to_green: i16,
    u_to_blue: i16,
}

impl Colours {
    /// From a table of `sws_getCoefficients`: red of V, blue of U, and how much of U and V green loses, in 16.16.
    pub fn new(table: [c_int; 4], full_range: bool) -> Self {
        // Full range reaches from 0 to 255 in luma and over 255 instead of 224 levels in colour; limited from 16 to 235.
        let (luma, black) = if full_range { (1 << 16, 0) } else { ((1 << 16) * 255 / 219, 16) };
        let colour = |value: c_int| {
            let value = i64::from(value);
            if full_range { value * 224 / 255 } else { value }
        };
        let factor = |value: i64| {
            let rounded = (value * (1 << 13) + (1 << 15)) >> 16;
            rounded.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16
        };
        let [v_to_red, u_to_blue, u_to_green, v_to_green] = table;
        Self {
            black,
            luma: factor(luma),
            v_to_red: factor(colour(v_to_red)),
            u_to_green: factor(colour(-u_to_green)),
            v_to_green: factor(colour(-v_to_green)),
            u_to_blue: factor(colour(u_to_blue)),
        }
    }
}

/// Whether pictures of this size are converted here: odd sides and very small ones have other filters.
pub fn takes(width: usize, height: usize) -> bool {
    width >= 16 && height >= 16 && width.is_multiple_of(2) && height.is_multiple_of(2)
}

/// Converts pictures of one size; keeps its buffers.
#[derive(Debug, Default)]
pub struct Converter {
    /// U and V of one row at half width: sums of two rows, with one more at either end.
    sums: [Vec<i16>; 2],
    /// U and V of one row at full width, less the neutral.
    full: [Vec<i16>; 2],
}

impl Converter {
    /// Writes `height` rows of `width` RGB pixels, `stride` bytes apart. `planes` are luma, U and V; sizes as [`takes`] says.
    pub fn write(
        &mut self,
        colours: &Colours,
        planes: [Plane<'_>; 3],
        (width, height): (usize, usize),
        out: &mut [u8],
        stride: usize,
    ) {
        let half = width / 2;
        for buffer in &mut self.sums {
            buffer.resize(half + 2, 0);
        }
        for buffer in &mut self.full {
            buffer.resize(width, 0);
        }
        for (y, out) in out.chunks_mut(stride).take(height).enumerate() {
            let (above, below) = rows(y, height / 2);
            for ((plane, sums), full) in planes[1..].iter().zip(&mut self.sums).zip(&mut self.full)
            {
                add(plane.row(above, half), plane.row(below, half), &mut sums[1..=half]);
                (sums[0], sums[half + 1]) = (sums[1], sums[half]);
                widen(sums, full);
            }
            let [u, v] = &self.full;
            convert(colours, planes[0].row(y, width), u, v, &mut out[..width * 3]);
        }
    }
}

/// The two rows of colour, of `half`, that make up the one of row `y`; twice the same where only one counts.
fn rows(y: usize, half: usize) -> (usize, usize) {
    let near = y / 2;
    if y == 2 * half - 1 {
        // Past the last row the filter is moved back, and its second weight is all.
        (near - 1, near)
    } else if y % 2 == 1 || y == 0 {
        (near, near)
    } else {
        (near - 1, near)
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn add(above: &[u8], below: &[u8], sums: &mut [i16]) {
    for ((sum, &above), &below) in sums.iter_mut().zip(above).zip(below) {
        *sum = i16::from(above) + i16::from(below);
    }
}

/// Doubles the width: three parts of the nearer sample and one of the other neighbour.
#[multiversion(targets("x86_64+avx2"))]
fn widen(sums: &[i16], full: &mut [i16]) {
    let neighbours = sums.iter().zip(&sums[1..]).zip(&sums[2..]);
    for (pair, ((&left, &near), &right)) in full.as_chunks_mut::<2>().0.iter_mut().zip(neighbours) {
        let near = 3 * near - NEUTRAL;
        *pair = [near + left, near + right];
    }
}

#[multiversion(targets("x86_64+avx2"))]
fn convert(colours: &Colours, luma: &[u8], u: &[i16], v: &[i16], out: &mut [u8]) {
    let Colours { black, luma: factor, v_to_red, u_to_green, v_to_green, u_to_blue } = *colours;
    let product = |a: i16, b: i16| i32::from(a) * i32::from(b);
    let level = |sum: i32| ((sum << SPARED) >> FINE).clamp(0, 255) as u8;
    let pixels = out.as_chunks_mut::<3>().0.iter_mut();
    for (((pixel, &luma), &u), &v) in pixels.zip(luma).zip(u).zip(v) {
        let light = product((i16::from(luma) - black) * 8, factor) + HALF;
        *pixel = [
            level(light + product(v, v_to_red)),
            level(light + product(v, v_to_green) + product(u, u_to_green)),
            level(light + product(u, u_to_blue)),
        ];
    }
}
