//! A temporal module and a network from outside the crate: one file each, which are the example's,
//! and one line each.

#[path = "../examples/plug_in/difference.rs"]
mod difference;
#[path = "../examples/plug_in/volume.rs"]
mod volume;

use std::collections::HashMap;
use std::sync::Arc;

use difference::Difference;
use serde_json::json;
use tch::nn::OptimizerConfig;
use tch::{Device, Kind, Tensor, nn};
use timeweave_models::{
    Backbone, Cost, LoadOptions, Model, ModelError, ModelSpec, NetworkPlug, Pass, Registry,
    TsnSpec, model_info, model_info_by_module, recipe,
};
use volume::Volume;

const F32: (Kind, Device) = (Kind::Float, Device::Cpu);

fn registry() -> Registry {
    Registry::default().with(Arc::new(Difference)).with_network(Arc::new(Volume))
}

fn build(arch: &str, seed: i64) -> Model {
    let description = json!({ "arch": arch, "numClasses": 3, "numFrames": 4 });
    let spec = registry().spec(&description).expect("a spec");
    Model::new(spec, Device::Cpu, Some(seed)).expect("a network")
}

fn forward(model: &Model, clip: &Tensor) -> Tensor {
    let _guard = tch::no_grad_guard();
    model.network.forward(clip, false).expect("logits")
}

#[test]
fn the_module_stands_in_every_block_under_its_own_names() {
    let names = |model: &Model| -> Vec<String> {
        model.parameters().into_iter().map(|entry| entry.name).collect()
    };
    let (with, without) = (build("difference-resnet", 1), build("tsn", 1));
    let added: Vec<String> =
        names(&with).into_iter().filter(|name| !names(&without).contains(name)).collect();
    let blocks = (1..=4).flat_map(|stage| (0..2).map(move |index| (stage, index)));
    let expected: Vec<String> = blocks
        .map(|(stage, index)| format!("base_model.layer{stage}.{index}.difference.gain"))
        .collect();
    assert_eq!(added, expected);
    assert_eq!(with.spec.id(), "difference-resnet-18");
}

#[test]
fn a_fresh_module_changes_nothing_and_a_trained_one_sees_the_order_of_frames() {
    let (with, without) = (build("difference-resnet", 1), build("tsn", 2));
    let sources: HashMap<String, Tensor> = without.vs.variables();
    let mut gains = Vec::new();
    for (name, mut variable) in with.vs.variables() {
        let _guard = tch::no_grad_guard();
        match sources.get(&name) {
            Some(source) => variable.copy_(source),
            None => gains.push(variable),
        }
    }
    let clip = Tensor::randn([2, 4, 3, 40, 48], F32);
    assert!(forward(&with, &clip).equal(&forward(&without, &clip)));

    let mut optimizer = nn::Sgd::default().build(&with.vs, 0.1).expect("an optimiser");
    let logits = with.network.forward(&clip, true).expect("logits");
    optimizer.backward_step(&logits.cross_entropy_for_logits(&Tensor::from_slice(&[0i64, 1])));
    assert!(gains.iter().all(|gain| gain.abs().max().double_value(&[]) > 0.0));
    // One step is a small one; with gains of a half the change is plain.
    {
        let _guard = tch::no_grad_guard();
        for gain in &mut gains {
            drop(gain.fill_(0.5));
        }
    }
    let [a, b] = [&clip, &clip.flip([1])].map(|clip| forward(&with, clip));
    let largest = |x: Tensor| x.abs().max().double_value(&[]);
    assert!(largest(&a - b) > 1e-2 * largest(a));
}

#[test]
fn its_figures_count_the_module() {
    let spec = |arch: &str| {
        let description = json!({ "arch": arch, "numClasses": 174, "depth": 50 });
        registry().spec(&description).expect("a spec")
    };
    let (with, without) = (spec("difference-resnet"), spec("tsn"));
    let figures = |spec: &ModelSpec| model_info(spec).expect("figures");
    // The inputs of the sixteen blocks of a ResNet-50.
    let channels = 64 + 3 * 256 + 4 * 512 + 6 * 1024 + 2 * 2048;
    assert_eq!(figures(&with).params - figures(&without).params, channels);
    let modules = model_info_by_module(&with).expect("modules");
    let own = modules.iter().filter(|row| row.module.ends_with(".difference"));
    let macs: i64 = own.clone().map(|row| row.macs).sum();
    assert_eq!(own.count(), 16);
    assert_eq!(figures(&with).macs - figures(&without).macs, macs);
    let built = Model::new(with, Device::Cpu, None).expect("a network");
    let count: usize = built.vs.trainable_variables().iter().map(Tensor::numel).sum();
    assert_eq!(figures(&built.spec).params, count as i64);
}

#[test]
fn its_weights_are_saved_and_loaded_strictly() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("difference.safetensors");
    let (a, b) = (build("difference-resnet", 1), build("difference-resnet", 2));
    recipe::fill(&a.vs, 5).expect("weights");
    a.vs.save(&path).expect("a file");
    let report = b.load_weights(&path, &LoadOptions::default()).expect("weights");
    assert_eq!(report.loaded.len(), a.vs.len());
    let clip = Tensor::randn([1, 4, 3, 40, 40], F32);
    assert!(forward(&a, &clip).equal(&forward(&b, &clip)));
    let error = build("tsn", 1).load_weights(&path, &LoadOptions::default());
    assert_eq!(error.expect_err("an error").code(), "CHECKPOINT_MISMATCH");
}

#[test]
fn unknown_names_and_fields_are_errors_that_name_them() {
    let cases = [
        (json!({ "arch": "differense-resnet", "numClasses": 3 }), "difference-resnet)"),
        (json!({ "arch": "difference-resnet", "numClasses": 3, "shiftDiv": 8 }), "shiftDiv"),
        (json!({ "arch": "difference-resnet" }), "numClasses"),
    ];
    for (description, word) in cases {
        let error = registry().spec(&description).expect_err("an error").to_string();
        assert!(error.contains(word), "{error} does not say {word}");
    }
    let official = Registry::default().spec(&json!({ "arch": "tin", "numClasses": 3 }));
    assert!(matches!(official, Ok(ModelSpec::Tin(_))));
}

#[test]
fn a_network_of_ones_own_is_built_trained_counted_saved_and_loaded() {
    let model = build("volume", 1);
    let names: Vec<String> = model.parameters().into_iter().map(|entry| entry.name).collect();
    let conv = |number: i64| format!("base_model.conv{number}.weight");
    assert_eq!(names, [conv(1), conv(2), "new_fc.bias".into(), "new_fc.weight".into()]);
    let modules = model_info_by_module(&model.spec).expect("modules");
    let params: Vec<i64> = modules.iter().map(|row| row.params).collect();
    assert_eq!(params, [27 * 3 * 16, 27 * 16 * 32, 32 * 3 + 3]);
    assert_eq!(modules[0].macs, params[0] * 2 * 112 * 112);
    assert_eq!(modules[2].macs, 32 * 3);

    let clip = recipe::clip(1, "volume", [2, 4, 3, 40, 48]).expect("a clip");
    assert_eq!(model.network.features(&clip).expect("features").size(), [2, 32]);
    let stages = model.network.stage_outputs(&clip).expect("stages");
    assert_eq!(stages[1].1.size(), [2, 32, 1, 10, 12]);
    let labels = Tensor::from_slice(&[0i64, 2]);
    let mut optimizer = nn::Sgd::default().build(&model.vs, 0.05).expect("an optimiser");
    let mut losses = Vec::new();
    for _ in 0..8 {
        let mode = timeweave_models::Mode { batch_statistics: true, dropout: false };
        let logits = model.network.forward_in(&clip, mode).expect("logits");
        let loss = logits.cross_entropy_for_logits(&labels);
        losses.push(loss.double_value(&[]));
        optimizer.backward_step(&loss);
    }
    assert!(losses[7] < losses[0], "{losses:?}");

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("volume.safetensors");
    model.vs.save(&path).expect("a file");
    let other = build("volume", 2);
    other.load_weights(&path, &LoadOptions::default()).expect("weights");
    assert!(forward(&model, &clip).equal(&forward(&other, &clip)));
}

/// A network whose features are not those that it promises.
#[derive(Debug)]
struct Wrong;

impl NetworkPlug for Wrong {
    fn name(&self) -> &'static str {
        "wrong"
    }

    fn features(&self, _: &TsnSpec) -> i64 {
        7
    }

    fn build(&self, _: &nn::Path, _: &TsnSpec) -> Result<Box<dyn Backbone>, ModelError> {
        Ok(Box::new(Wrong))
    }

    fn costs(&self, _: &TsnSpec, _: i64) -> Vec<(String, Cost)> {
        Vec::new()
    }
}

impl Backbone for Wrong {
    fn forward(&self, clip: &Tensor, _: &mut Pass) -> Result<Tensor, ModelError> {
        Ok(clip.f_mean_dim([2i64, 3, 4].as_slice(), false, None)?)
    }
}

#[test]
fn a_network_that_gives_other_features_than_it_promises_is_a_typed_error() {
    let registry = Registry::default().with_network(Arc::new(Wrong));
    let description = json!({ "arch": "wrong", "numClasses": 3, "numFrames": 4 });
    let spec = registry.spec(&description).expect("a spec");
    let model = Model::new(spec, Device::Cpu, None).expect("a network");
    let error = model.network.forward(&Tensor::zeros([2, 4, 3, 8, 8], F32), false);
    let error = error.expect_err("an error");
    assert_eq!(error.code(), "SHAPE_MISMATCH");
    assert!(error.to_string().contains("[2 * T, 7] but received [2, 4]"), "{error}");
}
