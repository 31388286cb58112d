//! What resuming a run needs, in one file that is replaced whole: weights, optimiser buffers and progress.
//!
//! No generator is stored: order and augmentation follow from (seed, epoch, sample), and dropout is seeded at each step
//! from (seed, epoch, step).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor, nn};
use timeweave_models::ModelSpec;

use crate::EngineError;
use crate::event::{RunCheckpoint, SkippedSample};
use crate::optimizer::Optimizer;

const VERSION: u32 = 1;
const PROGRESS: &str = "progress";
const MODEL: &str = "model/";
const OPTIMIZER: &str = "optimizer/";

/// How far a run is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Progress {
    /// Completed epochs.
    pub(crate) epochs: u64,
    pub(crate) best: Option<RunCheckpoint>,
    pub(crate) last: Option<RunCheckpoint>,
    /// Samples that could not be read, once each.
    pub(crate) skipped: Vec<SkippedSample>,
}

/// The part of the file that is no tensor.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    version: u32,
    model: ModelSpec,
    optimizer_steps: u64,
    progress: Progress,
}

/// Writes the state beside the old one and puts it in its place.
pub(crate) fn save(
    path: &Path,
    model: &timeweave_models::Model,
    optimizer: &Optimizer,
    progress: &Progress,
) -> Result<(), EngineError> {
    let header = Header {
        version: VERSION,
        model: model.spec.clone(),
        optimizer_steps: optimizer.steps(),
        progress: progress.clone(),
    };
    let json = serde_json::to_vec(&header).unwrap_or_default();
    let mut tensors = vec![(PROGRESS.to_owned(), Tensor::from_slice(&json))];
    let on_cpu = |prefix: &str, (name, tensor): (String, Tensor)| {
        (format!("{prefix}{name}"), tensor.detach().to_device(Device::Cpu).contiguous())
    };
    tensors.extend(model.vs.variables().into_iter().map(|pair| on_cpu(MODEL, pair)));
    tensors.extend(optimizer.buffers().into_iter().map(|pair| on_cpu(OPTIMIZER, pair)));
    let partial = path.with_extension("partial");
    Tensor::write_safetensors(&tensors, &partial)
        .map_err(EngineError::libtorch("write the state of the run"))?;
    // The file must be on the disk before its name is, or a power cut leaves a name without content.
    File::open(&partial)
        .and_then(|file| file.sync_all())
        .map_err(EngineError::file("write", &partial))?;
    fs::rename(&partial, path).map_err(EngineError::file("write", path))
}

/// Reads a state into the network and the optimiser.
///
/// # Errors
/// `RESUME_INVALID` when the file cannot be read or belongs to another network or optimiser.
pub(crate) fn restore(
    path: &Path,
    model: &mut timeweave_models::Model,
    optimizer: &mut Optimizer,
) -> Result<Progress, EngineError> {
    let invalid = |reason: String| EngineError::ResumeInvalid { path: path.to_owned(), reason };
    let tensors = Tensor::read_safetensors(path).map_err(|error| invalid(error.to_string()))?;
    let tensors: BTreeMap<String, Tensor> = tensors.into_iter().collect();
    let header = header(&tensors).ok_or_else(|| invalid("its progress cannot be read".into()))?;
    if header.version != VERSION {
        return Err(invalid(format!(
            "it has version {}, this program reads {VERSION}",
            header.version
        )));
    }
    if header.model != model.spec {
        let json = |spec: &ModelSpec| serde_json::to_string(spec).unwrap_or_default();
        return Err(invalid(format!(
            "it was trained with model {}, the configuration has {}",
            json(&header.model),
            json(&model.spec)
        )));
    }
    restore_weights(&tensors, &mut model.vs)
        .map_err(|name| invalid(format!("it lacks the weight {name}")))?;
    let buffers = below(&tensors, OPTIMIZER);
    optimizer.restore(header.optimizer_steps, &buffers).map_err(|name| {
        invalid(format!(
            "it lacks the optimiser's {name}; use the optimizer.type that the run began with"
        ))
    })?;
    Ok(header.progress)
}

fn header(tensors: &BTreeMap<String, Tensor>) -> Option<Header> {
    let tensor = tensors.get(PROGRESS).filter(|tensor| tensor.kind() == Kind::Uint8)?;
    serde_json::from_slice(&Vec::<u8>::try_from(tensor).ok()?).ok()
}

fn below(tensors: &BTreeMap<String, Tensor>, prefix: &str) -> BTreeMap<String, Tensor> {
    let named = |(name, tensor): (&String, &Tensor)| {
        Some((name.strip_prefix(prefix)?.to_owned(), tensor.shallow_clone()))
    };
    tensors.iter().filter_map(named).collect()
}

fn restore_weights(
    tensors: &BTreeMap<String, Tensor>,
    vs: &mut nn::VarStore,
) -> Result<(), String> {
    let _guard = tch::no_grad_guard();
    let saved = below(tensors, MODEL);
    for (name, mut variable) in vs.variables() {
        let found = saved.get(&name).filter(|tensor| tensor.size() == variable.size());
        let Some(found) = found else { return Err(name) };
        variable.copy_(found);
    }
    Ok(())
}
