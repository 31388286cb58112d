//! The trunk of bLVNet-TAM: a big branch at half resolution on the odd frames, a little branch
//! on the even ones, temporal aggregation between the stages
//! (<https://arxiv.org/abs/1912.00869>, `core/models/blvnet_tam_backbone.py` of
//! IBM/bLVNet-TAM).
//!
//! The official code writes the merged map of a pair of frames to both frames. Here a pair is
//! kept as its one map, and the aggregation sees through that ([`Aggregate::forward_pairs`]).
//!
//! The image network that initialises it, bL-ResNet (<https://arxiv.org/abs/1807.03848>,
//! `models/blresnet.py` of IBM/BigLittleNet), has the same layers; there both branches see the
//! same image.

use tch::{Tensor, nn};

use crate::ModelError;
use crate::layers::{BatchNorm, Conv2d, ConvShape};
use crate::pass::Pass;
use crate::spec::BlvnetTamSpec;
use crate::temporal::Aggregate;

/// Channels of the stem.
pub(crate) const STEM_CHANNELS: i64 = 64;
/// Channels of the last feature maps.
pub(crate) const FEATURE_CHANNELS: i64 = 2048;

/// The dimensions of one bottleneck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BottleneckPlan {
    pub cin: i64,
    pub cout: i64,
    pub stride: i64,
    /// Whether the block ends with a ReLU.
    pub last_relu: bool,
}

impl BottleneckPlan {
    /// The three convolutions.
    pub fn convs(self) -> [ConvShape; 3] {
        let conv = |cin, cout, kernel, stride| ConvShape { cin, cout, kernel, stride };
        let mid = self.cout / 4;
        [conv(self.cin, mid, 1, 1), conv(mid, mid, 3, self.stride), conv(mid, self.cout, 1, 1)]
    }

    /// The convolution of the shortcut; the stride is the pooling's.
    pub fn shortcut(self) -> Option<ConvShape> {
        let Self { cin, cout, .. } = self;
        (cin != cout).then_some(ConvShape { cin, cout, kernel: 1, stride: 1 })
    }
}

/// One big-little stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StagePlan {
    pub big: Vec<BottleneckPlan>,
    pub little: Vec<BottleneckPlan>,
    pub little_e: ConvShape,
    pub fusion: BottleneckPlan,
}

/// A chain of bottlenecks; the first takes the stride and the change of channels.
fn chain(cin: i64, cout: i64, blocks: usize, stride: i64, last_relu: bool) -> Vec<BottleneckPlan> {
    (0..blocks)
        .map(|index| BottleneckPlan {
            cin: if index == 0 { cin } else { cout },
            cout,
            stride: if index == 0 { stride } else { 1 },
            // Only a chain of two or more passes `last_relu` on (blvnet_tam_backbone.py:155).
            last_relu: index == 0 || index + 1 < blocks || last_relu,
        })
        .collect()
}

/// The three big-little stages.
pub(crate) fn stage_plans(spec: &BlvnetTamSpec) -> [StagePlan; 3] {
    let blocks = spec.depth.blocks();
    let beta = spec.beta as usize;
    let plan = |cin: i64, cout: i64, count: usize, stride: i64| {
        let narrow = cout / spec.alpha;
        let little = (count / beta).saturating_sub(1).max(1);
        StagePlan {
            big: chain(cin, cout, count - 1, 2, false),
            little: chain(cin, narrow, little, 1, true),
            little_e: ConvShape { cin: narrow, cout, kernel: 1, stride: 1 },
            fusion: BottleneckPlan { cin: cout, cout, stride, last_relu: true },
        }
    };
    [plan(64, 256, blocks[0], 2), plan(256, 512, blocks[1], 2), plan(512, 1024, blocks[2], 1)]
}

/// The blocks of the last stage, which has one branch.
pub(crate) fn last_plans(spec: &BlvnetTamSpec) -> Vec<BottleneckPlan> {
    chain(1024, FEATURE_CHANNELS, spec.depth.blocks()[3], 2, true)
}

/// The convolutions of the stem: on all frames, big, little (three), and after the merge.
pub(crate) fn stem_plan(spec: &BlvnetTamSpec, channels: i64) -> [ConvShape; 6] {
    let conv = |cin, cout, kernel, stride| ConvShape { cin, cout, kernel, stride };
    let narrow = STEM_CHANNELS / spec.alpha;
    [
        conv(channels, STEM_CHANNELS, 7, 2),
        conv(STEM_CHANNELS, STEM_CHANNELS, 3, 2),
        conv(STEM_CHANNELS, narrow, 3, 1),
        conv(narrow, narrow, 3, 2),
        conv(narrow, STEM_CHANNELS, 1, 1),
        conv(STEM_CHANNELS, STEM_CHANNELS, 1, 1),
    ]
}

/// The trunk of a bLVNet-TAM or a bL-ResNet.
#[derive(Debug)]
pub(crate) struct BigLittle {
    name: String,
    /// Frames of a clip; 1 when both branches see the same image.
    frames: i64,
    stem: Stem,
    stages: Vec<Stage>,
    layer4: Vec<Bottleneck>,
}

impl BigLittle {
    /// Builds the trunk for frames of `channels` channels under `path`; a single frame makes it
    /// that of the image network.
    pub fn new(path: &nn::Path, spec: &BlvnetTamSpec, channels: i64) -> Result<Self, ModelError> {
        let taps = spec.tam.then_some(spec.blending_frames);
        let stem = Stem::new(path, &stem_plan(spec, channels), taps)?;
        let stages: Result<Vec<_>, ModelError> = stage_plans(spec)
            .iter()
            .enumerate()
            .map(|(index, plan)| Stage::new(&(path / format!("layer{}", index + 1)), plan, taps))
            .collect();
        let layer4 = bottlenecks(&(path / "layer4"), &last_plans(spec), taps)?;
        let name = path.components().collect::<Vec<_>>().join(".");
        Ok(Self { name, frames: spec.num_frames, stem, stages: stages?, layer4 })
    }

    /// Frames `[N*T, channels, h, w]` to feature maps `[N*T/2, 2048, ~h/32, ~w/32]`, one for
    /// each pair of frames or, in the image network, for each image.
    pub fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError> {
        let pairs = (self.frames / 2).max(1);
        let mut z = self.stem.forward(x, self.frames, &self.name, pass)?;
        for (index, stage) in self.stages.iter().enumerate() {
            z = stage.forward(&z, pairs, pass)?;
            let name = || dotted(&self.name, &format!("layer{}", index + 1));
            record(name, &z, self.frames, pass)?;
        }
        for block in &self.layer4 {
            z = block.forward(&z, pairs, pass)?;
        }
        pass.stage(|| dotted(&self.name, "layer4"), &z);
        Ok(z)
    }
}

/// Records a stage as the official code has it: with both frames of each pair.
fn record(
    name: impl FnOnce() -> String,
    z: &Tensor,
    frames: i64,
    pass: &mut Pass,
) -> Result<(), ModelError> {
    if pass.records_stages() {
        let both = if frames == 1 {
            z.shallow_clone()
        } else {
            z.f_repeat_interleave_self_int(2, 0, None)?
        };
        pass.stage(name, &both);
    }
    Ok(())
}

/// The name of a part of a trunk, which may have no name itself.
fn dotted(trunk: &str, part: &str) -> String {
    if trunk.is_empty() { part.to_owned() } else { format!("{trunk}.{part}") }
}

#[derive(Debug)]
struct Stem {
    conv1: ConvNorm,
    tam: Option<Aggregate>,
    big: ConvNorm,
    little: [ConvNorm; 3],
    merge: ConvNorm,
}

impl Stem {
    fn new(path: &nn::Path, plan: &[ConvShape; 6], taps: Option<i64>) -> Result<Self, ModelError> {
        let layer = |conv: &str, norm: &str, index: usize| {
            ConvNorm::new(&(path / conv), &(path / norm), plan[index])
        };
        Ok(Self {
            conv1: layer("conv1", "bn1", 0)?,
            tam: taps
                .map(|taps| Aggregate::new(&(path / "tam"), taps, STEM_CHANNELS))
                .transpose()?,
            big: layer("b_conv0", "bn_b0", 1)?,
            little: [
                layer("l_conv0", "bn_l0", 2)?,
                layer("l_conv1", "bn_l1", 3)?,
                layer("l_conv2", "bn_l2", 4)?,
            ],
            merge: layer("bl_init", "bn_bl_init", 5)?,
        })
    }

    fn forward(
        &self,
        x: &Tensor,
        frames: i64,
        name: &str,
        pass: &mut Pass,
    ) -> Result<Tensor, ModelError> {
        let x = self.conv1.conv.forward(x)?;
        pass.stage(|| dotted(name, "conv1"), &x);
        let mut x = self.conv1.norm.forward(&x, pass.mode.batch_statistics)?;
        pass.stage(|| dotted(name, "bn1"), &x);
        let mut x = x.f_relu_()?;
        if let Some(tam) = &self.tam {
            x = tam.forward(&x, frames)?;
        }
        let (even, odd) =
            if frames == 1 { (x.shallow_clone(), x.shallow_clone()) } else { split_pairs(&x)? };
        drop(x);
        let big = self.big.forward(&odd, pass)?;
        let mut little = self.little[0].forward_relu(&even, pass)?;
        little = self.little[1].forward_relu(&little, pass)?;
        little = self.little[2].forward(&little, pass)?;
        let merged = little.f_add_(&big)?.f_relu_()?;
        let z = self.merge.forward_relu(&merged, pass)?;
        // `in:` marks the input of a module.
        record(|| format!("in:{}", dotted(name, "layer1")), &z, frames, pass)?;
        Ok(z)
    }
}

/// The even and the odd frames of `[N*T, ...]` (T even), `[N*T/2, ...]` each.
fn split_pairs(x: &Tensor) -> Result<(Tensor, Tensor), ModelError> {
    let mut size = x.size();
    size[0] /= 2;
    size.insert(1, 2);
    let pairs = x.f_view(size.as_slice())?;
    // Contiguous here, once, instead of in every convolution that reads them.
    Ok((pairs.f_select(1, 0)?.f_contiguous()?, pairs.f_select(1, 1)?.f_contiguous()?))
}

#[derive(Debug)]
struct Stage {
    tam: Option<Aggregate>,
    big: Vec<Bottleneck>,
    little: Vec<Bottleneck>,
    little_e: ConvNorm,
    fusion: Vec<Bottleneck>,
}

impl Stage {
    fn new(path: &nn::Path, plan: &StagePlan, taps: Option<i64>) -> Result<Self, ModelError> {
        let little_e = path / "little_e";
        Ok(Self {
            tam: taps
                .map(|taps| Aggregate::new(&(path / "tam"), taps, plan.big[0].cin))
                .transpose()?,
            big: bottlenecks(&(path / "big"), &plan.big, None)?,
            little: bottlenecks(&(path / "little"), &plan.little, None)?,
            little_e: ConvNorm::new(&(&little_e / 0), &(&little_e / 1), plan.little_e)?,
            fusion: bottlenecks(&(path / "fusion"), &[plan.fusion], None)?,
        })
    }

    /// The maps of the pairs `[N*P, cin, h, w]` to `[N*P, cout, h/stride, w/stride]`.
    fn forward(&self, z: &Tensor, pairs: i64, pass: &mut Pass) -> Result<Tensor, ModelError> {
        let (even, odd) = match &self.tam {
            Some(tam) => tam.forward_pairs(z, pairs)?,
            None => (z.shallow_clone(), z.shallow_clone()),
        };
        let mut big = odd;
        for block in &self.big {
            big = block.forward(&big, pairs, pass)?;
        }
        let mut little = even;
        for block in &self.little {
            little = block.forward(&little, pairs, pass)?;
        }
        let mut little = self.little_e.forward(&little, pass)?;
        let (_, _, h, w) = little.size4()?;
        let big = big.f_upsample_nearest2d([h, w], None, None)?;
        let mut merged = little.f_add_(&big)?.f_relu_()?;
        for block in &self.fusion {
            merged = block.forward(&merged, pairs, pass)?;
        }
        Ok(merged)
    }
}

/// A convolution with its batch norm.
#[derive(Debug)]
struct ConvNorm {
    conv: Conv2d,
    norm: BatchNorm,
}

impl ConvNorm {
    fn new(conv: &nn::Path, norm: &nn::Path, shape: ConvShape) -> Result<Self, ModelError> {
        Ok(Self { conv: Conv2d::new(conv, shape)?, norm: BatchNorm::new(norm, shape.cout, 1.0)? })
    }

    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor, ModelError> {
        Ok(self.norm.forward(&self.conv.forward(x)?, pass.mode.batch_statistics)?)
    }

    fn forward_relu(&self, x: &Tensor, pass: &Pass) -> Result<Tensor, ModelError> {
        Ok(self.forward(x, pass)?.f_relu_()?)
    }
}

/// A bottleneck, with an aggregation before it in the last stage.
#[derive(Debug)]
struct Bottleneck {
    tam: Option<Aggregate>,
    convs: [Conv2d; 3],
    norms: [BatchNorm; 3],
    pools: bool,
    shortcut: Option<ConvNorm>,
    last_relu: bool,
}

fn bottlenecks(
    path: &nn::Path,
    plans: &[BottleneckPlan],
    taps: Option<i64>,
) -> Result<Vec<Bottleneck>, ModelError> {
    let block = |(index, &plan)| Bottleneck::new(&(path / index as i64), plan, taps);
    plans.iter().enumerate().map(block).collect()
}

impl Bottleneck {
    fn new(path: &nn::Path, plan: BottleneckPlan, taps: Option<i64>) -> Result<Self, ModelError> {
        let [first, second, third] = plan.convs();
        let conv = |name: &str, shape| Conv2d::new(&(path / name), shape);
        // The last scale starts at zero, so that a fresh block is the identity.
        let norm =
            |name: &str, shape: ConvShape, gamma| BatchNorm::new(&(path / name), shape.cout, gamma);
        let pools = plan.stride != 1;
        let downsample = path / "downsample";
        let at = i64::from(pools);
        let shortcut = plan
            .shortcut()
            .map(|shape| ConvNorm::new(&(&downsample / at), &(&downsample / (at + 1)), shape));
        Ok(Self {
            convs: [conv("conv1", first)?, conv("conv2", second)?, conv("conv3", third)?],
            norms: [norm("bn1", first, 1.0)?, norm("bn2", second, 1.0)?, norm("bn3", third, 0.0)?],
            pools,
            shortcut: shortcut.transpose()?,
            last_relu: plan.last_relu,
            tam: taps.map(|taps| Aggregate::new(&(path / "tam"), taps, plan.cin)).transpose()?,
        })
    }

    fn forward(&self, input: &Tensor, frames: i64, pass: &Pass) -> Result<Tensor, ModelError> {
        let batch_statistics = pass.mode.batch_statistics;
        let aggregated = match &self.tam {
            Some(tam) => tam.forward(input, frames)?,
            None => input.shallow_clone(),
        };
        let mut x = aggregated.shallow_clone();
        for (index, (conv, norm)) in self.convs.iter().zip(&self.norms).enumerate() {
            x = norm.forward(&conv.forward(&x)?, batch_statistics)?;
            if index < 2 {
                x = x.f_relu_()?;
            }
        }
        // With a downsample branch the shortcut takes the aggregated input, without one the
        // block's own input (blvnet_tam_backbone.py:111-129).
        x = match (self.pools, &self.shortcut) {
            (false, None) => x.f_add_(input)?,
            (pools, shortcut) => {
                let mut residual = aggregated;
                if pools {
                    residual = residual.f_avg_pool2d([3, 3], [2, 2], [1, 1], false, true, None)?;
                }
                if let Some(shortcut) = shortcut {
                    residual = shortcut.forward(&residual, pass)?;
                }
                x.f_add_(&residual)?
            }
        };
        if self.last_relu { Ok(x.f_relu_()?) } else { Ok(x) }
    }
}
