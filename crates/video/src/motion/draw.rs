//! Textures, and the patch's way over them.

use crate::RgbImage;
use crate::random::Draws;

/// The way of a patch over a frame that is closed to a torus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Track {
    /// Width and height of the frame.
    pub size: usize,
    /// Width and height of the patch.
    pub side: usize,
    /// The patch's left top corner in the first frame.
    pub start: (usize, usize),
    /// Pixels per frame to the right and down.
    pub step: (i64, i64),
}

impl Track {
    /// A random way in the direction of a class; everything but the direction is drawn alike for all classes. Frames of 48
    /// pixels have patches of 8 to 13 pixels that move 3 to 5 pixels a frame, others in proportion.
    pub fn draw(size: usize, class: usize, draws: &mut Draws) -> Self {
        let mut between = |low: usize, high: usize| low + draws.below(high - low + 1);
        let side = between((size / 6).max(2), (size * 13 / 48).max(3));
        let speed = between((size / 16).max(1), (size * 5 / 48).max(1)) as i64;
        let start = (between(0, size - 1), between(0, size - 1));
        let step = match class {
            0 => (-speed, 0),
            1 => (speed, 0),
            2 => (0, -speed),
            _ => (0, speed),
        };
        Self { size, side, start, step }
    }

    /// The patch's left top corner in a frame.
    pub fn place(&self, frame: usize) -> (usize, usize) {
        let size = self.size as i64;
        let along = |start: usize, step: i64| {
            (start as i64 + step * frame as i64).rem_euclid(size) as usize
        };
        (along(self.start.0, self.step.0), along(self.start.1, self.step.1))
    }

    /// One frame: the background with the patch in its place, continued at the other side where it leaves the frame.
    pub(super) fn frame(&self, frame: usize, background: &RgbImage, patch: &RgbImage) -> RgbImage {
        let mut image = background.clone();
        let (left, top) = self.place(frame);
        for (y, row) in patch.data.chunks_exact(self.side * 3).enumerate() {
            for (x, pixel) in row.chunks_exact(3).enumerate() {
                let at = ((top + y) % self.size * self.size + (left + x) % self.size) * 3;
                image.data[at..at + 3].copy_from_slice(pixel);
            }
        }
        image
    }
}

/// A soft texture for backgrounds.
pub(super) fn background(size: usize, draws: &mut Draws) -> RgbImage {
    texture(size, &[(12, 1.0), (6, 0.5), (3, 0.35)], (30.0, 60.0), draws)
}

/// A finer texture for patches, of more contrast than the background's, so that the patch can be seen on any of them.
pub(super) fn patch(side: usize, draws: &mut Draws) -> RgbImage {
    texture(side, &[(3, 1.0), (2, 0.7)], (150.0, 200.0), draws)
}

/// Smooth noise around a muted colour: the sum of grids of random values (cell in pixels, weight), interpolated linearly.
/// Strong colours would be the loudest signal in a clip, and a network that starts from nothing would need far longer to
/// find the motion.
fn texture(
    size: usize,
    octaves: &[(usize, f64)],
    contrast: (f64, f64),
    draws: &mut Draws,
) -> RgbImage {
    let mut data = vec![0; size * size * 3];
    let contrast = contrast.0 + (contrast.1 - contrast.0) * draws.unit();
    let total: f64 = octaves.iter().map(|(_, weight)| weight).sum();
    for channel in 0..3 {
        let base = 112.0 + 32.0 * draws.unit();
        let mut values = vec![0.0; size * size];
        for &(cell, weight) in octaves {
            add_noise(&mut values, size, cell, weight / total, draws);
        }
        for (pixel, value) in data.chunks_exact_mut(3).zip(values) {
            pixel[channel] = (base + contrast * value).round().clamp(0.0, 255.0) as u8;
        }
    }
    RgbImage { width: size as u32, height: size as u32, data }
}

fn add_noise(values: &mut [f64], size: usize, cell: usize, weight: f64, draws: &mut Draws) {
    let nodes = size / cell + 2;
    let grid: Vec<f64> = (0..nodes * nodes).map(|_| 2.0 * draws.unit() - 1.0).collect();
    for (at, value) in values.iter_mut().enumerate() {
        let (x, y) = (at % size, at / size);
        let (column, row) = (x / cell, y / cell);
        let (fx, fy) = ((x % cell) as f64 / cell as f64, (y % cell) as f64 / cell as f64);
        let node = |dx: usize, dy: usize| grid[(row + dy) * nodes + column + dx];
        let above = node(0, 0) * (1.0 - fx) + node(1, 0) * fx;
        let below = node(0, 1) * (1.0 - fx) + node(1, 1) * fx;
        *value += weight * (above * (1.0 - fy) + below * fy);
    }
}
