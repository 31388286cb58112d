//! The CUDA kernels' bodies, run by the host over their whole grid, against the reference form.

mod cases;

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use cases::{
    KINDS, Layout, SHAPES, assert_close, assert_sum, gradients, lay_out, leaf64, map, seed,
    where_decided,
};
use tch::{Device, Kind, Tensor};
use timeweave_kernels::cpu::{Aggregate, Interlace, Shape, Shift};
use timeweave_kernels::reference;

unsafe extern "C" {
    fn timeweave_grid_blocks(first: i64, last: i64);
    fn timeweave_grid_aggregate_partial(args: *const Aggregate) -> i64;
    fn timeweave_grid_aggregate_forward(args: *const Aggregate) -> i32;
    fn timeweave_grid_aggregate_backward(args: *const Aggregate) -> i32;
    fn timeweave_grid_shift(args: *const Shift) -> i32;
    fn timeweave_grid_interlace_partial(args: *const Interlace) -> i64;
    fn timeweave_grid_interlace_forward(args: *const Interlace) -> i32;
    fn timeweave_grid_interlace_backward(args: *const Interlace) -> i32;
}

/// More shapes: frames beyond one block's piece, and packs that do and do not fit.
const MORE: [[i64; 5]; 4] =
    [[1, 3, 8, 48, 48], [2, 2, 300, 4, 4], [1, 2, 24, 33, 32], [2, 3, 128, 10, 10]];

/// Where maps start: where the allocator puts them, or one element further, where no pack fits.
#[derive(Clone, Copy, Debug)]
enum Start {
    Even,
    Odd,
}

impl Start {
    fn place(self, x: &Tensor) -> Tensor {
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
struct Maps {
    size: [i64; 5],
    kind: Kind,
    layout: Layout,
    start: Start,
}

impl Maps {
    fn random(&self) -> Tensor {
        let [n, t, c, h, w] = self.size;
        self.start.place(&map(&[n * t, c, h, w], self.kind, self.layout))
    }

    /// A map filled with something that no result may keep.
    fn target(&self) -> Tensor {
        let [n, t, c, h, w] = self.size;
        let full = Tensor::full([n * t, c, h, w], 77, (self.kind, Device::Cpu));
        self.start.place(&lay_out(&full, self.layout))
    }

    /// Parameters in the type of sums.
    fn parameters(&self, size: &[i64]) -> Tensor {
        map(size, Kind::Float, Layout::Channels).to_kind(self.sums())
    }

    fn sums(&self) -> Kind {
        if self.kind == Kind::Double { Kind::Double } else { Kind::Float }
    }

    fn shape(&self) -> Shape {
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

/// Calls `body` for every combination; its number seeds the values.
fn grid(mut body: impl FnMut(Maps)) {
    let mut number = 0;
    for (index, size) in SHAPES.into_iter().chain(MORE).enumerate() {
        for kind in KINDS {
            for layout in [Layout::Channels, Layout::Positions] {
                seed(number);
                body(Maps { size, kind, layout, start: Start::Even });
                if index % 8 == 0 {
                    body(Maps { size, kind, layout, start: Start::Odd });
                }
                number += 1;
            }
        }
    }
}

fn raw(tensor: &Tensor) -> *mut c_void {
    tensor.data_ptr()
}

/// Room for the sums of blocks; a number that no block left must not look like one.
fn room(length: i64) -> Tensor {
    Tensor::full([length], f64::NAN, (Kind::Double, Device::Cpu))
}

fn check_aggregate(maps: Maps, r: i64, pairs: i64) {
    let (name, [_, t, c, ..]) = (format!("{maps:?} r{r} pairs {pairs}"), maps.size);
    let (x, weights) = (maps.random(), maps.parameters(&[r, c]));
    let mut grads = [maps.random(), maps.random()];
    let (y, grad_x) = ([maps.target(), maps.target()], maps.target());
    let grad_weights = weights.full_like(77);
    let mut args = Aggregate {
        shape: maps.shape(),
        taps: r,
        pairs,
        x: raw(&x),
        weights: raw(&weights),
        y: y.each_ref().map(raw),
        grad: grads.each_ref().map(|grad| raw(grad).cast_const()),
        grad_x: raw(&grad_x),
        partial: null_mut(),
        grad_weights: raw(&grad_weights),
    };
    // SAFETY: all tensors live through the calls and have the shapes that `args` says.
    let partial = room(unsafe { timeweave_grid_aggregate_partial(&raw const args) });
    args.partial = raw(&partial).cast();
    // SAFETY: as above.
    assert_eq!(unsafe { timeweave_grid_aggregate_forward(&raw const args) }, 0, "{name}");
    let (x64, w64) = (leaf64(&x), leaf64(&weights));
    let expected = if pairs == 1 {
        let (even, odd) = reference::temporal_aggregate_pairs(&x64, &w64, t).expect("valid shapes");
        vec![even, odd]
    } else {
        vec![reference::temporal_aggregate(&x64, &w64, t).expect("valid shapes")]
    };
    for (out, expected) in expected.iter().enumerate() {
        assert_close(&y[out], expected, &format!("{name} y{out}"));
        let decided = where_decided(&grads[out], &y[out], expected, &name);
        grads[out] = maps.start.place(&decided);
    }
    args.grad = grads.each_ref().map(|grad| raw(grad).cast_const());
    // SAFETY: as above.
    assert_eq!(unsafe { timeweave_grid_aggregate_backward(&raw const args) }, 0, "{name}");
    let wide = grads.each_ref().map(|grad| grad.to_kind(Kind::Double));
    let results: Vec<_> = expected.iter().zip(&wide).collect();
    let expected = gradients(&results, &[&x64, &w64]);
    assert_close(&grad_x, &expected[0], &format!("{name} grad x"));
    assert_sum(&grad_weights, &expected[1], x.numel(), &format!("{name} grad weights"));
}

#[test]
fn aggregation_of_the_grid_equals_the_reference() {
    let mut cases = 0;
    grid(|maps| {
        for (r, pairs) in [(1, 0), (2, 0), (3, 0), (5, 0), (7, 0), (1, 1), (3, 1), (5, 1)] {
            check_aggregate(maps, r, pairs);
            cases += 1;
        }
    });
    println!("checked: {cases} aggregations of the grid");
}

fn check_shift(maps: Maps, fold: i64, one_way: bool) {
    let [n, t, _, h, w] = maps.size;
    let x = maps.random();
    let edge = maps.start.place(&map(&[n, fold, h, w], maps.kind, maps.layout));
    let y = maps.target();
    let args = Shift {
        shape: maps.shape(),
        fold,
        step: if one_way { -1 } else { 1 },
        one_way: i64::from(one_way),
        width: x.kind().elt_size_in_bytes() as i64,
        x: raw(&x),
        edge: if one_way { raw(&edge) } else { null() },
        y: raw(&y),
    };
    // SAFETY: all tensors live through the call and have the shapes that `args` says.
    assert_eq!(unsafe { timeweave_grid_shift(&raw const args) }, 0);
    let expected = if one_way {
        reference::temporal_shift_online(&x, &edge, t).expect("valid shapes").0
    } else {
        reference::temporal_shift(&x, t, fold).expect("valid shapes")
    };
    assert!(y.equal(&expected), "{maps:?} fold {fold} one way {one_way}");
}

#[test]
fn shifts_of_the_grid_equal_the_reference() {
    let mut cases = 0;
    grid(|maps| {
        let c = maps.size[2];
        let both = [1, c / 8, c / 2].map(|fold| (fold, false));
        let past = [1, c / 4, c].map(|fold| (fold, true));
        for (fold, one_way) in both.into_iter().chain(past) {
            if one_way || fold <= c / 2 {
                check_shift(maps, fold, one_way);
                cases += 1;
            }
        }
    });
    println!("checked: {cases} shifts of the grid");
}

/// Offsets between frames, on frames, and far beyond the clip on either side.
fn offsets(maps: Maps, groups: i64) -> Tensor {
    let n = maps.size[0];
    let offsets = maps.parameters(&[n, groups]) * 2.5;
    offsets.select(1, 0).copy_(&offsets.select(1, 0).round());
    if n > 0 {
        offsets.select(0, n - 1).copy_(&(offsets.select(0, n - 1) * 1e9));
    }
    offsets
}

fn check_interlace(maps: Maps, groups: i64, fold: i64) {
    let (name, [n, t, ..]) = (format!("{maps:?} groups {groups} fold {fold}"), maps.size);
    let (x, grad) = (maps.random(), maps.random());
    let (offsets, weights) = (offsets(maps, groups), maps.parameters(&[n, t, groups]));
    let (y, grad_x) = (maps.target(), maps.target());
    let (grad_offsets, grad_weights) = (offsets.full_like(77), weights.full_like(77));
    let mut args = Interlace {
        shape: maps.shape(),
        fold,
        groups,
        x: raw(&x),
        offsets: raw(&offsets),
        weights: raw(&weights),
        y: raw(&y),
        grad: raw(&grad),
        grad_x: raw(&grad_x),
        partial: null_mut(),
        grad_offsets: raw(&grad_offsets),
        grad_weights: raw(&grad_weights),
    };
    // SAFETY: all tensors live through the calls and have the shapes that `args` says.
    let partial = room(unsafe { timeweave_grid_interlace_partial(&raw const args) });
    args.partial = raw(&partial).cast();
    // SAFETY: as above.
    unsafe {
        assert_eq!(timeweave_grid_interlace_forward(&raw const args), 0, "{name}");
        assert_eq!(timeweave_grid_interlace_backward(&raw const args), 0, "{name}");
    }
    if fold == 0 || n == 0 {
        assert!(y.equal(&x) && grad_x.equal(&grad), "{name}");
        assert!(grad_offsets.equal(&offsets.zeros_like()), "{name}");
        assert!(grad_weights.equal(&weights.zeros_like()), "{name}");
        return;
    }
    let (x64, o64, w64) = (leaf64(&x), leaf64(&offsets), leaf64(&weights));
    let y64 = reference::temporal_interlace(&x64, &o64, &w64, t, fold).expect("valid shapes");
    assert_close(&y, &y64, &format!("{name} y"));
    let upstream = grad.to_kind(Kind::Double);
    let expected = gradients(&[(&y64, &upstream)], &[&x64, &o64, &w64]);
    assert_close(&grad_x, &expected[0], &format!("{name} grad x"));
    assert_sum(&grad_offsets, &expected[1], x.numel(), &format!("{name} grad offsets"));
    assert_sum(&grad_weights, &expected[2], x.numel(), &format!("{name} grad weights"));
}

#[test]
fn interlacing_of_the_grid_equals_the_reference() {
    let mut cases = 0;
    grid(|maps| {
        let c = maps.size[2];
        for (groups, fold) in [(1, c), (1, 1), (2, c / 4 * 2), (4, c / 16 * 4), (c, c), (3, 0)] {
            check_interlace(maps, groups, fold);
            cases += 1;
        }
    });
    println!("checked: {cases} interlacings of the grid");
}

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

    /// Runs the blocks of the last clip, given how many a clip has.
    fn run<A>(&self, per_clip: i64, body: unsafe extern "C" fn(*const A) -> i32, args: &A) {
        // SAFETY: the blocks that run touch the last clip only, whose tensors live on.
        unsafe {
            timeweave_grid_blocks((self.clips - 1) * per_clip, i64::MAX);
            let code = body(&raw const *args);
            timeweave_grid_blocks(0, i64::MAX);
            assert_eq!(code, 0);
        }
    }

    fn check_shift(&self) {
        let ([_, t, _, h, _], width) = (self.maps.size, self.maps.kind.elt_size_in_bytes() as i64);
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
        self.run(t * (32 * h * h) * width / 16 / 256, timeweave_grid_shift, &args);
        let expected = reference::temporal_shift(&x, t, 16).expect("valid shapes");
        assert!(y.equal(&expected), "{:?}", self.maps);
    }

    fn check_aggregate(&self) {
        let ([_, t, c, h, w], name) = (self.maps.size, format!("{:?}", self.maps));
        let (x, grad) = (self.maps.random(), self.maps.random());
        let (y, grad_x) = (self.maps.target(), self.maps.target());
        let weights = self.maps.parameters(&[5, c]);
        let args = Aggregate {
            shape: self.shape(),
            taps: 5,
            pairs: 0,
            x: self.start(&x),
            weights: raw(&weights),
            y: [self.start(&y), null_mut()],
            grad: [self.start(&grad), null()],
            grad_x: self.start(&grad_x),
            partial: null_mut(),
            grad_weights: null_mut(),
        };
        let pack = 16 / self.maps.kind.elt_size_in_bytes() as i64;
        self.run(c * h * w / pack / 256, timeweave_grid_aggregate_forward, &args);
        // The sums of the weights' gradients have fewer blocks than those skipped: none of them runs.
        self.run(t * c * h * w / 256, timeweave_grid_aggregate_backward, &args);
        let (x64, w64) = (leaf64(&x), leaf64(&weights));
        let y64 = reference::temporal_aggregate(&x64, &w64, t).expect("valid shapes");
        assert_close(&y, &y64, &name);
        let expected = gradients(&[(&y64, &grad.to_kind(Kind::Double))], &[&x64]);
        assert_close(&grad_x, &expected[0], &name);
    }
}

#[test]
fn indices_beyond_32_bits_reach_their_elements() {
    for kind in KINDS {
        for layout in [Layout::Channels, Layout::Positions] {
            let maps = Maps { size: [1, 4, 32, 8, 8], kind, layout, start: Start::Even };
            let last = Last { maps, clips: (1 << 21) + 1 };
            last.check_shift();
            last.check_aggregate();
        }
    }
    println!("checked: maps of 2^34 elements, {} types in 2 layouts", KINDS.len());
}
