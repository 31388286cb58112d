//! A network that is ready to name what videos show: weights, classes and the way from files to clips.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tch::Tensor;
use timeweave_models::{CheckpointReport, LoadOptions, Model, ModelCard, ModelSpec, checkpoint};
use timeweave_video::transform::{ClipRequest, Preprocess, Workspace, clip};

use crate::config::{PredictOptions, option_as_config, stack_of};
use crate::device::Device;
use crate::evaluator::joined;
use crate::input::ClipInput;
use crate::metrics::{sigmoid, softmax, top_k};
use crate::prediction::{ClassScore, Failure, MeanInterlace, Outcome, PredictInput, Prediction};
use crate::{EngineError, input};

/// Views that the network takes at once.
const CLIPS_AT_ONCE: usize = 8;

/// A network with everything that prediction needs.
#[derive(Debug)]
pub struct Predictor {
    model: Model,
    card: ModelCard,
    preprocess: Preprocess,
    report: Option<CheckpointReport>,
}

/// A file of weights and how it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    /// The file.
    pub path: PathBuf,
    /// How strictly it must fit, and whose names it has.
    pub options: LoadOptions,
}

impl Predictor {
    /// A network of `spec` with fresh weights, those of `weights` where given; transforms are the defaults.
    ///
    /// # Errors
    /// `INVALID_SPEC`, `DEVICE_UNAVAILABLE`, `INPUT_INVALID` for names that do not fit, and what checkpoints give.
    pub fn create(
        spec: ModelSpec,
        weights: Option<&Weights>,
        seed: Option<i64>,
        device: Device,
        classes: Option<Vec<String>>,
    ) -> Result<Self, EngineError> {
        let model = Model::new(spec.clone(), device.resolve()?, seed)?;
        let mut card = ModelCard::new(spec);
        let mut report = None;
        if let Some(Weights { path, options }) = weights {
            let loaded = model.load_weights(path, options)?;
            // The names of its classes go with its classifier.
            let keeps_classes = loaded.initialised.iter().all(|weight| !weight.is_classifier());
            report = Some(loaded);
            if let Some(theirs) = checkpoint::read_card(path)? {
                let names = if keeps_classes { theirs.classes } else { Vec::new() };
                card = ModelCard { spec: card.spec, classes: names, ..theirs };
            }
        }
        if let Some(classes) = classes {
            card.classes = classes;
        }
        Self::with_card(model, card, report)
    }

    /// The network of a checkpoint. `spec` serves where the file has no card, and must fit the weights.
    ///
    /// # Errors
    /// What checkpoints give, and `DEVICE_UNAVAILABLE`.
    pub fn load(path: &Path, spec: Option<ModelSpec>, device: Device) -> Result<Self, EngineError> {
        let weights = Weights { path: path.to_owned(), options: LoadOptions::default() };
        Self::load_as(&weights, spec, device)
    }

    /// As [`Predictor::load`], with options for the file.
    ///
    /// # Errors
    /// As [`Predictor::load`].
    pub fn load_as(
        weights: &Weights,
        spec: Option<ModelSpec>,
        device: Device,
    ) -> Result<Self, EngineError> {
        let spec = match spec {
            Some(spec) => spec,
            None => checkpoint::card_or_error(&weights.path)?.spec,
        };
        Self::create(spec, Some(weights), None, device, None)
    }

    fn with_card(
        model: Model,
        mut card: ModelCard,
        report: Option<CheckpointReport>,
    ) -> Result<Self, EngineError> {
        let classes = model.spec.num_classes() as usize;
        if card.classes.is_empty() {
            card.classes = (0..classes).map(|class| class.to_string()).collect();
        }
        if card.classes.len() != classes {
            return Err(EngineError::InputInvalid {
                field: "classes".into(),
                expected: format!("{classes} names (model.numClasses)"),
                received: format!("{} names", card.classes.len()),
            });
        }
        let preprocess = if card.preprocess.is_null() {
            Preprocess::default()
        } else {
            crate::config::parse_value(&card.preprocess)?
        };
        card.preprocess = crate::config::to_value(&preprocess);
        Ok(Self { model, card, preprocess, report })
    }

    /// The network.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// What became of every weight; none where no file was loaded.
    pub fn load_report(&self) -> Option<&CheckpointReport> {
        self.report.as_ref()
    }

    /// Names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.card.classes
    }

    /// Whether a video can show several classes.
    pub fn multi_label(&self) -> bool {
        self.card.multi_label
    }

    /// The way from frames to clips.
    pub fn preprocess(&self) -> &Preprocess {
        &self.preprocess
    }

    /// Bytes of all weights and running statistics.
    pub fn bytes(&self) -> usize {
        let size = |tensor: &Tensor| tensor.numel() * tensor.kind().elt_size_in_bytes();
        self.model.vs.variables().values().map(size).sum()
    }

    /// Writes weights and card as a checkpoint.
    ///
    /// # Errors
    /// `CHECKPOINT_UNWRITABLE`.
    pub fn save(&self, path: &Path) -> Result<(), EngineError> {
        Ok(checkpoint::save(path, &self.model.vs, &self.card)?)
    }

    /// The outcome of each input, in their order.
    ///
    /// # Errors
    /// `CONFIG_INVALID` for impossible options, `ABORTED` once `cancel` is set. What an input gives is an outcome.
    pub fn predict(
        &self,
        inputs: &[PredictInput],
        options: &PredictOptions,
        cancel: &AtomicBool,
    ) -> Result<Vec<Outcome>, EngineError> {
        options.validate()?;
        let decode = options.decode.for_stack(stack_of(&self.model.spec)?);
        decode.map_err(|error| option_as_config("", error))?;
        let preprocess = options.apply(&self.preprocess);
        preprocess
            .sampling
            .validate(self.model.spec.num_frames() as usize)
            .and_then(|()| options.views.validate(&preprocess))
            .map_err(|error| option_as_config("", error))?;
        let mut outcomes = Vec::with_capacity(inputs.len());
        for input in inputs {
            if cancel.load(Ordering::Relaxed) {
                return Err(EngineError::Aborted { checkpoint: None });
            }
            outcomes.push(self.predict_one(input, options).map_or_else(
                |error| Outcome::Failed {
                    input: input.name(),
                    error: Failure { code: error.code().to_owned(), message: error.to_string() },
                },
                Outcome::Done,
            ));
        }
        Ok(outcomes)
    }

    fn predict_one(
        &self,
        input: &PredictInput,
        options: &PredictOptions,
    ) -> Result<Prediction, EngineError> {
        let start = Instant::now();
        let (clips, frames) = self.clips(input, options)?;
        let decode_ms = start.elapsed().as_secs_f64() * 1e3;
        let start = Instant::now();
        let mut views = Vec::new();
        for clips in &clips {
            views.extend(input::logits(&self.model, clips)?);
        }
        let logits = joined(&views, options.view_mean, self.card.multi_label);
        let scores = if self.card.multi_label { sigmoid(&logits) } else { softmax(&logits) };
        let label = |index: usize| {
            self.card.classes.get(index).cloned().unwrap_or_else(|| index.to_string())
        };
        let best = top_k(&scores, options.top_k);
        let predictions = best
            .into_iter()
            .map(|(index, score)| ClassScore { index, label: label(index), score })
            .collect();
        let infer_ms = start.elapsed().as_secs_f64() * 1e3;
        Ok(Prediction { input: input.name(), predictions, frames, decode_ms, infer_ms })
    }

    /// The clips `[V, T, C, H, W]` of the views of an input, some at a time, and the indices of their frames.
    fn clips(
        &self,
        input: &PredictInput,
        options: &PredictOptions,
    ) -> Result<(Vec<Tensor>, Vec<usize>), EngineError> {
        let stack = stack_of(&self.model.spec)?;
        let num_frames = self.model.spec.num_frames() as usize;
        let preprocess = options.apply(&self.preprocess);
        let mut source = input.open(&options.decode, stack)?;
        let views = options.has_views().then_some(&options.views);
        let request = ClipRequest { num_frames, stack, views, ..ClipRequest::default() };
        let drawn = clip(source.as_mut(), &preprocess, request, &mut Workspace::default())?;
        let [t, c, h, w] = drawn.clip.shape();
        let mut input = ClipInput::new(&preprocess, stack, self.model.vs.device());
        let bytes = t * c * h * w;
        let clips = drawn
            .clip
            .data
            .chunks(bytes * CLIPS_AT_ONCE)
            .map(|clips| input.tensor(clips, [clips.len() / bytes, t, c, h, w]));
        Ok((clips.collect::<Result<_, _>>()?, drawn.frames))
    }

    /// Logits `[N, classes]` of normalised clips `[N, T, C, H, W]`, given and returned as row-major values and shape.
    ///
    /// # Errors
    /// `INPUT_INVALID` when values and shape differ, `SHAPE_MISMATCH` when the network takes another shape.
    pub fn forward(
        &self,
        data: &[f32],
        shape: &[i64],
    ) -> Result<(Vec<f32>, Vec<i64>), EngineError> {
        let clip = self.tensor(data, shape)?;
        let _guard = tch::no_grad_guard();
        let logits = self.model.network.forward(&clip, false)?;
        Ok((input::values(&logits)?, logits.size()))
    }

    /// Features `[N, F]` before the classifier; arguments as for [`Predictor::forward`].
    ///
    /// # Errors
    /// As for [`Predictor::forward`].
    pub fn features(
        &self,
        data: &[f32],
        shape: &[i64],
    ) -> Result<(Vec<f32>, Vec<i64>), EngineError> {
        let clip = self.tensor(data, shape)?;
        let _guard = tch::no_grad_guard();
        let features = self.model.network.features(&clip)?;
        Ok((input::values(&features)?, features.size()))
    }

    fn tensor(&self, data: &[f32], shape: &[i64]) -> Result<Tensor, EngineError> {
        let tensor = input::dense("clip", data, shape)?.f_to_device(self.model.vs.device());
        tensor.map_err(EngineError::libtorch("move the clip to the device"))
    }

    /// What each interlacing module decides, averaged over the inputs; nothing unless the network is a TIN.
    ///
    /// # Errors
    /// What the first bad input gives.
    pub fn interlace_state(
        &self,
        inputs: &[PredictInput],
    ) -> Result<Vec<MeanInterlace>, EngineError> {
        let options = PredictOptions::default();
        let mut sums: Vec<(String, Tensor, Tensor)> = Vec::new();
        let _guard = tch::no_grad_guard();
        for input in inputs {
            let states = self.model.network.interlace_state(&self.clips(input, &options)?.0[0])?;
            if sums.is_empty() {
                sums = states
                    .into_iter()
                    .map(|state| (state.module, state.offsets, state.weights))
                    .collect();
                continue;
            }
            for (sum, state) in sums.iter_mut().zip(states) {
                sum.1 += state.offsets;
                sum.2 += state.weights;
            }
        }
        let mean = |(module, offsets, weights): (String, Tensor, Tensor)| {
            let count = inputs.len() as f64;
            let offsets = input::values(&(offsets / count))?;
            Ok(MeanInterlace { module, offsets, weights: input::rows(&(weights / count))? })
        };
        sums.into_iter().map(mean).collect()
    }
}
