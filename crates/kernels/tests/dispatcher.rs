//! The operations in libtorch's dispatcher: gradients of gradients, autocast, modes without gradients,
//! shapes without memory, and calls that no check in Rust has seen.

mod cases;

use std::ffi::{CStr, c_char, c_void};
use std::ptr::null_mut;

use cases::{Layout, leaf, map, meta};
use tch::{Device, Kind, Tensor};
use timeweave_kernels::{
    reference, temporal_aggregate, temporal_aggregate_pairs, temporal_interlace, temporal_shift,
    temporal_shift_online,
};

unsafe extern "C" {
    safe fn timeweave_probe_autocast(on: i32);
    safe fn timeweave_probe_inference(on: i32);
    fn timeweave_temporal_aggregate(
        y: *mut *mut c_void,
        x: *const c_void,
        taps: *const c_void,
        frames: i64,
    ) -> *mut c_char;
    fn timeweave_temporal_aggregate_pairs(
        y: *mut *mut c_void,
        z: *const c_void,
        taps: *const c_void,
        frames: i64,
    ) -> *mut c_char;
    fn timeweave_temporal_shift(
        y: *mut *mut c_void,
        x: *const c_void,
        frames: i64,
        fold: i64,
    ) -> *mut c_char;
    fn timeweave_temporal_shift_online(
        y: *mut *mut c_void,
        x: *const c_void,
        state: *const c_void,
        frames: i64,
    ) -> *mut c_char;
    fn timeweave_temporal_interlace(
        y: *mut *mut c_void,
        x: *const c_void,
        offsets: *const c_void,
        weights: *const c_void,
        frames: i64,
        fold: i64,
    ) -> *mut c_char;
    fn free(text: *mut c_void);
}

const F32: (Kind, Device) = (Kind::Float, Device::Cpu);

fn ones(size: &[i64]) -> Tensor {
    Tensor::ones(size, F32)
}

/// The `count` results of a call, or its error's text.
fn called(
    count: usize,
    call: impl FnOnce(*mut *mut c_void) -> *mut c_char,
) -> Result<Vec<Tensor>, String> {
    let mut tensors = [null_mut(); 2];
    let text = call(tensors.as_mut_ptr());
    if text.is_null() {
        // SAFETY: on success each slot holds a new tensor.
        return Ok(tensors[..count]
            .iter()
            .map(|t| unsafe { Tensor::from_ptr(t.cast()) })
            .collect());
    }
    // SAFETY: a text for the caller to free.
    unsafe {
        let message = CStr::from_ptr(text).to_string_lossy().into_owned();
        free(text.cast());
        Err(message)
    }
}

fn raw(tensor: &Tensor) -> *const c_void {
    tensor.as_ptr().cast()
}

fn aggregate(x: &Tensor, taps: &Tensor, frames: i64) -> Result<Vec<Tensor>, String> {
    // SAFETY: the tensors live through the call, here and below.
    called(1, |y| unsafe { timeweave_temporal_aggregate(y, raw(x), raw(taps), frames) })
}

fn pairs(z: &Tensor, taps: &Tensor, frames: i64) -> Result<Vec<Tensor>, String> {
    // SAFETY: as above.
    called(2, |y| unsafe { timeweave_temporal_aggregate_pairs(y, raw(z), raw(taps), frames) })
}

fn shift(x: &Tensor, frames: i64, fold: i64) -> Result<Vec<Tensor>, String> {
    // SAFETY: as above.
    called(1, |y| unsafe { timeweave_temporal_shift(y, raw(x), frames, fold) })
}

fn online(x: &Tensor, state: &Tensor, frames: i64) -> Result<Vec<Tensor>, String> {
    // SAFETY: as above.
    called(2, |y| unsafe { timeweave_temporal_shift_online(y, raw(x), raw(state), frames) })
}

fn interlace(x: &Tensor, places: [&Tensor; 2], at: (i64, i64)) -> Result<Vec<Tensor>, String> {
    let [o, w] = places.map(raw);
    // SAFETY: as above.
    called(1, |y| unsafe { timeweave_temporal_interlace(y, raw(x), o, w, at.0, at.1) })
}

#[test]
fn the_dispatcher_refuses_what_does_not_fit() {
    let (x, taps) = (ones(&[8, 4, 3, 3]), ones(&[3, 4]));
    let (offsets, weights, state) = (ones(&[2, 2]), ones(&[2, 4, 2]), ones(&[2, 1, 3, 3]));
    let undefined = Tensor::new();
    let whole = |tensor: &Tensor| tensor.to_kind(Kind::Int64);
    let refusals = [
        (aggregate(&ones(&[8, 4, 3]), &taps, 4), "x [N*T, C, H, W]"),
        (aggregate(&x, &taps, 3), "frames that divide the batch of 8"),
        (aggregate(&x, &ones(&[3, 5]), 4), "taps [r, 4]"),
        (aggregate(&x, &whole(&taps), 4), "taps of a floating-point type"),
        (aggregate(&whole(&x), &taps, 4), "a floating-point type"),
        (aggregate(&x, &meta(&taps), 4), "taps on cpu"),
        (aggregate(&undefined, &taps, 4), ""),
        (pairs(&x, &taps, 0), "frames that divide"),
        (shift(&x, 4, 3), "fold in 0..=2"),
        (shift(&x, 4, i64::MAX), "fold in 0..=2"),
        (shift(&x, 4, -1), "fold in 0..=2"),
        (online(&x, &ones(&[2, 5, 3, 3]), 4), "a state [2, fold, 3, 3]"),
        (online(&x, &state.to_kind(Kind::Half), 4), "in the type"),
        (interlace(&x, [&ones(&[3, 2]), &weights], (4, 4)), "offsets [2, G]"),
        (interlace(&x, [&offsets, &ones(&[2, 4, 3])], (4, 4)), "weights [2, 4, 2]"),
        (interlace(&x, [&offsets, &weights], (4, 3)), "whole groups"),
        (interlace(&x, [&offsets, &weights], (4, i64::MAX - 1)), "within 4 channels"),
        (interlace(&x, [&whole(&offsets), &weights], (4, 4)), "offsets of a floating-point"),
        (interlace(&x, [&offsets, &meta(&weights)], (4, 4)), "weights on cpu"),
    ];
    for (index, (result, part)) in refusals.into_iter().enumerate() {
        let text = result.expect_err(&format!("refusal {index}"));
        assert!(text.contains(part), "{index}: {text:?} does not say {part:?}");
    }
}

#[test]
fn an_offset_that_is_no_number_makes_its_group_none() {
    for (value, layout) in [(f64::NAN, Layout::Channels), (f64::INFINITY, Layout::Positions)] {
        let x = leaf(&map(&[8, 6, 3, 3], Kind::Float, layout));
        let offsets = leaf(&Tensor::zeros([2, 2], F32));
        let _ = offsets.detach().get(1).get(0).fill_(value);
        let weights = leaf(&ones(&[2, 4, 2]));
        let y = interlace(&x, [&offsets, &weights], (4, 4)).expect("a defined result").remove(0);
        // Clip 1, channels 0 and 1.
        let expected = y.detach().zeros_like().to_kind(Kind::Bool);
        let _ = expected.narrow(0, 4, 4).narrow(1, 0, 2).fill_(1);
        assert!(y.isnan().equal(&expected), "{value}");
        let grads =
            Tensor::run_backward(&[y.sum(Kind::Float)], &[&x, &offsets, &weights], false, false);
        assert!(grads[0].isnan().equal(&expected), "{value}");
        assert!(grads[2].isnan().select(2, 1).any().int64_value(&[]) == 0, "{value}");
    }
}

#[test]
fn shapes_are_inferred_without_memory() {
    for layout in [Layout::Channels, Layout::Positions] {
        let x = map(&[8, 6, 3, 2], Kind::BFloat16, layout);
        let ghost = |t: &Tensor| meta(t).set_requires_grad(true);
        let (z, taps) = (ghost(&x), ghost(&ones(&[3, 6])));
        let (state, offsets) = (ghost(&x.narrow(0, 0, 2).narrow(1, 0, 2)), ghost(&ones(&[2, 2])));
        let weights = ghost(&ones(&[2, 4, 2]));
        let results = [
            (aggregate(&z, &taps, 4), vec![&z, &taps]),
            (pairs(&z, &taps, 4), vec![&z, &taps]),
            (shift(&z, 4, 2), vec![&z]),
            (online(&z, &state, 4), vec![&z, &state]),
            (interlace(&z, [&offsets, &weights], (4, 4)), vec![&z, &offsets, &weights]),
        ];
        for (result, leaves) in results {
            let y = result.expect("shapes that fit");
            assert_eq!((y[0].size(), y[0].stride(), y[0].kind()), (x.size(), x.stride(), x.kind()));
            // A state has the layout of its map too.
            let real = temporal_shift_online(&x, &x.narrow(0, 0, 2).narrow(1, 0, 2), 4);
            if y.len() == 2 && y[1].size() == state.size() {
                assert_eq!(y[1].stride(), real.expect("shapes that fit").1.stride());
            }
            let total = y.iter().map(|y| y.sum(Kind::Float)).reduce(|a, b| a + b);
            let total = total.expect("a result");
            for (grad, leaf) in
                Tensor::run_backward(&[total], &leaves, false, false).iter().zip(&leaves)
            {
                assert_eq!((grad.size(), grad.kind()), (leaf.size(), leaf.kind()));
            }
        }
        assert!(aggregate(&z, &ghost(&ones(&[3, 5])), 4).is_err());
        assert!(shift(&z, 4, 4).is_err());
    }
}

/// Autocast for the life of a value, also when a test fails.
struct Autocast;

impl Autocast {
    fn on() -> Self {
        timeweave_probe_autocast(1);
        Self
    }
}

impl Drop for Autocast {
    fn drop(&mut self) {
        timeweave_probe_autocast(0);
    }
}

#[test]
fn autocast_casts_the_maps_and_leaves_the_parameters() {
    let x = leaf(&map(&[8, 6, 3, 2], Kind::Float, Layout::Channels));
    let taps = leaf(&map(&[3, 6], Kind::Float, Layout::Channels));
    let (offsets, weights) =
        (leaf(&Tensor::randn([2, 2], F32)), leaf(&Tensor::randn([2, 4, 2], F32)));
    let state = leaf(&map(&[2, 2, 3, 2], Kind::Float, Layout::Channels));
    // What casting by hand gives.
    let narrow = x.detach().to_kind(Kind::BFloat16);
    let by_hand = aggregate(&narrow, &taps.detach(), 4).expect("any parameter type").remove(0);
    let guard = Autocast::on();
    let results = [
        temporal_aggregate(&x, &taps, 4).expect("valid"),
        temporal_aggregate_pairs(&x, &taps, 4).expect("valid").1,
        temporal_shift(&x, 4, 2).expect("valid"),
        temporal_shift_online(&x, &state, 4).expect("valid").0,
        temporal_interlace(&x, &offsets, &weights, 4, 4).expect("valid"),
        // Narrow maps beside wide parameters, as after a convolution.
        temporal_aggregate(&narrow, &taps, 4).expect("valid"),
    ];
    assert!(results.iter().all(|y| y.kind() == Kind::BFloat16));
    assert!(results[0].equal(&by_hand) && results[5].equal(&by_hand));
    assert!(results[2].equal(&temporal_shift(&narrow, 4, 2).expect("valid")));
    // libtorch casts no float64.
    let double = temporal_shift(&x.to_kind(Kind::Double), 4, 2).expect("valid");
    assert_eq!(double.kind(), Kind::Double);
    let total = results.iter().map(|y| y.sum(Kind::Float)).reduce(|a, b| a + b).expect("some");
    let leaves = [&x, &taps, &offsets, &weights, &state];
    for grad in Tensor::run_backward(&[total], &leaves, false, false) {
        assert_eq!(grad.kind(), Kind::Float);
        assert!(grad.abs().sum(Kind::Float).double_value(&[]) > 0.0);
    }
    drop(guard);
    assert_eq!(temporal_shift(&x, 4, 2).expect("valid").kind(), Kind::Float);
    let mixed = temporal_aggregate(&narrow, &taps, 4).expect_err("no autocast, no mixing");
    assert_eq!(mixed.code(), "DTYPE_MISMATCH");
}

#[test]
fn the_reference_form_is_cast_as_the_operations_are() {
    let random = |size: &[i64]| map(size, Kind::Float, Layout::Channels);
    let (x, taps, state) = (random(&[8, 6, 3, 2]), random(&[3, 6]), random(&[2, 2, 3, 2]));
    let (offsets, weights) = (random(&[2, 2]), random(&[2, 4, 2]));
    let _guard = Autocast::on();
    let results = [
        reference::temporal_aggregate(&x, &taps, 4).expect("valid"),
        reference::temporal_aggregate_pairs(&x, &taps, 4).expect("valid").1,
        reference::temporal_interlace(&x, &offsets, &weights, 4, 4).expect("valid"),
        reference::temporal_shift(&x, 4, 2).expect("valid"),
        reference::temporal_shift_online(&x, &state, 4).expect("valid").0,
        reference::temporal_shift_online(&x, &state, 4).expect("valid").1,
    ];
    assert!(results.iter().all(|y| y.kind() == Kind::BFloat16));
    assert!(results[3].equal(&temporal_shift(&x, 4, 2).expect("valid")));
    let (y, next) = temporal_shift_online(&x, &state, 4).expect("valid");
    assert!(results[4].equal(&y) && results[5].equal(&next));
    let double = reference::temporal_shift(&x.to_kind(Kind::Double), 4, 2).expect("valid");
    assert_eq!(double.kind(), Kind::Double);
}

/// Forward in float32 outside autocast, backward within: gradients are cast nowhere.
#[test]
fn a_backward_under_autocast_keeps_the_type_of_its_forward() {
    let random = |size: &[i64]| leaf(&map(size, Kind::Float, Layout::Channels));
    let (x, taps, state) = (random(&[8, 6, 3, 2]), random(&[3, 6]), random(&[2, 2, 3, 2]));
    let (offsets, weights) = (random(&[2, 2]), random(&[2, 4, 2]));
    let (seed, seed_state) = (random(&[8, 6, 3, 2]), random(&[2, 2, 3, 2]));
    let (even, odd) = temporal_aggregate_pairs(&x, &taps, 4).expect("valid");
    let (y, next) = temporal_shift_online(&x, &state, 4).expect("valid");
    let online = (&y * &seed).sum(Kind::Float) + (&next * &seed_state).sum(Kind::Float);
    let total = |y: &Tensor| (y * &seed).sum(Kind::Float);
    let totals = [
        ("shift", total(&temporal_shift(&x, 4, 2).expect("valid")), vec![&x]),
        ("online shift", online.shallow_clone(), vec![&x, &state]),
        ("aggregate", total(&temporal_aggregate(&x, &taps, 4).expect("valid")), vec![&x, &taps]),
        ("pairs", total(&even) + total(&odd), vec![&x, &taps]),
        (
            "interlace",
            total(&temporal_interlace(&x, &offsets, &weights, 4, 4).expect("valid")),
            vec![&x, &offsets, &weights],
        ),
    ];
    for (name, total, leaves) in totals {
        let outside = Tensor::run_backward(&[&total], &leaves, true, false);
        let guard = Autocast::on();
        let inside = Tensor::run_backward(&[&total], &leaves, true, false);
        drop(guard);
        assert!(outside.iter().zip(&inside).all(|(a, b)| a.equal(b)), "{name}");
    }
    // The second derivative of the online shift is the shift itself.
    let first = Tensor::run_backward(&[online], &[&x, &state], true, true);
    let (along, along_state) = (random(&[8, 6, 3, 2]).detach(), random(&[2, 2, 3, 2]).detach());
    let sum = (&first[0] * &along).sum(Kind::Float) + (&first[1] * &along_state).sum(Kind::Float);
    let (y, next) = temporal_shift_online(&along, &along_state, 4).expect("valid");
    let _guard = Autocast::on();
    let second = Tensor::run_backward(&[sum], &[&seed, &seed_state], false, false);
    assert!(second[0].equal(&y) && second[1].equal(&next));
}

#[test]
fn without_gradients_nothing_is_recorded() {
    let x = leaf(&map(&[8, 4, 3, 3], Kind::Float, Layout::Channels));
    let taps = leaf(&map(&[3, 4], Kind::Float, Layout::Channels));
    let recorded = temporal_aggregate(&x, &taps, 4).expect("valid shapes");
    assert!(recorded.requires_grad());
    let guard = tch::no_grad_guard();
    let y = temporal_aggregate(&x, &taps, 4).expect("valid shapes");
    drop(guard);
    assert!(!y.requires_grad() && y.equal(&recorded));
    timeweave_probe_inference(1);
    let y = temporal_aggregate(&x, &taps, 4);
    let shifted = temporal_shift(&x, 4, 1);
    timeweave_probe_inference(0);
    let y = y.expect("valid shapes");
    assert!(!y.requires_grad() && y.equal(&recorded));
    assert!(!shifted.expect("valid shapes").requires_grad());
}

#[test]
fn shifts_can_be_differentiated_twice() {
    let x = leaf(&map(&[8, 4, 3, 3], Kind::Double, Layout::Channels));
    let state = leaf(&map(&[2, 2, 3, 3], Kind::Double, Layout::Channels));
    let seeds = [leaf(&Tensor::randn_like(&x)), leaf(&Tensor::randn_like(&state))];
    let probes = [Tensor::randn_like(&x), Tensor::randn_like(&state)];
    let y = temporal_shift(&x, 4, 1).expect("valid shapes");
    let first = Tensor::run_backward(&[(&y * &seeds[0]).sum(Kind::Double)], &[&x], true, true);
    // The gradient is linear in the seed: its derivative in a direction is the shift of the direction.
    let along = (&first[0] * &probes[0]).sum(Kind::Double);
    let second = Tensor::run_backward(&[along], &[&seeds[0]], false, false);
    assert!(second[0].equal(&temporal_shift(&probes[0], 4, 1).expect("valid shapes")));

    let (y, next) = temporal_shift_online(&x, &state, 4).expect("valid shapes");
    let total = (&y * &seeds[0]).sum(Kind::Double) + (&next * &seeds[1]).sum(Kind::Double);
    let first = Tensor::run_backward(&[total], &[&x, &state], true, true);
    let along =
        (&first[0] * &probes[0]).sum(Kind::Double) + (&first[1] * &probes[1]).sum(Kind::Double);
    let second = Tensor::run_backward(&[along], &[&seeds[0], &seeds[1]], false, false);
    let (y, next) = temporal_shift_online(&probes[0], &probes[1], 4).expect("valid shapes");
    assert!(second[0].equal(&y) && second[1].equal(&next));
}

#[test]
fn other_second_derivatives_are_refused_where_they_are_asked_for() {
    let x = leaf(&map(&[8, 4, 3, 3], Kind::Float, Layout::Channels));
    let taps = leaf(&map(&[3, 4], Kind::Float, Layout::Channels));
    let (offsets, weights) = (leaf(&Tensor::randn([2, 2], F32)), leaf(&ones(&[2, 4, 2])));
    let (even, odd) = temporal_aggregate_pairs(&x, &taps, 4).expect("valid shapes");
    let results = [
        ("temporal_aggregate", temporal_aggregate(&x, &taps, 4).expect("valid shapes"), &taps),
        ("temporal_aggregate_pairs", even + odd, &taps),
        (
            "temporal_interlace",
            temporal_interlace(&x, &offsets, &weights, 4, 4).expect("valid shapes"),
            &weights,
        ),
    ];
    for (op, y, parameter) in results {
        let first = Tensor::run_backward(&[(&y * &y).sum(Kind::Float)], &[&x], true, true);
        assert!(first[0].requires_grad(), "the gradient of {op} knows where it comes from");
        let sum = first[0].sum(Kind::Float);
        let error = Tensor::f_run_backward(&[sum], &[parameter], false, false);
        let text = error.expect_err("no second derivative").to_string();
        assert!(
            text.contains(op) && text.contains("second derivatives are not implemented"),
            "{text}"
        );
    }
}
