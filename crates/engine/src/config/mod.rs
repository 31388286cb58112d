//! Configurations of training, evaluation and prediction: the one owner of their fields, defaults and checks.

mod check;
mod eval;
mod optimizer;
mod parse;
mod schedule;
mod train;

pub use eval::{EvalConfig, EvalData, PredictOptions};
pub use optimizer::{AdamwConfig, OptimizerConfig, SgdConfig};
pub(crate) use parse::to_value;
pub use parse::{parse_json, parse_value};
pub use schedule::{
    ConstantSchedule, CosineSchedule, MultiStepSchedule, ScheduleConfig, StepSchedule, WarmupType,
};
pub use train::{InitConfig, ListConfig, LoopConfig, OutputConfig, TrainConfig, TrainData};
