//! Videos in folders.

use std::fs;
use std::path::{Path, PathBuf};

use super::access;
use crate::VideoError;
use crate::endings::{IMAGES, VIDEOS, has_ending};

/// Folders within folders that are followed, lest a link that leads back is followed for ever.
const DEEPEST: usize = 32;

/// What a folder holds, sorted by name; hidden files are left out, and names that are no text.
pub(super) fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, VideoError> {
    let failed = |error: std::io::Error| access("list", folder, &error);
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if let Ok(name) = entry.file_name().into_string()
            && !name.starts_with('.')
        {
            entries.push((name, entry.path()));
        }
    }
    entries.sort();
    Ok(entries)
}

/// The video files below a folder, as paths from it with `/`, in order.
pub(super) fn videos(folder: &Path) -> Result<Vec<String>, VideoError> {
    let mut found = Vec::new();
    collect(folder, "", DEEPEST, &mut found)?;
    Ok(found)
}

fn collect(
    folder: &Path,
    before: &str,
    deepest: usize,
    found: &mut Vec<String>,
) -> Result<(), VideoError> {
    for (name, path) in entries(folder)? {
        if path.is_dir() {
            if deepest > 0 {
                collect(&path, &format!("{before}{name}/"), deepest - 1, found)?;
            }
        } else if has_ending(&path, &VIDEOS) {
            found.push(format!("{before}{name}"));
        }
    }
    Ok(())
}

/// Whether a folder holds images.
pub(super) fn has_images(folder: &Path) -> Result<bool, VideoError> {
    Ok(entries(folder)?.iter().any(|(_, path)| has_ending(path, &IMAGES)))
}
