//! From a path to named tensors: what form has the file, and who reads it.

use std::fs::File;
use std::io::{BufReader, Cursor, ErrorKind};
use std::path::Path;

use indexmap::IndexMap;

use crate::error::Fault;
use crate::input::{Input, ReadSeek, failed};
use crate::{StateDict, WeightsError, pytorch, safetensors_file};

/// Bytes that [`look`] wants to see.
const START: u64 = 64;

/// Reads the tensors of a checkpoint: PyTorch's zip files, older pickles and tar files (`.pth`, `.pt`,
/// `.pth.tar`, `.pyth`) and safetensors, recognised by their content. No code of the file runs.
///
/// Of PyTorch's files the first of `state_dict`, `model_state` and `model` that is a dict counts,
/// else the outer dict itself. `module.` is removed when every name has it.
///
/// # Errors
/// When there is no such file, it is damaged or cut, or it holds anything but plain tensors.
pub fn read(path: impl AsRef<Path>) -> Result<StateDict, WeightsError> {
    with_file(path.as_ref(), read_any)
}

/// The texts beside the tensors of a safetensors file, e.g. its model card, without reading a
/// tensor; empty for files of other forms.
///
/// # Errors
/// When there is no such file, it is of no known form, or its header is damaged or cut.
pub fn read_texts(path: impl AsRef<Path>) -> Result<IndexMap<String, String>, WeightsError> {
    with_file(path.as_ref(), |reader, length| {
        let mut input = Input::new(reader, length);
        match Form::of(&mut input)? {
            Form::Safetensors => safetensors_file::read_texts(&mut input),
            Form::Zip | Form::Legacy | Form::Tar => Ok(IndexMap::new()),
        }
    })
}

fn with_file<T>(
    path: &Path,
    read: impl FnOnce(&mut dyn ReadSeek, u64) -> Result<T, Fault>,
) -> Result<T, WeightsError> {
    let opened = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => WeightsError::NotFound { path: path.to_path_buf() },
        _ => Fault::Unreadable(format!("cannot be opened: {error}")).at(path),
    };
    // Asked before the file is opened, which for a pipe would wait for its other end.
    let kind = std::fs::metadata(path).map_err(opened)?;
    if !kind.is_file() {
        let kind = if kind.is_dir() { "a directory" } else { "no regular file" };
        return Err(Fault::Unreadable(format!("is {kind}")).at(path));
    }
    let file = File::open(path).map_err(opened)?;
    let length = file.metadata().map_err(|error| failed(&error).at(path))?.len();
    read(&mut BufReader::new(file), length).map_err(|fault| fault.at(path))
}

/// Reads the tensors of a checkpoint that lies in memory; `name` stands for its path in errors.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(name: impl AsRef<Path>, bytes: &[u8]) -> Result<StateDict, WeightsError> {
    read_any(&mut Cursor::new(bytes), bytes.len() as u64).map_err(|fault| fault.at(name.as_ref()))
}

fn read_any(reader: &mut dyn ReadSeek, length: u64) -> Result<StateDict, Fault> {
    let mut input = Input::new(reader, length);
    let state = match Form::of(&mut input)? {
        Form::Safetensors => safetensors_file::read(&mut input)?,
        Form::Zip => pytorch::read_zip(&mut input)?,
        Form::Legacy => pytorch::read_legacy(&mut input)?,
        Form::Tar => pytorch::read_tar(&mut input)?,
    };
    Ok(state.without_module())
}

/// The forms of files that are read.
enum Form {
    Safetensors,
    Zip,
    Legacy,
    Tar,
}

impl Form {
    fn of(input: &mut Input<'_>) -> Result<Self, Fault> {
        let start = input.read_at(0, input.length().min(START), "its first bytes")?;
        match start.as_slice() {
            start if safetensors_file::looks_like(start) => Ok(Self::Safetensors),
            [b'P', b'K', 3, 4, ..] => Ok(Self::Zip),
            [0x80, 2..=5, ..] => Ok(Self::Legacy),
            _ if pytorch::looks_like_tar(input)? => Ok(Self::Tar),
            start => Err(Fault::Unreadable(look(start).into())),
        }
    }
}

/// What a file of no form that we read looks like, as the end of a sentence.
fn look(start: &[u8]) -> &'static str {
    match start {
        [] => "is an empty file",
        [0x1f, 0x8b, ..] => "is compressed with gzip; unpack it first",
        [b'P', b'K', 5, 6, ..] => "is an empty zip archive",
        [0x89, b'H', b'D', b'F', ..] => "is an HDF5 file",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "is a video file",
        [b'<', ..] => "is a web page, probably an error page saved in place of a download",
        _ if start.len() < 10 => "is too short for a checkpoint",
        _ if start.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) => {
            "is a text file"
        }
        _ => "is damaged or of another format: neither PyTorch's nor safetensors",
    }
}
