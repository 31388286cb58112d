//! Reading weights: every name and shape must fit, unless a fitting was asked for.

use std::path::Path;

use tch::Tensor;
use tch::nn::VarStore;
use timeweave_weights::RawTensor;
use timeweave_weights::fit::{FitOptions, FitReport, Fitted, Params, fit};
use timeweave_weights::keymap::Source;

use super::{card, kind_of};
use crate::{ModelError, ModelSpec};

/// What a loader may do besides renaming.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// Whose names the file has; found in the names when left out.
    pub source: Option<Source>,
    /// A classifier of another shape is passed over; the network's keeps its fresh weights.
    pub new_classifier: bool,
    /// Weights of a related network are fitted: an image network's, another modality's, those of a
    /// network without temporal modules, of 2-D convolutions, of another number of frames.
    pub adapt: bool,
}

/// Fills `vs`, the weights of a network of `spec`, from a checkpoint of any form and naming that
/// `timeweave_weights` knows. Weights of other float types are converted to the network's; batch
/// counters are ignored.
///
/// # Errors
/// When the file cannot be read, or anything but a whole classifier is missing, or anything is
/// unexpected or of another shape that `options` does not allow; the weights are then unchanged.
pub fn load_into(
    path: &Path,
    spec: &ModelSpec,
    vs: &VarStore,
    options: &LoadOptions,
) -> Result<FitReport, ModelError> {
    let state = timeweave_weights::read(path)?;
    let card = card::card_of(path, &state.metadata)?.map(|card| card.spec);
    let other = card.filter(|card| card.id() != spec.id());
    if let Some(other) = other.as_ref().filter(|other| other.arch() != spec.arch())
        && !options.adapt
    {
        return Err(mismatch(path, spec, format!("it holds a {}", other.id())));
    }
    let LoadOptions { source, new_classifier, adapt } = *options;
    let options = FitOptions { source, new_classifier, adapt, keep_counters: false };
    let fitted = fit(&params(vs), state, &options).map_err(|error| error.in_file(path))?;
    let Fitted { tensors, report, .. } = accepted(path, spec, other.as_ref(), fitted)?;
    let variables = vs.variables();
    let mut sources = Vec::with_capacity(tensors.len());
    for (name, raw) in &tensors {
        sources.push((&variables[name], tensor(raw)?));
    }
    let _guard = tch::no_grad_guard();
    for (variable, source) in sources {
        variable.shallow_clone().f_copy_(&source)?;
    }
    Ok(report)
}

/// The names and shapes of a network, sorted by name.
pub(super) fn params(vs: &VarStore) -> Params {
    let mut params: Params = vs
        .variables()
        .into_iter()
        .map(|(name, tensor)| (name, tensor.size().iter().map(|&size| size as u64).collect()))
        .collect();
    params.sort_unstable_keys();
    params
}

/// The same, if the file may be loaded; else what it is instead and what does not fit.
pub(super) fn accepted(
    path: &Path,
    spec: &ModelSpec,
    card: Option<&ModelSpec>,
    fitted: Fitted,
) -> Result<Fitted, ModelError> {
    let Some(objection) = &fitted.objection else { return Ok(fitted) };
    let is_other = !(fitted.report.missing.is_empty() && fitted.report.unexpected.is_empty());
    let what = match (card, &fitted.looks_like) {
        (Some(card), _) => format!("it holds a {}; ", card.id()),
        (None, Some(looks)) if is_other => format!("it looks like {looks}; "),
        _ => String::new(),
    };
    Err(mismatch(path, spec, format!("{what}{objection}")))
}

/// A tensor of the file in its own type.
fn tensor(raw: &RawTensor) -> Result<Tensor, ModelError> {
    let shape: Vec<i64> = raw.shape.iter().map(|&size| size as i64).collect();
    Ok(Tensor::f_from_data_size(&raw.data, &shape, kind_of(raw.dtype))?)
}

fn mismatch(path: &Path, spec: &ModelSpec, details: String) -> ModelError {
    ModelError::CheckpointMismatch { path: path.into(), network: spec.id(), details }
}
