//! The learning rate's course over the iterations of a run.
//!
//! As in X-Temporal (`x_temporal/utils/lr_helper.py`), the curve counts every iteration from the first, and the
//! warm-up replaces its beginning instead of pushing it back.

use std::f64::consts::PI;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::{Check, finite};
use crate::EngineError;

/// How the learning rate climbs during the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WarmupType {
    /// By the same amount each iteration.
    #[default]
    Linear,
    /// By the same factor each iteration.
    Exp,
}

/// The curve of the learning rate; all times are in epochs and may be fractions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum ScheduleConfig {
    /// Half a cosine from the base rate to `minLr`.
    Cosine(CosineSchedule),
    /// Times `gamma` every `stepEpochs`.
    Step(StepSchedule),
    /// Times `gamma` at each of `milestones`.
    MultiStep(MultiStepSchedule),
    /// The base rate throughout.
    Constant(ConstantSchedule),
}

/// Half a cosine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CosineSchedule {
    /// Epochs of warm-up.
    pub warmup_epochs: f64,
    /// How the rate climbs during the warm-up.
    pub warmup_type: WarmupType,
    /// Where the warm-up starts, as a part of the base rate.
    pub warmup_factor: f64,
    /// The rate at the end.
    pub min_lr: f64,
    /// Epochs from the base rate to `minLr`; those of the run when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<f64>,
}

/// Equal steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepSchedule {
    /// Epochs of warm-up.
    #[serde(default)]
    pub warmup_epochs: f64,
    /// How the rate climbs during the warm-up.
    #[serde(default)]
    pub warmup_type: WarmupType,
    /// Where the warm-up starts, as a part of the base rate.
    #[serde(default = "warmup_factor")]
    pub warmup_factor: f64,
    /// Epochs between two steps.
    pub step_epochs: f64,
    /// The factor of each step.
    #[serde(default = "gamma")]
    pub gamma: f64,
}

/// Steps at stated epochs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MultiStepSchedule {
    /// Epochs of warm-up.
    #[serde(default)]
    pub warmup_epochs: f64,
    /// How the rate climbs during the warm-up.
    #[serde(default)]
    pub warmup_type: WarmupType,
    /// Where the warm-up starts, as a part of the base rate.
    #[serde(default = "warmup_factor")]
    pub warmup_factor: f64,
    /// The epochs of the steps, ascending.
    pub milestones: Vec<f64>,
    /// The factor of each step.
    #[serde(default = "gamma")]
    pub gamma: f64,
}

/// No change after the warm-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ConstantSchedule {
    /// Epochs of warm-up.
    pub warmup_epochs: f64,
    /// How the rate climbs during the warm-up.
    pub warmup_type: WarmupType,
    /// Where the warm-up starts, as a part of the base rate.
    pub warmup_factor: f64,
}

fn warmup_factor() -> f64 {
    0.1
}

fn gamma() -> f64 {
    0.1
}

impl Default for CosineSchedule {
    fn default() -> Self {
        Self {
            warmup_epochs: 0.0,
            warmup_type: WarmupType::default(),
            warmup_factor: warmup_factor(),
            min_lr: 0.0,
            epochs: None,
        }
    }
}

impl Default for ConstantSchedule {
    fn default() -> Self {
        Self {
            warmup_epochs: 0.0,
            warmup_type: WarmupType::default(),
            warmup_factor: warmup_factor(),
        }
    }
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self::Cosine(CosineSchedule::default())
    }
}

/// The warm-up's three fields, whatever the curve.
struct Warmup {
    epochs: f64,
    kind: WarmupType,
    factor: f64,
}

impl ScheduleConfig {
    fn warmup(&self) -> Warmup {
        let (epochs, kind, factor) = match self {
            Self::Cosine(s) => (s.warmup_epochs, s.warmup_type, s.warmup_factor),
            Self::Step(s) => (s.warmup_epochs, s.warmup_type, s.warmup_factor),
            Self::MultiStep(s) => (s.warmup_epochs, s.warmup_type, s.warmup_factor),
            Self::Constant(s) => (s.warmup_epochs, s.warmup_type, s.warmup_factor),
        };
        Warmup { epochs, kind, factor }
    }

    /// Checks every number; `base` is the optimiser's rate.
    ///
    /// # Errors
    /// `CONFIG_INVALID` naming the field.
    pub fn validate(&self, base: f64) -> Result<(), EngineError> {
        let check = Check::at("schedule");
        let warmup = self.warmup();
        check.number("warmupEpochs", warmup.epochs, "a number of epochs of at least 0", |v| {
            v >= 0.0
        })?;
        check.number("warmupFactor", warmup.factor, "a number above 0 and at most 1", |v| {
            v > 0.0 && v <= 1.0
        })?;
        let is_factor = |v: f64| v > 0.0 && v <= 1.0;
        match self {
            Self::Cosine(s) => {
                check.number(
                    "minLr",
                    s.min_lr,
                    &format!("a number from 0 to the base rate {base}"),
                    |v| v >= 0.0 && v <= base,
                )?;
                check.number("epochs", s.epochs.unwrap_or(1.0), "a number of epochs above 0", |v| {
                    v > 0.0
                })
            }
            Self::Step(s) => {
                check.number("stepEpochs", s.step_epochs, "a number of epochs above 0", |v| {
                    v > 0.0
                })?;
                check.number("gamma", s.gamma, "a number above 0 and at most 1", is_factor)
            }
            Self::MultiStep(s) => {
                check.number("gamma", s.gamma, "a number above 0 and at most 1", is_factor)?;
                let ascends = s.milestones.windows(2).all(|pair| pair[0] < pair[1]);
                let is_valid = ascends && s.milestones.iter().all(|&m| finite(m) && m >= 0.0);
                check.fact("milestones", is_valid, "ascending epochs of at least 0", || {
                    format!("{:?}", s.milestones)
                })
            }
            Self::Constant(_) => Ok(()),
        }
    }

    /// The learning rate of `iteration` (from 0), for `steps` iterations an epoch and a run of `epochs`.
    pub fn rate(&self, base: f64, iteration: u64, steps: u64, epochs: u64) -> f64 {
        let i = iteration as f64;
        let to_iterations = |epochs: f64| (epochs * steps as f64).floor();
        let warmup = self.warmup();
        let warmup_iterations = to_iterations(warmup.epochs);
        if i < warmup_iterations {
            let part = i / warmup_iterations;
            return match warmup.kind {
                WarmupType::Linear => base * (warmup.factor + (1.0 - warmup.factor) * part),
                WarmupType::Exp => base * warmup.factor.powf(1.0 - part),
            };
        }
        match self {
            Self::Cosine(s) => {
                let last = (s.epochs.unwrap_or(epochs as f64) * steps as f64).max(1.0);
                // A curve shorter than the run stays at its lowest point: climbing again is never meant.
                let part = (i / last).min(1.0);
                s.min_lr + (base - s.min_lr) * (1.0 + (PI * part).cos()) / 2.0
            }
            Self::Step(s) => {
                let every = to_iterations(s.step_epochs).max(1.0);
                base * s.gamma.powi((i / every).floor() as i32)
            }
            Self::MultiStep(s) => {
                let passed = s.milestones.iter().filter(|&&m| i >= to_iterations(m)).count();
                base * s.gamma.powi(passed as i32)
            }
            Self::Constant(_) => base,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-12 * b.abs().max(1.0), "{a} is not {b}");
    }

    #[test]
    fn cosine_falls_from_the_base_rate_to_the_lowest() {
        let schedule =
            ScheduleConfig::Cosine(CosineSchedule { min_lr: 0.01, ..Default::default() });
        near(schedule.rate(0.1, 0, 10, 5), 0.1);
        near(schedule.rate(0.1, 25, 10, 5), 0.055);
        near(schedule.rate(0.1, 50, 10, 5), 0.01);
    }

    #[test]
    fn a_short_cosine_stays_low_instead_of_climbing_again() {
        let schedule =
            ScheduleConfig::Cosine(CosineSchedule { epochs: Some(2.0), ..Default::default() });
        near(schedule.rate(0.1, 30, 10, 5), 0.0);
    }

    #[test]
    fn steps_multiply_at_their_epochs() {
        let step: ScheduleConfig =
            serde_json::from_str(r#"{"type":"step","stepEpochs":2,"gamma":0.5}"#).unwrap();
        near(step.rate(0.8, 19, 10, 9), 0.8);
        near(step.rate(0.8, 20, 10, 9), 0.4);
        near(step.rate(0.8, 40, 10, 9), 0.2);
        let multi: ScheduleConfig =
            serde_json::from_str(r#"{"type":"multi-step","milestones":[1,3]}"#).unwrap();
        near(multi.rate(1.0, 9, 10, 9), 1.0);
        near(multi.rate(1.0, 10, 10, 9), 0.1);
        near(multi.rate(1.0, 30, 10, 9), 0.01);
    }

    #[test]
    fn the_warm_up_replaces_the_beginning_of_the_curve() {
        let linear: ScheduleConfig =
            serde_json::from_str(r#"{"type":"constant","warmupEpochs":2,"warmupFactor":0.2}"#)
                .unwrap();
        near(linear.rate(1.0, 0, 5, 9), 0.2);
        near(linear.rate(1.0, 5, 5, 9), 0.6);
        near(linear.rate(1.0, 10, 5, 9), 1.0);
        let exp: ScheduleConfig = serde_json::from_str(
            r#"{"type":"multi-step","milestones":[3],"warmupEpochs":2,"warmupType":"exp","warmupFactor":0.01}"#,
        )
        .unwrap();
        near(exp.rate(1.0, 0, 5, 9), 0.01);
        near(exp.rate(1.0, 5, 5, 9), 0.1);
        near(exp.rate(1.0, 10, 5, 9), 1.0);
        near(exp.rate(1.0, 15, 5, 9), 0.1);
    }

    #[test]
    fn impossible_numbers_are_named() {
        let schedule: ScheduleConfig =
            serde_json::from_str(r#"{"type":"step","stepEpochs":0}"#).unwrap();
        let error = schedule.validate(0.1).unwrap_err().to_string();
        assert!(error.contains("schedule.stepEpochs") && error.contains("received 0"), "{error}");
    }
}
