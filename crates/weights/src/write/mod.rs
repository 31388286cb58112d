//! Writing checkpoints: a reader sees the old file or the whole new one.

mod archive;
mod pickle;
mod pytorch;
mod safetensors;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::WeightsError;

pub use pytorch::{PytorchLayout, write_pytorch};
pub use safetensors::write_safetensors;

/// Writes to a file beside `path` and puts it in the place of `path` once it is complete.
fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> Result<(), WeightsError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
    let written = File::create(&temporary).and_then(|file| {
        let mut writer = BufWriter::new(file);
        write(&mut writer)?;
        writer.flush()?;
        writer.get_ref().sync_all()?;
        std::fs::rename(&temporary, path)
    });
    written.map_err(|source| {
        // The error that counts is the first one; the part may not even be there.
        drop(std::fs::remove_file(&temporary));
        WeightsError::Unwritable { path: path.to_path_buf(), source }
    })
}
