//! The CPU kernels touch their maps only: each lies against a page that nothing may touch, before
//! it or behind it, in every instruction set. A byte too far ends the program with a fault.
#![cfg(unix)]

mod cases;

use std::ops::{Deref, DerefMut};
use std::ptr::null_mut;

use cases::{Layout, SHAPES, in_every_isa, lay_out};
use tch::{Device, Kind, Tensor};
use timeweave_kernels::into;

/// Frames, channels, height and width of maps with clips enough for stores to go past the caches:
/// in whole lines, and in odd pieces.
const LARGE: [[i64; 4]; 4] = [[8, 64, 28, 28], [8, 1024, 7, 7], [5, 100, 33, 31], [16, 255, 9, 9]];

/// Bytes of a large map at least; float64, which differs in nothing but width, has small ones only.
const LARGE_BYTES: i64 = 13 << 20;

const KINDS: [Kind; 3] = [Kind::Float, Kind::Double, Kind::BFloat16];

/// Which end of the memory lies against a page that nothing may touch.
#[derive(Clone, Copy, Debug)]
enum Edge {
    Start,
    End,
}

/// Memory between two pages that nothing may touch.
struct Fenced {
    start: *mut u8,
    len: usize,
    page: usize,
}

impl Fenced {
    fn new(bytes: usize) -> Self {
        // SAFETY: a new mapping, whose first and last page are closed before anything uses it.
        unsafe {
            let page = usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)).expect("a page size");
            let len = bytes.next_multiple_of(page) + 2 * page;
            let (access, flags) =
                (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            let start = libc::mmap(null_mut(), len, access, flags, -1, 0);
            assert_ne!(start, libc::MAP_FAILED, "no memory");
            let start = start.cast::<u8>();
            assert_eq!(libc::mprotect(start.cast(), page, libc::PROT_NONE), 0);
            assert_eq!(libc::mprotect(start.add(len - page).cast(), page, libc::PROT_NONE), 0);
            Self { start, len, page }
        }
    }

    /// Where `bytes` bytes against an edge start.
    fn place(&self, bytes: usize, edge: Edge) -> *mut u8 {
        let at = match edge {
            Edge::Start => self.page,
            Edge::End => self.len - self.page - bytes,
        };
        self.start.wrapping_add(at)
    }
}

impl Drop for Fenced {
    fn drop(&mut self) {
        // SAFETY: the mapping is this one's own, and its tensor is dropped before it.
        unsafe { libc::munmap(self.start.cast(), self.len) };
    }
}

/// A tensor in fenced memory.
struct Map {
    tensor: Tensor,
    _memory: Fenced,
}

impl Deref for Map {
    type Target = Tensor;
    fn deref(&self) -> &Tensor {
        &self.tensor
    }
}

impl DerefMut for Map {
    fn deref_mut(&mut self) -> &mut Tensor {
        &mut self.tensor
    }
}

/// The numbers of `values`, in its own layout, against an edge.
fn fenced(values: &Tensor, edge: Edge) -> Map {
    let bytes = values.numel() * values.kind().elt_size_in_bytes();
    let memory = Fenced::new(bytes);
    let start = memory.place(bytes, edge);
    // SAFETY: the memory holds as many bytes and outlives the tensor, which stands before it.
    let mut tensor = unsafe {
        let (size, stride) = (values.size(), values.stride());
        Tensor::from_blob(start, &size, &stride, values.kind(), Device::Cpu)
    };
    tensor.copy_(values);
    Map { tensor, _memory: memory }
}

/// What an operation is tried with.
struct Case {
    /// Clips, frames, channels, height and width.
    shape: [i64; 5],
    kind: Kind,
    layout: Layout,
    edge: Edge,
}

impl Case {
    /// All of `values` for small maps; large ones, which take long, have one to stand for all.
    fn some_of<'a, T>(&self, values: &'a [T]) -> &'a [T] {
        let large = self.shape.iter().product::<i64>() >= LARGE_BYTES / 8;
        &values[..if large { 1 } else { values.len() }]
    }

    /// A map of ones: no number is looked at here, and those of large maps take long to draw.
    fn map(&self) -> Map {
        let [n, t, c, h, w] = self.shape;
        let ones = Tensor::ones([n * t, c, h, w], (self.kind, Device::Cpu));
        fenced(&lay_out(&ones, self.layout), self.edge)
    }

    fn parameter(&self, size: &[i64], value: f64) -> Map {
        fenced(&Tensor::full(size, value, (self.kind, Device::Cpu)), self.edge)
    }
}

/// Runs `body` over shapes, element types, layouts, edges and instruction sets.
fn everywhere(op: &str, mut body: impl FnMut(&Case)) {
    let mut cases = 0;
    in_every_isa(|_| {
        for kind in KINDS {
            let width = kind.elt_size_in_bytes() as i64;
            let large = if kind == Kind::Double { &[][..] } else { &LARGE };
            let large = large.iter().map(|&[t, c, h, w]| {
                let clips = LARGE_BYTES.div_euclid(t * c * h * w * width) + 1;
                [clips, t, c, h, w]
            });
            for shape in SHAPES.into_iter().chain(large) {
                for layout in [Layout::Channels, Layout::Positions] {
                    for edge in [Edge::Start, Edge::End] {
                        body(&Case { shape, kind, layout, edge });
                        cases += 1;
                    }
                }
            }
        }
    });
    println!("checked: {cases} cases of {op} between closed pages");
}

#[test]
fn aggregation_stays_inside_its_maps() {
    everywhere("aggregation", |case| {
        let [_, t, c, ..] = case.shape;
        let [x, mut y, grad, mut grad_x] = [(); 4].map(|()| case.map());
        for &r in case.some_of(&[3, 1, 5]) {
            let taps = case.parameter(&[r, c], 0.5);
            let inputs = [&*x, &*taps];
            into::aggregate(&mut y, &x, &taps, t).expect("valid shapes");
            let sums = into::aggregate_backward(&mut grad_x, &grad, inputs, &y, t);
            assert_eq!(sums.expect("valid shapes").size(), [r, c]);
        }
    });
}

#[test]
fn aggregation_of_pairs_stays_inside_its_maps() {
    everywhere("pair aggregation", |case| {
        let [_, t, c, ..] = case.shape;
        let [z, mut even, mut odd, mut grad_z] = [(); 4].map(|()| case.map());
        let grads = [(); 2].map(|()| case.map());
        let taps = case.parameter(&[3, c], 0.5);
        into::aggregate_pairs([&mut even, &mut odd], &z, &taps, t).expect("valid shapes");
        let [grads, results] = [grads.each_ref().map(|map| &**map), [&*even, &*odd]];
        let sums = into::aggregate_pairs_backward(&mut grad_z, grads, [&z, &taps], results, t);
        assert_eq!(sums.expect("valid shapes").size(), [3, c]);
    });
}

#[test]
fn shifts_stay_inside_their_maps() {
    everywhere("shift", |case| {
        let [_, t, c, ..] = case.shape;
        let [x, mut y] = [(); 2].map(|()| case.map());
        for &fold in case.some_of(&[c / 8, 0, 1, c / 2]) {
            if 2 * fold > c {
                continue;
            }
            for step in [1, -1] {
                into::shift(&mut y, &x, t, fold, step).expect("valid shapes");
            }
        }
    });
}

#[test]
fn interlacing_stays_inside_its_maps() {
    everywhere("interlacing", |case| {
        let [n, t, c, ..] = case.shape;
        let [x, mut y, grad, mut grad_x] = [(); 4].map(|()| case.map());
        // A quarter of the channels, all of them, and as few as there can be, in four groups.
        for &fold in case.some_of(&[c / 16 * 4, c / 4 * 4, 4]) {
            if fold > c || fold == 0 {
                continue;
            }
            for &offset in case.some_of(&[-1.25, 0.0, 0.5, 2.0 * t as f64]) {
                let [offsets, weights] =
                    [case.parameter(&[n, 4], offset), case.parameter(&[n, t, 4], 0.5)];
                into::interlace(&mut y, &x, [&offsets, &weights], t, fold).expect("valid shapes");
                let parameters = [&*x, &*offsets, &*weights];
                let sums = into::interlace_backward(&mut grad_x, &grad, parameters, t, fold);
                assert_eq!(sums.expect("valid shapes")[0].size(), [n, 4]);
            }
        }
    });
}
