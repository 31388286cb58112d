//! Changes of single pixels' colours, on planar 8-bit images `[3, H, W]`.
//!
//! Numbers are those of Pillow 12 (`ImageEnhance`, `ImageOps`, `src/libImaging/Blend.c`), to the bit, but for the hue, which
//! Pillow turns in 8-bit HSV and which is turned exactly here.

/// The planes of one image.
pub(super) struct Planes<'a> {
    pub(super) data: &'a mut [u8],
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Planes<'_> {
    pub(super) fn plane(&self) -> usize {
        self.width * self.height
    }

    /// Changes every pixel (red, green, blue).
    fn each(&mut self, change: impl Fn([u8; 3]) -> [u8; 3]) {
        let plane = self.plane();
        let (red, rest) = self.data.split_at_mut(plane);
        let (green, blue) = rest.split_at_mut(plane);
        for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
            [*r, *g, *b] = change([*r, *g, *b]);
        }
    }

    /// Changes every value by a table.
    fn map(&mut self, change: impl Fn(u8) -> u8) {
        let table: [u8; 256] = std::array::from_fn(|value| change(value as u8));
        for value in self.data.iter_mut() {
            *value = table[usize::from(*value)];
        }
    }

    /// Mean of the grey values, rounded.
    fn mean_grey(&self) -> u8 {
        let plane = self.plane();
        let pixel = |i: usize| [self.data[i], self.data[plane + i], self.data[2 * plane + i]];
        let sum: u64 = (0..plane).map(|i| u64::from(grey(pixel(i)))).sum();
        (sum as f64 / plane as f64 + 0.5) as u8
    }

    /// 0 is black, 1 the image, 2 twice as bright.
    pub(super) fn brightness(&mut self, factor: f32) {
        self.map(|value| blend(0, value, factor));
    }

    /// 0 is the mean grey, 1 the image.
    pub(super) fn contrast(&mut self, factor: f32) {
        let mean = self.mean_grey();
        self.map(|value| blend(mean, value, factor));
    }

    /// 0 is the grey image, 1 the image.
    pub(super) fn saturation(&mut self, factor: f32) {
        self.each(|pixel| {
            let grey = grey(pixel);
            pixel.map(|value| blend(grey, value, factor))
        });
    }

    /// Turns the hue by `turn` of the whole circle, -0.5 to 0.5.
    pub(super) fn hue(&mut self, turn: f32) {
        self.each(|pixel| turned(pixel, turn));
    }

    /// Keeps the upper `bits` of every value.
    pub(super) fn posterize(&mut self, bits: u32) {
        let mask = !0_u8 << (8 - bits.clamp(1, 8));
        self.map(|value| value & mask);
    }

    /// Inverts the values from `threshold` on; nothing when that is 256.
    pub(super) fn solarize(&mut self, threshold: u16) {
        self.map(|value| if u16::from(value) < threshold { value } else { 255 - value });
    }

    /// Stretches every channel to the whole range.
    pub(super) fn auto_contrast(&mut self) {
        let plane = self.plane();
        for values in self.data.chunks_exact_mut(plane) {
            let low = values.iter().copied().min().unwrap_or(0);
            let high = values.iter().copied().max().unwrap_or(0);
            if high <= low {
                continue;
            }
            let scale = 255.0 / f64::from(high - low);
            let offset = -f64::from(low) * scale;
            for value in values {
                *value = (f64::from(*value) * scale + offset) as u8;
            }
        }
    }

    /// Makes all values of every channel equally frequent.
    pub(super) fn equalize(&mut self) {
        let plane = self.plane();
        for values in self.data.chunks_exact_mut(plane) {
            let mut counts = [0_usize; 256];
            for &value in values.iter() {
                counts[usize::from(value)] += 1;
            }
            let last = counts.iter().rev().find(|&&count| count > 0).copied().unwrap_or(0);
            let step = (values.len() - last) / 255;
            if step == 0 {
                continue;
            }
            let mut below = step / 2;
            let table = counts.map(|count| {
                let value = (below / step).min(255) as u8;
                below += count;
                value
            });
            for value in values {
                *value = table[usize::from(*value)];
            }
        }
    }

    /// 0 is the smoothed image, 1 the image; the outermost pixels stay. `copy` is a buffer.
    pub(super) fn sharpness(&mut self, factor: f32, copy: &mut Vec<u8>) {
        let (width, height) = (self.width, self.height);
        copy.clear();
        copy.extend_from_slice(self.data);
        for (of, to) in
            copy.chunks_exact(width * height).zip(self.data.chunks_exact_mut(width * height))
        {
            for y in 1..height.saturating_sub(1) {
                for x in 1..width.saturating_sub(1) {
                    let at = y * width + x;
                    let row =
                        |at: usize| of[at - 1..=at + 1].iter().map(|&v| u32::from(v)).sum::<u32>();
                    let sum = row(at - width) + row(at) + row(at + width) + 4 * u32::from(of[at]);
                    let smooth = ((2 * sum + 13) / 26) as u8;
                    to[at] = blend(smooth, of[at], factor);
                }
            }
        }
    }
}

/// Pillow's blend: truncated, and clipped where the factor lies outside 0..=1.
fn blend(from: u8, to: u8, factor: f32) -> u8 {
    (f32::from(from) + factor * f32::from(i16::from(to) - i16::from(from))) as u8
}

/// Pillow's grey value (ITU-R 601) of a pixel.
fn grey([r, g, b]: [u8; 3]) -> u8 {
    ((19_595 * u32::from(r) + 38_470 * u32::from(g) + 7471 * u32::from(b) + 0x8000) >> 16) as u8
}

/// A pixel whose hue is turned; value and saturation stay.
fn turned(pixel: [u8; 3], turn: f32) -> [u8; 3] {
    let [r, g, b] = pixel.map(f32::from);
    let (high, low) = (r.max(g).max(b), r.min(g).min(b));
    let chroma = high - low;
    if chroma <= 0.0 {
        return pixel;
    }
    let sixths = if high <= r {
        (g - b) / chroma
    } else if high <= g {
        2.0 + (b - r) / chroma
    } else {
        4.0 + (r - g) / chroma
    };
    let sixths = (sixths + 6.0 * turn).rem_euclid(6.0);
    // How far each colour lies from the hue, in sixths: the nearest is full, beyond two it is at the bottom.
    [0.0, 2.0, 4.0].map(|place: f32| {
        let apart = (sixths - place).abs();
        let apart = apart.min(6.0 - apart);
        let part = (2.0 - apart).clamp(0.0, 1.0);
        (low + chroma * part).round() as u8
    })
}
