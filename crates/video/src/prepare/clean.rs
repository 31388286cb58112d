//! Which records of a list are kept, with which frames, and why the others are not.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::check::{Action, Kind, Problem};
use super::probe::Probe;
use super::whole;
use crate::VideoError;
use crate::list::{
    ClassNames, Examined, Extent, ListFormat, Lossy, Record, RecordList, WriteOptions, render,
};

/// What is said of one list.
#[derive(Default)]
pub(super) struct Verdict {
    /// The records of the clean list.
    pub kept: Vec<Record>,
    /// Those with another number of frames than before.
    pub fixed: usize,
    /// In the order of the lines.
    pub problems: Vec<Problem>,
}

/// Judges every list.
pub(super) fn judge(
    lists: &[Examined],
    probes: &BTreeMap<PathBuf, Probe>,
    num_classes: Option<usize>,
) -> Vec<Verdict> {
    // The last list that has a video keeps it.
    let mut last: HashMap<&Path, usize> = HashMap::new();
    for (index, examined) in lists.iter().enumerate() {
        for record in &examined.list.records {
            if let Some(probe) = probes.get(&record.path) {
                last.insert(&probe.identity, index);
            }
        }
    }
    let verdict = |(index, examined): (usize, &Examined)| {
        let mut judge = Judge {
            list: &examined.list,
            seen: HashMap::new(),
            is_numbering_told: false,
            verdict: Verdict::default(),
        };
        judge.failures(&examined.failures);
        judge.labels(&examined.failures, num_classes);
        for record in &examined.list.records {
            let Some(probe) = probes.get(&record.path) else { continue };
            let holder = last.get(probe.identity.as_path()).copied().unwrap_or(index);
            let elsewhere = (holder > index).then(|| lists[holder].list.file.as_path());
            judge.record(record, probe, elsewhere);
        }
        judge.verdict.problems.sort_by_key(|problem| problem.line);
        judge.verdict
    };
    lists.iter().enumerate().map(verdict).collect()
}

/// A video and the frames of it; none for all.
type Span<'a> = (&'a Path, Option<(usize, usize)>);

struct Judge<'a> {
    list: &'a RecordList,
    /// Records by video and frames.
    seen: HashMap<Span<'a>, &'a Record>,
    is_numbering_told: bool,
    verdict: Verdict,
}

impl<'a> Judge<'a> {
    fn tell(
        &mut self,
        (line, input): (usize, &str),
        action: Action,
        problem: Kind,
        detail: String,
    ) {
        let list = self.list.file.clone();
        let input = input.to_owned();
        self.verdict.problems.push(Problem { list, line, input, action, problem, detail });
    }

    fn failures(&mut self, failures: &[VideoError]) {
        for failure in failures {
            let (line, kind) = match failure {
                VideoError::LabelOutOfRange { line, .. } => (*line, Kind::LabelRange),
                VideoError::ListInvalid { line, .. } => (*line, Kind::Line),
                _ => (0, Kind::Line),
            };
            self.tell((line, ""), Action::Dropped, kind, failure.to_string());
        }
    }

    /// What the labels as a whole look like.
    fn labels(&mut self, failures: &[VideoError], num_classes: Option<usize>) {
        let Some(num_classes) = num_classes else { return };
        let used: BTreeSet<usize> =
            self.list.records.iter().flat_map(|record| record.labels.iter().copied()).collect();
        let is_beyond = failures.iter().any(|failure| {
            matches!(failure, VideoError::LabelOutOfRange { label, .. } if *label == num_classes)
        });
        if used.is_empty() && !is_beyond {
            return;
        }
        if is_beyond && !used.contains(&0) {
            let detail = format!(
                "label {num_classes} is used and 0 is not: the labels seem to run from 1 to {num_classes} and should run from 0 to {}",
                num_classes - 1
            );
            self.tell((0, ""), Action::Noted, Kind::LabelsFromOne, detail);
        }
        let unused: Vec<String> =
            (0..num_classes).filter(|l| !used.contains(l)).map(|l| l.to_string()).collect();
        if !unused.is_empty() {
            let shown = unused[..unused.len().min(20)].join(", ");
            let more = if unused.len() > 20 { ", ..." } else { "" };
            let detail = format!("{} classes have no record: {shown}{more}", unused.len());
            self.tell((0, ""), Action::Noted, Kind::EmptyClass, detail);
        }
    }

    fn record(&mut self, record: &'a Record, probe: &'a Probe, elsewhere: Option<&Path>) {
        let place = (record.line, record.input.as_str());
        let frames = match &probe.frames {
            Ok(frames) => *frames,
            Err(error) => {
                let kind = match error {
                    VideoError::FileNotFound { .. } => Kind::Missing,
                    VideoError::FrameMissing { .. } => Kind::FrameMissing,
                    _ => Kind::Unreadable,
                };
                let detail = format!("{}: {error}", error.code());
                return self.tell(place, Action::Dropped, kind, detail);
            }
        };
        if let Some(other) = elsewhere {
            let detail = format!("{} has the same video", other.display());
            return self.tell(place, Action::Dropped, Kind::Leak, detail);
        }
        let Some(extent) = self.extent(record, probe, frames) else { return };
        let span = match extent {
            Extent::Range { start, end } => Some((start, end)),
            Extent::Whole | Extent::Count(_) => None,
        };
        if let Some(first) = self.seen.get(&(probe.identity.as_path(), span)) {
            let (line, labels) = (first.line, first.labels.clone());
            let same = labels == record.labels;
            let kind = if same { Kind::Duplicate } else { Kind::ConflictingLabels };
            let detail = if same {
                format!("line {line} has it already")
            } else {
                format!("line {line} has it with the labels {labels:?}, here {:?}", record.labels)
            };
            return self.tell(place, Action::Dropped, kind, detail);
        }
        self.seen.insert((&probe.identity, span), record);
        self.verdict.fixed += usize::from(extent != record.extent);
        self.verdict.kept.push(Record { extent, ..record.clone() });
    }

    /// The frames that the record should have; none where there are none left.
    fn extent(&mut self, record: &Record, probe: &Probe, frames: usize) -> Option<Extent> {
        let place = (record.line, record.input.as_str());
        let listed = match record.extent {
            Extent::Whole => return Some(Extent::Whole),
            Extent::Count(count) => count,
            Extent::Range { start, end } => {
                if start > frames {
                    let detail = format!("begins at frame {start}, but there are {frames}");
                    self.tell(place, Action::Dropped, Kind::FrameCount, detail);
                    return None;
                }
                end
            }
        };
        let from_zero = probe.first == Some(0);
        if from_zero && !self.is_numbering_told && matches!(record.extent, Extent::Range { .. }) {
            self.is_numbering_told = true;
            let detail = "the list counts frames from 1 but the images are numbered from 0; timeweave takes them in order, other programs look for names that are not there".to_owned();
            self.tell(place, Action::Noted, Kind::Numbering, detail);
        }
        let is_whole = matches!(record.extent, Extent::Count(_));
        let counts_frames = probe.is_flow && listed == frames + 1;
        if listed == frames || counts_frames || listed < frames && !is_whole {
            return Some(record.extent);
        }
        let (kind, why) = match listed.abs_diff(frames) {
            1 if from_zero && listed < frames => (
                Kind::Numbering,
                "; the images are numbered from 0: the list has the last number instead of how many there are",
            ),
            1 if probe.first.is_some() && listed > frames => {
                (Kind::Numbering, "; the list seems to count one past the last frame")
            }
            _ => (Kind::FrameCount, ""),
        };
        self.tell(
            place,
            Action::Fixed,
            kind,
            format!("the list has {listed}, there are {frames}{why}"),
        );
        Some(match record.extent {
            Extent::Range { start, .. } => Extent::Range { start, end: frames },
            _ => Extent::Count(frames),
        })
    }
}

/// Writes the clean list, in its own dialect where that is written and else in the plainest that holds it.
pub(super) fn write(
    file: &Path,
    list: &RecordList,
    verdict: &Verdict,
    classes: Option<&ClassNames>,
) -> Result<PathBuf, VideoError> {
    let options =
        |format, separator| WriteOptions { format, separator, classes, lossy: Lossy::Refused };
    let records = &verdict.kept;
    let is_bare = records.iter().any(|record| record.labels.is_empty());
    let is_whole = records.iter().all(|record| record.extent == Extent::Whole);
    let plain = match (is_bare, is_whole) {
        (true, true) => ListFormat::Path,
        (true, false) => ListFormat::PathStartEnd,
        (false, true) => ListFormat::PathLabel,
        (false, false) => ListFormat::PathStartEndLabel,
    };
    let text = if records.is_empty() {
        String::new()
    } else if list.format.is_columns() {
        render(records, &list.file, &options(list.format, Some(list.separator)))?
    } else {
        render(records, &list.file, &options(plain, None))?
    };
    whole::write(file, text.as_bytes())?;
    Ok(file.to_owned())
}
