//! Writing checkpoints: a reader sees the old file or the whole new one.

mod archive;
mod pickle;
mod pytorch;
mod safetensors;

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::WeightsError;

pub use pytorch::{PytorchLayout, write_pytorch};
pub use safetensors::write_safetensors;

/// Tells the unfinished files of one process apart.
static UNFINISHED: AtomicU64 = AtomicU64::new(0);

/// Writes to a file beside `path` and puts it in the place of `path` once it is complete and on
/// the disk.
fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), WeightsError> {
    whole(path, write)
        .map_err(|source| WeightsError::Unwritable { path: path.to_path_buf(), source })
}

fn whole(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let (unfinished, file) = create_beside(path, folder)?;
    let mut writer = BufWriter::new(file);
    let written = write(&mut writer)
        .and_then(|()| writer.flush())
        .and_then(|()| writer.get_ref().sync_all())
        .and_then(|()| std::fs::rename(&unfinished, path));
    if written.is_err() {
        // The first error is the one to tell; a left-over file is the lesser evil.
        drop(std::fs::remove_file(&unfinished));
        return written;
    }
    // The new name is on the disk when the folder is; not every system can sync a folder.
    if let Ok(folder) = File::open(folder) {
        drop(folder.sync_all());
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
