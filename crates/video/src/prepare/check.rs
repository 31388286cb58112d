//! Lists against the files that they name: what is missing, unreadable, miscounted, misnumbered, doubled, or in two splits.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::clean::{self, Verdict};
use super::each::each;
use super::probe::{Probe, probe, same_content};
use super::{Step, Watch, whole, workers};
use crate::VideoError;
use crate::list::{ClassNames, Examined, ListFormat, ListOptions, Separator, examine};

/// What to check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckConfig {
    /// The lists of a data set, the one to train on first: a video that is in several stays in the last.
    pub lists: Vec<PathBuf>,
    /// How to read them.
    #[serde(default)]
    pub list: ListOptions,
    /// The names of images in frame folders, for optical flow with a place for the axis (`flow_{x|y}_{:05d}.jpg`); found when
    /// left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Decode every frame instead of the first and the last.
    #[serde(default)]
    pub decode: bool,
    /// The folder for the clean lists and the table of problems.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out: Option<PathBuf>,
    /// Videos at once; one per processor when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<usize>,
}

/// What came of the check.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckResult {
    /// Whether nothing was dropped and nothing corrected.
    pub ok: bool,
    /// The lists, in the order given.
    pub lists: Vec<CheckedList>,
    /// How often each problem was found.
    pub found: BTreeMap<Kind, usize>,
    /// Every problem, in the order of the lists and lines.
    pub problems: Vec<Problem>,
    /// The table of the problems.
    pub table: Option<PathBuf>,
}

/// One list.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckedList {
    /// The file.
    pub file: PathBuf,
    /// The dialect that was found.
    pub format: ListFormat,
    /// What separates its columns.
    pub separator: Separator,
    /// Its lines with a record, readable or not.
    pub records: usize,
    /// Those that are kept.
    pub kept: usize,
    /// Those that are kept with another number of frames.
    pub fixed: usize,
    /// The clean list.
    pub clean: Option<PathBuf>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// The list.
    pub list: PathBuf,
    /// The line, from 1; 0 for the list as a whole.
    pub line: usize,
    /// The path as the list has it.
    pub input: String,
    /// What is done about it.
    pub action: Action,
    /// What it is.
    pub problem: Kind,
    /// In words.
    pub detail: String,
}

/// What is done about a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// The record is not in the clean list.
    Dropped,
    /// The clean list has the right number.
    Fixed,
    /// Nothing; it is for you to judge.
    Noted,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A line that is no record.
    Line,
    /// A label that is no class.
    LabelRange,
    /// Labels that seem to be counted from 1.
    LabelsFromOne,
    /// A class without a record.
    EmptyClass,
    /// No file or folder is there.
    Missing,
    /// A file or a frame that cannot be decoded.
    Unreadable,
    /// A number in the middle of a frame folder that is not there.
    FrameMissing,
    /// Another number of frames than the list says.
    FrameCount,
    /// Frames that are counted from 0 on one side and from 1 on the other.
    Numbering,
    /// The same frames of the same video earlier in the list.
    Duplicate,
    /// The same with other labels.
    ConflictingLabels,
    /// The same video in a later list.
    Leak,
}

impl Kind {
    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::LabelRange => "label-range",
            Self::LabelsFromOne => "labels-from-one",
            Self::EmptyClass => "empty-class",
            Self::Missing => "missing",
            Self::Unreadable => "unreadable",
            Self::FrameMissing => "frame-missing",
            Self::FrameCount => "frame-count",
            Self::Numbering => "numbering",
            Self::Duplicate => "duplicate",
            Self::ConflictingLabels => "conflicting-labels",
            Self::Leak => "leak",
        }
    }
}

/// Checks the lists, and writes clean ones and a table where `out` says so.
///
/// # Errors
/// `INVALID_OPTION`, those that keep a list from being read at all, `FILE_ACCESS` for what is written, `ABORTED`.
pub fn check(config: &CheckConfig, watch: Watch<'_>) -> Result<CheckResult, VideoError> {
    let workers = workers(config.workers)?;
    if config.lists.is_empty() {
        return Err(VideoError::option("lists", "at least one list", "none"));
    }
    let names = config.list.classes.as_deref().map(ClassNames::read).transpose()?;
    let num_classes = config.list.num_classes.or_else(|| Some(names.as_ref()?.names().len()));
    let options = ListOptions { num_classes, ..config.list.clone() };
    let examined: Vec<Examined> =
        config.lists.iter().map(|file| examine(file, &options)).collect::<Result<_, _>>()?;
    let probes = probes(config, &examined, workers, watch)?;
    let verdicts = clean::judge(&examined, &probes, num_classes);
    let mut result = CheckResult {
        ok: true,
        lists: Vec::new(),
        found: BTreeMap::new(),
        problems: Vec::new(),
        table: None,
    };
    for (index, (examined, verdict)) in examined.iter().zip(verdicts).enumerate() {
        let clean = match &config.out {
            Some(out) => {
                let file = out.join(clean_name(&config.lists, index));
                Some(clean::write(&file, &examined.list, &verdict, names.as_ref())?)
            }
            None => None,
        };
        let Verdict { kept, fixed, problems } = verdict;
        result.lists.push(CheckedList {
            file: examined.list.file.clone(),
            format: examined.list.format,
            separator: examined.list.separator,
            records: examined.list.records.len() + examined.failures.len(),
            kept: kept.len(),
            fixed,
            clean,
        });
        result.problems.extend(problems);
    }
    for problem in &result.problems {
        *result.found.entry(problem.problem).or_default() += 1;
        result.ok &= problem.action == Action::Noted;
    }
    if let Some(out) = &config.out {
        let file = out.join("problems.csv");
        whole::write(&file, &table(&result.problems))?;
        result.table = Some(file);
    }
    Ok(result)
}

/// What is known of every video that the lists name.
fn probes(
    config: &CheckConfig,
    examined: &[Examined],
    workers: usize,
    watch: Watch<'_>,
) -> Result<BTreeMap<PathBuf, Probe>, VideoError> {
    let records = examined.iter().flat_map(|one| &one.list.records);
    let paths: std::collections::BTreeSet<&PathBuf> = records.map(|record| &record.path).collect();
    let paths: Vec<&PathBuf> = paths.into_iter().collect();
    let mut probes = BTreeMap::new();
    let look = |path: &&PathBuf| probe(path, config.template.as_deref(), config.decode);
    each(&paths, workers, watch.cancel, look, |index, found| {
        let input = paths[index].display().to_string();
        let error = found.frames.as_ref().err().map(|error| super::Failed::new(&input, error));
        probes.insert(paths[index].clone(), found);
        (watch.step)(&Step { done: probes.len(), total: paths.len(), input, error });
    });
    watch.check()?;
    same_content(&mut probes);
    Ok(probes)
}

/// The name of a clean list: that of the list, with its number where two are named alike.
fn clean_name(lists: &[PathBuf], index: usize) -> PathBuf {
    let name = |file: &Path| file.file_name().map(PathBuf::from).unwrap_or_default();
    let own = name(&lists[index]).with_extension("txt");
    let twins = lists.iter().filter(|file| name(file).with_extension("txt") == own).count();
    if twins == 1 { own } else { PathBuf::from(format!("{}-{}", index + 1, own.display())) }
}

/// The problems as a table with commas.
fn table(problems: &[Problem]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = writer.write_record(["list", "line", "input", "action", "problem", "detail"]);
    for problem in problems {
        let action = match problem.action {
            Action::Dropped => "dropped",
            Action::Fixed => "fixed",
            Action::Noted => "noted",
        };
        let (list, line) = (problem.list.display().to_string(), problem.line.to_string());
        let cells = [&list, &line, &problem.input, action, problem.problem.name(), &problem.detail];
        let _ = writer.write_record(cells);
    }
    writer.into_inner().unwrap_or_default()
}
