//! The lines of a list as cells: plain for blanks, with quotes for `;` and `,`.

use std::borrow::Cow;
use std::path::Path;

use super::format::{Columns, Labels, Separator};
use crate::VideoError;

/// A line that holds something.
#[derive(Clone, Debug)]
pub(super) struct Row<'a> {
    /// Its number, from 1.
    pub line: usize,
    /// Its text without blanks around it.
    pub text: Cow<'a, str>,
    /// Its cells, at least one.
    pub cells: Vec<Cow<'a, str>>,
}

/// The text without a byte order mark.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The lines that are neither empty nor comments, with their numbers from 1.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = without_mark(text).lines().enumerate().map(|(at, text)| (at + 1, text.trim()));
    lines.filter(|(_, text)| !text.is_empty() && !text.starts_with('#'))
}

/// The rows with cells between separators.
///
/// # Errors
/// `LIST_INVALID` for a quote that is not closed on its line.
pub(super) fn rows<'a>(
    text: &'a str,
    separator: Separator,
    file: &Path,
) -> Result<Vec<Row<'a>>, VideoError> {
    if separator == Separator::Space {
        let row = |(line, text): (usize, &'a str)| Row {
            line,
            text: text.into(),
            cells: text.split_whitespace().map(Cow::from).collect(),
        };
        return Ok(lines(text).map(row).collect());
    }
    quoted(text, separator.byte(), file)
}

/// The rows of a table whose cells may be quoted; a row is a line.
///
/// # Errors
/// `LIST_INVALID` for a quote that is not closed on its line.
pub(super) fn quoted<'a>(
    text: &'a str,
    separator: u8,
    file: &Path,
) -> Result<Vec<Row<'a>>, VideoError> {
    let between = char::from(separator);
    let mut rows = Vec::new();
    for (line, text) in lines(text) {
        let plain: Vec<&str> = text.split(between).map(str::trim).collect();
        let is_quoted = plain.iter().any(|cell| cell.starts_with('"'));
        let cells: Vec<Cow<'a, str>> = if is_quoted {
            if text.matches('"').count() % 2 == 1 {
                return Err(VideoError::ListInvalid {
                    file: file.to_owned(),
                    line,
                    field: "the line".into(),
                    expected: "a quote that is closed on the same line".into(),
                    received: format!("`{text}`"),
                });
            }
            unquoted(text, separator)
        } else if separator == b' ' {
            text.split_whitespace().map(Cow::from).collect()
        } else {
            plain.into_iter().map(Cow::from).collect()
        };
        if cells.iter().any(|cell| !cell.is_empty()) {
            rows.push(Row { line, text: text.into(), cells });
        }
    }
    Ok(rows)
}

/// The cells of one line of which some are quoted.
fn unquoted<'a>(text: &str, separator: u8) -> Vec<Cow<'a, str>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(separator)
        .trim(csv::Trim::All)
        .buffer_capacity(text.len().max(1))
        .from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    // A single line of UTF-8 in memory: nothing is left that could fail.
    let _ = reader.read_record(&mut record);
    record.iter().map(|cell| Cow::Owned(cell.to_owned())).collect()
}

impl Row<'_> {
    /// How many cells at the end are numbers, leaving one for the path.
    pub fn numbers(&self) -> usize {
        self.cells.iter().skip(1).rev().take_while(|cell| is_number(cell)).count()
    }

    /// The number in a cell, where it is a single one.
    pub fn number(&self, from_end: usize) -> Option<usize> {
        self.cells.len().checked_sub(from_end).and_then(|at| self.cells.get(at))?.parse().ok()
    }

    /// The path when so many cells after it are columns.
    pub fn path(&self, separator: Separator, columns: usize) -> Option<&str> {
        if separator != Separator::Space {
            return self.cells.first().map(AsRef::as_ref);
        }
        let mut path = &*self.text;
        for _ in 0..columns {
            path = path.rsplit_once(char::is_whitespace)?.0.trim_end();
        }
        (!path.is_empty()).then_some(path)
    }

    /// The path and the cells after it; none when there are too few or too many.
    pub fn split(&self, separator: Separator, columns: Columns) -> Option<(&str, &[Cow<'_, str>])> {
        let least = columns.least();
        let count = match (separator, columns.labels) {
            (Separator::Space, Labels::Cells) => self.numbers(),
            (Separator::Space, _) => least,
            // bLVNet-TAM's lists with `;` have one label or several.
            (_, Labels::Cells) | (Separator::Semicolon, Labels::Cell) => self.cells.len() - 1,
            _ if self.cells.len() == least + 1 => least,
            _ => return None,
        };
        let path = self.path(separator, count).filter(|path| !path.is_empty() && count >= least)?;
        Some((path, &self.cells[self.cells.len() - count..]))
    }

    /// Whether the line names columns instead of holding a record.
    pub fn is_header(&self, separator: Separator) -> bool {
        const FIRST: [&str; 7] = ["path", "video", "video_path", "file", "filename", "name", "id"];
        const LAST: [&str; 5] = ["label", "labels", "class", "label_id", "classes"];
        let cell = |at: usize| self.cells.get(at).map_or(String::new(), |c| c.to_ascii_lowercase());
        let last = cell(self.cells.len() - 1);
        separator != Separator::Space
            && (LAST.contains(&last.as_str())
                || self.cells.len() > 1 && FIRST.contains(&cell(0).as_str()) && self.numbers() == 0)
    }
}

/// Whether a cell is a number, or several joined by commas.
fn is_number(cell: &str) -> bool {
    let mut labels = cell.split(',').map(|label| label.trim().trim_start_matches('-'));
    labels.all(|label| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit()))
}
