//! The CUDA kernels' bodies, run by the host over their whole grid, against the reference form.

#[path = "cases/bodies.rs"]
mod bodies;
mod cases;

use std::ptr::{null, null_mut};

use bodies::{
    Maps, Start, raw, room, timeweave_grid_aggregate_backward, timeweave_grid_aggregate_forward,
    timeweave_grid_aggregate_partial, timeweave_grid_interlace_backward,
    timeweave_grid_interlace_forward, timeweave_grid_interlace_partial, timeweave_grid_shift,
};
use cases::{
    KINDS, Layout, SHAPES, assert_close, assert_sum, gradients, leaf64, map, seed, where_decided,
};
use tch::{Kind, Tensor};
use timeweave_kernels::cpu::{Aggregate, Interlace, Shift};
use timeweave_kernels::reference;

/// More shapes: frames beyond one block's piece, packs that do and do not fit, and small planes of
/// which packs share elements of two and more, over several blocks.
const MORE: [[i64; 5]; 7] = [
    [1, 3, 8, 48, 48],
    [2, 2, 300, 4, 4],
    [1, 2, 24, 33, 32],
    [2, 3, 128, 10, 10],
    [2, 3, 44, 7, 7],
    [1, 2, 140, 3, 5],
    [2, 2, 520, 1, 3],
];

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

/// Offsets between frames, on frames, far beyond the clip on either side, NaN and infinite.
fn offsets(maps: Maps, groups: i64) -> Tensor {
    let n = maps.size[0];
    let offsets = maps.parameters(&[n, groups]) * 2.5;
    offsets.select(1, 0).copy_(&offsets.select(1, 0).round());
    if n > 0 {
        offsets.select(0, n - 1).copy_(&(offsets.select(0, n - 1) * 1e9));
    }
    for (group, value) in [(1, f64::NAN), (2, f64::INFINITY), (5, f64::NEG_INFINITY)] {
        if group < groups {
            let _ = offsets.select(1, group).fill_(value);
        }
    }
    offsets
}

/// Asserts that `actual` is NaN exactly where `lost` (a map of zeros and ones) says, and returns it
/// with zeros there.
fn finite(actual: &Tensor, lost: &Tensor, name: &str) -> Tensor {
    let lost = lost.expand_as(actual).gt(0.5);
    assert!(actual.isnan().equal(&lost), "{name}: NaN in the wrong places");
    actual.masked_fill(&lost, 0.0)
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
    if fold == 0 || x.numel() == 0 {
        assert!(y.equal(&x) && grad_x.equal(&grad), "{name}");
        assert!(grad_offsets.equal(&offsets.zeros_like()), "{name}");
        assert!(grad_weights.equal(&weights.zeros_like()), "{name}");
        return;
    }
    // A group without a finite offset is lost, with all its gradients but that of the offset itself;
    // what the reference says of it is not compared.
    let lost = offsets.isfinite().logical_not();
    let [_, _, c, ..] = maps.size;
    let of_map = lost.repeat_interleave_self_int(fold / groups, 1, fold).view([n, 1, fold, 1, 1]);
    let of_map = of_map.constant_pad_nd([0, 0, 0, 0, 0, c - fold]).expand([n, t, c, 1, 1], false);
    let of_map = of_map.reshape([n * t, c, 1, 1]).to_kind(Kind::Double);
    let of_weights = lost.view([n, 1, groups]).to_kind(Kind::Double);
    let (x64, o64, w64) = (leaf64(&x), leaf64(&offsets.masked_fill(&lost, 0.0)), leaf64(&weights));
    let y64 = reference::temporal_interlace(&x64, &o64, &w64, t, fold).expect("valid shapes");
    let kept = 1 - &of_map;
    let what = format!("{name} y");
    assert_close(&finite(&y, &of_map, &what), &(&y64 * &kept), &what);
    let upstream = grad.to_kind(Kind::Double);
    let expected = gradients(&[(&y64, &upstream)], &[&x64, &o64, &w64]);
    let what = format!("{name} grad x");
    assert_close(&finite(&grad_x, &of_map, &what), &(&expected[0] * &kept), &what);
    let what = format!("{name} grad offsets");
    let finite_offsets = grad_offsets.masked_fill(&lost, 0.0);
    assert_sum(&finite_offsets, &expected[1].masked_fill(&lost, 0.0), x.numel(), &what);
    let what = format!("{name} grad weights");
    let weights_kept = &expected[2] * (1 - &of_weights);
    assert_sum(&finite(&grad_weights, &of_weights, &what), &weights_kept, x.numel(), &what);
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
