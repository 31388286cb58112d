//! What the operations promise around their numbers: errors, autocast, second derivatives, no-grad.

use tch::{Device, Kind, Tensor};
use timeweave_kernels::{
    KernelError, has_cuda_kernels, into, temporal_aggregate, temporal_aggregate_pairs,
    temporal_interlace, temporal_shift, temporal_shift_online,
};

const F32: (Kind, Device) = (Kind::Float, Device::Cpu);

fn ones(size: &[i64]) -> Tensor {
    Tensor::ones(size, F32)
}

/// The code and the text of a refusal.
fn refused<T>(result: Result<T, KernelError>) -> (&'static str, String) {
    match result {
        Ok(_) => panic!("expected a refusal"),
        Err(error) => (error.code(), error.to_string()),
    }
}

fn assert_refused<T>(result: Result<T, KernelError>, code: &str, parts: &[&str]) {
    let (actual, text) = refused(result);
    assert_eq!(actual, code, "{text}");
    for part in parts {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
}

#[test]
fn a_wrong_rank_is_refused_by_name_and_shape() {
    let flat = ones(&[8, 4, 3]);
    let taps = ones(&[3, 4]);
    assert_refused(temporal_aggregate(&flat, &taps, 4), "SHAPE_MISMATCH", &["x", "[8, 4, 3]"]);
    assert_refused(temporal_shift(&flat, 4, 1), "SHAPE_MISMATCH", &["[8, 4, 3]"]);
    let x = ones(&[8, 4, 3, 3]);
    assert_refused(
        temporal_aggregate(&x, &ones(&[3, 5]), 4),
        "SHAPE_MISMATCH",
        &["taps", "[3, 5]"],
    );
    assert_refused(
        temporal_aggregate(&x, &ones(&[0, 4]), 4),
        "SHAPE_MISMATCH",
        &["taps", "[0, 4]"],
    );
    let state = ones(&[2, 5, 3, 3]);
    assert_refused(
        temporal_shift_online(&x, &state, 4),
        "SHAPE_MISMATCH",
        &["state", "[2, 5, 3, 3]"],
    );
}

#[test]
fn frames_that_do_not_divide_the_batch_are_refused() {
    let x = ones(&[8, 4, 3, 3]);
    for frames in [3, 0, -2] {
        let parts = ["8", &frames.to_string()];
        assert_refused(temporal_shift(&x, frames, 1), "SHAPE_MISMATCH", &parts);
        assert_refused(temporal_aggregate(&x, &ones(&[3, 4]), frames), "SHAPE_MISMATCH", &parts);
        assert_refused(
            temporal_aggregate_pairs(&x, &ones(&[3, 4]), frames),
            "SHAPE_MISMATCH",
            &parts,
        );
    }
}

#[test]
fn groups_that_do_not_divide_the_fold_are_refused() {
    let x = ones(&[8, 6, 3, 3]);
    let (offsets, weights) = (ones(&[2, 4]), ones(&[2, 4, 4]));
    for fold in [6, 7, 8, -4] {
        let result = temporal_interlace(&x, &offsets, &weights, 4, fold);
        assert_refused(result, "SHAPE_MISMATCH", &["fold", &fold.to_string()]);
    }
    assert_refused(temporal_shift(&x, 4, 4), "SHAPE_MISMATCH", &["fold", "4"]);
    let result = temporal_interlace(&x, &offsets, &ones(&[2, 5, 4]), 4, 4);
    assert_refused(result, "SHAPE_MISMATCH", &["weights", "[2, 5, 4]"]);
}

#[test]
fn mixed_and_whole_types_are_refused() {
    let x = ones(&[8, 4, 3, 3]);
    let wide = ones(&[3, 4]).to_kind(Kind::Double);
    assert_refused(temporal_aggregate(&x, &wide, 4), "DTYPE_MISMATCH", &["taps", "Double"]);
    let whole = x.to_kind(Kind::Int64);
    assert_refused(temporal_shift(&whole, 4, 1), "DTYPE_MISMATCH", &["x", "Int64"]);
}

#[test]
fn offsets_that_are_no_numbers_are_refused_and_those_beyond_the_clip_give_zeros() {
    let x = ones(&[8, 4, 3, 3]);
    let weights = ones(&[2, 4, 1]);
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let offsets = Tensor::full([2, 1], value, F32);
        assert_refused(
            temporal_interlace(&x, &offsets, &weights, 4, 4),
            "NON_FINITE",
            &["offsets"],
        );
    }
    for value in [4.0, -5.0, 1e30, -1e30] {
        let offsets = Tensor::full([2, 1], value, F32);
        let y = temporal_interlace(&x, &offsets, &weights, 4, 4).expect("valid shapes");
        assert!(y.equal(&x.zeros_like()), "offset {value}");
    }
}

#[test]
fn given_memory_must_fit() {
    let x = ones(&[8, 4, 3, 3]);
    let taps = ones(&[3, 4]);
    let mut other = ones(&[8, 3, 3, 4]).permute([0, 3, 1, 2]);
    assert_refused(into::aggregate(&mut other, &x, &taps, 4), "SHAPE_MISMATCH", &["y", "strides"]);
    let mut narrow = x.to_kind(Kind::Half);
    assert_refused(into::shift(&mut narrow, &x, 4, 1, 1), "DTYPE_MISMATCH", &["y", "Half"]);
    let holes = ones(&[8, 4, 3, 6]).slice(3, None, None, 2);
    let mut y = holes.zeros_like();
    assert_refused(into::shift(&mut y, &holes, 4, 1, 1), "SHAPE_MISMATCH", &["dense"]);
}

#[test]
fn without_gradients_nothing_is_recorded() {
    let x = ones(&[8, 4, 3, 3]).set_requires_grad(true);
    let taps = ones(&[3, 4]).set_requires_grad(true);
    let guard = tch::no_grad_guard();
    let y = temporal_aggregate(&x, &taps, 4).expect("valid shapes");
    assert!(!y.requires_grad());
    drop(guard);
    assert!(temporal_aggregate(&x, &taps, 4).expect("valid shapes").requires_grad());
}

#[test]
fn a_second_derivative_is_right_or_refused() {
    let x = Tensor::randn([8, 4, 3, 3], F32).set_requires_grad(true);
    let seed = Tensor::randn([8, 4, 3, 3], F32).set_requires_grad(true);
    let y = temporal_shift(&x, 4, 1).expect("valid shapes");
    let first = Tensor::run_backward(&[(&y * &seed).sum(Kind::Float)], &[&x], true, true);
    assert!(first[0].requires_grad(), "the gradient of a shift is differentiable");
    // The gradient is linear in the seed: its derivative in the direction of ones is a shift of ones.
    let second = Tensor::run_backward(&[first[0].sum(Kind::Float)], &[&seed], false, false);
    assert!(second[0].equal(&temporal_shift(&x.ones_like(), 4, 1).expect("valid shapes")));

    let taps = Tensor::randn([3, 4], F32).set_requires_grad(true);
    let y = temporal_aggregate(&x, &taps, 4).expect("valid shapes");
    let first = Tensor::run_backward(&[(&y * &y).sum(Kind::Float)], &[&x], true, true);
    assert!(first[0].requires_grad(), "the gradient of an aggregation knows where it comes from");
    let sum = first[0].sum(Kind::Float);
    let error = Tensor::f_run_backward(&[sum], &[&taps], false, false).expect_err("no derivative");
    assert!(error.to_string().contains("second derivatives are not implemented"), "{error}");
}

#[test]
fn a_build_says_whether_it_has_cuda_kernels() {
    assert_eq!(has_cuda_kernels(), cfg!(feature = "cuda"));
}
