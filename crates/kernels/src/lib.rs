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
//! All three are differentiable in every floating-point argument, work under autocast and keep the
//! memory layout of `x`. On the CPU they are loops in Rust ([`cpu`]) that libtorch's own threads
//! run; on CUDA devices, with the feature `cuda`, kernels of `csrc`; elsewhere compositions of
//! plain tensor calls ([`reference`](mod@reference)), which are the oracle of the tests. [`into`] has the forms that
//! write into given memory.

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

/// Whether there are kernels for the device of `x`.
fn has_kernels(x: &Tensor) -> bool {
    match x.device() {
        Device::Cpu => true,
        Device::Cuda(_) => has_cuda_kernels(),
        _ => false,
    }
}
