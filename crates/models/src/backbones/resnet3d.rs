//! ResNet-3D (<https://arxiv.org/abs/1708.07632>, `x_temporal/models/resnet3D.py` of
//! Sense-X/X-Temporal) and R(2+1)D (<https://arxiv.org/abs/1711.11248>,
//! `x_temporal/models/stresnet.py`): one trunk with a choice of convolution, with bLVNet's
//! temporal aggregation in the blocks on request.

use tch::{Tensor, nn};

use super::plan::at;
use super::volume::{self, Conv3d, ConvInit, ConvNorm3d, MaxPool3d, VolumeShape};
use crate::ModelError;
use crate::layers::BatchNorm;
use crate::pass::Pass;
use crate::spec::{BlockModule, R2plus1dSpec, R3dSpec, Resnet3dDepth, Shortcut};
use crate::temporal::Aggregate;

/// Channels of the stem.
const STEM_CHANNELS: i64 = 64;
/// Taps of the aggregation in a block.
pub(crate) const TAPS: i64 = 3;

/// The dimensions of a ResNet-3D or an R(2+1)D.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resnet3dPlan {
    depth: Resnet3dDepth,
    /// Whether cubic convolutions are split into space and time.
    split: bool,
    pub max_pool: Option<MaxPool3d>,
    shortcut: Shortcut,
    pub module: BlockModule,
}

/// A convolution: one, or one over space and one over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConvPlan {
    Whole { name: String, shape: VolumeShape },
    Split { name: String, spatial: VolumeShape, temporal: VolumeShape },
}

/// What stands on the shortcut of a block that changes its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ShortcutPlan {
    Conv {
        names: [String; 2],
        shape: VolumeShape,
    },
    /// Every so many positions, and zeros up to so many channels.
    Subsample {
        stride: [i64; 2],
        channels: i64,
    },
}

/// The dimensions of one residual block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BlockPlan {
    pub name: String,
    /// Stage, 0 to 3.
    pub stage: usize,
    pub cin: i64,
    /// The convolutions in their order, each with its batch norm behind it.
    pub convs: Vec<ConvPlan>,
    pub shortcut: Option<ShortcutPlan>,
}

impl From<&R3dSpec> for Resnet3dPlan {
    fn from(spec: &R3dSpec) -> Self {
        Self {
            depth: spec.depth,
            split: false,
            max_pool: Some(MaxPool3d::CUBIC),
            shortcut: spec.shortcut,
            module: spec.temporal_module,
        }
    }
}

impl From<&R2plus1dSpec> for Resnet3dPlan {
    fn from(spec: &R2plus1dSpec) -> Self {
        Self {
            depth: spec.depth,
            split: true,
            max_pool: spec.max_pool.then_some(MaxPool3d::SPATIAL),
            shortcut: Shortcut::B,
            module: spec.temporal_module,
        }
    }
}

impl ConvPlan {
    /// A convolution over space and time together, or split with as many weights in all.
    fn cubic(name: String, shape: VolumeShape, split: bool) -> Self {
        if !split {
            return Self::Whole { name, shape };
        }
        let VolumeShape { cin, cout, kernel: [t, s], stride: [t_stride, s_stride] } = shape;
        let between = t * s * s * cin * cout / (s * s * cin + t * cout);
        Self::Split {
            name,
            spatial: VolumeShape::new(cin, between, [1, s]).strided([1, s_stride]),
            temporal: VolumeShape::new(between, cout, [t, 1]).strided([t_stride, 1]),
        }
    }

    /// The spatial convolution with its batch norm, and the temporal convolution of a split one.
    pub fn split_names(name: &str) -> ([String; 2], String) {
        let part = |part: &str| format!("{name}.{part}");
        ([part("spatial_conv"), part("bn")], part("temporal_conv"))
    }

    /// Output channels.
    pub fn cout(&self) -> i64 {
        match self {
            Self::Whole { shape, .. } => shape.cout,
            Self::Split { temporal, .. } => temporal.cout,
        }
    }
}

impl Resnet3dPlan {
    /// The first convolution, for RGB; its batch norm is `bn1`.
    pub fn stem(self) -> ConvPlan {
        let taps = if self.split { 3 } else { 7 };
        let shape = VolumeShape::new(3, STEM_CHANNELS, [taps, 7]).strided([1, 2]);
        ConvPlan::cubic("conv1".into(), shape, self.split)
    }

    /// All residual blocks in their order.
    pub fn blocks(self) -> Vec<BlockPlan> {
        let mut plans = Vec::new();
        let mut cin = STEM_CHANNELS;
        for (stage, &count) in self.depth.blocks().iter().enumerate() {
            for index in 0..count {
                let stride = if stage > 0 && index == 0 { [2, 2] } else { [1, 1] };
                let name = format!("layer{}.{index}", stage + 1);
                let plan = self.block(name, stage, cin, stride);
                cin = plan.convs.last().map_or(cin, ConvPlan::cout);
                plans.push(plan);
            }
        }
        plans
    }

    fn block(self, name: String, stage: usize, cin: i64, stride: [i64; 2]) -> BlockPlan {
        let width = STEM_CHANNELS << stage;
        let conv = |number: usize, shape: VolumeShape| {
            let name = format!("{name}.conv{number}");
            ConvPlan::cubic(name, shape, self.split && shape.kernel != [1, 1])
        };
        let cube = |cin| VolumeShape::new(cin, width, [3, 3]);
        let convs = if self.depth.is_bottleneck() {
            vec![
                conv(1, VolumeShape::new(cin, width, [1, 1])),
                conv(2, cube(width).strided(stride)),
                conv(3, VolumeShape::new(width, 4 * width, [1, 1])),
            ]
        } else {
            vec![conv(1, cube(cin).strided(stride)), conv(2, cube(width))]
        };
        let cout = convs[convs.len() - 1].cout();
        let shortcut = (stride != [1, 1] || cin != cout).then(|| match self.shortcut {
            Shortcut::A => ShortcutPlan::Subsample { stride, channels: cout },
            Shortcut::B => ShortcutPlan::Conv {
                names: [0, 1].map(|part| format!("{name}.downsample.{part}")),
                shape: VolumeShape::new(cin, cout, [1, 1]).strided(stride),
            },
        });
        BlockPlan { name, stage, cin, convs, shortcut }
    }

    /// Channels of the pooled features.
    pub fn features(self) -> i64 {
        if self.depth.is_bottleneck() { 2048 } else { 512 }
    }
}

/// The trunk of a ResNet-3D or an R(2+1)D.
#[derive(Debug)]
pub(crate) struct Resnet3d {
    stem: (Convolution, BatchNorm),
    max_pool: Option<MaxPool3d>,
    stages: [Vec<Block>; 4],
}

impl Resnet3d {
    /// Builds the trunk; its names start at `root`.
    pub fn new(root: &nn::Path, plan: Resnet3dPlan) -> Result<Self, ModelError> {
        let stem = Convolution::new(root, &plan.stem())?;
        let norm = BatchNorm::new(&(root / "bn1"), STEM_CHANNELS, 1.0)?;
        let mut stages: [Vec<Block>; 4] = Default::default();
        for block in plan.blocks() {
            stages[block.stage].push(Block::new(root, &block, plan.module)?);
        }
        Ok(Self { stem: (stem, norm), max_pool: plan.max_pool, stages })
    }

    /// Clips `[N, T, 3, H, W]` to features `[N, F]`.
    pub fn forward(&self, clip: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError> {
        let (conv, norm) = &self.stem;
        let mut x = conv.forward(&volume::channels_first(clip)?, pass)?;
        pass.stage(|| "conv1".into(), &x);
        x = norm.forward(&x, pass.mode.batch_statistics)?;
        pass.stage(|| "bn1".into(), &x);
        x = x.f_relu_()?;
        if let Some(max_pool) = self.max_pool {
            x = max_pool.forward(&x)?;
            pass.stage(|| "maxpool".into(), &x);
        }
        for (index, stage) in self.stages.iter().enumerate() {
            for block in stage {
                x = block.forward(&x, pass)?;
            }
            pass.stage(|| format!("layer{}", index + 1), &x);
        }
        // X-Temporal's window has the size of the training clip; the mean takes any clip.
        let pooled = volume::global_mean(&x)?;
        pass.stage(|| "avgpool".into(), &pooled);
        Ok(pooled)
    }
}

/// A convolution with its weights.
#[derive(Debug)]
enum Convolution {
    Whole(Conv3d),
    Split { spatial: ConvNorm3d, temporal: Conv3d },
}

impl Convolution {
    fn new(root: &nn::Path, plan: &ConvPlan) -> Result<Self, ModelError> {
        let init = ConvInit::FanOut;
        Ok(match plan {
            ConvPlan::Whole { name, shape } => Self::Whole(Conv3d::new(root, name, *shape, init)?),
            ConvPlan::Split { name, spatial, temporal } => {
                let (first, second) = ConvPlan::split_names(name);
                Self::Split {
                    spatial: ConvNorm3d::new(root, &first, *spatial, (init, 1.0))?,
                    temporal: Conv3d::new(root, &second, *temporal, init)?,
                }
            }
        })
    }

    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor, ModelError> {
        Ok(match self {
            Self::Whole(conv) => conv.forward(x)?,
            Self::Split { spatial, temporal } => {
                temporal.forward(&spatial.forward(x, pass)?.f_relu_()?)?
            }
        })
    }
}

/// A residual block with its weights.
#[derive(Debug)]
struct Block {
    tam: Option<Aggregate>,
    layers: Vec<(Convolution, BatchNorm)>,
    shortcut: Option<Projection>,
}

#[derive(Debug)]
enum Projection {
    Conv(ConvNorm3d),
    Subsample { stride: [i64; 2], channels: i64 },
}

impl Block {
    fn new(root: &nn::Path, plan: &BlockPlan, module: BlockModule) -> Result<Self, ModelError> {
        let path = at(root, &plan.name);
        let tam = match module {
            BlockModule::None => None,
            BlockModule::Tam => Some(Aggregate::new(&(&path / "tam"), TAPS, plan.cin)?),
        };
        let mut layers = Vec::new();
        for (index, conv) in plan.convs.iter().enumerate() {
            let norm = &path / format!("bn{}", index + 1);
            let norm = BatchNorm::new(&norm, conv.cout(), 1.0)?;
            layers.push((Convolution::new(root, conv)?, norm));
        }
        let shortcut = match &plan.shortcut {
            None => None,
            Some(ShortcutPlan::Conv { names, shape }) => {
                let conv = ConvNorm3d::new(root, names, *shape, (ConvInit::FanOut, 1.0))?;
                Some(Projection::Conv(conv))
            }
            Some(ShortcutPlan::Subsample { stride, channels }) => {
                Some(Projection::Subsample { stride: *stride, channels: *channels })
            }
        };
        Ok(Self { tam, layers, shortcut })
    }

    fn forward(&self, input: &Tensor, pass: &Pass) -> Result<Tensor, ModelError> {
        // The shortcut keeps the block's own input, as in IBM's ResNets with aggregation.
        let mut x = match &self.tam {
            None => input.shallow_clone(),
            Some(tam) => aggregate(tam, input)?,
        };
        let last = self.layers.len() - 1;
        for (index, (conv, norm)) in self.layers.iter().enumerate() {
            x = norm.forward(&conv.forward(&x, pass)?, pass.mode.batch_statistics)?;
            if index < last {
                x = x.f_relu_()?;
            }
        }
        x = match &self.shortcut {
            None => x.f_add_(input)?,
            Some(shortcut) => x.f_add_(&shortcut.forward(input, pass)?)?,
        };
        Ok(x.f_relu_()?)
    }
}

impl Projection {
    fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor, ModelError> {
        match *self {
            Self::Conv(ref conv) => Ok(conv.forward(x, pass)?),
            Self::Subsample { stride: [t, s], channels } => {
                // X-Temporal takes `.data`, so no gradient passes (resnet3D.py:33-43).
                let mut x = x.f_detach()?;
                for (axis, stride) in [(2, t), (3, s), (4, s)] {
                    x = x.f_slice(axis, 0, None, stride)?;
                }
                let mut size = x.size();
                size[1] = channels - size[1];
                let zeros = Tensor::f_zeros(&size, (x.kind(), x.device()))?;
                Ok(Tensor::f_cat(&[x, zeros], 1)?)
            }
        }
    }
}

/// The aggregation over the frames of a feature map `[n, c, t, h, w]`, whatever their number.
fn aggregate(tam: &Aggregate, x: &Tensor) -> Result<Tensor, ModelError> {
    let (n, c, t, h, w) = x.size5()?;
    let frames = x.f_transpose(1, 2)?.f_reshape([n * t, c, h, w])?;
    let y = tam.forward(&frames, t)?;
    Ok(y.f_view([n, t, c, h, w])?.f_transpose(1, 2)?)
}
