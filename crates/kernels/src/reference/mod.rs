//! The operations as compositions of plain tensor calls.
//!
//! They run wherever libtorch runs and in every floating-point type: the oracle of the tests, and
//! the form that tensors take on devices this build has no kernels for. Types and layouts are those
//! of the operations; copies and what is kept for gradients are not, nor is the number of derivatives.

mod aggregate;
mod interlace;
mod shift;

use tch::{Kind, Tensor};

/// The type in which sums are kept.
fn sums_of(x: &Tensor) -> Kind {
    if x.kind() == Kind::Double { Kind::Double } else { Kind::Float }
}

pub use aggregate::{temporal_aggregate, temporal_aggregate_pairs};
pub use interlace::temporal_interlace;
pub use shift::{temporal_shift, temporal_shift_online};
