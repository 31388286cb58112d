//! From one file of weights to another: other names, another form.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use timeweave_weights::fit::{FitOptions, FitReport, fit};
use timeweave_weights::keymap::{KeyMap, Source};
use timeweave_weights::{
    PytorchLayout, StateDict, WeightsError, read, write_pytorch, write_safetensors,
};

use super::load::{accepted, params};
use super::save::text_of;
use super::{METADATA_KEY, ModelCard, card};
use crate::{Model, ModelError, ModelSpec};

/// A form that files are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileForm {
    /// safetensors, with the model card where the network is known.
    Safetensors,
    /// A plain state dict in PyTorch's zip form, for `torch.load(..., weights_only=True)`.
    Pytorch,
}

/// What to convert to.
#[derive(Debug, Clone)]
pub struct ConvertOptions {
    /// The network. Without one every tensor keeps its own name.
    pub spec: Option<ModelSpec>,
    /// Whose names the file has; found in the names when left out.
    pub source: Option<Source>,
    /// Whose names the new file gets; the network's own when left out.
    pub names: Option<Source>,
    /// Form of the new file.
    pub to: FileForm,
}

/// How a file was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadAs {
    /// `zip`, `legacy`, `tar` or `safetensors`.
    pub format: &'static str,
    /// The entry of the outer dict that held the weights.
    pub container: Option<&'static str>,
    /// Whether `module.` was removed from every name.
    pub module_removed: bool,
}

/// What became of a file; the report's lists name the weights of the network.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConvertReport {
    /// The file that was read.
    pub input: PathBuf,
    /// How it was read.
    pub read_as: ReadAs,
    /// The file that was written.
    pub output: PathBuf,
    /// Its form.
    pub to: FileForm,
    /// Tensors in it.
    pub tensors: usize,
    /// The network, where it is known.
    pub spec: Option<ModelSpec>,
    /// Whose names the new file has; none for the network's own and for names that were kept.
    pub names: Option<Source>,
    /// Native names that [`ConvertReport::names`] has no name for; they are not in the new file.
    pub left_out: Vec<String>,
    /// What became of every weight.
    #[serde(flatten)]
    pub report: FitReport,
}

/// Reads a file of weights and writes it in another form, with other names where a network is
/// given. The new file appears whole or not at all.
///
/// # Errors
/// When the file cannot be read, does not fit the network, or the new one cannot be written.
pub fn convert(
    input: &Path,
    output: &Path,
    options: &ConvertOptions,
) -> Result<ConvertReport, ModelError> {
    let state = read(input)?;
    let read_as = ReadAs {
        format: state.format.name(),
        container: state.container,
        module_removed: state.module_removed,
    };
    let Renamed { mut state, report, left_out } = match &options.spec {
        None => kept(state),
        Some(spec) => renamed(input, state, spec, options)?,
    };
    if options.to == FileForm::Pytorch {
        state.metadata.clear();
        write_pytorch(output, &state, &PytorchLayout::default())?;
    } else {
        write_safetensors(output, &state)?;
    }
    Ok(ConvertReport {
        input: input.into(),
        read_as,
        output: output.into(),
        to: options.to,
        tensors: state.len(),
        spec: options.spec.clone(),
        names: options.names,
        left_out,
        report,
    })
}

struct Renamed {
    state: StateDict,
    report: FitReport,
    left_out: Vec<String>,
}

fn kept(state: StateDict) -> Renamed {
    let loaded = state.names().map(str::to_owned).collect();
    Renamed { state, report: FitReport { loaded, ..FitReport::default() }, left_out: Vec::new() }
}

fn renamed(
    input: &Path,
    state: StateDict,
    spec: &ModelSpec,
    options: &ConvertOptions,
) -> Result<Renamed, ModelError> {
    let card = card::card_of(input, &state.metadata)?;
    let model = Model::new(spec.clone(), tch::Device::Cpu, None)?;
    let mut params = params(&model.vs);
    let ask = FitOptions { source: options.source, keep_counters: true, ..FitOptions::default() };
    let fitted = fit(&params, state, &ask).map_err(|error| error.in_file(input))?;
    let other = card.as_ref().map(|card| &card.spec).filter(|other| other.id() != spec.id());
    let fitted = accepted(input, spec, other, fitted)?;
    let card = card.unwrap_or_else(|| ModelCard::new(spec.clone()));
    let mut state = StateDict::new(fitted.tensors);
    let mut left_out = Vec::new();
    if let Some(source) = options.names {
        params.extend(state.names().map(|name| (name.to_owned(), Vec::new())));
        let map = KeyMap::new(source, params.keys().map(String::as_str)).map_err(|error| {
            // The names at fault are the network's, not the file's.
            let WeightsError::UnknownNames { expected, .. } = error else { return error };
            WeightsError::UnknownNames { expected, received: format!("those of {}", spec.id()) }
        })?;
        let foreign = map.to_foreign(state);
        (state, left_out) = (foreign.state, foreign.unexpected);
    }
    let card = ModelCard { spec: spec.clone(), ..card };
    state.metadata.insert(METADATA_KEY.to_owned(), text_of(&card));
    Ok(Renamed { state, report: fitted.report, left_out })
}
