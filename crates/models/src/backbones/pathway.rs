//! One pathway of SlowFast: its layers under the names of each official code.
//!
//! The pathways of the three codes compute the same; what differs is what everything is called,
//! from which values it starts, and which intermediate results are modules of their own.

use tch::{Tensor, nn};

use super::volume::{ConvInit, ConvNorm3d, MaxPool3d, VolumeShape};
use crate::ModelError;
use crate::pass::Pass;
use crate::spec::SlowFastVariant;

/// Channels of the slow pathway's stem.
const SLOW_CHANNELS: i64 = 64;

/// Which pathway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Slow,
    Fast,
}

/// Where in a pathway a convolution with its batch norm stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    Stem,
    /// Convolution 0, 1 or 2 of a block.
    Conv {
        stage: usize,
        block: usize,
        index: usize,
    },
    Shortcut {
        stage: usize,
        block: usize,
    },
}

/// The points of the stem that are the output of a module in one code or another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StemPoint {
    Conv,
    Relu,
    Pool,
}

/// What the modules of a pathway are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PathwayNames {
    pub variant: SlowFastVariant,
    pub side: Side,
    /// Whether the pathway has the names of a network without the other one.
    pub alone: bool,
}

impl PathwayNames {
    /// What the names of one code begin with.
    fn prefix(self) -> &'static str {
        let slow = self.side == Side::Slow;
        match self.variant {
            SlowFastVariant::XTemporal if slow => "slow",
            SlowFastVariant::XTemporal => "fast",
            SlowFastVariant::Mmaction2 if self.alone => "backbone",
            SlowFastVariant::Mmaction2 if slow => "backbone.slow_path",
            SlowFastVariant::Mmaction2 => "backbone.fast_path",
            SlowFastVariant::Fair if self.alone => "",
            SlowFastVariant::Fair if slow => ".multipathway_blocks.0",
            SlowFastVariant::Fair => ".multipathway_blocks.1",
        }
    }

    /// The module of a stage, 0 to 3.
    fn stage(self, stage: usize) -> String {
        let prefix = self.prefix();
        match self.variant {
            SlowFastVariant::XTemporal => format!("{prefix}_res{}", stage + 2),
            SlowFastVariant::Mmaction2 => format!("{prefix}.layer{}", stage + 1),
            SlowFastVariant::Fair => format!("blocks.{}{prefix}", stage + 1),
        }
    }

    /// The convolution and its batch norm.
    fn layer(self, position: Position) -> [String; 2] {
        let prefix = self.prefix();
        match (self.variant, position) {
            (SlowFastVariant::XTemporal, Position::Stem) => {
                [format!("{prefix}_conv1"), format!("{prefix}_bn1")]
            }
            (SlowFastVariant::XTemporal, Position::Conv { stage, block, index }) => {
                let block = format!("{}.{block}", self.stage(stage));
                [format!("{block}.conv{}", index + 1), format!("{block}.bn{}", index + 1)]
            }
            (SlowFastVariant::XTemporal, Position::Shortcut { stage, block }) => {
                let shortcut = format!("{}.{block}.downsample", self.stage(stage));
                [format!("{shortcut}.0"), format!("{shortcut}.1")]
            }
            (SlowFastVariant::Mmaction2, position) => {
                let module = match position {
                    Position::Stem => format!("{prefix}.conv1"),
                    Position::Conv { stage, block, index } => {
                        format!("{}.{block}.conv{}", self.stage(stage), index + 1)
                    }
                    Position::Shortcut { stage, block } => {
                        format!("{}.{block}.downsample", self.stage(stage))
                    }
                };
                [format!("{module}.conv"), format!("{module}.bn")]
            }
            (SlowFastVariant::Fair, Position::Stem) => {
                [format!("blocks.0{prefix}.conv"), format!("blocks.0{prefix}.norm")]
            }
            (SlowFastVariant::Fair, Position::Conv { stage, block, index }) => {
                let branch = format!("{}.res_blocks.{block}.branch2", self.stage(stage));
                let letter = ["a", "b", "c"][index];
                [format!("{branch}.conv_{letter}"), format!("{branch}.norm_{letter}")]
            }
            (SlowFastVariant::Fair, Position::Shortcut { stage, block }) => {
                let block = format!("{}.res_blocks.{block}", self.stage(stage));
                [format!("{block}.branch1_conv"), format!("{block}.branch1_norm")]
            }
        }
    }

    /// The module whose output stands at a point of the stem.
    fn stem_point(self, point: StemPoint) -> Option<String> {
        let prefix = self.prefix();
        match (self.variant, point) {
            (SlowFastVariant::XTemporal, StemPoint::Conv) => Some(format!("{prefix}_conv1")),
            (SlowFastVariant::XTemporal, StemPoint::Pool) => Some(format!("{prefix}_maxpool")),
            (SlowFastVariant::Mmaction2, StemPoint::Relu) => Some(format!("{prefix}.conv1")),
            (SlowFastVariant::Fair, StemPoint::Pool) => Some(format!("blocks.0{prefix}")),
            _ => None,
        }
    }
}

/// A convolution with a batch norm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LayerPlan {
    pub names: [String; 2],
    pub shape: VolumeShape,
    /// Whether the batch norm's scales start at zero.
    zero: bool,
}

/// The dimensions of one bottleneck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BottleneckPlan {
    pub convs: [LayerPlan; 3],
    pub shortcut: Option<LayerPlan>,
}

/// The dimensions of one pathway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathwayPlan {
    pub names: PathwayNames,
    /// Channels of the stem.
    pub width: i64,
    /// Blocks of the four stages.
    blocks: [usize; 4],
    /// Channels that the lateral connections add before each stage.
    lateral: [i64; 4],
}

impl PathwayPlan {
    /// The slow pathway; `lateral` channels join before each stage.
    pub fn slow(names: PathwayNames, blocks: [usize; 4], lateral: [i64; 4]) -> Self {
        Self { names, width: SLOW_CHANNELS, blocks, lateral }
    }

    /// The fast pathway with `1 / beta_inverse` of the slow one's channels.
    pub fn fast(names: PathwayNames, blocks: [usize; 4], beta_inverse: i64) -> Self {
        Self { names, width: SLOW_CHANNELS / beta_inverse, blocks, lateral: [0; 4] }
    }

    /// Channels that go into the lateral connection before each stage.
    pub fn channels_before_stages(&self) -> [i64; 4] {
        [1, 4, 8, 16].map(|factor| factor * self.width)
    }

    /// Channels of the last stage.
    pub fn features(&self) -> i64 {
        32 * self.width
    }

    /// What convolutions start from: X-Temporal leaves them as PyTorch makes them.
    pub fn init(variant: SlowFastVariant) -> ConvInit {
        match variant {
            SlowFastVariant::XTemporal => ConvInit::Default,
            SlowFastVariant::Fair | SlowFastVariant::Mmaction2 => ConvInit::FanOut,
        }
    }

    fn layer(&self, position: Position, shape: VolumeShape) -> LayerPlan {
        // The last scales of a block start at zero in the codes that initialise at all.
        let zero = self.names.variant != SlowFastVariant::XTemporal
            && matches!(position, Position::Conv { index: 2, .. });
        LayerPlan { names: self.names.layer(position), shape, zero }
    }

    /// The first convolution, for RGB.
    pub fn stem(&self) -> LayerPlan {
        let taps = if self.names.side == Side::Slow { 1 } else { 5 };
        let shape = VolumeShape::new(3, self.width, [taps, 7]).strided([1, 2]);
        self.layer(Position::Stem, shape)
    }

    /// The blocks of a stage, 0 to 3.
    pub fn stage(&self, stage: usize) -> Vec<BottleneckPlan> {
        let middle = self.width << stage;
        let cout = 4 * middle;
        // Slow features move in time in the last two stages only, fast ones everywhere.
        let taps = if self.names.side == Side::Fast || stage >= 2 { 3 } else { 1 };
        (0..self.blocks[stage])
            .map(|block| {
                let first = self.channels_before_stages()[stage] + self.lateral[stage];
                let cin = if block == 0 { first } else { cout };
                let stride = if block == 0 && stage > 0 { [1, 2] } else { [1, 1] };
                let conv = |index, shape| self.layer(Position::Conv { stage, block, index }, shape);
                let shortcut = (stride != [1, 1] || cin != cout).then(|| {
                    let shape = VolumeShape::new(cin, cout, [1, 1]).strided(stride);
                    self.layer(Position::Shortcut { stage, block }, shape)
                });
                let convs = [
                    conv(0, VolumeShape::new(cin, middle, [taps, 1])),
                    conv(1, VolumeShape::new(middle, middle, [1, 3]).strided(stride)),
                    conv(2, VolumeShape::new(middle, cout, [1, 1])),
                ];
                BottleneckPlan { convs, shortcut }
            })
            .collect()
    }
}

/// One pathway with its weights.
#[derive(Debug)]
pub(crate) struct Pathway {
    names: PathwayNames,
    stem: ConvNorm3d,
    stages: Vec<Vec<Bottleneck>>,
}

impl Pathway {
    /// Builds the pathway; its names start at `root`.
    pub fn new(root: &nn::Path, plan: &PathwayPlan) -> Result<Self, ModelError> {
        let init = PathwayPlan::init(plan.names.variant);
        let stem = layer(root, &plan.stem(), init)?;
        let stages: Result<_, ModelError> = (0..4)
            .map(|stage| {
                let plans = plan.stage(stage);
                plans.iter().map(|plan| Bottleneck::new(root, plan, init)).collect()
            })
            .collect();
        Ok(Self { names: plan.names, stem, stages: stages? })
    }

    /// Clips `[n, 3, t, h, w]` to `[n, C, t, ~h/4, ~w/4]`.
    pub fn stem(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError> {
        let x = self.stem.convolve(x)?;
        self.record(StemPoint::Conv, &x, pass);
        let x = self.stem.normalise(&x, pass)?.f_relu_()?;
        self.record(StemPoint::Relu, &x, pass);
        let x = MaxPool3d::SPATIAL.forward(&x)?;
        self.record(StemPoint::Pool, &x, pass);
        Ok(x)
    }

    fn record(&self, point: StemPoint, x: &Tensor, pass: &mut Pass) {
        if let Some(name) = self.names.stem_point(point) {
            pass.stage(|| name, x);
        }
    }

    /// One stage, 0 to 3; all but the first halve height and width.
    pub fn stage(&self, stage: usize, x: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError> {
        let mut x = x.shallow_clone();
        for block in &self.stages[stage] {
            x = block.forward(&x, pass)?;
        }
        pass.stage(|| self.names.stage(stage), &x);
        Ok(x)
    }
}

fn layer(root: &nn::Path, plan: &LayerPlan, init: ConvInit) -> Result<ConvNorm3d, ModelError> {
    let gamma = if plan.zero { 0.0 } else { 1.0 };
    Ok(ConvNorm3d::new(root, &plan.names, plan.shape, (init, gamma))?)
}

/// A bottleneck with its weights.
#[derive(Debug)]
struct Bottleneck {
    layers: [ConvNorm3d; 3],
    shortcut: Option<ConvNorm3d>,
}

impl Bottleneck {
    fn new(root: &nn::Path, plan: &BottleneckPlan, init: ConvInit) -> Result<Self, ModelError> {
        let [a, b, c] = &plan.convs;
        let shortcut = plan.shortcut.as_ref().map(|plan| layer(root, plan, init));
        Ok(Self {
            layers: [layer(root, a, init)?, layer(root, b, init)?, layer(root, c, init)?],
            shortcut: shortcut.transpose()?,
        })
    }

    fn forward(&self, input: &Tensor, pass: &Pass) -> Result<Tensor, ModelError> {
        let [a, b, c] = &self.layers;
        let x = a.forward(input, pass)?.f_relu_()?;
        let x = b.forward(&x, pass)?.f_relu_()?;
        let mut x = c.forward(&x, pass)?;
        x = match &self.shortcut {
            None => x.f_add_(input)?,
            Some(shortcut) => x.f_add_(&shortcut.forward(input, pass)?)?,
        };
        Ok(x.f_relu_()?)
    }
}
