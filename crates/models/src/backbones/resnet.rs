//! ResNet with an optional temporal module in its blocks (<https://arxiv.org/abs/1512.03385>;
//! torchvision's `resnet.py`, `x_temporal/models/resnet.py` of Sense-X/X-Temporal for the deep
//! stems, `models/twod_models/resnet.py` of IBM/action-recognition-pytorch for pooling in time).
//! TSN, TSM, TIN and TAM-ResNet stand on it.

use tch::{TchError, Tensor, nn};

use super::plan::{self, Layer, LayerPlan, ModulePlan, at, named};
use crate::layers::ConvShape;
use crate::pass::Pass;
use crate::spec::{Plug, PluggedSpec, ResnetDepth, TemporalPooling};
use crate::temporal::{self, NonLocal, Place, Slot, TemporalModule, TemporalPlug};
use crate::{ModelError, ModelSpec};

/// Feature maps after the stem.
const STEM_CHANNELS: i64 = 64;

/// What a ResNet for clips is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResnetPlan<'a> {
    pub depth: ResnetDepth,
    /// Channels of a frame.
    pub channels: i64,
    /// Frames of a clip.
    pub frames: i64,
    pub plug: Option<&'a dyn TemporalPlug>,
    pub non_local: bool,
    pub pooling: TemporalPooling,
}

/// One residual block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BlockPlan {
    /// Stage, 1 to 4.
    pub stage: usize,
    /// Frames of a clip that are left in this stage.
    pub frames: i64,
    /// Temporal module before the whole block.
    pub entry: Option<ModulePlan>,
    /// The convolutions in their order.
    pub layers: Vec<LayerPlan>,
    /// The shortcut's convolution, with stride 1 when `pools` takes the stride.
    pub shortcut: Option<LayerPlan>,
    /// Stride of the average pooling that stands before the shortcut's convolution.
    pub pools: Option<i64>,
    /// Name of the non-local block behind it.
    pub non_local: Option<String>,
}

/// Channels of the last feature maps.
pub(crate) fn feature_channels(depth: ResnetDepth) -> i64 {
    if depth.is_bottleneck() { 2048 } else { 512 }
}

impl<'a> ResnetPlan<'a> {
    /// The ResNet of the network that `spec` describes, if it has one.
    pub fn of(spec: &'a ModelSpec) -> Option<Self> {
        let (depth, non_local) = match spec {
            ModelSpec::Tsn(spec) => (spec.depth, spec.non_local),
            ModelSpec::Tsm(spec) => (spec.depth.resnet()?, spec.non_local),
            ModelSpec::Tin(spec) => (spec.depth, spec.non_local),
            ModelSpec::TamResnet(spec) => (spec.depth.resnet(), false),
            ModelSpec::Plugged(PluggedSpec { fields, plug: Plug::Temporal(_) }) => {
                (fields.depth, fields.non_local)
            }
            ModelSpec::Plugged(_)
            | ModelSpec::BlvnetTam(_)
            | ModelSpec::Blresnet(_)
            | ModelSpec::SlowFast(_)
            | ModelSpec::SlowOnly(_)
            | ModelSpec::FastOnly(_)
            | ModelSpec::R3d(_)
            | ModelSpec::R2plus1d(_) => return None,
        };
        let pooling = match spec {
            ModelSpec::TamResnet(spec) => spec.temporal_pooling,
            _ => TemporalPooling::None,
        };
        Some(Self {
            depth,
            channels: spec.modality().conv_channels(),
            frames: spec.num_frames(),
            plug: temporal::plug_of(spec),
            non_local,
            pooling,
        })
    }

    /// The convolutions of the stem in their order.
    pub fn stem(&self) -> Vec<LayerPlan> {
        let conv = |cin, cout, kernel, stride| ConvShape { cin, cout, kernel, stride };
        if !self.depth.has_deep_stem() {
            let shape = conv(self.channels, STEM_CHANNELS, 7, 2);
            return vec![LayerPlan::new("conv1".into(), "bn1".into(), shape)];
        }
        // A Sequential of conv, norm, ReLU, conv, norm, ReLU, conv; the norm of the last
        // convolution is the trunk's own `bn1`.
        let layer = |conv: &str, norm: &str, shape| LayerPlan::new(conv.into(), norm.into(), shape);
        vec![
            layer("conv1.0", "conv1.1", conv(self.channels, 32, 3, 2)),
            layer("conv1.3", "conv1.4", conv(32, 32, 3, 1)),
            layer("conv1.6", "bn1", conv(32, STEM_CHANNELS, 3, 1)),
        ]
    }

    /// All residual blocks in their order.
    pub fn blocks(&self) -> Vec<BlockPlan> {
        let mut plans = Vec::new();
        let mut cin = STEM_CHANNELS;
        for (stage, &count) in self.depth.blocks().iter().enumerate() {
            for index in 0..count {
                let plan = self.block(stage + 1, index, cin);
                cin = plan.layers.last().map_or(cin, |layer| layer.shape.cout);
                plans.push(plan);
            }
        }
        plans
    }

    /// Frames of a clip in a stage.
    pub fn frames_in(&self, stage: usize) -> i64 {
        if self.pooling == TemporalPooling::None { self.frames } else { self.frames >> (stage - 1) }
    }

    fn block(&self, stage: usize, index: usize, cin: i64) -> BlockPlan {
        let name = format!("layer{stage}.{index}");
        // As the official code has it for depth 50; deeper networks get them in the same places.
        let attends = self.non_local && matches!((stage, index), (2, 0 | 2) | (3, 0 | 2 | 4));
        let outer = if attends { format!("{name}.block") } else { name.clone() };
        let frames = self.frames_in(stage);
        let slot = |place, channels| Slot { place, index, channels, frames };
        let entry = plan::module_at(self.plug, (&outer, &outer), slot(Place::Block, cin));
        let (entry, block) = entry.map_or((None, outer), |(module, name)| (Some(module), name));

        let shapes = self.shapes(stage, index, cin);
        let layers: Vec<LayerPlan> = (1..)
            .zip(&shapes)
            .map(|(number, &shape)| {
                let (conv, norm) = (format!("{block}.conv{number}"), format!("{block}.bn{number}"));
                let layer = LayerPlan::new(conv, norm, shape);
                match number {
                    1 => layer.with_module(self.plug, &block, slot(Place::Conv1, shape.cin)),
                    2 => layer.with_module(self.plug, &block, slot(Place::Conv2, shape.cin)),
                    _ => layer,
                }
            })
            .collect();
        let (stride, cout) = (stride(stage, index), shapes[shapes.len() - 1].cout);
        let pools = self.depth.pools_shortcut();
        let shortcut = (stride != 1 || cin != cout).then(|| {
            let stride = if pools { 1 } else { stride };
            // The pooling has a place of its own in the official Sequential.
            let first = i64::from(pools);
            let part = |place: i64| format!("{block}.downsample.{place}");
            LayerPlan::new(part(first), part(first + 1), ConvShape { cin, cout, kernel: 1, stride })
        });
        let pools = (shortcut.is_some() && pools).then_some(stride);
        let non_local = attends.then(|| format!("{name}.nl"));
        BlockPlan { stage, frames, entry, layers, shortcut, pools, non_local }
    }

    /// The convolutions of a block.
    fn shapes(&self, stage: usize, index: usize, cin: i64) -> Vec<ConvShape> {
        let conv = |cin, cout, kernel, stride| ConvShape { cin, cout, kernel, stride };
        let (width, stride) = (32 << stage, stride(stage, index));
        if self.depth.is_bottleneck() {
            // The stride stands on the 3x3 convolution, as in torchvision.
            vec![
                conv(cin, width, 1, 1),
                conv(width, width, 3, stride),
                conv(width, 4 * width, 1, 1),
            ]
        } else {
            vec![conv(cin, width, 3, stride), conv(width, width, 3, 1)]
        }
    }
}

fn stride(stage: usize, index: usize) -> i64 {
    if stage > 1 && index == 0 { 2 } else { 1 }
}

/// The trunk of a ResNet.
#[derive(Debug)]
pub(crate) struct Resnet {
    /// Names of the stages' outputs, for whoever asks what a network does inside.
    names: StageNames,
    stem: Vec<Layer>,
    stages: [Vec<Block>; 4],
    pooling: TemporalPooling,
    frames: [i64; 4],
}

#[derive(Debug)]
struct StageNames {
    conv1: String,
    bn1: String,
    maxpool: String,
    layers: [String; 4],
    pools: [String; 3],
}

impl Resnet {
    /// Builds the trunk under `path`.
    pub fn new(path: &nn::Path, plan: &ResnetPlan) -> Result<Self, ModelError> {
        let stem: Result<Vec<Layer>, ModelError> =
            plan.stem().iter().map(|layer| Layer::new(path, layer, None)).collect();
        let mut stages: [Vec<Block>; 4] = Default::default();
        for block in plan.blocks() {
            stages[block.stage - 1].push(Block::new(path, &block, plan.plug)?);
        }
        let names = StageNames {
            conv1: named(path, "conv1"),
            bn1: named(path, "bn1"),
            maxpool: named(path, "maxpool"),
            layers: [1, 2, 3, 4].map(|stage| named(path, &format!("layer{stage}"))),
            pools: [1, 2, 3].map(|stage| named(path, &format!("pool{stage}"))),
        };
        let frames = [1, 2, 3, 4].map(|stage| plan.frames_in(stage));
        Ok(Self { names, stem: stem?, stages, pooling: plan.pooling, frames })
    }

    /// Frames `[N*T, channels, h, w]` to feature maps `[N*T', F, ~h/32, ~w/32]`; `T'` is `T`
    /// unless the trunk pools in time.
    pub fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError> {
        let mut x = x.shallow_clone();
        let last = self.stem.len() - 1;
        for (index, layer) in self.stem.iter().enumerate() {
            x = layer.convolve(&x, pass)?;
            if index == last {
                pass.stage(|| self.names.conv1.clone(), &x);
            }
            x = layer.normalize(&x, pass)?;
            if index == last {
                pass.stage(|| self.names.bn1.clone(), &x);
            }
            x = x.f_relu_()?;
        }
        x = x.f_max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false)?;
        pass.stage(|| self.names.maxpool.clone(), &x);
        for (stage, blocks) in self.stages.iter().enumerate() {
            for block in blocks {
                x = block.forward(&x, pass)?;
            }
            pass.stage(|| self.names.layers[stage].clone(), &x);
            if stage < 3 && self.pooling != TemporalPooling::None {
                x = pool_frames(&x, self.frames[stage], self.pooling)?;
                pass.stage(|| self.names.pools[stage].clone(), &x);
            }
        }
        Ok(x)
    }
}

/// `[N*T, C, H, W]` to half as many frames: the largest or the mean of three around every second
/// one. Frames outside the clip count as zero in a mean (twod_models/common.py).
fn pool_frames(x: &Tensor, frames: i64, pooling: TemporalPooling) -> Result<Tensor, TchError> {
    let (nt, c, h, w) = x.size4()?;
    let clip = x.f_reshape([nt / frames, frames, c, h, w])?.f_transpose(1, 2)?;
    let (kernel, stride, padding) = ([3i64, 1, 1], [2i64, 1, 1], [1i64, 0, 0]);
    let pooled = if pooling == TemporalPooling::Max {
        clip.f_max_pool3d(kernel, stride, padding, [1, 1, 1], false)?
    } else {
        clip.f_avg_pool3d(kernel, stride, padding, false, true, None)?
    };
    pooled.f_transpose(1, 2)?.f_reshape([-1, c, h, w])
}

/// A residual block of two (basic) or three (bottleneck) convolutions.
#[derive(Debug)]
struct Block {
    entry: Option<Box<dyn TemporalModule>>,
    layers: Vec<Layer>,
    shortcut: Option<Layer>,
    pools: Option<i64>,
    non_local: Option<NonLocal>,
}

impl Block {
    fn new(
        trunk: &nn::Path,
        plan: &BlockPlan,
        plug: Option<&dyn TemporalPlug>,
    ) -> Result<Self, ModelError> {
        let entry = plan::build(trunk, plan.entry.as_ref(), plug)?;
        let layer = |layer: &LayerPlan| Layer::new(trunk, layer, plug);
        let layers: Result<Vec<_>, ModelError> = plan.layers.iter().map(layer).collect();
        let layers = layers?;
        let shortcut = plan.shortcut.as_ref().map(layer).transpose()?;
        let channels = plan.layers[plan.layers.len() - 1].shape.cout;
        let non_local = plan.non_local.as_ref();
        let non_local = non_local
            .map(|name| NonLocal::new(&at(trunk, name), plan.frames, channels))
            .transpose()?;
        Ok(Self { entry, layers, shortcut, pools: plan.pools, non_local })
    }

    fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError> {
        let input = match &self.entry {
            Some(module) => module.forward(x, pass)?,
            None => x.shallow_clone(),
        };
        let mut x = input.shallow_clone();
        let last = self.layers.len() - 1;
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward(&x, pass)?;
            if index < last {
                x = x.f_relu_()?;
            }
        }
        x = match &self.shortcut {
            None => x.f_add_(&input)?,
            Some(shortcut) => {
                x.f_add_(&shortcut.forward(&pooled_input(&input, self.pools)?, pass)?)?
            }
        };
        x = x.f_relu_()?;
        Ok(match &self.non_local {
            Some(non_local) => non_local.forward(&x, pass)?,
            None => x,
        })
    }
}

/// The input of a shortcut's convolution.
fn pooled_input(x: &Tensor, pools: Option<i64>) -> Result<Tensor, TchError> {
    match pools {
        // A window that reaches beyond the image divides by the pixels it covers.
        Some(stride) if stride > 1 => {
            x.f_avg_pool2d([stride; 2], [stride; 2], [0, 0], true, false, None)
        }
        _ => Ok(x.shallow_clone()),
    }
}

#[cfg(test)]
#[path = "resnet_test.rs"]
mod resnet_test;
