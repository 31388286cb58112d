//! The CUDA kernels' bodies on maps of more than 2^34 elements, of which only the last clip has memory.

#[path = "cases/bodies.rs"]
mod bodies;
mod cases;

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use bodies::{
    Maps, Start, raw, room, timeweave_grid_aggregate_backward, timeweave_grid_aggregate_forward,
    timeweave_grid_aggregate_partial, timeweave_grid_interlace_backward,
    timeweave_grid_interlace_forward, timeweave_grid_interlace_partial, timeweave_grid_shift,
    timeweave_grid_start,
};
use cases::{KINDS, Layout, assert_close, assert_sum, gradients, leaf64, where_decided};
use tch::{Kind, Tensor};
use timeweave_kernels::cpu::{Aggregate, Interlace, Shape, Shift};
use timeweave_kernels::reference;

/// The last clip of a batch of 2^34 elements and more; nothing but this clip has memory.
struct Last {
    maps: Maps,
    clips: i64,
}

impl Last {
    /// The address of the first clip of which `clip` is the last.
    fn start(&self, clip: &Tensor) -> *mut c_void {
        let bytes = clip.numel() * clip.kind().elt_size_in_bytes();
        raw(clip).wrapping_byte_sub(bytes * (self.clips - 1) as usize)
    }

    fn shape(&self) -> Shape {
        Shape { clips: self.clips, ..self.maps.shape() }
    }

    /// Room for the sums of the last clip, and the address of those of the first.
    fn room(&self, length: i64) -> (Tensor, *mut f64) {
        assert_eq!(length % self.clips, 0);
        let sums = room(length / self.clips);
        let start = self.start(&sums).cast();
        (sums, start)
    }

    /// Runs the blocks of the last clip, given how many a clip has in each of the kernels; those
    /// without any do not run.
    fn run<A>(
        &self,
        per_clip: &[Option<i64>],
        body: unsafe extern "C" fn(*const A) -> i32,
        args: &A,
    ) {
        let of_clip = |blocks: i64| (self.clips - 1) * blocks;
        let starts: Vec<_> = per_clip.iter().map(|b| b.map_or(i64::MAX, of_clip)).collect();
        // SAFETY: the blocks that run touch the last clip only, whose tensors live on.
        unsafe {
            timeweave_grid_start(starts.as_ptr(), starts.len() as i64);
            assert_eq!(body(&raw const *args), 0);
        }
    }

    /// Elements of a widest access.
    fn pack(&self) -> i64 {
        16 / self.maps.kind.elt_size_in_bytes() as i64
    }

    fn check_shift(&self) {
        let ([_, t, c, h, w], width) = (self.maps.size, self.maps.kind.elt_size_in_bytes() as i64);
        let (x, y) = (self.maps.random(), self.maps.target());
        let args = Shift {
            shape: self.shape(),
            fold: 16,
            step: 1,
            one_way: 0,
            width,
            x: self.start(&x),
            edge: null(),
            y: self.start(&y),
        };
        self.run(&[Some(t * c * h * w / self.pack() / 256)], timeweave_grid_shift, &args);
        let expected = reference::temporal_shift(&x, t, 16).expect("valid shapes");
        assert!(y.equal(&expected), "{:?}", self.maps);
    }

    /// `backward` says how many blocks of a clip each of the backward kernels has.
    fn check_aggregate(&self, taps: i64, backward: &[Option<i64>]) {
        let ([_, t, c, h, w], name) = (self.maps.size, format!("{:?} {taps} taps", self.maps));
        let (x, grad) = (self.maps.random(), self.maps.random());
        let (y, grad_x) = (self.maps.target(), self.maps.target());
        let weights = self.maps.parameters(&[taps, c]);
        let mut args = Aggregate {
            shape: self.shape(),
            taps,
            pairs: 0,
            x: self.start(&x),
            weights: raw(&weights),
            y: [self.start(&y), null_mut()],
            grad: [self.start(&grad), null()],
            grad_x: self.start(&grad_x),
            partial: null_mut(),
            grad_weights: null_mut(),
        };
        let forward = [Some(c * h * w / self.pack() / 256)];
        self.run(&forward, timeweave_grid_aggregate_forward, &args);
        let (x64, w64) = (leaf64(&x), leaf64(&weights));
        let y64 = reference::temporal_aggregate(&x64, &w64, t).expect("valid shapes");
        assert_close(&y, &y64, &name);
        grad.shallow_clone().copy_(&where_decided(&grad, &y, &y64, &name));
        // SAFETY: it looks at shapes and addresses only.
        let (sums, start) = self.room(unsafe { timeweave_grid_aggregate_partial(&raw const args) });
        args.partial = start;
        self.run(backward, timeweave_grid_aggregate_backward, &args);
        let expected = gradients(&[(&y64, &grad.to_kind(Kind::Double))], &[&x64, &w64]);
        assert_close(&grad_x, &expected[0], &name);
        // One piece for each clip: the rows are those of the taps.
        let sums = sums.view([taps, c]).to_kind(self.maps.sums());
        assert_sum(&sums, &expected[1], x.numel(), &name);
    }

    fn check_interlace(&self) {
        let ([_, t, c, h, w], name) = (self.maps.size, format!("{:?}", self.maps));
        let (groups, fold) = (2, 16);
        let (x, grad) = (self.maps.random(), self.maps.random());
        let (y, grad_x) = (self.maps.target(), self.maps.target());
        let (offsets, weights) =
            (self.maps.parameters(&[1, groups]), self.maps.parameters(&[1, t, groups]));
        let (grad_offsets, grad_weights) = (offsets.full_like(77), weights.full_like(77));
        let mut args = Interlace {
            shape: self.shape(),
            fold,
            groups,
            x: self.start(&x),
            offsets: self.start(&offsets),
            weights: self.start(&weights),
            y: self.start(&y),
            grad: self.start(&grad),
            grad_x: self.start(&grad_x),
            partial: null_mut(),
            grad_offsets: self.start(&grad_offsets),
            grad_weights: self.start(&grad_weights),
        };
        // SAFETY: it looks at shapes and addresses only.
        let (_sums, start) =
            self.room(unsafe { timeweave_grid_interlace_partial(&raw const args) });
        args.partial = start;
        let forward = t * c * h * w / self.pack() / 256;
        self.run(&[Some(forward)], timeweave_grid_interlace_forward, &args);
        let kept = forward * (c - fold) / c;
        // The last kernel has one thread for each group of each clip; its last block has those of the
        // last clip alone, because a block's threads divide those before.
        let finish = (self.clips - 1) * groups / 256;
        assert_eq!((self.clips - 1) * groups % 256, 0);
        let starts = [kept * (self.clips - 1), t * groups * (self.clips - 1), finish];
        // SAFETY: as in `run`.
        unsafe {
            timeweave_grid_start(starts.as_ptr(), 3);
            assert_eq!(timeweave_grid_interlace_backward(&raw const args), 0);
        }
        let (x64, o64, w64) = (leaf64(&x), leaf64(&offsets), leaf64(&weights));
        let y64 = reference::temporal_interlace(&x64, &o64, &w64, t, fold).expect("valid shapes");
        assert_close(&y, &y64, &name);
        let expected = gradients(&[(&y64, &grad.to_kind(Kind::Double))], &[&x64, &o64, &w64]);
        assert_close(&grad_x, &expected[0], &name);
        assert_sum(&grad_offsets, &expected[1], x.numel(), &name);
        assert_sum(&grad_weights, &expected[2], x.numel(), &name);
    }
}

#[test]
fn indices_beyond_32_bits_reach_their_elements() {
    for kind in KINDS {
        for layout in [Layout::Channels, Layout::Positions] {
            let maps = Maps { size: [1, 4, 32, 8, 8], kind, layout, start: Start::Even };
            let last = Last { maps, clips: (1 << 21) + 1 };
            last.check_shift();
            // A block sums for eight channels, for all of them, or for as many small planes as give each
            // thread a pack.
            let columns = if layout == Layout::Channels { 4 } else { 1 };
            let has_small = layout == Layout::Channels && kind != Kind::Double;
            let near = if has_small { 2 } else { columns };
            last.check_aggregate(3, &[Some(near), None]);
            let data = 4 * 32 * 8 * 8 / 256;
            last.check_aggregate(5, &[Some(data), Some(5 * columns), None]);
            last.check_interlace();
        }
    }
    println!("checked: maps of 2^34 elements, {} types in 2 layouts", KINDS.len());
}
