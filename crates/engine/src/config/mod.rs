//! Configurations of training, evaluation and prediction: the one owner of their fields, defaults and checks.

mod check;
mod eval;
mod optimizer;
mod parse;
mod schedule;
mod steps;
mod train;

pub use eval::{EvalConfig, EvalData, PredictOptions, ViewMean};
pub use optimizer::{AdamwConfig, OptimizerConfig, SgdConfig};
pub(crate) use parse::to_value;
pub use parse::{parse_json, parse_value};
pub use schedule::{
    ConstantSchedule, CosineSchedule, MultiStepSchedule, ScheduleConfig, StepSchedule, WarmupType,
};
pub use steps::{LoopConfig, Loss};
pub use train::{InitConfig, ListConfig, OutputConfig, TrainConfig, TrainData};
pub(crate) use train::{option_as_config, stack_of};
