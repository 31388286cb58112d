//! PySlowFast's tables of frames: one line a frame, the frames of a video one after the other.

use super::draft::{Draft, Drafts, Source};
use super::publisher::{file_name, stem};
use super::rows::{Row, quoted};
use super::{Extent, Separator};
use crate::VideoError;

/// The columns, found by the header.
struct Places {
    video: usize,
    path: usize,
    labels: Option<usize>,
}

/// Reads the lines; a record has the line of its first frame.
pub(super) fn read(source: &Source<'_>, separator: Separator) -> Result<Drafts, VideoError> {
    let rows = quoted(source.text, separator.byte(), source.file)?;
    let Some((header, rows)) = rows.split_first() else { return Ok(Drafts::placed(Vec::new())) };
    let column = |names: &[&str]| header.cells.iter().position(|cell| names.contains(&&**cell));
    let needed = |names: &[&str]| {
        column(names).ok_or_else(|| {
            let expected = format!("a column {}", names[0]);
            source.invalid(header.line, "the header", expected, &header.text)
        })
    };
    let places = Places {
        video: needed(&["original_vido_id", "original_video_id"])?,
        path: needed(&["path"])?,
        labels: column(&["labels"]),
    };
    let width = header.cells.len();
    let mut drafts: Vec<Result<Draft, VideoError>> = Vec::new();
    for video in rows.chunk_by(|a, b| a.cells.get(places.video) == b.cells.get(places.video)) {
        drafts.push(draft(source, video, &places, width));
    }
    Ok(Drafts::placed(drafts))
}

/// The record of the frames of one video.
fn draft(
    source: &Source<'_>,
    frames: &[Row<'_>],
    places: &Places,
    width: usize,
) -> Result<Draft, VideoError> {
    let mut folder: Option<(&str, usize)> = None;
    for (at, row) in frames.iter().enumerate() {
        // An empty last column is at times left out.
        if row.cells.len() < width - usize::from(places.labels.is_some()) || row.cells.len() > width
        {
            let expected = format!("{width} columns, as the header has");
            return Err(source.invalid(row.line, "the line", expected, &row.text));
        }
        let path = &*row.cells[places.path];
        let digits = stem(file_name(path));
        let number = digits.rfind(|c: char| !c.is_ascii_digit()).map_or(digits, |last| {
            digits[last..].char_indices().nth(1).map_or("", |(next, _)| &digits[last + next..])
        });
        let parent = path.strip_suffix(file_name(path)).map_or("", |p| p.trim_end_matches('/'));
        let field = format!("path (column {})", places.path + 1);
        let number: usize = number
            .parse()
            .map_err(|_| source.invalid(row.line, &field, "a file with a number".into(), path))?;
        let (first, start) = *folder.get_or_insert((parent, number));
        if parent != first || number != start + at {
            let expected = format!("frame {} of {first}", start + at);
            return Err(source.invalid(row.line, &field, expected, path));
        }
    }
    let (input, start) = folder.unwrap_or_default();
    let row = &frames[0];
    let cell = places.labels.and_then(|at| row.cells.get(at)).map_or("", |cell| &**cell);
    let labels = cell.split(',').map(str::trim).filter(|label| !label.is_empty());
    let labels = labels.map(|label| {
        label.parse().map_err(|_| {
            let field = format!("labels (column {})", places.labels.unwrap_or_default() + 1);
            source.invalid(row.line, &field, "an integer of at least 0".into(), label)
        })
    });
    let extent = match start {
        0 | 1 => Extent::Count(frames.len()),
        _ => Extent::Range { start, end: start + frames.len() - 1 },
    };
    let labels = labels.collect::<Result<_, _>>()?;
    Ok(Draft { line: row.line, input: input.to_owned(), labels, extent })
}
