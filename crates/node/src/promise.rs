//! Calls that compute on their own thread and settle a promise.

use std::sync::atomic::AtomicBool;

use napi::bindgen_prelude::{Env, Object, ToNapiValue};

use crate::failure::{Failure, NapiError, guard};
use crate::tasks;

/// Makes the JavaScript value on the JavaScript thread.
type Settle<J> = Box<dyn FnOnce(Env) -> napi::Result<J> + Send>;

/// Runs `work` on a thread of its own and settles the returned promise with what `convert` makes of its result.
///
/// libuv's few threads serve files and name look-ups; a network would keep them from both.
pub fn run<'env, T, J>(
    env: &'env Env,
    name: &str,
    work: impl FnOnce(&AtomicBool) -> Result<T, Failure> + Send + 'static,
    convert: impl FnOnce(Env, T) -> napi::Result<J> + Send + 'static,
) -> Result<Object<'env>, NapiError>
where
    T: Send + 'static,
    J: ToNapiValue + 'static,
{
    let fail = |error: napi::Error| Failure::from(error).into_napi();
    let (deferred, promise) = env.create_deferred::<J, Settle<J>>().map_err(fail)?;
    let refused = deferred.clone();
    let spawned = tasks::spawn(env, name, move |cancel| {
        let result = guard(|| work(cancel));
        deferred.resolve(Box::new(move |env| match result {
            Ok(value) => convert(env, value),
            Err(failure) => Err(failure.into_rejection(env)),
        }));
    });
    if let Err(failure) = spawned {
        refused.resolve(Box::new(move |env| Err(failure.into_rejection(env))));
    }
    Ok(promise)
}
