//! Writing safetensors.
//!
//! Written here and not by the format's crate, whose files are readable for their owner only and
//! whose texts come in a different order each time.

use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::replace;
use crate::safetensors_file::file_dtype;
use crate::{RawTensor, StateDict, WeightsError};

/// Key of the texts in the header.
const METADATA: &str = "__metadata__";
/// The tensors begin at a multiple of this many bytes.
const ALIGNMENT: usize = 8;

/// Writes a safetensors file with the tensors and the texts of [`StateDict::metadata`]. Equal
/// contents give equal bytes.
///
/// # Errors
/// When the file cannot be written or a tensor's bytes do not fit its shape.
pub fn write_safetensors(path: impl AsRef<Path>, state: &StateDict) -> Result<(), WeightsError> {
    for (name, tensor) in state {
        tensor.check(name)?;
    }
    // Widest elements first, so that each tensor lies where its type wants to lie.
    let mut tensors: Vec<(&String, &RawTensor)> = state.iter().collect();
    tensors.sort_by_key(|(_, tensor)| std::cmp::Reverse(tensor.dtype.size()));
    let header = header(state, &tensors);
    replace(path.as_ref(), |writer| {
        writer.write_all(&(header.len() as u64).to_le_bytes())?;
        writer.write_all(header.as_bytes())?;
        tensors.iter().try_for_each(|(_, tensor)| writer.write_all(&tensor.data))
    })
}

fn header(state: &StateDict, tensors: &[(&String, &RawTensor)]) -> String {
    let mut header = Map::new();
    if !state.metadata.is_empty() {
        let texts = state.metadata.iter().map(|(key, text)| (key.clone(), text.as_str().into()));
        header.insert(METADATA.into(), Value::Object(texts.collect()));
    }
    let mut place = 0;
    for &(name, tensor) in tensors {
        let end = place + tensor.data.len();
        let dtype = file_dtype(tensor.dtype).to_string();
        let row = json!({ "dtype": dtype, "shape": tensor.shape, "data_offsets": [place, end] });
        header.insert(name.clone(), row);
        place = end;
    }
    let mut text = Value::Object(header).to_string();
    let padded = text.len().next_multiple_of(ALIGNMENT);
    text.extend(std::iter::repeat_n(' ', padded - text.len()));
    text
}
