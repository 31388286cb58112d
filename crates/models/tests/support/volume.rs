//! How the settings of a 3-D network's case become a spec of ours.

use serde_json::{Value, json};
use timeweave_models::ModelSpec;

/// The families of 3-D networks by the beginning of a case's name.
const FAMILIES: [(&str, &str); 5] = [
    ("slowfast", "slowfast"),
    ("slowonly", "slow-only"),
    ("fastonly", "fast-only"),
    ("resnet3d", "r3d"),
    ("r2plus1d", "r2plus1d"),
];

/// The spec of a case, or nothing when it is no 3-D network.
pub fn description(name: &str, case: &Value) -> Option<Value> {
    let &(_, arch) = FAMILIES.iter().find(|(start, _)| name.starts_with(start))?;
    let config = &case["config"];
    let frames = &case["input"]["recipe_shape_ntchw"][1];
    let mut spec = json!({
        "arch": arch,
        "numClasses": case["num_classes"],
        "numFrames": frames,
        "depth": depth(name, config),
    });
    for (key, ours) in
        [("dropout", "dropout"), ("shortcut_type", "shortcut"), ("max_pooling", "maxPool")]
    {
        if !config[key].is_null() {
            spec[ours] = config[key].clone();
        }
    }
    if let Some(&(_, variant)) = VARIANTS.iter().find(|(end, _)| name.ends_with(end))
        && !arch.starts_with('r')
    {
        spec["variant"] = json!(variant);
    }
    if arch == "slowfast" && spec["variant"] != "x-temporal" {
        spec["alpha"] = [&config["alpha"], &config["speed_ratio"]]
            .into_iter()
            .find(|value| !value.is_null())
            .unwrap_or_else(|| panic!("{name} does not say alpha"))
            .clone();
        // pytorchvideo gives the whole kernel, mmaction2 its taps.
        let kernel = &config["fusion_kernel"];
        spec["fusionKernel"] = kernel.get(0).unwrap_or(kernel).clone();
        if !config["channel_ratio"].is_null() {
            spec["betaInverse"] = config["channel_ratio"].clone();
        }
    }
    Some(spec)
}

const VARIANTS: [(&str, &str); 3] =
    [("_xtemporal", "x-temporal"), ("_mmaction2", "mmaction2"), ("_pytorchvideo", "fair")];

/// The depth of the settings, else the number behind the family's name.
fn depth(name: &str, config: &Value) -> i64 {
    let digits = |text: &str| {
        let end: String = text.chars().rev().take_while(char::is_ascii_digit).collect();
        end.chars().rev().collect::<String>().parse().ok()
    };
    [&config["depth"], &config["model_depth"]]
        .into_iter()
        .find_map(Value::as_i64)
        .or_else(|| config["arch"].as_str().and_then(digits))
        .or_else(|| name.split('_').next().and_then(digits))
        .unwrap_or_else(|| panic!("{name} does not say how deep it is"))
}

/// The spec that a row of the reference figures belongs to, or nothing when it is no 3-D network.
pub fn figures(name: &str, row: &Value) -> Option<ModelSpec> {
    let families = [
        ("sfresnet", "slowfast", "x-temporal"),
        ("pytorchvideo_slowfast", "slowfast", "fair"),
        ("mmaction2_slowfast", "slowfast", "mmaction2"),
        ("slowfast", "slowfast", "fair"),
        ("slowonly", "slow-only", "mmaction2"),
        ("slow_r", "slow-only", "fair"),
        ("resnet3D", "r3d", ""),
        ("stresnet", "r2plus1d", ""),
    ];
    let &(start, arch, variant) = families.iter().find(|(start, ..)| name.starts_with(start))?;
    let depth: String = name[start.len()..].chars().take_while(char::is_ascii_digit).collect();
    let mut spec = json!({
        "arch": arch,
        "numClasses": row["output_shape"][1],
        "numFrames": row["input_shape"][2],
        "depth": depth.parse::<i64>().ok()?,
    });
    if !variant.is_empty() {
        spec["variant"] = json!(variant);
    }
    if start == "mmaction2_slowfast" {
        // The settings of the reference: 4x16 fuses over 5 frames, 8x8 over 7.
        let long = name.contains("8x8");
        spec["alpha"] = json!(if long { 4 } else { 8 });
        spec["fusionKernel"] = json!(if long { 7 } else { 5 });
    }
    if arch == "r2plus1d" {
        spec["maxPool"] = json!(name.ends_with("_maxpool"));
    }
    if name.ends_with("_shortcut_a") {
        spec["shortcut"] = json!("A");
    }
    serde_json::from_value(spec).ok()
}
