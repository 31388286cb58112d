//! A network in the hands of JavaScript.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use napi::bindgen_prelude::{Env, Float32Array, Object, ObjectFinalize, Uint8Array};
use napi_derive::napi;
use serde::Deserialize;
use serde_json::Value;
use timeweave_engine::{Device, PredictInput, PredictOptions, Predictor, Weights, config};
use timeweave_models::{LoadOptions as WeightOptions, ModelSpec, Source, model_info};
use timeweave_video::RgbImage;

use crate::failure::{Failure, NapiError, guard_sync};
use crate::promise;

/// Values and shape of a dense tensor, row-major.
#[napi(object)]
pub struct NativeTensor {
    /// The values.
    pub data: Float32Array,
    /// The shape.
    pub shape: Vec<i64>,
}

/// A decoded frame: packed RGB, 8 bit.
#[napi(object)]
pub struct NativeFrame {
    /// `width * height * 3` bytes.
    pub data: Uint8Array,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

/// Options of [`create_model`].
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct CreateOptions {
    weights: Option<PathBuf>,
    from: Option<Source>,
    new_classifier: bool,
    adapt: bool,
    device: Device,
    seed: Option<i64>,
    classes: Option<Vec<String>>,
}

/// Options of [`load_model`].
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct LoadOptions {
    spec: Option<ModelSpec>,
    from: Option<Source>,
    device: Device,
}

/// One input of a prediction as it crosses the boundary.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum WrittenInput {
    Path { path: PathBuf },
    Frames { frames: usize, name: String },
}

/// Facts that never change, kept apart so that reading them never waits for a running call.
struct Facts {
    spec: String,
    info: String,
    parameters: String,
    classes: Vec<String>,
    load_report: String,
    bytes: i64,
    is_on_cpu: bool,
}

/// A network with its weights. Calls on one model run one after the other.
#[napi(custom_finalize)]
pub struct NativeModel {
    predictor: Mutex<Option<Arc<Mutex<Predictor>>>>,
    facts: Facts,
    /// What V8 was told of the weights, and must be told back.
    accounted: AtomicI64,
}

impl NativeModel {
    /// Takes a network over and tells V8 what it weighs.
    fn adopt(env: Env, (predictor, facts): (Predictor, Facts)) -> napi::Result<Self> {
        // Weights on a GPU are no part of this process's memory.
        let bytes = if facts.is_on_cpu { facts.bytes } else { 0 };
        env.adjust_external_memory(bytes)?;
        let predictor = Mutex::new(Some(Arc::new(Mutex::new(predictor))));
        Ok(Self { predictor, facts, accounted: AtomicI64::new(bytes) })
    }

    fn predictor(&self) -> Result<Arc<Mutex<Predictor>>, Failure> {
        let predictor = self.predictor.lock().unwrap_or_else(PoisonError::into_inner);
        predictor.clone().ok_or_else(Failure::disposed)
    }

    /// A promise of what `work` makes of the network.
    fn run<'env, T: Send + 'static, J: napi::bindgen_prelude::ToNapiValue + 'static>(
        &self,
        env: &'env Env,
        work: impl FnOnce(&Predictor, &AtomicBool) -> Result<T, Failure> + Send + 'static,
        convert: impl FnOnce(Env, T) -> napi::Result<J> + Send + 'static,
    ) -> Result<Object<'env>, NapiError> {
        let predictor = self.predictor();
        let work = move |cancel: &AtomicBool| {
            let predictor = predictor?;
            let predictor = predictor.lock().unwrap_or_else(PoisonError::into_inner);
            work(&predictor, cancel)
        };
        promise::run(env, "model", work, convert)
    }

    fn release(&self, env: Env) -> napi::Result<()> {
        drop(self.predictor.lock().unwrap_or_else(PoisonError::into_inner).take());
        let bytes = self.accounted.swap(0, Ordering::Relaxed);
        env.adjust_external_memory(-bytes).map(|_| ())
    }
}

impl ObjectFinalize for NativeModel {
    fn finalize(self, env: Env) -> napi::Result<()> {
        self.release(env)
    }
}

#[napi]
impl NativeModel {
    /// The description of the network, as JSON.
    #[napi]
    pub fn spec(&self) -> Result<String, NapiError> {
        guard_sync(|| self.predictor().map(|_| self.facts.spec.clone()))
    }

    /// The network in figures, as JSON.
    #[napi]
    pub fn info(&self) -> Result<String, NapiError> {
        guard_sync(|| self.predictor().map(|_| self.facts.info.clone()))
    }

    /// Names of the classes by index.
    #[napi]
    pub fn classes(&self) -> Result<Vec<String>, NapiError> {
        guard_sync(|| self.predictor().map(|_| self.facts.classes.clone()))
    }

    /// Names, shapes and types of all weights and running statistics, as JSON.
    #[napi]
    pub fn parameters(&self) -> Result<String, NapiError> {
        guard_sync(|| self.predictor().map(|_| self.facts.parameters.clone()))
    }

    /// What became of every weight when a file was loaded, as JSON; null for fresh weights.
    #[napi]
    pub fn load_report(&self) -> Result<String, NapiError> {
        guard_sync(|| self.predictor().map(|_| self.facts.load_report.clone()))
    }

    /// Bytes of all weights and running statistics.
    #[napi]
    pub fn bytes(&self) -> Result<i64, NapiError> {
        guard_sync(|| self.predictor().map(|_| self.facts.bytes))
    }

    /// Logits `[N, classes]` of normalised clips `[N, T, C, H, W]`.
    #[napi(ts_return_type = "Promise<NativeTensor>")]
    pub fn forward<'env>(
        &self,
        env: &'env Env,
        data: Float32Array,
        shape: Vec<i64>,
    ) -> Result<Object<'env>, NapiError> {
        // Copied here: JavaScript may write to its array while the network runs.
        let data = data.to_vec();
        self.run(
            env,
            move |predictor, _| Ok(predictor.forward(&data, &shape)?),
            |_, result| Ok(tensor(result)),
        )
    }

    /// Features `[N, F]` before the classifier of normalised clips `[N, T, C, H, W]`.
    #[napi(ts_return_type = "Promise<NativeTensor>")]
    pub fn features<'env>(
        &self,
        env: &'env Env,
        data: Float32Array,
        shape: Vec<i64>,
    ) -> Result<Object<'env>, NapiError> {
        let data = data.to_vec();
        self.run(
            env,
            move |predictor, _| Ok(predictor.features(&data, &shape)?),
            |_, result| Ok(tensor(result)),
        )
    }

    /// What each input shows. `inputs` is a JSON array of `{"path"}` or `{"frames": k, "name"}`, where k counts `frames`;
    /// the result is a JSON array with a prediction or an error for each.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn predict<'env>(
        &self,
        env: &'env Env,
        inputs: String,
        frames: Vec<Vec<NativeFrame>>,
        options: String,
    ) -> Result<Object<'env>, NapiError> {
        let frames = copy_frames(frames);
        let work = move |predictor: &Predictor, cancel: &AtomicBool| {
            let options: PredictOptions = config::parse_json(&options)?;
            let outcomes = predictor.predict(&read_inputs(&inputs, frames)?, &options, cancel)?;
            Ok(json_text(&outcomes))
        };
        self.run(env, work, |_, text| Ok(text))
    }

    /// What each interlacing module of a TIN decides, averaged over the videos; an empty JSON array for other networks.
    #[napi(ts_return_type = "Promise<string>")]
    pub fn interlace_state<'env>(
        &self,
        env: &'env Env,
        inputs: String,
    ) -> Result<Object<'env>, NapiError> {
        let work = move |predictor: &Predictor, _: &AtomicBool| {
            Ok(json_text(&predictor.interlace_state(&read_inputs(&inputs, Vec::new())?)?))
        };
        self.run(env, work, |_, text| Ok(text))
    }

    /// Writes weights and model card.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn save<'env>(&self, env: &'env Env, path: String) -> Result<Object<'env>, NapiError> {
        self.run(env, move |predictor, _| Ok(predictor.save(&PathBuf::from(path))?), |_, ()| Ok(()))
    }

    /// Gives the weights back, once the calls that are under way are done. Later calls fail with the code `DISPOSED`.
    #[napi]
    pub fn dispose(&self, env: Env) -> Result<(), NapiError> {
        guard_sync(|| Ok(self.release(env)?))
    }
}

/// Builds a network, with fresh weights or those of a file. `spec` and `options` are JSON.
#[napi(ts_return_type = "Promise<NativeModel>")]
pub fn create_model(env: &Env, spec: String, options: String) -> Result<Object<'_>, NapiError> {
    let work = move |_: &AtomicBool| {
        let spec: ModelSpec = config::parse_json(&spec)?;
        let options: CreateOptions = config::parse_json(&options)?;
        let CreateOptions { weights, from, new_classifier, adapt, device, seed, classes } = options;
        let options = WeightOptions { source: from, new_classifier, adapt };
        let weights = weights.map(|path| Weights { path, options });
        facts(Predictor::create(spec, weights.as_ref(), seed, device, classes)?)
    };
    promise::run(env, "create", work, NativeModel::adopt)
}

/// Builds the network of a checkpoint. `options` is JSON.
#[napi(ts_return_type = "Promise<NativeModel>")]
pub fn load_model(env: &Env, checkpoint: String, options: String) -> Result<Object<'_>, NapiError> {
    let work = move |_: &AtomicBool| {
        let options: LoadOptions = config::parse_json(&options)?;
        let source = WeightOptions { source: options.from, ..WeightOptions::default() };
        let weights = Weights { path: PathBuf::from(checkpoint), options: source };
        facts(Predictor::load_as(&weights, options.spec, options.device)?)
    };
    promise::run(env, "load", work, NativeModel::adopt)
}

fn facts(predictor: Predictor) -> Result<(Predictor, Facts), Failure> {
    let model = predictor.model();
    let facts = Facts {
        spec: json_text(&model.spec),
        info: json_text(&model_info(&model.spec)?),
        parameters: json_text(&model.parameters()),
        classes: predictor.classes().to_vec(),
        load_report: json_text(&predictor.load_report()),
        bytes: predictor.bytes() as i64,
        is_on_cpu: model.vs.device() == tch::Device::Cpu,
    };
    Ok((predictor, facts))
}

fn tensor((data, shape): (Vec<f32>, Vec<i64>)) -> NativeTensor {
    NativeTensor { data: Float32Array::new(data), shape }
}

/// Copies frames out of JavaScript's memory, on its thread.
fn copy_frames(frames: Vec<Vec<NativeFrame>>) -> Vec<Vec<RgbImage>> {
    let image = |frame: NativeFrame| RgbImage {
        width: frame.width,
        height: frame.height,
        data: frame.data.to_vec(),
    };
    frames.into_iter().map(|clip| clip.into_iter().map(image).collect()).collect()
}

fn read_inputs(inputs: &str, mut frames: Vec<Vec<RgbImage>>) -> Result<Vec<PredictInput>, Failure> {
    let written: Vec<WrittenInput> = config::parse_json(inputs)?;
    let count = frames.len();
    let mut take = |written| match written {
        WrittenInput::Path { path } => Ok(PredictInput::Path(path)),
        WrittenInput::Frames { frames: index, name } => {
            let clip = frames.get_mut(index).map(std::mem::take);
            let frames = clip.ok_or_else(|| {
                Failure::new(
                    "INPUT_INVALID",
                    format!("expected an index below {count} for frames but received {index}"),
                )
            })?;
            Ok(PredictInput::Frames { name, frames })
        }
    };
    written.into_iter().map(&mut take).collect()
}

/// The JSON text of plain data, which cannot fail.
pub fn json_text(value: &impl serde::Serialize) -> String {
    // Straight to text: a detour over values would widen every f32 and show its rounding.
    serde_json::to_string(value).unwrap_or_else(|_| Value::Null.to_string())
}
