//! Long work with progress: training, evaluation and the drawing of data sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use napi::bindgen_prelude::{Env, Function, Status};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use serde::Serialize;
use serde_json::{Value, json};
use timeweave_engine::{EvalConfig, TrainConfig, config, evaluate, train};

use crate::failure::{Failure, NapiError, guard, guard_sync};
use crate::tasks;

/// Takes the text of one event; keeps the process alive until it is dropped.
type EventSink = ThreadsafeFunction<String, (), String, Status, false, false, 0>;

/// Work on a thread of its own; its last event is `done` or `failed`.
#[napi]
pub struct NativeJob {
    cancel: Arc<AtomicBool>,
}

#[napi]
impl NativeJob {
    /// Asks the work to stop; it then fails with the code `ABORTED`.
    #[napi]
    pub fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }
}

/// Starts a thread that sends events and at last the outcome.
pub fn start<R: Serialize>(
    env: Env,
    name: &str,
    on_event: &Function<'_, String, ()>,
    work: impl FnOnce(&AtomicBool, &dyn Fn(Value)) -> Result<R, Failure> + Send + 'static,
) -> Result<NativeJob, NapiError> {
    guard_sync(|| {
        let sink: EventSink = on_event.build_threadsafe_function::<String>().build()?;
        let cancel = tasks::spawn(&env, name, move |cancel| {
            let send = |event: Value| {
                // Refused only when the environment is gone, and then nobody listens.
                let _ = sink.call(event.to_string(), ThreadsafeFunctionCallMode::NonBlocking);
            };
            send(match guard(|| work(cancel, &send)) {
                Ok(result) => json!({ "type": "done", "result": result }),
                Err(failure) => json!({ "type": "failed", "error": failure }),
            });
        })?;
        Ok(NativeJob { cancel })
    })
}

/// The JSON of an event.
pub fn event_value(event: impl Serialize) -> Value {
    serde_json::to_value(event).unwrap_or_default()
}

/// Trains; events and result are those of the engine.
#[napi]
pub fn start_train(
    env: Env,
    config: String,
    on_event: Function<'_, String, ()>,
) -> Result<NativeJob, NapiError> {
    start(env, "train", &on_event, move |cancel, send| {
        let config: TrainConfig = config::parse_json(&config)?;
        Ok(train(&config, &|event| send(event_value(event)), cancel)?)
    })
}

/// Evaluates; events and result are those of the engine.
#[napi]
pub fn start_evaluate(
    env: Env,
    config: String,
    on_event: Function<'_, String, ()>,
) -> Result<NativeJob, NapiError> {
    start(env, "evaluate", &on_event, move |cancel, send| {
        let config: EvalConfig = config::parse_json(&config)?;
        Ok(evaluate(&config, &|event| send(event_value(event)), cancel)?)
    })
}
