//! SlowFast and its pathways alone: X-Temporal `models/slowfast.py:54-219`, FAIR's
//! `video_model_builder.py` under pytorchvideo's names, mmaction2 `resnet3d_slowfast.py`.

use tch::{Kind, Tensor};

use crate::weights::{Weights, blocks_per_stage};

/// Whose names and oddities.
#[derive(Clone, Copy, PartialEq)]
pub enum Variant {
    XTemporal,
    Fair,
    Mmaction2,
}

/// The pathways of a network.
#[derive(Clone, Copy, PartialEq)]
pub enum Paths {
    Both,
    Slow,
    Fast,
}

/// A SlowFast network or one of its pathways.
pub struct SlowFast<'a> {
    pub weights: &'a Weights,
    pub variant: Variant,
    pub paths: Paths,
    pub depth: i64,
    pub alpha: i64,
    pub beta_inverse: i64,
    pub fusion_kernel: i64,
    /// The classifier's name.
    pub head: &'static str,
}

impl SlowFast<'_> {
    /// The logits of clips `[N, T, 3, H, W]`.
    pub fn logits(&self, clip: &Tensor, classes: i64) -> Tensor {
        let clip = clip.transpose(1, 2).contiguous();
        let mut fast = (self.paths != Paths::Slow).then(|| self.stem(&clip, true));
        let mut slow = (self.paths != Paths::Fast).then(|| {
            let frames = if self.paths == Paths::Both { self.picked(&clip) } else { clip.copy() };
            self.stem(&frames, false)
        });
        for (stage, blocks) in blocks_per_stage(self.depth).into_iter().enumerate() {
            if let (Some(slow), Some(fast)) = (&mut slow, &fast) {
                *slow = Tensor::cat(&[&*slow, &self.lateral(stage, fast)], 1);
            }
            for index in 0..blocks {
                let next = |x: Tensor, fast: bool| self.block(&x, fast, stage, index);
                slow = slow.map(|x| next(x, false));
                fast = fast.map(|x| next(x, true));
            }
        }
        let order = if self.variant == Variant::Mmaction2 { [fast, slow] } else { [slow, fast] };
        let pooled: Vec<Tensor> = order
            .into_iter()
            .flatten()
            .map(|x| x.mean_dim([2i64, 3, 4].as_slice(), false, Kind::Double))
            .collect();
        let features = Tensor::cat(&pooled, 1);
        if self.variant == Variant::XTemporal {
            self.weights.linear_without_bias(self.head, &features, classes)
        } else {
            self.weights.linear(self.head, &features, classes)
        }
    }

    /// The frames of the slow pathway: every `alpha`-th, in FAIR's form `T / alpha` evenly spread
    /// from the first to the last, truncated.
    fn picked(&self, clip: &Tensor) -> Tensor {
        let frames = clip.size()[2];
        let indices: Vec<i64> = if self.variant == Variant::Fair {
            let n = frames / self.alpha;
            (0..n).map(|i| if n == 1 { 0 } else { i * (frames - 1) / (n - 1) }).collect()
        } else {
            (0..frames).step_by(self.alpha as usize).collect()
        };
        clip.index_select(2, &Tensor::from_slice(&indices))
    }

    fn stem(&self, x: &Tensor, fast: bool) -> Tensor {
        let (kt, planes) = if fast { (5, self.fast(64)) } else { (1, 64) };
        let (conv, norm) = self.stem_names(fast);
        let y = self.weights.conv(&conv, x, planes, &[kt, 7, 7], &[1, 2, 2]);
        let y = self.weights.norm(&norm, &y).relu();
        y.max_pool3d([1, 3, 3], [1, 2, 2], [0, 1, 1], [1, 1, 1], false)
    }

    /// Channels of the fast pathway beside those of the slow one.
    fn fast(&self, slow: i64) -> i64 {
        slow / self.beta_inverse
    }

    /// What the slow pathway gets from the fast one before a stage.
    fn lateral(&self, stage: usize, fast: &Tensor) -> Tensor {
        let w = self.weights;
        let out = 2 * fast.size()[1];
        let name = match (self.variant, stage) {
            (Variant::XTemporal, 0) => "lateral_p1".to_owned(),
            (Variant::XTemporal, _) => format!("lateral_res{}", stage + 1),
            (Variant::Fair, _) => format!("blocks.{stage}.multipathway_fusion.conv_fast_to_slow"),
            (Variant::Mmaction2, 0) => "backbone.slow_path.conv1_lateral.conv".to_owned(),
            (Variant::Mmaction2, _) => format!("backbone.slow_path.layer{stage}_lateral.conv"),
        };
        let y = w.conv(&name, fast, out, &[self.fusion_kernel, 1, 1], &[self.alpha, 1, 1]);
        if self.variant == Variant::Fair {
            w.norm(&format!("blocks.{stage}.multipathway_fusion.norm"), &y).relu()
        } else {
            y
        }
    }

    fn block(&self, x: &Tensor, fast: bool, stage: usize, index: i64) -> Tensor {
        let w = self.weights;
        let planes = if fast { self.fast(64 << stage) } else { 64 << stage };
        let out = 4 * planes;
        let stride = if stage > 0 && index == 0 { 2 } else { 1 };
        let kt = if fast || stage > 1 { 3 } else { 1 };
        let layer = |part: i64, x: &Tensor, out: i64, kernel: [i64; 3], stride: i64| {
            let (conv, norm) = self.block_names(fast, stage, index, part);
            w.norm(&norm, &w.conv(&conv, x, out, &kernel, &[1, stride, stride]))
        };
        let y = layer(1, x, planes, [kt, 1, 1], 1).relu();
        let y = layer(2, &y, planes, [1, 3, 3], stride).relu();
        let y = layer(3, &y, out, [1, 1, 1], 1);
        if stride != 1 || x.size()[1] != out {
            (y + layer(0, x, out, [1, 1, 1], stride)).relu()
        } else {
            (y + x).relu()
        }
    }

    /// The part of pytorchvideo's names that tells the pathway.
    fn pathway(&self, fast: bool) -> &'static str {
        match (self.paths, fast) {
            (Paths::Slow, _) => "",
            (_, false) => "multipathway_blocks.0.",
            (_, true) => "multipathway_blocks.1.",
        }
    }

    /// The names of a pathway's first convolution and batch norm.
    fn stem_names(&self, fast: bool) -> (String, String) {
        let path = if fast { "fast" } else { "slow" };
        match self.variant {
            Variant::XTemporal => (format!("{path}_conv1"), format!("{path}_bn1")),
            Variant::Fair => {
                let stem = format!("blocks.0.{}", self.pathway(fast));
                (format!("{stem}conv"), format!("{stem}norm"))
            }
            Variant::Mmaction2 => {
                let stem = format!("backbone.{path}_path.conv1");
                (format!("{stem}.conv"), format!("{stem}.bn"))
            }
        }
    }

    /// The names of a block's convolution 1, 2 or 3, or of its shortcut (0).
    fn block_names(&self, fast: bool, stage: usize, index: i64, part: i64) -> (String, String) {
        let path = if fast { "fast" } else { "slow" };
        match self.variant {
            Variant::XTemporal => {
                let block = format!("{path}_res{}.{index}", stage + 2);
                match part {
                    0 => (format!("{block}.downsample.0"), format!("{block}.downsample.1")),
                    _ => (format!("{block}.conv{part}"), format!("{block}.bn{part}")),
                }
            }
            Variant::Fair => {
                let path = self.pathway(fast);
                let block = format!("blocks.{}.{path}res_blocks.{index}", stage + 1);
                let letter = ["", "a", "b", "c"][part as usize];
                match part {
                    0 => (format!("{block}.branch1_conv"), format!("{block}.branch1_norm")),
                    _ => (
                        format!("{block}.branch2.conv_{letter}"),
                        format!("{block}.branch2.norm_{letter}"),
                    ),
                }
            }
            Variant::Mmaction2 => {
                let block = format!("backbone.{path}_path.layer{}.{index}", stage + 1);
                let layer = if part == 0 { "downsample".to_owned() } else { format!("conv{part}") };
                (format!("{block}.{layer}.conv"), format!("{block}.{layer}.bn"))
            }
        }
    }
}
