//! The forms that write into given memory: what must be true of it, and that autograd sees it.

mod cases;

use cases::{Layout, lay_out, map, refused};
use tch::{Device, Kind, Tensor};
use timeweave_kernels::{into, temporal_shift};

const F32: (Kind, Device) = (Kind::Float, Device::Cpu);
const SHAPE: &str = "SHAPE_MISMATCH";

fn ones(size: &[i64]) -> Tensor {
    Tensor::ones(size, F32)
}

/// A batch of two clips of four frames.
fn x() -> Tensor {
    ones(&[8, 4, 3, 3])
}

#[test]
fn given_memory_must_fit() {
    let (x, taps) = (x(), ones(&[3, 4]));
    let mut other = lay_out(&x, Layout::Positions);
    let parts = ["y", "strides [36, 9, 3, 1]", "received", "strides [36, 1, 12, 4]"];
    refused(into::aggregate(&mut other, &x, &taps, 4), SHAPE, &parts);
    let mut narrow = x.to_kind(Kind::Half);
    refused(into::shift(&mut narrow, &x, 4, 1, 1), "DTYPE_MISMATCH", &["y", "Half"]);
    let holes = ones(&[8, 4, 3, 6]).slice(3, None, None, 2);
    let mut y = holes.zeros_like();
    refused(into::shift(&mut y, &holes, 4, 1, 1), SHAPE, &["dense", "[72, 18, 6, 2]"]);
}

/// Maps of `[8, 4, 3, 3]` in one piece of memory, the second `by` elements after the first.
fn beside(by: i64) -> [Tensor; 2] {
    let room = ones(&[2 * 288 + by]);
    [0, by].map(|start| room.narrow(0, start, 288).view([8, 4, 3, 3]))
}

#[test]
fn results_must_not_lie_where_arguments_do() {
    const CODE: &str = "INPUT_INVALID";
    for by in [0, 1, 287] {
        let ([x, mut y], other, taps) = (beside(by), x(), ones(&[3, 4]));
        let (offsets, weights) = (ones(&[2, 2]), ones(&[2, 4, 2]));
        refused(into::shift(&mut y, &x, 4, 1, 1), CODE, &["temporal_shift", "y", "x", "[8, 4, 3"]);
        refused(into::aggregate(&mut y, &x, &taps, 4), CODE, &["y", "x"]);
        let mut z = other.zeros_like();
        refused(into::aggregate_pairs([&mut y, &mut z], &x, &taps, 4), CODE, &["even", "x"]);
        let [mut even, mut odd] = beside(by);
        let result = into::aggregate_pairs([&mut even, &mut odd], &other, &taps, 4);
        refused(result, CODE, &["even", "odd"]);
        let result = into::aggregate_backward(&mut y, &x, [&other, &taps], &other, 4);
        refused(result, CODE, &["grad_x", "grad"]);
        let result = into::aggregate_backward(&mut y, &other, [&other, &taps], &x, 4);
        refused(result, CODE, &["grad_x", "y"]);
        let maps = [&other, &x];
        let result = into::aggregate_pairs_backward(&mut y, maps, [&other, &taps], [&other; 2], 4);
        refused(result, CODE, &["grad_z", "grad_odd"]);
        let result = into::aggregate_pairs_backward(&mut y, [&other; 2], [&other, &taps], maps, 4);
        refused(result, CODE, &["grad_z", "odd"]);
        refused(into::interlace(&mut y, &x, [&offsets, &weights], 4, 4), CODE, &["y", "x"]);
        let inputs = [&x, &offsets, &weights];
        refused(into::interlace_backward(&mut y, &other, inputs, 4, 4), CODE, &["grad_x", "x"]);
    }
    // Parameters are arguments too, whatever their strides.
    let (x, mut y) = (x(), ones(&[8, 4, 3, 3]));
    let taps = y.view([-1]).narrow(0, 280, 8).view([2, 4]);
    refused(into::aggregate(&mut y, &x, &taps, 4), CODE, &["y", "taps"]);
    let weights = y.view([-1]).narrow(0, 0, 16).view([2, 2, 4]).transpose(1, 2);
    let result = into::interlace(&mut y, &x, [&ones(&[2, 2]), &weights], 4, 4);
    refused(result, CODE, &["y", "weights"]);
    // Side by side is apart, and so are maps of nothing.
    let [x, mut y] = beside(288);
    into::shift(&mut y, &x, 4, 1, 1).expect("memory of its own");
    assert!(y.equal(&temporal_shift(&x, 4, 1).expect("valid shapes")));
    let empty = ones(&[0, 4, 3, 3]);
    into::shift(&mut empty.shallow_clone(), &empty, 4, 1, 1).expect("nothing overlaps nothing");
}

#[test]
fn a_shift_goes_one_frame_there_or_back() {
    let x = x();
    for step in [0, 2, -2, i64::MIN, i64::MAX] {
        let result = into::shift(&mut x.zeros_like(), &x, 4, 1, step);
        refused(result, "INPUT_INVALID", &["temporal_shift", "step", &step.to_string()]);
    }
}

/// A form by name, with all arguments but the result.
type Writer<'a> = (&'static str, Box<dyn Fn(&mut Tensor) + 'a>);

/// What libtorch keeps for backward and somebody writes over is an error, not a wrong gradient.
#[test]
fn autograd_sees_that_given_memory_was_written() {
    let (x, taps) = (x(), ones(&[3, 4]));
    let (offsets, weights) = (ones(&[2, 2]), ones(&[2, 4, 2]));
    let writers: [Writer; 5] = [
        ("shift", Box::new(|y| into::shift(y, &x, 4, 1, 1).expect("valid"))),
        ("aggregate", Box::new(|y| into::aggregate(y, &x, &taps, 4).expect("valid"))),
        (
            "aggregate backward",
            Box::new(|y| {
                let _ = into::aggregate_backward(y, &x, [&x, &taps], &x, 4).expect("valid");
            }),
        ),
        (
            "interlace",
            Box::new(|y| into::interlace(y, &x, [&offsets, &weights], 4, 4).expect("valid")),
        ),
        (
            "interlace backward",
            Box::new(|y| {
                let inputs = [&x, &offsets, &weights];
                let _ = into::interlace_backward(y, &x, inputs, 4, 4).expect("valid");
            }),
        ),
    ];
    for (name, write) in &writers {
        // An exponential keeps its result.
        let leaf = x.copy().set_requires_grad(true);
        let mut y = leaf.exp();
        let sum = y.sum(Kind::Float);
        write(&mut y);
        let error = Tensor::f_run_backward(&[sum], &[&leaf], false, false);
        let text = error.expect_err(name).to_string();
        assert!(text.contains("modified by an inplace operation"), "{name}: {text}");
    }
    for pick in [0, 1] {
        let leaf = x.copy().set_requires_grad(true);
        let (mut y, mut other) = (leaf.exp(), x.zeros_like());
        let sum = y.sum(Kind::Float);
        let maps = if pick == 0 { [&mut y, &mut other] } else { [&mut other, &mut y] };
        into::aggregate_pairs(maps, &x, &taps, 4).expect("valid");
        assert!(Tensor::f_run_backward(&[sum], &[&leaf], false, false).is_err(), "pairs {pick}");
    }
    let leaf = x.copy().set_requires_grad(true);
    let mut y = leaf.exp();
    let sum = y.sum(Kind::Float);
    let result = into::aggregate_pairs_backward(&mut y, [&x; 2], [&x, &taps], [&x; 2], 4);
    assert_eq!(result.expect("valid").size(), taps.size());
    assert!(Tensor::f_run_backward(&[sum], &[&leaf], false, false).is_err(), "pairs backward");
}

#[test]
fn strides_of_single_elements_do_not_matter() {
    // One position: both layouts are one, and the strides of height and width mean nothing.
    let x = map(&[8, 4, 1, 1], Kind::Float, Layout::Channels);
    let x = x.as_strided([8, 4, 1, 1], [4, 1, 4, 4], None);
    let mut y = Tensor::zeros([8, 4, 1, 1], F32);
    assert_ne!(x.stride(), y.stride());
    into::shift(&mut y, &x, 4, 1, 1).expect("one layout");
    assert!(y.equal(&temporal_shift(&x, 4, 1).expect("valid shapes")));
}
