//! Parameters and multiply-adds of a network, module by module, from the same plans that it is
//! built from. Convolutions, aggregations and linear layers count; biases, batch norms, ReLU,
//! pooling, shifts and the two products of an attention do not.

use super::ModuleInfo;
use crate::ModelSpec;
use crate::backbones::plan::{LayerPlan, ModulePlan};
use crate::backbones::plug;
use crate::backbones::{ResnetPlan, mobilenet};
use crate::layers::ConvShape;
use crate::network::{classifier_name, feature_channels, trunk_name};
use crate::spec::{Plug, PluggedSpec};
use crate::temporal::{self, Cost, TemporalPlug};

/// Square feature maps of one clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Maps {
    pub count: i64,
    /// Pixels a side.
    pub size: i64,
}

impl Maps {
    /// What a layer of this stride that keeps the size otherwise makes of them.
    pub fn strided(self, stride: i64) -> Self {
        Self { size: (self.size - 1) / stride + 1, ..self }
    }

    fn positions(self) -> i64 {
        self.count * self.size * self.size
    }
}

/// What the modules of a network cost, in the order of the forward pass.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub modules: Vec<ModuleInfo>,
    /// What the names of the modules begin with.
    trunk: &'static str,
}

/// The cost for one clip of square frames with `size` pixels a side.
pub(super) fn of(spec: &ModelSpec, size: i64) -> Vec<ModuleInfo> {
    let mut ledger = Ledger { modules: Vec::new(), trunk: trunk_name(spec) };
    if ledger.volumes(spec, size) {
        return ledger.modules;
    }
    let channels = spec.modality().conv_channels();
    let frames = Maps { count: spec.num_frames(), size };
    let plug = temporal::plug_of(spec);
    let maps = match (spec, ResnetPlan::of(spec)) {
        (ModelSpec::BlvnetTam(spec), _) => ledger.big_little(spec, channels, size),
        (ModelSpec::Plugged(PluggedSpec { fields, plug: Plug::Network(plug) }), _) => {
            ledger.modules = plug::modules(ledger.trunk, plug.costs(fields, size));
            1
        }
        (ModelSpec::Blresnet(spec), _) => ledger.big_little(&spec.trunk(), channels, size),
        (_, Some(plan)) => ledger.resnet(&plan, frames),
        (_, None) => ledger.mobilenet(channels, plug, frames),
    };
    let (cin, cout) = (feature_channels(spec), spec.num_classes());
    ledger.trunk = "";
    let cost = Cost { params: cin * cout + cout, macs: cin * cout * maps };
    ledger.add(classifier_name(spec), cost);
    ledger.modules
}

impl Ledger {
    /// Notes the cost of a module; one that costs nothing is left out.
    pub fn add(&mut self, name: &str, cost: Cost) {
        if cost == Cost::default() {
            return;
        }
        let parts: Vec<&str> = [self.trunk, name].into_iter().filter(|p| !p.is_empty()).collect();
        let Cost { params, macs } = cost;
        self.modules.push(ModuleInfo { module: parts.join("."), params, macs });
    }

    /// A convolution and its batch norm; what it makes of the maps.
    pub fn conv_norm(&mut self, (conv, norm): (&str, &str), shape: ConvShape, maps: Maps) -> Maps {
        let ConvShape { cin, cout, kernel, stride } = shape;
        let (weights, maps) = (cin * cout * kernel * kernel, maps.strided(stride));
        self.add(conv, Cost { params: weights, macs: weights * maps.positions() });
        self.add(norm, Cost { params: 2 * cout, macs: 0 });
        maps
    }

    fn module(&mut self, plan: Option<&ModulePlan>, plug: Option<&dyn TemporalPlug>, maps: Maps) {
        if let (Some(plan), Some(plug)) = (plan, plug) {
            self.add(&plan.name, plug.cost(plan.slot, maps.size * maps.size));
        }
    }

    fn layer(&mut self, layer: &LayerPlan, plug: Option<&dyn TemporalPlug>, maps: Maps) -> Maps {
        self.module(layer.module.as_ref(), plug, maps);
        let mut shape = layer.shape;
        if layer.depthwise {
            shape.cin = 1;
        }
        self.conv_norm((&layer.conv, &layer.norm), shape, maps)
    }

    /// Returns the number of feature maps of a clip.
    fn resnet(&mut self, plan: &ResnetPlan, mut maps: Maps) -> i64 {
        for layer in plan.stem() {
            maps = self.layer(&layer, None, maps);
        }
        maps = maps.strided(2);
        for block in plan.blocks() {
            maps.count = block.frames;
            self.module(block.entry.as_ref(), plan.plug, maps);
            let mut inside = maps;
            for layer in &block.layers {
                inside = self.layer(layer, plan.plug, inside);
            }
            if let Some(layer) = &block.shortcut {
                self.layer(layer, None, maps.strided(block.pools.unwrap_or(1)));
            }
            maps = inside;
            if let (Some(name), Some(last)) = (&block.non_local, block.layers.last()) {
                self.non_local(name, last.shape.cout, maps);
            }
        }
        maps.count
    }

    fn non_local(&mut self, name: &str, channels: i64, maps: Maps) {
        let weights = channels * channels / 2;
        let macs = weights * maps.positions();
        for part in ["theta", "phi.0", "g.0"] {
            self.add(&format!("{name}.{part}"), Cost { params: weights + channels / 2, macs });
        }
        self.add(&format!("{name}.W.0"), Cost { params: weights + channels, macs });
        self.add(&format!("{name}.W.1"), Cost { params: 2 * channels, macs: 0 });
    }

    /// Returns the number of feature maps of a clip.
    fn mobilenet(&mut self, channels: i64, plug: Option<&dyn TemporalPlug>, mut maps: Maps) -> i64 {
        for feature in mobilenet::feature_plans(channels, maps.count, plug) {
            for layer in &feature.layers {
                maps = self.layer(layer, plug, maps);
            }
        }
        maps.count
    }
}
