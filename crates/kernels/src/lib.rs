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
//! All three are differentiable in every floating-point argument. They are made of plain tensor
//! calls, so they run wherever libtorch runs and in every floating-point type, and they are the
//! oracle for faster forms.
#![forbid(unsafe_code)]

mod aggregate;
mod check;
mod error;
mod interlace;
mod shift;

pub use aggregate::temporal_aggregate;
pub use error::KernelError;
pub use interlace::temporal_interlace;
pub use shift::temporal_shift;
