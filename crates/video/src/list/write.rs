//! Records to the text of a list, in every dialect that can hold them.
//!
//! What was written is read again: a list that does not give the same records back is an error and is not written.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;

use super::format::{Columns, Labels};
use super::publisher::{file_name, stem, ucf101_class};
use super::{ClassNames, Extent, ListFormat, ListOptions, Record, RecordList, Separator};
use crate::VideoError;

/// What a conversion may leave out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lossy {
    /// Nothing: what the dialect cannot hold is an error.
    #[default]
    Refused,
    /// Which frames belong to a record, and labels where the dialect has none.
    Allowed,
}

/// How to write a list.
#[derive(Clone, Copy, Debug)]
pub struct WriteOptions<'a> {
    /// The dialect.
    pub format: ListFormat,
    /// What separates columns; the dialect's own when left out.
    pub separator: Option<Separator>,
    /// The class names, for dialects that name classes.
    pub classes: Option<&'a ClassNames>,
    /// What may be left out.
    pub lossy: Lossy,
}

/// The text of a list. `file` names the list that the records came from in errors.
///
/// # Errors
/// `LIST_LOSSY` for a record that the dialect cannot hold, naming what would be lost; `INVALID_OPTION` for a dialect that is
/// not written, or that needs class names.
pub fn render(
    records: &[Record],
    file: &Path,
    options: &WriteOptions<'_>,
) -> Result<String, VideoError> {
    let writer = Writer { file, options };
    let (text, separator) = match (options.format, options.format.columns()) {
        (_, Some(columns)) => {
            let separator = options.separator.unwrap_or(match options.format {
                ListFormat::PathLabels => Separator::Comma,
                _ => Separator::Space,
            });
            (writer.columns(records, columns, separator)?, separator)
        }
        (ListFormat::IdName, _) => {
            let separator = options.separator.unwrap_or(Separator::Semicolon);
            (writer.id_name(records, separator)?, separator)
        }
        (ListFormat::SomethingJson, _) => (writer.something(records)?, Separator::Comma),
        (ListFormat::MomentsCsv, _) => (writer.moments(records)?, Separator::Comma),
        (ListFormat::KineticsCsv, _) => (writer.kinetics(records)?, Separator::Comma),
        (ListFormat::Ucf101Split, _) => (writer.ucf101(records)?, Separator::Space),
        (format, _) => {
            let expected = match format {
                ListFormat::Hmdb51Split => {
                    "a dialect of one file (hmdb51-split has a file for every class, which holds both parts)"
                }
                ListFormat::FrameList => {
                    "a dialect of whole videos (frame-list has a line for every image, and no other dialect names images)"
                }
                _ => "the name of a dialect",
            };
            return Err(VideoError::option("to", expected, format.name()));
        }
    };
    writer.check(&text, separator, records)?;
    Ok(text)
}

struct Writer<'a> {
    file: &'a Path,
    options: &'a WriteOptions<'a>,
}

impl Writer<'_> {
    fn columns(
        &self,
        records: &[Record],
        columns: Columns,
        separator: Separator,
    ) -> Result<String, VideoError> {
        let mut text = String::new();
        for record in records {
            let mut cells = vec![record.input.clone()];
            cells.extend(self.numbers(record, columns)?.into_iter().map(|n| n.to_string()));
            let labels: Vec<String> = record.labels.iter().map(ToString::to_string).collect();
            match columns.labels {
                Labels::None if labels.is_empty() || self.is_lossy() => {}
                Labels::None => return Err(self.lost(record, "labels".into())),
                _ if labels.is_empty() => return Err(self.lost(record, "no label".into())),
                // bLVNet-TAM's lists with `;` give every label a column.
                Labels::Cell if separator != Separator::Semicolon => cells.push(labels.join(",")),
                Labels::Cell | Labels::Cells => cells.extend(labels),
            }
            text.push_str(&line(&cells, separator));
        }
        Ok(text)
    }

    /// The columns between path and labels.
    fn numbers(&self, record: &Record, columns: Columns) -> Result<Vec<usize>, VideoError> {
        let missing = || {
            let lost = "no number of frames (`count` opens the videos and counts)";
            self.lost(record, lost.into())
        };
        match (columns.numbers, record.extent) {
            ([], Extent::Whole) => Ok(Vec::new()),
            ([], _) if self.is_lossy() => Ok(Vec::new()),
            ([], Extent::Count(count)) => Err(self.lost(record, format!("{count} frames"))),
            (_, Extent::Whole) => Err(missing()),
            ([_], Extent::Range { start: 1, end: count } | Extent::Count(count)) => Ok(vec![count]),
            ([] | [_], Extent::Range { start, end }) => {
                Err(self.lost(record, format!("the frames {start} to {end}")))
            }
            (["offset", _], Extent::Range { start, end }) => Ok(vec![start - 1, end - start + 1]),
            (["offset", _], Extent::Count(count)) => Ok(vec![0, count]),
            (_, Extent::Range { start, end }) => Ok(vec![start, end]),
            (_, Extent::Count(count)) => Ok(vec![1, count]),
        }
    }

    fn id_name(&self, records: &[Record], separator: Separator) -> Result<String, VideoError> {
        let mut text = String::new();
        for record in records {
            self.whole(record)?;
            let mut cells = vec![stem(&record.input).to_owned()];
            cells.extend(self.name(record)?);
            text.push_str(&line(&cells, separator));
        }
        Ok(text)
    }

    fn something(&self, records: &[Record]) -> Result<String, VideoError> {
        let mut entries = Vec::with_capacity(records.len());
        for record in records {
            self.whole(record)?;
            let id = stem(&record.input);
            entries.push(match self.name(record)? {
                Some(template) => json!({ "id": id, "template": template }),
                None => json!({ "id": id }),
            });
        }
        let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
        Ok(format!("[{}]\n", entries.join(",\n")))
    }

    /// Path and class; the votes behind them are known to the publisher alone, and no reader needs them.
    fn moments(&self, records: &[Record]) -> Result<String, VideoError> {
        let mut text = String::new();
        for record in records {
            self.whole(record)?;
            let name = self.name(record)?;
            let name = name.ok_or_else(|| self.lost(record, "no label".into()))?;
            text.push_str(&line(&[record.input.clone(), name], Separator::Comma));
        }
        Ok(text)
    }

    fn kinetics(&self, records: &[Record]) -> Result<String, VideoError> {
        let labelled = records.iter().any(|record| !record.labels.is_empty());
        let header = if labelled { "label,youtube_id" } else { "youtube_id" };
        let mut text = format!("{header},time_start,time_end\n");
        for record in records {
            self.whole(record)?;
            let times = |name: &str| {
                let (rest, end) = name.rsplit_once('_')?;
                let (id, start) = rest.rsplit_once('_')?;
                let seconds =
                    |text: &str| (text.len() == 6).then(|| text.parse::<u32>().ok()).flatten();
                Some((id.to_owned(), seconds(start)?, seconds(end)?))
            };
            let (id, start, end) = times(stem(file_name(&record.input))).ok_or_else(|| {
                self.lost(record, format!("the path `{}`, not named id_start_end", record.input))
            })?;
            let mut cells = vec![id, start.to_string(), end.to_string()];
            match self.name(record)? {
                Some(name) => cells.insert(0, name),
                None if labelled => return Err(self.lost(record, "no label".into())),
                None => {}
            }
            text.push_str(&line(&cells, Separator::Comma));
        }
        Ok(text)
    }

    fn ucf101(&self, records: &[Record]) -> Result<String, VideoError> {
        let mut text = String::new();
        for record in records {
            self.whole(record)?;
            if ucf101_class(&record.input).is_none() {
                let lost = format!("the path `{}`, not named as UCF101's", record.input);
                return Err(self.lost(record, lost));
            }
            let Some(label) = record.label() else {
                return Err(self.lost(record, format!("{} labels", record.labels.len())));
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{} {}", record.input, label + 1);
        }
        Ok(text)
    }

    /// Only whole videos fit the dialects of publishers.
    fn whole(&self, record: &Record) -> Result<(), VideoError> {
        match record.extent {
            Extent::Whole => Ok(()),
            _ if self.is_lossy() => Ok(()),
            Extent::Count(count) => Err(self.lost(record, format!("{count} frames"))),
            Extent::Range { start, end } => {
                Err(self.lost(record, format!("the frames {start} to {end}")))
            }
        }
    }

    /// The name of the record's class; none without a label.
    fn name(&self, record: &Record) -> Result<Option<String>, VideoError> {
        let label = match record.labels[..] {
            [] => return Ok(None),
            [label] => label,
            _ => return Err(self.lost(record, format!("{} labels", record.labels.len()))),
        };
        let classes = self.options.classes.ok_or_else(|| {
            let expected = format!("a file of class names for {}", self.options.format.name());
            VideoError::option("classes", expected, "none")
        })?;
        let name = classes.names().get(label).cloned();
        let out_of_range = || VideoError::LabelOutOfRange {
            file: self.file.to_owned(),
            line: record.line,
            label,
            num_classes: classes.names().len(),
        };
        name.map(Some).ok_or_else(out_of_range)
    }

    fn is_lossy(&self) -> bool {
        self.options.lossy == Lossy::Allowed
    }

    fn lost(&self, record: &Record, lost: String) -> VideoError {
        VideoError::ListLossy {
            file: self.file.to_owned(),
            line: record.line,
            format: self.options.format.name(),
            received: lost,
        }
    }

    /// Reads the text again and compares every record.
    fn check(
        &self,
        text: &str,
        separator: Separator,
        records: &[Record],
    ) -> Result<(), VideoError> {
        let again = self.read_again(text, separator)?;
        if again.records.len() != records.len() {
            let lost =
                format!("{} records of which {} come back", records.len(), again.records.len());
            return Err(match records.first() {
                Some(first) => self.lost(first, lost),
                None => VideoError::EmptyList { file: self.file.to_owned() },
            });
        }
        for (record, back) in records.iter().zip(&again.records) {
            let same_path = match self.options.format.columns() {
                Some(_) => record.input == back.input,
                // The folder and the ending are found on disk, not in the list.
                None => stem(file_name(&record.input)) == stem(file_name(&back.input)),
            };
            let lost = if !same_path {
                format!("the path `{}`", record.input)
            } else if record.labels != back.labels && !(self.is_lossy() && back.labels.is_empty()) {
                format!("the labels {:?}", record.labels)
            } else if frames(record.extent) != frames(back.extent) && !self.is_lossy() {
                format!("{:?}", record.extent)
            } else {
                continue;
            };
            return Err(self.lost(record, lost));
        }
        Ok(())
    }

    fn read_again(&self, text: &str, separator: Separator) -> Result<RecordList, VideoError> {
        let options = ListOptions {
            format: self.options.format,
            separator: Some(separator),
            ..ListOptions::default()
        };
        super::parse_with(text, self.file, &options, self.options.classes)
    }
}

/// First frame and number of frames, where they are known.
fn frames(extent: Extent) -> Option<(usize, usize)> {
    match extent {
        Extent::Whole => None,
        Extent::Count(count) => Some((1, count)),
        Extent::Range { start, end } => Some((start, end)),
    }
}

/// One line of cells, quoted where the separator asks for it.
fn line(cells: &[String], separator: Separator) -> String {
    if separator == Separator::Space {
        return format!("{}\n", cells.join(" "));
    }
    let mut writer = csv::WriterBuilder::new()
        .delimiter(separator.byte())
        .comment(Some(b'#'))
        .from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = writer.write_record(cells);
    writer
        .into_inner()
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}
