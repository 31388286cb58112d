//! Reading weights strictly: every name and shape must fit.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde::Serialize;
use tch::nn::VarStore;
use tch::{Kind, Tensor};

use super::{DTYPES, ModelCard, card};
use crate::network::classifier_name;
use crate::{ModelError, ModelSpec};

/// What `DataParallel` puts before every name.
const WRAPPER: &str = "module.";
/// A counter of PyTorch's batch norms that nothing here needs.
const COUNTER: &str = ".num_batches_tracked";
/// Names that a classifier may have.
const CLASSIFIERS: [&str; 6] = [
    "new_fc.",
    "base_model.fc.",
    "base_model.classifier.",
    "baseline_model.fc.",
    "fc.",
    "classifier.",
];
/// How many names an error lists.
const NAMES_IN_ERROR: usize = 4;

/// What a loader may overlook.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoadOptions {
    /// The classifier may be missing or of another number of classes; it then keeps its fresh
    /// weights.
    pub allow_new_classifier: bool,
}

/// A weight whose shape in the file differs from the network's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reshaped {
    /// Name of the weight.
    pub name: String,
    /// Shape in the network.
    pub expected: Vec<i64>,
    /// Shape in the file.
    pub found: Vec<i64>,
}

/// What became of each weight; every list is sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CheckpointReport {
    /// Names that were filled from the file.
    pub loaded: Vec<String>,
    /// Names of the network that the file lacks.
    pub missing: Vec<String>,
    /// Names of the file that the network lacks.
    pub unexpected: Vec<String>,
    /// Names with another shape; not loaded.
    pub reshaped: Vec<Reshaped>,
}

/// Fills `vs`, the weights of a network of `spec`, from a safetensors file with official names.
/// A leading `module.` of every name is removed; batch counters are ignored.
///
/// # Errors
/// When the file cannot be read, or anything is missing, unexpected or of another shape that
/// `options` does not allow; the weights are then unchanged.
pub fn load_into(
    path: &Path,
    spec: &ModelSpec,
    vs: &VarStore,
    options: &LoadOptions,
) -> Result<CheckpointReport, ModelError> {
    let (bytes, card) = card::read_file(path)?;
    if let Some(card) = card.as_ref().filter(|card| card.spec.arch() != spec.arch()) {
        let details = format!("it holds a {}", card.spec.id());
        return Err(mismatch(path, spec, details));
    }
    let file = SafeTensors::deserialize(&bytes)
        .map_err(|error| unreadable(path, format!("is damaged: {error}")))?;
    let found = named(&file);
    let variables = vs.variables();
    let report = compare(&variables, &found);
    if let Some(details) = objection(spec, card.as_ref(), &report, *options) {
        return Err(mismatch(path, spec, details));
    }
    let mut sources = Vec::with_capacity(report.loaded.len());
    for name in &report.loaded {
        sources.push((&variables[name], tensor(path, name, &found[name.as_str()])?));
    }
    let _guard = tch::no_grad_guard();
    for (variable, source) in sources {
        variable.shallow_clone().f_copy_(&source)?;
    }
    Ok(report)
}

/// The weights of a file by the names that a network uses.
fn named<'a>(file: &'a SafeTensors) -> BTreeMap<&'a str, TensorView<'a>> {
    let wrapped = !file.is_empty() && file.iter().all(|(name, _)| name.starts_with(WRAPPER));
    file.iter()
        .map(|(name, view)| (if wrapped { &name[WRAPPER.len()..] } else { name }, view))
        .filter(|(name, _)| !name.ends_with(COUNTER))
        .collect()
}

fn compare(
    variables: &HashMap<String, Tensor>,
    found: &BTreeMap<&str, TensorView>,
) -> CheckpointReport {
    let mut report = CheckpointReport::default();
    let mut names: Vec<&String> = variables.keys().collect();
    names.sort();
    for name in names {
        let Some(view) = found.get(name.as_str()) else {
            report.missing.push(name.clone());
            continue;
        };
        let expected = variables[name].size();
        let shape: Vec<i64> = view.shape().iter().map(|&length| length as i64).collect();
        if shape == expected {
            report.loaded.push(name.clone());
        } else {
            report.reshaped.push(Reshaped { name: name.clone(), expected, found: shape });
        }
    }
    let unknown = found.keys().filter(|name| !variables.contains_key(**name));
    report.unexpected = unknown.map(|name| (*name).to_owned()).collect();
    report
}

/// Why a comparison is no success, in words.
fn objection(
    spec: &ModelSpec,
    card: Option<&ModelCard>,
    report: &CheckpointReport,
    options: LoadOptions,
) -> Option<String> {
    let own = format!("{}.", classifier_name(spec));
    let counts = |name: &str| !(options.allow_new_classifier && name.starts_with(&own));
    let is_classifier = |name: &str| CLASSIFIERS.iter().any(|prefix| name.starts_with(prefix));
    let missing: Vec<String> = report.missing.iter().filter(|name| counts(name)).cloned().collect();
    let unexpected: Vec<String> = report
        .unexpected
        .iter()
        .filter(|name| !(options.allow_new_classifier && is_classifier(name)))
        .cloned()
        .collect();
    let reshaped: Vec<String> = report
        .reshaped
        .iter()
        .filter(|weight| counts(&weight.name))
        .map(|weight| {
            let Reshaped { name, expected, found } = weight;
            format!("{name} (expected {expected:?}, found {found:?})")
        })
        .collect();
    let lists = [("missing", missing), ("unexpected", unexpected), ("of another shape", reshaped)];
    let parts: Vec<String> = lists
        .iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| format!("{} {what}: {}", names.len(), shortened(names)))
        .collect();
    if parts.is_empty() {
        return None;
    }
    let other = card.map(|card| card.spec.id()).filter(|id| *id != spec.id());
    let other = other.map_or_else(String::new, |id| format!("it holds a {id}; "));
    Some(format!("{other}{}", parts.join("; ")))
}

fn shortened(names: &[String]) -> String {
    let mut text = names[..names.len().min(NAMES_IN_ERROR)].join(", ");
    if names.len() > NAMES_IN_ERROR {
        text.push_str(", ...");
    }
    text
}

/// A weight of the file in its own floating-point type.
fn tensor(path: &Path, name: &str, view: &TensorView) -> Result<Tensor, ModelError> {
    let kind = DTYPES.iter().find(|row| row.1 == view.dtype()).map(|row| row.0);
    let float = [Kind::Float, Kind::Double, Kind::Half, Kind::BFloat16];
    let Some(kind) = kind.filter(|kind| float.contains(kind)) else {
        let reason = format!("holds {name} as {:?} instead of floating point", view.dtype());
        return Err(unreadable(path, reason));
    };
    let shape: Vec<i64> = view.shape().iter().map(|&length| length as i64).collect();
    Ok(Tensor::f_from_data_size(view.data(), &shape, kind)?)
}

fn unreadable(path: &Path, reason: String) -> ModelError {
    ModelError::CheckpointUnreadable { path: path.into(), reason }
}

fn mismatch(path: &Path, spec: &ModelSpec, details: String) -> ModelError {
    ModelError::CheckpointMismatch { path: path.into(), network: spec.id(), details }
}
