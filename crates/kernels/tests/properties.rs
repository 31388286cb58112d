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
fn whole_offsets_roll_each_clip_and_group_by_itself() {
    let (n, t, groups) = (2, 4, 3);
    let x = clips([n * t, 6, 3, 2]);
    let by = [[2i64, 0, -1], [-3, 40, 1]];
    let flat: Vec<_> = by.iter().flatten().map(|by| *by as f64).collect();
    let offsets = Tensor::from_slice(&flat).view([n, groups]);
    let y = temporal_interlace(&x, &offsets, &Tensor::ones([n, t, groups], F64), t, 6);
    let expected = x.zeros_like();
    for (clip, by) in by.iter().enumerate() {
        for (group, by) in by.iter().enumerate() {
            for to in (0..t).filter(|to| (0..t).contains(&(to - by))) {
                let part = |map: &Tensor, frame: i64| {
                    map.get(clip as i64 * t + frame).narrow(0, 2 * group as i64, 2)
                };
                part(&expected, to).copy_(&part(&x, to - by));
            }
        }
    }
    assert!(y.expect("valid shapes").equal(&expected));
}

#[test]
fn the_weights_scale_the_output_frames_of_their_group() {
    let x = Tensor::ones([3, 5, 1, 1], F64);
    let weights = Tensor::from_slice(&[1.0, 10.0, 2.0, 20.0, 3.0, 30.0]).view([1, 3, 2]);
    let y = temporal_interlace(&x, &Tensor::zeros([1, 2], F64), &weights, 3, 4);
    let rows =
        [[1.0, 1.0, 10.0, 10.0, 1.0], [2.0, 2.0, 20.0, 20.0, 1.0], [3.0, 3.0, 30.0, 30.0, 1.0]];
    assert!(y.expect("valid shapes").view([3, 5]).equal(&Tensor::from_slice2(&rows)));
}

#[test]
fn offset_zero_and_weight_one_change_nothing() {
    let x = clips([8, 6, 3, 2]);
    assert!(interlaced(&x, 0.0, 4).equal(&x));
    // Nor in the channels that stay, whatever the others do.
    let (offsets, weights) = (Tensor::randn([2, 2], F64), Tensor::randn([2, 4, 2], F64));
    let y = temporal_interlace(&x, &offsets, &weights, 4, 4).expect("valid shapes");
    assert!(y.narrow(1, 4, 2).equal(&x.narrow(1, 4, 2)));
}

#[test]
fn half_an_offset_is_the_mean_of_two_frames() {
    let x = clips([5, 3, 2, 2]);
    let y = interlaced(&x, -0.5, 5);
    let mean: Tensor = (interlaced(&x, -1.0, 5) + interlaced(&x, 0.0, 5)) / 2;
    assert!((&y - mean).abs().max().double_value(&[]) < 1e-15);
    // F(-1) = 0: beyond the last frame there is nothing.
    let next = Tensor::cat(&[x.narrow(0, 1, 4), x.narrow(0, 0, 1).zeros_like()], 0);
    assert!((y - (&x + next) / 2).abs().max().double_value(&[]) < 1e-15);
}

/// Section 3 of the paper: a group that moves by `o` is convolved along time with a kernel that has
/// `1 - f` at distance `b = floor(o)` and `f` at `b + 1`, and zeros elsewhere; the weights follow.
#[test]
fn interlacing_is_the_temporal_convolution_of_the_paper() {
    let (n, t, c, h, w, groups, reach) = (2, 6, 8, 3, 2, 4, 9);
    let x = clips([n * t, c, h, w]);
    let offsets = (Tensor::randn([n, groups], F64) * 3.0).clamp(-8.0, 7.9);
    let weights = Tensor::rand([n, t, groups], F64);
    let y = temporal_interlace(&x, &offsets, &weights, t, c).expect("valid shapes");
    for clip in 0..n {
        let kernel = Tensor::zeros([c, 1, 2 * reach + 1], F64);
        for channel in 0..c {
            let offset = offsets.double_value(&[clip, channel / (c / groups)]);
            let (whole, part) = (offset.floor(), offset - offset.floor());
            let row = kernel.get(channel).get(0);
            // A correlation reads frame t + k - reach with number k.
            let _ = row.get(reach - whole as i64).fill_(1.0 - part);
            let _ = row.get(reach - whole as i64 - 1).fill_(part);
        }
        let lines =
            |map: &Tensor| map.narrow(0, clip * t, t).reshape([t, c, h * w]).permute([2, 1, 0]);
        let moved = lines(&x).conv1d(&kernel, None::<&Tensor>, [1], [reach], [1], c);
        let scale = weights.get(clip).repeat_interleave_self_int(c / groups, 1, None);
        let expected = moved * scale.transpose(0, 1);
        assert!(lines(&y).allclose(&expected, 1e-12, 1e-12, false));
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
            assert!(
                (actual - expected).abs() <= 1e-7 * actual.abs().max(1.0),
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
        for r in [1, 2, 3, 5, 9] {
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
        let offsets = Tensor::from_slice(&[0.3f64, -1.4, 2.2, -0.7, 11.2, -0.1]).view([2, 3]);
        let weights = Tensor::randn([2, 4, 3], F64);
        check_gradients(
            &[&x, &offsets, &weights],
            |v| vec![temporal_interlace(&v[0], &v[1], &v[2], 4, 3).expect("valid shapes")],
            "interlace",
        );
    }
}

/// What nobody asks a gradient of changes nothing of the others.
#[test]
fn gradients_of_some_arguments_are_those_of_all() {
    let random = |size: &[i64]| map(size, Kind::Float, Layout::Positions);
    let arguments = [
        random(&[8, 6, 5, 7]),
        random(&[3, 6]),
        random(&[2, 2]),
        random(&[2, 4, 2]),
        random(&[2, 2, 5, 7]),
    ];
    let seed = random(&[8, 6, 5, 7]);
    // Which arguments each operation has.
    let operations: [(&str, &[usize]); 4] = [
        ("aggregate", &[0, 1]),
        ("pairs", &[0, 1]),
        ("interlace", &[0, 2, 3]),
        ("online", &[0, 4]),
    ];
    for (name, of) in operations {
        let run = |asked: &[usize]| {
            let tensors: [Tensor; 5] = std::array::from_fn(|index| {
                arguments[index].detach().set_requires_grad(asked.contains(&index))
            });
            let [x, taps, offsets, weights, state] = tensors.each_ref();
            let results = match name {
                "aggregate" => vec![temporal_aggregate(x, taps, 4).expect("valid")],
                "pairs" => {
                    let (even, odd) = temporal_aggregate_pairs(x, taps, 4).expect("valid");
                    vec![even, odd]
                }
                "interlace" => {
                    vec![temporal_interlace(x, offsets, weights, 4, 4).expect("valid")]
                }
                _ => vec![temporal_shift_online(x, state, 4).expect("valid").0],
            };
            let total = results.iter().map(|y| (y * &seed).sum(Kind::Float)).reduce(|a, b| a + b);
            let leaves: Vec<_> = asked.iter().map(|index| &tensors[*index]).collect();
            Tensor::run_backward(&[total.expect("a result")], &leaves, false, false)
        };
        let all = run(of);
        for (number, index) in of.iter().enumerate() {
            assert!(run(&[*index])[0].equal(&all[number]), "{name}: {index} alone");
        }
        if let [_, rest @ ..] = of {
            let some = run(rest);
            assert!(some.iter().zip(&all[1..]).all(|(a, b)| a.equal(b)), "{name}: without x");
        }
    }
}
