//! ResNet with an optional temporal module in its blocks (<https://arxiv.org/abs/1512.03385>;
//! torchvision's `resnet.py`, and `x_temporal/models/resnet.py` of Sense-X/X-Temporal for the
//! deep stems). TSN, TSM and TIN stand on it.

use tch::{Tensor, nn};

use crate::ModelError;
use crate::layers::{BatchNorm, Conv2d, ConvShape};
use crate::pass::Pass;
use crate::spec::ResnetDepth;
use crate::temporal::{self, Place, TemporalConfig, TemporalModule};

/// Feature maps after the stem.
const STEM_CHANNELS: i64 = 64;

/// The dimensions of one residual block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BlockPlan {
    /// Stage, 1 to 4.
    pub stage: usize,
    /// Position within the stage.
    pub index: usize,
    /// The convolutions in their order.
    pub convs: Vec<ConvShape>,
    /// The shortcut's convolution, with stride 1 when `pools` takes the stride.
    pub shortcut: Option<ConvShape>,
    /// Stride of the average pooling that stands before the shortcut's convolution.
    pub pools: Option<i64>,
}

/// The convolutions of the stem, in their order, for frames of `channels` channels.
pub(crate) fn stem_plan(depth: ResnetDepth, channels: i64) -> Vec<ConvShape> {
    let conv = |cin, cout, kernel, stride| ConvShape { cin, cout, kernel, stride };
    if depth.has_deep_stem() {
        vec![conv(channels, 32, 3, 2), conv(32, 32, 3, 1), conv(32, STEM_CHANNELS, 3, 1)]
    } else {
        vec![conv(channels, STEM_CHANNELS, 7, 2)]
    }
}

/// All residual blocks in their order.
pub(crate) fn block_plans(depth: ResnetDepth) -> Vec<BlockPlan> {
    let mut plans = Vec::new();
    let mut cin = STEM_CHANNELS;
    for (stage, &count) in depth.blocks().iter().enumerate() {
        let width = 64 << stage;
        for index in 0..count {
            let stride = if stage > 0 && index == 0 { 2 } else { 1 };
            let plan = block_plan(depth, (cin, width, stride), stage + 1, index);
            cin = plan.convs.last().map_or(cin, |conv| conv.cout);
            plans.push(plan);
        }
    }
    plans
}

fn block_plan(
    depth: ResnetDepth,
    (cin, width, stride): (i64, i64, i64),
    stage: usize,
    index: usize,
) -> BlockPlan {
    let conv = |cin, cout, kernel, stride| ConvShape { cin, cout, kernel, stride };
    let convs = if depth.is_bottleneck() {
        // The stride stands on the 3x3 convolution, as in torchvision.
        vec![conv(cin, width, 1, 1), conv(width, width, 3, stride), conv(width, 4 * width, 1, 1)]
    } else {
        vec![conv(cin, width, 3, stride), conv(width, width, 3, 1)]
    };
    let cout = convs[convs.len() - 1].cout;
    let shortcut = (stride != 1 || cin != cout)
        .then(|| conv(cin, cout, 1, if depth.pools_shortcut() { 1 } else { stride }));
    let pools = (shortcut.is_some() && depth.pools_shortcut()).then_some(stride);
    BlockPlan { stage, index, convs, shortcut, pools }
}

/// Channels of the last feature maps.
pub(crate) fn feature_channels(depth: ResnetDepth) -> i64 {
    if depth.is_bottleneck() { 2048 } else { 512 }
}

/// The trunk of a ResNet.
#[derive(Debug)]
pub(crate) struct Resnet {
    name: String,
    stem: Vec<Conv2d>,
    /// Batch norms of the stem; the last is `bn1`.
    stem_norms: Vec<BatchNorm>,
    stages: [Vec<Block>; 4],
}

impl Resnet {
    /// Builds the trunk for frames of `channels` channels under `path`.
    pub fn new(
        path: &nn::Path,
        depth: ResnetDepth,
        channels: i64,
        temporal: TemporalConfig,
    ) -> Result<Self, ModelError> {
        let (stem, stem_norms) = stem(path, depth, channels)?;
        let mut stages: [Vec<Block>; 4] = Default::default();
        for plan in block_plans(depth) {
            let block_path = path / format!("layer{}", plan.stage) / plan.index as i64;
            stages[plan.stage - 1].push(Block::new(block_path, &plan, temporal)?);
        }
        let name = path.components().collect::<Vec<_>>().join(".");
        Ok(Self { name, stem, stem_norms, stages })
    }

    /// Frames `[n, channels, h, w]` to feature maps `[n, F, ~h/32, ~w/32]`.
    pub fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError> {
        let batch_statistics = pass.mode.batch_statistics;
        let mut x = x.shallow_clone();
        let last = self.stem.len() - 1;
        for (index, (conv, norm)) in self.stem.iter().zip(&self.stem_norms).enumerate() {
            x = conv.forward(&x)?;
            if index == last {
                pass.stage(|| format!("{}.conv1", self.name), &x);
            }
            x = norm.forward(&x, batch_statistics)?;
            if index == last {
                pass.stage(|| format!("{}.bn1", self.name), &x);
            }
            x = x.f_relu_()?;
        }
        x = x.f_max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false)?;
        pass.stage(|| format!("{}.maxpool", self.name), &x);
        for (number, stage) in self.stages.iter().enumerate() {
            for block in stage {
                x = block.forward(&x, pass)?;
            }
            pass.stage(|| format!("{}.layer{}", self.name, number + 1), &x);
        }
        Ok(x)
    }
}

fn stem(
    path: &nn::Path,
    depth: ResnetDepth,
    channels: i64,
) -> Result<(Vec<Conv2d>, Vec<BatchNorm>), ModelError> {
    let plan = stem_plan(depth, channels);
    let conv1 = path / "conv1";
    let (mut convs, mut norms) = (Vec::new(), Vec::new());
    let last = plan.len() - 1;
    for (index, &shape) in plan.iter().enumerate() {
        // A deep stem is a Sequential of conv, norm, ReLU, conv, norm, ReLU, conv; the norm of
        // the last convolution is the block's own `bn1`.
        let position = 3 * index as i64;
        let conv_path = if last == 0 { conv1.clone() } else { &conv1 / position };
        let norm_path = if index == last { path / "bn1" } else { &conv1 / (position + 1) };
        convs.push(Conv2d::new(&conv_path, shape)?);
        norms.push(BatchNorm::new(&norm_path, shape.cout, 1.0)?);
    }
    Ok((convs, norms))
}

/// A residual block of two (basic) or three (bottleneck) convolutions.
#[derive(Debug)]
struct Block {
    entry: TemporalModule,
    layers: Vec<(TemporalModule, Conv2d, BatchNorm)>,
    shortcut: Option<Shortcut>,
}

#[derive(Debug)]
struct Shortcut {
    pools: Option<i64>,
    conv: Conv2d,
    norm: BatchNorm,
}

impl Block {
    fn new(path: nn::Path, plan: &BlockPlan, temporal: TemporalConfig) -> Result<Self, ModelError> {
        let at = |place| {
            if temporal.stands_at(place, plan.index) { temporal } else { TemporalConfig::None }
        };
        let (entry, path) = temporal::insert(path, at(Place::Block), plan.convs[0].cin)?;
        let mut layers = Vec::new();
        for (index, &shape) in plan.convs.iter().enumerate() {
            let config = match index {
                0 => at(Place::Conv1),
                1 => at(Place::Conv2),
                _ => TemporalConfig::None,
            };
            let conv_path = &path / format!("conv{}", index + 1);
            let (module, conv_path) = temporal::insert(conv_path, config, shape.cin)?;
            let conv = Conv2d::new(&conv_path, shape)?;
            let norm = BatchNorm::new(&(&path / format!("bn{}", index + 1)), shape.cout, 1.0)?;
            layers.push((module, conv, norm));
        }
        let shortcut = plan
            .shortcut
            .map(|shape| Shortcut::new(&(&path / "downsample"), shape, plan.pools))
            .transpose()?;
        Ok(Self { entry, layers, shortcut })
    }

    fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError> {
        let input = self.entry.forward(x, pass)?;
        let mut x = input.shallow_clone();
        let last = self.layers.len() - 1;
        for (index, (module, conv, norm)) in self.layers.iter().enumerate() {
            x = conv.forward(&module.forward(&x, pass)?)?;
            x = norm.forward(&x, pass.mode.batch_statistics)?;
            if index < last {
                x = x.f_relu_()?;
            }
        }
        x = match &self.shortcut {
            None => x.f_add_(&input)?,
            Some(shortcut) => x.f_add_(&shortcut.forward(&input, pass)?)?,
        };
        Ok(x.f_relu_()?)
    }
}

impl Shortcut {
    fn new(path: &nn::Path, shape: ConvShape, pools: Option<i64>) -> Result<Self, ModelError> {
        // The pooling has a place of its own in the official Sequential.
        let first = i64::from(pools.is_some());
        Ok(Self {
            pools,
            conv: Conv2d::new(&(path / first), shape)?,
            norm: BatchNorm::new(&(path / (first + 1)), shape.cout, 1.0)?,
        })
    }

    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor, ModelError> {
        let pooled = match self.pools {
            // A window that reaches beyond the image divides by the pixels it covers.
            Some(stride) if stride > 1 => {
                &x.f_avg_pool2d([stride; 2], [stride; 2], [0, 0], true, false, None)?
            }
            _ => x,
        };
        Ok(self.norm.forward(&self.conv.forward(pooled)?, pass.mode.batch_statistics)?)
    }
}
