//! Reading safetensors.
//!
//! The header's form, overlaps and arithmetic are checked by the format's own crate; what is left
//! is to bound the header and to read range by range.

use indexmap::IndexMap;
use safetensors::tensor::{Dtype as FileDtype, Metadata};

use crate::error::{Fault, quoted};
use crate::input::Input;
use crate::{Dtype, Format, RawTensor, StateDict};

/// Longest header that is read, in bytes: some hundred thousand tensors.
const LONGEST_HEADER: u64 = 32 << 20;
/// Bytes of the header's own length.
const PREFIX: u64 = 8;

/// Whether a file that begins so is meant to be safetensors: a length below 2^32 and the brace of
/// the header. A pickle can begin with bytes that look like a length, but then has no brace there.
pub(crate) fn looks_like(start: &[u8]) -> bool {
    matches!(start, [_, _, _, _, 0, 0, 0, 0, b'{', ..])
}

pub(crate) fn read(input: &mut Input<'_>) -> Result<StateDict, Fault> {
    let (header, start) = read_header(input)?;
    let mut tensors = IndexMap::new();
    for name in header.offset_keys() {
        let Some(info) = header.info(&name) else { continue };
        let (first, end) = (info.data_offsets.0 as u64, info.data_offsets.1 as u64);
        let dtype = dtype(info.dtype).ok_or_else(|| {
            Fault::Refused(format!("tensor {} of type {}", quoted(&name), info.dtype))
        })?;
        let data = input.read_at(start + first, end - first, &quoted(&name))?;
        let shape = info.shape.iter().map(|&size| size as u64).collect();
        tensors.insert(name, RawTensor { dtype, shape, data });
    }
    let metadata = texts(&header);
    let format = Format::Safetensors;
    Ok(StateDict { tensors, format, container: None, module_removed: false, metadata })
}

/// The texts in the header, sorted by key; no tensor is read.
pub(crate) fn read_texts(input: &mut Input<'_>) -> Result<IndexMap<String, String>, Fault> {
    read_header(input).map(|(header, _)| texts(&header))
}

fn texts(header: &Metadata) -> IndexMap<String, String> {
    let mut texts: Vec<_> = header.metadata().clone().unwrap_or_default().into_iter().collect();
    texts.sort();
    texts.into_iter().collect()
}

/// The header, checked against the file's length, and where the tensors begin.
fn read_header(input: &mut Input<'_>) -> Result<(Metadata, u64), Fault> {
    let prefix = input.read_at(0, PREFIX, "the length of its header")?;
    let length = prefix.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    if length > LONGEST_HEADER {
        return Err(Fault::TooLarge {
            what: "bytes of safetensors header",
            limit: LONGEST_HEADER,
            claimed: length.to_string(),
        });
    }
    let header = input.read_at(PREFIX, length, "its safetensors header")?;
    let header: Metadata = serde_json::from_slice(&header)
        .map_err(|error| Fault::Unreadable(format!("has a bad safetensors header: {error}")))?;
    let (start, expected) = (PREFIX + length, header.data_len() as u64);
    let found = input.length() - start;
    if found < expected {
        return Err(Fault::Truncated(format!(
            "ends too early: {expected} bytes of tensors expected, {found} found"
        )));
    }
    if found > expected {
        return Err(Fault::Unreadable(format!(
            "is damaged: {expected} bytes of tensors expected, {found} found"
        )));
    }
    Ok((header, start))
}

fn dtype(file: FileDtype) -> Option<Dtype> {
    Dtype::ALL.into_iter().find(|&dtype| file_dtype(dtype) == file)
}

/// The type as safetensors has it.
pub(crate) fn file_dtype(dtype: Dtype) -> FileDtype {
    match dtype {
        Dtype::F32 => FileDtype::F32,
        Dtype::F64 => FileDtype::F64,
        Dtype::F16 => FileDtype::F16,
        Dtype::BF16 => FileDtype::BF16,
        Dtype::I64 => FileDtype::I64,
        Dtype::I32 => FileDtype::I32,
        Dtype::I16 => FileDtype::I16,
        Dtype::I8 => FileDtype::I8,
        Dtype::U8 => FileDtype::U8,
        Dtype::Bool => FileDtype::BOOL,
    }
}
