//! What a network is, costs and expects.

mod cost;

use serde::Serialize;

use crate::spec::{BigLittleDepth, ResnetDepth};
use crate::{ModelError, ModelSpec};

/// Side of the square frames that the networks were made for, in pixels.
const NATIVE_SIZE: i64 = 224;
/// Classes of the listed networks, those of Kinetics-400.
const LISTED_CLASSES: i64 = 400;

/// What a network takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InputInfo {
    /// Frames of a clip.
    pub frames: i64,
    /// Side of the square frames that the cost is counted for, in pixels.
    pub size: i64,
    /// Channels of a frame.
    pub channels: i64,
}

/// A network in figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelInfo {
    /// Architecture and depth, e.g. `tsm-50`.
    pub id: String,
    /// Architecture.
    pub family: String,
    /// Learnable values.
    pub params: i64,
    /// Multiply-adds of convolutions, aggregations and linear layers for one clip.
    pub macs: i64,
    /// What it takes.
    pub input: InputInfo,
    /// Address of the paper.
    pub paper: String,
}

/// The figures of one network at its native size, computed from the spec without building it.
///
/// # Errors
/// When the spec is invalid.
pub fn model_info(spec: &ModelSpec) -> Result<ModelInfo, ModelError> {
    spec.validate()?;
    let cost = cost::of(spec, NATIVE_SIZE);
    Ok(ModelInfo {
        id: spec.id(),
        family: spec.arch().into(),
        params: cost.params,
        macs: cost.macs,
        input: InputInfo {
            frames: spec.num_frames(),
            size: NATIVE_SIZE,
            channels: spec.input_channels(),
        },
        paper: paper(spec).into(),
    })
}

/// Every architecture in every depth, with 400 classes and defaults otherwise.
pub fn list_models() -> Vec<ModelInfo> {
    let big_little = BigLittleDepth::ALL.iter().map(|depth| ("blvnet-tam", depth.name()));
    let resnets = ["tsn", "tsm", "tin"]
        .into_iter()
        .flat_map(|arch| ResnetDepth::ALL.iter().map(move |depth| (arch, depth.name())));
    big_little
        .chain(resnets)
        .filter_map(|(arch, depth)| listed(arch, depth))
        .filter_map(|spec| model_info(&spec).ok())
        .collect()
}

fn listed(arch: &str, depth: &str) -> Option<ModelSpec> {
    let depth: serde_json::Value = depth.parse::<i64>().map_or_else(|_| depth.into(), Into::into);
    let description =
        serde_json::json!({ "arch": arch, "depth": depth, "numClasses": LISTED_CLASSES });
    serde_json::from_value(description).ok()
}

fn paper(spec: &ModelSpec) -> &'static str {
    match spec {
        ModelSpec::BlvnetTam(_) => "https://arxiv.org/abs/1912.00869",
        ModelSpec::Tsn(_) => "https://arxiv.org/abs/1608.00859",
        ModelSpec::Tsm(_) => "https://arxiv.org/abs/1811.08383",
        ModelSpec::Tin(_) => "https://arxiv.org/abs/2001.06499",
    }
}
