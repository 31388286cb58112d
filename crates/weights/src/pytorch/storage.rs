//! From views of storages to tensors: every claim is checked against the file before any byte of
//! it is fetched.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::archive::Archive;
use super::collect::Found;
use super::value::{Heap, Node, Tensor, Value};
use super::view;
use crate::error::{Fault, quoted};
use crate::input::Input;
use crate::tensor::bytes;
use crate::{Dtype, RawTensor};

/// A file may yield this many times its own bytes of tensors, since tensors share storages ...
const MOST_GROWTH: u64 = 4;
/// ... and this many bytes more, since a small file may hold an expanded scalar.
const FREE_BYTES: u64 = 16 << 20;

/// Where the elements lie.
pub(super) enum Storages {
    /// One entry of the archive for each key.
    Zip { archive: Archive, root: String },
    /// One after the other behind the pickles: first byte and number of bytes by key.
    Legacy(HashMap<String, (u64, u64)>),
}

impl Storages {
    /// Finds the storages behind the pickles of a legacy file; `keys` is their list in order.
    pub(super) fn legacy(
        input: &mut Input<'_>,
        heap: &Heap,
        keys: Value,
        mut position: u64,
    ) -> Result<Self, Fault> {
        let Some(Node::List(keys)) = heap.node(keys) else {
            return Err(Fault::Unreadable("has no list of storages behind its pickle".into()));
        };
        let dtypes = legacy_dtypes(heap)?;
        let mut places = HashMap::new();
        for &key in keys {
            let Some(key) = heap.text(key) else {
                return Err(Fault::Unreadable("lists a storage whose key is no text".into()));
            };
            let shown = quoted(key);
            let Some(dtype) = dtypes.get(key) else {
                return Err(Fault::Unreadable(format!("lists the storage {shown} of no tensor")));
            };
            let count = input.read_at(position, 8, &format!("storage {shown}"))?;
            let count = count.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
            let start = position + 8;
            let end = count.checked_mul(dtype.size()).and_then(|size| start.checked_add(size));
            position = end.filter(|&end| end <= input.length()).ok_or_else(|| {
                Fault::Truncated(format!("ends inside storage {shown} of {count} elements"))
            })?;
            if places.insert(key.to_owned(), (start, position - start)).is_some() {
                return Err(Fault::Unreadable(format!("lists the storage {shown} twice")));
            }
        }
        Ok(Self::Legacy(places))
    }

    fn size(&self, key: &str) -> Option<u64> {
        match self {
            Self::Zip { archive, root } => archive.size(&format!("{root}data/{key}")),
            Self::Legacy(places) => places.get(key).map(|place| place.1),
        }
    }

    fn read(&self, input: &mut Input<'_>, key: &str) -> Result<Vec<u8>, Fault> {
        match self {
            Self::Zip { archive, root } => archive.read(input, &format!("{root}data/{key}")),
            Self::Legacy(places) => {
                let (start, size) = places.get(key).copied().unwrap_or_default();
                input.read_at(start, size, &format!("storage {}", quoted(key)))
            }
        }
    }
}

/// The element type of each storage. The bytes of a legacy file can only be counted by it.
fn legacy_dtypes(heap: &Heap) -> Result<HashMap<&str, Dtype>, Fault> {
    let mut dtypes = HashMap::new();
    for storage in heap.storages() {
        let Some(key) = heap.keys.get_index(storage.key) else { continue };
        if dtypes.insert(key.as_str(), storage.dtype).is_some_and(|dtype| dtype != storage.dtype) {
            let reason = format!("gives two element types to the storage {}", quoted(key));
            return Err(Fault::Unreadable(reason));
        }
    }
    Ok(dtypes)
}

/// Fetches the tensors, each storage once.
pub(super) fn load(
    input: &mut Input<'_>,
    heap: &Heap,
    found: &Found<'_>,
    storages: &Storages,
) -> Result<IndexMap<String, RawTensor>, Fault> {
    check_total(input.length(), found, heap, storages)?;
    let mut users: IndexMap<usize, Vec<usize>> = IndexMap::new();
    for (index, tensor) in found.values().enumerate() {
        users.entry(tensor.storage.key).or_default().push(index);
    }
    let mut data: Vec<Vec<u8>> = vec![Vec::new(); found.len()];
    for (key, users) in users {
        let Some(key) = heap.keys.get_index(key) else { continue };
        let mut elements = storages.read(input, key)?;
        for &index in &users {
            let tensor = found[index];
            let whole = view::is_whole(tensor, elements.len() as u64);
            data[index] = if whole && users.len() == 1 {
                std::mem::take(&mut elements)
            } else {
                view::gather(tensor, &elements)
            };
        }
    }
    let tensors = found.iter().zip(data).map(|((&name, tensor), data)| {
        let raw = RawTensor { dtype: tensor.storage.dtype, shape: tensor.sizes.clone(), data };
        (name.to_owned(), raw)
    });
    Ok(tensors.collect())
}

/// Refuses views beyond their storage, storages beyond the file, and more bytes altogether than a
/// file of this size can mean.
fn check_total(
    length: u64,
    found: &Found<'_>,
    heap: &Heap,
    storages: &Storages,
) -> Result<(), Fault> {
    let limit = length.saturating_mul(MOST_GROWTH).saturating_add(FREE_BYTES);
    let mut total = 0_u64;
    for (name, tensor) in found {
        let key = heap.keys.get_index(tensor.storage.key).map_or("", String::as_str);
        let size = check(name, tensor, key, storages.size(key))?;
        total = total.saturating_add(size);
        if total > limit {
            return Err(Fault::TooLarge {
                what: "bytes of tensors",
                limit,
                claimed: format!("{total} up to {}", quoted(name)),
            });
        }
    }
    Ok(())
}

/// Checks one tensor and gives its bytes.
fn check(name: &str, tensor: &Tensor, key: &str, found: Option<u64>) -> Result<u64, Fault> {
    let (name, storage) = (quoted(name), tensor.storage);
    let Some(found) = found else {
        let reason = format!("lacks the storage {} of tensor {name}", quoted(key));
        return Err(Fault::Truncated(reason));
    };
    let needed = storage.count.checked_mul(storage.dtype.size());
    if needed.is_none_or(|needed| needed > found) {
        return Err(Fault::Truncated(format!(
            "has {found} bytes in the storage of tensor {name} where {} elements of {} belong",
            storage.count,
            storage.dtype.name()
        )));
    }
    let size = bytes(&tensor.sizes, storage.dtype);
    let size = size.filter(|_| view::fits(tensor));
    size.ok_or_else(|| {
        Fault::Unreadable(format!(
            "has a tensor {name} of size {:?}, stride {:?} and offset {} that does not fit its \
             storage of {} elements",
            tensor.sizes, tensor.strides, tensor.offset, storage.count
        ))
    })
}
