//! What must hold of the 3-D networks whatever their weights are: pathways of SlowFast and the
//! pathways alone, aggregations that change nothing, clips one by one, initial values.

use std::collections::HashMap;

use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};
use timeweave_models::{Model, ModelSpec, recipe};

const F32: (Kind, Device) = (Kind::Float, Device::Cpu);
const VARIANTS: [&str; 3] = ["x-temporal", "fair", "mmaction2"];

fn build(description: Value) -> Model {
    let spec: ModelSpec = serde_json::from_value(description).expect("a spec");
    Model::new(spec, Device::Cpu, Some(1)).expect("a network")
}

fn with_recipe(description: Value) -> Model {
    let model = build(description);
    recipe::fill(&model.vs, 3).expect("weights");
    model
}

fn logits(model: &Model, clip: &Tensor) -> Tensor {
    let _guard = tch::no_grad_guard();
    model.network.forward(clip, false).expect("logits")
}

fn assert_close(what: &str, actual: &Tensor, expected: &Tensor) {
    assert_eq!(actual.size(), expected.size(), "{what}");
    let error = (actual - expected).abs().max().double_value(&[]);
    let scale = expected.abs().max().double_value(&[]);
    // Other shapes take other ways through libtorch's convolutions.
    assert!(scale > 0.0 && error <= 2e-5 * scale, "{what}: off by {error:.1e} of {scale:.1e}");
}

/// Overwrites `both` so that only the pathway that `alone` is contributes to its logits.
fn silence_the_other(
    both: &Model,
    alone: &Model,
    slow: bool,
    name_in_both: impl Fn(&str) -> String,
) {
    let _guard = tch::no_grad_guard();
    let variables = both.vs.variables();
    for (name, variable) in &variables {
        // Scales, shifts and weights of zero make features of zero.
        if !name.contains("running") {
            let _ = variable.shallow_clone().zero_();
        }
    }
    for (name, value) in alone.vs.variables() {
        let target = &variables[&name_in_both(&name)];
        let mut target = match (target.size().as_slice(), value.size().as_slice()) {
            // The classifier sees both pathways; mmaction2 puts the fast one first.
            ([_, 2304], &[_, features]) => {
                let fast_first = name.starts_with("cls_head");
                let start = if slow == fast_first { 2304 - features } else { 0 };
                target.narrow(1, start, features)
            }
            // Lateral features come behind the slow ones.
            (&[_, wide, ..], &[_, own, ..]) if wide > own => target.narrow(1, 0, own),
            _ => target.shallow_clone(),
        };
        target.copy_(&value);
    }
}

#[test]
fn a_slowfast_whose_fast_pathway_is_silent_is_its_slow_pathway() {
    for variant in VARIANTS {
        let both = with_recipe(json!({
            "arch": "slowfast", "variant": variant, "numClasses": 4, "numFrames": 12,
        }));
        let alone = with_recipe(json!({
            "arch": "slow-only", "variant": variant, "numClasses": 4, "numFrames": 3,
        }));
        silence_the_other(&both, &alone, true, |name| match variant {
            "fair" if name.starts_with("blocks.5") => name.replace("blocks.5", "blocks.6"),
            "fair" => {
                let (block, rest) = name["blocks.".len()..].split_once('.').expect("a block");
                format!("blocks.{block}.multipathway_blocks.0.{rest}")
            }
            "mmaction2" => name.replace("backbone.", "backbone.slow_path."),
            _ => name.to_owned(),
        });
        let clip = Tensor::randn([2, 12, 3, 48, 56], F32);
        // FAIR's frames are 0, 5.5 and 11, cut to integers.
        let picks: &[i64] = if variant == "fair" { &[0, 5, 11] } else { &[0, 4, 8] };
        let slow_clip = clip.index_select(1, &Tensor::from_slice(picks));
        assert_close(variant, &logits(&both, &clip), &logits(&alone, &slow_clip));
    }
}

#[test]
fn a_slowfast_whose_slow_pathway_is_silent_is_its_fast_pathway() {
    for variant in VARIANTS {
        let description = |arch: &str| json!({ "arch": arch, "variant": variant, "numClasses": 4, "numFrames": 8 });
        let (both, alone) =
            (with_recipe(description("slowfast")), with_recipe(description("fast-only")));
        silence_the_other(&both, &alone, false, str::to_owned);
        let clip = Tensor::randn([2, 8, 3, 40, 40], F32);
        assert_close(variant, &logits(&both, &clip), &logits(&alone, &clip));
    }
}

#[test]
fn an_aggregation_of_the_own_frame_alone_changes_nothing() {
    for description in [
        json!({ "arch": "r3d", "depth": 18 }),
        json!({ "arch": "r3d", "depth": 50, "shortcut": "A" }),
        json!({ "arch": "r2plus1d", "depth": 18, "maxPool": true }),
        json!({ "arch": "r2plus1d", "depth": 50, "maxPool": true }),
    ] {
        let mut description = description;
        description["numClasses"] = json!(4);
        description["numFrames"] = json!(6);
        let plain = with_recipe(description.clone());
        description["temporalModule"] = json!("tam");
        let with_tam = with_recipe(description.clone());
        let clip = Tensor::randn([1, 6, 3, 40, 40], F32);
        let expected = logits(&plain, &clip);
        let mixed = logits(&with_tam, &clip);
        assert!(!mixed.allclose(&expected, 1e-3, 0.0, false), "{description}: nothing was mixed");
        {
            let _guard = tch::no_grad_guard();
            for (name, tap) in with_tam.vs.variables() {
                if name.contains(".tam.") {
                    // What comes into a block is behind a ReLU, so TAM's own ReLU is idle.
                    let _ = tap.shallow_clone().fill_(f64::from(name.contains(".curr.")));
                }
            }
        }
        assert!(logits(&with_tam, &clip).equal(&expected), "{description}");
    }
}

#[test]
fn aggregations_stand_before_conv1_of_every_block() {
    for (depth, blocks) in [(10, 4), (50, 16)] {
        for arch in ["r3d", "r2plus1d"] {
            let network = |module: &str| {
                let model = build(json!({
                    "arch": arch, "depth": depth, "numClasses": 4, "temporalModule": module,
                }));
                model.parameters()
            };
            let plain: Vec<_> = network("none");
            let added: Vec<_> =
                network("tam").into_iter().filter(|entry| !plain.contains(entry)).collect();
            assert_eq!(added.len(), 3 * blocks);
            let first = added.iter().find(|entry| entry.name == "layer2.0.tam.prev.weight");
            let channels = if depth == 10 { 64 } else { 256 };
            assert_eq!(first.expect("a tap").shape, [channels, 1, 1, 1]);
        }
    }
}

#[test]
fn clips_of_odd_sizes_do_not_depend_on_their_batch() {
    let cases = [
        json!({ "arch": "slowfast", "numFrames": 5 }),
        json!({ "arch": "slowfast", "variant": "fair", "numFrames": 4 }),
        json!({ "arch": "slowfast", "variant": "mmaction2", "numFrames": 3, "alpha": 3 }),
        json!({ "arch": "slow-only", "numFrames": 1 }),
        json!({ "arch": "fast-only", "numFrames": 1 }),
        json!({ "arch": "r3d", "numFrames": 1 }),
        json!({ "arch": "r3d", "numFrames": 9, "shortcut": "A", "temporalModule": "tam" }),
        json!({ "arch": "r2plus1d", "numFrames": 3, "temporalModule": "tam" }),
    ];
    for mut description in cases {
        description["numClasses"] = json!(4);
        let model = with_recipe(description.clone());
        for (h, w) in [(1, 1), (17, 31), (57, 33)] {
            let clips = Tensor::randn([2, model.spec.num_frames(), 3, h, w], F32);
            let both = logits(&model, &clips);
            assert_eq!(both.size(), [2, 4]);
            for index in 0..2 {
                let alone = logits(&model, &clips.narrow(0, index, 1));
                assert_close(&description.to_string(), &both.narrow(0, index, 1), &alone);
            }
            // The same numbers in memory of another layout.
            let strided = clips.transpose(3, 4).contiguous().transpose(3, 4);
            assert!(h == w || !strided.is_contiguous());
            assert_close(&description.to_string(), &logits(&model, &strided), &both);
        }
    }
}

#[test]
fn slow_frames_are_those_of_each_official_code() {
    // Frame k holds the number k: what the slow stem sees shows in its output.
    for (variant, frames, alpha, expected) in [
        ("x-temporal", 10, 4, vec![0, 4, 8]),
        ("mmaction2", 16, 8, vec![0, 8]),
        ("fair", 32, 4, vec![0, 4, 8, 13, 17, 22, 26, 31]),
        ("fair", 8, 8, vec![0]),
    ] {
        let model = build(json!({
            "arch": "slowfast", "variant": variant, "numClasses": 2, "numFrames": frames,
            "alpha": alpha,
        }));
        let numbers = Tensor::arange(frames, F32).view([1, frames, 1, 1, 1]);
        let clip = numbers.expand([1, frames, 3, 32, 32], false);
        let stem = match variant {
            "x-temporal" => "slow_conv1",
            "fair" => "blocks.0.multipathway_blocks.0",
            _ => "backbone.slow_path.conv1",
        };
        let _guard = tch::no_grad_guard();
        let stages: HashMap<_, _> =
            model.network.stage_outputs(&clip).expect("stages").into_iter().collect();
        // A fresh stem is linear in the frame's number on either side of the ReLU.
        let seen = stages[stem].abs().amax([1i64, 3, 4].as_slice(), false).view([-1]);
        let per_frame = seen.amax([0i64].as_slice(), false).double_value(&[])
            / f64::from(*expected.last().expect("a frame")).max(1.0);
        let found: Vec<i64> = Vec::<f64>::try_from(seen.to_kind(Kind::Double))
            .expect("numbers")
            .into_iter()
            .map(|value| (value / per_frame.max(1e-12)).round() as i64)
            .collect();
        let expected: Vec<i64> = expected.into_iter().map(i64::from).collect();
        assert_eq!(found, expected, "{variant}");
    }
}

fn deviation(x: &Tensor) -> f64 {
    x.std(false).double_value(&[])
}

fn assert_near(what: &str, actual: f64, expected: f64) {
    // The smallest tensors here have a few hundred values.
    assert!((actual / expected - 1.0).abs() < 0.15, "{what}: {actual} instead of {expected}");
}

#[test]
fn initial_values_are_those_of_each_official_code() {
    let he = |size: &[i64]| (2.0 / (size[0] * size[2] * size[3] * size[4]) as f64).sqrt();
    let uniform = |inputs: i64| (1.0 / (3.0 * inputs as f64)).sqrt();
    let inputs = |size: &[i64]| size[1..].iter().product::<i64>();
    let cases = [
        json!({ "arch": "slowfast" }),
        json!({ "arch": "slowfast", "variant": "fair" }),
        json!({ "arch": "slowfast", "variant": "mmaction2" }),
        json!({ "arch": "slow-only", "variant": "fair" }),
        json!({ "arch": "fast-only" }),
        json!({ "arch": "r3d" }),
        json!({ "arch": "r2plus1d", "depth": 50 }),
    ];
    for mut description in cases {
        description["numClasses"] = json!(50);
        let model = build(description.clone());
        let official = description["variant"].is_string();
        let default_convs =
            !official && description["arch"] != "r3d" && description["arch"] != "r2plus1d";
        let (mut convs, mut zeros) = (0, 0);
        for (name, x) in model.vs.variables() {
            let size = x.size();
            let all_are = |value: f64| x.eq(value).all().int64_value(&[]) == 1;
            let what = format!("{description}: {name}");
            match size.len() {
                5 => {
                    let std = if default_convs { uniform(inputs(&size)) } else { he(&size) };
                    assert_near(&what, deviation(&x), std);
                    convs += 1;
                }
                2 => {
                    let std = if official { 0.01 } else { uniform(inputs(&size)) };
                    assert_near(&what, deviation(&x), std);
                }
                _ if ["fc.bias", "proj.bias", "fc_cls.bias"]
                    .iter()
                    .any(|end| name.ends_with(end)) =>
                {
                    let bound = 1.0 / 512f64.sqrt();
                    let largest = x.abs().max().double_value(&[]);
                    assert!(
                        if official { largest == 0.0 } else { largest > 0.0 && largest <= bound },
                        "{what}"
                    );
                }
                _ if name.ends_with("weight") => {
                    let last = name.ends_with("norm_c.weight") || name.ends_with("conv3.bn.weight");
                    zeros += usize::from(last);
                    assert!(all_are(f64::from(!(official && last))), "{what}");
                }
                _ => assert!(all_are(f64::from(name.ends_with("running_var"))), "{what}"),
            }
        }
        assert!(convs >= 12 && (!official || zeros >= 16), "{description}: {convs} {zeros}");
    }
}
