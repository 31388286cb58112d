//! Filling a network from a file: which tensor goes where, what has to be fitted to another shape,
//! and what stays as it was.

mod naming;
mod part;
mod reshape;
mod traits;
mod verdict;

use std::collections::HashSet;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use self::naming::Naming;
use self::part::Part;
use crate::keymap::Source;
use crate::{Dtype, RawTensor, StateDict, WeightsError};

pub use traits::{Traits, traits};

/// A counter of PyTorch's batch norms that no arithmetic needs.
const COUNTER: &str = ".num_batches_tracked";

/// What a file can fill: the native names of a network's parameters and running statistics with
/// their shapes, in the network's order.
pub type Params = IndexMap<String, Vec<u64>>;

/// How strictly a file must fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FitOptions {
    /// Whose names the file has; found in the names when left out.
    pub source: Option<Source>,
    /// A classifier of another shape is left out instead of being an error.
    pub new_classifier: bool,
    /// Weights of a related network are fitted: an image network's, another modality's, those of a
    /// network without temporal modules, of 2-D convolutions, of another number of frames. What
    /// such a file cannot have stays as it was. A file that fits needs none of this.
    pub adapt: bool,
    /// Keep the counters of PyTorch's batch norms, which the network itself does not have.
    pub keep_counters: bool,
}

/// A weight whose shape in the file is not the network's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reshaped {
    /// Native name.
    pub name: String,
    /// Shape in the network.
    pub expected: Vec<u64>,
    /// Shape in the file.
    pub found: Vec<u64>,
    /// What was made of it.
    pub reason: String,
}

/// A weight that the file does not fill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfilled {
    /// Native name.
    pub name: String,
    /// Why that is as it should be.
    pub reason: String,
}

impl Unfilled {
    /// Whether it belongs to the classifier.
    pub fn is_classifier(&self) -> bool {
        part::of(&self.name) == Some(Part::Classifier)
    }
}

/// What became of every weight. Each native name is in `loaded`, `missing` or `reshaped`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FitReport {
    /// Whose names the file has; none when they are the network's own.
    pub source: Option<Source>,
    /// Native names that the file fills as it is.
    pub loaded: Vec<String>,
    /// Native names that the file lacks.
    pub missing: Vec<String>,
    /// Names of the file that the network has no place for.
    pub unexpected: Vec<String>,
    /// Native names whose shape in the file is another one.
    pub reshaped: Vec<Reshaped>,
    /// Those of `missing` and `reshaped` that are left as they were, for good reason.
    pub initialised: Vec<Unfilled>,
}

/// A file that was compared with a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// Tensors of the network's shapes under its names.
    pub tensors: IndexMap<String, RawTensor>,
    /// What became of every weight.
    pub report: FitReport,
    /// Why the file must not be loaded, in words; none when it may.
    pub objection: Option<String>,
    /// What network the file's names look like, e.g. `a TSM of depth 50`.
    pub looks_like: Option<String>,
}

/// Compares a file with a network and fits what `options` allow to be fitted.
///
/// # Errors
/// When nobody that we know gives such names, when [`FitOptions::source`] has no network like this
/// one, and when a weight is of whole numbers. That the file does not fit is no error but
/// [`Fitted::objection`].
pub fn fit(
    params: &Params,
    mut state: StateDict,
    options: &FitOptions,
) -> Result<Fitted, WeightsError> {
    let counters = take_counters(&mut state, options.keep_counters);
    let looks_like = part::looks_like(&state);
    let naming = Naming::find(params, &state, options.source)?;
    let is_image = matches!(naming.source(), Some(Source::Torchvision | Source::BigLittleNet));
    let (mut state, unexpected) = naming.to_native(params, state, options.adapt);
    for (name, counter) in counters {
        // The counter stands beside the running mean, under its name.
        let mean = naming.native(&format!("{name}.running_mean"));
        if let Some(norm) = mean.as_deref().and_then(|mean| mean.strip_suffix(".running_mean")) {
            state.tensors.insert(format!("{norm}{COUNTER}"), counter);
        }
    }
    let mut fitting = Fitting {
        params,
        adapt: options.adapt,
        new_classifier: options.new_classifier || options.adapt && is_image,
        tensors: IndexMap::new(),
        report: FitReport { source: naming.source(), unexpected, ..FitReport::default() },
    };
    fitting.all(state)?;
    let objection = verdict::objection(&mut fitting);
    let Fitting { tensors, report, .. } = fitting;
    Ok(Fitted { tensors, report, objection, looks_like })
}

/// Takes the batch norms' counters out of a file: by the norm's name, when they are to be kept.
fn take_counters(state: &mut StateDict, keep: bool) -> Vec<(String, RawTensor)> {
    let mut counters = Vec::new();
    state.tensors.retain(|name, tensor| {
        let Some(norm) = name.strip_suffix(COUNTER) else { return true };
        if keep {
            counters.push((norm.to_owned(), tensor.clone()));
        }
        false
    });
    counters
}

struct Fitting<'a> {
    params: &'a Params,
    adapt: bool,
    new_classifier: bool,
    tensors: IndexMap<String, RawTensor>,
    report: FitReport,
}

impl<'a> Fitting<'a> {
    /// Sorts every name of the network into one of the report's lists.
    fn all(&mut self, mut state: StateDict) -> Result<(), WeightsError> {
        let fresh = self.fresh_classifier(&state);
        for (name, expected) in self.params {
            let Some(tensor) = state.tensors.swap_remove(name) else {
                self.report.missing.push(name.clone());
                continue;
            };
            if !is_float(tensor.dtype) {
                let actual = tensor.dtype.name();
                return Err(WeightsError::Dtype { tensor: name.clone(), actual });
            }
            if fresh.contains(name.as_str()) {
                let reason = "not loaded: the network gets a new classifier".to_owned();
                self.reshaped(name, expected, &tensor, reason);
            } else if tensor.shape == *expected {
                self.report.loaded.push(name.clone());
                self.tensors.insert(name.clone(), tensor);
            } else if self.adapt && part::of(name) != Some(Part::Classifier) {
                self.fit_one(name, expected, &tensor)?;
            } else {
                self.reshaped(name, expected, &tensor, verdict::NOT_LOADED.to_owned());
            }
        }
        // Only counters are left.
        self.tensors.extend(state.tensors);
        Ok(())
    }

    fn fit_one(
        &mut self,
        name: &str,
        expected: &[u64],
        tensor: &RawTensor,
    ) -> Result<(), WeightsError> {
        let Some((fitted, reason)) = reshape::reshape(name, tensor, expected)? else {
            self.reshaped(name, expected, tensor, verdict::NOT_LOADED.to_owned());
            return Ok(());
        };
        self.reshaped(name, expected, tensor, reason);
        self.tensors.insert(name.to_owned(), fitted);
        Ok(())
    }

    fn reshaped(&mut self, name: &str, expected: &[u64], tensor: &RawTensor, reason: String) {
        let (expected, found) = (expected.to_vec(), tensor.shape.clone());
        self.report.reshaped.push(Reshaped { name: name.to_owned(), expected, found, reason });
    }

    /// The classifier's names when it is to stay fresh: all of them or none, for a bias belongs to
    /// its weight.
    fn fresh_classifier(&self, state: &StateDict) -> HashSet<&'a str> {
        let params: &'a Params = self.params;
        let own = || params.iter().filter(|(name, _)| part::of(name) == Some(Part::Classifier));
        let fits = own().all(|(name, shape)| state.get(name).is_some_and(|t| t.shape == *shape));
        if fits || !self.new_classifier {
            return HashSet::new();
        }
        own().map(|(name, _)| name.as_str()).collect()
    }
}

fn is_float(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F32 | Dtype::F64 | Dtype::F16 | Dtype::BF16)
}
