//! What the operations promise around their numbers: errors for arguments that do not fit, and what
//! is defined where one may doubt it.

mod cases;

use cases::{KINDS, LAYOUTS, Layout, map, meta, refused};
use tch::{Device, Kind, Tensor};
use timeweave_kernels::{
    has_cuda_kernels, into, reference, temporal_aggregate, temporal_aggregate_pairs,
    temporal_interlace, temporal_shift, temporal_shift_online,
};

const F32: (Kind, Device) = (Kind::Float, Device::Cpu);

fn ones(size: &[i64]) -> Tensor {
    Tensor::ones(size, F32)
}

/// A batch of two clips of four frames.
fn x() -> Tensor {
    ones(&[8, 4, 3, 3])
}

const SHAPE: &str = "SHAPE_MISMATCH";

#[test]
fn a_wrong_rank_is_refused_by_name_and_shape() {
    let (x, taps) = (x(), ones(&[3, 4]));
    for size in [&[8, 4, 3][..], &[8, 4, 3, 3, 1], &[]] {
        let (wrong, shape) = (ones(size), format!("{size:?}"));
        refused(temporal_aggregate(&wrong, &taps, 4), SHAPE, &["x", &shape]);
        refused(temporal_aggregate_pairs(&wrong, &taps, 4), SHAPE, &["x", &shape]);
        refused(temporal_shift(&wrong, 4, 1), SHAPE, &["temporal_shift", "x", &shape]);
    }
    for size in [[3, 5], [0, 4]] {
        let shape = format!("{size:?}");
        refused(temporal_aggregate(&x, &ones(&size), 4), SHAPE, &["taps", "[r, 4]", &shape]);
    }
    for size in [[2, 5, 3, 3], [1, 2, 3, 3], [2, 2, 3, 4]] {
        let shape = format!("{size:?}");
        refused(temporal_shift_online(&x, &ones(&size), 4), SHAPE, &["state", &shape]);
    }
    let weights = ones(&[2, 4, 2]);
    for size in [&[2][..], &[3, 2], &[2, 0]] {
        let (offsets, shape) = (ones(size), format!("{size:?}"));
        refused(temporal_interlace(&x, &offsets, &weights, 4, 4), SHAPE, &["offsets", &shape]);
    }
    for size in [&[2, 5, 2][..], &[2, 4, 1], &[2, 8]] {
        let (weights, shape) = (ones(size), format!("{size:?}"));
        let result = temporal_interlace(&x, &ones(&[2, 2]), &weights, 4, 4);
        refused(result, SHAPE, &["weights", "[2, 4, 2]", &shape]);
    }
}

#[test]
fn frames_that_do_not_divide_the_batch_are_refused() {
    let (x, taps) = (x(), ones(&[3, 4]));
    for frames in [3, 0, -2, 16, i64::MAX, i64::MIN] {
        let parts = ["frames", "8", &frames.to_string()];
        refused(temporal_shift(&x, frames, 1), SHAPE, &parts);
        refused(temporal_shift_online(&x, &ones(&[2, 1, 3, 3]), frames), SHAPE, &parts);
        refused(temporal_aggregate(&x, &taps, frames), SHAPE, &parts);
        refused(temporal_aggregate_pairs(&x, &taps, frames), SHAPE, &parts);
        let weights = ones(&[2, 4, 1]);
        refused(temporal_interlace(&x, &ones(&[2, 1]), &weights, frames, 4), SHAPE, &parts);
    }
}

#[test]
fn a_fold_that_does_not_fit_is_refused() {
    let x = ones(&[8, 6, 3, 3]);
    let (offsets, weights) = (ones(&[2, 4]), ones(&[2, 4, 4]));
    for fold in [6, 7, 8, -4, i64::MAX, i64::MIN] {
        let result = temporal_interlace(&x, &offsets, &weights, 4, fold);
        refused(result, SHAPE, &["fold", "4 groups", "6 channels", &fold.to_string()]);
    }
    // Twice the largest number wraps around to a small one.
    for fold in [4, -1, i64::MAX, i64::MAX / 2 + 1, i64::MIN] {
        let parts = ["fold", "6 channels", &fold.to_string()];
        refused(temporal_shift(&x, 4, fold), SHAPE, &parts);
        refused(into::shift(&mut x.zeros_like(), &x, 4, fold, 1), SHAPE, &parts);
    }
}

#[test]
fn mixed_and_other_types_are_refused() {
    let (x, taps) = (x(), ones(&[3, 4]));
    for kind in [Kind::Double, Kind::BFloat16, Kind::Half, Kind::Int64] {
        let (name, code) = (format!("{kind:?}"), "DTYPE_MISMATCH");
        let parts = ["taps", &name, "[3, 4]"];
        refused(temporal_aggregate(&x, &taps.to_kind(kind), 4), code, &parts);
        let state = ones(&[2, 1, 3, 3]).to_kind(kind);
        let parts = ["state", &name, "[2, 1, 3, 3]"];
        refused(temporal_shift_online(&x, &state, 4), code, &parts);
        let (offsets, weights) = (ones(&[2, 1]), ones(&[2, 4, 1]));
        let result = temporal_interlace(&x, &offsets.to_kind(kind), &weights, 4, 4);
        refused(result, code, &["offsets", &name, "Float", "[2, 1]"]);
        let result = temporal_interlace(&x, &offsets, &weights.to_kind(kind), 4, 4);
        refused(result, code, &["weights", &name]);
    }
    for kind in [Kind::Int64, Kind::Uint8, Kind::Bool, Kind::ComplexFloat] {
        let (x, taps, name) = (x.to_kind(kind), taps.to_kind(kind), format!("{kind:?}"));
        refused(temporal_shift(&x, 4, 1), "DTYPE_MISMATCH", &["x", &name, "[8, 4, 3, 3]"]);
        refused(temporal_aggregate(&x, &taps, 4), "DTYPE_MISMATCH", &["x", &name]);
    }
}

#[test]
fn tensors_without_memory_or_value_are_refused() {
    let (x, taps, none) = (x(), ones(&[3, 4]), Tensor::new());
    refused(temporal_shift(&none, 4, 1), SHAPE, &["x", "a tensor with a value"]);
    refused(temporal_aggregate(&x, &none, 4), SHAPE, &["taps", "a tensor with a value"]);
    refused(temporal_shift_online(&x, &none, 4), SHAPE, &["state"]);
    refused(temporal_interlace(&x, &none, &none, 4, 4), SHAPE, &["offsets"]);
    refused(temporal_interlace(&x, &ones(&[2, 1]), &none, 4, 4), SHAPE, &["weights"]);
    refused(temporal_shift(&x.to_sparse_sparse_dim(4), 4, 1), SHAPE, &["x", "a dense tensor"]);
    // Another device than that of x; a tensor of shapes only takes the reference form.
    let elsewhere = "DEVICE_MISMATCH";
    refused(temporal_aggregate(&x, &meta(&taps), 4), elsewhere, &["taps", "Cpu", "[3, 4]"]);
    refused(temporal_shift_online(&x, &meta(&ones(&[2, 1, 3, 3])), 4), elsewhere, &["state"]);
    refused(into::shift(&mut meta(&x), &x, 4, 1, 1), elsewhere, &["y"]);
    let y = temporal_aggregate(&meta(&x), &meta(&taps), 4).expect("shapes that fit");
    assert_eq!(y.size(), x.size());
}

#[test]
fn offsets_that_are_no_numbers_are_refused_and_those_beyond_the_clip_give_zeros() {
    let (x, weights) = (x(), ones(&[2, 4, 1]));
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let offsets = ones(&[2, 1]);
        let _ = offsets.get(1).fill_(value);
        refused(
            temporal_interlace(&x, &offsets, &weights, 4, 4),
            "NON_FINITE",
            &["offsets", "[2, 1]"],
        );
    }
    for form in [temporal_interlace, reference::temporal_interlace] {
        for value in [4.0, -5.0, 1e30, -1e30, f64::from(f32::MAX), f64::from(f32::MIN)] {
            let offsets = Tensor::full([2, 1], value, F32).set_requires_grad(true);
            let y = form(&x, &offsets, &weights, 4, 4).expect("valid shapes");
            assert!(y.equal(&x.zeros_like()), "offset {value}");
            y.sum(Kind::Float).backward();
            assert!(offsets.grad().equal(&offsets.zeros_like()), "offset {value}");
        }
    }
}

#[test]
fn a_number_that_is_none_stays_in_its_place() {
    let x = x();
    let _ = x.get(1).get(2).get(0).get(1).fill_(f64::NAN);
    let y = temporal_aggregate(&x, &ones(&[3, 4]), 4).expect("valid shapes");
    let expected = reference::temporal_aggregate(&x, &ones(&[3, 4]), 4).expect("valid shapes");
    assert!(y.isnan().equal(&expected.isnan()));
    assert_eq!(y.isnan().sum(Kind::Int64).int64_value(&[]), 3);
}

/// What tensors of devices without kernels get.
#[test]
fn the_reference_form_keeps_layout_and_type_and_sums_in_float32() {
    for kind in KINDS {
        for layout in LAYOUTS {
            let what = format!("{kind:?} {layout:?}");
            let x = map(&[8, 6, 3, 5], kind, layout);
            let random = |size: &[i64]| map(size, kind, layout);
            let (taps, state) = (random(&[7, 6]), random(&[2, 2, 3, 5]));
            let (offsets, weights) = (random(&[2, 2]), random(&[2, 4, 2]));
            let aggregated = reference::temporal_aggregate(&x, &taps, 4).expect("valid");
            let (even, odd) = reference::temporal_aggregate_pairs(&x, &taps, 4).expect("valid");
            let interlaced = reference::temporal_interlace(&x, &offsets, &weights, 4, 4);
            let interlaced = interlaced.expect("valid");
            let shifted = reference::temporal_shift(&x, 4, 2).expect("valid");
            let (y, next) = reference::temporal_shift_online(&x, &state, 4).expect("valid");
            let expected = temporal_shift_online(&x, &state, 4).expect("valid");
            assert_eq!(next.stride(), expected.1.stride(), "{what}");
            assert!(y.equal(&expected.0) && next.equal(&expected.1), "{what}");
            for y in [&aggregated, &even, &odd, &interlaced, &shifted, &y] {
                assert_eq!((y.kind(), y.stride()), (kind, expected.0.stride()), "{what}");
            }
            let wide = if kind == Kind::Double { kind } else { Kind::Float };
            let [x, taps] = [x, taps].map(|t| t.to_kind(wide));
            let [offsets, weights] = [offsets, weights].map(|t| t.to_kind(wide));
            let sums = reference::temporal_aggregate(&x, &taps, 4).expect("valid");
            assert!(aggregated.equal(&sums.to_kind(kind)), "{what}");
            let sums = reference::temporal_interlace(&x, &offsets, &weights, 4, 4);
            assert!(interlaced.equal(&sums.expect("valid").to_kind(kind)), "{what}");
        }
    }
}

#[test]
fn a_state_has_the_layout_of_its_map() {
    let x = map(&[8, 6, 3, 5], Kind::Float, Layout::Positions);
    let state = map(&[2, 4, 3, 5], Kind::Float, Layout::Positions);
    let (y, next) = temporal_shift_online(&x, &state, 4).expect("valid shapes");
    assert_eq!((y.stride(), next.stride()), (x.stride(), state.stride()));
    let state = state.set_requires_grad(true);
    let (y, next) = temporal_shift_online(&x, &state, 4).expect("valid shapes");
    let total = (y * &x).sum(Kind::Float) + next.sum(Kind::Float);
    let grads = Tensor::run_backward(&[total], &[&state], false, false);
    assert_eq!(grads[0].stride(), state.stride());
}

#[test]
fn any_strides_and_types_give_what_dense_maps_give() {
    for kind in KINDS {
        let wide = map(&[2, 8, 6, 5, 4], kind, Layout::Channels);
        let strided = wide.transpose(3, 4).select(0, 1);
        let repeated = wide.select(0, 0).narrow(0, 0, 1).expand([8, 6, 5, 4], false);
        for x in [strided, repeated] {
            let dense = x.contiguous();
            let taps = map(&[3, 6], kind, Layout::Channels);
            let [a, b] = [&x, &dense].map(|x| temporal_aggregate(x, &taps, 4).expect("valid"));
            assert!(a.equal(&b) && a.kind() == kind);
            let [a, b] = [&x, &dense].map(|x| temporal_shift(x, 4, 2).expect("valid"));
            assert!(a.equal(&b) && a.kind() == kind);
            // Parameters in any strides, too.
            let offsets = Tensor::full([2, 1], 0.3, (kind, Device::Cpu)).expand([2, 2], false);
            let weights = map(&[2, 2, 4], kind, Layout::Channels).transpose(1, 2);
            let interlaced = |x, o: &Tensor, w: &Tensor| temporal_interlace(x, o, w, 4, 4);
            let a = interlaced(&x, &offsets, &weights).expect("valid");
            let b = interlaced(&dense, &offsets.contiguous(), &weights.contiguous());
            assert!(a.equal(&b.expect("valid")) && a.kind() == kind);
        }
    }
}

#[test]
fn empty_maps_give_empty_results_and_zero_gradients() {
    for size in [[0, 6, 3, 4], [8, 6, 0, 4], [8, 0, 3, 4]] {
        let x = Tensor::zeros(size, F32).set_requires_grad(true);
        let (n, c) = (size[0] / 4, size[1]);
        let taps = ones(&[3, c]).set_requires_grad(true);
        let (even, odd) = temporal_aggregate_pairs(&x, &taps, 4).expect("valid shapes");
        let y = temporal_aggregate(&x, &taps, 4).expect("valid shapes");
        let (z, next) = temporal_shift_online(&x, &x.detach().narrow(0, 0, n), 4).expect("valid");
        assert_eq!(next.size(), [n, c, size[2], size[3]]);
        let offsets = Tensor::full([n, 2], 0.5, F32).set_requires_grad(true);
        let weights = ones(&[n, 4, 2]).set_requires_grad(true);
        let w = temporal_interlace(&x, &offsets, &weights, 4, c / 3 * 2).expect("valid shapes");
        let s = temporal_shift(&x, 4, c / 2).expect("valid shapes");
        for result in [&even, &odd, &y, &z, &w, &s] {
            assert_eq!(result.size(), size);
        }
        let total = (even + odd + y + z + w + s).sum(Kind::Float);
        let leaves = [&x, &taps];
        for (grad, leaf) in Tensor::run_backward(&[&total], &leaves, true, false).iter().zip(leaves)
        {
            assert!(grad.equal(&leaf.zeros_like()), "{size:?}");
        }
        if n > 0 && c > 0 {
            let grads = Tensor::run_backward(&[total], &[&offsets, &weights], false, false);
            assert!(grads[0].equal(&offsets.zeros_like()) && grads[1].equal(&weights.zeros_like()));
        }
    }
}

#[test]
fn a_build_says_whether_it_has_cuda_kernels() {
    assert_eq!(has_cuda_kernels(), cfg!(feature = "cuda"));
}
