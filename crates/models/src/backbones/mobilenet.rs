//! MobileNetV2 with a temporal module in its residual blocks (<https://arxiv.org/abs/1801.04381>;
//! `archs/mobilenet_v2.py` and `online_demo/mobilenet_v2_tsm.py` of
//! mit-han-lab/temporal-shift-module).

use tch::{Tensor, nn};

use super::plan::{Layer, LayerPlan, named};
use crate::ModelError;
use crate::layers::ConvShape;
use crate::pass::Pass;
use crate::temporal::{Place, Slot, TemporalPlug};

/// Channels of the last feature maps.
pub(crate) const FEATURE_CHANNELS: i64 = 1280;
/// Channels after the stem.
const STEM_CHANNELS: i64 = 32;
/// The stages: how much a block expands its channels, its outputs, how many blocks, and the stride
/// of the first.
const STAGES: [(i64, i64, usize, i64); 7] = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
];

/// One entry of `features`: the stem, an inverted residual, or the last convolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FeaturePlan {
    /// Name below the trunk.
    pub name: String,
    pub layers: Vec<LayerPlan>,
    /// Whether the input is added to the output.
    pub residual: bool,
    /// Whether the output is rectified.
    pub rectified: bool,
}

/// All entries in their order, for frames of `channels` channels in clips of `frames` frames.
pub(crate) fn feature_plans(
    channels: i64,
    frames: i64,
    plug: Option<&dyn TemporalPlug>,
) -> Vec<FeaturePlan> {
    let conv = |cin, cout, kernel, stride| ConvShape { cin, cout, kernel, stride };
    let single = |number: usize, shape| {
        let name = format!("features.{number}");
        let layers = vec![LayerPlan::new(format!("{name}.0"), format!("{name}.1"), shape)];
        FeaturePlan { name, layers, residual: false, rectified: true }
    };
    let mut plans = vec![single(0, conv(channels, STEM_CHANNELS, 3, 2))];
    let mut cin = STEM_CHANNELS;
    for (expansion, cout, count, stride) in STAGES {
        for index in 0..count {
            let stride = if index == 0 { stride } else { 1 };
            let name = format!("features.{}", plans.len());
            let residual = stride == 1 && cin == cout;
            let mut layers = inverted_layers(&name, (cin, cin * expansion, cout), stride);
            if residual {
                let slot = Slot { place: Place::Conv1, index: 0, channels: cin, frames };
                let first = layers.remove(0);
                layers.insert(0, first.with_module(plug, &name, slot));
            }
            plans.push(FeaturePlan { name, layers, residual, rectified: false });
            cin = cout;
        }
    }
    plans.push(single(plans.len(), conv(cin, FEATURE_CHANNELS, 1, 1)));
    plans
}

/// The layers of an inverted residual: expand (unless nothing is expanded), filter, project.
fn inverted_layers(
    name: &str,
    (cin, hidden, cout): (i64, i64, i64),
    stride: i64,
) -> Vec<LayerPlan> {
    let conv = |cin, cout, kernel, stride| ConvShape { cin, cout, kernel, stride };
    let mut shapes =
        vec![(conv(hidden, hidden, 3, stride), true), (conv(hidden, cout, 1, 1), false)];
    if hidden != cin {
        shapes.insert(0, (conv(cin, hidden, 1, 1), false));
    }
    // Convolution, norm and ReLU6 have three places in the official Sequential.
    let layer = |(index, (shape, depthwise)): (usize, (ConvShape, bool))| {
        let part = |place: usize| format!("{name}.conv.{place}");
        LayerPlan { depthwise, ..LayerPlan::new(part(3 * index), part(3 * index + 1), shape) }
    };
    shapes.into_iter().enumerate().map(layer).collect()
}

/// The trunk of a MobileNetV2.
#[derive(Debug)]
pub(crate) struct MobileNet {
    features: Vec<Feature>,
}

#[derive(Debug)]
struct Feature {
    name: String,
    layers: Vec<Layer>,
    residual: bool,
    rectified: bool,
}

impl MobileNet {
    /// Builds the trunk under `path`.
    pub fn new(
        path: &nn::Path,
        (channels, frames): (i64, i64),
        plug: Option<&dyn TemporalPlug>,
    ) -> Result<Self, ModelError> {
        let feature = |plan: &FeaturePlan| {
            let layers: Result<Vec<_>, ModelError> =
                plan.layers.iter().map(|layer| Layer::new(path, layer, plug)).collect();
            Ok(Feature {
                name: named(path, &plan.name),
                layers: layers?,
                residual: plan.residual,
                rectified: plan.rectified,
            })
        };
        let features: Result<Vec<_>, ModelError> =
            feature_plans(channels, frames, plug).iter().map(feature).collect();
        Ok(Self { features: features? })
    }

    /// Frames `[N*T, channels, h, w]` to feature maps `[N*T, 1280, ~h/32, ~w/32]`.
    pub fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError> {
        let mut x = x.shallow_clone();
        for feature in &self.features {
            x = feature.forward(&x, pass)?;
            pass.stage(|| feature.name.clone(), &x);
        }
        Ok(x)
    }
}

impl Feature {
    fn forward(&self, input: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError> {
        let mut x = input.shallow_clone();
        let last = self.layers.len() - 1;
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward(&x, pass)?;
            if index < last || self.rectified {
                x = x.f_relu6_()?;
            }
        }
        if self.residual { Ok(x.f_add_(input)?) } else { Ok(x) }
    }
}
