//! Requests to convert: what is taken from the file, and what cannot be meant.

use serde_json::{Value, json};
use timeweave_engine::{Device, Predictor, config, convert};

fn request(json: &Value) -> Result<Value, (String, String)> {
    let told = |error: timeweave_engine::EngineError| (error.code().to_owned(), error.to_string());
    let report = config::parse_value(json).and_then(|config| convert(&config)).map_err(told)?;
    Ok(serde_json::to_value(report).expect("plain data"))
}

/// A network of 5 classes in a file of another project's names, without a card.
fn official(folder: &std::path::Path, spec: &Value, names: &str) -> std::path::PathBuf {
    let spec = config::parse_value(spec).expect("a spec");
    let model = Predictor::create(spec, None, Some(1), Device::Cpu, None).expect("a network");
    let own = folder.join("own.safetensors");
    model.save(&own).expect("a checkpoint");
    let path = folder.join("official.pth.tar");
    let json = json!({ "input": own, "output": path, "names": names });
    request(&json).expect("a network that the project has");
    path
}

#[test]
fn the_network_is_completed_by_what_the_file_tells() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("out.safetensors");
    let tin =
        json!({ "arch": "tin", "depth": 34, "numClasses": 5, "numFrames": 4, "modality": "flow" });
    let path = official(folder.path(), &tin, "mmaction2");
    let report =
        request(&json!({ "input": path, "output": output, "arch": "tin" })).expect("a file");
    for (field, value) in tin.as_object().expect("fields") {
        assert_eq!(&report["spec"][field], value, "{field}");
    }
    assert_eq!(report["source"], "mmaction2");
    assert_eq!(report["to"], "safetensors");
    assert_eq!(report["readAs"]["format"], "zip");
    assert_eq!(
        report["loaded"].as_array().map(Vec::len),
        report["tensors"].as_u64().map(|n| n as usize)
    );
    let loaded = Predictor::load(&output, None, Device::Cpu).expect("a file with a card");
    assert_eq!(loaded.load_report().expect("a report").missing, Vec::<String>::new());
    // An id says the depth, and what is set goes before what is told.
    let id = json!({ "input": path, "output": output, "arch": "tin-50" });
    assert_eq!(request(&id).expect_err("another depth").0, "CHECKPOINT_MISMATCH");
    let set =
        json!({ "input": path, "output": output, "arch": "tin", "spec": { "numClasses": 6 } });
    let (code, text) = request(&set).expect_err("another number of classes");
    assert!(code == "CHECKPOINT_MISMATCH" && text.contains("new_fc.weight"), "{text}");
}

#[test]
fn requests_that_cannot_be_meant_say_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = official(folder.path(), &json!({ "arch": "tsn", "numClasses": 5 }), "tsm");
    let output = folder.path().join("out.safetensors");
    let cases = [
        (json!({ "output": path }), "INPUT_INVALID", "another file than the input"),
        (json!({ "output": folder.path() }), "INPUT_INVALID", "the name of a file"),
        (
            json!({ "output": folder.path().join("out.onnx") }),
            "INPUT_INVALID",
            ".safetensors or .pth",
        ),
        (json!({ "output": output, "arch": "vgg" }), "INPUT_INVALID", "blvnet-tam"),
        (json!({ "output": output, "arch": "tsn-19" }), "CONFIG_INVALID", "depth"),
        (json!({ "output": output, "names": "tsm" }), "INPUT_INVALID", "a network"),
        (json!({ "output": output, "spec": { "depth": 50 } }), "INPUT_INVALID", "depth"),
        (json!({ "output": output, "from": "caffe" }), "CONFIG_INVALID", "torchvision"),
        (
            json!({ "output": output, "arch": "tsn", "names": "pyslowfast" }),
            "CHECKPOINT_NAMES_UNKNOWN",
            "tsn-18",
        ),
        (
            json!({ "output": output, "arch": "tsn", "from": "pyslowfast" }),
            "CHECKPOINT_NAMES_UNKNOWN",
            "pyslowfast",
        ),
        (
            json!({ "output": folder.path().join("no/such/out.pth") }),
            "CHECKPOINT_UNWRITABLE",
            "out.pth",
        ),
    ];
    for (mut json, code, words) in cases {
        json["input"] = json!(path);
        let (found, text) = request(&json).expect_err(words);
        assert!(found == code && text.contains(words), "{json}: {found}: {text}");
    }
    assert!(!output.exists());
}
