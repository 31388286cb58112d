//! Gradient steps: SGD and AdamW as PyTorch computes them, and clipping by norm.

use std::collections::BTreeMap;

use tch::{Tensor, nn};

use crate::EngineError;
use crate::config::{AdamwConfig, OptimizerConfig, SgdConfig};

/// A learnable weight with what the optimiser keeps for it.
struct Param {
    name: String,
    tensor: Tensor,
    /// As many as [`OptimizerConfig::buffers`] names.
    buffers: Vec<Tensor>,
}

/// Steps all learnable weights of a network, in the order of their names.
pub struct Optimizer {
    config: OptimizerConfig,
    params: Vec<Param>,
    steps: u64,
}

impl OptimizerConfig {
    /// Names of the buffers that are kept for each weight.
    fn buffers(&self) -> &'static [&'static str] {
        match self {
            Self::Sgd(_) => &["momentum"],
            Self::Adamw(_) => &["first", "second"],
        }
    }
}

impl Optimizer {
    /// An optimiser that has not stepped yet, for the learnable weights of `vs`.
    ///
    /// # Errors
    /// `LIBTORCH_ERROR` when the buffers cannot be had.
    pub fn new(config: &OptimizerConfig, vs: &nn::VarStore) -> Result<Self, EngineError> {
        let learnable = vs.variables().into_iter().filter(|(_, tensor)| tensor.requires_grad());
        let sorted: BTreeMap<String, Tensor> = learnable.collect();
        let mut params = Vec::with_capacity(sorted.len());
        for (name, tensor) in sorted {
            let zeros =
                || tensor.f_zeros_like().map_err(EngineError::libtorch("make optimiser buffers"));
            let buffers = config.buffers().iter().map(|_| zeros()).collect::<Result<_, _>>()?;
            params.push(Param { name, tensor, buffers });
        }
        Ok(Self { config: config.clone(), params, steps: 0 })
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Forgets the gradients of the last step.
    pub fn zero_grad(&mut self) {
        for param in &mut self.params {
            param.tensor.zero_grad();
        }
    }

    /// Scales all gradients so that their common norm is at most `limit`; returns the norm before. As
    /// `torch.nn.utils.clip_grad_norm_`.
    pub fn clip_gradients(&mut self, limit: f64) -> f64 {
        let _guard = tch::no_grad_guard();
        let gradients: Vec<Tensor> =
            self.params.iter().map(|p| p.tensor.grad()).filter(Tensor::defined).collect();
        if gradients.is_empty() {
            return 0.0;
        }
        let norms: Vec<Tensor> = gradients.iter().map(Tensor::norm).collect();
        let norm = Tensor::stack(&norms, 0).norm().double_value(&[]);
        let factor = limit / (norm + 1e-6);
        if factor < 1.0 {
            for mut gradient in gradients {
                let _ = gradient.g_mul_scalar_(factor);
            }
        }
        norm
    }

    /// One step at the learning rate `lr`. Weights without a gradient stay as they are.
    pub fn step(&mut self, lr: f64) {
        let _guard = tch::no_grad_guard();
        self.steps += 1;
        for param in &mut self.params {
            let gradient = param.tensor.grad();
            if !gradient.defined() {
                continue;
            }
            match &self.config {
                OptimizerConfig::Sgd(sgd) => step_sgd(sgd, param, &gradient, lr),
                OptimizerConfig::Adamw(adamw) => {
                    step_adamw(adamw, param, &gradient, lr, self.steps);
                }
            }
        }
    }

    /// The buffers by name, for saving.
    pub fn buffers(&self) -> Vec<(String, Tensor)> {
        let kinds = self.config.buffers();
        let named = |param: &Param| {
            let pairs = kinds.iter().zip(&param.buffers);
            pairs
                .map(|(kind, buffer)| (format!("{kind}/{}", param.name), buffer.shallow_clone()))
                .collect::<Vec<_>>()
        };
        self.params.iter().flat_map(named).collect()
    }

    /// Goes on from saved buffers after `steps` steps.
    ///
    /// # Errors
    /// The name of the first buffer that is missing or of another shape.
    pub fn restore(&mut self, steps: u64, saved: &BTreeMap<String, Tensor>) -> Result<(), String> {
        let _guard = tch::no_grad_guard();
        let kinds = self.config.buffers();
        for param in &mut self.params {
            for (kind, buffer) in kinds.iter().zip(&mut param.buffers) {
                let name = format!("{kind}/{}", param.name);
                let found = saved.get(&name).filter(|tensor| tensor.size() == buffer.size());
                let Some(found) = found else { return Err(name) };
                buffer.copy_(found);
            }
        }
        self.steps = steps;
        Ok(())
    }
}

/// `torch.optim.SGD`: the decay joins the gradient, the momentum is not dampened.
fn step_sgd(config: &SgdConfig, param: &mut Param, gradient: &Tensor, lr: f64) {
    let mut direction = gradient + &param.tensor * config.weight_decay;
    if config.momentum > 0.0 {
        let momentum = &mut param.buffers[0];
        let _ = momentum.g_mul_scalar_(config.momentum);
        let _ = momentum.g_add_(&direction);
        direction = if config.nesterov {
            direction + &*momentum * config.momentum
        } else {
            momentum.shallow_clone()
        };
    }
    let _ = param.tensor.g_sub_(&(direction * lr));
}

/// `torch.optim.AdamW`: the decay acts on the weights, apart from the moments.
fn step_adamw(config: &AdamwConfig, param: &mut Param, gradient: &Tensor, lr: f64, step: u64) {
    let [beta1, beta2] = config.betas;
    let _ = param.tensor.g_mul_scalar_(1.0 - lr * config.weight_decay);
    let (first, second) = param.buffers.split_at_mut(1);
    let (first, second) = (&mut first[0], &mut second[0]);
    let _ = first.g_mul_scalar_(beta1);
    let _ = first.g_add_(&(gradient * (1.0 - beta1)));
    let _ = second.g_mul_scalar_(beta2);
    let _ = second.g_add_(&(gradient * gradient * (1.0 - beta2)));
    let step = step as f64;
    let correction1 = 1.0 - beta1.powf(step);
    let correction2 = (1.0 - beta2.powf(step)).sqrt();
    let divisor = second.sqrt() / correction2 + config.eps;
    let _ = param.tensor.g_sub_(&(&*first / divisor * (lr / correction1)));
}

#[cfg(test)]
mod tests {
    use tch::Kind;
    use tch::nn::OptimizerConfig as _;

    use super::*;

    /// Five steps on the loss sum(w^2 * [1, 2]) from w = [1, -2], each by `step`.
    fn run(mut stepper: impl FnMut(&nn::VarStore) -> Box<dyn FnMut()>) -> Vec<f64> {
        let vs = nn::VarStore::new(tch::Device::Cpu);
        let mut w = vs.root().zeros("w", &[2]);
        {
            let _guard = tch::no_grad_guard();
            w.copy_(&Tensor::from_slice(&[1.0_f32, -2.0]));
        }
        let mut step = stepper(&vs);
        for _ in 0..5 {
            w.zero_grad();
            (&w * &w * Tensor::from_slice(&[1.0_f32, 2.0])).sum(Kind::Float).backward();
            step();
        }
        Vec::<f64>::try_from(w.to_kind(Kind::Double)).unwrap()
    }

    fn ours(config: &OptimizerConfig) -> Vec<f64> {
        run(|vs| {
            let mut optimizer = Optimizer::new(config, vs).unwrap();
            Box::new(move || optimizer.step(0.1))
        })
    }

    fn assert_near(ours: &[f64], theirs: &[f64]) {
        for (a, b) in ours.iter().zip(theirs) {
            // A few roundings of float32.
            assert!((a - b).abs() < 1e-6, "{ours:?} is not {theirs:?}");
        }
    }

    #[test]
    fn sgd_steps_as_libtorchs_own_does() {
        for (momentum, nesterov) in [(0.0, false), (0.9, false), (0.9, true)] {
            let config = SgdConfig { lr: 0.1, momentum, weight_decay: 0.01, nesterov };
            let theirs = run(|vs| {
                let build = nn::sgd(momentum, 0.0, 0.01, nesterov).build(vs, 0.1);
                let mut optimizer = build.unwrap();
                Box::new(move || optimizer.step())
            });
            assert_near(&ours(&OptimizerConfig::Sgd(config)), &theirs);
        }
    }

    #[test]
    fn adamw_steps_as_libtorchs_own_does() {
        let theirs = run(|vs| {
            let mut optimizer = nn::adamw(0.9, 0.99, 0.1).build(vs, 0.1).unwrap();
            Box::new(move || optimizer.step())
        });
        let config =
            AdamwConfig { lr: 0.1, betas: [0.9, 0.99], weight_decay: 0.1, ..Default::default() };
        assert_near(&ours(&OptimizerConfig::Adamw(config)), &theirs);
    }

    #[test]
    fn clipping_scales_to_the_limit_and_tells_the_norm() {
        let vs = nn::VarStore::new(tch::Device::Cpu);
        let w = vs.root().zeros("w", &[2]);
        let mut optimizer = Optimizer::new(&OptimizerConfig::default(), &vs).unwrap();
        (&w * Tensor::from_slice(&[3.0_f32, 4.0])).sum(Kind::Float).backward();
        assert!((optimizer.clip_gradients(10.0) - 5.0).abs() < 1e-6);
        assert!((w.grad().norm().double_value(&[]) - 5.0).abs() < 1e-6);
        optimizer.clip_gradients(1.0);
        assert!((w.grad().norm().double_value(&[]) - 1.0).abs() < 1e-5);
    }
}
