//! What crosses to JavaScript when something fails, and the one place where panics stop.

use napi::bindgen_prelude::{Env, JsError};
use serde::Serialize;
use timeweave_engine::{EngineError, catch_panic};
use timeweave_models::ModelError;
use timeweave_video::VideoError;

/// An error that JavaScript sees as an `Error` with `code` and `message`.
pub type NapiError = napi::Error<String>;

/// A failed call: a code of the public list and a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// `UPPER_SNAKE`.
    pub code: String,
    /// Lower-case sentence with the offending value and what was expected.
    pub message: String,
}

impl Failure {
    /// A failure of the binding itself.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }

    /// A call on a model that was disposed.
    pub fn disposed() -> Self {
        Self::new("DISPOSED", "expected a live model but received one that was disposed")
    }

    /// A call on an environment that is shutting down.
    pub fn shut_down() -> Self {
        Self::new("ABORTED", "the process is shutting down")
    }

    /// The error to throw from a synchronous call.
    pub fn into_napi(self) -> NapiError {
        NapiError::new(self.code, self.message)
    }

    /// The error to reject a promise with; called on the JavaScript thread.
    pub fn into_rejection(self, env: Env) -> napi::Error {
        napi::Error::from(JsError::from(self.into_napi()).into_unknown(env))
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        EngineError::from(error).into()
    }
}

impl From<VideoError> for Failure {
    fn from(error: VideoError) -> Self {
        EngineError::from(error).into()
    }
}

/// Node-API refused something, which no input can cause.
impl From<napi::Error> for Failure {
    fn from(error: napi::Error) -> Self {
        Self::new("INTERNAL", error.reason.clone())
    }
}

/// Runs the body of every call and every thread: a panic becomes a failure with the code `INTERNAL`.
pub fn guard<T>(body: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_panic(body).unwrap_or_else(|panic| {
        Err(Failure::new("INTERNAL", format!("unexpected failure {panic}; please report it")))
    })
}

/// [`guard`] for synchronous calls.
pub fn guard_sync<T>(body: impl FnOnce() -> Result<T, Failure>) -> Result<T, NapiError> {
    guard(body).map_err(Failure::into_napi)
}
