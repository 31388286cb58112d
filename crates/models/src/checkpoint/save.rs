//! Writing a checkpoint: its tensors and the model card.

use std::path::Path;

use indexmap::IndexMap;
use tch::Tensor;
use tch::nn::VarStore;
use timeweave_weights::{RawTensor, StateDict, write_safetensors};

use super::{DTYPES, METADATA_KEY, ModelCard};
use crate::ModelError;

/// Writes the weights of `vs` and a card to a safetensors file. The file appears under its name
/// when it is whole and on the disk, or not at all.
///
/// # Errors
/// When a weight cannot be read or the file cannot be written.
pub fn save(path: &Path, vs: &VarStore, card: &ModelCard) -> Result<(), ModelError> {
    let mut tensors = IndexMap::new();
    for (name, tensor) in vs.variables() {
        tensors.insert(name, bytes_of(&tensor)?);
    }
    tensors.sort_unstable_keys();
    let mut state = StateDict::new(tensors);
    state.metadata.insert(METADATA_KEY.to_owned(), text_of(card));
    Ok(write_safetensors(path, &state)?)
}

/// The card as it stands in a file.
pub(super) fn text_of(card: &ModelCard) -> String {
    // Plain data with text keys; nothing in it can fail.
    serde_json::to_string(card).unwrap_or_default()
}

/// Element type, shape and little-endian bytes of a tensor on any device.
fn bytes_of(tensor: &Tensor) -> Result<RawTensor, ModelError> {
    let kind = tensor.kind();
    let Some(row) = DTYPES.iter().find(|row| row.0 == kind) else {
        return Err(ModelError::Dtype { tensor: "a weight", actual: kind });
    };
    let tensor = tensor.detach().f_to_device(tch::Device::Cpu)?.f_contiguous()?;
    let mut data = vec![0; tensor.numel() * kind.elt_size_in_bytes()];
    tensor.f_copy_data_u8(&mut data, tensor.numel())?;
    let shape = tensor.size().into_iter().map(|length| length as u64).collect();
    Ok(RawTensor { dtype: row.1, shape, data })
}
