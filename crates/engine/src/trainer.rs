//! One training run: epochs of steps, validation, checkpoints and the state to resume from.

use std::path::PathBuf;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use timeweave_models::{CheckpointReport, GENERATOR, Model, ModelCard, checkpoint};
use timeweave_video::Batch;

use crate::classes::{flip_labels, known_dataset, read_classes};
use crate::config::{Loss, TrainConfig, ViewMean, stack_of, to_value};
use crate::data::Split;
use crate::evaluator::{self, PassOptions};
use crate::event::{
    RunCheckpoint, SkippedSample, TrainEvent, TrainFigures, TrainResult, ValFigures,
};
use crate::input::ClipInput;
use crate::metrics::Metrics;
use crate::mixing::Mixing;
use crate::objective::Objective;
use crate::optimizer::Optimizer;
use crate::run_folder::{Place, RunFolder};
use crate::state::{self, Progress};
use crate::{EngineError, device, input};

/// Trains as the configuration says; `events` is called on this thread.
///
/// # Errors
/// `CONFIG_INVALID`, `RESUME_INVALID`, `LOSS_NOT_FINITE`, `NO_SAMPLES`, `ABORTED` once `cancel` is set (the run can then
/// be resumed from its last completed epoch), and what checkpoints, lists and videos give.
pub fn train(
    config: &TrainConfig,
    events: &dyn Fn(TrainEvent),
    cancel: &AtomicBool,
) -> Result<TrainResult, EngineError> {
    config.validate()?;
    let start = Instant::now();
    let mut trainer = Trainer::open(config, events, cancel)?;
    trainer.run()?;
    trainer.result(start.elapsed().as_secs_f64())
}

struct Trainer<'a> {
    /// Resolved: with the run folder filled in.
    config: TrainConfig,
    events: &'a dyn Fn(TrainEvent),
    cancel: &'a AtomicBool,
    folder: RunFolder,
    classes: Vec<String>,
    model: Model,
    /// What became of the weights of `init`; none in a run that goes on.
    start: Option<CheckpointReport>,
    optimizer: Optimizer,
    objective: Objective,
    input: ClipInput,
    train: Split,
    val: Option<Split>,
    progress: Progress,
}

/// Figures of one epoch.
struct Epoch {
    number: u64,
    train: TrainFigures,
    val: Option<ValFigures>,
    lr: f64,
    seconds: f64,
    data_wait: f64,
}

/// What the steps of one epoch gave.
struct Trained {
    figures: TrainFigures,
    /// Of the last step.
    lr: f64,
    /// Part of the time in which the network waited for clips.
    data_wait: f64,
}

impl<'a> Trainer<'a> {
    fn open(
        config: &TrainConfig,
        events: &'a dyn Fn(TrainEvent),
        cancel: &'a AtomicBool,
    ) -> Result<Self, EngineError> {
        let mut config = config.clone();
        let device = config.device.resolve()?;
        let num_classes = config.model.num_classes() as usize;
        let known = known_dataset(&config)?;
        let classes = read_classes(config.data.classes.as_deref(), known, num_classes)?;
        config.data.preprocess.flip_labels = flip_labels(&config, known, &classes)?;
        let stack = stack_of(&config.model)?;
        let train = Split::of_training(&config, &config.data.train, (true, &classes))?;
        let val = config.data.val.as_ref();
        let val = val.map(|val| Split::of_training(&config, val, (false, &classes))).transpose()?;
        let mut model = Model::new(config.model.clone(), device, Some(config.train.seed as i64))?;
        let start = config.init.as_ref();
        let start =
            start.map(|init| model.load_weights(&init.weights, &init.options())).transpose()?;
        let mut optimizer = Optimizer::new(&config.optimizer, &model.vs)?;
        // Last, so that a run that cannot start leaves no folder.
        let Place { folder, is_resumed } = RunFolder::place(&config)?;
        let progress = if is_resumed {
            let progress = state::restore(&folder.state(), &mut model, &mut optimizer)?;
            folder.cut_log(progress.epochs)?;
            progress
        } else {
            Progress::default()
        };
        config.output.dir = Some(folder.dir().to_owned());
        folder.write_config(&config)?;
        let trainer = Self {
            objective: Objective::new(&config.train, num_classes),
            input: ClipInput::new(&config.data.preprocess, stack, device),
            config,
            events,
            cancel,
            folder,
            classes,
            model,
            start: start.filter(|_| !is_resumed),
            optimizer,
            train,
            val,
            progress,
        };
        if !is_resumed {
            // A run that is stopped in its first epoch can be resumed as well.
            trainer.save_state()?;
        }
        Ok(trainer)
    }

    fn run(&mut self) -> Result<(), EngineError> {
        let epochs = self.config.train.epochs;
        (self.events)(TrainEvent::Start {
            run_dir: self.folder.dir().display().to_string(),
            epochs,
            steps: self.train.steps(),
            train_samples: self.train.len(),
            val_samples: self.val.as_ref().map_or(0, Split::len),
            resumed_epochs: self.progress.epochs,
            device: device::name(self.model.vs.device()),
        });
        if let (Some(report), Some(init)) = (self.start.take(), &self.config.init) {
            let weights = init.weights.display().to_string();
            (self.events)(TrainEvent::Init { weights, report });
        }
        for number in self.progress.epochs + 1..=epochs {
            let start = Instant::now();
            let Trained { figures: train, lr, data_wait } = self.train_epoch(number)?;
            let is_due = number % self.config.train.eval_every == 0 || number == epochs;
            let val = if is_due { self.validate()? } else { None };
            let seconds = start.elapsed().as_secs_f64();
            self.finish_epoch(&Epoch { number, train, val, lr, seconds, data_wait })?;
        }
        Ok(())
    }

    /// All steps of one epoch.
    fn train_epoch(&mut self, epoch: u64) -> Result<Trained, EngineError> {
        let (start, mut waited) = (Instant::now(), 0.0);
        let steps = self.train.steps();
        let classes = self.model.spec.num_classes() as usize;
        let mut metrics = Metrics::new(classes);
        let mut lr = 0.0;
        let mut batches = self.train.batches(epoch)?;
        for step in 1.. {
            self.check_cancel()?;
            let asked = Instant::now();
            let Some(batch) = batches.next() else { break };
            waited += asked.elapsed().as_secs_f64();
            let batch = batch?;
            if self.config.train.log_samples {
                self.folder.append_samples(&self.train.describe(&batch, epoch, step))?;
            }
            lr = self.rate(epoch, step, steps);
            let StepOutcome { loss, scores, grad_norm } = self.step(&batch, epoch, step, lr)?;
            let mut of_batch = Metrics::new(classes);
            for (scores, labels) in scores.iter().zip(&batch.labels) {
                metrics.add(scores, labels, loss);
                of_batch.add(scores, labels, loss);
            }
            if step % self.config.train.log_every == 0 || step == steps {
                let top1 = of_batch.top1();
                self.tell(TrainEvent::Step { epoch, step, steps, loss, lr, top1, grad_norm })?;
            }
        }
        let skipped = batches.skipped();
        if metrics.samples() == 0 {
            return Err(self.train.no_samples(&skipped));
        }
        self.note_skipped(skipped);
        let figures = TrainFigures { loss: metrics.loss(), top1: metrics.top1() };
        Ok(Trained { figures, lr, data_wait: waited / start.elapsed().as_secs_f64() })
    }

    fn rate(&self, epoch: u64, step: u64, steps: u64) -> f64 {
        let iteration = (epoch - 1) * steps + step - 1;
        self.config.schedule.rate(
            self.config.optimizer.lr(),
            iteration,
            steps,
            self.config.train.epochs,
        )
    }

    fn step(
        &mut self,
        batch: &Batch,
        epoch: u64,
        step: u64,
        lr: f64,
    ) -> Result<StepOutcome, EngineError> {
        let config = &self.config.train;
        let clips = self.input.tensor(&batch.clips, batch.shape)?;
        let [.., h, w] = batch.shape.map(|side| side as i64);
        let mixing = Mixing::draw(config, epoch, step, (h, w));
        let (clips, targets) = self.objective.prepare(clips, &batch.labels, mixing)?;
        self.optimizer.zero_grad();
        let logits = {
            // Dropout draws from libtorch's one generator; seeding each step makes a resumed run draw the same.
            let _guard = GENERATOR.lock().unwrap_or_else(PoisonError::into_inner);
            tch::manual_seed(step_seed(config.seed, epoch, step));
            self.model.network.forward(&clips, true)?
        };
        let loss = self.objective.loss(&logits, &targets)?;
        let value = loss.double_value(&[]);
        if !value.is_finite() {
            return Err(EngineError::LossNotFinite { loss: value, epoch, step });
        }
        (loss * config.loss_scale)
            .f_backward()
            .map_err(EngineError::libtorch("compute the gradients"))?;
        let grad_norm = config.clip_gradient.map(|limit| self.optimizer.clip_gradients(limit));
        self.optimizer.step(lr);
        Ok(StepOutcome { loss: value, scores: input::scores(&logits)?, grad_norm })
    }

    fn validate(&mut self) -> Result<Option<ValFigures>, EngineError> {
        let Some(val) = &self.val else { return Ok(None) };
        let options = PassOptions {
            view_mean: ViewMean::Logits,
            clips_at_once: self.config.train.batch_size,
        };
        let mut silent = |_, _: &Metrics| ();
        let mut progress = evaluator::Progress { cancel: self.cancel, on_batch: &mut silent };
        let pass = evaluator::pass(&self.model, &mut self.input, val, options, &mut progress);
        let pass = pass.map_err(|error| self.with_checkpoint(error))?;
        let metrics = &pass.metrics;
        let figures = ValFigures {
            loss: metrics.loss(),
            top1: metrics.top1(),
            top5: metrics.top5(),
            map_sample: metrics.map_sample(),
            map_class: metrics.map_class(),
        };
        self.note_skipped(pass.skipped);
        Ok(Some(figures))
    }

    /// Checkpoints, then the state that counts the epoch as done, then the news of both.
    fn finish_epoch(&mut self, epoch: &Epoch) -> Result<(), EngineError> {
        let checkpoint_at = |path: PathBuf| RunCheckpoint {
            path: path.display().to_string(),
            epoch: epoch.number,
            top1: epoch.val.as_ref().map(|val| val.top1),
            top5: epoch.val.as_ref().map(|val| val.top5),
            map_sample: epoch.val.as_ref().and_then(|val| val.map_sample),
            loss: epoch.val.as_ref().map_or(epoch.train.loss, |val| val.loss),
        };
        let last = checkpoint_at(self.folder.last());
        let is_candidate = self.val.is_none() || epoch.val.is_some();
        let is_best =
            is_candidate && self.progress.best.as_ref().is_none_or(|best| is_better(&last, best));
        let card = self.card(epoch);
        checkpoint::save(&self.folder.last(), &self.model.vs, &card)?;
        if is_best {
            checkpoint::save(&self.folder.best(), &self.model.vs, &card)?;
            self.progress.best = Some(checkpoint_at(self.folder.best()));
        }
        self.progress.epochs = epoch.number;
        self.progress.last = Some(last);
        self.save_state()?;
        self.tell(TrainEvent::Epoch {
            epoch: epoch.number,
            epochs: self.config.train.epochs,
            train: epoch.train.clone(),
            val: epoch.val.clone(),
            lr: epoch.lr,
            seconds: epoch.seconds,
            data_wait: epoch.data_wait,
        })?;
        let path = if is_best { self.folder.best() } else { self.folder.last() };
        let path = path.display().to_string();
        (self.events)(TrainEvent::Checkpoint { path, epoch: epoch.number, best: is_best });
        Ok(())
    }

    fn card(&self, epoch: &Epoch) -> ModelCard {
        let mut card = ModelCard::new(self.model.spec.clone());
        card.classes.clone_from(&self.classes);
        card.multi_label = self.config.train.loss == Loss::BinaryCrossEntropy;
        card.preprocess = to_value(&self.config.data.preprocess);
        card.metrics =
            serde_json::json!({ "epoch": epoch.number, "train": epoch.train, "val": epoch.val });
        card
    }

    fn save_state(&self) -> Result<(), EngineError> {
        state::save(&self.folder.state(), &self.model, &self.optimizer, &self.progress)
    }

    /// Logs and tells.
    fn tell(&self, event: TrainEvent) -> Result<(), EngineError> {
        self.folder.append_log(&event)?;
        (self.events)(event);
        Ok(())
    }

    fn check_cancel(&self) -> Result<(), EngineError> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(EngineError::Aborted { checkpoint: Some(self.folder.dir().to_owned()) });
        }
        Ok(())
    }

    fn with_checkpoint(&self, error: EngineError) -> EngineError {
        match error {
            EngineError::Aborted { .. } => {
                EngineError::Aborted { checkpoint: Some(self.folder.dir().to_owned()) }
            }
            other => other,
        }
    }

    fn note_skipped(&mut self, skipped: Vec<SkippedSample>) {
        for sample in skipped {
            if !self.progress.skipped.iter().any(|known| known.input == sample.input) {
                self.progress.skipped.push(sample);
            }
        }
    }

    fn result(self, seconds: f64) -> Result<TrainResult, EngineError> {
        let missing = || EngineError::ResumeInvalid {
            path: self.folder.dir().to_owned(),
            reason: "its state names no finished epoch".into(),
        };
        let last = self.progress.last.clone().ok_or_else(missing)?;
        let best = self.progress.best.clone().ok_or_else(missing)?;
        Ok(TrainResult {
            run_dir: self.folder.dir().display().to_string(),
            best,
            last,
            epochs: self.progress.epochs,
            seconds,
            skipped: self.progress.skipped,
            config: to_value(&self.config),
        })
    }
}

/// What one step gives.
struct StepOutcome {
    loss: f64,
    /// Of each sample, by class.
    scores: Vec<Vec<f32>>,
    /// Before clipping; none where nothing is clipped.
    grad_norm: Option<f64>,
}

/// Validation decides, by top-1 or the samples' mean average precision, then the loss; the earlier epoch stays when both
/// are equal.
fn is_better(new: &RunCheckpoint, old: &RunCheckpoint) -> bool {
    // An epoch without validation ranks below all with it; a run has the one kind only.
    let rank =
        |checkpoint: &RunCheckpoint| checkpoint.map_sample.or(checkpoint.top1).unwrap_or(-1.0);
    rank(new).total_cmp(&rank(old)).then(old.loss.total_cmp(&new.loss)).is_gt()
}

/// Mixes the three numbers well enough that neighbouring steps draw unrelated numbers (SplitMix64's finaliser).
fn step_seed(seed: u64, epoch: u64, step: u64) -> i64 {
    let golden = 0x9E37_79B9_7F4A_7C15_u64;
    [epoch, step].iter().fold(seed, |state, &part| {
        let z = (state ^ part.wrapping_mul(golden)).wrapping_add(golden);
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }) as i64
}
