//! What the modules of the big-little networks cost.

use super::cost::{Ledger, Maps};
use crate::backbones::big_little::{self, BottleneckPlan};
use crate::spec::BlvnetTamSpec;
use crate::temporal::Cost;

/// Names of the stem's convolutions and their norms.
const STEM: [(&str, &str); 6] = [
    ("conv1", "bn1"),
    ("b_conv0", "bn_b0"),
    ("l_conv0", "bn_l0"),
    ("l_conv1", "bn_l1"),
    ("l_conv2", "bn_l2"),
    ("bl_init", "bn_bl_init"),
];

impl Ledger {
    /// Returns the number of feature maps of a clip.
    pub fn big_little(&mut self, spec: &BlvnetTamSpec, channels: i64, size: i64) -> i64 {
        let (frames, pairs) = (spec.num_frames, (spec.num_frames / 2).max(1));
        let taps = if spec.tam { spec.blending_frames } else { 0 };
        let stem = big_little::stem_plan(spec, channels);
        let all = self.conv_norm(STEM[0], stem[0], Maps { count: frames, size });
        self.aggregate("tam", taps * big_little::STEM_CHANNELS, all);
        let half = Maps { count: pairs, ..all };
        self.conv_norm(STEM[1], stem[1], half);
        let mut maps = half;
        for (&names, &shape) in STEM[2..].iter().zip(&stem[2..]) {
            maps = self.conv_norm(names, shape, maps);
        }
        for (number, plan) in (1..).zip(big_little::stage_plans(spec)) {
            let part = |part: &str| format!("layer{number}.{part}");
            let both = Maps { count: frames, ..maps };
            self.aggregate(&part("tam"), taps * plan.big[0].cin, both);
            self.chain(&part("big"), &plan.big, maps);
            let little = self.chain(&part("little"), &plan.little, maps);
            let names = (part("little_e.0"), part("little_e.1"));
            self.conv_norm((&names.0, &names.1), plan.little_e, little);
            maps = self.chain(&part("fusion"), &[plan.fusion], little);
        }
        for (index, plan) in big_little::last_plans(spec).into_iter().enumerate() {
            let name = format!("layer4.{index}");
            self.aggregate(&format!("{name}.tam"), taps * plan.cin, maps);
            maps = self.bottleneck(&name, plan, maps);
        }
        pairs
    }

    fn aggregate(&mut self, name: &str, weights: i64, maps: Maps) {
        let positions = maps.count * maps.size * maps.size;
        self.add(name, Cost { params: weights, macs: weights * positions });
    }

    /// Bottlenecks one after another.
    fn chain(&mut self, name: &str, plans: &[BottleneckPlan], mut maps: Maps) -> Maps {
        for (index, &plan) in plans.iter().enumerate() {
            maps = self.bottleneck(&format!("{name}.{index}"), plan, maps);
        }
        maps
    }

    fn bottleneck(&mut self, name: &str, plan: BottleneckPlan, mut maps: Maps) -> Maps {
        for (number, shape) in (1..).zip(plan.convs()) {
            let names = (format!("{name}.conv{number}"), format!("{name}.bn{number}"));
            maps = self.conv_norm((&names.0, &names.1), shape, maps);
        }
        if let Some(shape) = plan.shortcut() {
            // A pooling, when there is one, has the first place in the official Sequential.
            let first = i64::from(plan.stride != 1);
            let part = |place: i64| format!("{name}.downsample.{place}");
            self.conv_norm((&part(first), &part(first + 1)), shape, maps);
        }
        maps
    }
}
