//! Which dialect a list is of, from its lines, its name and the files that it names; the same answer for the same list.

use std::collections::BTreeMap;
use std::path::Path;

use super::format::{ListFormat, Separator};
use super::publisher::{split_of_hmdb51, ucf101_class};
use super::rows::{Row, rows, without_mark};
use crate::VideoError;
use crate::datasets::preset_names;

/// How the lines of one list are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub format: ListFormat,
    pub separator: Separator,
}

/// Lines whose paths are looked for on disk.
const LOOKED_AT: usize = 32;

/// What is known of a list besides its lines.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub file: &'a Path,
    pub root: &'a Path,
    pub format: ListFormat,
    pub separator: Option<Separator>,
}

/// The layout that was asked for, completed from the lines.
///
/// # Errors
/// `LIST_AMBIGUOUS` where the lines could be of two dialects, `LIST_INVALID` for a quote that is not closed.
pub(super) fn find(text: &str, asked: Asked<'_>) -> Result<Layout, VideoError> {
    if asked.format != ListFormat::Auto {
        let separator = match (asked.separator, asked.format) {
            (Some(separator), _) => separator,
            (
                None,
                ListFormat::MomentsCsv | ListFormat::KineticsCsv | ListFormat::SomethingJson,
            ) => Separator::Comma,
            (None, ListFormat::IdName) => by_pieces(text, asked)?.unwrap_or(Separator::Semicolon),
            (None, ListFormat::Ucf101Split | ListFormat::Hmdb51Split | ListFormat::FrameList) => {
                Separator::Space
            }
            (None, ListFormat::Path) => Separator::Space,
            (None, _) => by_numbers(text, asked)?.unwrap_or(Separator::Space),
        };
        return Ok(Layout { format: asked.format, separator });
    }
    if let Some(layout) = publisher(text, asked) {
        return Ok(layout);
    }
    let Some(separator) = by_numbers(text, asked)? else {
        return names(text, asked);
    };
    let rows = rows(text, separator, asked.file)?;
    if separator == Separator::Comma && is_moments(&rows) {
        return Ok(Layout { format: ListFormat::MomentsCsv, separator });
    }
    let lines = Lines { rows: &rows, separator, root: asked.root };
    match lines.format() {
        Ok(format) => Ok(Layout { format, separator }),
        Err((line, candidates)) => Err(VideoError::ListAmbiguous {
            file: asked.file.to_owned(),
            line,
            candidates: candidates.iter().map(|one| one.name()).collect::<Vec<_>>().join(", "),
        }),
    }
}

/// The dialects with a look of their own.
fn publisher(text: &str, asked: Asked<'_>) -> Option<Layout> {
    let layout = |format, separator| Some(Layout { format, separator });
    let text = without_mark(text).trim_start();
    if text.starts_with(['[', '{']) {
        return layout(ListFormat::SomethingJson, Separator::Comma);
    }
    let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    let first = lines.clone().next()?.to_ascii_lowercase();
    if first.contains("youtube_id") {
        return layout(ListFormat::KineticsCsv, Separator::Comma);
    }
    if first.contains("original_vido_id") || first.contains("original_video_id") {
        let comma = first.contains(',');
        return layout(
            ListFormat::FrameList,
            if comma { Separator::Comma } else { Separator::Space },
        );
    }
    if split_of_hmdb51(asked.file).is_some()
        && lines
            .clone()
            .all(|l| l.rsplit_once(' ').is_some_and(|(_, n)| ["0", "1", "2"].contains(&n)))
    {
        return layout(ListFormat::Hmdb51Split, Separator::Space);
    }
    let names = preset_names("ucf101").ok()?;
    let fits = |line: &str| {
        let (path, label) = line.rsplit_once(' ').map_or((line, None), |(path, n)| (path, Some(n)));
        let class = ucf101_class(path).and_then(|class| names.number(class));
        // Lists that other projects made of these count labels from 0, and are plain columns.
        label.is_none_or(|n| class.is_some_and(|class| n.parse() == Ok(class + 1)))
            && class.is_some()
    };
    lines
        .all(fits)
        .then_some(Layout { format: ListFormat::Ucf101Split, separator: Separator::Space })
}

/// The separators that may be meant, the rarest in paths first.
fn possible(asked: Asked<'_>) -> impl Iterator<Item = Separator> {
    [Separator::Semicolon, Separator::Space, Separator::Comma]
        .into_iter()
        .filter(move |one| asked.separator.is_none_or(|wanted| wanted == *one))
}

/// The first separator with which most lines end with numbers; where a header names columns, the header's.
fn by_numbers(text: &str, asked: Asked<'_>) -> Result<Option<Separator>, VideoError> {
    for separator in possible(asked) {
        let rows = rows(text, separator, asked.file)?;
        if most(&rows, Row::numbers) > 0 {
            return Ok(Some(separator));
        }
    }
    Ok(None)
}

/// The first separator that splits most lines.
fn by_pieces(text: &str, asked: Asked<'_>) -> Result<Option<Separator>, VideoError> {
    for separator in possible(asked) {
        let rows = rows(text, separator, asked.file)?;
        if most(&rows, |row| row.cells.len() - 1) > 0 {
            return Ok(Some(separator));
        }
    }
    Ok(None)
}

/// A list without numbers: classes by name, or nothing that can be read as one.
fn names(text: &str, asked: Asked<'_>) -> Result<Layout, VideoError> {
    let separator = by_pieces(text, asked)?;
    let rows = rows(text, separator.unwrap_or(Separator::Space), asked.file)?;
    let is_pair = |row: &Row<'_>| row.cells.len() == 2 && is_number(&row.cells[0]);
    match separator {
        Some(separator @ (Separator::Semicolon | Separator::Comma)) if rows.iter().all(is_pair) => {
            Ok(Layout { format: ListFormat::IdName, separator })
        }
        _ => Ok(Layout {
            format: ListFormat::PathLabel,
            separator: separator.or(asked.separator).unwrap_or(Separator::Space),
        }),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Moments in Time: the class by name between the path and two counts of votes.
fn is_moments(rows: &[Row<'_>]) -> bool {
    let fits = |row: &Row<'_>| match row.cells.as_slice() {
        [path, class, first, second] => {
            path.contains('.') && !is_number(class) && is_number(first) && is_number(second)
        }
        _ => false,
    };
    !rows.is_empty() && rows.iter().all(fits)
}

/// The count that most lines have; the larger of two equally frequent ones.
fn most<'a>(rows: &[Row<'a>], count: impl Fn(&Row<'a>) -> usize) -> usize {
    let mut frequencies = BTreeMap::new();
    for row in rows {
        *frequencies.entry(count(row)).or_insert(0_usize) += 1;
    }
    frequencies.into_iter().max_by_key(|&(_, frequency)| frequency).map_or(0, |(count, _)| count)
}

/// The lines of a list of columns.
struct Lines<'a> {
    rows: &'a [Row<'a>],
    separator: Separator,
    root: &'a Path,
}

/// A line that could be of several dialects, and these.
type Doubt = (usize, Vec<ListFormat>);

impl Lines<'_> {
    fn format(&self) -> Result<ListFormat, Doubt> {
        use ListFormat as F;
        let has_header = self.rows.first().is_some_and(|row| row.is_header(self.separator));
        let rows = &self.rows[usize::from(has_header)..];
        let tail = most(rows, Row::numbers);
        let longer: Vec<&Row<'_>> = rows.iter().filter(|row| row.numbers() > tail).collect();
        if self.separator == Separator::Comma && !has_header && (tail > 1 || !longer.is_empty()) {
            // Multi-Moments in Time writes no header and nobody else writes commas without one.
            let constant = longer.is_empty() && rows.iter().all(|row| row.numbers() == tail);
            let other = if tail == 2 { F::PathFramesLabel } else { F::PathStartEndLabel };
            let doubt = (rows[0].line, vec![F::PathLabels, other]);
            return if constant && tail < 4 { Err(doubt) } else { Ok(F::PathLabels) };
        }
        if self.separator == Separator::Space
            && let Some(columns) = self.on_disk(rows, tail)
        {
            return self.of_columns(rows, columns);
        }
        let (one, many) = match tail {
            1 => (F::PathLabel, F::PathLabels),
            2 => (F::PathFramesLabel, F::PathFramesLabels),
            _ => return self.of_columns(rows, tail),
        };
        match longer.first() {
            None => self.of_columns(rows, tail),
            Some(_) if self.separator == Separator::Semicolon => Ok(one),
            // A path can end with a number: only a file's ending shows that the numbers are columns.
            Some(_) if longer.iter().all(|row| ends_as_file(row)) => Ok(many),
            Some(row) => Err((row.line, vec![one, many])),
        }
    }

    /// The dialect with so many number columns.
    fn of_columns(&self, rows: &[Row<'_>], columns: usize) -> Result<ListFormat, Doubt> {
        use ListFormat as F;
        let line = rows.first().map_or(1, |row| row.line);
        let share = |fits: &dyn Fn(&Row<'_>) -> bool| {
            let rows = rows.iter().filter(|row| row.numbers() >= columns);
            let (mut fitting, mut all) = (0, 0);
            for row in rows {
                (fitting, all) = (fitting + usize::from(fits(row)), all + 1);
            }
            (fitting, all)
        };
        // All frames of a video: from the first to a number that is no label.
        let whole = |from_end: usize| {
            share(&move |row| {
                row.number(from_end) == Some(1) && row.number(from_end - 1).is_some_and(|n| n > 0)
            })
        };
        match columns {
            0 | 1 => Ok(F::PathLabel),
            2 => {
                let (fitting, all) = whole(2);
                // Videos of one frame each, or all frames of videos without labels.
                let in_doubt = all > 0 && fitting == all;
                if in_doubt {
                    Err((line, vec![F::PathFramesLabel, F::PathStartEnd]))
                } else {
                    Ok(F::PathFramesLabel)
                }
            }
            3 => {
                let (fitting, all) = whole(3);
                if self.separator == Separator::Semicolon || all > 0 && fitting * 2 >= all {
                    return Ok(F::PathStartEndLabel);
                }
                let varied = rows.iter().any(|row| row.numbers() != 3 && row.numbers() > 1);
                if varied && rows.iter().all(|row| row.numbers() != 3 || !is_range(row)) {
                    return Ok(F::PathFramesLabels);
                }
                let mut possible = vec![F::PathStartEndLabel, F::PathOffsetFramesLabel];
                if share(&|row| row.number(3) == Some(0)).0 == 0 {
                    possible.push(F::PathFramesLabels);
                }
                Err((line, possible))
            }
            _ if self.separator == Separator::Semicolon => Ok(F::PathStartEndLabel),
            _ => {
                let (fitting, all) = share(&|row| row.number(row.numbers()) == Some(1));
                let is_ranges = fitting * 2 >= all;
                Ok(if is_ranges { F::PathStartEndLabels } else { F::PathFramesLabels })
            }
        }
    }

    /// The number of columns with which the paths of the first lines are there; none where nothing is, or where it says
    /// nothing new.
    fn on_disk(&self, rows: &[Row<'_>], tail: usize) -> Option<usize> {
        let rows = &rows[..rows.len().min(LOOKED_AT)];
        let there = |columns: &dyn Fn(&Row<'_>) -> usize| {
            let exists = |row: &&Row<'_>| {
                row.path(Separator::Space, columns(row)).is_some_and(|p| self.root.join(p).exists())
            };
            rows.iter().filter(exists).count()
        };
        let whole = there(&|row| row.numbers());
        let fixed = (1..=tail.min(3)).map(|columns| (there(&|_| columns), columns));
        let (count, columns) = fixed.max_by_key(|&(count, columns)| (count, columns))?;
        (count > whole).then_some(columns)
    }
}

/// Whether the third column from the end is a first frame and the second a last one.
fn is_range(row: &Row<'_>) -> bool {
    matches!((row.number(3), row.number(2)), (Some(start), Some(end)) if 1 <= start && start <= end)
}

/// Whether what stands before the numbers of a line is the name of a file.
fn ends_as_file(row: &Row<'_>) -> bool {
    let path = &row.cells[row.cells.len() - 1 - row.numbers()];
    let ending = path.rsplit_once('.').map(|(_, ending)| ending);
    ending
        .is_some_and(|e| (2..=4).contains(&e.len()) && e.bytes().all(|b| b.is_ascii_alphanumeric()))
}
