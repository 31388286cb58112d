//! Records to samples: the stages joined, with all randomness drawn from (seed, epoch, index).

use std::ops::Range;
use std::path::PathBuf;

use crate::list::{Extent, Record, RecordList};
use crate::random::Draws;
use crate::transform::flip::mirrored_label;
use crate::transform::{Clip, ClipRequest, Preprocess, Stack, TestViews, Workspace, clip};
use crate::{OpenOptions, VideoError, VideoSource, open};

/// What a data set does with its records.
#[derive(Clone, Debug, PartialEq)]
pub struct DatasetOptions {
    /// From frames to clips.
    pub preprocess: Preprocess,
    /// Frames of a clip.
    pub num_frames: usize,
    /// What a frame of a clip holds.
    pub stack: Stack,
    /// The views of a test; a single one otherwise. Training has none.
    pub views: Option<TestViews>,
    /// Random clips for training; otherwise each record gives the same clip every time.
    pub is_train: bool,
    /// Seed of everything random.
    pub seed: u64,
    /// How videos are opened.
    pub open: OpenOptions,
}

impl DatasetOptions {
    /// Views of a video, 1 or more.
    pub fn view_count(&self) -> usize {
        self.views.as_ref().map_or(1, |views| views.count(&self.preprocess))
    }

    /// Bytes of a sample, `V * T * C * cropSize * cropSize`.
    pub fn sample_bytes(&self) -> usize {
        let side = self.preprocess.crop_size;
        self.view_count() * self.num_frames * self.stack.channels() * side * side
    }

    fn validate(&self) -> Result<(), VideoError> {
        self.preprocess.validate_stack(self.num_frames, self.stack)?;
        match &self.views {
            Some(_) if self.is_train => {
                Err(VideoError::option("views", "none in training", "views"))
            }
            Some(views) => views.validate(&self.preprocess),
            None => Ok(()),
        }
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
    /// `[V, T, C, cropSize, cropSize]`, 8 bit.
    pub clip: Clip,
    /// The record's classes; their counterparts where the clip was mirrored.
    pub labels: Vec<usize>,
    /// Which record, from 0 in the order of the list.
    pub record: usize,
    /// Which frames of the video, from 0, clip by clip.
    pub frames: Vec<usize>,
    /// Whether the clip was mirrored at random.
    pub mirrored: bool,
}

impl Dataset {
    /// A data set over a list. No video is opened yet.
    ///
    /// # Errors
    /// `EMPTY_LIST` without records, `INVALID_OPTION` for impossible settings.
    pub fn new(list: RecordList, mut options: DatasetOptions) -> Result<Self, VideoError> {
        options.validate()?;
        options.open = options.open.for_stack(options.stack)?;
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
        self.get_with(epoch, index, &mut Workspace::default())
    }

    /// As [`Dataset::get`], with buffers that are kept from sample to sample.
    ///
    /// # Errors
    /// As for [`Dataset::get`].
    pub fn get_with(
        &self,
        epoch: u64,
        index: usize,
        workspace: &mut Workspace,
    ) -> Result<Sample, VideoError> {
        let record = self.records.get(index).ok_or_else(|| {
            VideoError::option("record", format!("an index below {}", self.records.len()), index)
        })?;
        self.sample(epoch, index, record, workspace).map_err(|source| match source {
            VideoError::ListInvalid { .. } => source,
            source => VideoError::Sample {
                file: self.file.clone(),
                line: record.line,
                video: record.path.clone(),
                source: Box::new(source),
            },
        })
    }

    fn sample(
        &self,
        epoch: u64,
        index: usize,
        record: &Record,
        workspace: &mut Workspace,
    ) -> Result<Sample, VideoError> {
        let options = &self.options;
        let mut source = open(&record.path, &options.open)?;
        let part = self.part(&mut *source, record)?;
        let mut draws = options.is_train.then(|| Draws::new(options.seed, epoch, index as u64));
        let request = ClipRequest {
            num_frames: options.num_frames,
            stack: options.stack,
            part: Some(part),
            views: options.views.as_ref(),
            draws: draws.as_mut(),
        };
        let drawn = clip(&mut *source, &options.preprocess, request, workspace)?;
        let mut labels = record.labels.clone();
        if let Some(pairs) = options.preprocess.flip_labels.as_ref().filter(|_| drawn.mirrored) {
            for label in &mut labels {
                *label = mirrored_label(pairs, *label);
            }
        }
        let (frames, mirrored) = (drawn.frames, drawn.mirrored);
        Ok(Sample { clip: drawn.clip, labels, record: index, frames, mirrored })
    }

    /// The frames of the video that belong to the record, from 0.
    ///
    /// Lists were made from extracted frames: for a folder their numbers must fit. A video file can decode to a frame
    /// more or less than the extraction had, so its own count bounds them. Optical flow has a pair less than there are
    /// frames; lists that count the frames fit as well as lists that count the pairs.
    fn part(
        &self,
        source: &mut dyn VideoSource,
        record: &Record,
    ) -> Result<Range<usize>, VideoError> {
        let frames = source.frame_count()?;
        let is_folder = source.info().decoder == "frames";
        let stated = frames + usize::from(self.options.stack == Stack::Flow);
        let beyond = |field: &str, received: usize| {
            Err(VideoError::ListInvalid {
                file: self.file.clone(),
                line: record.line,
                field: field.into(),
                expected: format!("at most {stated} (the frames of {})", record.path.display()),
                received: received.to_string(),
            })
        };
        match record.extent {
            Extent::Count(count) if is_folder && count > stated => {
                beyond("frames (column 2)", count)
            }
            Extent::Count(count) if is_folder => Ok(0..count.min(frames)),
            Extent::Whole | Extent::Count(_) => Ok(0..frames),
            Extent::Range { start, .. } if start > frames => beyond("start (column 2)", start),
            Extent::Range { end, .. } if is_folder && end > stated => beyond("end (column 3)", end),
            Extent::Range { start, end } => Ok(start - 1..end.min(frames)),
        }
    }
}
