//! Which columns a list has and what separates them, by the majority of its lines.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ListOptions;

/// The columns of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ListFormat {
    /// Found from the lines: as many number columns as most lines end with. Where a path could itself end with a number,
    /// the reading is taken whose first path exists.
    #[default]
    Auto,
    /// `path label`.
    PathLabel,
    /// `path frames label`.
    PathFramesLabel,
    /// `path start end label`.
    PathStartEndLabel,
}

impl ListFormat {
    /// Names of the columns after the path.
    pub(super) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Auto | Self::PathLabel => &["label"],
            Self::PathFramesLabel => &["frames", "label"],
            Self::PathStartEndLabel => &["start", "end", "label"],
        }
    }

    /// All columns in words.
    pub(super) fn header(self) -> String {
        format!("path {}", self.columns().join(" "))
    }

    /// The format with so many columns after the path.
    fn with_columns(count: usize) -> Self {
        match count {
            0 | 1 => Self::PathLabel,
            2 => Self::PathFramesLabel,
            _ => Self::PathStartEndLabel,
        }
    }
}

/// What separates the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Separator {
    /// Blanks or tabs.
    Space,
    /// `;`
    Semicolon,
    /// `,`
    Comma,
}

impl Separator {
    fn split(self, text: &str) -> Vec<&str> {
        match self {
            Self::Space => text.split_whitespace().collect(),
            Self::Semicolon => text.split(';').map(str::trim).collect(),
            Self::Comma => text.split(',').map(str::trim).collect(),
        }
    }
}

/// A line that holds a record.
pub(super) struct Line<'a> {
    /// Its number, from 1.
    pub number: usize,
    /// Its text without blanks around it.
    pub text: &'a str,
}

/// The lines that hold records.
pub(super) fn lines(text: &str) -> Vec<Line<'_>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines =
        text.lines().enumerate().map(|(at, text)| Line { number: at + 1, text: text.trim() });
    lines.filter(|line| !line.text.is_empty() && !line.text.starts_with('#')).collect()
}

/// How the lines of one list are split.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    pub format: ListFormat,
    pub separator: Separator,
}

impl Layout {
    /// The layout that was asked for, completed from the lines.
    pub fn find(lines: &[Line<'_>], options: &ListOptions, root: &Path) -> Self {
        let separators = [Separator::Semicolon, Separator::Space, Separator::Comma];
        let possible = separators
            .into_iter()
            .filter(|one| options.separator.is_none_or(|asked| asked == *one));
        // The first separator with which lines end with numbers; without any, the one that splits lines at all.
        let numbers = possible
            .clone()
            .map(|separator| (separator, most(lines, |line| numbers(line, separator))));
        let pieces = possible
            .clone()
            .map(|separator| (separator, most(lines, |line| separator.split(line).len() - 1)));
        let found = numbers.chain(pieces).find(|(_, columns)| *columns > 0);
        let (separator, columns) =
            found.unwrap_or((options.separator.unwrap_or(Separator::Space), 1));
        if options.format != ListFormat::Auto {
            return Self { format: options.format, separator };
        }
        let exists = |layout: &Self| {
            let first = lines
                .iter()
                .find(|line| !layout.is_header(line))
                .and_then(|line| layout.split(line.text));
            first.is_some_and(|(path, _)| root.join(path).exists())
        };
        let layout = |columns| Self { format: ListFormat::with_columns(columns), separator };
        let readings = (1..=columns.min(3)).rev().map(layout);
        let likely = readings.filter(|_| separator == Separator::Space).find(exists);
        likely.unwrap_or_else(|| layout(columns))
    }

    /// The path and the columns after it; none when there are too few or too many.
    pub fn split(self, text: &str) -> Option<(&str, Vec<&str>)> {
        let count = self.format.columns().len();
        if self.separator != Separator::Space {
            let columns = self.separator.split(text);
            let (path, columns) = columns.split_first()?;
            let several = self.separator == Separator::Semicolon && columns.len() > count;
            return (!path.is_empty() && (columns.len() == count || several))
                .then(|| (*path, columns.to_vec()));
        }
        let mut path = text;
        let mut columns = Vec::with_capacity(count);
        for _ in 0..count {
            let (rest, column) = path.rsplit_once(char::is_whitespace)?;
            columns.push(column);
            path = rest.trim_end();
        }
        columns.reverse();
        (!path.is_empty()).then_some((path, columns))
    }

    /// Whether a line names the columns instead of holding a record.
    pub fn is_header(self, line: &Line<'_>) -> bool {
        let last = self.separator.split(line.text).pop().unwrap_or_default().to_ascii_lowercase();
        self.separator != Separator::Space && matches!(last.as_str(), "label" | "labels" | "class")
    }
}

/// How many columns at the end of a line are numbers, leaving one for the path.
fn numbers(line: &str, separator: Separator) -> usize {
    let columns = separator.split(line);
    let is_number = |column: &&&str| {
        let mut labels = column.split(',').map(|label| label.trim().trim_start_matches('-'));
        labels.all(|label| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let longest = if separator == Separator::Space { 3 } else { usize::MAX };
    columns.iter().skip(1).rev().take_while(is_number).count().min(longest)
}

/// The count that most lines have; the larger of two equally frequent ones.
fn most(lines: &[Line<'_>], count: impl Fn(&str) -> usize) -> usize {
    let mut frequencies = std::collections::BTreeMap::new();
    for line in lines {
        *frequencies.entry(count(line.text)).or_insert(0_usize) += 1;
    }
    frequencies.into_iter().max_by_key(|&(_, frequency)| frequency).map_or(0, |(count, _)| count)
}
