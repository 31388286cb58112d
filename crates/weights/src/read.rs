//! From a path to named tensors: what form has the file, and who reads it.

use std::fs::File;
use std::io::{BufReader, Cursor, ErrorKind};
use std::path::Path;

use crate::error::Fault;
use crate::input::{Input, ReadSeek, failed};
use crate::{StateDict, WeightsError, pytorch, safetensors_file};

/// Bytes that [`look`] wants to see.
const START: u64 = 64;

/// Reads the tensors of a checkpoint: PyTorch's zip files and older pickles (`.pth`, `.pt`,
/// `.pth.tar`, `.pyth`) and safetensors, recognised by their content. No code of the file runs.
///
/// Of PyTorch's files the first of `state_dict`, `model_state` and `model` that is a dict counts,
/// else the outer dict itself. `module.` is removed when every name has it.
///
/// # Errors
/// When there is no such file, it is damaged or cut, or it holds anything but plain tensors.
pub fn read(path: impl AsRef<Path>) -> Result<StateDict, WeightsError> {
    let path = path.as_ref();
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
    read_any(&mut BufReader::new(file), length).map_err(|fault| fault.at(path))
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
    let start = input.read_at(0, length.min(START), "its first bytes")?;
    let state = match start.as_slice() {
        start if safetensors_file::looks_like(start) => safetensors_file::read(&mut input)?,
        [b'P', b'K', 3, 4, ..] => pytorch::read_zip(&mut input)?,
        [0x80, 2..=5, ..] => pytorch::read_legacy(&mut input)?,
        start => return Err(Fault::Unreadable(look(start).into())),
    };
    Ok(state.without_module())
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
