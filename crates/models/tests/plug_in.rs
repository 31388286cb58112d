//! A temporal module from outside the crate: one file, which is the example's, and one line.

#[path = "../examples/plug_in/difference.rs"]
mod difference;

use std::collections::HashMap;
use std::sync::Arc;

use difference::Difference;
use serde_json::json;
use tch::nn::OptimizerConfig;
use tch::{Device, Kind, Tensor, nn};
use timeweave_models::{
    LoadOptions, Model, ModelSpec, Registry, model_info, model_info_by_module, recipe,
};

const F32: (Kind, Device) = (Kind::Float, Device::Cpu);

fn registry() -> Registry {
    Registry::default().with(Arc::new(Difference))
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
        gains.iter_mut().for_each(|gain| drop(gain.fill_(0.5)));
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
        (json!({ "arch": "differense-resnet", "numClasses": 3 }), "added: difference-resnet"),
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
