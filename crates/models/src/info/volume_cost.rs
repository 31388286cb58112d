//! The cost of the 3-D networks, module by module, from the plans that they are built from.

use super::cost::Ledger;
use crate::ModelSpec;
use crate::backbones::pathway::{LayerPlan, PathwayPlan};
use crate::backbones::resnet3d::{ConvPlan, ShortcutPlan, TAPS};
use crate::backbones::volume::{Extent, MaxPool3d, VolumeShape};
use crate::backbones::{Resnet3dPlan, SlowFastPlan};
use crate::network::{classifier_name, feature_channels};
use crate::spec::{BlockModule, SlowFastVariant};
use crate::temporal::Cost;

impl Ledger {
    /// Notes the modules of a 3-D network for one clip of square frames with `side` pixels a
    /// side; false for the other families.
    pub(super) fn volumes(&mut self, spec: &ModelSpec, side: i64) -> bool {
        let extent = Extent { frames: spec.num_frames(), side };
        match spec {
            ModelSpec::SlowFast(spec) => self.slowfast(&SlowFastPlan::both(spec), extent),
            ModelSpec::SlowOnly(spec) => self.slowfast(&SlowFastPlan::slow_only(spec), extent),
            ModelSpec::FastOnly(spec) => self.slowfast(&SlowFastPlan::fast_only(spec), extent),
            ModelSpec::R3d(spec) => self.resnet3d(spec.into(), extent),
            ModelSpec::R2plus1d(spec) => self.resnet3d(spec.into(), extent),
            _ => return false,
        }
        let (cin, cout) = (feature_channels(spec), spec.num_classes());
        let bias = if spec.variant() == Some(SlowFastVariant::XTemporal) { 0 } else { cout };
        self.note(classifier_name(spec), cin * cout + bias, cin * cout);
        true
    }

    fn note(&mut self, name: &str, params: i64, macs: i64) {
        self.add(name, Cost { params, macs });
    }

    /// A convolution; what it leaves.
    fn conv3d(&mut self, name: &str, shape: VolumeShape, extent: Extent) -> Extent {
        let extent = extent.after(shape.stride);
        self.note(name, shape.weights(), shape.weights() * extent.positions());
        extent
    }

    fn norm3d(&mut self, name: &str, channels: i64) {
        self.note(name, 2 * channels, 0);
    }

    /// A convolution and its batch norm; what they leave.
    fn conv_norm3d(&mut self, names: &[String; 2], shape: VolumeShape, extent: Extent) -> Extent {
        let extent = self.conv3d(&names[0], shape, extent);
        self.norm3d(&names[1], shape.cout);
        extent
    }

    fn slowfast(&mut self, plan: &SlowFastPlan, extent: Extent) {
        let fast = plan.fast.as_ref().map(|fast| self.pathway(fast, extent));
        for (lateral, &extent) in plan.laterals.iter().zip(fast.iter().flatten()) {
            self.conv3d(&lateral.conv, lateral.shape, extent);
            if let Some(norm) = &lateral.norm {
                self.norm3d(norm, lateral.shape.cout);
            }
        }
        if let Some(slow) = &plan.slow {
            let frames = plan.slow_frames(extent.frames);
            self.pathway(slow, Extent { frames, ..extent });
        }
    }

    /// What comes into each stage of a pathway.
    fn pathway(&mut self, plan: &PathwayPlan, extent: Extent) -> [Extent; 4] {
        let extent = self.layer3d(&plan.stem(), extent);
        let mut extent = extent.after(MaxPool3d::SPATIAL.stride);
        [0, 1, 2, 3].map(|stage| {
            let before = extent;
            for block in plan.stage(stage) {
                let mut inside = extent;
                for conv in &block.convs {
                    inside = self.layer3d(conv, inside);
                }
                if let Some(shortcut) = &block.shortcut {
                    self.layer3d(shortcut, extent);
                }
                extent = inside;
            }
            before
        })
    }

    fn layer3d(&mut self, plan: &LayerPlan, extent: Extent) -> Extent {
        self.conv_norm3d(&plan.names, plan.shape, extent)
    }

    fn resnet3d(&mut self, plan: Resnet3dPlan, extent: Extent) {
        let mut extent = self.convolution(&plan.stem(), "bn1", extent);
        if let Some(max_pool) = plan.max_pool {
            extent = extent.after(max_pool.stride);
        }
        for block in plan.blocks() {
            if plan.module == BlockModule::Tam {
                let weights = TAPS * block.cin;
                let name = format!("{}.tam", block.name);
                self.note(&name, weights, weights * extent.positions());
            }
            let mut inside = extent;
            for (number, conv) in (1..).zip(&block.convs) {
                inside = self.convolution(conv, &format!("{}.bn{number}", block.name), inside);
            }
            if let Some(ShortcutPlan::Conv { names, shape }) = &block.shortcut {
                self.conv_norm3d(names, *shape, extent);
            }
            extent = inside;
        }
    }

    /// A convolution, whole or split, with the batch norm behind it.
    fn convolution(&mut self, plan: &ConvPlan, norm: &str, extent: Extent) -> Extent {
        let extent = match plan {
            ConvPlan::Whole { name, shape } => self.conv3d(name, *shape, extent),
            ConvPlan::Split { name, spatial, temporal } => {
                let names = ConvPlan::split_names(name);
                let extent = self.conv_norm3d(&names.0, *spatial, extent);
                self.conv3d(&names.1, *temporal, extent)
            }
        };
        self.norm3d(norm, plan.cout());
        extent
    }
}
