//! Configurations that cannot be: each error names the field, what was expected and, for a mistyped name, the right one.

mod support;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};
use support::{data, parse, run, train_json};
use timeweave_engine::{
    Device, EngineError, EvalConfig, Predictor, TrainConfig, config, config_schemas, evaluate,
};

/// The error of a configuration in which the value at a JSON pointer was replaced.
fn error_with(pointer: &str, value: Value) -> EngineError {
    let folder = tempfile::tempdir().expect("a folder");
    let mut json = train_json(&folder.path().join("run"));
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    json.pointer_mut(parent).expect("the parent")[key] = value;
    let error = run(&json, |_| false).0.expect_err("a configuration that cannot be");
    assert!(!folder.path().join("run").exists(), "a run that cannot start leaves no folder");
    error
}

/// Every value at its pointer must give a message with its words.
fn assert_named<const N: usize>(cases: [(&str, Value, &[&str]); N]) {
    for (pointer, value, words) in cases {
        let error = error_with(pointer, value);
        let message = error.to_string();
        assert_eq!(error.code(), "CONFIG_INVALID", "{pointer}: {message}");
        for word in words {
            assert!(message.contains(word), "{pointer}: no {word:?} in {message:?}");
        }
    }
}

#[test]
fn every_impossible_value_is_named() {
    let cases: [(&str, Value, &[&str]); 28] = [
        ("/model/depht", json!(18), &["model.depht", "unknown key", "did you mean depth?"]),
        ("/model/depth", json!(19), &["model.depth", "received 19", "18"]),
        ("/model/arch", json!("tms"), &["model.arch", "received \"tms\"", "did you mean tsm?"]),
        ("/model/numFrames", json!(0), &["model.numFrames", "received 0"]),
        ("/model/numFrames", json!("many"), &["model.numFrames", "received \"many\""]),
        (
            "/model/numClasses",
            json!(5),
            &["model.numClasses", "expected 4", "classes.txt", "received 5"],
        ),
        (
            "/model",
            json!({ "arch": "blvnet-tam", "numClasses": 4, "numFrames": 7 }),
            &["model.numFrames", "even"],
        ),
        ("/optimizer/lr", json!(-0.1), &["optimizer.lr", "above 0", "received -0.1"]),
        ("/optimizer/lr", Value::Null, &["optimizer.lr", "received null"]),
        ("/optimizer/momentun", json!(0.9), &["optimizer.momentun", "did you mean momentum?"]),
        ("/optimizer/type", json!("adam"), &["optimizer.type", "did you mean adamw?"]),
        ("/schedule/warmupEpochs", json!(-1), &["schedule.warmupEpochs", "at least 0"]),
        ("/train/batchSize", json!(0), &["train.batchSize", "at least 1", "received 0"]),
        ("/train/batchSize", json!(-4), &["train.batchSize", "received -4"]),
        ("/train/epochs", json!(1.5), &["train.epochs", "received 1.5"]),
        ("/train/labelSmoothing", json!(1.0), &["train.labelSmoothing", "received 1"]),
        ("/train/clipGradiant", json!(1), &["train.clipGradiant", "did you mean clipGradient?"]),
        ("/data/workers", json!(0), &["data.workers", "received 0"]),
        ("/data/prefetch", json!(0), &["data.prefetch", "1..=64", "received 0"]),
        ("/data/decode", json!({ "thread": 2 }), &["data.decode.thread", "did you mean threads?"]),
        ("/train/loss", json!("bce"), &["train.loss", "binaryCrossEntropy", "received \"bce\""]),
        ("/train/lossScale", json!(0), &["train.lossScale", "above 0"]),
        ("/train/mixup", json!(0), &["train.mixup", "0.05 to 100", "received 0"]),
        ("/train/cutmix", json!(-1), &["train.cutmix", "received -1"]),
        ("/train/mixProbability", json!(1.1), &["train.mixProbability", "received 1.1"]),
        (
            "/train",
            json!({ "loss": "binaryCrossEntropy", "labelSmoothing": 0.1 }),
            &["train.labelSmoothing", "binaryCrossEntropy", "received 0.1"],
        ),
        ("/device", json!("gpu"), &["device", "cuda:N", "received \"gpu\""]),
        ("/lr", json!(0.1), &["for lr but", "unknown key"]),
    ];
    assert_named(cases);
}

#[test]
fn every_impossible_preprocessing_is_named() {
    let cases: [(&str, Value, &[&str]); 16] = [
        (
            "/data/preprocess/cropSize",
            json!(64),
            &["data.preprocess.cropSize", "scaleSize", "received 64"],
        ),
        (
            "/data/preprocess/sampling",
            json!({ "type": "dens" }),
            &["data.preprocess.sampling", "did you mean dense?"],
        ),
        (
            "/data/preprocess/sampling",
            json!({ "type": "slowfast", "stride": 0 }),
            &["data.preprocess.sampling.stride", "received 0"],
        ),
        (
            "/data/preprocess/sampling",
            json!({ "type": "twice", "stride": 2 }),
            &["data.preprocess.sampling", "unknown key"],
        ),
        (
            "/data/preprocess/sampling",
            json!({ "type": "seconds" }),
            &["data.preprocess.sampling", "duration"],
        ),
        (
            "/data/preprocess/sampling",
            json!({ "type": "seconds", "duration": -1 }),
            &["data.preprocess.sampling.duration", "received -1"],
        ),
        (
            "/data/preprocess/trainCrop",
            json!({ "type": "multiscale" }),
            &["data.preprocess.trainCrop", "did you mean multi-scale?"],
        ),
        (
            "/data/preprocess/trainCrop",
            json!({ "type": "multi-scale", "scales": [2] }),
            &["data.preprocess.trainCrop.scales", "received [2"],
        ),
        (
            "/data/preprocess/trainCrop",
            json!({ "type": "short-side", "min": 16 }),
            &["data.preprocess.trainCrop.min", "cropSize (32)", "received 16"],
        ),
        (
            "/data/preprocess/trainCrop",
            json!({ "type": "random-resized", "area": [0.5, 0.1] }),
            &["data.preprocess.trainCrop.area", "[0.5, 0.1]"],
        ),
        (
            "/data/preprocess/colorJitter",
            json!({ "hue": 0.7 }),
            &["data.preprocess.colorJitter.hue", "0 to 0.5", "received 0.7"],
        ),
        (
            "/data/preprocess/randAugment",
            json!({ "magnitude": 31 }),
            &["data.preprocess.randAugment.magnitude", "received 31"],
        ),
        (
            "/data/preprocess/randomErasing",
            json!({ "fill": "black" }),
            &["data.preprocess.randomErasing.fill", "mean, noise"],
        ),
        (
            "/data/preprocess/flipLabels",
            json!([[0, 4]]),
            &["data.preprocess.flipLabels", "0 to 3", "received 4"],
        ),
        ("/data/preprocess/flipLabels", json!([[0, 1, 2]]), &["data.preprocess.flipLabels"]),
        (
            "/data/preprocess/flip",
            json!(true),
            &["data.preprocess.flipLabels", "`left`", "[[0, 1]]", "received nothing"],
        ),
    ];
    assert_named(cases);
}

#[test]
fn files_that_are_not_there_or_wrong_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        json!(path)
    };
    let cases = [
        ("/data/train/list", json!("/nowhere/list.txt"), "LIST_NOT_FOUND", "/nowhere/list.txt"),
        ("/data/train/list", write("empty.txt", "\n# nothing\n"), "EMPTY_LIST", "empty.txt"),
        (
            "/data/val/list",
            write("range.txt", "a.mp4 8 1\nb.mp4 8 4\n"),
            "LABEL_OUT_OF_RANGE",
            "range.txt:2",
        ),
        ("/data/classes", json!("/nowhere/classes.txt"), "FILE_NOT_FOUND", "data.classes"),
        ("/resume", json!("/nowhere/run"), "RESUME_INVALID", "/nowhere/run"),
        (
            "/init",
            json!({ "weights": "/nowhere/w.safetensors" }),
            "CHECKPOINT_NOT_FOUND",
            "w.safetensors",
        ),
    ];
    for (pointer, value, code, word) in cases {
        let error = error_with(pointer, value);
        assert_eq!(error.code(), code, "{pointer}: {error}");
        assert!(error.to_string().contains(word), "{pointer}: no {word:?} in {error}");
    }
}

#[test]
fn a_checkpoint_of_another_architecture_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tsn.safetensors");
    let spec = |arch: &str| {
        let json = json!({ "arch": arch, "depth": 18, "numClasses": 4, "numFrames": 4 });
        config::parse_value(&json).expect("a spec")
    };
    let tsn = Predictor::create(spec("tsn"), None, Some(1), Device::Cpu, None).expect("a network");
    tsn.save(&path).expect("a checkpoint");
    let error =
        Predictor::load(&path, Some(spec("tin")), Device::Cpu).expect_err("another architecture");
    assert_eq!(error.code(), "CHECKPOINT_MISMATCH");
    assert!(error.to_string().contains("tsn") && error.to_string().contains("tin"), "{error}");
    let json = json!({ "arch": "blvnet-tam", "numClasses": 4, "numFrames": 4 });
    let blvnet = config::parse_value(&json).expect("a spec");
    let blvnet = Predictor::create(blvnet, None, Some(1), Device::Cpu, None).expect("a network");
    let other = folder.path().join("blvnet.safetensors");
    blvnet.save(&other).expect("a checkpoint");
    let error = error_with("/init", json!({ "weights": other }));
    assert_eq!(error.code(), "CHECKPOINT_MISMATCH", "{error}");
    assert!(error.to_string().contains("blvnet-tam-50"), "{error}");
    let error = error_with("/init", json!({ "weights": path, "from": "caffe" }));
    assert_eq!(error.code(), "CONFIG_INVALID", "{error}");
    assert!(error.to_string().contains("torchvision"), "{error}");
    assert!(Predictor::load(&path, Some(spec("tsn")), Device::Cpu).is_ok());
}

#[test]
fn an_evaluation_names_what_is_wrong() {
    let eval = |json: Value| {
        let config: EvalConfig = config::parse_json(&json.to_string())?;
        evaluate(&config, &|_| (), &AtomicBool::new(false))
    };
    let list = data().join("val.txt");
    let error = eval(json!({ "checkpoint": "/nowhere.safetensors", "data": { "list": list } }))
        .expect_err("no file");
    assert_eq!(error.code(), "CHECKPOINT_NOT_FOUND");
    let error = eval(json!({ "data": { "list": list } })).expect_err("no checkpoint").to_string();
    assert!(error.contains("expected a value for checkpoint"), "{error}");
    let json = json!({ "checkpoint": "a", "data": { "list": "b" }, "batchSize": 0 });
    let error = eval(json).expect_err("no batch").to_string();
    assert!(error.contains("batchSize"), "{error}");

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tsn.safetensors");
    let spec = json!({ "arch": "tsn", "depth": 18, "numClasses": 4, "numFrames": 4 });
    let spec = config::parse_value(&spec).expect("a spec");
    let tsn = Predictor::create(spec, None, Some(1), Device::Cpu, None).expect("a network");
    tsn.save(&path).expect("a checkpoint");
    for (field, views, sampling) in [
        ("views.crops", json!({ "crops": 2 }), Value::Null),
        ("views.clips", json!({ "clips": 3 }), json!({ "type": "twice" })),
        ("views.scales.0", json!({ "scales": [100] }), Value::Null),
        ("views.cropSize", json!({ "cropSize": 300 }), Value::Null),
        ("sampling.stride", json!({}), json!({ "type": "clip", "stride": 0 })),
    ] {
        let json = json!({
            "checkpoint": path,
            "data": { "list": list },
            "views": views,
            "sampling": sampling,
            "device": "cpu",
        });
        let error = eval(json).expect_err(field);
        assert_eq!(error.code(), "CONFIG_INVALID", "{error}");
        assert!(error.to_string().contains(&format!(" for {field} but")), "{error}");
    }
}

#[test]
fn a_resolved_configuration_reads_back_the_same_from_json_and_yaml() {
    let config = parse(&train_json(Path::new("runs/x"))).expect("a configuration");
    let json = serde_json::to_string(&config).expect("JSON");
    assert_eq!(config::parse_json::<TrainConfig>(&json).expect("a configuration"), config);
    let yaml = serde_saphyr::to_string(&config).expect("YAML");
    assert_eq!(serde_saphyr::from_str::<TrainConfig>(&yaml).expect("a configuration"), config);
}

#[test]
fn schemas_hold_the_fields_by_their_json_names() {
    let schemas = config_schemas();
    assert!(schemas["TrainConfig"]["properties"]["optimizer"].is_object());
    assert!(schemas["EvalConfig"]["properties"]["batchSize"].is_object());
    assert!(schemas["PredictOptions"]["properties"]["topK"].is_object());
    assert!(schemas["ModelSpec"].to_string().contains("blvnet-tam"));
}
