//! Records to samples: the stages joined, with all randomness drawn from (seed, epoch, index).

use std::ops::Range;
use std::path::PathBuf;

use crate::list::{Extent, Record, RecordList};
use crate::random::Draws;
use crate::transform::preprocess::{ClipRequest, clip};
use crate::transform::{Clip, Preprocess};
use crate::{OpenOptions, VideoError, VideoSource, open};

/// What a data set does with its records.
#[derive(Clone, Debug, PartialEq)]
pub struct DatasetOptions {
    /// From frames to clips.
    pub preprocess: Preprocess,
    /// Frames of a clip.
    pub num_frames: usize,
    /// Random clips for training; otherwise each record gives the same clip every time.
    pub is_train: bool,
    /// Seed of everything random.
    pub seed: u64,
    /// How videos are opened.
    pub open: OpenOptions,
}

impl DatasetOptions {
    /// Bytes of a clip, `T * 3 * cropSize * cropSize`.
    pub fn clip_bytes(&self) -> usize {
        self.num_frames * 3 * self.preprocess.crop_size * self.preprocess.crop_size
    }
}

/// The records of a list, as clips.
#[derive(Clone, Debug)]
pub struct Dataset {
    file: PathBuf,
    records: Vec<Record>,
    options: DatasetOptions,
}

/// One clip and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// `[T, 3, cropSize, cropSize]`, 8 bit.
    pub clip: Clip,
    /// The record's classes.
    pub labels: Vec<usize>,
    /// Which record, from 0 in the order of the list.
    pub record: usize,
    /// Which frames of the video, from 0.
    pub frames: Vec<usize>,
}

impl Dataset {
    /// A data set over a list. No video is opened yet.
    ///
    /// # Errors
    /// `EMPTY_LIST` without records, `INVALID_OPTION` for impossible settings.
    pub fn new(list: RecordList, options: DatasetOptions) -> Result<Self, VideoError> {
        options.preprocess.validate(options.num_frames)?;
        if list.records.is_empty() {
            return Err(VideoError::EmptyList { file: list.file });
        }
        Ok(Self { file: list.file, records: list.records, options })
    }

    /// How many records there are, at least one.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Always false; a list has records.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The records in the order of the list.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The settings.
    pub fn options(&self) -> &DatasetOptions {
        &self.options
    }

    /// The clip of a record; in training a new one for every epoch.
    ///
    /// # Errors
    /// What opening and decoding give, with list, line and video; `INVALID_OPTION` for a record that is not there.
    pub fn get(&self, epoch: u64, index: usize) -> Result<Sample, VideoError> {
        let record = self.records.get(index).ok_or_else(|| {
            VideoError::option("record", format!("an index below {}", self.records.len()), index)
        })?;
        self.sample(epoch, index, record).map_err(|source| match source {
            VideoError::ListInvalid { .. } => source,
            source => VideoError::Sample {
                file: self.file.clone(),
                line: record.line,
                video: record.path.clone(),
                source: Box::new(source),
            },
        })
    }

    fn sample(&self, epoch: u64, index: usize, record: &Record) -> Result<Sample, VideoError> {
        let mut source = open(&record.path, &self.options.open)?;
        let part = self.part(&mut *source, record)?;
        let mut draws =
            self.options.is_train.then(|| Draws::new(self.options.seed, epoch, index as u64));
        let request = ClipRequest {
            num_frames: self.options.num_frames,
            part: Some(part),
            draws: draws.as_mut(),
        };
        let (clip, frames) = clip(&mut *source, &self.options.preprocess, request)?;
        Ok(Sample { clip, labels: record.labels.clone(), record: index, frames })
    }

    /// The frames of the video that belong to the record, from 0.
    ///
    /// Lists were made from extracted frames: for a folder their numbers must fit. A video file can decode to a frame
    /// more or less than the extraction had, so its own count bounds them.
    fn part(
        &self,
        source: &mut dyn VideoSource,
        record: &Record,
    ) -> Result<Range<usize>, VideoError> {
        let frames = source.frame_count()?;
        let is_folder = source.info().decoder == "frames";
        let beyond = |field: &str, received: usize| {
            Err(VideoError::ListInvalid {
                file: self.file.clone(),
                line: record.line,
                field: field.into(),
                expected: format!("at most {frames} (the frames of {})", record.path.display()),
                received: received.to_string(),
            })
        };
        match record.extent {
            Extent::Count(count) if is_folder && count > frames => {
                beyond("frames (column 2)", count)
            }
            Extent::Count(count) if is_folder => Ok(0..count),
            Extent::Whole | Extent::Count(_) => Ok(0..frames),
            Extent::Range { start, .. } if start > frames => beyond("start (column 2)", start),
            Extent::Range { end, .. } if is_folder && end > frames => beyond("end (column 3)", end),
            Extent::Range { start, end } => Ok(start - 1..end.min(frames)),
        }
    }
}
