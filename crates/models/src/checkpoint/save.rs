//! Writing a checkpoint so that a reader sees the old file or the whole new one.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use safetensors::tensor::TensorView;
use tch::Tensor;
use tch::nn::VarStore;

use super::{DTYPES, METADATA_KEY, ModelCard};
use crate::ModelError;

/// Tells the unfinished files of one process apart.
static UNFINISHED: AtomicU64 = AtomicU64::new(0);

/// Writes the weights of `vs` and a card to a safetensors file. The file appears under its name
/// when it is whole and on the disk, or not at all.
///
/// # Errors
/// When a weight cannot be read or the file cannot be written.
pub fn save(path: &Path, vs: &VarStore, card: &ModelCard) -> Result<(), ModelError> {
    let unwritable = |source| ModelError::CheckpointUnwritable { path: path.into(), source };
    let weights: Result<Vec<_>, ModelError> =
        vs.variables().into_iter().map(|(name, tensor)| Ok((name, bytes_of(&tensor)?))).collect();
    let weights = weights?;
    let views: Result<Vec<_>, ModelError> = weights
        .iter()
        .map(|(name, (dtype, shape, bytes))| {
            let view = TensorView::new(*dtype, shape.clone(), bytes);
            Ok((name, view.map_err(|error| unwritable(io::Error::other(error)))?))
        })
        .collect();
    let card = serde_json::to_string(card).map_err(|error| unwritable(error.into()))?;
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), card)]);
    let file = safetensors::serialize(views?, Some(metadata))
        .map_err(|error| unwritable(io::Error::other(error)))?;
    write_whole(path, &file).map_err(unwritable)
}

type Bytes = (safetensors::Dtype, Vec<usize>, Vec<u8>);

/// Element type, shape and little-endian bytes of a tensor on any device.
fn bytes_of(tensor: &Tensor) -> Result<Bytes, ModelError> {
    let kind = tensor.kind();
    let Some(row) = DTYPES.iter().find(|row| row.0 == kind) else {
        return Err(ModelError::Dtype { tensor: "a weight", actual: kind });
    };
    let tensor = tensor.detach().f_to_device(tch::Device::Cpu)?.f_contiguous()?;
    let mut bytes = vec![0; tensor.numel() * kind.elt_size_in_bytes()];
    tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
    let shape = tensor.size().into_iter().map(|length| length as usize).collect();
    Ok((row.1, shape, bytes))
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let (unfinished, mut file) = create_beside(path, folder)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // The first error is the one to tell; a left-over file is the lesser evil.
        let _ = fs::remove_file(&unfinished);
        return written;
    }
    // The new name is on the disk when the folder is; not every system can sync a folder.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// A new file in the same folder, so that renaming it cannot cross file systems.
fn create_beside(path: &Path, folder: &Path) -> io::Result<(PathBuf, File)> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"));
    };
    loop {
        let number = UNFINISHED.fetch_add(1, Ordering::Relaxed);
        let unfinished = format!(".{}.{}-{number}.tmp", name.display(), std::process::id());
        let unfinished = folder.join(unfinished);
        match OpenOptions::new().write(true).create_new(true).open(&unfinished) {
            Ok(file) => return Ok((unfinished, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}
