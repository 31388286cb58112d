//! The temporal operations as calls.

use napi::bindgen_prelude::{Env, Object};
use napi_derive::napi;
use timeweave_engine::EngineError;
use timeweave_engine::operators::{self, Array};

use crate::failure::NapiError;
use crate::model::NativeTensor;
use crate::promise;

/// Copies a tensor out of JavaScript's memory, on its thread: JavaScript may write to its array meanwhile.
fn array(tensor: &NativeTensor) -> Array {
    Array { values: tensor.data.to_vec(), shape: tensor.shape.clone() }
}

/// A promise of the array that `work` makes.
fn run(
    env: &Env,
    work: impl FnOnce() -> Result<Array, EngineError> + Send + 'static,
) -> Result<Object<'_>, NapiError> {
    let tensor =
        |_, Array { values, shape }: Array| Ok(NativeTensor { data: values.into(), shape });
    promise::run(env, "operator", move |_| Ok(work()?), tensor)
}

/// TSM's shift of `x` `[N*T, C, H, W]`.
#[napi(ts_return_type = "Promise<NativeTensor>")]
pub fn temporal_shift(
    env: &Env,
    x: NativeTensor,
    frames: i64,
    fold: i64,
) -> Result<Object<'_>, NapiError> {
    let x = array(&x);
    run(env, move || operators::temporal_shift(&x, frames, fold))
}

/// TIN's interlacing of `x` `[N*T, C, H, W]` by `offsets` `[N, G]` and `weights` `[N, T, G]`.
#[napi(ts_return_type = "Promise<NativeTensor>")]
pub fn temporal_interlace(
    env: &Env,
    x: NativeTensor,
    offsets: NativeTensor,
    weights: NativeTensor,
    frames: i64,
    fold: i64,
) -> Result<Object<'_>, NapiError> {
    let (x, offsets, weights) = (array(&x), array(&offsets), array(&weights));
    run(env, move || operators::temporal_interlace(&x, [&offsets, &weights], frames, fold))
}

/// TAM's aggregation of `x` `[N*T, C, H, W]` with `taps` `[r, C]`.
#[napi(ts_return_type = "Promise<NativeTensor>")]
pub fn temporal_aggregate(
    env: &Env,
    x: NativeTensor,
    taps: NativeTensor,
    frames: i64,
) -> Result<Object<'_>, NapiError> {
    let (x, taps) = (array(&x), array(&taps));
    run(env, move || operators::temporal_aggregate(&x, &taps, frames))
}
