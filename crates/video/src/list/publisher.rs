//! The files in which the publishers of data sets ship their lists.

use std::path::Path;

use super::classes::ClassNames;
use super::draft::{Draft, Drafts, Source};
use super::rows::{Row, quoted, rows};
use super::{Extent, ListPart, Separator};
use crate::VideoError;

/// Endings that videos of downloaded data sets have.
const ENDINGS: [&str; 4] = [".mp4", ".webm", ".mkv", ".avi"];

/// The class in `Class/v_Class_g01_c01.avi`; none for another path.
pub(super) fn ucf101_class(path: &str) -> Option<&str> {
    let (class, file) = path.rsplit_once('/')?;
    let class = class.rsplit_once('/').map_or(class, |(_, class)| class);
    let stem = file.strip_suffix(".avi").unwrap_or(file).strip_prefix("v_")?;
    let (rest, clip) = stem.rsplit_once("_c")?;
    let (_, group) = rest.rsplit_once("_g")?;
    let is_number = |text: &str| text.len() >= 2 && text.bytes().all(|b| b.is_ascii_digit());
    (is_number(clip) && is_number(group)).then_some(class)
}

/// The class and the split in `class_test_split1.txt`.
pub(super) fn split_of_hmdb51(file: &Path) -> Option<(&str, usize)> {
    let name = file.file_name()?.to_str()?.strip_suffix(".txt")?;
    let (class, split) = name.rsplit_once("_test_split")?;
    Some((class, split.parse().ok()?))
}

/// UCF101: the class is the folder; the label, where there is one, must be its number from 1.
pub(super) fn ucf101(source: &Source<'_>) -> Result<Drafts, VideoError> {
    let classes = source.classes()?;
    let draft = |row: &Row<'_>| {
        let (path, label) = match row.text.rsplit_once(char::is_whitespace) {
            Some((path, label)) => (path.trim_end(), Some(label)),
            None => (&*row.text, None),
        };
        let class = ucf101_class(path).ok_or_else(|| {
            let expected = "`Class/v_Class_g01_c01.avi`".to_owned();
            source.invalid(row.line, "the path (column 1 of path label)", expected, path)
        })?;
        let number = source.class(row.line, "the folder (column 1 of path label)", class)?;
        if let Some(label) = label
            && label.parse() != Ok(number + 1)
        {
            let expected = format!("{} ({class} in {})", number + 1, classes.file().display());
            return Err(source.invalid(
                row.line,
                "label (column 2 of path label)",
                expected,
                label,
            ));
        }
        let labels = vec![number];
        Ok(Draft { line: row.line, input: path.to_owned(), labels, extent: Extent::Whole })
    };
    let drafts = rows(source.text, Separator::Space, source.file)?.iter().map(draft).collect();
    let without_ending: fn(&Draft) -> String = |draft| stem(&draft.input).to_owned();
    Ok(Drafts { drafts, places: vec![as_written, without_ending] })
}

/// HMDB51: the records of a part; videos with 0 are in neither.
pub(super) fn hmdb51(source: &Source<'_>, part: Option<ListPart>) -> Result<Drafts, VideoError> {
    let part = match part {
        Some(ListPart::Train) => 1,
        Some(ListPart::Test) => 2,
        None => {
            let expected = "train or test, because a file of `hmdb51-split` holds both";
            return Err(VideoError::option("part", expected, "none"));
        }
    };
    let Some((class, _)) = split_of_hmdb51(source.file) else {
        return Err(VideoError::option(
            "format",
            "a file named `class_test_split1.txt` for `hmdb51-split`",
            source.file.display(),
        ));
    };
    let number = source.class(1, "the file's name", class)?;
    let mut drafts = Vec::new();
    for row in rows(source.text, Separator::Space, source.file)? {
        let Some((name, chosen)) = row.text.rsplit_once(char::is_whitespace) else {
            let expected = "2 columns (path part)".to_owned();
            drafts.push(Err(source.invalid(row.line, "the line", expected, &row.text)));
            continue;
        };
        let input = format!("{class}/{}", name.trim_end());
        let (line, labels) = (row.line, vec![number]);
        match chosen.parse::<usize>() {
            Ok(chosen) if chosen == part => {
                drafts.push(Ok(Draft { line, input, labels, extent: Extent::Whole }));
            }
            Ok(0..=2) => {}
            _ => {
                let expected = "0, 1 or 2".to_owned();
                let field = "part (column 2 of path part)";
                drafts.push(Err(source.invalid(row.line, field, expected, chosen)));
            }
        }
    }
    let name_alone: fn(&Draft) -> String = |draft| file_name(&draft.input).to_owned();
    let without_ending: fn(&Draft) -> String = |draft| stem(&draft.input).to_owned();
    Ok(Drafts { drafts, places: vec![as_written, without_ending, name_alone] })
}

/// Something-Something v1 and Jester: `id;class name`, or `id` alone.
pub(super) fn id_name(source: &Source<'_>, separator: Separator) -> Result<Drafts, VideoError> {
    let draft = |row: &Row<'_>| {
        let labels = match row.cells.as_slice() {
            [_] => Vec::new(),
            [_, name] => vec![source.class(row.line, "the class (column 2 of id name)", name)?],
            _ => {
                let expected = "2 columns (id name)".to_owned();
                return Err(source.invalid(row.line, "the line", expected, &row.text));
            }
        };
        Ok(of_id(row.line, &row.cells[0], labels))
    };
    let drafts = quoted(source.text, separator.byte(), source.file)?.iter().map(draft).collect();
    Ok(Drafts { drafts, places: id_places(&[as_written]) })
}

/// Something-Something v2: an array of entries, which take the place of lines.
pub(super) fn something(source: &Source<'_>) -> Result<Drafts, VideoError> {
    let text = super::rows::without_mark(source.text);
    let entries: Vec<serde_json::Value> = serde_json::from_str(text).map_err(|error| {
        let expected = "a JSON array of entries with `id` and `template`".to_owned();
        source.invalid(error.line().max(1), "the file", expected, &error.to_string())
    })?;
    let draft = |(at, entry): (usize, &serde_json::Value)| {
        let field = |name: &str| match entry.get(name) {
            Some(serde_json::Value::String(text)) => Some(text.clone()),
            Some(serde_json::Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let id = field("id").ok_or_else(|| {
            let received: String = entry.to_string().chars().take(60).collect();
            source.invalid(at + 1, "id of the entry (counted from 1)", "text".into(), &received)
        })?;
        let labels = match field("template") {
            Some(name) => vec![source.class(at + 1, "template of the entry", &name)?],
            None => Vec::new(),
        };
        Ok(of_id(at + 1, &id, labels))
    };
    let webm: fn(&Draft) -> String = |draft| format!("{}.webm", draft.input);
    Ok(Drafts {
        drafts: entries.iter().enumerate().map(draft).collect(),
        places: id_places(&[webm, as_written]),
    })
}

/// Moments in Time: `class/file.mp4,class,votes,votes`.
pub(super) fn moments(source: &Source<'_>) -> Result<Drafts, VideoError> {
    let draft = |row: &Row<'_>| {
        let [path, name, ..] = row.cells.as_slice() else {
            let expected = "4 columns (path class votes votes)".to_owned();
            return Err(source.invalid(row.line, "the line", expected, &row.text));
        };
        let labels = vec![source.class(row.line, "the class (column 2 of path class)", name)?];
        Ok(Draft { line: row.line, input: path.to_string(), labels, extent: Extent::Whole })
    };
    let drafts = quoted(source.text, b',', source.file)?.iter().map(draft).collect();
    let without_ending: fn(&Draft) -> String = |draft| stem(&draft.input).to_owned();
    Ok(Drafts { drafts, places: vec![as_written, without_ending] })
}

/// Kinetics: a table by its header. Where the videos lie is found on disk; without them they are named as the usual
/// downloader does, `class/id_start_end.mp4` with seconds of six digits.
pub(super) fn kinetics(source: &Source<'_>) -> Result<Drafts, VideoError> {
    let rows = quoted(source.text, b',', source.file)?;
    let Some((header, rows)) = rows.split_first() else {
        return Ok(Drafts { drafts: Vec::new(), places: vec![as_written] });
    };
    let column = |name: &str| header.cells.iter().position(|c| c.eq_ignore_ascii_case(name));
    let needed = |name: &str| {
        column(name).ok_or_else(|| {
            source.invalid(header.line, "the header", format!("a column {name}"), &header.text)
        })
    };
    let (id, start, end) = (needed("youtube_id")?, needed("time_start")?, needed("time_end")?);
    let label = column("label");
    let draft = |row: &Row<'_>| {
        if row.cells.len() != header.cells.len() {
            let expected = format!("{} columns ({})", header.cells.len(), header.text);
            return Err(source.invalid(row.line, "the line", expected, &row.text));
        }
        let second = |at: usize| match row.cells[at].parse::<f64>() {
            Ok(seconds) if (0.0..1e6).contains(&seconds) => Ok(seconds as u32),
            _ => {
                let field = format!("{} (column {})", header.cells[at], at + 1);
                Err(source.invalid(row.line, &field, "seconds".into(), &row.cells[at]))
            }
        };
        let name = format!("{}_{:06}_{:06}", row.cells[id], second(start)?, second(end)?);
        let (input, labels) = match label.map(|at| (at, &row.cells[at])) {
            Some((at, class)) if !class.is_empty() => {
                let field = format!("label (column {})", at + 1);
                (format!("{class}/{name}.mp4"), vec![source.class(row.line, &field, class)?])
            }
            _ => (format!("{name}.mp4"), Vec::new()),
        };
        Ok(Draft { line: row.line, input, labels, extent: Extent::Whole })
    };
    let underscored: fn(&Draft) -> String = |draft| draft.input.replace(' ', "_");
    let folder: fn(&Draft) -> String = |draft| stem(&draft.input).to_owned();
    let underscored_folder: fn(&Draft) -> String = |draft| stem(&draft.input).replace(' ', "_");
    let flat: fn(&Draft) -> String = |draft| file_name(&draft.input).to_owned();
    let mkv: fn(&Draft) -> String = |draft| format!("{}.mkv", stem(&draft.input));
    let places = vec![as_written, underscored, folder, underscored_folder, flat, mkv];
    Ok(Drafts { drafts: rows.iter().map(draft).collect(), places })
}

/// The classes that a Kinetics table names, sorted: their numbers where no file gives others.
pub(crate) fn kinetics_classes(text: &str, file: &Path) -> Result<Vec<String>, VideoError> {
    let rows = quoted(text, b',', file)?;
    let Some((header, rows)) = rows.split_first() else { return Ok(Vec::new()) };
    let Some(at) = header.cells.iter().position(|cell| cell.eq_ignore_ascii_case("label")) else {
        return Ok(Vec::new());
    };
    let names = rows.iter().filter_map(|row| row.cells.get(at)).filter(|name| !name.is_empty());
    let sorted: std::collections::BTreeSet<String> = names.map(ToString::to_string).collect();
    Ok(sorted.into_iter().collect())
}

impl Source<'_> {
    /// The class names, which the dialect cannot do without.
    pub(super) fn classes(&self) -> Result<&ClassNames, VideoError> {
        self.classes.ok_or_else(|| {
            let expected =
                format!("a file of class names, because {} names its classes", self.file.display());
            VideoError::option("classes", expected, "none")
        })
    }

    fn class(&self, line: usize, field: &str, name: &str) -> Result<usize, VideoError> {
        let classes = self.classes()?;
        classes.number(name).ok_or_else(|| {
            self.invalid(line, field, format!("a class of {}", classes.file().display()), name)
        })
    }
}

fn of_id(line: usize, id: &str, labels: Vec<usize>) -> Draft {
    Draft { line, input: id.to_owned(), labels, extent: Extent::Whole }
}

fn as_written(draft: &Draft) -> String {
    draft.input.clone()
}

/// An id with each of the endings.
fn id_places(first: &[fn(&Draft) -> String]) -> Vec<fn(&Draft) -> String> {
    let others: [fn(&Draft) -> String; 4] = [
        |draft| format!("{}{}", draft.input, ENDINGS[0]),
        |draft| format!("{}{}", draft.input, ENDINGS[1]),
        |draft| format!("{}{}", draft.input, ENDINGS[2]),
        |draft| format!("{}{}", draft.input, ENDINGS[3]),
    ];
    first.iter().copied().chain(others).collect()
}

/// A path without its ending.
pub(super) fn stem(path: &str) -> &str {
    match path.rsplit_once('.') {
        Some((stem, ending)) if !ending.contains('/') && !stem.is_empty() => stem,
        _ => path,
    }
}

/// A path without its folders.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}
