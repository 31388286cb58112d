//! Built networks: initial values, names, seeds, modes and shape errors.

use std::collections::HashMap;

use serde_json::json;
use tch::{Device, Kind, Tensor};
use timeweave_models::{BigLittleDepth, BlresnetSpec, Model, ModelSpec};

const F32: (Kind, Device) = (Kind::Float, Device::Cpu);

fn build(description: serde_json::Value, seed: Option<i64>) -> Model {
    let spec: ModelSpec = serde_json::from_value(description).expect("a spec");
    Model::new(spec, Device::Cpu, seed).expect("a network")
}

fn variables(model: &Model) -> HashMap<String, Tensor> {
    model.vs.variables()
}

fn deviation(x: &Tensor) -> f64 {
    x.to_kind(Kind::Double).std(false).double_value(&[])
}

fn all_are(x: &Tensor, value: f64) -> bool {
    x.eq(value).all().int64_value(&[]) == 1
}

fn assert_near(what: &str, actual: f64, expected: f64) {
    assert!((actual / expected - 1.0).abs() < 0.05, "{what}: {actual} instead of {expected}");
}

#[test]
fn initial_values_are_those_of_the_official_code() {
    let model = build(json!({ "arch": "tin", "numClasses": 50, "depth": 50 }), Some(1));
    for (name, x) in variables(&model) {
        let size = x.size();
        match size.as_slice() {
            [cout, _, k, l] => {
                let expected = (2.0 / (cout * k * l) as f64).sqrt();
                assert_near(&name, deviation(&x), expected);
            }
            _ if name.ends_with("running_mean") => assert!(all_are(&x, 0.0), "{name}"),
            _ if name.ends_with("running_var") => assert!(all_are(&x, 1.0), "{name}"),
            _ if name == "new_fc.weight" => assert_near(&name, deviation(&x), 0.001),
            _ if name == "new_fc.bias" => assert!(all_are(&x, 0.0), "{name}"),
            _ if name.ends_with("biasnet.net.lastlayer.bias") => {
                assert!(all_are(&x, f64::from(0.5108f32)), "{name}");
            }
            _ if name.ends_with("weightnet.net.lastlayer.bias") => {
                assert!(all_are(&x, 0.0), "{name}");
            }
            [_] if name.contains(".bn") || name.contains("downsample.1") => {
                assert!(all_are(&x, f64::from(name.ends_with("weight"))), "{name}");
            }
            _ => {
                let inputs: i64 = match size.as_slice() {
                    [_] if name.ends_with("conv.bias") => {
                        variables(&model)
                            [&name.replace("bias", "weight").replace("weightnet", "biasnet")]
                            .size()[1]
                            * 3
                    }
                    [_] => 8,
                    shape => shape[1..].iter().product(),
                };
                let bound = 1.0 / (inputs as f64).sqrt();
                let largest = x.abs().max().double_value(&[]);
                assert!(largest <= bound && largest > 0.0, "{name}: {largest} beyond {bound}");
            }
        }
    }
}

#[test]
fn blvnet_starts_with_zero_last_scales_and_random_taps() {
    let model = build(json!({ "arch": "blvnet-tam", "numClasses": 5, "numFrames": 4 }), Some(1));
    for (name, x) in variables(&model) {
        if name.ends_with("bn3.weight") {
            assert!(all_are(&x, 0.0), "{name}");
        } else if name.contains("bn") && name.ends_with("weight") {
            assert!(all_are(&x, 1.0), "{name}");
        } else if name.contains("layer4.2.tam") {
            assert_near(&name, deviation(&x), (2.0 / 2048f64).sqrt());
        }
    }
}

#[test]
fn tam_resnet_starts_as_its_authors_have_it() {
    let description = json!({ "arch": "tam-resnet", "numClasses": 40, "depth": 50 });
    let model = build(description.clone(), Some(1));
    for (name, x) in variables(&model) {
        if name.contains("bn") && name.ends_with("weight") {
            assert!(all_are(&x, 1.0), "{name}");
        } else if name == "layer4.1.tam.next_se.fc1.weight" {
            assert_eq!(x.size(), [2048, 1, 1, 1]);
            assert_near(&name, deviation(&x), (2.0 / 2048f64).sqrt());
        } else if name.starts_with("fc.") {
            // PyTorch's own start of a linear layer: uniform within one over the root of 2048.
            let (largest, bound) = (x.abs().max().double_value(&[]), 2048f64.powf(-0.5));
            assert!(largest <= bound && largest > 0.9 * bound, "{name}: {largest}");
        }
    }
    let mut dense = description;
    dense["depthwise"] = json!(false);
    dense["blendingFrames"] = json!(1);
    let dense = variables(&build(dense, Some(1)));
    let x = &dense["layer2.0.tam.blending_layers.0.fc1.weight"];
    assert_eq!(x.size(), [256, 256, 1, 1]);
    assert_near("a dense tap", deviation(x), (2.0 / 256f64).sqrt());
}

#[test]
fn mobilenet_and_its_online_form_start_as_their_authors_have_them() {
    let description = json!({ "arch": "tsm", "numClasses": 50, "depth": "mobilenet-v2" });
    for online in [false, true] {
        let mut description = description.clone();
        description["online"] = json!(online);
        let (trunk, head, spread) =
            if online { ("", "classifier", 0.01) } else { ("base_model.", "new_fc", 0.001) };
        let variables = variables(&build(description, Some(1)));
        let near = |name: &str, expected: f64| {
            assert_near(name, deviation(&variables[name]), expected);
        };
        near(&format!("{trunk}features.17.conv.3.weight"), (2.0 / (9.0 * 960.0f64)).sqrt());
        near(&format!("{trunk}features.18.0.weight"), (2.0 / 1280f64).sqrt());
        near(&format!("{head}.weight"), spread);
        assert!(all_are(&variables[&format!("{head}.bias")], 0.0));
        let shifted = if online { "conv.0.weight" } else { "conv.0.net.weight" };
        assert!(variables.contains_key(&format!("{trunk}features.3.{shifted}")));
        assert!(variables.contains_key(&format!("{trunk}features.2.conv.0.weight")));
    }
    let mut without = description;
    without["dropout"] = json!(0);
    assert!(variables(&build(without, Some(1))).contains_key("base_model.classifier.weight"));
}

#[test]
fn a_fresh_non_local_block_changes_nothing() {
    let description = json!({ "arch": "tsm", "numClasses": 4, "numFrames": 4, "depth": 50 });
    let plain = build(description.clone(), Some(1));
    let mut wrapped = description;
    wrapped["nonLocal"] = json!(true);
    let wrapped = build(wrapped, Some(2));
    let _guard = tch::no_grad_guard();
    let sources = variables(&plain);
    for (name, mut x) in variables(&wrapped) {
        if name.contains(".nl.W.1.") {
            assert!(all_are(&x, f64::from(name.ends_with("running_var"))), "{name}");
        } else if !name.contains(".nl.") {
            x.copy_(&sources[&name.replace(".block.", ".")]);
        }
    }
    let clip = Tensor::randn([1, 4, 3, 64, 64], F32);
    let forward = |model: &Model| model.network.forward(&clip, false).expect("logits");
    assert!(forward(&plain).allclose(&forward(&wrapped), 1e-5, 1e-7, false));
}

#[test]
fn the_image_network_is_the_trunk_that_it_initialises() {
    for depth in [BigLittleDepth::D50, BigLittleDepth::D101] {
        let image = ModelSpec::Blresnet(BlresnetSpec::new(6, depth));
        let image = Model::new(image, Device::Cpu, Some(1)).expect("a network");
        let number: i64 = depth.name().parse().expect("a number");
        let video = json!({ "arch": "blvnet-tam", "numClasses": 6, "depth": number });
        let video = build(video, Some(1));
        let shapes = |model: &Model, cut: &str| -> HashMap<String, Vec<i64>> {
            let entries =
                model.vs.variables().into_iter().map(|(name, x)| {
                    (name.strip_prefix(cut).unwrap_or(&name).to_owned(), x.size())
                });
            entries.filter(|(name, _)| !name.contains("tam.") && !name.contains("fc.")).collect()
        };
        assert_eq!(shapes(&image, ""), shapes(&video, "baseline_model."));
    }
    // It has no card, so it cannot be taken for a network for clips.
    let spec = ModelSpec::Blresnet(BlresnetSpec::new(6, BigLittleDepth::D50));
    assert!(serde_json::to_string(&spec).is_err());
}

#[test]
fn the_initial_offset_moves_by_the_frames_asked_for() {
    for (description, expected) in [
        (json!({ "initialOffset": 1 }), 1.0),
        (json!({ "initialOffset": -1.5 }), -1.5),
        (json!({ "initialOffset": 2, "offsetScale": "frames" }), 2.0),
    ] {
        let mut description = description;
        description["arch"] = json!("tin");
        description["numClasses"] = json!(2);
        let model = build(description, Some(1));
        let name = "base_model.layer1.0.conv1.net1.biasnet.net.lastlayer";
        // With the weights gone, the bias alone decides.
        let _guard = tch::no_grad_guard();
        let _ = variables(&model)[&format!("{name}.weight")].shallow_clone().zero_();
        let clip = Tensor::randn([1, 8, 3, 32, 32], F32);
        let states = model.network.interlace_state(&clip).expect("offsets");
        assert_eq!(states.len(), 8);
        assert_eq!(states[0].module, "base_model.layer1.0.conv1.net1");
        for offset in Vec::<f32>::try_from(states[0].offsets.view([-1])).expect("floats") {
            assert!((offset - expected as f32).abs() < 1e-5, "{offset} instead of {expected}");
        }
    }
    let one = build(json!({ "arch": "tin", "numClasses": 2, "initialOffset": 1 }), Some(1));
    let bias = &variables(&one)["base_model.layer1.0.conv1.net1.biasnet.net.lastlayer.bias"];
    assert!(all_are(bias, f64::from(3f32.ln())));
}

#[test]
fn clips_of_another_shape_or_type_are_typed_errors() {
    let model = build(json!({ "arch": "tsm", "numClasses": 3, "numFrames": 4 }), Some(1));
    let forward = |clip: &Tensor| model.network.forward(clip, false).expect_err("an error");
    let shapes: [&[i64]; 6] = [
        &[1, 12, 32, 32],
        &[1, 5, 3, 32, 32],
        &[1, 4, 1, 32, 32],
        &[0, 4, 3, 32, 32],
        &[1, 4, 3, 0, 32],
        &[],
    ];
    for shape in shapes {
        let error = forward(&Tensor::zeros(shape, F32));
        assert_eq!(error.code(), "SHAPE_MISMATCH");
        let text = error.to_string();
        assert!(text.contains("[N, 4, 3, H, W]"), "{text}");
        assert!(text.contains(&format!("{shape:?}")), "{text}");
    }
    let bytes = Tensor::zeros([1, 4, 3, 32, 32], (Kind::Uint8, Device::Cpu));
    assert_eq!(forward(&bytes).code(), "DTYPE_MISMATCH");
    // Weights and clip of different floating-point types are libtorch's to refuse.
    let double = Tensor::zeros([1, 4, 3, 32, 32], (Kind::Double, Device::Cpu));
    assert_eq!(forward(&double).code(), "LIBTORCH_ERROR");
}

#[test]
fn a_device_that_is_not_there_is_a_typed_error() {
    let spec: ModelSpec =
        serde_json::from_value(json!({ "arch": "tsn", "numClasses": 3 })).expect("a spec");
    let error = Model::new(spec, Device::Cuda(63), None).expect_err("an error");
    assert_eq!(error.code(), "DEVICE_UNAVAILABLE");
    assert!(error.to_string().contains("cuda:63"), "{error}");
}

#[test]
fn dropout_acts_in_training_only_and_twice_when_asked() {
    let clip = Tensor::randn([2, 8, 3, 32, 32], F32);
    let description = |double: bool| json!({ "arch": "tsn", "numClasses": 3, "doubleDropout": double, "dropout": 0.5 });
    let zeros = |double: bool| {
        let model = build(description(double), Some(1));
        // With batch statistics off and a classifier of ones, a logit sums the kept features.
        let _guard = tch::no_grad_guard();
        let (mut kept, rounds) = (0.0, 16);
        let features = model.network.features(&clip).expect("features");
        let _ = variables(&model)["new_fc.weight"].shallow_clone().fill_(1.0);
        let mode = timeweave_models::Mode { batch_statistics: false, dropout: true };
        let whole = features.sum_dim_intlist([1i64].as_slice(), false, Kind::Float);
        for _ in 0..rounds {
            let logits = model.network.forward_in(&clip, mode).expect("logits");
            kept += (logits.select(1, 0) / &whole).var(false).double_value(&[]);
        }
        let eval = model.network.forward(&clip, false).expect("logits");
        let again = model.network.forward(&clip, false).expect("logits");
        assert!(eval.equal(&again));
        kept / f64::from(rounds)
    };
    // Two dropouts of one half keep a quarter of the features and so scatter more.
    let (once, twice) = (zeros(false), zeros(true));
    assert!(once > 0.0 && twice > 1.5 * once, "{once} and {twice}");
}

#[test]
fn features_are_what_the_classifier_sees() {
    for arch in ModelSpec::ARCHS {
        let model = build(json!({ "arch": arch, "numClasses": 3, "numFrames": 4 }), Some(1));
        let clip = Tensor::randn([2, 4, 3, 40, 48], F32);
        let _guard = tch::no_grad_guard();
        let features = model.network.features(&clip).expect("features");
        let variables = variables(&model);
        let head = if variables.contains_key("fc.weight") { "fc" } else { "new_fc" };
        let (weight, bias) = (format!("{head}.weight"), format!("{head}.bias"));
        let logits = features.linear(&variables[&weight], variables.get(&bias));
        let expected = model.network.forward(&clip, false).expect("logits");
        let error = (logits - &expected).abs().max().double_value(&[]);
        assert!(error <= 1e-5 * expected.abs().max().double_value(&[]) + 1e-7, "{arch}: {error}");
    }
}

#[test]
fn order_matters_to_every_network_but_tsn() {
    for arch in ModelSpec::ARCHS {
        let model = build(json!({ "arch": arch, "numClasses": 3, "numFrames": 8 }), Some(1));
        // Fresh bLVNet blocks are identities; scales of the recipe wake them.
        timeweave_models::recipe::fill(&model.vs, 1).expect("weights");
        let clip = Tensor::randn([1, 8, 3, 64, 64], F32);
        let _guard = tch::no_grad_guard();
        let forward = |clip: &Tensor| model.network.forward(clip, false).expect("logits");
        let (a, b) = (forward(&clip), forward(&clip.flip([1])));
        let change = (&a - b).abs().max().double_value(&[]) / a.abs().max().double_value(&[]);
        assert_eq!(change > 1e-4, arch != "tsn", "{arch}: {change}");
    }
}
