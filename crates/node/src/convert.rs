//! Files of weights into other files, without a network in memory that anybody keeps.

use std::sync::atomic::AtomicBool;

use napi::bindgen_prelude::{Env, Object};
use napi_derive::napi;
use timeweave_engine::{ConvertConfig, config};

use crate::failure::NapiError;
use crate::model::json_text;
use crate::promise;

/// Converts a file of weights. `request` is JSON, the result a JSON report.
#[napi(ts_return_type = "Promise<string>")]
pub fn convert(env: &Env, request: String) -> Result<Object<'_>, NapiError> {
    let work = move |_: &AtomicBool| {
        let config: ConvertConfig = config::parse_json(&request)?;
        Ok(json_text(&timeweave_engine::convert(&config)?))
    };
    promise::run(env, "convert", work, |_, text| Ok(text))
}
