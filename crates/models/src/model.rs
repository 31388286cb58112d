//! A network together with the store of its weights.

use std::path::Path;
use std::sync::Mutex;

use serde::Serialize;
use tch::{Device, nn};

use crate::checkpoint::{self, LoadOptions};
use crate::{CheckpointReport, ModelError, ModelSpec, Network};

/// libtorch's generator is one for the whole process: seeding it and drawing the weights must
/// not mix with another network's. Whoever seeds it holds this lock until the last number is drawn.
pub static GENERATOR: Mutex<()> = Mutex::new(());

/// One entry of the state dict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParamInfo {
    /// Name as in the official code.
    pub name: String,
    /// Shape.
    pub shape: Vec<i64>,
    /// Element type, e.g. `float32`.
    pub dtype: &'static str,
}

/// A network, its description and its weights.
#[derive(Debug)]
pub struct Model {
    /// The description that the network was built from.
    pub spec: ModelSpec,
    /// Its weights and running statistics, under their official names.
    pub vs: nn::VarStore,
    /// The network.
    pub network: Network,
}

impl Model {
    /// Builds a network with fresh weights. Equal seeds give equal weights on every device, if
    /// nothing but other networks draws from libtorch's generator meanwhile.
    ///
    /// # Errors
    /// When the spec is invalid or libtorch cannot allocate the weights.
    pub fn new(spec: ModelSpec, device: Device, seed: Option<i64>) -> Result<Self, ModelError> {
        spec.validate()?;
        check_device(device)?;
        // Drawn on the CPU, so that a seed means the same weights on every device.
        let mut vs = nn::VarStore::new(Device::Cpu);
        let network = {
            let _guard = GENERATOR.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Some(seed) = seed {
                tch::manual_seed(seed);
            }
            Network::new(&vs.root(), &spec)?
        };
        if device != Device::Cpu {
            vs.set_device(device);
        }
        Ok(Self { spec, vs, network })
    }

    /// Builds the network that a checkpoint's card describes and loads its weights.
    ///
    /// # Errors
    /// When the file is no readable checkpoint, has no card, or does not fit its own card.
    pub fn load(path: &Path, device: Device) -> Result<(Self, checkpoint::ModelCard), ModelError> {
        let card = checkpoint::card_or_error(path)?;
        let model = Self::new(card.spec.clone(), device, None)?;
        model.load_weights(path, &LoadOptions::default())?;
        Ok((model, card))
    }

    /// Replaces the weights by those of a checkpoint with our names or another project's.
    ///
    /// # Errors
    /// When the file cannot be read or does not fit, see [`checkpoint::load_into`].
    pub fn load_weights(
        &self,
        path: &Path,
        options: &LoadOptions,
    ) -> Result<CheckpointReport, ModelError> {
        checkpoint::load_into(path, &self.spec, &self.vs, options)
    }

    /// Writes the weights with a card, see [`checkpoint::save`].
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path, card: &checkpoint::ModelCard) -> Result<(), ModelError> {
        checkpoint::save(path, &self.vs, card)
    }

    /// All parameters and running statistics, sorted by name.
    pub fn parameters(&self) -> Vec<ParamInfo> {
        let mut list: Vec<ParamInfo> = self
            .vs
            .variables()
            .into_iter()
            .map(|(name, tensor)| ParamInfo {
                name,
                shape: tensor.size(),
                dtype: checkpoint::dtype_name(tensor.kind()),
            })
            .collect();
        list.sort_by(|a, b| a.name.cmp(&b.name));
        list
    }
}

fn check_device(device: Device) -> Result<(), ModelError> {
    let Device::Cuda(index) = device else { return Ok(()) };
    let found = tch::Cuda::device_count();
    if (index as i64) < found {
        return Ok(());
    }
    let reason = format!("libtorch sees {found} CUDA devices");
    Err(ModelError::Device { device: format!("cuda:{index}"), reason })
}
