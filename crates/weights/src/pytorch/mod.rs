//! Reading PyTorch's files: the zip archives that `torch.save` writes since 1.6, the row of pickles
//! that it wrote before, and the tar archives of its first months.

mod archive;
mod call;
mod collect;
mod machine;
mod storage;
mod stream;
mod tar;
mod value;
mod view;

use std::io::Cursor;

use indexmap::IndexMap;

use self::archive::Archive;
use self::machine::run;
use self::storage::Storages;
use self::stream::Stream;
use self::value::{Heap, Node, Value};
use crate::error::{Fault, quoted};
use crate::input::Input;
use crate::{Format, StateDict};
pub(crate) use tar::looks_like as looks_like_tar;

/// What the legacy form begins with, pickled: 0x1950a86a20f9469cfc6c, little-endian.
const LEGACY_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// Version that follows the magic number.
const LEGACY_VERSION: i64 = 1001;
/// Longest pickle that is read, in bytes; that of a network with a thousand tensors has 0.2 MB.
const LONGEST_PICKLE: u64 = 64 << 20;

pub(crate) fn read_zip(input: &mut Input<'_>) -> Result<StateDict, Fault> {
    let archive = Archive::open(input)?;
    let root = archive.root()?;
    let order = format!("{root}byteorder");
    if archive.size(&order).is_some() {
        let order = archive.read(input, &order)?;
        if order != b"little" {
            let order = quoted(&String::from_utf8_lossy(&order));
            return Err(Fault::Refused(format!("tensors of byte order {order}")));
        }
    }
    let pickle = format!("{root}data.pkl");
    let size = archive.size(&pickle).unwrap_or_default();
    if size > LONGEST_PICKLE {
        return Err(too_long(size));
    }
    let pickle = archive.read(input, &pickle)?;
    let mut heap = Heap::default();
    let mut pickle_input = Cursor::new(&pickle);
    let mut pickle_input = Input::new(&mut pickle_input, size);
    let value = run(&mut Stream::new(&mut pickle_input, 0, size), &mut heap)?;
    let storages = Storages::Zip { archive, root };
    finish(input, &heap, value, &storages, Format::Zip)
}

pub(crate) fn read_legacy(input: &mut Input<'_>) -> Result<StateDict, Fault> {
    let mut heap = Heap::default();
    let end = input.length();
    let mut stream = Stream::new(input, 0, end.min(LONGEST_PICKLE));
    let magic = run(&mut stream, &mut heap)?;
    if !matches!(heap.node(magic), Some(Node::Long(bytes)) if bytes == &LEGACY_MAGIC) {
        let reason = "is a pickle, but none that torch.save wrote (its magic number is missing)";
        return Err(Fault::Unreadable(reason.into()));
    }
    let version = run(&mut stream, &mut heap)?;
    if version != Value::Int(LEGACY_VERSION) {
        return Err(Fault::Unreadable(format!("is of another version than {LEGACY_VERSION}")));
    }
    let system = run(&mut stream, &mut heap)?;
    if heap.entry(system, "little_endian") != Some(Value::Bool(true)) {
        return Err(Fault::Refused("tensors that are not marked as little-endian".into()));
    }
    let value = run(&mut stream, &mut heap)?;
    let keys = run(&mut stream, &mut heap)?;
    let position = stream.position();
    let storages = Storages::legacy(input, &heap, keys, position)?;
    finish(input, &heap, value, &storages, Format::Legacy)
}

pub(crate) fn read_tar(input: &mut Input<'_>) -> Result<StateDict, Fault> {
    let mut heap = Heap::default();
    let (value, storages) = tar::read(input, &mut heap)?;
    finish(input, &heap, value, &storages, Format::Tar)
}

fn finish(
    input: &mut Input<'_>,
    heap: &Heap,
    value: Value,
    storages: &Storages,
    format: Format,
) -> Result<StateDict, Fault> {
    let (container, found) = collect::tensors(heap, value)?;
    let tensors = storage::load(input, heap, &found, storages)?;
    let metadata = IndexMap::new();
    Ok(StateDict { tensors, format, container, module_removed: false, metadata })
}

fn too_long(claimed: u64) -> Fault {
    Fault::TooLarge { what: "bytes of pickle", limit: LONGEST_PICKLE, claimed: claimed.to_string() }
}
