//! One pass over a list without gradients.

use std::sync::atomic::{AtomicBool, Ordering};

use timeweave_models::Model;
use timeweave_video::transform::Preprocess;

use crate::config::EvalConfig;
use crate::data::{Split, SplitConfig};
use crate::event::{EvalEvent, EvalResult, SkippedSample};
use crate::metrics::{Metrics, cross_entropy};
use crate::predictor::Predictor;
use crate::{EngineError, input};

/// What a pass counted.
pub(crate) struct Pass {
    pub(crate) metrics: Metrics,
    pub(crate) skipped: Vec<SkippedSample>,
}

/// Runs `model` over all samples of `split`; `on_batch` is told the metrics so far after every batch.
pub(crate) fn pass(
    model: &Model,
    preprocess: &Preprocess,
    split: &Split,
    cancel: &AtomicBool,
    on_batch: &mut dyn FnMut(u64, &Metrics),
) -> Result<Pass, EngineError> {
    let mut metrics = Metrics::new(model.spec.num_classes() as usize);
    let mut batches = split.batches(0)?;
    for (step, batch) in (1..).zip(&mut batches) {
        if cancel.load(Ordering::Relaxed) {
            return Err(EngineError::Aborted { checkpoint: None });
        }
        let batch = batch?;
        let clips =
            input::clips_to_tensor(&batch.clips, batch.shape, preprocess, model.vs.device())?;
        for (scores, &label) in input::logits(model, &clips)?.iter().zip(&batch.labels) {
            metrics.add(scores, label, cross_entropy(scores, label));
        }
        on_batch(step, &metrics);
    }
    let skipped = batches.skipped();
    if metrics.samples() == 0 {
        return Err(split.no_samples(&skipped));
    }
    Ok(Pass { metrics, skipped })
}

/// Evaluates a checkpoint on a list.
///
/// # Errors
/// `CONFIG_INVALID`, `ABORTED` once `cancel` is set, `NO_SAMPLES`, and what checkpoints, lists and videos give.
pub fn evaluate(
    config: &EvalConfig,
    events: &dyn Fn(EvalEvent),
    cancel: &AtomicBool,
) -> Result<EvalResult, EngineError> {
    config.validate()?;
    let predictor = Predictor::load(&config.checkpoint, None, config.device)?;
    let model = predictor.model();
    let split = Split::open(&SplitConfig {
        list: &config.data.list(),
        classes: predictor.classes(),
        preprocess: predictor.preprocess(),
        num_frames: model.spec.num_frames() as usize,
        num_classes: model.spec.num_classes() as usize,
        is_train: false,
        seed: 0,
        workers: config.data.workers,
        batch_size: config.batch_size,
        on_error: config.data.on_error,
    })?;
    let steps = split.steps();
    let device = crate::device::name(model.vs.device());
    events(EvalEvent::Start { samples: split.len(), steps, device });
    let mut on_batch = |step: u64, metrics: &Metrics| {
        events(EvalEvent::Step { step, steps, samples: metrics.samples(), top1: metrics.top1() });
    };
    let Pass { metrics, skipped } =
        pass(model, predictor.preprocess(), &split, cancel, &mut on_batch)?;
    Ok(EvalResult {
        top1: metrics.top1(),
        top5: metrics.top5(),
        mean_class_accuracy: metrics.mean_class_accuracy(),
        loss: metrics.loss(),
        map_sample: None,
        map_class: None,
        samples: metrics.samples(),
        skipped,
        per_class: metrics.per_class(predictor.classes()),
        confusion: metrics.confusion(),
    })
}
