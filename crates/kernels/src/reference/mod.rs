//! The operations as compositions of plain tensor calls.
//!
//! They run wherever libtorch runs and in every floating-point type: the oracle of the tests, and
//! the form that tensors take on devices this build has no kernels for.

mod aggregate;
mod interlace;
mod shift;

pub use aggregate::{temporal_aggregate, temporal_aggregate_pairs};
pub use interlace::temporal_interlace;
pub use shift::{temporal_shift, temporal_shift_online};
