//! Shears, moves and turns of planar 8-bit images, by the nearest pixel; what comes from outside is black.

use super::colour::Planes;

/// Where the pixel at (x, y) of the result comes from: (a x + b y + c, d x + e y + f), from pixel middle to pixel middle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Affine(pub(super) [f64; 6]);

impl Affine {
    pub(super) fn shear_x(part: f64) -> Self {
        Self([1.0, part, 0.0, 0.0, 1.0, 0.0])
    }

    pub(super) fn shear_y(part: f64) -> Self {
        Self([1.0, 0.0, 0.0, part, 1.0, 0.0])
    }

    /// Moves the picture to the left and up.
    pub(super) fn shift(x: f64, y: f64) -> Self {
        Self([1.0, 0.0, x, 0.0, 1.0, y])
    }

    /// Turns the picture of this size about its middle, against the clock.
    pub(super) fn turn(degrees: f64, (width, height): (usize, usize)) -> Self {
        let (sin, cos) = (-degrees.to_radians()).sin_cos();
        let (x, y) = (width as f64 / 2.0, height as f64 / 2.0);
        Self([cos, sin, x - cos * x - sin * y, -sin, cos, y + sin * x - cos * y])
    }

    /// Applies it; `copy` is a buffer.
    pub(super) fn apply(self, planes: &mut Planes<'_>, copy: &mut Vec<u8>) {
        let (width, height, plane) = (planes.width, planes.height, planes.plane());
        let [a, b, c, d, e, f] = self.0;
        copy.clear();
        copy.extend_from_slice(planes.data);
        for y in 0..height {
            for x in 0..width {
                let (u, v) = (x as f64 + 0.5, y as f64 + 0.5);
                let (from_x, from_y) = ((a * u + b * v + c).floor(), (d * u + e * v + f).floor());
                let inside = from_x >= 0.0
                    && from_y >= 0.0
                    && from_x < width as f64
                    && from_y < height as f64;
                let from =
                    if inside { Some(from_y as usize * width + from_x as usize) } else { None };
                for channel in 0..3 {
                    let value = from.map_or(0, |from| copy[channel * plane + from]);
                    planes.data[channel * plane + y * width + x] = value;
                }
            }
        }
    }
}
