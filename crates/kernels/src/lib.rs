//! The temporal operations that libtorch lacks, for batches of clips folded to `[N*T, C, H, W]`.
//!
//! With `x[t]` the feature map of frame `t` and zero outside `0..T-1`:
//!
//! | operation | equation | network |
//! | --- | --- | --- |
//! | [`temporal_shift`] | `y[t] = x[t+1]` for channels `0..fold`, `x[t-1]` for `fold..2 fold`, `x[t]` for the rest | TSM |
//! | [`temporal_interlace`] | `y[t] = w_g[t] ((1-f) x[t-b] + f x[t-b-1])` with `b = floor(o_g)`, `f = o_g - b` for each channel group `g` | TIN |
//! | [`temporal_aggregate`] | `y[t] = ReLU(sum_j a_j x[t + j - r/2])` with one tap `a_j` per channel | TAM |
//!
//! On the CPU they are loops in Rust ([`cpu`]) that libtorch's own threads run; on CUDA devices, with
//! the feature `cuda`, kernels of `csrc`; elsewhere compositions of plain tensor calls
//! ([`reference`](mod@reference)), which are the oracle of the tests. [`into`] has the forms that write
//! into given memory and know no gradients. Other users of libtorch in the process find them in the dispatcher's library
//! `timeweave` (`csrc/operators.h` has the schemas).
//!
//! - Results keep the memory layout of `x`. Frames that are dense in neither layout (NCHW or
//!   channels-last) are copied for the time of the call.
//! - Sums are kept in float32, those of float64 in float64, in an order that does not depend on threads.
//! - Under autocast maps take its type, as in the convolutions around them; taps, offsets and weights
//!   keep theirs.
//! - Backward keeps inputs and outputs, no copies. Shifts can be differentiated any number of times, the
//!   others once: their second derivative is an error. The reference form keeps what its tensor calls
//!   keep, and can be differentiated as often as they can.

mod aggregate;
mod check;
pub mod cpu;
mod error;
mod ffi;
mod interlace;
pub mod into;
pub mod reference;
mod shift;

use tch::{Device, Tensor};

pub use aggregate::{temporal_aggregate, temporal_aggregate_pairs};
pub use error::KernelError;
pub use interlace::temporal_interlace;
pub use shift::{temporal_shift, temporal_shift_online};

/// Whether this build has CUDA kernels; without them CUDA tensors take the reference form.
pub fn has_cuda_kernels() -> bool {
    ffi::has_cuda_kernels()
}

/// Whether there are kernels for the device of `x`; tensors of other devices take the
/// [`reference`](mod@reference) form.
fn has_kernels(x: &Tensor) -> bool {
    serves(x.device())
}

fn serves(device: Device) -> bool {
    match device {
        Device::Cpu => true,
        Device::Cuda(_) => has_cuda_kernels(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_cuda_kernels_leaves_cuda_tensors_to_the_reference() {
        assert!(serves(Device::Cpu));
        assert_eq!(serves(Device::Cuda(0)), cfg!(feature = "cuda"));
        assert!(!serves(Device::Mps));
    }
}
