//! What a video or a frame folder turns out to hold.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::Hasher;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::folder;
use crate::decode::is_flow_template;
use crate::endings::{IMAGES, has_ending};
use crate::{OpenOptions, VideoError, open};

/// Frames that are decoded at once.
const BLOCK: usize = 8;

/// What is known of a path.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    /// The frames that can be had, or why none can.
    pub frames: Result<usize, VideoError>,
    /// The number of the first image of a frame folder; none for files.
    pub first: Option<u64>,
    /// Whether the frames are pairs of optical flow, one fewer than the frames that they were made of.
    pub is_flow: bool,
    /// The same for paths that lead to the same video.
    pub identity: PathBuf,
    /// Size in bytes, for files.
    bytes: Option<u64>,
}

/// Looks at a path.
pub(super) fn probe(path: &Path, template: Option<&str>, decode: bool) -> Probe {
    let identity = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let about = fs::metadata(path).ok();
    let bytes = about.as_ref().filter(|about| about.is_file()).map(fs::Metadata::len);
    let is_folder = about.is_some_and(|about| about.is_dir());
    Probe {
        frames: look(path, template, decode),
        first: if is_folder { first_number(path, template) } else { None },
        is_flow: is_folder && template.is_some_and(is_flow_template),
        identity,
        bytes,
    }
}

fn look(path: &Path, template: Option<&str>, decode: bool) -> Result<usize, VideoError> {
    let options = OpenOptions { template: template.map(str::to_owned), ..OpenOptions::default() };
    let mut source = open(path, &options)?;
    let count = source.frame_count()?;
    if count == 0 {
        return Err(VideoError::EmptyVideo);
    }
    let is_folder = source.info().decoder == "frames";
    let indices: Vec<usize> = match (decode, is_folder) {
        (true, _) => (0..count).collect(),
        (false, _) if count > 1 => vec![0, count - 1],
        (false, _) => vec![0],
    };
    for block in indices.chunks(BLOCK) {
        source.frames(block)?;
    }
    if is_folder && !decode {
        find_hole(path, template, count)?;
    }
    Ok(count)
}

/// The numbers in the names of the images that a template fits, or of the most numerous kind.
fn numbers(path: &Path, template: Option<&str>) -> Vec<u64> {
    let mut kinds: BTreeMap<(String, String), Vec<u64>> = BTreeMap::new();
    for (name, file) in folder::entries(path).unwrap_or_default() {
        let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let end = stem.trim_end_matches(|c: char| !c.is_ascii_digit()).len();
        let start = stem[..end].trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let Ok(number) = stem[start..end].parse::<u64>() else { continue };
        let fits = template.is_none_or(|template| {
            crate::decode::frame_name(template, number).is_ok_and(|expected| expected == name)
        });
        if fits && has_ending(&file, &IMAGES) {
            let kind = (stem[..start].to_owned(), name[end..].to_owned());
            kinds.entry(kind).or_default().push(number);
        }
    }
    let mut numbers = kinds.into_values().max_by_key(Vec::len).unwrap_or_default();
    numbers.sort_unstable();
    numbers
}

fn first_number(path: &Path, template: Option<&str>) -> Option<u64> {
    numbers(path, template).first().copied()
}

/// The first number that is left out between the first image and the last.
fn find_hole(path: &Path, template: Option<&str>, count: usize) -> Result<(), VideoError> {
    let numbers = numbers(path, template);
    let Some(at) = numbers.windows(2).position(|pair| pair[1] > pair[0] + 1) else { return Ok(()) };
    if numbers.len() >= count {
        // The decoder sees other images than these: names without a pattern.
        return Ok(());
    }
    let missing = numbers[at] + 1;
    let name = match template {
        Some(template) => crate::decode::frame_name(template, missing)?,
        None => format!("number {missing}"),
    };
    Err(VideoError::FrameMissing { path: path.join(name), frame: at + 1 })
}

/// Gives files with the same bytes one identity. Only files of one size are read.
pub(super) fn same_content(probes: &mut BTreeMap<PathBuf, Probe>) {
    let mut by_size: BTreeMap<u64, Vec<PathBuf>> = BTreeMap::new();
    for (path, probe) in probes.iter() {
        if let Some(bytes) = probe.bytes.filter(|&bytes| bytes > 0) {
            by_size.entry(bytes).or_default().push(path.clone());
        }
    }
    for paths in by_size.into_values().filter(|paths| paths.len() > 1) {
        let mut first: BTreeMap<u64, PathBuf> = BTreeMap::new();
        for path in paths {
            let Some(hash) = content(&path) else { continue };
            let Some(probe) = probes.get_mut(&path) else { continue };
            let identity = first.entry(hash).or_insert_with(|| probe.identity.clone());
            probe.identity.clone_from(identity);
        }
    }
}

/// A number that depends on every byte of a file.
fn content(path: &Path) -> Option<u64> {
    let mut file = fs::File::open(path).ok()?;
    let mut hasher = DefaultHasher::new();
    let mut block = vec![0; 1 << 16];
    loop {
        match file.read(&mut block).ok()? {
            0 => return Some(hasher.finish()),
            count => hasher.write(&block[..count]),
        }
    }
}
