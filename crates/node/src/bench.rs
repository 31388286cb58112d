//! Measurements of this machine.

use napi::bindgen_prelude::{Env, Function};
use napi_derive::napi;
use timeweave_engine::config;
use timeweave_video::bench::{DecodeBench, bench_decode};
use timeweave_video::prepare::{Step, Watch};

use crate::failure::NapiError;
use crate::job::{NativeJob, start};
use crate::prepare::step_event;

/// Measures how fast videos become resized frames. `config` is JSON: `files`, `frames`, `size`, `threads`, `decoder`.
///
/// Events are `{"type":"step","done","total","input"}` for every clip; the result is that of the video crate.
#[napi]
pub fn start_bench_decode(
    env: Env,
    config: String,
    on_event: Function<'_, String, ()>,
) -> Result<NativeJob, NapiError> {
    start(env, "bench", &on_event, move |cancel, send| {
        let config: DecodeBench = config::parse_json(&config)?;
        let step = |step: &Step| send(step_event(step));
        Ok(bench_decode(&config, Watch { step: &step, cancel })?)
    })
}
