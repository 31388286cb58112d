//! Mixup (https://arxiv.org/abs/1710.09412) and cutmix (https://arxiv.org/abs/1905.04899) on batches, with soft targets.
//!
//! A batch is mixed with itself in reverse order, by one part for the whole batch, as facebookresearch/SlowFast
//! `slowfast/datasets/mixup.py` does; the rectangle of cutmix is the same in all frames of a clip.

use tch::Tensor;
use timeweave_video::random::Draws;

use crate::EngineError;
use crate::config::LoopConfig;

/// What one batch takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mixing {
    /// Nothing.
    None,
    /// So much of each clip, the rest of its partner.
    Mixup(f64),
    /// A rectangle of the partner: top, left, height, width.
    Cutmix([i64; 4]),
}

impl Mixing {
    /// Draws for clips of height `h` and width `w`.
    pub(crate) fn draw(config: &LoopConfig, epoch: u64, step: u64, (h, w): (i64, i64)) -> Self {
        if config.mixup.is_none() && config.cutmix.is_none() {
            return Self::None;
        }
        let mut draws = Draws::batch(config.seed, epoch, step);
        if !draws.chance(config.mix_probability) {
            return Self::None;
        }
        let takes_mixup = draws.chance(0.5);
        match (config.mixup, config.cutmix) {
            (Some(alpha), cutmix) if takes_mixup || cutmix.is_none() => {
                Self::Mixup(beta(alpha, &mut draws))
            }
            (_, Some(alpha)) => {
                Self::Cutmix(rectangle(1.0 - beta(alpha, &mut draws), (h, w), &mut draws))
            }
            _ => Self::None,
        }
    }

    /// The clips `[N, T, C, H, W]` and their targets `[N, K]`, mixed.
    pub(crate) fn apply(
        self,
        clips: Tensor,
        targets: Tensor,
    ) -> Result<(Tensor, Tensor), EngineError> {
        let mixed = || -> Result<(Tensor, Tensor), tch::TchError> {
            let blend = |own: &Tensor, part: f64| -> Result<Tensor, tch::TchError> {
                let other = own.f_flip([0])?;
                own.f_mul_scalar(part)?.f_add(&other.f_mul_scalar(1.0 - part)?)
            };
            match self {
                Self::None => Ok((clips, targets)),
                Self::Mixup(part) => Ok((blend(&clips, part)?, blend(&targets, part)?)),
                Self::Cutmix([top, left, height, width]) => {
                    let size = clips.size();
                    let area = (height * width) as f64 / (size[3] * size[4]) as f64;
                    let part = |of: &Tensor| of.f_narrow(3, top, height)?.f_narrow(4, left, width);
                    let other = part(&clips.f_flip([0])?)?;
                    part(&clips)?.f_copy_(&other)?;
                    Ok((clips, blend(&targets, 1.0 - area)?))
                }
            }
        };
        mixed().map_err(EngineError::libtorch("mix the clips of a batch"))
    }
}

/// A rectangle of about so much of the area, cut off at the edges.
fn rectangle(area: f64, (h, w): (i64, i64), draws: &mut Draws) -> [i64; 4] {
    let side = |length: i64, draws: &mut Draws| {
        let half = ((length as f64 * area.sqrt()) as i64) / 2;
        let middle = draws.below(length as usize) as i64;
        let (from, to) = ((middle - half).max(0), (middle + half).min(length));
        (from, to - from)
    };
    let ((top, height), (left, width)) = (side(h, draws), side(w, draws));
    [top, left, height, width]
}

/// A draw of the Beta distribution with both parameters `alpha`.
fn beta(alpha: f64, draws: &mut Draws) -> f64 {
    loop {
        let (u, v) = (draws.unit(), draws.unit());
        if alpha <= 1.0 {
            // Jöhnk's method.
            let (x, y) = (u.powf(1.0 / alpha), v.powf(1.0 / alpha));
            if x + y > 0.0 && x + y <= 1.0 {
                return x / (x + y);
            }
        } else if v < (4.0 * u * (1.0 - u)).powf(alpha - 1.0) {
            // The density is highest in the middle.
            return u;
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn values(tensor: &Tensor) -> Vec<f64> {
        Vec::<f64>::try_from(tensor.to_kind(Kind::Double).view(-1)).expect("numbers")
    }

    #[test]
    fn parts_have_the_mean_and_the_variance_of_the_distribution() {
        for alpha in [0.2, 0.8, 1.0, 4.0] {
            let mut draws = Draws::batch(1, 2, 3);
            let parts: Vec<f64> = (0..20_000).map(|_| beta(alpha, &mut draws)).collect();
            let mean = parts.iter().sum::<f64>() / 20_000.0;
            let variance = parts.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / 20_000.0;
            // Both parameters alike: mean 1/2 and variance 1 / (4 (2 alpha + 1)).
            let expected = 0.25 / (2.0 * alpha + 1.0);
            assert!((mean - 0.5).abs() < 0.015, "{alpha}: {mean}");
            assert!((variance / expected - 1.0).abs() < 0.05, "{alpha}: {variance} {expected}");
        }
    }

    #[test]
    fn mixup_blends_clips_and_targets_by_one_part() {
        let clips = Tensor::from_slice(&[0.0_f32, 1.0, 10.0]).view([3, 1, 1, 1, 1]);
        let targets = Tensor::eye(3, (Kind::Float, Device::Cpu));
        let (clips, targets) = Mixing::Mixup(0.75).apply(clips, targets).expect("mixed");
        assert_eq!(values(&clips), [2.5, 1.0, 7.5]);
        assert_eq!(values(&targets), [0.75, 0.0, 0.25, 0.0, 1.0, 0.0, 0.25, 0.0, 0.75]);
    }

    #[test]
    fn cutmix_pastes_a_rectangle_and_mixes_targets_by_its_area() {
        let clips = Tensor::from_slice(&[1.0_f32, 2.0])
            .view([2, 1, 1, 1, 1])
            .expand([2, 2, 3, 4, 5], false);
        let targets = Tensor::eye(2, (Kind::Float, Device::Cpu));
        let mixing = Mixing::Cutmix([1, 2, 2, 3]);
        let (mixed, targets) = mixing.apply(clips.contiguous(), targets).expect("mixed");
        let first = values(&mixed.select(0, 0).select(0, 1).select(0, 2));
        let expected: Vec<f64> = (0..20)
            .map(|at| if (1..3).contains(&(at / 5)) && at % 5 >= 2 { 2.0 } else { 1.0 })
            .collect();
        assert_eq!(first, expected);
        let sum: f64 = values(&mixed.select(0, 1)).iter().sum();
        assert!((sum - (120.0 * 2.0 - 6.0 * 6.0)).abs() < 1e-6, "{sum}");
        for (target, expected) in values(&targets).into_iter().zip([0.7, 0.3, 0.3, 0.7]) {
            assert!((target - expected).abs() < 1e-6, "{target} {expected}");
        }
    }

    #[test]
    fn draws_follow_the_settings_and_repeat() {
        let config = |mixup, cutmix, mix_probability| LoopConfig {
            mixup,
            cutmix,
            mix_probability,
            ..LoopConfig::default()
        };
        let counts = |config: &LoopConfig| {
            let mut counts = [0; 3];
            for step in 0..600 {
                let drawn = Mixing::draw(config, 1, step, (20, 30));
                assert_eq!(drawn, Mixing::draw(config, 1, step, (20, 30)));
                match drawn {
                    Mixing::None => counts[0] += 1,
                    Mixing::Mixup(part) => {
                        assert!((0.0..=1.0).contains(&part));
                        counts[1] += 1;
                    }
                    Mixing::Cutmix([top, left, height, width]) => {
                        assert!(top >= 0 && left >= 0 && height >= 0 && width >= 0);
                        assert!(top + height <= 20 && left + width <= 30);
                        counts[2] += 1;
                    }
                }
            }
            counts
        };
        assert_eq!(counts(&config(None, None, 1.0)), [600, 0, 0]);
        assert_eq!(counts(&config(Some(0.8), None, 1.0)), [0, 600, 0]);
        assert_eq!(counts(&config(None, Some(1.0), 1.0)), [0, 0, 600]);
        let [none, mixup, cutmix] = counts(&config(Some(0.8), Some(1.0), 0.5));
        assert!(
            (250..350).contains(&none)
                && (100..200).contains(&mixup)
                && (100..200).contains(&cutmix)
        );
    }
}
