//! Checkpoints of other projects: loaded strictly under their names, fitted where that is asked
//! for, converted there and back, and refused without harm.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use indexmap::IndexMap;
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};
use timeweave_models::checkpoint::{ConvertOptions, FileForm, convert, load_into};
use timeweave_models::{LoadOptions, Model, ModelSpec, Source, checkpoint, recipe};
use timeweave_weights::keymap::KeyMap;
use timeweave_weights::{
    Dtype, PytorchLayout, RawTensor, StateDict, read, write_pytorch, write_safetensors,
};

const ADAPT: LoadOptions = LoadOptions { source: None, new_classifier: false, adapt: true };

fn spec(description: Value) -> ModelSpec {
    serde_json::from_value(description).expect("a spec")
}

fn model(description: Value) -> Model {
    Model::new(spec(description), Device::Cpu, Some(7)).expect("a network")
}

/// A network filled with the recipe's numbers.
fn filled(description: Value) -> Model {
    let model = model(description);
    recipe::fill(&model.vs, 5).expect("weights");
    model
}

/// Its weights as they would lie in a file.
fn state(model: &Model) -> StateDict {
    let mut tensors = IndexMap::new();
    for (name, tensor) in model.vs.variables() {
        let values = Vec::<f32>::try_from(tensor.contiguous().view([-1])).expect("floats");
        let shape = tensor.size().iter().map(|&size| size as u64).collect();
        tensors.insert(name, RawTensor::from_f32(shape, &values).expect("a tensor"));
    }
    tensors.sort_unstable_keys();
    StateDict::new(tensors)
}

fn assert_same(found: &Model, expected: &Model, label: &str) {
    let (found, expected) = (found.vs.variables(), expected.vs.variables());
    for (name, tensor) in &expected {
        assert!(found[name].equal(tensor), "{label}: {name}");
    }
}

const NETWORKS: [&str; 4] = ["tsn", "tsm", "tin", "blvnet-tam"];

fn small(arch: &str) -> Value {
    json!({ "arch": arch, "numClasses": 3, "numFrames": 4 })
}

#[test]
fn files_of_every_project_that_has_the_network_fill_it_strictly() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("checkpoint.pth.tar");
    let (mut files, mut by_source) = (0, BTreeMap::new());
    for arch in NETWORKS {
        let source_model = filled(small(arch));
        let own = state(&source_model);
        for source in Source::ALL {
            let Ok(map) = KeyMap::new(source, own.names()) else { continue };
            if map.iter().count() < own.len() {
                continue;
            }
            let mut foreign = map.to_foreign(own.clone()).state;
            // As training programs leave it: a counter in each batch norm, a wrapper, a container.
            let norms: Vec<String> = foreign
                .names()
                .filter_map(|name| name.strip_suffix("running_var").map(str::to_owned))
                .collect();
            for norm in norms {
                let counter = RawTensor::new(Dtype::I64, vec![], vec![9, 0, 0, 0, 0, 0, 0, 0]);
                let name = format!("{norm}num_batches_tracked");
                foreign.tensors.insert(name, counter.expect("a whole number"));
            }
            let layout = PytorchLayout { container: Some("state_dict"), module: true };
            write_pytorch(&path, &foreign, &layout).expect("a file");
            for options in [
                LoadOptions::default(),
                LoadOptions { source: Some(source), ..LoadOptions::default() },
            ] {
                let target = model(small(arch));
                let label = format!("{arch} of {}", source.id());
                let report = target.load_weights(&path, &options).expect(&label);
                assert_eq!(report.loaded.len(), own.len(), "{label}");
                assert!(report.unexpected.is_empty() && report.initialised.is_empty(), "{label}");
                assert_same(&target, &source_model, &label);
            }
            files += 1;
            *by_source.entry(source.id()).or_insert(0) += 1;
        }
    }
    assert!(files >= 12, "{by_source:?}");
    println!("checked: {files} checkpoints in other projects' names, {by_source:?}");
}

#[test]
fn other_float_types_are_converted_and_a_strict_load_is_all_or_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("weights.safetensors");
    let source = filled(small("tsn"));
    for (kind, dtype) in
        [(Kind::Half, Dtype::F16), (Kind::BFloat16, Dtype::BF16), (Kind::Double, Dtype::F64)]
    {
        let mut own = state(&source);
        for (name, raw) in &mut own.tensors {
            let tensor = source.vs.variables()[name].to_kind(kind).contiguous();
            let mut data = vec![0; tensor.numel() * dtype.size() as usize];
            tensor.copy_data_u8(&mut data, tensor.numel());
            *raw = RawTensor::new(dtype, raw.shape.clone(), data).expect("a tensor");
        }
        write_safetensors(&path, &own).expect("a file");
        let target = model(small("tsn"));
        target.load_weights(&path, &LoadOptions::default()).expect("a report");
        for (name, tensor) in target.vs.variables() {
            let expected = source.vs.variables()[&name].to_kind(kind).to_kind(Kind::Float);
            assert!(tensor.kind() == Kind::Float && tensor.equal(&expected), "{name} {kind:?}");
        }
    }
}

/// The file of a network for another one, fitted; gives the report.
fn adapt(source: &StateDict, target: &Model, folder: &Path) -> timeweave_models::CheckpointReport {
    let path = folder.join("source.pth");
    write_pytorch(&path, source, &PytorchLayout::default()).expect("a file");
    let strict = load_into(&path, &target.spec, &target.vs, &LoadOptions::default());
    assert_eq!(strict.expect_err("another network").code(), "CHECKPOINT_MISMATCH");
    target.load_weights(&path, &ADAPT).expect("related weights")
}

/// ImageNet's ResNet-18 or bL-ResNet-50 as their projects save them, made of a video network.
fn image(video: &Model, source: Source) -> StateDict {
    let own = state(video);
    let map = KeyMap::new(source, own.names()).expect("a network with an image form");
    let mut image = map.to_foreign(own).state;
    let features = if source == Source::Torchvision { 512 } else { 2048 };
    let tensor = |shape: &[u64]| {
        let count = shape.iter().product::<u64>() as usize;
        RawTensor::from_f32(shape.to_vec(), &vec![0.5; count]).expect("a tensor")
    };
    image.tensors.insert("fc.weight".into(), tensor(&[1000, features]));
    image.tensors.insert("fc.bias".into(), tensor(&[1000]));
    image
}

#[test]
fn image_networks_start_video_networks_of_each_modality() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut starts = 0;
    for (arch, modality) in [
        ("tsn", "rgb"),
        ("tsm", "rgb"),
        ("tin", "rgb"),
        ("tsm", "flow"),
        ("tsn", "rgb-diff"),
        ("blvnet-tam", "rgb"),
        ("blvnet-tam", "flow"),
    ] {
        let (source, stem) = match arch {
            "blvnet-tam" => (Source::BigLittleNet, "baseline_model.conv1.weight"),
            _ => (Source::Torchvision, "base_model.conv1.weight"),
        };
        let video = filled(small(arch));
        let mut description = small(arch);
        description["modality"] = modality.into();
        let target = model(description.clone());
        let report = adapt(&image(&video, source), &target, folder.path());
        assert_eq!(report.source, Some(source), "{arch}");
        let fresh = model(description);
        let (found, trained, before) =
            (target.vs.variables(), video.vs.variables(), fresh.vs.variables());
        let unfilled: Vec<&str> = report.initialised.iter().map(|weight| &*weight.name).collect();
        for (name, tensor) in &found {
            let is_fresh = unfilled.contains(&name.as_str());
            assert_eq!(
                is_fresh,
                name.contains("net1") || name.contains("tam.") || name.contains("fc."),
                "{name}"
            );
            if is_fresh {
                assert!(tensor.equal(&before[name]), "{arch} {name} was changed");
            } else if name == stem && modality != "rgb" {
                let mean = trained[name].mean_dim(1, true, Kind::Float).expand_as(tensor);
                assert!(tensor.allclose(&mean, 1e-5, 1e-7, false), "{arch} {modality} {name}");
            } else {
                assert!(tensor.equal(&trained[name]), "{arch} {name}");
            }
        }
        let reshaped = report.reshaped.iter().filter(|weight| weight.name == stem).count();
        assert_eq!(reshaped, usize::from(modality != "rgb"));
        starts += 1;
    }
    println!("checked: {starts} video networks started from image networks");
}

#[test]
fn trained_weights_start_networks_with_other_modules_and_frames() {
    let folder = tempfile::tempdir().expect("a folder");
    // A TSN for a TSM and a TIN; its classifier stays.
    let tsn = filled(small("tsn"));
    for arch in ["tsm", "tin"] {
        let target = model(small(arch));
        let report = adapt(&state(&tsn), &target, folder.path());
        assert!(report.reshaped.is_empty() && report.unexpected.is_empty(), "{report:?}");
        assert!(report.initialised.iter().all(|weight| weight.reason.contains("TIN")));
        assert_eq!(report.initialised.is_empty(), arch == "tsm");
        assert!(target.vs.variables()["new_fc.weight"].equal(&tsn.vs.variables()["new_fc.weight"]));
    }
    // A TIN of 4 frames for 8.
    let tin = filled(small("tin"));
    let mut description = small("tin");
    description["numFrames"] = 8.into();
    let target = model(description);
    let report = adapt(&state(&tin), &target, folder.path());
    assert_eq!(report.reshaped.len(), 8 * 3, "three layers of eight modules: {report:?}");
    assert!(report.reshaped.iter().all(|weight| weight.reason == "resized from 4 frames to 8"));
    let clip = Tensor::randn([1, 8, 3, 32, 32], (Kind::Float, Device::Cpu));
    let logits = target.network.forward(&clip, false).expect("logits");
    assert!(bool::try_from(logits.isfinite().all()).expect("a fact"));
}

fn options(arch: Option<&str>, names: Option<Source>, to: FileForm) -> ConvertOptions {
    ConvertOptions { spec: arch.map(|arch| spec(small(arch))), source: None, names, to }
}

#[test]
fn a_network_goes_to_every_project_and_back_unchanged() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let mut trips = 0;
    for arch in NETWORKS {
        let model = filled(small(arch));
        let mut card = timeweave_models::ModelCard::new(model.spec.clone());
        card.classes = ["a", "b", "c"].map(str::to_owned).into();
        model.save(&at("own.safetensors"), &card).expect("a file");
        for source in Source::ALL {
            let there = options(Some(arch), Some(source), FileForm::Pytorch);
            let Ok(report) = convert(&at("own.safetensors"), &at("there.pth"), &there) else {
                continue;
            };
            assert_eq!(report.tensors + report.left_out.len(), model.vs.len(), "{arch}");
            if !report.left_out.is_empty() {
                continue;
            }
            let back = options(Some(arch), None, FileForm::Safetensors);
            convert(&at("there.pth"), &at("back.safetensors"), &back).expect("the same network");
            let (again, _) = Model::load(&at("back.safetensors"), Device::Cpu).expect("a card");
            assert_same(&again, &model, &format!("{arch} by {}", source.id()));
            trips += 1;
        }
        // What our own card says besides the network is kept.
        let same = options(Some(arch), None, FileForm::Safetensors);
        convert(&at("own.safetensors"), &at("same.safetensors"), &same).expect("a file");
        let kept = checkpoint::read_card(&at("same.safetensors")).expect("a file");
        assert_eq!(kept.expect("a card").classes, card.classes);
    }
    assert!(trips >= 12, "{trips} trips");
    println!("checked: {trips} conversions to official names and back");
}

#[test]
fn without_a_network_names_and_texts_are_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let checkpoints = support::fixtures().join("checkpoints");
    let input = checkpoints.join("tiny_dataparallel_legacy.pth.tar");
    for (name, to) in [("out.safetensors", FileForm::Safetensors), ("out.pth", FileForm::Pytorch)] {
        let output = folder.path().join(name);
        let report = convert(&input, &output, &options(None, None, to)).expect("a file");
        assert!(report.read_as.module_removed);
        assert_eq!(
            (report.read_as.format, report.read_as.container),
            ("legacy", Some("state_dict"))
        );
        let (before, after) = (read(&input).expect("a file"), read(&output).expect("a file"));
        assert_eq!(report.tensors, after.len());
        for (name, tensor) in &before {
            assert_eq!(after.get(name), Some(tensor), "{name}");
        }
    }
}

#[test]
fn bad_files_leave_the_network_as_it_was_within_a_second() {
    let bad = support::fixtures().join("checkpoints/bad");
    let target = filled(small("tsn"));
    let before = filled(small("tsn"));
    let output = tempfile::tempdir().expect("a folder");
    let mut refused = 0;
    for file in std::fs::read_dir(bad).expect("bad checkpoints") {
        let path = file.expect("a file").path();
        let name = path.display().to_string();
        for options in [LoadOptions::default(), ADAPT] {
            let error = support::limit::in_a_second(&name, || {
                target.load_weights(&path, &options).expect_err("a bad file")
            });
            assert!(error.code().starts_with("CHECKPOINT_"), "{name}: {error}");
            assert!(error.to_string().contains(&name), "{error}");
        }
        refused += 1;
    }
    assert!(refused > 10 && !Path::new("PICKLE_EXECUTED.txt").exists());
    assert_same(&target, &before, "after bad files");
    // A network is only written where one was read.
    let out = output.path().join("out.safetensors");
    let input = support::fixtures().join("checkpoints/tiny_plain.pth");
    let error = convert(&input, &out, &options(Some("tsn"), None, FileForm::Safetensors));
    assert!(error.is_err() && !out.exists());
    println!("checked: {refused} bad checkpoints against a network");
}

#[test]
fn a_file_of_another_network_says_what_it_looks_like() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tin.pth");
    write_pytorch(&path, &state(&filled(small("tin"))), &PytorchLayout::default()).expect("a file");
    let mut deeper = small("tin");
    deeper["depth"] = 34.into();
    for (target, words) in [
        (small("tsm"), "it looks like a TIN of depth 18"),
        (small("blvnet-tam"), "it looks like a TIN of depth 18"),
        (deeper, "tin-34"),
    ] {
        let error = model(target).load_weights(&path, &LoadOptions::default()).expect_err(words);
        assert_eq!(error.code(), "CHECKPOINT_MISMATCH");
        assert!(error.to_string().contains(words), "{error}");
    }
    let unknown = StateDict::new(IndexMap::from([(
        "encoder.weight".to_owned(),
        RawTensor::from_f32(vec![1], &[0.0]).expect("a tensor"),
    )]));
    write_pytorch(&path, &unknown, &PytorchLayout::default()).expect("a file");
    let error = model(small("tsn")).load_weights(&path, &LoadOptions::default());
    let error = error.expect_err("names of nobody");
    assert_eq!(error.code(), "CHECKPOINT_NAMES_UNKNOWN");
    assert!(error.to_string().contains("tin.pth"), "{error}");
}
