//! The lists of a configuration as ordered batches of clips.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use timeweave_video::dataset::{Dataset, DatasetOptions};
use timeweave_video::list::{self, ClassNames, ListOptions, Record};
use timeweave_video::loader::{Batch, Loader, LoaderOptions, OnError, Skipped};
use timeweave_video::transform::{Preprocess, Stack, TestViews};
use timeweave_video::{OpenOptions, VideoError};

use crate::EngineError;
use crate::config::{ListConfig, Loss, TrainConfig, stack_of};
use crate::event::{SampleRecord, SkippedSample};

/// One list and how its samples become clips.
pub(crate) struct SplitConfig<'a> {
    pub(crate) list: &'a ListConfig,
    /// The names of the classes, for lists that name them; their numbers where nobody gave names.
    pub(crate) classes: &'a [String],
    pub(crate) preprocess: &'a Preprocess,
    pub(crate) stack: Stack,
    /// The views of a test.
    pub(crate) views: Option<&'a TestViews>,
    pub(crate) num_frames: usize,
    pub(crate) num_classes: usize,
    /// Whether samples may have several labels; found from the list when left out.
    pub(crate) multi_label: Option<bool>,
    pub(crate) is_train: bool,
    pub(crate) seed: u64,
    pub(crate) decode: &'a OpenOptions,
    pub(crate) workers: usize,
    pub(crate) prefetch: usize,
    pub(crate) batch_size: usize,
    pub(crate) on_error: OnError,
}

/// An open list.
pub(crate) struct Split {
    list: PathBuf,
    dataset: Arc<Dataset>,
    options: LoaderOptions,
    multi_label: bool,
}

/// The batches of one epoch.
pub(crate) struct Batches(Loader);

impl Split {
    /// Reads the list. No video is opened yet.
    ///
    /// # Errors
    /// What lists give, and `LIST_INVALID` for a sample with no or several labels where one is expected.
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
        let has_several = records.records.iter().any(|record| record.labels.len() > 1);
        let multi_label = config.multi_label.unwrap_or(has_several);
        let other = records.records.iter().find(|record| record.labels.len() != 1);
        if let Some(record) = other.filter(|_| !multi_label) {
            return Err(not_one_label(&records.file, record).into());
        }
        let options = DatasetOptions {
            preprocess: config.preprocess.clone(),
            num_frames: config.num_frames,
            stack: config.stack,
            views: config.views.cloned(),
            is_train: config.is_train,
            seed: config.seed,
            open: config.decode.clone(),
        };
        // A batch of a test holds as many clips as one of training, however many views a video has.
        let batch_size = (config.batch_size / options.view_count()).max(1);
        let dataset = Arc::new(Dataset::new(records, options)?);
        let options = LoaderOptions {
            batch_size,
            workers: config.workers,
            shuffle: config.is_train,
            prefetch: config.prefetch,
            drop_last: false,
            on_error: config.on_error,
        };
        Ok(Self { list: config.list.list.clone(), dataset, options, multi_label })
    }

    /// A list of a training's configuration.
    pub(crate) fn of_training(
        config: &TrainConfig,
        list: &ListConfig,
        (is_train, classes): (bool, &[String]),
    ) -> Result<Self, EngineError> {
        Self::open(&SplitConfig {
            list,
            classes,
            preprocess: &config.data.preprocess,
            stack: stack_of(&config.model)?,
            views: None,
            num_frames: config.model.num_frames() as usize,
            num_classes: config.model.num_classes() as usize,
            multi_label: Some(config.train.loss == Loss::BinaryCrossEntropy),
            is_train,
            seed: config.train.seed,
            decode: &config.data.decode,
            workers: config.data.workers,
            prefetch: config.data.prefetch,
            batch_size: config.train.batch_size,
            on_error: config.data.on_error,
        })
    }

    /// Samples of the list.
    pub(crate) fn len(&self) -> usize {
        self.dataset.len()
    }

    /// Whether samples may have several labels.
    pub(crate) fn multi_label(&self) -> bool {
        self.multi_label
    }

    /// Batches of an epoch in which every sample can be read.
    pub(crate) fn steps(&self) -> u64 {
        self.len().div_ceil(self.options.batch_size) as u64
    }

    /// Starts the workers on an epoch.
    pub(crate) fn batches(&self, epoch: u64) -> Result<Batches, EngineError> {
        Ok(Batches(Loader::new(Arc::clone(&self.dataset), epoch, self.options)?))
    }

    /// What a batch of training looked at.
    pub(crate) fn describe(&self, batch: &Batch, epoch: u64, step: u64) -> Vec<SampleRecord> {
        let describe = |at: usize| {
            let record = &self.dataset.records()[batch.samples[at]];
            SampleRecord {
                epoch,
                step,
                line: record.line,
                input: record.input.clone(),
                labels: batch.labels[at].clone(),
                frames: batch.frames[at].clone(),
                mirrored: batch.mirrored[at],
            }
        };
        (0..batch.samples.len()).map(describe).collect()
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
    type Item = Result<Batch, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.map_err(EngineError::from))
    }
}

fn not_one_label(file: &Path, record: &Record) -> VideoError {
    VideoError::ListInvalid {
        file: file.to_owned(),
        line: record.line,
        field: "label".into(),
        expected: "one label (train.loss: binaryCrossEntropy takes several)".into(),
        received: format!("{} labels", record.labels.len()),
    }
}
