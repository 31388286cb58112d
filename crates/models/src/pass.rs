//! One run through a network: how it runs and what is recorded on the way.

use tch::Tensor;

use crate::network::InterlaceState;

/// How a network runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    /// Batch norms normalise by the batch and update their running statistics.
    pub batch_statistics: bool,
    /// Dropout is active.
    pub dropout: bool,
}

impl Mode {
    /// Inference.
    pub const EVAL: Self = Self { batch_statistics: false, dropout: false };
    /// Training.
    pub const TRAIN: Self = Self { batch_statistics: true, dropout: true };
}

/// A run in progress.
pub(crate) struct Pass {
    pub mode: Mode,
    stages: Option<Vec<(String, Tensor)>>,
    interlaces: Option<Vec<InterlaceState>>,
}

impl Pass {
    /// A run that records nothing.
    pub fn new(mode: Mode) -> Self {
        Self { mode, stages: None, interlaces: None }
    }

    /// A run in eval mode that records the outputs of named modules.
    pub fn recording_stages() -> Self {
        Self { stages: Some(Vec::new()), ..Self::new(Mode::EVAL) }
    }

    /// A run in eval mode that records what the interlacing modules decide.
    pub fn recording_interlaces() -> Self {
        Self { interlaces: Some(Vec::new()), ..Self::new(Mode::EVAL) }
    }

    /// Whether the outputs of modules are asked for.
    pub fn records_stages(&self) -> bool {
        self.stages.is_some()
    }

    /// Records the output of a module when asked to.
    pub fn stage(&mut self, name: impl FnOnce() -> String, output: &Tensor) {
        if let Some(stages) = &mut self.stages {
            stages.push((name(), output.copy()));
        }
    }

    /// Records the state of an interlacing module when asked to.
    pub fn interlace(&mut self, module: &str, offsets: &Tensor, weights: &Tensor) {
        if let Some(states) = &mut self.interlaces {
            states.push(InterlaceState {
                module: module.to_owned(),
                offsets: offsets.detach(),
                weights: weights.detach(),
            });
        }
    }

    /// What [`Pass::recording_stages`] collected.
    pub fn into_stages(self) -> Vec<(String, Tensor)> {
        self.stages.unwrap_or_default()
    }

    /// What [`Pass::recording_interlaces`] collected.
    pub fn into_interlaces(self) -> Vec<InterlaceState> {
        self.interlaces.unwrap_or_default()
    }
}
