//! Checkpoints as they lie on people's disks: named tensors out of PyTorch's files and
//! safetensors without running anything that stands in them, the same back into files, and the
//! names that each project gives to the weights of one network.
//!
//! The crate knows no network and no libtorch:
//!
//! 1. [`read`] gives a [`StateDict`]: names with [`RawTensor`]s, in the file's order.
//! 2. [`keymap`] finds out whose names they are and turns them into ours, and back.
//! 3. [`initialise`] fits a weight to a network that takes other inputs or more frames.
//! 4. [`fit`](fit::fit) compares a file with a network's list of names and shapes, fits what may be
//!    fitted and reports what became of every weight.
//! 5. [`write_safetensors`] and [`write_pytorch`] write a [`StateDict`] whole or not at all.
//!
//! Every way that a file can be bad is a [`WeightsError`]; none panics, runs code, or makes the
//! reader allocate more than a small multiple of the file's own size.

#![forbid(unsafe_code)]

mod error;
pub mod fit;
pub mod initialise;
mod input;
pub mod keymap;
mod pytorch;
mod read;
mod safetensors_file;
mod state_dict;
mod tensor;
mod write;

pub use error::WeightsError;
pub use read::{read, read_bytes, read_texts};
pub use state_dict::{Format, StateDict};
pub use tensor::{Dtype, RawTensor};
pub use write::{PytorchLayout, write_pytorch, write_safetensors};
