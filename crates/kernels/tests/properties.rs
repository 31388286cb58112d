//! What the operations are, said without their loops; and their gradients by finite differences.

mod cases;

use cases::{Layout, gradients, leaf, map};
use tch::{Device, Kind, Tensor};
use timeweave_kernels::{
    temporal_aggregate, temporal_aggregate_pairs, temporal_interlace, temporal_shift,
    temporal_shift_online,
};

const F64: (Kind, Device) = (Kind::Double, Device::Cpu);

fn clips(size: [i64; 4]) -> Tensor {
    tch::manual_seed(5);
    map(&size, Kind::Double, Layout::Channels)
}

fn interlaced(x: &Tensor, offset: f64, frames: i64) -> Tensor {
    let (n, c) = (x.size()[0] / frames, x.size()[1]);
    let (offsets, weights) = (Tensor::full([n, 1], offset, F64), Tensor::ones([n, frames, 1], F64));
    temporal_interlace(x, &offsets, &weights, frames, c).expect("valid shapes")
}

#[test]
fn a_whole_offset_rolls_the_clip_with_zeros() {
    let x = clips([6, 4, 3, 5]);
    let frames = x.view([6, 60]);
    for by in [-7i64, -6, -5, -2, -1, 0, 1, 3, 6, 7] {
        let rolled = frames.zeros_like();
        let kept = (6 - by.abs()).max(0);
        if kept > 0 {
            rolled.narrow(0, by.max(0), kept).copy_(&frames.narrow(0, (-by).max(0), kept));
        }
        assert!(interlaced(&x, by as f64, 6).view([6, 60]).equal(&rolled), "offset {by}");
    }
}

#[test]
fn offset_zero_and_weight_one_change_nothing() {
    let x = clips([8, 6, 3, 2]);
    assert!(interlaced(&x, 0.0, 4).equal(&x));
}

#[test]
fn half_an_offset_is_the_mean_of_two_frames() {
    let x = clips([5, 3, 2, 2]);
    let y = interlaced(&x, -0.5, 5);
    // F(-1) = 0: beyond the last frame there is nothing.
    let next = Tensor::cat(&[x.narrow(0, 1, 4), x.narrow(0, 0, 1).zeros_like()], 0);
    assert!(y.allclose(&((&x + next) / 2), 1e-14, 1e-14, false));
}

#[test]
fn interlacing_is_the_temporal_convolution_of_the_paper() {
    let (n, t, c, h, w, groups) = (2, 6, 8, 3, 2, 4);
    let x = clips([n * t, c, h, w]);
    let offsets = Tensor::randn([n, groups], F64) * 2.0;
    let weights = Tensor::rand([n, t, groups], F64);
    let y = temporal_interlace(&x, &offsets, &weights, t, c).expect("valid shapes");
    // Output frame = matrix [T, T] of each group times the input frames.
    let each = c / groups;
    for clip in 0..n {
        for group in 0..groups {
            let offset = offsets.double_value(&[clip, group]);
            let (whole, part) = (offset.floor(), offset - offset.floor());
            let matrix = Tensor::zeros([t, t], F64);
            for to in 0..t {
                for (from, share) in
                    [(to - whole as i64, 1.0 - part), (to - whole as i64 - 1, part)]
                {
                    if (0..t).contains(&from) {
                        let weight = weights.double_value(&[clip, to, group]);
                        let _ = matrix.get(to).get(from).fill_(weight * share);
                    }
                }
            }
            let rows = |map: &Tensor| {
                map.narrow(0, clip * t, t).narrow(1, group * each, each).reshape([t, -1])
            };
            let expected = matrix.matmul(&rows(&x));
            assert!(rows(&y).allclose(&expected, 1e-12, 1e-12, false));
        }
    }
}

#[test]
fn aggregation_is_a_depthwise_temporal_convolution() {
    let (n, t, c) = (2, 7, 5);
    let x = clips([n * t, c, 3, 2]);
    let taps = Tensor::randn([5, c], F64);
    let y = temporal_aggregate(&x, &taps, t).expect("valid shapes");
    let lines = x.view([n, t, c, 6]).permute([0, 3, 2, 1]).reshape([n * 6, c, t]);
    let kernel = taps.transpose(0, 1).unsqueeze(1).contiguous();
    let expected = lines.conv1d(&kernel, None::<&Tensor>, [1], [2], [1], c).relu();
    let expected = expected.view([n, 6, c, t]).permute([0, 3, 2, 1]).reshape([n * t, c, 3, 2]);
    assert!(y.allclose(&expected, 1e-12, 1e-12, false));
}

#[test]
fn the_pair_form_gives_the_bits_of_the_duplicated_form_for_whole_taps() {
    // With whole numbers no sum is rounded, so that the order of addition cannot matter.
    let z = (clips([8, 6, 4, 3]) * 8.0).round();
    let taps = (Tensor::randn([3, 6], F64) * 8.0).round();
    let x = Tensor::stack(&[&z, &z], 1).reshape([16, 6, 4, 3]);
    let y = temporal_aggregate(&x, &taps, 8).expect("valid shapes").view([8, 2, 6, 4, 3]);
    let (even, odd) = temporal_aggregate_pairs(&z, &taps, 4).expect("valid shapes");
    assert!(even.equal(&y.select(1, 0)) && odd.equal(&y.select(1, 1)));
}

#[test]
fn shifting_there_and_online_agree_where_they_should() {
    let x = clips([6, 8, 2, 2]);
    let state = clips([1, 2, 2, 2]);
    let (all, last) = temporal_shift_online(&x, &state, 6).expect("valid shapes");
    let (first, middle) = temporal_shift_online(&x.narrow(0, 0, 4), &state, 4).expect("valid");
    let (second, end) = temporal_shift_online(&x.narrow(0, 4, 2), &middle, 2).expect("valid");
    assert!(all.equal(&Tensor::cat(&[first, second], 0)) && last.equal(&end));
}

/// Compares the gradients of `sum(f * upstream)` with central differences in every coordinate.
fn check_gradients(inputs: &[&Tensor], f: impl Fn(&[Tensor]) -> Vec<Tensor>, what: &str) {
    let leaves: Vec<_> = inputs.iter().map(|input| leaf(&input.copy())).collect();
    let outputs = f(&leaves);
    let upstream: Vec<_> = outputs.iter().map(Tensor::randn_like).collect();
    let pairs: Vec<_> = outputs.iter().zip(&upstream).collect();
    let actual = gradients(&pairs, &leaves.iter().collect::<Vec<_>>());
    let _guard = tch::no_grad_guard();
    let total = |values: &[Tensor]| -> f64 {
        let sums = f(values)
            .iter()
            .zip(&upstream)
            .map(|(y, u)| (y * u).sum(Kind::Double))
            .collect::<Vec<_>>();
        sums.iter().map(|sum| sum.double_value(&[])).sum()
    };
    let step = 1e-6;
    for (index, input) in inputs.iter().enumerate() {
        for at in 0..input.numel() as i64 {
            let moved = |by: f64| {
                let mut values: Vec<_> = inputs.iter().map(|input| input.shallow_clone()).collect();
                let delta = Tensor::zeros([input.numel() as i64], F64);
                let _ = delta.get(at).fill_(by);
                // The sum keeps the layout of the input.
                values[index] = *input + delta.view(input.size().as_slice());
                total(&values)
            };
            let expected = (moved(step) - moved(-step)) / (2.0 * step);
            let actual = actual[index].contiguous().view([-1]).double_value(&[at]);
            let bound = 1e-6 * (1.0 + expected.abs());
            assert!(
                (actual - expected).abs() < bound,
                "{what}: input {index} at {at}: {actual} against {expected}"
            );
        }
    }
}

#[test]
fn gradients_equal_finite_differences() {
    for layout in [Layout::Channels, Layout::Positions] {
        tch::manual_seed(11);
        let x = map(&[8, 4, 3, 2], Kind::Double, layout);
        for r in [1, 3, 5] {
            let taps = Tensor::randn([r, 4], F64);
            check_gradients(
                &[&x, &taps],
                |v| vec![temporal_aggregate(&v[0], &v[1], 4).expect("valid shapes")],
                "aggregate",
            );
            check_gradients(
                &[&x, &taps],
                |v| {
                    let (even, odd) = temporal_aggregate_pairs(&v[0], &v[1], 4).expect("valid");
                    vec![even, odd]
                },
                "pairs",
            );
        }
        check_gradients(&[&x], |v| vec![temporal_shift(&v[0], 4, 1).expect("valid")], "shift");
        let state = map(&[2, 2, 3, 2], Kind::Double, layout);
        check_gradients(
            &[&x, &state],
            |v| {
                let (y, next) = temporal_shift_online(&v[0], &v[1], 4).expect("valid shapes");
                vec![y, next]
            },
            "online shift",
        );
        let offsets = Tensor::from_slice(&[0.3f64, -1.4, 2.2, -0.7]).view([2, 2]);
        let weights = Tensor::randn([2, 4, 2], F64);
        check_gradients(
            &[&x, &offsets, &weights],
            |v| vec![temporal_interlace(&v[0], &v[1], &v[2], 4, 2).expect("valid shapes")],
            "interlace",
        );
    }
}
