//! What a step minimises: targets of labels and the loss of logits against them.

use tch::{Device, Reduction, Tensor};

use crate::EngineError;
use crate::config::{LoopConfig, Loss};
use crate::input::{self, multi_hot};
use crate::mixing::Mixing;

/// The loss of a configuration.
pub(crate) struct Objective {
    loss: Loss,
    smoothing: f64,
    classes: usize,
}

impl Objective {
    pub(crate) fn new(config: &LoopConfig, classes: usize) -> Self {
        Self { loss: config.loss, smoothing: config.label_smoothing, classes }
    }

    /// The clips `[N, T, C, H, W]` and their targets, mixed where the step mixes: the class of each sample, `[N]`, or how
    /// much of each class every sample shows, `[N, K]` in 0..1.
    pub(crate) fn prepare(
        &self,
        clips: Tensor,
        labels: &[Vec<usize>],
        mixing: Mixing,
    ) -> Result<(Tensor, Tensor), EngineError> {
        let device = clips.device();
        if mixing == Mixing::None && self.loss == Loss::CrossEntropy {
            return Ok((clips, first_labels(labels, device)?));
        }
        mixing.apply(clips, multi_hot(labels, self.classes, device)?)
    }

    /// The mean loss of logits `[N, K]`, or of frames that kept logits of their own, `[N, T, K]`.
    pub(crate) fn loss(&self, logits: &Tensor, targets: &Tensor) -> Result<Tensor, EngineError> {
        let (logits, targets) = input::targets(logits, targets)?;
        let mean = Reduction::Mean;
        let loss = match self.loss {
            Loss::CrossEntropy => {
                logits.f_cross_entropy_loss::<Tensor>(&targets, None, mean, -100, self.smoothing)
            }
            Loss::BinaryCrossEntropy => {
                logits.f_binary_cross_entropy_with_logits::<Tensor>(&targets, None, None, mean)
            }
        };
        loss.map_err(EngineError::libtorch("compute the loss"))
    }
}

/// Single-label lists have one label for each sample.
fn first_labels(labels: &[Vec<usize>], device: Device) -> Result<Tensor, EngineError> {
    let first: Vec<i64> =
        labels.iter().map(|labels| labels.first().map_or(0, |&label| label as i64)).collect();
    Tensor::f_from_slice(&first)
        .and_then(|labels| labels.f_to_device(device))
        .map_err(EngineError::libtorch("make a tensor of the labels"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{binary_cross_entropy, cross_entropy};

    const LOGITS: [[f32; 3]; 2] = [[2.0, -1.0, 0.5], [0.1, 0.2, -3.0]];

    fn loss(config: &LoopConfig, labels: &[Vec<usize>], mixing: Mixing) -> f64 {
        let logits = Tensor::from_slice2(&LOGITS);
        let clips = Tensor::zeros([2, 1, 3, 4, 4], tch::kind::FLOAT_CPU);
        let objective = Objective::new(config, 3);
        let (_, targets) = objective.prepare(clips, labels, mixing).expect("targets");
        objective.loss(&logits, &targets).expect("a loss").double_value(&[])
    }

    #[test]
    fn losses_are_the_means_of_the_samples() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} {b}");
        let labels = [vec![2], vec![0]];
        let crossed = LoopConfig::default();
        let of = |row: usize, label| cross_entropy(&LOGITS[row], label);
        near(loss(&crossed, &labels, Mixing::None), f64::midpoint(of(0, 2), of(1, 0)));
        // A quarter of the partner's class.
        let first = 0.75 * of(0, 2) + 0.25 * of(0, 0);
        let second = 0.75 * of(1, 0) + 0.25 * of(1, 2);
        near(loss(&crossed, &labels, Mixing::Mixup(0.75)), f64::midpoint(first, second));
        let binary = LoopConfig { loss: Loss::BinaryCrossEntropy, ..LoopConfig::default() };
        let several = [vec![2, 0], vec![1]];
        let expected = f64::midpoint(
            binary_cross_entropy(&LOGITS[0], &several[0]),
            binary_cross_entropy(&LOGITS[1], &several[1]),
        );
        near(loss(&binary, &several, Mixing::None), expected);
    }
}
