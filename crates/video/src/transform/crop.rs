//! Where crops lie: the peers' centre, fixed positions of multi-view tests, and the multi-scale crop of training.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::VideoError;
use crate::random::Draws;

/// A rectangle in pixels; it can reach beyond the image (see [`MultiScale::positions`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    /// Left edge.
    pub x: i64,
    /// Top edge.
    pub y: i64,
    /// Width, at least 1.
    pub width: usize,
    /// Height, at least 1.
    pub height: usize,
}

impl Rect {
    /// All of an image of size (width, height).
    pub fn whole((width, height): (usize, usize)) -> Self {
        Self { x: 0, y: 0, width, height }
    }

    /// Whether it lies inside an image of size (width, height).
    pub fn lies_in(&self, (width, height): (usize, usize)) -> bool {
        let inside =
            |start: i64, length: usize, of: usize| start >= 0 && start as usize + length <= of;
        inside(self.x, self.width, width) && inside(self.y, self.height, height)
    }
}

/// The size whose shorter side is `short`: (width, height). An image that has it already keeps its size.
pub fn short_side((width, height): (usize, usize), short: usize) -> (usize, usize) {
    let longer = |long: usize, of: usize| (short as u128 * long as u128 / of as u128) as usize;
    if width.min(height) == short {
        (width, height)
    } else if width < height {
        (short, longer(height, width))
    } else {
        (longer(width, height), short)
    }
}

/// The square of side `crop` in the middle; half pixels round to the even neighbour, as Python's `round` does.
pub fn centre((width, height): (usize, usize), crop: usize) -> Rect {
    let middle = |length: usize| ((length as f64 - crop as f64) / 2.0).round_ties_even() as i64;
    Rect { x: middle(width), y: middle(height), width: crop, height: crop }
}

/// Positions in quarters of the free space: the corners and the middle first, then those that only training uses.
const POSITIONS: [(i64, i64); 13] = [
    (0, 0),
    (4, 0),
    (0, 4),
    (4, 4),
    (2, 2),
    (0, 2),
    (4, 2),
    (2, 4),
    (2, 0),
    (1, 1),
    (3, 1),
    (1, 3),
    (3, 3),
];

/// Where the crops of a multi-view test lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Views {
    /// Left, right and middle at half height, whatever the frame's form (TSM, TIN, X-Temporal).
    Three,
    /// As `Three`; top, bottom and middle for upright frames (bLVNet-TAM).
    ThreeAlong,
    /// The corners and the middle.
    Five,
}

impl Views {
    /// The squares of side `crop` in a frame of size (width, height).
    pub fn crops(self, size: (usize, usize), crop: usize) -> Vec<Rect> {
        let grid: &[(i64, i64)] = match self {
            Self::ThreeAlong if size.1 > size.0 => &[(2, 0), (2, 4), (2, 2)],
            Self::Three | Self::ThreeAlong => &[(0, 2), (4, 2), (2, 2)],
            Self::Five => &POSITIONS[..5],
        };
        let at = |&position| on_grid(size, (crop, crop), position);
        grid.iter().map(at).collect()
    }
}

/// A crop of size (width, height) at a position in quarters; the quarters are floored, also when negative.
fn on_grid(image: (usize, usize), (width, height): (usize, usize), (x, y): (i64, i64)) -> Rect {
    let step = |of: usize, length: usize| (of as i64 - length as i64).div_euclid(4);
    Rect { x: x * step(image.0, width), y: y * step(image.1, height), width, height }
}

/// The multi-scale crop: sides drawn from fractions of the shorter side, at one of the fixed positions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MultiScale {
    /// Fractions of the frame's shorter side.
    pub scales: Vec<f64>,
    /// How many places in `scales` the width's and the height's fraction may lie apart.
    pub max_distort: usize,
    /// 13 positions instead of the 5 of corners and middle.
    pub more_positions: bool,
}

impl Default for MultiScale {
    fn default() -> Self {
        Self { scales: vec![1.0, 0.875, 0.75, 0.66], max_distort: 1, more_positions: true }
    }
}

impl MultiScale {
    /// All sizes (width, height) that can be drawn, equally likely. A side less than 3 pixels from `target` is `target`.
    pub fn sizes(&self, (width, height): (usize, usize), target: usize) -> Vec<(usize, usize)> {
        let side = |&scale: &f64| {
            let side = (width.min(height) as f64 * scale) as usize;
            if side.abs_diff(target) < 3 { target } else { side.max(1) }
        };
        let sides: Vec<_> = self.scales.iter().map(side).collect();
        let mut sizes = Vec::new();
        for (i, &height) in sides.iter().enumerate() {
            for (j, &width) in sides.iter().enumerate() {
                if i.abs_diff(j) <= self.max_distort {
                    sizes.push((width, height));
                }
            }
        }
        sizes
    }

    /// All places of a crop of `size` in `image`, equally likely. A crop that snapped to a target larger than the image
    /// begins before it; what lies outside is black, as Pillow makes it.
    pub fn positions(&self, image: (usize, usize), size: (usize, usize)) -> Vec<Rect> {
        let count = if self.more_positions { POSITIONS.len() } else { 5 };
        POSITIONS[..count].iter().map(|&position| on_grid(image, size, position)).collect()
    }

    /// Draws one crop; both numbers are drawn before the image is known to have a size, so one clip has one draw.
    pub fn draw(&self, draws: &mut Draws) -> CropDraw {
        let sizes = self.sizes((1, 1), 1).len();
        let positions = self.positions((1, 1), (1, 1)).len();
        CropDraw { size: draws.below(sizes), position: draws.below(positions) }
    }

    /// The crop of a draw in an image of size (width, height).
    pub fn crop(&self, draw: CropDraw, image: (usize, usize), target: usize) -> Option<Rect> {
        let size = *self.sizes(image, target).get(draw.size)?;
        self.positions(image, size).get(draw.position).copied()
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// `INVALID_OPTION` naming `trainCrop.scales`.
    pub fn validate(&self) -> Result<(), VideoError> {
        let possible = |scale: &f64| *scale > 0.0 && *scale <= 1.0;
        if self.scales.is_empty() || self.scales.len() > 64 || !self.scales.iter().all(possible) {
            let expected = "1 to 64 fractions above 0 and up to 1";
            return Err(VideoError::option(
                "trainCrop.scales",
                expected,
                format!("{:?}", self.scales),
            ));
        }
        Ok(())
    }
}

/// Which size and which position a clip's multi-scale crop has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CropDraw {
    size: usize,
    position: usize,
}
