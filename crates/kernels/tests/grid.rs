//! The CUDA kernels' bodies, run by the host over their whole grid, against the reference form.

mod cases;

use std::ffi::c_void;

use cases::{
    KINDS, Layout, SHAPES, assert_close, assert_sum, gradients, lay_out, leaf64, map, seed,
    where_decided,
};
use tch::{Kind, Tensor};
use timeweave_kernels::cpu::{Aggregate, Interlace, Shape, Shift};
use timeweave_kernels::reference;

unsafe extern "C" {
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

fn grid(mut body: impl FnMut([i64; 5], Kind, Layout, &str)) -> usize {
    let mut count = 0;
    for shape in SHAPES.into_iter().chain(MORE) {
        for kind in KINDS {
            for layout in [Layout::Channels, Layout::Positions] {
                seed(count as u64);
                body(shape, kind, layout, &format!("{shape:?} {kind:?} {layout:?}"));
                count += 1;
            }
        }
    }
    count as usize
}

fn shape_of([clips, frames, channels, h, w]: [i64; 5], kind: Kind, layout: Layout) -> Shape {
    let dtype = match kind {
        Kind::Float => 0,
        Kind::BFloat16 => 1,
        Kind::Double => 2,
        _ => 3,
    };
    let channels_last = i32::from(layout == Layout::Positions);
    Shape { clips, frames, channels, plane: h * w, channels_last, dtype }
}

/// The type of sums for a type of maps.
fn sums(kind: Kind) -> Kind {
    if kind == Kind::Double { Kind::Double } else { Kind::Float }
}

/// A map filled with something that no result may keep.
fn target(like: &Tensor) -> Tensor {
    like.full_like(77)
}

fn raw(tensor: &Tensor) -> *mut c_void {
    tensor.data_ptr()
}

/// Room for the sums of blocks; what a block does not write must count as zero.
fn room(length: i64) -> Tensor {
    Tensor::zeros([length], (Kind::Double, tch::Device::Cpu))
}

#[test]
fn aggregation_of_the_grid_equals_the_reference() {
    let mut cases = 0;
    grid(|[n, t, c, h, w], kind, layout, name| {
        for (r, pairs) in [(1, 0), (2, 0), (3, 0), (5, 0), (7, 0), (1, 1), (3, 1), (5, 1)] {
            let name = format!("{name} r{r} pairs {pairs}");
            let x = map(&[n * t, c, h, w], kind, layout);
            let weights = map(&[r, c], Kind::Float, Layout::Channels).to_kind(sums(kind));
            let grads = [0, 1].map(|_| map(&[n * t, c, h, w], kind, layout));
            let (x64, w64) = (leaf64(&x), leaf64(&weights));
            let expected = if pairs == 1 {
                let (even, odd) =
                    reference::temporal_aggregate_pairs(&x64, &w64, t).expect("valid shapes");
                vec![even, odd]
            } else {
                vec![reference::temporal_aggregate(&x64, &w64, t).expect("valid shapes")]
            };
            let y = [target(&x), target(&x)];
            let (grad_x, grad_weights) = (target(&x), target(&weights));
            let mut args = Aggregate {
                shape: shape_of([n, t, c, h, w], kind, layout),
                taps: r,
                pairs,
                x: raw(&x),
                weights: raw(&weights),
                y: y.each_ref().map(raw),
                grad: grads.each_ref().map(|grad| raw(grad).cast_const()),
                grad_x: raw(&grad_x),
                partial: std::ptr::null_mut(),
                grad_weights: raw(&grad_weights),
            };
            // SAFETY: all tensors live through the calls and have the shapes that `args` says.
            let partial = room(unsafe { timeweave_grid_aggregate_partial(&raw const args) });
            args.partial = raw(&partial).cast();
            // SAFETY: as above.
            assert_eq!(unsafe { timeweave_grid_aggregate_forward(&raw const args) }, 0, "{name}");
            let decided: Vec<_> = (0..expected.len())
                .map(|out| where_decided(&grads[out], &y[out], &expected[out], &name))
                .collect();
            let grads = [0, 1].map(|out| decided.get(out).unwrap_or(&grads[out]).shallow_clone());
            args.grad = grads.each_ref().map(|grad| raw(grad).cast_const());
            // SAFETY: as above.
            assert_eq!(unsafe { timeweave_grid_aggregate_backward(&raw const args) }, 0, "{name}");
            let wide = grads.each_ref().map(|grad| grad.to_kind(Kind::Double));
            let pairs: Vec<_> = expected.iter().zip(&wide).collect();
            for (out, (expected, _)) in pairs.iter().enumerate() {
                assert_close(&y[out], expected, &format!("{name} y{out}"));
            }
            let expected = gradients(&pairs, &[&x64, &w64]);
            assert_close(&grad_x, &expected[0], &format!("{name} grad x"));
            assert_sum(&grad_weights, &expected[1], x.numel(), &format!("{name} grad weights"));
            cases += 1;
        }
    });
    println!("checked: {cases} aggregations of the grid");
}

#[test]
fn shifts_of_the_grid_equal_the_reference() {
    let mut cases = 0;
    grid(|[n, t, c, h, w], kind, layout, name| {
        for (fold, one_way) in [(1, 0), (c / 8, 0), (c / 2, 0), (1, 1), (c / 4, 1)] {
            if fold == 0 || (one_way == 0 && 2 * fold > c) {
                continue;
            }
            let x = map(&[n * t, c, h, w], kind, layout);
            let edge = lay_out(&map(&[n, fold, h, w], kind, Layout::Channels), layout);
            let y = target(&x);
            let args = Shift {
                shape: shape_of([n, t, c, h, w], kind, layout),
                fold,
                step: if one_way == 1 { -1 } else { 1 },
                one_way,
                width: x.kind().elt_size_in_bytes() as i64,
                x: raw(&x),
                edge: if one_way == 1 { raw(&edge) } else { std::ptr::null() },
                y: raw(&y),
            };
            // SAFETY: all tensors live through the call and have the shapes that `args` says.
            assert_eq!(unsafe { timeweave_grid_shift(&raw const args) }, 0);
            let expected = if one_way == 1 {
                reference::temporal_shift_online(&x, &edge, t).expect("valid shapes").0
            } else {
                reference::temporal_shift(&x, t, fold).expect("valid shapes")
            };
            assert!(y.equal(&expected), "{name} fold {fold} one way {one_way}");
            cases += 1;
        }
    });
    println!("checked: {cases} shifts of the grid");
}

#[test]
fn interlacing_of_the_grid_equals_the_reference() {
    let mut cases = 0;
    grid(|[n, t, c, h, w], kind, layout, name| {
        for (groups, fold) in [(1, c), (1, 1), (2, c / 4 * 2), (4, c / 16 * 4), (c, c)] {
            if fold == 0 || n == 0 {
                continue;
            }
            let name = format!("{name} groups {groups} fold {fold}");
            let x = map(&[n * t, c, h, w], kind, layout);
            let grad = map(&[n * t, c, h, w], kind, layout);
            let of_sums =
                |size: &[i64]| map(size, Kind::Float, Layout::Channels).to_kind(sums(kind));
            let offsets = of_sums(&[n, groups]) * 2.5;
            // Whole frames, and far beyond the clip on either side.
            let _ = offsets.select(1, 0).copy_(&offsets.select(1, 0).round());
            let _ = offsets.select(0, n - 1).copy_(&(offsets.select(0, n - 1) * 1e9));
            let weights = of_sums(&[n, t, groups]);
            let (y, grad_x) = (target(&x), target(&x));
            let (grad_offsets, grad_weights) = (target(&offsets), target(&weights));
            let mut args = Interlace {
                shape: shape_of([n, t, c, h, w], kind, layout),
                fold,
                groups,
                x: raw(&x),
                offsets: raw(&offsets),
                weights: raw(&weights),
                y: raw(&y),
                grad: raw(&grad),
                grad_x: raw(&grad_x),
                partial: std::ptr::null_mut(),
                grad_offsets: raw(&grad_offsets),
                grad_weights: raw(&grad_weights),
            };
            // SAFETY: all tensors live through the calls and have the shapes that `args` says.
            let partial = room(unsafe { timeweave_grid_interlace_partial(&raw const args) });
            args.partial = raw(&partial).cast();
            // SAFETY: as above.
            let codes = unsafe {
                [
                    timeweave_grid_interlace_forward(&raw const args),
                    timeweave_grid_interlace_backward(&raw const args),
                ]
            };
            assert_eq!(codes, [0, 0], "{name}");
            let (x64, o64, w64) = (leaf64(&x), leaf64(&offsets), leaf64(&weights));
            let y64 = reference::temporal_interlace(&x64, &o64, &w64, t, fold).expect("valid");
            assert_close(&y, &y64, &format!("{name} y"));
            let upstream = grad.to_kind(Kind::Double);
            let expected = gradients(&[(&y64, &upstream)], &[&x64, &o64, &w64]);
            assert_close(&grad_x, &expected[0], &format!("{name} grad x"));
            assert_sum(&grad_offsets, &expected[1], x.numel(), &format!("{name} grad offsets"));
            assert_sum(&grad_weights, &expected[2], x.numel(), &format!("{name} grad weights"));
            cases += 1;
        }
    });
    println!("checked: {cases} interlacings of the grid");
}
