//! Parameters and multiply-adds of a network, added up from the same plans that it is built
//! from. Convolutions, aggregations and linear layers count; biases, batch norms, ReLU, pooling
//! and shifts do not.

use crate::ModelSpec;
use crate::backbones::big_little::{self, BottleneckPlan};
use crate::backbones::resnet;
use crate::layers::ConvShape;
use crate::network::feature_channels;
use crate::spec::{BlvnetTamSpec, ResnetDepth};
use crate::temporal::{Place, TemporalConfig};

/// What a network costs for one clip.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// Learnable values.
    pub params: i64,
    /// Multiply-adds.
    pub macs: i64,
}

/// The cost for one clip of square frames with `size` pixels a side.
pub(super) fn of(spec: &ModelSpec, size: i64) -> Cost {
    let mut cost = Cost::default();
    let channels = spec.modality().conv_channels();
    let temporal = TemporalConfig::of(spec);
    let maps = match spec {
        ModelSpec::BlvnetTam(spec) => cost.big_little(spec, channels, size),
        ModelSpec::Tsn(spec) => {
            cost.resnet((spec.depth, channels), spec.num_frames, temporal, size)
        }
        ModelSpec::Tsm(spec) => {
            cost.resnet((spec.depth, channels), spec.num_frames, temporal, size)
        }
        ModelSpec::Tin(spec) => {
            cost.resnet((spec.depth, channels), spec.num_frames, temporal, size)
        }
    };
    cost.linear(feature_channels(spec), spec.num_classes(), maps);
    cost
}

/// Side after a layer of this stride that keeps the size otherwise.
fn strided(size: i64, stride: i64) -> i64 {
    (size - 1) / stride + 1
}

impl Cost {
    /// A convolution and its batch norm on `maps` square maps; the side of its output.
    fn conv_norm(&mut self, shape: ConvShape, maps: i64, size: i64) -> i64 {
        let ConvShape { cin, cout, kernel, stride } = shape;
        let weights = cin * cout * kernel * kernel;
        let size = strided(size, stride);
        self.params += weights + 2 * cout;
        self.macs += weights * maps * size * size;
        size
    }

    fn linear(&mut self, cin: i64, cout: i64, rows: i64) {
        self.params += cin * cout + cout;
        self.macs += cin * cout * rows;
    }

    /// A 1-D convolution of three taps over `length` positions.
    fn conv1d(&mut self, cin: i64, cout: i64, length: i64) {
        self.params += 3 * cin * cout + cout;
        self.macs += 3 * cin * cout * length;
    }

    fn aggregate(&mut self, taps: Option<i64>, channels: i64, frames: i64, size: i64) {
        let weights = taps.unwrap_or(0) * channels;
        self.params += weights;
        self.macs += weights * frames * size * size;
    }

    /// Returns the number of feature maps of a clip.
    fn resnet(
        &mut self,
        (depth, channels): (ResnetDepth, i64),
        frames: i64,
        temporal: TemporalConfig,
        mut size: i64,
    ) -> i64 {
        for shape in resnet::stem_plan(depth, channels) {
            size = self.conv_norm(shape, frames, size);
        }
        size = strided(size, 2);
        for plan in resnet::block_plans(depth) {
            if let TemporalConfig::Interlace(spec) = temporal
                && temporal.stands_at(Place::Conv1, plan.index)
            {
                let fold = plan.convs[0].cin / spec.shift_div;
                self.conv1d(fold, 1, frames);
                self.linear(frames, frames, 1);
                self.linear(frames, 2, 1);
                self.conv1d(fold, 2, frames);
            }
            let mut inside = size;
            for &shape in &plan.convs {
                inside = self.conv_norm(shape, frames, inside);
            }
            if let Some(shape) = plan.shortcut {
                let pooled = strided(size, plan.pools.unwrap_or(1));
                self.conv_norm(shape, frames, pooled);
            }
            size = inside;
        }
        frames
    }

    /// Returns the number of feature maps of a clip.
    fn big_little(&mut self, spec: &BlvnetTamSpec, channels: i64, mut size: i64) -> i64 {
        let (frames, pairs) = (spec.num_frames, spec.num_frames / 2);
        let taps = spec.tam.then_some(spec.blending_frames);
        let stem = big_little::stem_plan(spec, channels);
        size = self.conv_norm(stem[0], frames, size);
        self.aggregate(taps, big_little::STEM_CHANNELS, frames, size);
        self.conv_norm(stem[1], pairs, size);
        for &shape in &stem[2..] {
            size = self.conv_norm(shape, pairs, size);
        }
        for plan in big_little::stage_plans(spec) {
            self.aggregate(taps, plan.big[0].cin, frames, size);
            self.chain(&plan.big, pairs, size);
            let little = self.chain(&plan.little, pairs, size);
            self.conv_norm(plan.little_e, pairs, little);
            size = self.chain(&[plan.fusion], pairs, little);
        }
        for plan in big_little::last_plans(spec) {
            self.aggregate(taps, plan.cin, pairs, size);
            size = self.chain(&[plan], pairs, size);
        }
        pairs
    }

    /// Bottlenecks one after another; the side of their output.
    fn chain(&mut self, plans: &[BottleneckPlan], maps: i64, mut size: i64) -> i64 {
        for plan in plans {
            let mut inside = size;
            for shape in plan.convs() {
                inside = self.conv_norm(shape, maps, inside);
            }
            if let Some(shape) = plan.shortcut() {
                self.conv_norm(shape, maps, inside);
            }
            size = inside;
        }
        size
    }
}
