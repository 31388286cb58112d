//! Files and folders that appear whole or not at all.

use std::fs;
use std::path::{Path, PathBuf};

use super::access;
use crate::VideoError;

/// Writes a file beside its place and moves it there; makes the folder that it is in.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), VideoError> {
    let Some(name) = path.file_name() else {
        let received = path.display();
        return Err(VideoError::option("out", "the name of a file to write", received));
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| access("make", folder, &error))?;
    }
    let mut draft_name = std::ffi::OsString::from(".");
    draft_name.push(name);
    draft_name.push(format!(".{}", std::process::id()));
    let draft = path.with_file_name(draft_name);
    let written = fs::write(&draft, bytes).and_then(|()| fs::rename(&draft, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&draft);
        access("write", path, &error)
    })
}

/// A folder in the making; what was made of it is removed unless it was moved to its place.
pub(super) struct DraftFolder {
    draft: PathBuf,
    place: PathBuf,
}

impl DraftFolder {
    /// An empty folder beside `place`. What an earlier, interrupted run left there is removed.
    pub fn beside(place: &Path) -> Result<Self, VideoError> {
        let mut name = std::ffi::OsString::from(".");
        name.push(place.file_name().unwrap_or_default());
        name.push(".partial");
        let draft = place.with_file_name(name);
        if draft.exists() {
            fs::remove_dir_all(&draft).map_err(|error| access("remove", &draft, &error))?;
        }
        fs::create_dir_all(&draft).map_err(|error| access("make", &draft, &error))?;
        Ok(Self { draft, place: place.to_owned() })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.draft
    }

    /// Moves the folder to its place, instead of what is there.
    pub fn finish(self) -> Result<(), VideoError> {
        if self.place.exists() {
            fs::remove_dir_all(&self.place)
                .map_err(|error| access("remove", &self.place, &error))?;
        }
        fs::rename(&self.draft, &self.place).map_err(|error| access("write", &self.place, &error))
    }
}

impl Drop for DraftFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.draft);
    }
}
