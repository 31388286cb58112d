//! The dialects that are a path and columns of numbers.

use super::detect::Layout;
use super::draft::{Draft, Drafts, Source};
use super::format::{Columns, Labels};
use super::rows::{Row, rows};
use super::{Extent, Separator};
use crate::VideoError;

/// Reads the lines.
pub(super) fn read(
    source: &Source<'_>,
    layout: Layout,
    columns: Columns,
) -> Result<Drafts, VideoError> {
    let rows = rows(source.text, layout.separator, source.file)?;
    let has_header = rows.first().is_some_and(|row| row.is_header(layout.separator));
    let reader = Reader { source, separator: layout.separator, columns };
    let drafts = rows.iter().skip(usize::from(has_header)).map(|row| reader.draft(row)).collect();
    Ok(Drafts::placed(drafts))
}

struct Reader<'a> {
    source: &'a Source<'a>,
    separator: Separator,
    columns: Columns,
}

impl Reader<'_> {
    fn draft(&self, row: &Row<'_>) -> Result<Draft, VideoError> {
        let Some((path, cells)) = row.split(self.separator, self.columns) else {
            let least = self.columns.least() + 1;
            let more = if self.columns.labels == Labels::Cells { " or more" } else { "" };
            let expected = format!("{least}{more} columns ({})", self.columns.header());
            return Err(self.source.invalid(row.line, "the line", expected, &row.text));
        };
        let number = |at: usize, least: usize| {
            self.number(row, (at, self.columns.numbers[at]), &cells[at], least)
        };
        let extent = match self.columns.numbers {
            [] => Extent::Whole,
            [_] => Extent::Count(number(0, 1)?),
            ["offset", _] => {
                let offset = number(0, 0)?;
                Extent::Range { start: offset + 1, end: offset + number(1, 1)? }
            }
            _ => {
                let start = number(0, 1)?;
                Extent::Range { start, end: number(1, start)? }
            }
        };
        let first = self.columns.numbers.len();
        let mut labels = Vec::new();
        for (at, cell) in cells.iter().enumerate().skip(first) {
            for label in cell.split(',') {
                labels.push(self.number(row, (at, "label"), label.trim(), 0)?);
            }
        }
        Ok(Draft { line: row.line, input: path.to_owned(), labels, extent })
    }

    fn number(
        &self,
        row: &Row<'_>,
        (at, name): (usize, &str),
        text: &str,
        least: usize,
    ) -> Result<usize, VideoError> {
        match text.parse() {
            Ok(number) if number >= least => Ok(number),
            _ => {
                let field = format!("{name} (column {} of {})", at + 2, self.columns.header());
                let expected = format!("an integer of at least {least}");
                Err(self.source.invalid(row.line, &field, expected, text))
            }
        }
    }
}
