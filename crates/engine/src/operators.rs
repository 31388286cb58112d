//! The temporal operations of `timeweave_kernels` on plain arrays, for callers that have no tensors.

use tch::Tensor;
use timeweave_kernels as kernels;

use crate::{EngineError, input};

/// Values in row-major order and their shape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Array {
    /// The values.
    pub values: Vec<f32>,
    /// The shape.
    pub shape: Vec<i64>,
}

impl Array {
    fn tensor(&self, name: &str) -> Result<Tensor, EngineError> {
        input::dense(name, &self.values, &self.shape)
    }

    fn of(tensor: &Tensor) -> Result<Self, EngineError> {
        Ok(Self { values: input::values(tensor)?, shape: tensor.size() })
    }
}

/// [`kernels::temporal_shift`]: `x` is `[N*T, C, H, W]` with `T = frames`.
///
/// # Errors
/// `INPUT_INVALID` when values and shape differ, and what the operation says of its arguments.
pub fn temporal_shift(x: &Array, frames: i64, fold: i64) -> Result<Array, EngineError> {
    let _guard = tch::no_grad_guard();
    Array::of(&kernels::temporal_shift(&x.tensor("x")?, frames, fold)?)
}

/// [`kernels::temporal_interlace`]: `x` is `[N*T, C, H, W]` with `T = frames`, `offsets` `[N, G]`, `weights` `[N, T, G]`.
///
/// # Errors
/// As [`temporal_shift`].
pub fn temporal_interlace(
    x: &Array,
    [offsets, weights]: [&Array; 2],
    frames: i64,
    fold: i64,
) -> Result<Array, EngineError> {
    let _guard = tch::no_grad_guard();
    let (offsets, weights) = (offsets.tensor("offsets")?, weights.tensor("weights")?);
    let y = kernels::temporal_interlace(&x.tensor("x")?, &offsets, &weights, frames, fold)?;
    Array::of(&y)
}

/// [`kernels::temporal_aggregate`]: `x` is `[N*T, C, H, W]` with `T = frames`, `taps` `[r, C]`.
///
/// # Errors
/// As [`temporal_shift`].
pub fn temporal_aggregate(x: &Array, taps: &Array, frames: i64) -> Result<Array, EngineError> {
    let _guard = tch::no_grad_guard();
    Array::of(&kernels::temporal_aggregate(&x.tensor("x")?, &taps.tensor("taps")?, frames)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(shape: &[i64], values: &[f32]) -> Array {
        Array { values: values.to_vec(), shape: shape.to_vec() }
    }

    #[test]
    fn an_aggregation_adds_the_neighbours_and_rectifies() {
        let x = array(&[3, 1, 1, 2], &[1.0, -1.0, 2.0, -2.0, 4.0, -4.0]);
        let y = temporal_aggregate(&x, &array(&[3, 1], &[10.0, 1.0, 0.5]), 3).expect("valid");
        assert_eq!(y, array(&[3, 1, 1, 2], &[2.0, 0.0, 14.0, 0.0, 24.0, 0.0]));
    }

    #[test]
    fn a_shift_takes_channels_from_the_frames_beside() {
        let x = array(&[2, 2, 1, 1], &[1.0, 2.0, 3.0, 4.0]);
        let y = temporal_shift(&x, 2, 1).expect("valid");
        assert_eq!(y.values, [3.0, 0.0, 0.0, 2.0]);
    }

    #[test]
    fn interlacing_moves_by_fractions_and_weighs() {
        let x = array(&[2, 1, 1, 1], &[1.0, 3.0]);
        let (offsets, weights) = (array(&[1, 1], &[0.25]), array(&[1, 2, 1], &[2.0, 1.0]));
        let y = temporal_interlace(&x, [&offsets, &weights], 2, 1).expect("valid");
        assert_eq!(y.values, [1.5, 2.5]);
    }

    #[test]
    fn arguments_that_do_not_fit_are_named() {
        let x = array(&[3, 1, 1, 1], &[1.0, 2.0, 3.0]);
        let error = temporal_shift(&x, 2, 0).expect_err("two frames do not divide three");
        assert_eq!(error.code(), "SHAPE_MISMATCH");
        let error = temporal_shift(&array(&[4, 1, 1, 1], &[1.0]), 2, 0).expect_err("too few");
        assert_eq!(error.code(), "INPUT_INVALID");
        assert!(error.to_string().contains('x'));
        let taps = array(&[1, 2], &[1.0, 1.0]);
        assert!(
            temporal_aggregate(&x, &taps, 3).expect_err("channels").to_string().contains("taps")
        );
    }
}
