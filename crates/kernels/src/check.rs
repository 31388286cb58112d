//! The argument checks that the three operations share.

use tch::{Kind, Tensor};

use crate::KernelError;

/// A batch of whole clips: `x` is [n * t, c, h, w].
pub(crate) struct Clips {
    pub n: i64,
    pub t: i64,
    pub c: i64,
    pub h: i64,
    pub w: i64,
}

impl Clips {
    /// Reads the shape of `x` and checks that `frames` divides its first dimension.
    pub fn of(op: &'static str, x: &Tensor, frames: i64) -> Result<Self, KernelError> {
        let size = x.size();
        let &[batch, c, h, w] = size.as_slice() else {
            return Err(KernelError::Shape {
                op,
                tensor: "x",
                expected: "[N*T, C, H, W]".into(),
                actual: size,
            });
        };
        if frames < 1 || batch % frames != 0 {
            return Err(KernelError::Frames { op, frames, batch });
        }
        Ok(Self { n: batch / frames, t: frames, c, h, w })
    }
}

/// Checks that `x` holds floating-point numbers.
pub(crate) fn floating(op: &'static str, x: &Tensor) -> Result<(), KernelError> {
    match x.kind() {
        Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16 => Ok(()),
        actual => Err(KernelError::Kind {
            op,
            tensor: "x",
            expected: "a floating-point type".into(),
            actual,
        }),
    }
}

/// Checks that `other` has the element type and the device of `x`.
pub(crate) fn same_place(
    op: &'static str,
    x: &Tensor,
    tensor: &'static str,
    other: &Tensor,
) -> Result<(), KernelError> {
    if other.kind() != x.kind() {
        let expected = format!("that of x ({:?})", x.kind());
        return Err(KernelError::Kind { op, tensor, expected, actual: other.kind() });
    }
    if other.device() != x.device() {
        return Err(KernelError::Device {
            op,
            tensor,
            expected: x.device(),
            actual: other.device(),
        });
    }
    Ok(())
}
