//! Frames out of videos: a folder of images for each.
//!
//! A folder appears whole or not at all. It holds a mark with the settings and the video's size and time; when it is there
//! and fits, the video is done. So a run that was stopped goes on when it is started again, and several machines can share
//! the work by shards.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::each::each;
use super::extract::{Job, frames_of};
use super::{Failed, Step, Watch, folder, whole, workers};
use crate::decode::frame_name;
use crate::endings::{VIDEOS, has_ending};
use crate::list::{
    Extent, ListFormat, ListOptions, Lossy, Record, RecordList, WriteOptions, read, render,
};
use crate::{Damaged, VideoError};

/// What to extract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FramesConfig {
    /// A list, or a folder with videos at any depth.
    pub input: PathBuf,
    /// How to read the list.
    #[serde(default)]
    pub list: ListOptions,
    /// The folder for the frames; each video's are in a folder with its path, without the ending.
    pub out: PathBuf,
    /// The shorter side in pixels; the frames keep their size when null.
    #[serde(default = "short_side")]
    pub short_side: Option<usize>,
    /// Of JPEG, from 1 to 100.
    #[serde(default = "quality")]
    pub quality: i32,
    /// The names of the images, `.jpg` or `.png`.
    #[serde(default = "template")]
    pub template: String,
    /// The number of the first.
    #[serde(default = "first")]
    pub first: u64,
    /// `K/N`: of every N videos the K-th, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// Videos at once; one per processor when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<usize>,
    /// Replace folders whose mark does not fit, or that have none.
    #[serde(default)]
    pub overwrite: bool,
    /// What to do with a video that is cut or spoilt.
    #[serde(default)]
    pub damaged: Damaged,
    /// Where to write the list of the folders, with the number of frames of each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_out: Option<PathBuf>,
}

#[expect(clippy::unnecessary_wraps, reason = "a default has the type of its field")]
fn short_side() -> Option<usize> {
    Some(256)
}

fn quality() -> i32 {
    90
}

fn template() -> String {
    "img_{:05d}.jpg".into()
}

fn first() -> u64 {
    1
}

impl FramesConfig {
    /// The usual settings.
    pub fn new(input: impl Into<PathBuf>, out: impl Into<PathBuf>) -> Self {
        Self {
            input: input.into(),
            list: ListOptions::default(),
            out: out.into(),
            short_side: short_side(),
            quality: quality(),
            template: template(),
            first: first(),
            shard: None,
            workers: None,
            overwrite: false,
            damaged: Damaged::Error,
            list_out: None,
        }
    }

    /// Checks every value that can be checked without opening a file.
    fn validate(&self) -> Result<Shard, VideoError> {
        if self.short_side.is_some_and(|side| !(8..=8192).contains(&side)) {
            let side = self.short_side.unwrap_or_default();
            return Err(VideoError::option("shortSide", "null or pixels from 8 to 8192", side));
        }
        if !(1..=100).contains(&self.quality) {
            return Err(VideoError::option("quality", "a number from 1 to 100", self.quality));
        }
        let name = frame_name(&self.template, self.first)?;
        if !has_ending(Path::new(&name), &["jpg", "jpeg", "png"]) || name.contains(['/', '\\']) {
            let expected = "the name of a file ending with .jpg or .png";
            return Err(VideoError::option("template", expected, format!("`{}`", self.template)));
        }
        let shard = self.shard.as_deref().map_or(Ok(Shard { index: 0, count: 1 }), str::parse)?;
        if self.list_out.is_some() && shard.count > 1 {
            let expected = "no shard (run once more without one when all shards are done: what is there is kept)";
            return Err(VideoError::option("listOut", expected, "a shard"));
        }
        Ok(shard)
    }
}

/// A part of the videos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shard {
    index: usize,
    count: usize,
}

impl FromStr for Shard {
    type Err = VideoError;

    fn from_str(text: &str) -> Result<Self, VideoError> {
        let parts = text.split_once('/').map(|(k, n)| (k.parse::<usize>(), n.parse::<usize>()));
        match parts {
            Some((Ok(k), Ok(count))) if 1 <= k && k <= count => Ok(Self { index: k - 1, count }),
            _ => Err(VideoError::option("shard", "K/N with K from 1 to N", format!("`{text}`"))),
        }
    }
}

/// What was extracted.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FramesResult {
    /// Videos of this shard.
    pub videos: usize,
    /// Those that were extracted now.
    pub extracted: usize,
    /// Those that were there already.
    pub kept: usize,
    /// Images of both.
    pub frames: usize,
    /// Videos without a folder, with the reason.
    pub failed: Vec<Failed>,
    /// The list of the folders.
    pub list: Option<PathBuf>,
}

/// Extracts the frames of every video. A video that fails is told in the result and the others go on.
///
/// # Errors
/// `INVALID_OPTION`, those of reading the list, `FILE_ACCESS` for the list to write, `ABORTED`.
pub fn extract(config: &FramesConfig, watch: Watch<'_>) -> Result<FramesResult, VideoError> {
    let shard = config.validate()?;
    let workers = workers(config.workers)?;
    let (list, root, inputs) = inputs(config)?;
    let jobs = jobs(config, &root, &inputs)?;
    let jobs: Vec<Job> = jobs.into_iter().skip(shard.index).step_by(shard.count).collect();
    let mut result = FramesResult {
        videos: jobs.len(),
        extracted: 0,
        kept: 0,
        frames: 0,
        failed: Vec::new(),
        list: None,
    };
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut done = 0;
    let work = |job: &Job| frames_of(config, job, watch.cancel);
    each(&jobs, workers, watch.cancel, work, |index, outcome| {
        let input = jobs[index].input.clone();
        done += 1;
        let error = match outcome {
            Ok(found) => {
                result.extracted += usize::from(!found.kept);
                result.kept += usize::from(found.kept);
                result.frames += found.frames;
                counts.insert(input.clone(), found.frames);
                None
            }
            Err(VideoError::Aborted) => return,
            Err(error) => Some(Failed::new(&input, &error)),
        };
        result.failed.extend(error.clone());
        (watch.step)(&Step { done, total: jobs.len(), input, error });
    });
    watch.check()?;
    result.failed.sort_by(|a, b| a.input.cmp(&b.input));
    if let (Some(out), Some(list)) = (&config.list_out, list) {
        write_list(out, &list, &counts)?;
        result.list = Some(out.clone());
    }
    Ok(result)
}

/// The list, the folder that videos are in, and their paths from it, each once.
fn inputs(config: &FramesConfig) -> Result<(Option<RecordList>, PathBuf, Vec<String>), VideoError> {
    if config.input.is_dir() {
        if config.list_out.is_some() {
            let expected = "a list as input (`lists` makes one of the extracted folders)";
            return Err(VideoError::option("listOut", expected, "a folder"));
        }
        let videos = folder::videos(&config.input)?;
        if videos.is_empty() {
            let expected = "a folder with video files";
            return Err(VideoError::option("input", expected, config.input.display()));
        }
        return Ok((None, config.input.clone(), videos));
    }
    let list = read(&config.input, &config.list)?;
    let root = config.list.root.clone();
    let root = root.or_else(|| config.input.parent().map(Path::to_owned)).unwrap_or_default();
    let mut seen = std::collections::HashSet::new();
    let inputs = list.records.iter().map(|record| record.input.clone());
    let inputs = inputs.filter(|input| seen.insert(input.clone())).collect();
    Ok((Some(list), root, inputs))
}

/// What is to be done for each video.
fn jobs(config: &FramesConfig, root: &Path, inputs: &[String]) -> Result<Vec<Job>, VideoError> {
    let mut places: HashMap<String, &String> = HashMap::new();
    let mut jobs = Vec::with_capacity(inputs.len());
    for input in inputs {
        let place = folder_of(input);
        let is_below = Path::new(&place).components().all(|part| {
            matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir)
        });
        if !is_below || place.is_empty() {
            let expected = "paths below the root, which become folders of frames";
            return Err(VideoError::option("input", expected, format!("`{input}`")));
        }
        if let Some(other) = places.insert(place.clone(), input) {
            let expected = "videos whose paths differ by more than the ending";
            return Err(VideoError::option("input", expected, format!("`{other}` and `{input}`")));
        }
        let (video, place) = (root.join(input), config.out.join(place));
        if video == place {
            let expected = "another folder than that of the frames to read";
            return Err(VideoError::option("out", expected, config.out.display()));
        }
        jobs.push(Job { input: input.clone(), video, place });
    }
    Ok(jobs)
}

/// The folder for a video: its path without the ending.
fn folder_of(input: &str) -> String {
    let path = Path::new(input);
    let known = has_ending(path, &VIDEOS);
    if known { path.with_extension("").to_string_lossy().into_owned() } else { input.to_owned() }
}

/// Writes the list of the folders that are there.
fn write_list(
    out: &Path,
    list: &RecordList,
    counts: &HashMap<String, usize>,
) -> Result<(), VideoError> {
    let record = |record: &Record| {
        let &frames = counts.get(&record.input)?;
        let extent = match record.extent {
            Extent::Range { start, .. } if start > frames => return None,
            Extent::Range { start, end } => Extent::Range { start, end: end.min(frames) },
            Extent::Whole | Extent::Count(_) => Extent::Count(frames),
        };
        Some(Record { input: folder_of(&record.input), extent, ..record.clone() })
    };
    let records: Vec<Record> = list.records.iter().filter_map(record).collect();
    let format = match records.iter().all(|record| matches!(record.extent, Extent::Count(_))) {
        _ if records.iter().any(|record| record.labels.is_empty()) => ListFormat::PathStartEnd,
        true => ListFormat::PathFramesLabel,
        false => ListFormat::PathStartEndLabel,
    };
    let options = WriteOptions { format, separator: None, classes: None, lossy: Lossy::Refused };
    whole::write(out, render(&records, &list.file, &options)?.as_bytes())
}
