//! Training, evaluation and prediction: where networks and videos meet.
//!
//! A run goes through these stages:
//! 1. [`config`] reads and checks what is asked for; it owns every default.
//! 2. [`train`] runs epochs of steps and leaves a run folder that it can resume from.
//! 3. [`evaluate`] measures a checkpoint on a list, [`Predictor`] names what single videos show.
#![forbid(unsafe_code)]

mod classes;
mod codes;
pub mod config;
mod convert;
mod data;
mod device;
mod error;
mod evaluator;
pub mod event;
mod input;
pub mod metrics;
mod mixing;
mod objective;
pub mod operators;
mod optimizer;
mod panics;
pub mod precision;
mod prediction;
mod predictor;
mod run_folder;
mod schema;
mod state;
mod trainer;

pub use codes::all_codes;
pub use config::{EvalConfig, PredictOptions, TrainConfig};
pub use convert::{ConvertConfig, convert};
pub use device::Device;
pub use error::EngineError;
pub use evaluator::evaluate;
pub use event::{EvalEvent, EvalResult, TrainEvent, TrainResult};
pub use optimizer::Optimizer;
pub use panics::catch_panic;
pub use prediction::{ClassScore, Failure, MeanInterlace, Outcome, PredictInput, Prediction};
pub use predictor::{Predictor, Weights};
pub use schema::config_schemas;
pub use trainer::train;
