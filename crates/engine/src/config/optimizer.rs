//! Which optimiser, with PyTorch's names and defaults.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Check;
use crate::EngineError;

/// The optimiser of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum OptimizerConfig {
    /// Stochastic gradient descent, as `torch.optim.SGD`.
    Sgd(SgdConfig),
    /// Adam with decoupled weight decay, as `torch.optim.AdamW`.
    Adamw(AdamwConfig),
}

/// `torch.optim.SGD` without dampening.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SgdConfig {
    /// The base learning rate.
    pub lr: f64,
    /// Part of the last step that is kept.
    pub momentum: f64,
    /// L2 penalty that is added to the gradient.
    pub weight_decay: f64,
    /// Look ahead along the momentum.
    pub nesterov: bool,
}

/// `torch.optim.AdamW` without amsgrad.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AdamwConfig {
    /// The base learning rate.
    pub lr: f64,
    /// Decay of the first and second moments.
    pub betas: [f64; 2],
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Part of the weights that each step takes away, times the rate.
    pub weight_decay: f64,
}

impl Default for SgdConfig {
    fn default() -> Self {
        Self { lr: 0.01, momentum: 0.9, weight_decay: 5e-4, nesterov: true }
    }
}

impl Default for AdamwConfig {
    fn default() -> Self {
        Self { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.01 }
    }
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self::Sgd(SgdConfig::default())
    }
}

impl OptimizerConfig {
    /// The base learning rate.
    pub fn lr(&self) -> f64 {
        match self {
            Self::Sgd(sgd) => sgd.lr,
            Self::Adamw(adamw) => adamw.lr,
        }
    }

    /// Checks every number.
    ///
    /// # Errors
    /// `CONFIG_INVALID` naming the field.
    pub fn validate(&self) -> Result<(), EngineError> {
        let check = Check::at("optimizer");
        let is_part = |v: f64| (0.0..1.0).contains(&v);
        check.number("lr", self.lr(), "a number above 0", |v| v > 0.0)?;
        match self {
            Self::Sgd(sgd) => {
                check.number("momentum", sgd.momentum, "a number from 0 to below 1", is_part)?;
                check.number("weightDecay", sgd.weight_decay, "a number of at least 0", |v| {
                    v >= 0.0
                })?;
                check.fact(
                    "nesterov",
                    !sgd.nesterov || sgd.momentum > 0.0,
                    "false where momentum is 0",
                    || "true".into(),
                )
            }
            Self::Adamw(adamw) => {
                check.number("betas.0", adamw.betas[0], "a number from 0 to below 1", is_part)?;
                check.number("betas.1", adamw.betas[1], "a number from 0 to below 1", is_part)?;
                check.number("eps", adamw.eps, "a number above 0", |v| v > 0.0)?;
                check.number("weightDecay", adamw.weight_decay, "a number of at least 0", |v| {
                    v >= 0.0
                })
            }
        }
    }
}
