//! The temporal operations at the shapes of real networks, next to a plain copy of the same bytes.
//!
//! `cargo bench -p timeweave-benches -- aggregate` runs one operation. Throughput counts the useful
//! bytes, each input read once and each output written once, so the lines of a group compare with
//! its `copy` line directly.

use std::hint::black_box;

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use tch::{Device, Kind, Tensor, no_grad_guard};
use timeweave_kernels::{temporal_aggregate, temporal_interlace, temporal_shift};

/// A feature map of a real network: clips, frames, channels, height and width.
struct Shape {
    name: &'static str,
    frames: i64,
    size: [i64; 4],
}

const SHAPES: [Shape; 3] = [
    Shape { name: "resnet50-layer1-8f", frames: 8, size: [8, 256, 56, 56] },
    Shape { name: "resnet50-layer3-8f", frames: 8, size: [8, 1024, 14, 14] },
    Shape { name: "blvnet-stem-16f", frames: 16, size: [16, 64, 112, 112] },
];

const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);

type Group<'a> = BenchmarkGroup<'a, criterion::measurement::WallTime>;

fn group<'a>(c: &'a mut Criterion, op: &str, shape: &Shape) -> (Group<'a>, Tensor) {
    let mut group = c.benchmark_group(format!("{op}/{}", shape.name));
    let bytes = 4 * shape.size.iter().product::<i64>() as u64;
    group.throughput(Throughput::Bytes(2 * bytes)).sample_size(10);
    let x = Tensor::randn(shape.size, FLOAT);
    let mut target = x.empty_like();
    group.bench_function("copy", |b| b.iter(|| target.copy_(black_box(&x))));
    (group, x)
}

/// Forward without gradients, then forward and backward.
fn run(group: &mut Group, x: &Tensor, op: impl Fn(&Tensor) -> Tensor) {
    group.bench_function("forward", |b| {
        let _guard = no_grad_guard();
        b.iter(|| op(black_box(x)));
    });
    let leaf = x.copy().set_requires_grad(true);
    let upstream = x.ones_like();
    group.bench_function("forward+backward", |b| {
        b.iter(|| {
            let y = op(black_box(&leaf));
            Tensor::run_backward(&[(&y * &upstream).sum(Kind::Float)], &[&leaf], false, false)
        });
    });
}

fn aggregate(c: &mut Criterion) {
    for shape in &SHAPES {
        let (mut group, x) = group(c, "aggregate", shape);
        let taps = Tensor::randn([3, shape.size[1]], FLOAT).set_requires_grad(true);
        run(&mut group, &x, |x| temporal_aggregate(x, &taps, shape.frames).expect("valid shapes"));
    }
}

fn shift(c: &mut Criterion) {
    for shape in &SHAPES {
        let (mut group, x) = group(c, "shift", shape);
        let fold = shape.size[1] / 8;
        run(&mut group, &x, |x| temporal_shift(x, shape.frames, fold).expect("valid shapes"));
    }
}

fn interlace(c: &mut Criterion) {
    for shape in &SHAPES {
        let (mut group, x) = group(c, "interlace", shape);
        let clips = shape.size[0] / shape.frames;
        let offsets = Tensor::rand([clips, 4], FLOAT).set_requires_grad(true);
        let weights = Tensor::rand([clips, shape.frames, 4], FLOAT).set_requires_grad(true);
        let fold = shape.size[1] / 4;
        run(&mut group, &x, |x| {
            temporal_interlace(x, &offsets, &weights, shape.frames, fold).expect("valid shapes")
        });
    }
}

criterion_group!(kernels, aggregate, shift, interlace);
criterion_main!(kernels);
