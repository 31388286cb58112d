//! One run through a network: how it runs and what is recorded on the way.

use tch::Tensor;

use crate::ModelError;
use crate::network::InterlaceState;
use crate::stream::Carried;

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
pub struct Pass {
    /// How the network runs.
    pub mode: Mode,
    stages: Option<Vec<(String, Tensor)>>,
    interlaces: Option<Vec<InterlaceState>>,
    carried: Option<Carried>,
}

impl Pass {
    /// A run that records nothing.
    pub(crate) fn new(mode: Mode) -> Self {
        Self { mode, stages: None, interlaces: None, carried: None }
    }

    /// A run in eval mode that records the outputs of named modules.
    pub(crate) fn recording_stages() -> Self {
        Self { stages: Some(Vec::new()), ..Self::new(Mode::EVAL) }
    }

    /// A run in eval mode that records what the interlacing modules decide.
    pub(crate) fn recording_interlaces() -> Self {
        Self { interlaces: Some(Vec::new()), ..Self::new(Mode::EVAL) }
    }

    /// A run in eval mode on a piece of a stream.
    pub(crate) fn streaming(carried: Carried) -> Self {
        Self { carried: Some(carried), ..Self::new(Mode::EVAL) }
    }

    /// Whether the outputs of modules are asked for.
    pub(crate) fn records_stages(&self) -> bool {
        self.stages.is_some()
    }

    /// Frames of each clip when they are a piece of a stream, not whole clips.
    pub(crate) fn stream_frames(&self) -> Option<i64> {
        self.carried.as_ref().map(Carried::frames)
    }

    /// What the next shifting module carried over from the piece before; nothing at the start of
    /// a stream or without one.
    pub(crate) fn carried(&self, shape: &[i64]) -> Result<Option<Tensor>, ModelError> {
        self.carried.as_ref().map_or(Ok(None), |carried| carried.last(shape))
    }

    /// Keeps what a shifting module carries on, when the run is a piece of a stream.
    pub(crate) fn carry(&mut self, state: &Tensor) {
        if let Some(carried) = &mut self.carried {
            carried.push(state);
        }
    }

    /// Records the output of a module under its name, when
    /// [`Network::stage_outputs`](crate::Network::stage_outputs) asks for it.
    pub fn stage(&mut self, name: impl FnOnce() -> String, output: &Tensor) {
        if let Some(stages) = &mut self.stages {
            stages.push((name(), output.copy()));
        }
    }

    /// Records the state of an interlacing module when asked to.
    pub(crate) fn interlace(&mut self, module: &str, offsets: &Tensor, weights: &Tensor) {
        if let Some(states) = &mut self.interlaces {
            states.push(InterlaceState {
                module: module.to_owned(),
                offsets: offsets.detach(),
                weights: weights.detach(),
            });
        }
    }

    /// What [`Pass::recording_stages`] collected.
    pub(crate) fn into_stages(self) -> Vec<(String, Tensor)> {
        self.stages.unwrap_or_default()
    }

    /// What [`Pass::recording_interlaces`] collected.
    pub(crate) fn into_interlaces(self) -> Vec<InterlaceState> {
        self.interlaces.unwrap_or_default()
    }

    /// What the modules of a stream carry on.
    pub(crate) fn into_carried(self) -> Option<Carried> {
        self.carried
    }
}
