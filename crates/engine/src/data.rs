//! The lists of a configuration as ordered batches of clips.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use timeweave_video::dataset::{Dataset, DatasetOptions};
use timeweave_video::list::{self, ClassNames, ListOptions, Record};
use timeweave_video::loader::{Loader, LoaderOptions, OnError, Skipped};
use timeweave_video::transform::Preprocess;
use timeweave_video::{OpenOptions, VideoError};

use crate::EngineError;
use crate::config::ListConfig;
use crate::event::SkippedSample;

/// One list and how its samples become clips.
pub(crate) struct SplitConfig<'a> {
    pub(crate) list: &'a ListConfig,
    /// The names of the classes, for lists that name them; their numbers where nobody gave names.
    pub(crate) classes: &'a [String],
    pub(crate) preprocess: &'a Preprocess,
    pub(crate) num_frames: usize,
    pub(crate) num_classes: usize,
    pub(crate) is_train: bool,
    pub(crate) seed: u64,
    pub(crate) workers: usize,
    pub(crate) batch_size: usize,
    pub(crate) on_error: OnError,
}

/// An open list.
pub(crate) struct Split {
    list: PathBuf,
    dataset: Arc<Dataset>,
    options: LoaderOptions,
}

/// Clips of one step.
pub(crate) struct ClipBatch {
    /// Bytes of shape `shape`.
    pub(crate) clips: Vec<u8>,
    /// N, T, 3, H, W.
    pub(crate) shape: [usize; 5],
    /// N classes.
    pub(crate) labels: Vec<usize>,
}

/// The batches of one epoch.
pub(crate) struct Batches(Loader);

impl Split {
    /// Reads the list. No video is opened yet.
    ///
    /// # Errors
    /// What lists give, and `LIST_INVALID` for a sample with several labels.
    pub(crate) fn open(config: &SplitConfig<'_>) -> Result<Self, EngineError> {
        let options = ListOptions {
            root: config.list.root.clone(),
            num_classes: Some(config.num_classes),
            format: config.list.format,
            separator: config.list.separator,
            ..ListOptions::default()
        };
        let is_named = !config.classes.iter().enumerate().all(|(i, name)| *name == i.to_string());
        // Names that come twice are of no use here, and lists that number their classes need none.
        let names = is_named.then(|| ClassNames::of(config.classes, "the class names").ok());
        let names = names.flatten();
        let records = list::read_with(&config.list.list, &options, names.as_ref())?;
        if let Some(record) = records.records.iter().find(|record| record.labels.len() != 1) {
            return Err(several_labels(&records.file, record).into());
        }
        let options = DatasetOptions {
            preprocess: config.preprocess.clone(),
            num_frames: config.num_frames,
            is_train: config.is_train,
            seed: config.seed,
            open: OpenOptions::default(),
        };
        let dataset = Arc::new(Dataset::new(records, options)?);
        let options = LoaderOptions {
            batch_size: config.batch_size,
            workers: config.workers,
            shuffle: config.is_train,
            drop_last: false,
            on_error: config.on_error,
        };
        Ok(Self { list: config.list.list.clone(), dataset, options })
    }

    /// Samples of the list.
    pub(crate) fn len(&self) -> usize {
        self.dataset.len()
    }

    /// Batches of an epoch in which every sample can be read.
    pub(crate) fn steps(&self) -> u64 {
        self.len().div_ceil(self.options.batch_size) as u64
    }

    /// Starts the workers on an epoch.
    pub(crate) fn batches(&self, epoch: u64) -> Result<Batches, EngineError> {
        Ok(Batches(Loader::new(Arc::clone(&self.dataset), epoch, self.options)?))
    }

    /// The error for a list of which nothing can be read.
    pub(crate) fn no_samples(&self, skipped: &[SkippedSample]) -> EngineError {
        let first = skipped
            .first()
            .map_or_else(String::new, |sample| format!("{}: {}", sample.code, sample.message));
        EngineError::NoSamples { list: self.list.clone(), skipped: skipped.len(), first }
    }
}

impl Batches {
    /// The samples that could not be read; complete when the batches have ended.
    pub(crate) fn skipped(&self) -> Vec<SkippedSample> {
        let named = |skipped: &Skipped| SkippedSample {
            input: skipped.input.clone(),
            code: skipped.code.to_owned(),
            message: skipped.message.clone(),
        };
        self.0.skipped().iter().map(named).collect()
    }
}

impl Iterator for Batches {
    type Item = Result<ClipBatch, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.0.next()?;
        Some(batch.map_err(EngineError::from).map(|batch| ClipBatch {
            labels: batch.labels.iter().filter_map(|labels| labels.first().copied()).collect(),
            clips: batch.clips,
            shape: batch.shape,
        }))
    }
}

fn several_labels(file: &Path, record: &Record) -> VideoError {
    VideoError::ListInvalid {
        file: file.to_owned(),
        line: record.line,
        field: "label".into(),
        expected: "one label".into(),
        received: format!("{} labels", record.labels.len()),
    }
}
