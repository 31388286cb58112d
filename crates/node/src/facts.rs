//! What the addon knows without a network: models, configurations, codes, versions.

use std::path::Path;

use napi::bindgen_prelude::Env;
use napi_derive::napi;
use serde_json::json;
use timeweave_engine::{EvalConfig, TrainConfig, all_codes, config, config_schemas};
use timeweave_models::{list_models as every_model, listed_model, model_info_by_module};
use timeweave_video::decode;

use crate::failure::{Failure, NapiError, guard_sync};
use crate::model::json_text;
use crate::tasks;

/// Every architecture in figures, as a JSON array.
#[napi]
pub fn list_models() -> Result<String, NapiError> {
    guard_sync(|| Ok(json_text(&every_model())))
}

/// What each module of a network costs, as a JSON array; `network` is JSON, a spec or the id of a listed model.
#[napi]
pub fn model_modules(network: String) -> Result<String, NapiError> {
    guard_sync(|| {
        let network: serde_json::Value = config::parse_json(&network)?;
        let spec = match network.as_str() {
            None => config::parse_value(&network)?,
            Some(id) => listed_model(id).ok_or_else(|| {
                let message = format!(
                    "expected the id of a network that `timeweave models` lists but received {id:?}"
                );
                Failure::new("INPUT_INVALID", message)
            })?,
        };
        Ok(json_text(&model_info_by_module(&spec)?))
    })
}

/// A training configuration with its defaults filled in, checked; JSON in and out.
#[napi]
pub fn resolve_train_config(config: String) -> Result<String, NapiError> {
    guard_sync(|| {
        let config: TrainConfig = config::parse_json(&config)?;
        config.validate()?;
        Ok(json_text(&config))
    })
}

/// An evaluation configuration with its defaults filled in, checked; JSON in and out.
#[napi]
pub fn resolve_eval_config(config: String) -> Result<String, NapiError> {
    guard_sync(|| {
        let config: EvalConfig = config::parse_json(&config)?;
        config.validate()?;
        Ok(json_text(&config))
    })
}

/// JSON Schemas by name.
#[napi]
pub fn config_schema() -> Result<String, NapiError> {
    guard_sync(|| Ok(config_schemas().to_string()))
}

/// Every code that an error of the addon can have.
#[napi]
pub fn error_codes() -> Vec<String> {
    all_codes().iter().map(|&code| code.to_owned()).collect()
}

/// Versions of the addon and of what it found, as JSON.
#[napi]
pub fn versions() -> Result<String, NapiError> {
    guard_sync(|| {
        let ffmpeg = match decode::ffmpeg_version() {
            Ok((version, plugin)) => json!({ "version": version, "plugin": plugin }),
            Err(error) => json!({ "error": error.to_string() }),
        };
        let devices = if tch::Cuda::is_available() { tch::Cuda::device_count() } else { 0 };
        let versions = json!({
            "addon": env!("CARGO_PKG_VERSION"),
            "libtorch": env!("TIMEWEAVE_LIBTORCH_VERSION"),
            "cuda": { "available": devices > 0, "devices": devices },
            "ffmpeg": ffmpeg,
            "threads": tch::get_num_threads(),
        });
        Ok(versions.to_string())
    })
}

/// Where the FFmpeg plugin lies.
#[napi]
pub fn set_plugin_dir(dir: String) -> Result<(), NapiError> {
    guard_sync(|| {
        decode::set_plugin_dir(Path::new(&dir));
        Ok(())
    })
}

/// Stops every native thread of this environment and waits for them. To be called when the process ends.
#[napi]
pub fn shut_down(env: Env) -> Result<(), NapiError> {
    guard_sync(|| {
        tasks::shut_down(&env);
        Ok(())
    })
}
