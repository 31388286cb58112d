//! Every field of every 2-D network against the same network composed of plain tensor calls, in
//! float64, in eval mode and with batch statistics.

mod support;

use serde_json::{Value, json};
use support::plain::Composed;
use tch::{Device, Kind, Tensor};
use timeweave_models::{Mode, Model, ModelSpec, recipe};

/// Two orders of the same float64 sums, through up to 150 layers.
const TOLERANCE: f64 = 1e-9;

/// A case: fields besides `arch` and `numClasses`, and the side of the frames.
fn cases() -> Vec<(&'static str, Value, i64)> {
    let mut cases = vec![
        ("blvnet-tam", json!({ "numFrames": 4, "alpha": 1, "beta": 2, "blendingFrames": 1 }), 64),
        ("blvnet-tam", json!({ "numFrames": 6, "alpha": 4, "beta": 1, "blendingFrames": 5 }), 64),
        ("blvnet-tam", json!({ "numFrames": 8, "blendingFrames": 7, "dropout": 0 }), 64),
        ("blvnet-tam", json!({ "numFrames": 8, "blendingFrames": 4 }), 64),
        ("blvnet-tam", json!({ "numFrames": 2, "blendingFrames": 9, "modality": "flow" }), 64),
        ("blvnet-tam", json!({ "numFrames": 2, "depth": 101, "tam": false, "beta": 64 }), 64),
        ("blvnet-tam", json!({ "numFrames": 2, "depth": 152, "modality": "rgb-diff" }), 64),
        ("tam-resnet", json!({ "numFrames": 3, "depth": 34, "blendingFrames": 1 }), 40),
        ("tam-resnet", json!({ "numFrames": 5, "blendingFrames": 4, "dropout": 0 }), 40),
        ("tam-resnet", json!({ "numFrames": 3, "blendingFrames": 9, "blending": "max" }), 40),
        ("tam-resnet", json!({ "numFrames": 4, "blending": "max", "depthwise": false }), 40),
        ("tam-resnet", json!({ "numFrames": 4, "depthwise": false, "modality": "flow" }), 40),
        ("tam-resnet", json!({ "numFrames": 16, "temporalPooling": "avg" }), 40),
        (
            "tam-resnet",
            json!({ "numFrames": 8, "temporalPooling": "max", "blendingFrames": 5 }),
            40,
        ),
        ("tsm", json!({ "numFrames": 4, "shiftDiv": 3 }), 40),
        ("tsm", json!({ "numFrames": 4, "shiftDiv": 2, "shiftPlace": "two-path" }), 40),
        ("tsm", json!({ "numFrames": 4, "shiftDiv": 64, "shiftPlace": "block" }), 40),
        ("tsm", json!({ "numFrames": 1, "depth": 34, "nRound": 2, "modality": "rgb-diff" }), 40),
        ("tsm", json!({ "numFrames": 3, "depth": 101 }), 40),
        ("tsm", json!({ "numFrames": 3, "depth": 101, "nRound": 1, "dropout": 0 }), 40),
        ("tsm", json!({ "numFrames": 3, "depth": "50c", "nRound": 2, "nonLocal": true }), 48),
        (
            "tsm",
            json!({ "numFrames": 3, "depth": 50, "shiftPlace": "block", "nonLocal": true }),
            48,
        ),
        ("tsm", json!({ "numFrames": 3, "depth": 50, "shiftPlace": "two-path" }), 40),
        ("tsm", json!({ "numFrames": 4, "depth": "mobilenet-v2", "consensus": "identity" }), 64),
        (
            "tsm",
            json!({ "numFrames": 3, "depth": "mobilenet-v2", "dropout": 0, "shiftDiv": 4 }),
            64,
        ),
        ("tsm", json!({ "numFrames": 3, "depth": "mobilenet-v2", "modality": "flow" }), 64),
        ("tsm", json!({ "numFrames": 4, "depth": "mobilenet-v2", "online": true }), 64),
        ("tsm", json!({ "numFrames": 4, "online": true, "shiftPlace": "block" }), 40),
        ("tsm", json!({ "numFrames": 4, "online": true, "shiftPlace": "two-path" }), 40),
        (
            "tsm",
            json!({ "numFrames": 3, "depth": 101, "online": true, "consensus": "identity" }),
            40,
        ),
        ("tin", json!({ "numFrames": 5, "offsetScale": "frames", "initialOffset": 2 }), 40),
        ("tin", json!({ "numFrames": 4, "shiftDiv": 1, "initialOffset": -1.5 }), 40),
        ("tin", json!({ "numFrames": 3, "depth": 34, "shiftDiv": 16, "dropout": 0 }), 40),
        ("tin", json!({ "numFrames": 4, "depth": "50d", "shiftDiv": 2, "nonLocal": true }), 48),
        ("tin", json!({ "numFrames": 2, "shiftDiv": 8, "consensus": "identity" }), 40),
        ("tin", json!({ "numFrames": 2, "depth": 152, "modality": "flow" }), 40),
        (
            "tsn",
            json!({ "numFrames": 2, "depth": 50, "nonLocal": true, "consensus": "identity" }),
            48,
        ),
        ("tsn", json!({ "numFrames": 2, "depth": 101, "nonLocal": true }), 48),
        ("tsn", json!({ "numFrames": 1, "consensus": "identity", "doubleDropout": true }), 40),
        ("tsn", json!({ "numFrames": 2, "modality": "rgb-diff", "dropout": 0 }), 40),
    ];
    for depth in [json!(18), json!(34), json!(50), json!("50c"), json!("50d"), json!(152)] {
        cases.push(("tsn", json!({ "numFrames": 2, "depth": depth }), 40));
    }
    for depth in [50, 101, 152] {
        cases.push(("tam-resnet", json!({ "numFrames": 2, "depth": depth }), 40));
    }
    cases
}

#[test]
fn every_field_does_what_its_description_says() {
    let mut failures = Vec::new();
    let mut checked = 0;
    for (arch, mut fields, size) in cases() {
        fields["arch"] = json!(arch);
        fields["numClasses"] = json!(5);
        let spec: ModelSpec = serde_json::from_value(fields.clone()).expect("a spec");
        let resolved = serde_json::to_value(&spec).expect("JSON");
        let mut model = Model::new(spec, Device::Cpu, None).expect("a network");
        recipe::fill(&model.vs, 3).expect("weights");
        model.vs.double();
        let _guard = tch::no_grad_guard();
        let weights = model.vs.variables();
        for (name, weight) in &weights {
            // With the recipe's own values the softmax of an attention is zeros and a one.
            if name.contains(".nl.theta") || name.contains(".nl.phi") {
                let _ = weight.shallow_clone().g_mul_scalar_(0.0625);
            }
        }
        let frames = resolved["numFrames"].as_i64().expect("frames");
        let channels = model.spec.input_channels();
        let clip = recipe::clip(3, &fields.to_string(), [2, frames, channels, size, size + 16]);
        let clip = clip.expect("a clip").to_kind(Kind::Double);
        for batch_statistics in [false, true] {
            // The network's own pass comes second: it moves the running statistics.
            let composed = Composed { weights: &weights, spec: &resolved, batch_statistics };
            let expected = composed.forward(&clip);
            let mode = Mode { batch_statistics, dropout: false };
            let actual = model.network.forward_in(&clip, mode).expect("logits");
            assert_eq!(actual.size(), expected.size(), "{fields}");
            let largest = |x: &Tensor| x.abs().max().double_value(&[]);
            let error = largest(&(actual - &expected)) / largest(&expected);
            if error.is_nan() || error > TOLERANCE {
                failures.push(format!("{fields}: {batch_statistics}: {error:.2e}"));
            }
        }
        checked += 1;
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    println!("checked: {checked} composed networks");
}
