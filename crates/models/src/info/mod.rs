//! What a network is, costs and expects.

mod big_little;
mod cost;

use serde::Serialize;

use crate::spec::{BigLittleDepth, ResnetDepth, TamDepth, TsmDepth};
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

/// What one module of a network costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModuleInfo {
    /// Its name, that of its parameters without their last part.
    pub module: String,
    /// Learnable values.
    pub params: i64,
    /// Multiply-adds for one clip.
    pub macs: i64,
}

/// The figures of one network at its native size, computed from the spec without building it.
///
/// # Errors
/// When the spec is invalid.
pub fn model_info(spec: &ModelSpec) -> Result<ModelInfo, ModelError> {
    let modules = model_info_by_module(spec)?;
    Ok(ModelInfo {
        id: spec.id(),
        family: spec.arch().into(),
        params: modules.iter().map(|module| module.params).sum(),
        macs: modules.iter().map(|module| module.macs).sum(),
        input: InputInfo {
            frames: spec.num_frames(),
            size: NATIVE_SIZE,
            channels: spec.input_channels(),
        },
        paper: paper(spec).into(),
    })
}

/// The figures of every module that has any, in the order of the forward pass; they add up to
/// those of [`model_info`].
///
/// # Errors
/// When the spec is invalid.
pub fn model_info_by_module(spec: &ModelSpec) -> Result<Vec<ModuleInfo>, ModelError> {
    spec.validate()?;
    Ok(cost::of(spec, NATIVE_SIZE))
}

/// Every architecture in every depth, with 400 classes and defaults otherwise.
pub fn list_models() -> Vec<ModelInfo> {
    let resnets = |arch| ResnetDepth::ALL.iter().map(move |depth| (arch, depth.name()));
    let big_little = BigLittleDepth::ALL.iter().map(|depth| ("blvnet-tam", depth.name()));
    let tam = TamDepth::ALL.iter().map(|depth| ("tam-resnet", depth.name()));
    let tsm = TsmDepth::ALL.iter().map(|depth| ("tsm", depth.name()));
    big_little
        .chain(tam)
        .chain(resnets("tsn"))
        .chain(tsm)
        .chain(resnets("tin"))
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
        ModelSpec::TamResnet(_) => "https://arxiv.org/abs/2010.11757",
        ModelSpec::Blresnet(_) => "https://arxiv.org/abs/1807.03848",
        // A ResNet with a module of the user's own.
        ModelSpec::Plugged(_) => "https://arxiv.org/abs/1512.03385",
    }
}
