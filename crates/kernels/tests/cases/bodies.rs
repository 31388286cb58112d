//! The CUDA kernels' bodies as functions of the host, and the maps that tests give them.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::ffi::c_void;

use tch::{Device, Kind, Tensor};
use timeweave_kernels::cpu::{Aggregate, Interlace, Shape, Shift};

use crate::cases::{Layout, lay_out, map};

unsafe extern "C" {
    pub fn timeweave_grid_start(first: *const i64, count: i64);
    pub fn timeweave_grid_aggregate_partial(args: *const Aggregate) -> i64;
    pub fn timeweave_grid_aggregate_forward(args: *const Aggregate) -> i32;
    pub fn timeweave_grid_aggregate_backward(args: *const Aggregate) -> i32;
    pub fn timeweave_grid_shift(args: *const Shift) -> i32;
    pub fn timeweave_grid_interlace_partial(args: *const Interlace) -> i64;
    pub fn timeweave_grid_interlace_forward(args: *const Interlace) -> i32;
    pub fn timeweave_grid_interlace_backward(args: *const Interlace) -> i32;
}

/// Where maps start: where the allocator puts them, or one element further, where no pack fits.
#[derive(Clone, Copy, Debug)]
pub enum Start {
    Even,
    Odd,
}

impl Start {
    pub fn place(self, x: &Tensor) -> Tensor {
        match self {
            Self::Even => x.shallow_clone(),
            Self::Odd => {
                let room = Tensor::zeros([x.numel() as i64 + 1], (x.kind(), x.device()));
                let mut placed = room.as_strided(x.size(), x.stride(), 1);
                placed.copy_(x);
                placed
            }
        }
    }
}

/// The shape, type, layout and start of the maps of a case.
#[derive(Clone, Copy, Debug)]
pub struct Maps {
    pub size: [i64; 5],
    pub kind: Kind,
    pub layout: Layout,
    pub start: Start,
}

impl Maps {
    pub fn random(&self) -> Tensor {
        let [n, t, c, h, w] = self.size;
        self.start.place(&map(&[n * t, c, h, w], self.kind, self.layout))
    }

    /// A map filled with something that no result may keep.
    pub fn target(&self) -> Tensor {
        let [n, t, c, h, w] = self.size;
        let full = Tensor::full([n * t, c, h, w], 77, (self.kind, Device::Cpu));
        self.start.place(&lay_out(&full, self.layout))
    }

    /// Parameters in the type of sums.
    pub fn parameters(&self, size: &[i64]) -> Tensor {
        map(size, Kind::Float, Layout::Channels).to_kind(self.sums())
    }

    pub fn sums(&self) -> Kind {
        if self.kind == Kind::Double { Kind::Double } else { Kind::Float }
    }

    pub fn shape(&self) -> Shape {
        let [clips, frames, channels, h, w] = self.size;
        let dtype = match self.kind {
            Kind::Float => 0,
            Kind::BFloat16 => 1,
            Kind::Double => 2,
            _ => 3,
        };
        let channels_last = i32::from(self.layout == Layout::Positions);
        Shape { clips, frames, channels, plane: h * w, channels_last, dtype }
    }
}

pub fn raw(tensor: &Tensor) -> *mut c_void {
    tensor.data_ptr()
}

/// Room for the sums of blocks; a number that no block left must not look like one.
pub fn room(length: i64) -> Tensor {
    Tensor::full([length], f64::NAN, (Kind::Double, Device::Cpu))
}
