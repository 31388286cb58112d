//! What the addon knows without a network: models, configurations, codes, versions.

use std::path::Path;

use napi::bindgen_prelude::Env;
use napi_derive::napi;
use serde_json::json;
use timeweave_engine::{EvalConfig, TrainConfig, all_codes, config, config_schemas};
use timeweave_models::list_models as every_model;
use timeweave_video::decode;

use crate::failure::{NapiError, guard_sync};
use crate::model::json_text;
use crate::tasks;

/// Every architecture in figures, as a JSON array.
#[napi]
pub fn list_models() -> Result<String, NapiError> {
    guard_sync(|| Ok(json_text(&every_model())))
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
