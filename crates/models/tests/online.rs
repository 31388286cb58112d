//! The past-only shift: whole clips, streams in pieces, and the official online network.

mod support;

use serde_json::{Value, json};
use support::compare::Verdict;
use support::operators::each;
use tch::{Device, Kind, Tensor};
use timeweave_models::{Model, ModelSpec, OnlineState, recipe};

const F64: (Kind, Device) = (Kind::Double, Device::Cpu);

fn build(description: &Value) -> Model {
    let spec: ModelSpec = serde_json::from_value(description.clone()).expect("a spec");
    let model = Model::new(spec, Device::Cpu, Some(1)).expect("a network");
    recipe::fill(&model.vs, 1).expect("weights");
    model
}

/// Online networks of both backbones in every place that a shift may have.
fn networks() -> Vec<Model> {
    let description = |depth: Value, place: &str| {
        json!({
            "arch": "tsm", "numClasses": 5, "numFrames": 6, "depth": depth, "online": true,
            "shiftPlace": place, "consensus": "identity",
        })
    };
    [
        description(json!("mobilenet-v2"), "blockres"),
        description(json!(18), "blockres"),
        description(json!(18), "two-path"),
        description(json!(18), "block"),
    ]
    .iter()
    .map(build)
    .collect()
}

#[test]
fn the_online_mobilenet_equals_the_official_one_frame_by_frame() {
    each("tsm_online_mobilenetv2", |case| {
        let (case, numbers) = (&case.entry, &case.tensors);
        let description = json!({
            "arch": "tsm", "depth": "mobilenet-v2", "online": true,
            "numClasses": case["num_classes"], "numFrames": case["frames"],
        });
        let mut model = build(&description);
        let expected: Vec<(&str, Vec<i64>)> = case["params"]
            .as_array()
            .expect("params")
            .iter()
            .map(|row| (row[0].as_str().expect("a name"), row[1].clone()))
            .filter(|(name, _)| !name.ends_with("num_batches_tracked"))
            .map(|(name, shape)| (name, serde_json::from_value(shape).expect("a shape")))
            .collect();
        let mut names = expected.clone();
        names.sort();
        let found = model.parameters();
        let found: Vec<(&str, Vec<i64>)> =
            found.iter().map(|entry| (entry.name.as_str(), entry.shape.clone())).collect();
        assert_eq!(found, names);
        let values: Vec<Vec<f32>> =
            expected.iter().map(|(name, shape)| recipe::values(1, name, shape)).collect();
        let sum = support::sha256(values.iter().map(Vec::as_slice));
        assert_eq!(case["weights_sha256"], sum.as_str());

        let shape: Vec<i64> =
            serde_json::from_value(case["input"]["recipe_shape_ntchw"].clone()).expect("lengths");
        let stream = case["input"]["stream"].as_str().expect("a stream");
        let clip = recipe::clip(1, stream, shape.try_into().expect("five")).expect("a clip");
        let mut verdict = Verdict::default();
        check_stream(&model, &clip, case, (numbers, "", 2e-5), &mut verdict);
        model.vs.double();
        let clip = clip.to_kind(Kind::Double);
        check_stream(&model, &clip, case, (numbers, "_f64", 1e-9), &mut verdict);
        assert!(verdict.failures.is_empty(), "{}", verdict.failures.join("\n"));
    });
}

fn check_stream(
    model: &Model,
    clip: &Tensor,
    case: &Value,
    (numbers, suffix, tolerance): (&std::collections::HashMap<String, Tensor>, &str, f64),
    verdict: &mut Verdict,
) {
    let mut state = OnlineState::default();
    for t in 0..clip.size()[1] {
        let frame = clip.narrow(1, t, 1);
        let logits = model.network.forward_online(&frame, &mut state).expect("logits").select(1, 0);
        let expected = numbers[&format!("frame_logits{suffix}")].get(t);
        verdict.close(&format!("frame {t}{suffix}"), &logits, &expected, tolerance);
        if suffix.is_empty() {
            let fresh = model.network.forward_online(&frame, &mut OnlineState::default());
            let expected = numbers["frame_logits_zero_state"].get(t);
            let logits = fresh.expect("logits").select(1, 0);
            verdict.close(&format!("frame {t} alone"), &logits, &expected, tolerance);
        }
    }
    let shapes: Vec<Vec<i64>> =
        serde_json::from_value(case["state_shapes"].clone()).expect("shapes");
    let sizes: Vec<Vec<i64>> = state.tensors().iter().map(Tensor::size).collect();
    verdict.holds("the shapes of the states", sizes == shapes);
    for (index, found) in state.tensors().iter().enumerate() {
        let part = |part: &str| {
            numbers.get(&format!("last_state{suffix}.{index}.{part}")).map(Tensor::shallow_clone)
        };
        verdict.slices_of_values(&format!("state {index}"), found, part, tolerance);
    }
}

#[test]
fn a_stream_in_pieces_gives_the_logits_of_the_whole_clip() {
    for mut model in networks() {
        model.vs.double();
        let clip = Tensor::randn([2, 6, 3, 48, 40], F64);
        let _guard = tch::no_grad_guard();
        let whole = model.network.forward(&clip, false).expect("logits");
        assert_eq!(whole.size(), [2, 6, 5]);
        for pieces in [&[6][..], &[1, 1, 1, 1, 1, 1], &[2, 1, 3]] {
            let mut state = OnlineState::default();
            let (mut start, mut parts) = (0, Vec::new());
            for &length in pieces {
                let piece = clip.narrow(1, start, length);
                parts.push(model.network.forward_online(&piece, &mut state).expect("logits"));
                start += length;
            }
            assert!(Tensor::cat(&parts, 1).allclose(&whole, 1e-10, 1e-10, false), "{pieces:?}");
        }
    }
}

#[test]
fn the_future_changes_no_logits_and_the_past_does() {
    for model in networks() {
        let clip = Tensor::randn([1, 6, 3, 48, 48], (Kind::Float, Device::Cpu));
        let _guard = tch::no_grad_guard();
        let forward = |clip: &Tensor| model.network.forward(clip, false).expect("logits");
        let whole = forward(&clip);
        let other = clip.copy();
        let _ = other.select(1, 3).fill_(0.5);
        let changed = (forward(&other) - &whole).abs().amax([0i64, 2].as_slice(), false);
        let changed = Vec::<f32>::try_from(changed).expect("floats");
        assert!(changed[..3].iter().all(|&change| change == 0.0), "{changed:?}");
        assert!(changed[3..].iter().all(|&change| change > 0.0), "{changed:?}");
    }
}

#[test]
fn a_stream_through_the_wrong_network_or_with_a_strange_state_is_a_typed_error() {
    let both = build(&json!({ "arch": "tsm", "numClasses": 5, "numFrames": 4 }));
    let frame = Tensor::zeros([1, 1, 3, 48, 48], (Kind::Float, Device::Cpu));
    let error = both.network.forward_online(&frame, &mut OnlineState::default());
    let error = error.expect_err("an error");
    assert_eq!(error.code(), "INVALID_SPEC");
    assert!(error.to_string().contains("model.online"), "{error}");

    let models = networks();
    let mut state = OnlineState::default();
    let first = models[0].network.forward_online(&frame, &mut state).expect("logits");
    let strange = [
        models[1].network.forward_online(&frame, &mut state),
        models[0].network.forward_online(&frame.repeat([2, 1, 1, 1, 1]), &mut state),
        models[0].network.forward_online(&frame.repeat([1, 1, 1, 2, 1]), &mut state),
    ];
    for result in strange {
        let error = result.expect_err("an error");
        assert_eq!(error.code(), "SHAPE_MISMATCH");
        assert!(error.to_string().contains("the state of a stream"), "{error}");
    }
    for shape in [&[1, 0, 3, 48, 48][..], &[1, 1, 4, 48, 48], &[3, 48, 48], &[]] {
        let error = models[0]
            .network
            .forward_online(&Tensor::zeros(shape, (Kind::Float, Device::Cpu)), &mut state);
        assert_eq!(error.expect_err("an error").code(), "SHAPE_MISMATCH");
    }
    // None of the failures touched the stream.
    let second = models[0].network.forward_online(&frame, &mut state).expect("logits");
    assert_eq!(first.size(), second.size());
    assert_ne!(first, second);
}
