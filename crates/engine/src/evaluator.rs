//! One pass over a list without gradients.

use std::sync::atomic::{AtomicBool, Ordering};

use timeweave_models::Model;
use timeweave_video::Batch;

use crate::config::{EvalConfig, ViewMean, option_as_config, stack_of};
use crate::data::{Split, SplitConfig};
use crate::event::{EvalEvent, EvalResult, SkippedSample};
use crate::input::ClipInput;
use crate::metrics::{Metrics, binary_cross_entropy, cross_entropy, sigmoid, softmax};
use crate::predictor::Predictor;
use crate::{EngineError, input};

/// What a pass counted.
pub(crate) struct Pass {
    pub(crate) metrics: Metrics,
    pub(crate) skipped: Vec<SkippedSample>,
}

/// How a pass makes figures of logits.
#[derive(Clone, Copy)]
pub(crate) struct PassOptions {
    /// How the views of a video are joined.
    pub(crate) view_mean: ViewMean,
    /// Clips that the network takes at once.
    pub(crate) clips_at_once: usize,
}

/// Runs `model` over all samples of `split`; `on_batch` is told the metrics so far after every batch.
pub(crate) fn pass(
    model: &Model,
    input: &mut ClipInput,
    split: &Split,
    options: PassOptions,
    progress: &mut Progress<'_>,
) -> Result<Pass, EngineError> {
    let classes = model.spec.num_classes() as usize;
    let multi_label = split.multi_label();
    let mut metrics =
        if multi_label { Metrics::multi_label(classes) } else { Metrics::new(classes) };
    let mut batches = split.batches(0)?;
    for (step, batch) in (1..).zip(&mut batches) {
        if progress.cancel.load(Ordering::Relaxed) {
            return Err(EngineError::Aborted { checkpoint: None });
        }
        let batch = batch?;
        let logits = batch_logits(model, input, &batch, options.clips_at_once)?;
        for (views, labels) in logits.chunks(batch.views).zip(&batch.labels) {
            let scores = joined(views, options.view_mean, multi_label);
            metrics.add(&scores, labels, sample_loss(&scores, labels, multi_label));
        }
        (progress.on_batch)(step, &metrics);
    }
    let skipped = batches.skipped();
    if metrics.samples() == 0 {
        return Err(split.no_samples(&skipped));
    }
    Ok(Pass { metrics, skipped })
}

/// Who is told of a pass, and who can stop it.
pub(crate) struct Progress<'a> {
    pub(crate) cancel: &'a AtomicBool,
    pub(crate) on_batch: &'a mut dyn FnMut(u64, &Metrics),
}

/// Logits of all views of a batch, some clips at a time.
fn batch_logits(
    model: &Model,
    input: &mut ClipInput,
    batch: &Batch,
    at_once: usize,
) -> Result<Vec<Vec<f32>>, EngineError> {
    let [_, t, c, h, w] = batch.shape;
    let bytes = t * c * h * w;
    let mut rows = Vec::with_capacity(batch.shape[0]);
    for clips in batch.clips.chunks(bytes * at_once.max(1)) {
        let clips = input.tensor(clips, [clips.len() / bytes, t, c, h, w])?;
        rows.extend(input::logits(model, &clips)?);
    }
    Ok(rows)
}

/// The logits of one video out of those of its views.
pub(crate) fn joined(views: &[Vec<f32>], mean: ViewMean, multi_label: bool) -> Vec<f32> {
    let [first, rest @ ..] = views else { return Vec::new() };
    if rest.is_empty() {
        return first.clone();
    }
    let of_views = |convert: &dyn Fn(&[f32]) -> Vec<f32>| -> Vec<f64> {
        let mut sums = vec![0.0; first.len()];
        for view in views {
            for (sum, value) in sums.iter_mut().zip(convert(view)) {
                *sum += f64::from(value);
            }
        }
        sums.into_iter().map(|sum| sum / views.len() as f64).collect()
    };
    // Means of probabilities go back to logits that have these probabilities.
    let means = match (mean, multi_label) {
        (ViewMean::Logits, _) => of_views(&<[f32]>::to_vec),
        (ViewMean::Scores, false) => of_views(&softmax).into_iter().map(f64::ln).collect(),
        (ViewMean::Scores, true) => {
            of_views(&sigmoid).into_iter().map(|p| (p / (1.0 - p)).ln()).collect()
        }
    };
    // A probability of 0 or 1 by rounding is a very small or large logit, not an infinite one.
    means.into_iter().map(|logit| logit.clamp(-1e4, 1e4) as f32).collect()
}

fn sample_loss(logits: &[f32], labels: &[usize], multi_label: bool) -> f64 {
    match labels {
        [label] if !multi_label => cross_entropy(logits, *label),
        _ => binary_cross_entropy(logits, labels),
    }
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
    let stack = stack_of(&model.spec)?;
    let mut preprocess = config.views.apply(predictor.preprocess());
    if let Some(sampling) = &config.sampling {
        preprocess.sampling = sampling.clone();
    }
    let num_frames = model.spec.num_frames() as usize;
    preprocess
        .sampling
        .validate(num_frames)
        .and_then(|()| config.views.validate(&preprocess))
        .map_err(|error| option_as_config("", error))?;
    let open = config.data.decode.for_stack(stack);
    let decode = open.map_err(|error| option_as_config("data", error))?;
    let split = Split::open(&SplitConfig {
        list: &config.data.list(),
        classes: predictor.classes(),
        preprocess: &preprocess,
        stack,
        views: Some(&config.views),
        num_frames,
        num_classes: model.spec.num_classes() as usize,
        multi_label: predictor.multi_label().then_some(true),
        is_train: false,
        seed: 0,
        decode: &decode,
        workers: config.data.workers,
        prefetch: config.data.prefetch,
        batch_size: config.batch_size,
        on_error: config.data.on_error,
    })?;
    let steps = split.steps();
    let device = model.vs.device();
    let name = crate::device::name(device);
    events(EvalEvent::Start { samples: split.len(), steps, device: name });
    let mut on_batch = |step: u64, metrics: &Metrics| {
        events(EvalEvent::Step { step, steps, samples: metrics.samples(), top1: metrics.top1() });
    };
    let options = PassOptions { view_mean: config.view_mean, clips_at_once: config.batch_size };
    let mut input = ClipInput::new(&preprocess, stack, device);
    let mut progress = Progress { cancel, on_batch: &mut on_batch };
    let Pass { metrics, skipped } = pass(model, &mut input, &split, options, &mut progress)?;
    Ok(EvalResult {
        top1: metrics.top1(),
        top5: metrics.top5(),
        mean_class_accuracy: metrics.mean_class_accuracy(),
        loss: metrics.loss(),
        map_sample: metrics.map_sample(),
        map_class: metrics.map_class(),
        samples: metrics.samples(),
        skipped,
        per_class: metrics.per_class(predictor.classes()),
        confusion: metrics.confusion(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_joined_by_logits_or_by_probabilities() {
        let views = [vec![2.0, 0.0, -1.0], vec![-1.0, 3.0, 0.5]];
        let near = |a: f32, b: f64| assert!((f64::from(a) - b).abs() < 1e-6, "{a} {b}");
        assert_eq!(joined(&views, ViewMean::Logits, false), [0.5, 1.5, -0.25]);
        let both = views.each_ref().map(|view| softmax(view));
        for (class, score) in softmax(&joined(&views, ViewMean::Scores, false)).iter().enumerate() {
            near(*score, f64::midpoint(f64::from(both[0][class]), f64::from(both[1][class])));
        }
        let both = views.each_ref().map(|view| sigmoid(view));
        for (class, score) in sigmoid(&joined(&views, ViewMean::Scores, true)).iter().enumerate() {
            near(*score, f64::midpoint(f64::from(both[0][class]), f64::from(both[1][class])));
        }
        let sure = joined(&[vec![1e4, -1e4], vec![1e4, -1e4]], ViewMean::Scores, true);
        assert!(sure.iter().all(|logit| logit.is_finite()), "{sure:?}");
        assert_eq!(joined(&views[..1], ViewMean::Scores, false), views[0]);
    }
}
