//! List files to records, with errors that name line and column.
//!
//! One record a line. Empty lines, lines that begin with `#`, a byte order mark and Windows line ends are allowed.
//!
//! | format | columns | whose |
//! |---|---|---|
//! | `path-label` | `path label` | mmaction2's video lists |
//! | `path-frames-label` | `path frames label` | TSM, TIN, X-Temporal |
//! | `path-start-end-label` | `path start end label`, frames from 1 | bLVNet-TAM |
//!
//! Columns are separated by blanks, `;` or `,`, the same in all lines. The last columns are numbers and the rest of the
//! line is the path, so a path can hold blanks. Several labels are joined by commas (`144,246`), or take further columns
//! after `;`. Paths are relative to the root, by default the list's own folder.

mod format;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::VideoError;
use format::{Layout, Line};
pub use format::{ListFormat, Separator};

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The video file or frame folder, below the root.
    pub path: PathBuf,
    /// The path as the list has it.
    pub input: String,
    /// The classes, from 0; one in single-label lists.
    pub labels: Vec<usize>,
    /// Which frames of the video belong to the record.
    pub extent: Extent,
    /// The line in the list, from 1.
    pub line: usize,
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

/// How to read a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ListOptions {
    /// The folder that paths are relative to; the list's own when left out.
    pub root: Option<PathBuf>,
    /// Labels must be smaller; any label is taken when left out.
    pub num_classes: Option<usize>,
    /// The columns; found from the lines by default.
    pub format: ListFormat,
    /// What separates columns; found from the lines when left out.
    pub separator: Option<Separator>,
}

/// A list that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordList {
    /// The list file.
    pub file: PathBuf,
    /// The columns that were found.
    pub format: ListFormat,
    /// The separator that was found.
    pub separator: Separator,
    /// The records, at least one, in the order of the lines.
    pub records: Vec<Record>,
}

/// Reads a list file.
///
/// # Errors
/// `LIST_NOT_FOUND`, `FILE_ACCESS`, and those of [`parse`].
pub fn read(file: &Path, options: &ListOptions) -> Result<RecordList, VideoError> {
    let bytes = std::fs::read(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => VideoError::ListNotFound { path: file.to_owned() },
        _ => VideoError::FileAccess {
            action: "read",
            path: file.to_owned(),
            reason: error.to_string(),
        },
    })?;
    let text = std::str::from_utf8(&bytes).map_err(|error| VideoError::ListInvalid {
        file: file.to_owned(),
        line: bytes[..error.valid_up_to()].split(|&byte| byte == b'\n').count(),
        field: "the line".into(),
        expected: "text in UTF-8".into(),
        received: format!("the byte 0x{:02x}", bytes[error.valid_up_to()]),
    })?;
    parse(text, file, options)
}

/// Reads a list's text; `file` names it in errors and is where paths start without a root.
///
/// # Errors
/// `EMPTY_LIST` without a record, `LIST_INVALID` and `LABEL_OUT_OF_RANGE` for a line, naming line and column.
pub fn parse(text: &str, file: &Path, options: &ListOptions) -> Result<RecordList, VideoError> {
    let lines = format::lines(text);
    let root = options.root.as_deref().or_else(|| file.parent()).unwrap_or_else(|| Path::new(""));
    let layout = Layout::find(&lines, options, root);
    let reader = Reader { file, root, layout, num_classes: options.num_classes };
    let records = lines
        .iter()
        .enumerate()
        .filter(|(at, line)| !(*at == 0 && layout.is_header(line)))
        .map(|(_, line)| reader.record(line))
        .collect::<Result<Vec<_>, _>>()?;
    if records.is_empty() {
        return Err(VideoError::EmptyList { file: file.to_owned() });
    }
    Ok(RecordList {
        file: file.to_owned(),
        format: layout.format,
        separator: layout.separator,
        records,
    })
}

struct Reader<'a> {
    file: &'a Path,
    root: &'a Path,
    layout: Layout,
    num_classes: Option<usize>,
}

impl Reader<'_> {
    fn record(&self, line: &Line<'_>) -> Result<Record, VideoError> {
        let names = self.layout.format.columns();
        let Some((path, columns)) = self.layout.split(line.text) else {
            let expected = format!("{} columns ({})", names.len() + 1, self.layout.format.header());
            return Err(self.invalid(line, "the line", expected, format!("`{}`", line.text)));
        };
        let first_label = names.len() - 1;
        let number =
            |at: usize, least: usize| self.number(line, (at, names[at]), columns[at], least);
        let extent = match first_label {
            0 => Extent::Whole,
            1 => Extent::Count(number(0, 1)?),
            _ => {
                let start = number(0, 1)?;
                Extent::Range { start, end: number(1, start)? }
            }
        };
        let labels = columns[first_label..].iter().enumerate().flat_map(|(at, column)| {
            column
                .split(',')
                .map(move |label| self.label(line, (at + first_label, "label"), label.trim()))
        });
        let labels = labels.collect::<Result<Vec<_>, _>>()?;
        Ok(Record {
            path: self.root.join(path),
            input: path.to_owned(),
            labels,
            extent,
            line: line.number,
        })
    }

    fn label(
        &self,
        line: &Line<'_>,
        column: (usize, &str),
        text: &str,
    ) -> Result<usize, VideoError> {
        let label = self.number(line, column, text, 0)?;
        match self.num_classes {
            Some(num_classes) if label >= num_classes => Err(VideoError::LabelOutOfRange {
                file: self.file.to_owned(),
                line: line.number,
                label,
                num_classes,
            }),
            _ => Ok(label),
        }
    }

    fn number(
        &self,
        line: &Line<'_>,
        (at, name): (usize, &str),
        text: &str,
        least: usize,
    ) -> Result<usize, VideoError> {
        match text.parse() {
            Ok(number) if number >= least => Ok(number),
            _ => {
                let field =
                    format!("{name} (column {} of {})", at + 2, self.layout.format.header());
                Err(self.invalid(
                    line,
                    field,
                    format!("an integer of at least {least}"),
                    format!("`{text}`"),
                ))
            }
        }
    }

    fn invalid(
        &self,
        line: &Line<'_>,
        field: impl Into<String>,
        expected: String,
        received: String,
    ) -> VideoError {
        VideoError::ListInvalid {
            file: self.file.to_owned(),
            line: line.number,
            field: field.into(),
            expected,
            received,
        }
    }
}
