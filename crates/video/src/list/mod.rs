//! List files to records and back, with errors that name line and column.
//!
//! One record a line. Empty lines, lines that begin with `#`, a byte order mark and Windows line ends are allowed.
//!
//! | format | lines | whose |
//! |---|---|---|
//! | `path-label` | `path label` | mmaction2's videos, PySlowFast |
//! | `path-labels` | `path,label,label` | Multi-Moments in Time |
//! | `path-frames-label` | `path frames label` | TSM, TIN, X-Temporal, mmaction2's frame folders |
//! | `path-frames-labels` | `path frames label label` | mmaction2's frame folders with several labels |
//! | `path-offset-frames-label` | `path offset frames label`, offset from 0 | mmaction2's `with_offset` |
//! | `path-start-end-label` | `path start end label`, frames from 1 | bLVNet-TAM |
//! | `path-start-end-labels` | the same with several labels | bLVNet-TAM |
//! | `path-start-end`, `path` | without labels | lists to test on |
//! | `id-name` | `id;class name` | Something-Something v1, Jester |
//! | `something-json` | an array of `{"id", "template"}` | Something-Something v2 |
//! | `moments-csv` | `path,class name,votes,votes` | Moments in Time |
//! | `kinetics-csv` | a table with `label,youtube_id,time_start,time_end` | Kinetics |
//! | `ucf101-split` | `Class/v_Class_g01_c01.avi label`, from 1 | UCF101 |
//! | `hmdb51-split` | `file.avi 1\|2\|0`, a file a class | HMDB51 |
//! | `frame-list` | a table with a line a frame | PySlowFast |
//!
//! Columns are separated by blanks, `;` or `,`, the same in all lines; with the last two a path may be quoted. With
//! blanks the last columns are numbers and the rest of the line is the path, so a path can hold blanks. Paths are relative
//! to the root, by default the list's own folder.

mod classes;
mod columns;
mod detect;
mod draft;
mod format;
mod frame_list;
mod publisher;
mod rows;
mod write;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::VideoError;
use crate::datasets::preset_names;
pub use classes::ClassNames;
use detect::{Asked, Layout};
use draft::{Drafts, Source};
pub use format::{ListFormat, Separator};
pub(crate) use publisher::kinetics_classes;
pub use write::{Lossy, WriteOptions, render};

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The video file or frame folder, below the root.
    pub path: PathBuf,
    /// The path as the list has it.
    pub input: String,
    /// The classes, from 0: one in single-label lists, none in lists without labels.
    pub labels: Vec<usize>,
    /// Which frames of the video belong to the record.
    pub extent: Extent,
    /// The line in the list, from 1; for JSON the entry.
    pub line: usize,
}

impl Record {
    /// The class of a record that has exactly one.
    pub fn label(&self) -> Option<usize> {
        match self.labels[..] {
            [label] => Some(label),
            _ => None,
        }
    }
}

/// Which frames of a video belong to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All that there are.
    Whole,
    /// The first so many. Trusted for frame folders only; video files are counted.
    Count(usize),
    /// From one frame to another, both from 1 and included.
    Range {
        /// The first frame.
        start: usize,
        /// The last frame.
        end: usize,
    },
}

/// A part of a data set, in files that hold several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ListPart {
    /// To train on.
    Train,
    /// To test on.
    Test,
}

/// How to read a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ListOptions {
    /// The folder that paths are relative to; the list's own when left out.
    pub root: Option<PathBuf>,
    /// Labels must be smaller; any label is taken when left out.
    pub num_classes: Option<usize>,
    /// The dialect; found from the lines by default.
    pub format: ListFormat,
    /// What separates columns; found from the lines when left out.
    pub separator: Option<Separator>,
    /// A file of class names ([`ClassNames::read`]), for lists that name classes instead of numbering them.
    pub classes: Option<PathBuf>,
    /// Which part of a list that holds two (HMDB51).
    pub part: Option<ListPart>,
}

/// A list that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordList {
    /// The list file.
    pub file: PathBuf,
    /// The dialect that was found.
    pub format: ListFormat,
    /// The separator that was found.
    pub separator: Separator,
    /// The records, at least one, in the order of the lines.
    pub records: Vec<Record>,
}

/// A list with the lines that cannot be read beside those that can.
#[derive(Clone, Debug, PartialEq)]
pub struct Examined {
    /// What can be read; here it may be without a record.
    pub list: RecordList,
    /// The errors of the other lines: `LIST_INVALID` and `LABEL_OUT_OF_RANGE`.
    pub failures: Vec<VideoError>,
}

/// Reads a list file.
///
/// # Errors
/// `LIST_NOT_FOUND`, `FILE_ACCESS`, and those of [`parse`].
pub fn read(file: &Path, options: &ListOptions) -> Result<RecordList, VideoError> {
    read_with(file, options, None)
}

/// [`read`] with class names that are known already; they go before those of `options` and of the list.
///
/// # Errors
/// Those of [`read`].
pub fn read_with(
    file: &Path,
    options: &ListOptions,
    classes: Option<&ClassNames>,
) -> Result<RecordList, VideoError> {
    parse_with(&read_text(file)?, file, options, classes)
}

/// Reads a list's text; `file` names it in errors and is where paths start without a root.
///
/// # Errors
/// `EMPTY_LIST` without a record, `LIST_AMBIGUOUS` where the lines could be of two dialects, `INVALID_OPTION` where a list
/// names classes and `options` does not, `LIST_INVALID` and `LABEL_OUT_OF_RANGE` for a line, naming line and column.
pub fn parse(text: &str, file: &Path, options: &ListOptions) -> Result<RecordList, VideoError> {
    parse_with(text, file, options, None)
}

/// [`parse`] with class names that were read already.
pub(crate) fn parse_with(
    text: &str,
    file: &Path,
    options: &ListOptions,
    classes: Option<&ClassNames>,
) -> Result<RecordList, VideoError> {
    let examined = examine_text(text, file, options, classes)?;
    if let Some(failure) = examined.failures.into_iter().next() {
        return Err(failure);
    }
    if examined.list.records.is_empty() {
        return Err(VideoError::EmptyList { file: file.to_owned() });
    }
    Ok(examined.list)
}

/// Reads a list file and goes on after lines that cannot be read.
///
/// # Errors
/// What keeps the whole list from being read: those of [`read`] but `EMPTY_LIST` and what is wrong with single lines.
pub fn examine(file: &Path, options: &ListOptions) -> Result<Examined, VideoError> {
    examine_text(&read_text(file)?, file, options, None)
}

/// The text of a list file.
pub(crate) fn read_text(file: &Path) -> Result<String, VideoError> {
    let bytes = std::fs::read(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => VideoError::ListNotFound { path: file.to_owned() },
        _ => VideoError::FileAccess {
            action: "read",
            path: file.to_owned(),
            reason: error.to_string(),
        },
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let (bytes, valid) = (error.as_bytes(), error.utf8_error().valid_up_to());
        VideoError::ListInvalid {
            file: file.to_owned(),
            line: bytes[..valid].split(|&byte| byte == b'\n').count(),
            field: "the line".into(),
            expected: "text in UTF-8".into(),
            received: format!("the byte 0x{:02x}", bytes[valid]),
        }
    })
}

fn examine_text(
    text: &str,
    file: &Path,
    options: &ListOptions,
    known: Option<&ClassNames>,
) -> Result<Examined, VideoError> {
    let root = options.root.as_deref().or_else(|| file.parent()).unwrap_or_else(|| Path::new(""));
    let asked = Asked { file, root, format: options.format, separator: options.separator };
    let layout = detect::find(text, asked)?;
    let classes = match known {
        Some(classes) => Some(classes.clone()),
        None => class_names(text, file, layout.format, options)?,
    };
    let source = Source {
        text,
        file,
        root,
        classes: classes.as_ref(),
        num_classes: options.num_classes.or_else(|| Some(classes.as_ref()?.names().len())),
    };
    if layout.format.names_classes() && !matches!(layout.format, ListFormat::KineticsCsv) {
        // Said once for the list instead of for every line; Kinetics' tables to test on name no class.
        source.classes()?;
    }
    let drafts = read_drafts(&source, layout, options)?;
    let mut failures = Vec::new();
    let mut records = Vec::new();
    for record in drafts.into_records(&source) {
        match record {
            Ok(record) => records.push(record),
            Err(VideoError::InvalidOption { field, expected, received }) => {
                return Err(VideoError::InvalidOption { field, expected, received });
            }
            Err(failure) => failures.push(failure),
        }
    }
    let Layout { format, separator } = layout;
    let list = RecordList { file: file.to_owned(), format, separator, records };
    Ok(Examined { list, failures })
}

fn read_drafts(
    source: &Source<'_>,
    layout: Layout,
    options: &ListOptions,
) -> Result<Drafts, VideoError> {
    match (layout.format, layout.format.columns()) {
        (_, Some(columns)) => columns::read(source, layout, columns),
        (ListFormat::IdName, _) => publisher::id_name(source, layout.separator),
        (ListFormat::SomethingJson, _) => publisher::something(source),
        (ListFormat::MomentsCsv, _) => publisher::moments(source),
        (ListFormat::KineticsCsv, _) => publisher::kinetics(source),
        (ListFormat::Ucf101Split, _) => publisher::ucf101(source),
        (ListFormat::Hmdb51Split, _) => publisher::hmdb51(source, options.part),
        _ => frame_list::read(source, layout.separator),
    }
}

/// The class names for a list: those asked for, else those that are known for the dialect.
fn class_names(
    text: &str,
    file: &Path,
    format: ListFormat,
    options: &ListOptions,
) -> Result<Option<ClassNames>, VideoError> {
    if let Some(file) = &options.classes {
        return ClassNames::read(file).map(Some);
    }
    match format {
        ListFormat::Ucf101Split => preset_names("ucf101").map(Some),
        ListFormat::Hmdb51Split => preset_names("hmdb51").map(Some),
        ListFormat::KineticsCsv => {
            // A list that has every class numbers them as everybody does, in the order of the alphabet.
            let names = kinetics_classes(text, file)?;
            let is_whole = options.num_classes == Some(names.len()) && !names.is_empty();
            is_whole.then(|| ClassNames::of(names, &file.display().to_string())).transpose()
        }
        _ => Ok(None),
    }
}
