//! What crosses to JavaScript when something fails, and the one place where panics stop.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use napi::bindgen_prelude::{Env, JsError};
use serde::Serialize;
use timeweave_engine::EngineError;
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
    note_panics();
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| Err(from_panic(payload.as_ref())))
}

/// [`guard`] for synchronous calls.
pub fn guard_sync<T>(body: impl FnOnce() -> Result<T, Failure>) -> Result<T, NapiError> {
    guard(body).map_err(Failure::into_napi)
}

thread_local! {
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps a panic's place for its message instead of printing it: the caller gets it all in the error.
fn note_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let place = info.location().map(ToString::to_string);
            // A thread that is ending has no thread-local values any more; the place is then lost.
            let _ = PLACE.try_with(|kept| *kept.borrow_mut() = place);
        }));
    });
}

fn from_panic(payload: &(dyn Any + Send)) -> Failure {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("an unknown panic");
    let place = PLACE.try_with(RefCell::take).ok().flatten();
    let first = text.lines().next().unwrap_or(text);
    let place = place.map_or_else(String::new, |place| format!(" at {place}"));
    Failure::new("INTERNAL", format!("unexpected failure{place}: {first}; please report it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_failure_that_names_its_place() {
        let failure = guard::<()>(|| panic!("the shape {:?} is odd", [1, 2])).unwrap_err();
        assert_eq!(failure.code, "INTERNAL");
        assert!(failure.message.contains("the shape [1, 2] is odd"), "{}", failure.message);
        assert!(failure.message.contains("failure.rs"), "{}", failure.message);
    }

    #[test]
    fn failures_and_values_pass_unchanged() {
        assert_eq!(guard(|| Ok(3)), Ok(3));
        assert_eq!(guard::<()>(|| Err(Failure::disposed())), Err(Failure::disposed()));
    }
}
