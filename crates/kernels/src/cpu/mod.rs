//! The operations as loops over memory, without libtorch.
//!
//! Every loop is one generic body; [`Isa`] says in which instruction set it runs. The functions of
//! [`export`] take raw pointers and a range of tasks, so that libtorch's own threads can share
//! the work; results do not depend on how many there are.
#![allow(
    clippy::inline_always,
    reason = "bodies must become part of the function whose instruction set they use"
)]

mod aggregate;
mod aggregate_columns;
mod aggregate_forms;
mod aggregate_loops;
mod aggregate_parts;
mod aggregate_workspace;
mod bits;
mod columns;
pub mod export;
mod interlace;
mod interlace_blocks;
mod interlace_columns;
mod interlace_loops;
mod interlace_planes;
mod interlace_rows;
mod isa;
mod join;
mod rows;
mod scratch;
mod shape;
mod shift;
mod shift_columns;
mod total;
mod vector;
#[cfg(target_arch = "x86_64")]
mod x86;
#[cfg(target_arch = "x86_64")]
mod x86_bf16;
#[cfg(target_arch = "x86_64")]
mod x86_join;

pub use aggregate::Aggregate;
pub use interlace::Interlace;
pub use isa::{Dtype, Isa};
pub use shape::Shape;
pub use shift::Shift;
pub use vector::Bf16;
