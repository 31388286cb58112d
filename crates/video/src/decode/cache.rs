//! What counting a file has shown, kept for the next time: files without an index of their own are then opened quickly.
//!
//! Entries lie in `index/` of the cache folder (`$TIMEWEAVE_HOME`, or `timeweave` in the user's cache folder) and are found
//! by path, size, time of change, stream and decoder. They are written whole or not at all; an entry that cannot be read, or
//! was made for something else, is as good as none, and nothing that goes wrong here is an error. The oldest entries make
//! room for new ones.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

/// Begins every entry; changes with the layout.
const MARK: &[u8; 8] = b"twindex1";
/// The most bytes of an entry: the frames of some hours.
const MOST_BYTES: usize = 1 << 19;
/// Entries lie in 256 folders; the most of one, in entries and bytes. All together stay below 256 MiB.
const MOST_ENTRIES: usize = 128;
const MOST_FOLDER_BYTES: u64 = 1 << 20;

/// The place of one file's entry.
#[derive(Debug)]
pub(super) struct Entry {
    file: PathBuf,
    key: Vec<u8>,
}

impl Entry {
    /// For a file as it is now; `reader` names all else that the content depends on. `None` without a cache folder.
    pub(super) fn of(path: &Path, about: &Metadata, reader: &str) -> Option<Self> {
        Self::within(&home()?.join("index"), path, about, reader)
    }

    fn within(folder: &Path, path: &Path, about: &Metadata, reader: &str) -> Option<Self> {
        let changed = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
        let path = fs::canonicalize(path).ok()?;
        let mut key = format!("{reader}\n{}\n{changed}\n", about.len()).into_bytes();
        key.extend(path.as_os_str().as_encoded_bytes());
        let name = format!("{:016x}", hash(&key));
        Some(Self { file: folder.join(&name[..2]).join(name), key })
    }

    /// What was saved for the file.
    pub(super) fn load(&self) -> Option<Vec<u8>> {
        let about = fs::metadata(&self.file).ok()?;
        if about.len() as usize > MOST_BYTES + self.key.len() + 64 {
            return None;
        }
        let bytes = fs::read(&self.file).ok()?;
        let (content, sum) = bytes.split_last_chunk::<8>()?;
        if hash(content) != u64::from_le_bytes(*sum) {
            return None;
        }
        let rest = content.strip_prefix(MARK)?;
        let (length, rest) = rest.split_first_chunk::<8>()?;
        let (key, payload) = rest.split_at_checked(u64::from_le_bytes(*length) as usize)?;
        (key == self.key).then(|| payload.to_vec())
    }

    /// Saves something for the file.
    pub(super) fn save(&self, payload: &[u8]) {
        if payload.len() <= MOST_BYTES {
            // A cache that cannot be written is none.
            let _ = self.write(payload);
        }
    }

    fn write(&self, payload: &[u8]) -> std::io::Result<()> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let Some(folder) = self.file.parent() else { return Ok(()) };
        fs::create_dir_all(folder)?;
        make_room(folder, payload.len() as u64)?;
        let length = (self.key.len() as u64).to_le_bytes();
        let mut bytes = [MARK.as_slice(), &length, &self.key, payload].concat();
        bytes.extend(hash(&bytes).to_le_bytes());
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let part = folder.join(format!("{}-{number}.part", process::id()));
        let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, &self.file));
        if written.is_err() {
            let _ = fs::remove_file(&part);
        }
        written
    }
}

/// Removes the oldest entries of a folder until another one fits.
fn make_room(folder: &Path, more: u64) -> std::io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        files.push((about.modified()?, about.len(), entry.path()));
    }
    files.sort();
    let mut bytes: u64 = files.iter().map(|file| file.1).sum::<u64>() + more;
    let mut count = files.len() + 1;
    for (_, length, path) in files {
        if count <= MOST_ENTRIES && bytes <= MOST_FOLDER_BYTES {
            break;
        }
        fs::remove_file(path)?;
        (bytes, count) = (bytes - length, count - 1);
    }
    Ok(())
}

/// The project's cache folder.
fn home() -> Option<PathBuf> {
    let named =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let user = || {
        let home = named("HOME")?;
        Some(home.join(if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" }))
    };
    named("TIMEWEAVE_HOME")
        .or_else(|| Some(named("XDG_CACHE_HOME").or_else(user)?.join("timeweave")))
}

/// FNV-1a of 64 bits: the same in every version and on every machine.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, &byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(folder: &Path, file: &Path, reader: &str) -> Entry {
        let about = fs::metadata(file).expect("metadata");
        Entry::within(folder, file, &about, reader).expect("an entry")
    }

    #[test]
    fn an_entry_serves_its_file_alone_and_only_while_it_is_unchanged() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("a.avi");
        fs::write(&file, b"a video").expect("write");
        let cache = folder.path().join("cache");
        let kept = entry(&cache, &file, "libav");
        assert_eq!(kept.load(), None);
        kept.save(b"seven frames");
        assert_eq!(kept.load().as_deref(), Some(b"seven frames".as_slice()));
        assert_eq!(
            entry(&cache, &file, "libav").load().as_deref(),
            Some(b"seven frames".as_slice())
        );
        assert_eq!(entry(&cache, &file, "ffmpeg").load(), None);
        fs::write(&file, b"another video").expect("write");
        assert_eq!(entry(&cache, &file, "libav").load(), None);
    }

    #[test]
    fn a_spoilt_entry_is_none_and_a_large_one_is_not_made() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("a.avi");
        fs::write(&file, b"a video").expect("write");
        let kept = entry(&folder.path().join("cache"), &file, "libav");
        kept.save(&vec![0; MOST_BYTES + 1]);
        assert_eq!(kept.load(), None);
        kept.save(b"frames");
        let whole = fs::read(&kept.file).expect("read");
        for place in 0..whole.len() {
            let mut spoilt = whole.clone();
            spoilt[place] ^= 1;
            fs::write(&kept.file, &spoilt).expect("write");
            assert_eq!(kept.load(), None, "byte {place}");
            fs::write(&kept.file, &whole[..place]).expect("write");
            assert_eq!(kept.load(), None, "{place} bytes");
        }
    }

    #[test]
    fn the_oldest_entries_make_room() {
        let folder = tempfile::tempdir().expect("folder");
        for number in 0..MOST_ENTRIES + 5 {
            fs::write(folder.path().join(format!("{number:04}")), [0; 100]).expect("write");
        }
        make_room(folder.path(), 100).expect("room");
        assert_eq!(fs::read_dir(folder.path()).expect("list").count(), MOST_ENTRIES - 1);
        make_room(folder.path(), MOST_FOLDER_BYTES - 150).expect("room");
        assert_eq!(fs::read_dir(folder.path()).expect("list").count(), 1);
    }
}
