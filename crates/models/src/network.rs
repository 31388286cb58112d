//! A built network: clips in, logits out.

use tch::{Tensor, nn};

use crate::{ModelError, ModelSpec};

/// What one interlacing module of a TIN decided for a batch.
#[derive(Debug)]
pub struct InterlaceState {
    /// Name of the module, e.g. `base_model.layer1.0.conv1.net1`.
    pub module: String,
    /// Offsets in frames, `[N, 2]`.
    pub offsets: Tensor,
    /// Weights of the output frames, `[N, T, 2]`.
    pub weights: Tensor,
}

/// A network with its weights in a variable store.
#[derive(Debug)]
pub struct Network {
    spec: ModelSpec,
}

impl Network {
    /// Builds the network with freshly initialised weights under `path`.
    ///
    /// # Errors
    /// When the spec is invalid or libtorch cannot allocate the weights.
    pub fn new(_path: &nn::Path, spec: &ModelSpec) -> Result<Self, ModelError> {
        Ok(Self { spec: spec.clone() })
    }

    /// Logits `[N, classes]` of normalised clips `[N, T, C, H, W]`.
    ///
    /// # Errors
    /// When the shape is not that of the spec, or libtorch fails.
    pub fn forward(&self, _clip: &Tensor, _train: bool) -> Result<Tensor, ModelError> {
        todo!()
    }

    /// Features `[N, F]` before the classifier, averaged over the frames; eval mode.
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn features(&self, _clip: &Tensor) -> Result<Tensor, ModelError> {
        todo!()
    }

    /// The offsets and weights of every interlacing module; empty unless the network is a TIN.
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn interlace_state(&self, _clip: &Tensor) -> Result<Vec<InterlaceState>, ModelError> {
        todo!()
    }
}
