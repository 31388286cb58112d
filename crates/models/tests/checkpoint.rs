//! Checkpoints: round trips, strictness, and errors that say what a file is instead.

use std::collections::HashMap;
use std::path::Path;

use serde_json::json;
use tch::{Device, Kind, Tensor};
use timeweave_models::{LoadOptions, Model, ModelCard, ModelError, ModelSpec, checkpoint, recipe};

fn spec(arch: &str, classes: i64) -> ModelSpec {
    let description = json!({ "arch": arch, "numClasses": classes, "numFrames": 4 });
    serde_json::from_value(description).expect("a spec")
}

fn model(arch: &str, classes: i64) -> Model {
    Model::new(spec(arch, classes), Device::Cpu, Some(7)).expect("a network")
}

fn card(model: &Model) -> ModelCard {
    let mut card = ModelCard::new(model.spec.clone());
    card.classes = vec!["left".into(), "right".into(), "up".into()];
    card.preprocess = json!({ "mean": [0.485, 0.456, 0.406], "size": 112 });
    card.metrics = json!({ "top1": 0.1 });
    card
}

fn weights(model: &Model) -> Vec<(String, Vec<f32>)> {
    let mut list: Vec<_> = model
        .vs
        .variables()
        .into_iter()
        .map(|(name, tensor)| (name, Vec::<f32>::try_from(tensor.view([-1])).expect("floats")))
        .collect();
    list.sort_by(|a, b| a.0.cmp(&b.0));
    list
}

/// Writes raw tensors as a safetensors file without a card.
fn write(path: &Path, tensors: &[(String, Tensor)]) {
    Tensor::write_safetensors(tensors, path).expect("a file");
}

fn state(model: &Model) -> Vec<(String, Tensor)> {
    model.vs.variables().into_iter().collect()
}

fn error<T>(result: Result<T, ModelError>) -> (&'static str, String) {
    match result {
        Ok(_) => panic!("expected an error"),
        Err(error) => (error.code(), error.to_string()),
    }
}

#[test]
fn what_is_saved_is_loaded_bit_for_bit_with_its_card() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("last.safetensors");
    let model = model("tin", 3);
    recipe::fill(&model.vs, 5).expect("weights");
    let card = card(&model);
    model.save(&path, &card).expect("a file");
    // Replacing an older file leaves nothing else behind.
    model.save(&path, &card).expect("a file");
    let names: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(names.len(), 1);

    assert_eq!(checkpoint::read_card(&path).expect("a card"), Some(card.clone()));
    let (loaded, loaded_card) = Model::load(&path, Device::Cpu).expect("a network");
    assert_eq!((loaded_card, weights(&loaded)), (card, weights(&model)));
    let clip = Tensor::randn([1, 4, 3, 32, 32], (Kind::Float, Device::Cpu));
    let logits = |model: &Model| model.network.forward(&clip, false).expect("logits");
    assert!(logits(&loaded).equal(&logits(&model)));
}

#[test]
fn official_files_load_without_card_with_wrapper_prefix_and_counters() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("official.safetensors");
    let source = model("tsm", 3);
    recipe::fill(&source.vs, 5).expect("weights");
    let mut tensors: Vec<(String, Tensor)> = state(&source)
        .into_iter()
        .map(|(name, tensor)| (format!("module.{name}"), tensor))
        .collect();
    let counter = Tensor::from(7i64);
    tensors.push(("module.base_model.bn1.num_batches_tracked".into(), counter));
    write(&path, &tensors);
    assert_eq!(checkpoint::read_card(&path).expect("no card"), None);
    let (code, _) = error(Model::load(&path, Device::Cpu));
    assert_eq!(code, "CHECKPOINT_WITHOUT_CARD");

    let target = model("tsm", 3);
    let report = target.load_weights(&path, &LoadOptions::default()).expect("a report");
    assert_eq!(report.loaded.len(), source.vs.len());
    assert!(report.missing.is_empty() && report.unexpected.is_empty());
    assert_eq!(weights(&target), weights(&source));
}

#[test]
fn half_precision_weights_keep_the_type_of_the_network() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("half.safetensors");
    let source = model("tsn", 3);
    let halves: Vec<_> =
        state(&source).into_iter().map(|(name, x)| (name, x.to_kind(Kind::Half))).collect();
    write(&path, &halves);
    let target = model("tsn", 3);
    target.load_weights(&path, &LoadOptions::default()).expect("a report");
    let variables = target.vs.variables();
    for (name, half) in &halves {
        assert_eq!(variables[name].kind(), Kind::Float, "{name}");
        assert!(variables[name].equal(&half.to_kind(Kind::Float)), "{name}");
    }
}

#[test]
fn anything_that_does_not_fit_is_named_and_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("wrong.safetensors");
    let target = model("tsn", 3);
    let before = weights(&target);
    let mut tensors: HashMap<String, Tensor> = state(&target).into_iter().collect();
    for tensor in tensors.values_mut() {
        *tensor = tensor.ones_like();
    }
    tensors.remove("base_model.bn1.weight");
    let bias = Tensor::zeros([5], (Kind::Float, Device::Cpu));
    tensors.insert("new_fc.bias".into(), bias);
    tensors.insert("surplus".into(), Tensor::from(1f32));
    write(&path, &tensors.into_iter().collect::<Vec<_>>());

    let (code, text) = error(target.load_weights(&path, &LoadOptions::default()));
    assert_eq!(code, "CHECKPOINT_MISMATCH");
    let words = [
        "tsn-18",
        "1 missing: base_model.bn1.weight",
        "1 unexpected: surplus",
        "new_fc.bias (expected [3], found [5])",
    ];
    for word in words {
        assert!(text.contains(word), "{text} does not say {word}");
    }
    assert_eq!(weights(&target), before);
}

#[test]
fn a_checkpoint_of_another_architecture_names_both() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tsm.safetensors");
    let source = model("tsm", 3);
    source.save(&path, &card(&source)).expect("a file");
    let (code, text) = error(model("tin", 3).load_weights(&path, &LoadOptions::default()));
    assert_eq!(code, "CHECKPOINT_MISMATCH");
    assert!(text.contains("tsm-18") && text.contains("tin-18"), "{text}");
}

#[test]
fn a_new_classifier_is_allowed_only_when_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("three.safetensors");
    let source = model("tsn", 3);
    recipe::fill(&source.vs, 5).expect("weights");
    source.save(&path, &card(&source)).expect("a file");

    let target = model("tsn", 5);
    let (code, _) = error(target.load_weights(&path, &LoadOptions::default()));
    assert_eq!(code, "CHECKPOINT_MISMATCH");
    let options = LoadOptions { new_classifier: true, ..LoadOptions::default() };
    let report = target.load_weights(&path, &options).expect("a report");
    let weight = report.reshaped.iter().find(|weight| weight.name == "new_fc.weight");
    let weight = weight.expect("another number of classes");
    assert_eq!((&*weight.expected, &*weight.found), (&[5, 512][..], &[3, 512][..]));
    assert_eq!(report.initialised.len(), 2, "{report:?}");
    let name = "base_model.layer4.1.conv2.weight";
    assert!(target.vs.variables()[name].equal(&source.vs.variables()[name]));

    // Without dropout the classifier has another name, but is the same layer.
    let description = json!({ "arch": "tsn", "numClasses": 3, "numFrames": 4, "dropout": 0 });
    let spec = serde_json::from_value(description).expect("a spec");
    let bare = Model::new(spec, Device::Cpu, None).expect("a network");
    let report = bare.load_weights(&path, &LoadOptions::default()).expect("a report");
    assert!(report.missing.is_empty() && report.unexpected.is_empty(), "{report:?}");
    let (own, theirs) = (bare.vs.variables(), source.vs.variables());
    assert!(own["base_model.fc.weight"].equal(&theirs["new_fc.weight"]));
}

#[test]
fn files_that_are_no_checkpoint_say_what_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    assert_eq!(error(checkpoint::read_card(&path)).0, "CHECKPOINT_NOT_FOUND");
    let (code, text) = error(checkpoint::read_card(folder.path()));
    assert_eq!(code, "CHECKPOINT_UNREADABLE");
    assert!(text.contains("is a directory"), "{text}");

    let good = folder.path().join("good.safetensors");
    write(&good, &[("weight".into(), Tensor::zeros([64], (Kind::Float, Device::Cpu)))]);
    let good = std::fs::read(good).expect("bytes");
    let longer = [good.as_slice(), &[0]].concat();
    let newer = br#"{"__metadata__":{"timeweave":"{\"formatVersion\":99}"}}"#;
    let newer = [(newer.len() as u64).to_le_bytes().as_slice(), newer].concat();
    let (unreadable, truncated) = ("CHECKPOINT_UNREADABLE", "CHECKPOINT_TRUNCATED");
    let cases: [(&[u8], &str, &str); 9] = [
        (b"", unreadable, "is an empty file"),
        (b"abc", unreadable, "too short"),
        (b"PK\x03\x04rest of a zip", truncated, "no zip directory"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P", truncated, "ends inside its pickle"),
        (b"some words in a text file", unreadable, "is a text file"),
        (b"\x00\x00\x00\x20ftypisom", unreadable, "is a video file"),
        (&good[..good.len() - 1], truncated, "ends too early"),
        (&good[..20], truncated, "ends inside its safetensors header"),
        (&longer, unreadable, "is damaged"),
    ];
    for (bytes, code, words) in cases {
        std::fs::write(&path, bytes).expect("a file");
        let error = Model::load(&path, Device::Cpu).expect_err(words);
        assert_eq!(error.code(), code, "{words}: {error}");
        assert!(error.to_string().contains(words), "{error} does not say {words}");
    }
    std::fs::write(&path, newer).expect("a file");
    let (code, text) = error(checkpoint::read_card(&path));
    assert_eq!(code, "CHECKPOINT_UNREADABLE");
    assert!(text.contains("version 99"), "{text}");
}

#[test]
fn whole_numbers_are_no_weights() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("whole.safetensors");
    let target = model("tsn", 3);
    let whole: Vec<_> =
        state(&target).into_iter().map(|(name, x)| (name, x.to_kind(Kind::Int))).collect();
    write(&path, &whole);
    let (code, text) = error(target.load_weights(&path, &LoadOptions::default()));
    assert_eq!(code, "DTYPE_MISMATCH");
    assert!(text.contains("int32") && text.contains("whole.safetensors"), "{text}");
}

#[test]
fn a_folder_that_is_not_there_cannot_be_written_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let model = model("tsn", 3);
    let path = folder.path().join("missing/last.safetensors");
    assert_eq!(error(model.save(&path, &card(&model))).0, "CHECKPOINT_UNWRITABLE");
}
