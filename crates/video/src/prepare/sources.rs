//! Where the records of new lists come from: folders of classes, and publishers' files.

use std::path::{Path, PathBuf};

use super::folder::{entries, has_images};
use super::lists::Draft;
use crate::VideoError;
use crate::datasets::{Part, Preset, PresetList};
use crate::endings::{VIDEOS, has_ending};
use crate::list::{
    self, ClassNames, Extent, ListFormat, ListOptions, ListPart, Record, kinetics_classes,
    read_text,
};
use crate::random::Draws;

/// Folders that hold a part of a data set.
const PARTS: [(&str, Part); 7] = [
    ("train", Part::Train),
    ("training", Part::Train),
    ("val", Part::Val),
    ("valid", Part::Val),
    ("validation", Part::Val),
    ("test", Part::Test),
    ("testing", Part::Test),
];

/// The lists of a folder of class folders. `val` of each class's videos, drawn by `seed`, go to validation.
pub(super) fn of_folder(
    folder: &Path,
    out: &Path,
    val: f64,
    seed: u64,
) -> Result<(Vec<Draft>, ClassNames), VideoError> {
    if !(0.0..1.0).contains(&val) {
        return Err(VideoError::option("val", "a number from 0 to below 1", val));
    }
    let top = folders(folder)?;
    let part = |name: &str| {
        PARTS.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|&(_, part)| part)
    };
    let parts: Option<Vec<Part>> = top.iter().map(|(name, _)| part(name)).collect();
    let parts = parts.filter(|parts| !parts.is_empty());
    if parts.is_some() && val > 0.0 {
        let expected = "0 for a folder that is parted already";
        return Err(VideoError::option("val", expected, val));
    }
    let mut names: Vec<String> = Vec::new();
    for (name, path) in &top {
        match parts {
            Some(_) => names.extend(folders(path)?.into_iter().map(|(name, _)| name)),
            None => names.push(name.clone()),
        }
    }
    names.sort();
    names.dedup();
    if names.is_empty() {
        let expected = "a folder with a folder per class";
        return Err(VideoError::option("folder", expected, folder.display()));
    }
    let names = ClassNames::of(names, &folder.display().to_string())?;
    let draft = |name: &str, records| Draft {
        out: out.join(format!("{name}.txt")),
        origin: folder.to_owned(),
        from: ListFormat::Auto,
        records,
    };
    let mut drafts = Vec::new();
    if let Some(parts) = parts {
        for ((name, path), part) in top.iter().zip(parts) {
            let records = of_classes(path, &format!("{name}/"), &names)?.concat();
            drafts.push(draft(part.name(), records));
        }
    } else if val > 0.0 {
        let (mut train, mut held) = (Vec::new(), Vec::new());
        for (class, mut records) in of_classes(folder, "", &names)?.into_iter().enumerate() {
            Draws::parting(seed, class as u64).shuffle(&mut records);
            let count = (records.len() as f64 * val).round() as usize;
            // A class that no training video shows cannot be learned: its last one stays.
            let rest = records.split_off(count.min(records.len().saturating_sub(1)));
            held.extend(records);
            train.extend(rest);
        }
        drafts.extend([draft("train", train), draft("val", held)]);
    } else {
        drafts.push(draft("list", of_classes(folder, "", &names)?.concat()));
    }
    for draft in &mut drafts {
        if draft.records.is_empty() {
            let expected = format!("a video of at least one class for {}", draft.out.display());
            return Err(VideoError::option("folder", expected, folder.display()));
        }
        draft.records.sort_by(|a, b| a.input.cmp(&b.input));
    }
    Ok((drafts, names))
}

fn folders(folder: &Path) -> Result<Vec<(String, PathBuf)>, VideoError> {
    Ok(entries(folder)?.into_iter().filter(|(_, path)| path.is_dir()).collect())
}

/// The records of each class folder: video files, and folders of images.
fn of_classes(
    folder: &Path,
    before: &str,
    names: &ClassNames,
) -> Result<Vec<Vec<Record>>, VideoError> {
    let mut classes = Vec::new();
    for (class, path) in folders(folder)? {
        let label = names.names().iter().position(|name| *name == class).unwrap_or_default();
        let mut records = Vec::new();
        for (name, path) in entries(&path)? {
            if has_ending(&path, &VIDEOS) && path.is_file() || path.is_dir() && has_images(&path)? {
                records.push(Record {
                    path,
                    input: format!("{before}{class}/{name}"),
                    labels: vec![label],
                    extent: Extent::Whole,
                    line: records.len() + 1,
                });
            }
        }
        classes.push(records);
    }
    Ok(classes)
}

/// The lists of a known data set that lie in `annotations` or in a folder of it.
pub(super) fn of_dataset(
    preset: &Preset,
    annotations: &Path,
    videos: &Path,
    out: &Path,
) -> Result<(Vec<Draft>, ClassNames), VideoError> {
    let mut places = vec![annotations.to_owned()];
    places.extend(folders(annotations)?.into_iter().map(|(_, path)| path));
    let find = |name: &str| places.iter().map(|place| place.join(name)).find(|file| file.is_file());
    let names = class_names(preset, annotations, &find)?;
    let mut drafts: Vec<Draft> = Vec::new();
    for list in &preset.lists {
        let records = if list.files[0].contains("{class}") {
            of_class_files(list, &names, videos, &find)?
        } else if let Some(file) = list.files.iter().find_map(|name| find(name)) {
            Some((of_file(list, &file, &names, videos)?, file))
        } else {
            None
        };
        if let Some((records, origin)) = records {
            let out = out.join(format!("{}.txt", list.name()));
            drafts.push(Draft { out, origin, from: list.format, records });
        }
    }
    if drafts.is_empty() {
        let files: Vec<&str> =
            preset.lists.iter().flat_map(|list| &list.files).map(|f| &**f).collect();
        let expected = format!("a folder with files of {} ({})", preset.title, files.join(", "));
        return Err(VideoError::option("annotations", expected, annotations.display()));
    }
    Ok((drafts, names))
}

/// The publisher's file of class names, the names that are known, or those that its tables hold.
fn class_names(
    preset: &Preset,
    annotations: &Path,
    find: &impl Fn(&str) -> Option<PathBuf>,
) -> Result<ClassNames, VideoError> {
    let counts: Vec<usize> =
        [preset.num_classes].into_iter().chain(preset.other_num_classes.iter().copied()).collect();
    let checked = |names: ClassNames| {
        let count = names.names().len();
        if counts.contains(&count) {
            return Ok(names);
        }
        let expected: Vec<String> = counts.iter().map(ToString::to_string).collect();
        let expected = format!("{} names of classes ({})", expected.join(" or "), preset.title);
        let received = format!("{count} in {}", names.file().display());
        Err(VideoError::option("annotations", expected, received))
    };
    if let Some(file) = preset.classes_files.iter().find_map(|name| find(name)) {
        return checked(ClassNames::read(&file)?);
    }
    if let Some(names) = preset.class_names() {
        return ClassNames::of(names, &preset.title);
    }
    if !preset.classes_files.is_empty() {
        let expected = format!("a folder with {}", preset.classes_files.join(" or "));
        return Err(VideoError::option("annotations", expected, annotations.display()));
    }
    let mut names = std::collections::BTreeSet::new();
    for file in preset.lists.iter().filter_map(|list| list.files.iter().find_map(|f| find(f))) {
        names.extend(kinetics_classes(&read_text(&file)?, &file)?);
    }
    checked(ClassNames::of(names, &annotations.display().to_string())?)
}

fn options(list: &PresetList, names: &ClassNames, root: PathBuf) -> ListOptions {
    ListOptions {
        root: Some(root),
        num_classes: Some(names.names().len()),
        format: list.format,
        part: Some(if list.part == Part::Train { ListPart::Train } else { ListPart::Test }),
        ..ListOptions::default()
    }
}

/// The records of one file, with paths from the folder of the videos.
fn of_file(
    list: &PresetList,
    file: &Path,
    names: &ClassNames,
    videos: &Path,
) -> Result<Vec<Record>, VideoError> {
    let folder = list.folder.as_deref().filter(|folder| videos.join(folder).is_dir());
    let root = folder.map_or_else(|| videos.to_owned(), |folder| videos.join(folder));
    let text = read_text(file)?;
    let read = list::parse_with(&text, file, &options(list, names, root), Some(names))?;
    let mut records = read.records;
    if let Some(folder) = folder {
        for record in &mut records {
            record.input = format!("{folder}/{}", record.input);
        }
    }
    Ok(records)
}

/// The records of a part that is spread over a file per class.
fn of_class_files(
    list: &PresetList,
    names: &ClassNames,
    videos: &Path,
    find: &impl Fn(&str) -> Option<PathBuf>,
) -> Result<Option<(Vec<Record>, PathBuf)>, VideoError> {
    let mut records = Vec::new();
    let mut origin = None;
    let mut missing = None;
    for class in names.names() {
        let name = list.files[0].replace("{class}", class);
        let Some(file) = find(&name) else {
            missing = missing.or(Some(name));
            continue;
        };
        let text = read_text(&file)?;
        let options = options(list, names, videos.to_owned());
        match list::parse_with(&text, &file, &options, Some(names)) {
            Ok(read) => records.extend(read.records),
            Err(VideoError::EmptyList { .. }) => {}
            Err(error) => return Err(error),
        }
        origin = Some(file);
    }
    match (origin, missing) {
        (Some(origin), Some(missing)) => {
            Err(VideoError::FileNotFound { path: origin.with_file_name(missing) })
        }
        (Some(origin), None) => Ok(Some((records, origin))),
        (None, _) => Ok(None),
    }
}
