//! Worker threads and a bounded queue: samples in ordered batches.
//!
//! Samples are numbered in the order of the epoch. A sample is handed to a worker only when the one `window` places before
//! it was taken out, so neither queue nor waiting results grow beyond the window, and batches do not depend on the workers.
//!
//! Memory goes round: a sample's bytes go back to the workers once they stand in a batch, a batch's to the loader once it is
//! dropped. After the first batches nothing of their size is allocated.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::VideoError;
use crate::buffer::{Buffer, Pool};
use crate::dataset::{Dataset, Sample};
use crate::random::Draws;
use crate::transform::Workspace;

/// What a sample that fails does to the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnError {
    /// The loader ends with the sample's error, which names list, line and video.
    #[default]
    Error,
    /// The sample is left out and listed in [`Batch::skipped`] and [`Loader::skipped`]; the next one takes its place.
    Skip,
}

/// How a data set is walked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoaderOptions {
    /// Clips of a batch, at least 1; the last batch of an epoch can be smaller.
    pub batch_size: usize,
    /// Threads that decode, at least 1.
    pub workers: usize,
    /// A random order, drawn from the data set's seed and the epoch; otherwise the list's order.
    pub shuffle: bool,
    /// Batches that are made ahead of the one that is asked for, at least 1.
    pub prefetch: usize,
    /// Leaves out a last batch that is not full.
    pub drop_last: bool,
    /// What a sample that fails does.
    pub on_error: OnError,
}

impl Default for LoaderOptions {
    fn default() -> Self {
        Self {
            batch_size: 8,
            workers: 1,
            shuffle: false,
            prefetch: 1,
            drop_last: false,
            on_error: OnError::Error,
        }
    }
}

impl LoaderOptions {
    fn check(&self, sample_bytes: usize) -> Result<(), VideoError> {
        for (field, value) in [("batchSize", self.batch_size), ("workers", self.workers)] {
            if !(1..=MOST).contains(&value) {
                return Err(VideoError::option(
                    field,
                    format!("an integer from 1 to {MOST}"),
                    value,
                ));
            }
        }
        if !(1..=MOST_AHEAD).contains(&self.prefetch) {
            let expected = format!("an integer from 1 to {MOST_AHEAD}");
            return Err(VideoError::option("prefetch", expected, self.prefetch));
        }
        if self.batch_size > MOST_BYTES / sample_bytes {
            let expected =
                format!("at most {} samples of {sample_bytes} bytes", MOST_BYTES / sample_bytes);
            return Err(VideoError::option("batchSize", expected, self.batch_size));
        }
        Ok(())
    }

    /// Samples that are in the making or wait, at most: the batches ahead, and one in each worker's hand and before it.
    pub fn window(&self) -> usize {
        self.prefetch * self.batch_size + 2 * self.workers
    }
}

/// The most clips of a batch and the most workers.
const MOST: usize = 65_536;
/// Dropped batches whose memory is kept: one is asked for while another is still looked at.
const BATCHES_KEPT: usize = 2;
/// The most batches that are made ahead.
const MOST_AHEAD: usize = 64;
/// The most bytes of a batch.
const MOST_BYTES: usize = 1 << 34;

/// A record that was left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Skipped {
    /// Which record, from 0 in the order of the list.
    pub record: usize,
    /// The path as the list has it.
    pub input: String,
    /// The error's code.
    pub code: &'static str,
    /// The error's words, with list and line.
    pub message: String,
}

/// Clips of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// `[N * V, T, C, H, W]`, 8 bit; the views of a sample lie one after the other. Dropped, the memory goes back to the
    /// loader.
    pub clips: Buffer,
    /// N * V, T, C, H, W; N is at least 1.
    pub shape: [usize; 5],
    /// V, the views of each sample.
    pub views: usize,
    /// The classes of each sample; one each in single-label lists.
    pub labels: Vec<Vec<usize>>,
    /// The record of each sample, from 0 in the order of the list.
    pub samples: Vec<usize>,
    /// The frames that each sample looks at, from 0.
    pub frames: Vec<Vec<usize>>,
    /// Whether each sample was mirrored at random.
    pub mirrored: Vec<bool>,
    /// Records that were left out since the batch before.
    pub skipped: Vec<Skipped>,
}

type Outcome = Result<Sample, VideoError>;

/// The batches of one epoch. Dropping it stops the workers and waits for the sample that each has in hand.
pub struct Loader {
    dataset: Arc<Dataset>,
    options: LoaderOptions,
    order: Arc<[usize]>,
    /// Places of the order that were handed out, and that were taken out.
    handed: usize,
    taken: usize,
    /// Samples that came before their turn.
    early: HashMap<usize, Outcome>,
    skipped: Vec<Skipped>,
    failed: bool,
    jobs: Option<Sender<usize>>,
    outcomes: Receiver<(usize, Outcome)>,
    /// Memory of samples, and of batches.
    spare: Pool,
    batches: Pool,
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<()>>,
}

impl Loader {
    /// Starts the workers on an epoch.
    ///
    /// # Errors
    /// `INVALID_OPTION` naming `batchSize` or `workers`.
    pub fn new(
        dataset: Arc<Dataset>,
        epoch: u64,
        options: LoaderOptions,
    ) -> Result<Self, VideoError> {
        options.check(dataset.options().sample_bytes())?;
        let mut order: Vec<_> = (0..dataset.len()).collect();
        if options.shuffle {
            Draws::order(dataset.options().seed, epoch).shuffle(&mut order);
        }
        let order: Arc<[usize]> = order.into();
        let window = options.window().min(order.len());
        let (spare, batches) = (Pool::new(window + options.workers), Pool::new(BATCHES_KEPT));
        let (jobs, queue) = bounded(window);
        let (results, outcomes) = bounded(window);
        let stop = Arc::new(AtomicBool::new(false));
        let count = options.workers.min(order.len());
        let workers = (1..=count).map(|number| {
            let worker = Worker {
                dataset: Arc::clone(&dataset),
                order: Arc::clone(&order),
                epoch,
                queue: queue.clone(),
                results: results.clone(),
                spare: spare.clone(),
                stop: Arc::clone(&stop),
            };
            let thread = std::thread::Builder::new().name(format!("clips-{number}of{count}"));
            thread.spawn(move || worker.run()).map_err(|error| worker_failed(0, &error.to_string()))
        });
        let workers = workers.collect::<Result<_, _>>()?;
        let mut loader = Self {
            dataset,
            options,
            order,
            handed: 0,
            taken: 0,
            early: HashMap::new(),
            skipped: Vec::new(),
            failed: false,
            jobs: Some(jobs),
            outcomes,
            spare,
            batches,
            stop,
            workers,
        };
        for _ in 0..window {
            loader.hand_out();
        }
        Ok(loader)
    }

    /// How many batches the epoch has when no sample is left out.
    pub fn batch_count(&self) -> usize {
        let samples = self.order.len();
        if self.options.drop_last {
            samples / self.options.batch_size
        } else {
            samples.div_ceil(self.options.batch_size)
        }
    }

    /// All records left out so far; complete when the iterator has ended.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    fn hand_out(&mut self) {
        if let Some(jobs) = self.jobs.as_ref().filter(|_| self.handed < self.order.len()) {
            // The queue holds the window, so there is room; it is closed only when every worker is gone.
            let _ = jobs.send(self.handed);
            self.handed += 1;
        }
        if self.handed == self.order.len() {
            self.jobs = None;
        }
    }

    /// The next sample in the order of the epoch.
    fn take_out(&mut self) -> Option<Outcome> {
        if self.taken == self.order.len() {
            return None;
        }
        let place = self.taken;
        let outcome = loop {
            if let Some(outcome) = self.early.remove(&place) {
                break outcome;
            }
            match self.outcomes.recv() {
                Ok((at, outcome)) => self.early.insert(at, outcome),
                Err(_) => break Err(worker_failed(self.order[place], "all workers are gone")),
            };
        };
        self.taken += 1;
        self.hand_out();
        Some(outcome)
    }

    fn batch(&self, samples: Vec<Sample>, skipped_before: usize) -> Batch {
        let count = samples.len();
        let (views, shape) =
            samples.first().map_or((1, [0; 4]), |first| (first.clip.views, first.clip.shape()));
        let mut clips = self.batches.take();
        let mut batch = Batch {
            clips: Buffer::default(),
            shape: [count * views, shape[0], shape[1], shape[2], shape[3]],
            views,
            labels: Vec::with_capacity(count),
            samples: Vec::with_capacity(count),
            frames: Vec::with_capacity(count),
            mirrored: Vec::with_capacity(count),
            skipped: self.skipped[skipped_before..].to_vec(),
        };
        clips.clear();
        clips.reserve_exact(batch.shape.iter().product());
        for sample in samples {
            clips.extend_from_slice(&sample.clip.data);
            self.spare.give(sample.clip.data);
            batch.labels.push(sample.labels);
            batch.samples.push(sample.record);
            batch.frames.push(sample.frames);
            batch.mirrored.push(sample.mirrored);
        }
        batch.clips = Buffer::of(clips, &self.batches);
        batch
    }

    fn skip(&mut self, record: usize, error: &VideoError) {
        let input = self.dataset.records()[record].input.clone();
        self.skipped.push(Skipped {
            record,
            input,
            code: error.code(),
            message: error.to_string(),
        });
    }
}

impl Iterator for Loader {
    type Item = Result<Batch, VideoError>;

    /// The next batch; after an error there is none.
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let skipped_before = self.skipped.len();
        let mut samples = Vec::with_capacity(self.options.batch_size);
        while samples.len() < self.options.batch_size {
            let record = self.order.get(self.taken).copied();
            match (self.take_out(), record) {
                (Some(Ok(sample)), _) => samples.push(sample),
                (Some(Err(error)), Some(record)) if self.options.on_error == OnError::Skip => {
                    self.skip(record, &error);
                }
                (Some(Err(error)), _) => {
                    self.failed = true;
                    self.stop.store(true, Ordering::Relaxed);
                    return Some(Err(error));
                }
                (None, _) => break,
            }
        }
        let is_full = samples.len() == self.options.batch_size;
        if samples.is_empty() || (self.options.drop_last && !is_full) {
            return None;
        }
        Some(Ok(self.batch(samples, skipped_before)))
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.jobs = None;
        for worker in self.workers.drain(..) {
            // A worker catches its panics, so there is nothing to hear from it.
            let _ = worker.join();
        }
    }
}

struct Worker {
    dataset: Arc<Dataset>,
    order: Arc<[usize]>,
    epoch: u64,
    queue: Receiver<usize>,
    results: Sender<(usize, Outcome)>,
    spare: Pool,
    stop: Arc<AtomicBool>,
}

impl Worker {
    fn run(self) {
        let mut workspace = Workspace::default();
        for place in &self.queue {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let record = self.order[place];
            workspace.clip = self.spare.take();
            let sample =
                AssertUnwindSafe(|| self.dataset.get_with(self.epoch, record, &mut workspace));
            let outcome = catch_unwind(sample)
                .unwrap_or_else(|panic| Err(worker_failed(record, &panic_text(panic.as_ref()))));
            if self.results.send((place, outcome)).is_err() {
                return;
            }
        }
    }
}

fn worker_failed(record: usize, reason: &str) -> VideoError {
    VideoError::WorkerFailed { record, reason: reason.to_owned() }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no words".into())
}
