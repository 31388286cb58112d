//! What a network is, costs and expects.

mod big_little;
mod cost;
mod volume_cost;

use serde::Serialize;

use crate::spec::{
    BigLittleDepth, PathwayDepth, Resnet3dDepth, ResnetDepth, SlowFastDepth, TamDepth, TsmDepth,
};
use crate::{ModelError, ModelSpec};

/// Side of the square frames that most networks were made for, in pixels.
const NATIVE_SIZE: i64 = 224;
/// Side of the frames that X-Temporal's ResNet-3D and R(2+1)D were made for.
const NATIVE_SIZE_3D: i64 = 112;
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
    /// Address of the paper; empty for a network of the user's own.
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
    model_info_at(spec, native_size(spec))
}

/// The figures of one network for square frames of `size` pixels a side.
///
/// # Errors
/// When the spec is invalid or `size` is not positive.
pub fn model_info_at(spec: &ModelSpec, size: i64) -> Result<ModelInfo, ModelError> {
    spec.validate()?;
    if size < 1 {
        let expected = "frames with at least one pixel a side".into();
        let actual = vec![1, spec.num_frames(), spec.input_channels(), size, size];
        return Err(ModelError::Shape { tensor: "the clip", expected, actual });
    }
    let modules = cost::of(spec, size);
    Ok(ModelInfo {
        id: spec.id(),
        family: spec.arch().into(),
        params: modules.iter().map(|module| module.params).sum(),
        macs: modules.iter().map(|module| module.macs).sum(),
        input: InputInfo { frames: spec.num_frames(), size, channels: spec.input_channels() },
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
    Ok(cost::of(spec, native_size(spec)))
}

fn native_size(spec: &ModelSpec) -> i64 {
    match spec {
        ModelSpec::R3d(_) | ModelSpec::R2plus1d(_) => NATIVE_SIZE_3D,
        _ => NATIVE_SIZE,
    }
}

/// Every architecture in every depth and variant, with 400 classes and defaults otherwise.
pub fn list_models() -> Vec<ModelInfo> {
    listed_specs().filter_map(|spec| model_info(&spec).ok()).collect()
}

/// The network that [`list_models`] calls `id`.
pub fn listed_model(id: &str) -> Option<ModelSpec> {
    listed_specs().find(|spec| spec.id() == id && spec.validate().is_ok())
}

fn listed_specs() -> impl Iterator<Item = ModelSpec> {
    let resnets = |arch| ResnetDepth::ALL.iter().map(move |depth| (arch, depth.name()));
    let big_little = BigLittleDepth::ALL.iter().map(|depth| ("blvnet-tam", depth.name()));
    let tam = TamDepth::ALL.iter().map(|depth| ("tam-resnet", depth.name()));
    let tsm = TsmDepth::ALL.iter().map(|depth| ("tsm", depth.name()));
    let pathway = |arch| PathwayDepth::ALL.iter().map(move |depth| (arch, depth.name()));
    let slowfast = SlowFastDepth::ALL.iter().map(|depth| ("slowfast", depth.name()));
    let in_variants = slowfast.chain(pathway("slow-only")).chain(pathway("fast-only")).flat_map(
        |(arch, depth)| ["x-temporal", "fair", "mmaction2"].map(|name| (arch, depth, Some(name))),
    );
    let resnet3d = |arch| Resnet3dDepth::ALL.iter().map(move |depth| (arch, depth.name()));
    let alike = |(arch, depth)| (arch, depth, None);
    // The one combination that there is not, 200 layers outside X-Temporal, has no figures.
    big_little
        .chain(tam)
        .chain(resnets("tsn"))
        .chain(tsm)
        .chain(resnets("tin"))
        .map(alike)
        .chain(in_variants)
        .chain(resnet3d("r3d").chain(resnet3d("r2plus1d")).map(alike))
        .filter_map(|(arch, depth, variant)| listed(arch, depth, variant))
}

fn listed(arch: &str, depth: &str, variant: Option<&str>) -> Option<ModelSpec> {
    let depth: serde_json::Value = depth.parse::<i64>().map_or_else(|_| depth.into(), Into::into);
    let mut description =
        serde_json::json!({ "arch": arch, "depth": depth, "numClasses": LISTED_CLASSES });
    if let Some(variant) = variant {
        description["variant"] = variant.into();
    }
    serde_json::from_value(description).ok()
}

fn paper(spec: &ModelSpec) -> &'static str {
    match spec {
        ModelSpec::BlvnetTam(_) => "https://arxiv.org/abs/1912.00869",
        ModelSpec::Tsn(_) => "https://arxiv.org/abs/1608.00859",
        ModelSpec::Tsm(_) => "https://arxiv.org/abs/1811.08383",
        ModelSpec::Tin(_) => "https://arxiv.org/abs/2001.06499",
        ModelSpec::TamResnet(_) => "https://arxiv.org/abs/2010.11757",
        ModelSpec::SlowFast(_) | ModelSpec::SlowOnly(_) | ModelSpec::FastOnly(_) => {
            "https://arxiv.org/abs/1812.03982"
        }
        ModelSpec::R3d(_) => "https://arxiv.org/abs/1708.07632",
        ModelSpec::R2plus1d(_) => "https://arxiv.org/abs/1711.11248",
        ModelSpec::Blresnet(_) => "https://arxiv.org/abs/1807.03848",
        // It has a part of the user's own.
        ModelSpec::Plugged(_) => "",
    }
}
