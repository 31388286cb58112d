//! What must hold for any input: gradients equal finite differences, special arguments are
//! identities or whole shifts, wrong arguments are typed errors.

use tch::{Device, Kind, Tensor};
use timeweave_kernels::{KernelError, temporal_aggregate, temporal_interlace, temporal_shift};

const F64: (Kind, Device) = (Kind::Double, Device::Cpu);

/// Compares the gradients of `f` with central differences at every element of every input.
fn gradcheck(inputs: &[Tensor], f: impl Fn(&[Tensor]) -> Tensor) {
    let step = 1e-6;
    let leaves: Vec<Tensor> = inputs.iter().map(|x| x.copy().set_requires_grad(true)).collect();
    let y = f(&leaves);
    let seed = Tensor::rand_like(&y);
    (&y * &seed).sum(Kind::Double).backward();
    let value = |inputs: &[Tensor]| (f(inputs) * &seed).sum(Kind::Double).double_value(&[]);
    for (which, leaf) in leaves.iter().enumerate() {
        let gradient = leaf.grad().contiguous().view([-1]);
        for element in 0..gradient.size()[0] {
            let moved = |by: f64| {
                let moved: Vec<Tensor> = inputs.iter().map(Tensor::copy).collect();
                let _ = moved[which].view([-1]).get(element).g_add_scalar_(by);
                value(&moved)
            };
            let numeric = (moved(step) - moved(-step)) / (2.0 * step);
            let exact = gradient.double_value(&[element]);
            assert!(
                (numeric - exact).abs() <= 1e-7 * exact.abs().max(1.0),
                "input {which} element {element}: {exact} but finite differences give {numeric}"
            );
        }
    }
}

#[test]
fn the_gradient_of_the_shift_is_the_finite_difference() {
    tch::manual_seed(1);
    gradcheck(&[Tensor::randn([6, 5, 2, 2], F64)], |x| temporal_shift(&x[0], 3, 2).expect("ok"));
}

#[test]
fn the_gradients_of_the_interlacing_are_finite_differences() {
    tch::manual_seed(2);
    let offsets = Tensor::from_slice2(&[[0.4, -1.3, 2.7], [-0.6, 11.2, -0.1]]);
    let inputs = [Tensor::randn([8, 8, 2, 1], F64), offsets, Tensor::randn([2, 4, 3], F64)];
    gradcheck(&inputs, |x| temporal_interlace(&x[0], &x[1], &x[2], 4, 6).expect("ok"));
}

#[test]
fn the_gradients_of_the_aggregation_are_finite_differences() {
    tch::manual_seed(3);
    for taps in [1, 2, 3, 5, 9] {
        let inputs = [Tensor::randn([8, 3, 2, 2], F64), Tensor::randn([taps, 3], F64)];
        gradcheck(&inputs, |x| temporal_aggregate(&x[0], &x[1], 4).expect("ok"));
    }
}

#[test]
fn a_whole_offset_moves_frames_and_fills_with_zeros() {
    let x = Tensor::randn([2 * 4, 6, 3, 2], F64);
    let weights = Tensor::ones([2, 4, 2], F64);
    for whole in [-40, -4, -3, -1, 0, 1, 2, 4, 5, 40] {
        let offsets = Tensor::full([2, 2], whole, F64);
        let y = temporal_interlace(&x, &offsets, &weights, 4, 6).expect("ok");
        let expected = Tensor::zeros_like(&x);
        for clip in 0..2 {
            for t in (0..4).filter(|t| (0..4).contains(&(t - whole))) {
                expected.get(clip * 4 + t).copy_(&x.get(clip * 4 + t - whole));
            }
        }
        assert!(y.equal(&expected), "offset {whole}");
    }
}

#[test]
fn weights_of_one_and_offsets_of_zero_change_nothing() {
    let x = Tensor::randn([6, 9, 3, 2], F64);
    let (offsets, weights) = (Tensor::zeros([2, 4], F64), Tensor::ones([2, 3, 4], F64));
    let y = temporal_interlace(&x, &offsets, &weights, 3, 8).expect("ok");
    assert!(y.equal(&x));
}

#[test]
fn half_a_frame_back_is_the_mean_of_a_frame_and_the_next() {
    let x = Tensor::randn([5, 4, 1, 2], F64);
    let ones = Tensor::ones([1, 5, 1], F64);
    let at = |offset: f64| {
        temporal_interlace(&x, &Tensor::full([1, 1], offset, F64), &ones, 5, 4).expect("ok")
    };
    let mean: Tensor = (at(-1.0) + at(0.0)) / 2;
    assert!((at(-0.5) - mean).abs().max().double_value(&[]) < 1e-15);
}

#[test]
fn the_weights_scale_the_output_frames_of_their_group() {
    let x = Tensor::ones([3, 4, 1, 1], F64);
    let weights = Tensor::from_slice(&[1.0, 10.0, 2.0, 20.0, 3.0, 30.0]).view([1, 3, 2]);
    let y = temporal_interlace(&x, &Tensor::zeros([1, 2], F64), &weights, 3, 4).expect("ok");
    let expected =
        Tensor::from_slice(&[1.0, 1.0, 10.0, 10.0, 2.0, 2.0, 20.0, 20.0, 3.0, 3.0, 30.0, 30.0]);
    assert!(y.view([-1]).equal(&expected));
}

#[test]
fn strided_half_and_empty_inputs_work() {
    let x = Tensor::randn([2, 8, 6, 3, 4], F64).transpose(3, 4);
    let strided = x.select(0, 1);
    let dense = strided.contiguous();
    let taps = Tensor::randn([3, 6], F64);
    let both = [&strided, &dense];
    let [a, b] = both.map(|x| temporal_aggregate(x, &taps, 4).expect("ok"));
    assert!(a.equal(&b));
    let [a, b] = both.map(|x| temporal_shift(x, 4, 2).expect("ok"));
    assert!(a.equal(&b));
    let (offsets, weights) = (Tensor::full([2, 2], 0.3, F64), Tensor::ones([2, 4, 2], F64));
    let [a, b] = both.map(|x| temporal_interlace(x, &offsets, &weights, 4, 4).expect("ok"));
    assert!(a.equal(&b));
    for kind in [Kind::Half, Kind::BFloat16] {
        let x = dense.to_kind(kind);
        let y = temporal_aggregate(&x, &taps.to_kind(kind), 4).expect("ok");
        assert_eq!((y.kind(), y.size()), (kind, x.size()));
        let (offsets, weights) = (offsets.to_kind(kind), weights.to_kind(kind));
        let y = temporal_interlace(&x, &offsets, &weights, 4, 4).expect("ok");
        assert_eq!((y.kind(), y.size()), (kind, x.size()));
    }
    let none = Tensor::zeros([0, 6, 3, 4], F64);
    assert_eq!(temporal_shift(&none, 4, 2).expect("ok").size(), [0, 6, 3, 4]);
    assert_eq!(temporal_aggregate(&none, &taps, 4).expect("ok").size(), [0, 6, 3, 4]);
}

fn code(result: Result<Tensor, KernelError>) -> (&'static str, String) {
    let error = result.expect_err("an error");
    (error.code(), error.to_string())
}

#[test]
fn wrong_arguments_are_errors_that_name_them() {
    let x = Tensor::zeros([6, 8, 2, 2], F64);
    let flat = Tensor::zeros([6, 8], F64);
    let (shape, dtype) = ("SHAPE_MISMATCH", "DTYPE_MISMATCH");
    let expect = |result, expected: &str, words: &[&str]| {
        let (code, text) = code(result);
        assert_eq!(code, expected, "{text}");
        for word in words {
            assert!(text.contains(word), "{text} does not say {word}");
        }
    };
    expect(temporal_shift(&flat, 3, 1), shape, &["x", "[6, 8]"]);
    expect(temporal_shift(&x, 4, 1), shape, &["frames", "6", "4"]);
    expect(temporal_shift(&x, 0, 1), shape, &["frames", "0"]);
    expect(temporal_shift(&x, 3, 5), shape, &["fold", "5", "8"]);
    expect(temporal_shift(&x, 3, -1), shape, &["fold", "-1"]);

    let taps = Tensor::zeros([3, 8], F64);
    expect(temporal_aggregate(&x, &Tensor::zeros([0, 8], F64), 3), shape, &["taps", "[0, 8]"]);
    expect(temporal_aggregate(&x, &Tensor::zeros([3, 7], F64), 3), shape, &["taps", "[3, 7]"]);
    expect(temporal_aggregate(&x, &taps.to_kind(Kind::Float), 3), dtype, &["taps", "Float"]);
    let whole = (x.to_kind(Kind::Int64), taps.to_kind(Kind::Int64));
    expect(temporal_aggregate(&whole.0, &whole.1, 3), dtype, &["x", "Int64"]);

    let (offsets, weights) = (Tensor::zeros([2, 4], F64), Tensor::zeros([2, 3, 4], F64));
    let interlace = |offsets: &Tensor, weights: &Tensor, fold| {
        temporal_interlace(&x, offsets, weights, 3, fold)
    };
    expect(interlace(&Tensor::zeros([3, 4], F64), &weights, 8), shape, &["offsets", "[3, 4]"]);
    expect(interlace(&offsets, &Tensor::zeros([2, 4], F64), 8), shape, &["weights", "[2, 3, 4]"]);
    expect(interlace(&offsets, &weights, 6), shape, &["fold", "4 groups", "6"]);
    expect(interlace(&offsets, &weights, 12), shape, &["fold", "12"]);
    expect(interlace(&offsets.to_kind(Kind::Half), &weights, 8), dtype, &["offsets", "Half"]);
    for bad in [f64::NAN, f64::INFINITY] {
        expect(interlace(&(&offsets + bad), &weights, 8), "NON_FINITE", &["offsets", "NaN"]);
    }
    if tch::Cuda::is_available() {
        let there = offsets.to_device(Device::Cuda(0));
        expect(interlace(&there, &weights, 8), "DEVICE_MISMATCH", &["offsets", "Cuda"]);
    }
}
