//! PyTorch's oldest form: a tar archive of storages, tensors and a pickle that names them by
//! number. torchvision's first ImageNet networks are such files.

use std::collections::HashMap;

use super::machine::run;
use super::storage::Storages;
use super::stream::Stream;
use super::value::{Global, Heap, Node, Storage, Tensor, Value};
use crate::Dtype;
use crate::error::{Fault, quoted};
use crate::input::Input;

/// Where the archive's magic stands, and what it is.
const MAGIC: (u64, &[u8]) = (257, b"ustar");
const BLOCK: u64 = 512;
/// Most members that are looked at; PyTorch wrote four, with up to one header before each.
const MOST_MEMBERS: usize = 64;
/// Most axes of a tensor.
const MOST_AXES: i32 = 64;

/// Whether a file is a tar archive.
pub(crate) fn looks_like(input: &mut Input<'_>) -> Result<bool, Fault> {
    let (at, magic) = MAGIC;
    if input.length() < BLOCK {
        return Ok(false);
    }
    Ok(input.read_at(at, magic.len() as u64, "its first block")? == magic)
}

/// First and last byte of each member.
struct Members(HashMap<String, (u64, u64)>);

impl Members {
    fn of(input: &mut Input<'_>) -> Result<Self, Fault> {
        let mut members = HashMap::new();
        let mut at = 0;
        for _ in 0..MOST_MEMBERS {
            if input.length() - at < BLOCK {
                break;
            }
            let header = input.read_at(at, BLOCK, "a tar header")?;
            if header.iter().all(|&byte| byte == 0) {
                break;
            }
            let size = octal(&header[124..136]).ok_or_else(|| {
                Fault::Unreadable(format!("has a damaged tar header at byte {at}"))
            })?;
            let name: Vec<u8> = header[..100].iter().copied().take_while(|&b| b != 0).collect();
            let name = String::from_utf8_lossy(&name).trim_start_matches("./").to_owned();
            let start = at + BLOCK;
            let end = start.checked_add(size).filter(|&end| end <= input.length());
            let end = end.ok_or_else(|| {
                Fault::Truncated(format!("ends inside the tar member {}", quoted(&name)))
            })?;
            // Extended headers and folders have other types.
            if matches!(header[156], 0 | b'0') {
                members.insert(name, (start, end));
            }
            at = end.next_multiple_of(BLOCK).min(input.length());
        }
        Ok(Self(members))
    }

    fn stream<'s, 'a>(
        &self,
        input: &'s mut Input<'a>,
        name: &str,
    ) -> Result<Stream<'s, 'a>, Fault> {
        let place = self.0.get(name).copied();
        let (start, end) = place.ok_or_else(|| {
            Fault::Unreadable(format!("is a tar archive without {name}: no checkpoint"))
        })?;
        Ok(Stream::new(input, start, end))
    }
}

/// A number in octal digits.
fn octal(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    u64::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
}

/// Reads everything but the elements: the checkpoint's object, and where the storages lie.
pub(super) fn read(input: &mut Input<'_>, heap: &mut Heap) -> Result<(Value, Storages), Fault> {
    let members = Members::of(input)?;
    if members.0.contains_key("sys_info") {
        let system = run(&mut members.stream(input, "sys_info")?, heap)?;
        if heap.entry(system, "little_endian") != Some(Value::Bool(true)) {
            return Err(Fault::Refused("tensors that are not marked as little-endian".into()));
        }
    }
    let storages = storages(&mut members.stream(input, "storages")?, heap)?;
    tensors(&mut members.stream(input, "tensors")?, heap, &storages)?;
    let value = run(&mut members.stream(input, "pickle")?, heap)?;
    let places = storages.into_iter().map(|(key, place)| (key, (place.start, place.size())));
    Ok((value, Storages::Legacy(places.collect())))
}

/// A row of elements in the file.
#[derive(Clone, Copy)]
struct Place {
    dtype: Dtype,
    /// First byte.
    start: u64,
    /// Elements.
    count: u64,
}

impl Place {
    /// Bytes; the count was compared with the file before.
    fn size(&self) -> u64 {
        self.count.saturating_mul(self.dtype.size())
    }
}

/// The storages by their numbers, the views of others among them.
fn storages(stream: &mut Stream<'_, '_>, heap: &mut Heap) -> Result<HashMap<String, Place>, Fault> {
    let mut places = HashMap::new();
    for _ in 0..count(stream, heap)? {
        let entry = run(stream, heap)?;
        let Some(&[key, _location, Value::Global(Global::Storage(dtype))]) = heap.tuple(entry)
        else {
            return Err(damaged("a storage"));
        };
        let key = number(heap, key)?;
        let count = u64::from_le_bytes(stream.array()?);
        let start = stream.position();
        let bytes = count.checked_mul(dtype.size()).ok_or_else(|| damaged("a storage"))?;
        stream.skip(bytes, "a storage")?;
        places.insert(key, Place { dtype, start, count });
    }
    let views = run(stream, heap)?;
    let Some(Node::List(views)) = heap.node(views) else { return Err(damaged("the views")) };
    for &view in views {
        let Some(&[target, root, Value::Int(offset), Value::Int(count)]) = heap.tuple(view) else {
            return Err(damaged("a view"));
        };
        let root = places.get(&number(heap, root)?).copied().ok_or_else(|| damaged("a view"))?;
        let (offset, count) = (u64::try_from(offset), u64::try_from(count));
        let (Ok(offset), Ok(count)) = (offset, count) else { return Err(damaged("a view")) };
        if offset.checked_add(count).is_none_or(|end| end > root.count) {
            return Err(damaged("a view"));
        }
        let start = root.start + offset * root.dtype.size();
        places.insert(number(heap, target)?, Place { dtype: root.dtype, start, count });
    }
    Ok(places)
}

/// Gives the heap the tensors by their numbers.
fn tensors(
    stream: &mut Stream<'_, '_>,
    heap: &mut Heap,
    storages: &HashMap<String, Place>,
) -> Result<(), Fault> {
    for _ in 0..count(stream, heap)? {
        let entry = run(stream, heap)?;
        let Some(&[key, storage, Value::Global(Global::TensorType)]) = heap.tuple(entry) else {
            return Err(damaged("a tensor"));
        };
        let (key, storage) = (number(heap, key)?, number(heap, storage)?);
        let place = storages.get(&storage).copied().ok_or_else(|| damaged("a tensor"))?;
        let axes = i32::from_le_bytes(stream.array()?);
        if !(0..=MOST_AXES).contains(&axes) {
            return Err(Fault::Unreadable(format!("has a tensor of {axes} axes")));
        }
        // Four bytes of nothing.
        stream.array::<4>()?;
        let mut row = || -> Result<u64, Fault> {
            let number = i64::from_le_bytes(stream.array()?);
            u64::try_from(number).map_err(|_| damaged("a tensor"))
        };
        let sizes = (0..axes).map(|_| row()).collect::<Result<Vec<_>, _>>()?;
        let strides = (0..axes).map(|_| row()).collect::<Result<Vec<_>, _>>()?;
        let offset = row()?;
        let key_of_storage = heap.keys.insert_full(storage).0;
        let storage = Storage { dtype: place.dtype, key: key_of_storage, count: place.count };
        let tensor = heap.add(Node::Tensor(Tensor { storage, offset, sizes, strides }));
        heap.tensors.insert(key, tensor);
    }
    Ok(())
}

/// How many entries follow.
fn count(stream: &mut Stream<'_, '_>, heap: &mut Heap) -> Result<i64, Fault> {
    match run(stream, heap)? {
        Value::Int(count) if count >= 0 => Ok(count),
        _ => Err(damaged("a count")),
    }
}

/// A number of an object, as the pickle writes it.
fn number(heap: &Heap, value: Value) -> Result<String, Fault> {
    match (value, heap.text(value)) {
        (Value::Int(number), _) => Ok(number.to_string()),
        (_, Some(text)) if text.len() <= 20 => Ok(text.to_owned()),
        _ => Err(damaged("the number of an object")),
    }
}

fn damaged(what: &str) -> Fault {
    Fault::Unreadable(format!("is a damaged tar archive of PyTorch's: {what} cannot be"))
}
