//! Lists out of folders of classes and publishers' files, and lists of one dialect into another.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::each::each;
use super::sources::{of_dataset, of_folder};
use super::{Failed, Step, Watch, whole, workers};
use crate::datasets::{self, mirror};
use crate::list::{
    self, ClassNames, Extent, ListFormat, ListOptions, Lossy, Record, Separator, WriteOptions,
    render,
};
use crate::{OpenOptions, VideoError, open};

/// Which lists to write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListsConfig {
    /// What to make them of.
    pub source: ListSource,
    /// The folder for the lists and the class names; for a single list the file.
    pub out: PathBuf,
    /// Their dialect; `path-label` when left out, or with `count` `path-frames-label`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<ListFormat>,
    /// What separates columns; the dialect's own when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<Separator>,
    /// Open every video and write how many frames it has.
    #[serde(default)]
    pub count: bool,
    /// Leave out what the dialect cannot hold instead of refusing.
    #[serde(default)]
    pub lossy: bool,
    /// Videos that are opened at once; one per processor when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<usize>,
}

/// What lists are made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum ListSource {
    /// A folder with a folder per class, or with such folders for `train`, `val` and `test`.
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The part of each class's videos that goes to validation, from 0 to below 1.
        #[serde(default)]
        val: f64,
        /// Decides which.
        #[serde(default)]
        seed: u64,
    },
    /// A known data set.
    Dataset {
        /// Its name.
        dataset: String,
        /// The folder with the publisher's files.
        annotations: PathBuf,
        /// The folder with the videos or frames; the annotations' when left out.
        #[serde(default)]
        videos: Option<PathBuf>,
    },
    /// A list.
    List {
        /// The file.
        list: PathBuf,
        /// How to read it.
        #[serde(default)]
        options: ListOptions,
    },
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListsResult {
    /// The lists.
    pub lists: Vec<WrittenList>,
    /// The file of class names, one a line.
    pub classes: Option<PathBuf>,
    /// How many classes there are, where it is known.
    pub num_classes: Option<usize>,
    /// Classes that a horizontal flip exchanges.
    pub mirror_pairs: Vec<(usize, usize)>,
    /// Names with a direction whose mirror image is no class.
    pub unpaired: Vec<String>,
    /// Videos that could not be counted and are left out.
    pub failed: Vec<Failed>,
}

/// One list that was written.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WrittenList {
    /// The file.
    pub file: PathBuf,
    /// Its records.
    pub records: usize,
    /// The dialect of what it was made of.
    pub from: ListFormat,
    /// Its own dialect.
    pub format: ListFormat,
    /// Records whose video is not there.
    pub missing: usize,
}

/// A list before it is written.
pub(super) struct Draft {
    /// Its file, below the output folder or the output itself.
    pub out: PathBuf,
    /// What errors name.
    pub origin: PathBuf,
    pub from: ListFormat,
    pub records: Vec<Record>,
}

/// Makes the lists.
///
/// # Errors
/// `INVALID_OPTION`, `FILE_NOT_FOUND`, `FILE_ACCESS`, those of reading a list, `LIST_LOSSY` for what the dialect cannot hold,
/// `ABORTED`.
pub fn make(config: &ListsConfig, watch: Watch<'_>) -> Result<ListsResult, VideoError> {
    let workers = workers(config.workers)?;
    let (mut drafts, classes) = match &config.source {
        ListSource::Folder { folder, val, seed } => {
            let (drafts, names) = of_folder(folder, &config.out, *val, *seed)?;
            (drafts, Some(names))
        }
        ListSource::Dataset { dataset, annotations, videos } => {
            let preset = datasets::preset(dataset)?;
            let videos = videos.as_deref().unwrap_or(annotations);
            let (drafts, names) = of_dataset(preset, annotations, videos, &config.out)?;
            (drafts, Some(names))
        }
        ListSource::List { list: file, options } => {
            let list = list::read(file, options)?;
            let names = options.classes.as_deref().map(ClassNames::read).transpose()?;
            let (out, origin) = (config.out.clone(), list.file);
            (vec![Draft { out, origin, from: list.format, records: list.records }], names)
        }
    };
    let mut result = ListsResult::default();
    if config.count {
        count(&mut drafts, workers, watch, &mut result.failed)?;
    }
    write(config, drafts, classes.as_ref(), &mut result)?;
    if let Some(classes) = &classes {
        let found = mirror(classes.names());
        result.num_classes = Some(classes.names().len());
        result.mirror_pairs = found.pairs;
        result.unpaired =
            found.unpaired.iter().map(|&number| classes.names()[number].clone()).collect();
        if !matches!(config.source, ListSource::List { .. }) {
            let file = config.out.join("classes.txt");
            whole::write(&file, (classes.names().join("\n") + "\n").as_bytes())?;
            result.classes = Some(file);
        }
    }
    Ok(result)
}

/// Writes the lists. All texts are made first: where one cannot be, none is written.
fn write(
    config: &ListsConfig,
    drafts: Vec<Draft>,
    classes: Option<&ClassNames>,
    result: &mut ListsResult,
) -> Result<(), VideoError> {
    let mut texts = Vec::new();
    for draft in &drafts {
        let is_bare = draft.records.iter().all(|record| record.labels.is_empty());
        let format = config.to.unwrap_or(match (config.count, is_bare) {
            (false, false) => ListFormat::PathLabel,
            (false, true) => ListFormat::Path,
            (true, false) => ListFormat::PathFramesLabel,
            (true, true) => ListFormat::PathStartEnd,
        });
        let lossy = if config.lossy { Lossy::Allowed } else { Lossy::Refused };
        let options = WriteOptions { format, separator: config.separator, classes, lossy };
        texts.push((format, render(&draft.records, &draft.origin, &options)?));
    }
    for (draft, (format, text)) in drafts.into_iter().zip(texts) {
        whole::write(&draft.out, text.as_bytes())?;
        let missing = draft.records.iter().filter(|record| !record.path.exists()).count();
        let Draft { out: file, from, records, .. } = draft;
        result.lists.push(WrittenList { file, records: records.len(), from, format, missing });
    }
    Ok(())
}

/// Gives every record its number of frames; records of videos that cannot be opened are left out.
fn count(
    drafts: &mut [Draft],
    workers: usize,
    watch: Watch<'_>,
    failed: &mut Vec<Failed>,
) -> Result<(), VideoError> {
    let counted = |path: &PathBuf| open(path, &OpenOptions::default())?.frame_count();
    let total = drafts.iter().map(|draft| draft.records.len()).sum();
    let mut done = 0;
    for draft in drafts {
        let paths: Vec<PathBuf> = draft.records.iter().map(|record| record.path.clone()).collect();
        let mut keep = vec![false; paths.len()];
        let records = &mut draft.records;
        each(&paths, workers, watch.cancel, counted, |index, frames| {
            done += 1;
            let record = &mut records[index];
            let error = match (frames, record.extent) {
                (Ok(0), _) => Some(Failed::new(&record.input, &VideoError::EmptyVideo)),
                (Ok(_), Extent::Range { .. }) => None,
                (Ok(frames), _) => {
                    record.extent = Extent::Count(frames);
                    None
                }
                (Err(error), _) => Some(Failed::new(&record.input, &error)),
            };
            keep[index] = error.is_none();
            failed.extend(error.clone());
            (watch.step)(&Step { done, total, input: record.input.clone(), error });
        });
        watch.check()?;
        let mut keep = keep.into_iter();
        draft.records.retain(|_| keep.next().unwrap_or(false));
    }
    failed.sort_by(|a, b| a.input.cmp(&b.input));
    Ok(())
}
