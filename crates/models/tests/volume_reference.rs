//! 3-D networks without reference numbers against a second reading of the official codes, made of
//! plain tensor calls: logits, losses and all gradients, in eval and in train mode, in float64.

mod support;

use serde_json::{Value, json};
use support::compare::{largest, norm};
use support::volume_reference::{Pair, Residual, Style, Weights, channels_first, loss};
use tch::{Device, Kind, Tensor};
use timeweave_models::{Mode, Model, ModelSpec, recipe};

/// Both sides round float64 in other places: about 1e-16 for every layer, amplified by training
/// batch norms over a few dozen values.
const TOLERANCE: f64 = 1e-9;

const FIFTY: [usize; 4] = [3, 4, 6, 3];

/// Compares a network with `reference`, which maps weights and a clip `[n, 3, t, h, w]` to logits.
fn compare(description: &Value, size: [i64; 2], reference: impl Fn(&Weights, &Tensor) -> Tensor) {
    let spec: ModelSpec = serde_json::from_value(description.clone()).expect("a spec");
    let mut model = Model::new(spec.clone(), Device::Cpu, None).expect("a network");
    recipe::fill(&model.vs, 5).expect("weights");
    model.vs.double();
    let shape = [2, spec.num_frames(), 3, size[0], size[1]];
    let clip = recipe::clip(5, "input.composed", shape).expect("a clip").to_kind(Kind::Double);
    for train in [false, true] {
        let mode = Mode { batch_statistics: train, dropout: false };
        let weights = Weights::new(model.vs.variables(), train);
        let expected = gradients(&model, &clip, |clip| reference(&weights, &channels_first(clip)));
        assert_eq!(weights.unused(), Vec::<&String>::new(), "{description}");
        let actual =
            gradients(&model, &clip, |clip| model.network.forward_in(clip, mode).expect("logits"));
        for ((name, actual), (_, expected)) in actual.iter().zip(&expected) {
            let error = largest(&(actual - expected));
            let scale = largest(expected).max(1e-3 * norm(expected)).max(1e-12);
            assert!(error <= TOLERANCE * scale, "{description}, train {train}: {name} {error:.1e}");
        }
    }
}

/// Logits and the gradients of their loss with respect to the clip and every weight.
fn gradients(
    model: &Model,
    clip: &Tensor,
    forward: impl Fn(&Tensor) -> Tensor,
) -> Vec<(String, Tensor)> {
    for mut variable in model.vs.trainable_variables() {
        variable.zero_grad();
    }
    let clip = clip.copy().set_requires_grad(true);
    let logits = forward(&clip);
    loss(&logits).backward();
    let mut results = vec![("logits".to_owned(), logits.detach())];
    results.push(("the clip's gradient".into(), clip.grad()));
    let mut variables: Vec<_> = model.vs.variables().into_iter().collect();
    variables.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, variable) in variables {
        if variable.requires_grad() {
            results.push((name, variable.grad().copy()));
        }
    }
    results
}

fn slow_and_fast(x: &(Tensor, Tensor)) -> Tensor {
    Tensor::cat(&[&x.0, &x.1], 1)
}

#[test]
fn x_temporals_slowfast_takes_any_number_of_frames() {
    let spec = json!({ "arch": "slowfast", "numClasses": 5, "numFrames": 7, "betaInverse": 4 });
    compare(&spec, [33, 35], |w, clip| {
        let pair = Pair {
            slow: Style::x_temporal("slow"),
            fast: Style::x_temporal("fast"),
            lateral: |stage| {
                let names = ["lateral_p1", "lateral_res2", "lateral_res3", "lateral_res4"];
                (names[stage - 1].into(), None)
            },
            alpha: 4,
            picks: vec![0, 4],
        };
        w.classifier("fc", &slow_and_fast(&pair.features(w, clip, FIFTY)), false)
    });
}

#[test]
fn fairs_slowfast_spreads_its_slow_frames() {
    let spec = json!({
        "arch": "slowfast", "variant": "fair", "numClasses": 5, "numFrames": 12, "alpha": 3,
        "betaInverse": 16, "fusionKernel": 3,
    });
    compare(&spec, [33, 34], |w, clip| {
        let pair = Pair {
            slow: Style::fair(".multipathway_blocks.0"),
            fast: Style::fair(".multipathway_blocks.1"),
            lateral: |stage| {
                let fusion = format!("blocks.{}.multipathway_fusion", stage - 1);
                (format!("{fusion}.conv_fast_to_slow"), Some(format!("{fusion}.norm")))
            },
            alpha: 3,
            // 0, 11/3, 22/3 and 11 cut to integers.
            picks: vec![0, 3, 7, 11],
        };
        w.classifier("blocks.6.proj", &slow_and_fast(&pair.features(w, clip, FIFTY)), true)
    });
}

#[test]
fn mmaction2s_slowfast_puts_fast_features_first() {
    let spec = json!({
        "arch": "slowfast", "variant": "mmaction2", "numClasses": 5, "numFrames": 6, "alpha": 2,
        "betaInverse": 8,
    });
    compare(&spec, [36, 33], |w, clip| {
        let pair = Pair {
            slow: Style::mmaction2("backbone.slow_path"),
            fast: Style::mmaction2("backbone.fast_path"),
            lateral: |stage| {
                let from = ["conv1", "layer1", "layer2", "layer3"][stage - 1];
                (format!("backbone.slow_path.{from}_lateral.conv"), None)
            },
            alpha: 2,
            picks: vec![0, 2, 4],
        };
        let (slow, fast) = pair.features(w, clip, FIFTY);
        w.classifier("cls_head.fc_cls", &Tensor::cat(&[fast, slow], 1), true)
    });
}

#[test]
fn pathways_alone_are_those_of_slowfast_without_laterals() {
    let cases = [
        ("slow-only", "x-temporal", Style::x_temporal("slow"), "fc"),
        ("slow-only", "fair", Style::fair(""), "blocks.5.proj"),
        ("slow-only", "mmaction2", Style::mmaction2("backbone"), "cls_head.fc_cls"),
        ("fast-only", "x-temporal", Style::x_temporal("fast"), "fc"),
        ("fast-only", "fair", Style::fair(".multipathway_blocks.1"), "blocks.6.proj"),
        ("fast-only", "mmaction2", Style::mmaction2("backbone.fast_path"), "cls_head.fc_cls"),
    ];
    for (arch, variant, style, classifier) in cases {
        let spec = json!({ "arch": arch, "variant": variant, "numClasses": 4, "numFrames": 3 });
        compare(&spec, [33, 34], |w, clip| {
            let features = style.features(w, clip, FIFTY);
            w.classifier(classifier, &features, variant != "x-temporal")
        });
    }
}

#[test]
fn residual_networks_of_all_kinds_and_odd_sizes() {
    let plain = || Residual {
        factorised: false,
        max_pool: Some(3),
        shortcut_a: false,
        tam: None,
        bottleneck: false,
        blocks: [1, 1, 1, 1],
    };
    let split = || Residual { factorised: true, max_pool: None, ..plain() };
    let deep = |net: Residual| Residual { bottleneck: true, blocks: FIFTY, ..net };
    let a = |net: Residual| Residual { shortcut_a: true, ..net };
    let tam = |net: Residual| Residual { tam: Some("tam"), ..net };
    let cases = [
        (json!({ "arch": "r3d" }), plain()),
        (json!({ "arch": "r3d", "shortcut": "A" }), a(plain())),
        (json!({ "arch": "r3d", "depth": 50, "shortcut": "A" }), a(deep(plain()))),
        (json!({ "arch": "r3d", "temporalModule": "tam" }), tam(plain())),
        (json!({ "arch": "r2plus1d" }), split()),
        (
            json!({ "arch": "r2plus1d", "maxPool": true, "temporalModule": "tam" }),
            Residual { max_pool: Some(1), ..tam(split()) },
        ),
        (json!({ "arch": "r2plus1d", "depth": 50, "temporalModule": "tam" }), tam(deep(split()))),
    ];
    for (mut spec, network) in cases {
        spec["numClasses"] = json!(4);
        spec["numFrames"] = json!(5);
        compare(&spec, [33, 35], |w, clip| w.classifier("fc", &network.features(w, clip), true));
    }
}
