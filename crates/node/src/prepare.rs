//! Making data ready: lists, frames and checks.

use std::cell::Cell;
use std::time::{Duration, Instant};

use napi::bindgen_prelude::{Env, Function};
use napi_derive::napi;
use serde_json::{Map, Value};
use timeweave_engine::config;
use timeweave_video::VideoError;
use timeweave_video::prepare::{PrepareConfig, Step, Watch, prepare};

use crate::failure::{Failure, NapiError};
use crate::job::{NativeJob, event_value, start};

/// The least time between two steps that nothing went wrong in: more often nobody reads them.
const PAUSE: Duration = Duration::from_millis(100);

/// Makes data ready. `config` is JSON: `task` (`lists`, `frames` or `check`) and the fields of that task's configuration in
/// the video crate.
///
/// Events are `{"type":"step","done","total","input","error"}`, of the steps without an error not all; the result is the
/// task's.
#[napi]
pub fn start_prepare(
    env: Env,
    config: String,
    on_event: Function<'_, String, ()>,
) -> Result<NativeJob, NapiError> {
    start(env, "prepare", &on_event, move |cancel, send| {
        let config = parse(&config)?;
        let last = Cell::new(None::<Instant>);
        let step = |step: &Step| {
            let is_due = last.get().is_none_or(|last| last.elapsed() >= PAUSE);
            if !is_due && step.error.is_none() && step.done < step.total {
                return;
            }
            last.set(Some(Instant::now()));
            send(step_event(step));
        };
        Ok(prepare(&config, Watch { step: &step, cancel })?)
    })
}

/// The event of a step.
pub fn step_event(step: &Step) -> Value {
    let mut event = event_value(step);
    if let Some(event) = event.as_object_mut() {
        event.insert("type".into(), "step".into());
    }
    event
}

/// Reads the task's own fields by themselves, so that an error names the field.
fn parse(text: &str) -> Result<PrepareConfig, Failure> {
    let mut fields: Map<String, Value> = config::parse_json(text)?;
    let task = fields.remove("task").unwrap_or_default();
    let fields = Value::Object(fields);
    Ok(match task.as_str() {
        Some("lists") => PrepareConfig::Lists(config::parse_value(&fields)?),
        Some("frames") => PrepareConfig::Frames(config::parse_value(&fields)?),
        Some("check") => PrepareConfig::Check(config::parse_value(&fields)?),
        _ => {
            return Err(VideoError::InvalidOption {
                field: "task".into(),
                expected: "lists, frames or check".into(),
                received: task.to_string(),
            }
            .into());
        }
    })
}
