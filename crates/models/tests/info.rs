//! Parameters and multiply-adds against the reference figures and against built networks.

mod support;

use std::collections::HashMap;

use serde_json::{Value, json};
use support::volume;
use tch::Device;
use timeweave_models::{
    BigLittleDepth, BlresnetSpec, Model, ModelSpec, list_models, model_info, model_info_at,
    model_info_by_module,
};

/// The spec that a row of the reference figures belongs to, or nothing for other families.
fn spec(name: &str, row: &Value) -> Option<ModelSpec> {
    let lengths: Vec<i64> = serde_json::from_value(row["input_shape"].clone()).ok()?;
    let classes = row["output_shape"][1].as_i64()?;
    let words: Vec<&str> = name.split('_').collect();
    let mut spec = json!({ "numClasses": classes });
    if name.starts_with("blresnet") {
        let depth = words[0].strip_prefix("blresnet")?.parse::<i64>().ok()?;
        let depth: BigLittleDepth = serde_json::from_value(json!(depth)).ok()?;
        return Some(ModelSpec::Blresnet(BlresnetSpec::new(classes, depth)));
    }
    if name.starts_with("tam_resnet") {
        spec["arch"] = json!("tam-resnet");
        spec["depth"] = json!(words[1].strip_prefix("resnet")?.parse::<i64>().ok()?);
        spec["numFrames"] = json!(words[2].parse::<i64>().ok()?);
        spec["temporalPooling"] = json!(if words.contains(&"tpool") { "max" } else { "none" });
        spec["depthwise"] = json!(!words.contains(&"allc"));
        let taps = |word: &&str| word.strip_prefix('b')?.parse::<i64>().ok();
        if let Some(taps) = words.iter().find_map(taps) {
            spec["blendingFrames"] = json!(taps);
        }
        return serde_json::from_value::<ModelSpec>(spec).ok();
    }
    if name.starts_with("blvnet") {
        let digits = |word: &str| word.trim_start_matches(char::is_alphabetic).parse::<i64>().ok();
        spec["arch"] = json!("blvnet-tam");
        spec["depth"] = json!(words.iter().find_map(|word| digits(word))?);
        spec["numFrames"] = json!(lengths[1] / 3);
        spec["tam"] = json!(!name.contains("no_tam"));
        for word in words {
            if let Some((alpha, beta)) = word.strip_prefix('a').and_then(|w| w.split_once('b')) {
                spec["alpha"] = json!(alpha.parse::<i64>().ok()?);
                spec["beta"] = json!(beta.parse::<i64>().ok()?);
            }
            if let Some(frames) = word.strip_prefix("blend") {
                spec["blendingFrames"] = json!(frames.parse::<i64>().ok()?);
            }
        }
        return serde_json::from_value(spec).ok();
    }
    if !["tsn", "tsm", "tin"].contains(&words[0]) {
        return None;
    }
    if name.contains("mobilenetv2") {
        let online = words.contains(&"online");
        let frames = if online { 1 } else { words[2].parse::<i64>().ok()? };
        return serde_json::from_value(json!({
            "arch": "tsm", "depth": "mobilenet-v2", "numClasses": classes, "numFrames": frames,
            "online": online,
        }))
        .ok();
    }
    let depth = words[1].strip_prefix("resnet")?;
    spec["nonLocal"] = json!(words.contains(&"nonlocal"));
    spec["arch"] = json!(words[0]);
    spec["depth"] = depth.parse::<i64>().map_or_else(|_| json!(depth), |number| json!(number));
    spec["numFrames"] = json!(words[2].parse::<i64>().ok()?);
    if name.contains("_flow5") {
        spec["modality"] = json!("flow");
    }
    if name.contains("_rgbdiff5") {
        spec["modality"] = json!("rgb-diff");
    }
    serde_json::from_value(spec).ok()
}

#[test]
fn the_figures_of_every_network_equal_the_reference() {
    let mut checked = 0;
    for file in ["params_flops.json", "params_flops_more.json"] {
        let rows = support::json(&support::fixtures().join(file));
        for (name, row) in rows.as_object().expect("rows by name") {
            let spec = volume::figures(name, row).or_else(|| spec(name, row));
            let spec = spec.unwrap_or_else(|| panic!("{name} is of no known family"));
            let size = row["input_shape"].as_array().and_then(|shape| shape.last()?.as_i64());
            let info = model_info_at(&spec, size.expect("a size")).expect("figures");
            assert_eq!(json!(info.params), row["params"], "parameters of {name}");
            assert_eq!(json!(info.macs), row["madds"], "multiply-adds of {name}");
            checked += 1;
        }
    }
    assert!(checked > 0, "no row");
    println!("checked: {checked} figures of networks");
}

#[test]
fn the_figures_equal_those_of_built_networks() {
    let descriptions = [
        json!({ "arch": "blvnet-tam", "numClasses": 7, "numFrames": 4, "alpha": 4, "blendingFrames": 4 }),
        json!({ "arch": "tsn", "numClasses": 7, "depth": "50d", "dropout": 0 }),
        json!({ "arch": "tsm", "numClasses": 7, "depth": 34, "modality": "flow" }),
        json!({ "arch": "tin", "numClasses": 7, "depth": 18, "shiftDiv": 2, "numFrames": 5 }),
        json!({ "arch": "tin", "numClasses": 7, "depth": 50, "nonLocal": true }),
        json!({ "arch": "tsm", "numClasses": 7, "depth": "mobilenet-v2", "modality": "rgb-diff" }),
        json!({ "arch": "tsm", "numClasses": 7, "depth": "mobilenet-v2", "online": true }),
        json!({ "arch": "tsm", "numClasses": 7, "depth": 50, "shiftPlace": "block", "nonLocal": true }),
        json!({ "arch": "tam-resnet", "numClasses": 7, "depth": 50, "temporalPooling": "max" }),
        json!({ "arch": "tam-resnet", "numClasses": 7, "depthwise": false, "blendingFrames": 5 }),
        json!({ "arch": "slowfast", "numClasses": 7, "variant": "fair", "betaInverse": 2, "fusionKernel": 9 }),
        json!({ "arch": "slowfast", "numClasses": 7, "variant": "mmaction2", "alpha": 8 }),
        json!({ "arch": "slowfast", "numClasses": 7, "betaInverse": 16 }),
        json!({ "arch": "slow-only", "numClasses": 7 }),
        json!({ "arch": "slow-only", "numClasses": 7, "variant": "fair" }),
        json!({ "arch": "fast-only", "numClasses": 7, "variant": "mmaction2", "depth": 101 }),
        json!({ "arch": "r3d", "numClasses": 7, "depth": 50, "temporalModule": "tam", "shortcut": "A" }),
        json!({ "arch": "r2plus1d", "numClasses": 7, "temporalModule": "tam" }),
    ];
    let image = ModelSpec::Blresnet(BlresnetSpec::new(7, BigLittleDepth::D50));
    let read = |description| serde_json::from_value(description).expect("a spec");
    for spec in descriptions.map(read).into_iter().chain([image]) {
        let model = Model::new(spec.clone(), Device::Cpu, Some(1)).expect("a network");
        let modules = model_info_by_module(&spec).expect("modules");
        let mut built: HashMap<String, i64> = HashMap::new();
        for (name, tensor) in model.vs.variables() {
            if tensor.requires_grad() {
                // A module of several layers is listed as a whole.
                let module = modules
                    .iter()
                    .map(|row| &row.module)
                    .filter(|module| name.starts_with(&format!("{module}.")))
                    .max_by_key(|module| module.len());
                let module = module.unwrap_or_else(|| panic!("{name} belongs to no module"));
                *built.entry(module.clone()).or_default() += tensor.numel() as i64;
            }
        }
        assert_eq!(modules.len(), built.len(), "{spec:?}");
        for row in &modules {
            assert_eq!(row.params, built[&row.module], "{} of {spec:?}", row.module);
        }
        let info = model_info(&spec).expect("figures");
        assert_eq!(info.params, built.values().sum::<i64>(), "{spec:?}");
        assert_eq!(info.macs, modules.iter().map(|row| row.macs).sum::<i64>(), "{spec:?}");
    }
}

#[test]
fn the_list_has_every_architecture_and_is_fast() {
    let list = support::limit::in_a_second("the list", list_models);
    let two_dimensional = 3 + 5 + 7 + 8 + 7;
    // SlowFast has 200 layers in one of its three variants only.
    assert_eq!(list.len(), two_dimensional + (3 * 3 + 1) + 2 * 3 * 3 + 2 * 7);
    let figures = model_info_at(
        &serde_json::from_value(json!({ "arch": "r3d", "numClasses": 4 })).expect("a spec"),
        0,
    );
    assert_eq!(figures.expect_err("an error").code(), "SHAPE_MISMATCH");
    for arch in ModelSpec::ARCHS {
        assert!(list.iter().any(|info| info.family == arch), "{arch}");
    }
    let json = serde_json::to_value(&list[0]).expect("JSON");
    assert_eq!(json["id"], "blvnet-tam-50");
    assert_eq!(json["params"], 25_483_216);
    assert_eq!(json["input"], json!({ "frames": 16, "size": 224, "channels": 3 }));
}
