//! Layers of the ResNets and MobileNets before they are built: names, dimensions and the temporal
//! modules before them. Networks are built and their costs counted from the same plans.

use tch::{Tensor, nn};

use crate::ModelError;
use crate::layers::{BatchNorm, Conv2d, ConvShape};
use crate::pass::Pass;
use crate::temporal::{Own, Slot, TemporalModule, TemporalPlug};

/// A temporal module in its slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModulePlan {
    /// Name of the module below the trunk.
    pub name: String,
    pub slot: Slot,
}

/// A convolution with its batch norm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LayerPlan {
    /// Temporal module before the convolution.
    pub module: Option<ModulePlan>,
    /// Name of the convolution below the trunk.
    pub conv: String,
    /// Name of the batch norm below the trunk.
    pub norm: String,
    pub shape: ConvShape,
    /// Whether each channel has a filter of its own.
    pub depthwise: bool,
}

impl LayerPlan {
    /// A layer without a temporal module.
    pub fn new(conv: String, norm: String, shape: ConvShape) -> Self {
        Self { module: None, conv, norm, shape, depthwise: false }
    }

    /// The layer with the module of `plug` before it, if one stands in `slot` of `block`.
    pub fn with_module(mut self, plug: Option<&dyn TemporalPlug>, block: &str, slot: Slot) -> Self {
        let found = module_at(plug, (block, &self.conv), slot);
        if let Some((module, wrapped)) = found {
            self.module = Some(module);
            self.conv = wrapped;
        }
        self
    }
}

/// The module of `plug`, if one stands in `slot` before the part called `wrapped` of `block`, and
/// the name below which the weights of that part are then stored.
pub(crate) fn module_at(
    plug: Option<&dyn TemporalPlug>,
    (block, wrapped): (&str, &str),
    slot: Slot,
) -> Option<(ModulePlan, String)> {
    let plug = plug.filter(|plug| plug.stands_at(slot))?;
    let name = match plug.own() {
        Own::Block(name) => format!("{block}.{name}"),
        Own::Wrapped(name) => format!("{wrapped}.{name}"),
    };
    let wrapped = match plug.wrapped() {
        Some(part) => format!("{wrapped}.{part}"),
        None => wrapped.to_owned(),
    };
    Some((ModulePlan { name, slot }, wrapped))
}

/// The path of a dotted name.
pub(crate) fn at<'a>(path: &nn::Path<'a>, name: &str) -> nn::Path<'a> {
    name.split('.').filter(|part| !part.is_empty()).fold(path.clone(), |path, part| path / part)
}

/// The dotted name of a part of what is stored under `path`.
pub(crate) fn named(path: &nn::Path, part: &str) -> String {
    path.components().chain([part]).collect::<Vec<_>>().join(".")
}

/// Builds a planned module.
pub(crate) fn build(
    trunk: &nn::Path,
    plan: Option<&ModulePlan>,
    plug: Option<&dyn TemporalPlug>,
) -> Result<Option<Box<dyn TemporalModule>>, ModelError> {
    match (plan, plug) {
        (Some(plan), Some(plug)) => plug.build(&at(trunk, &plan.name), plan.slot).map(Some),
        _ => Ok(None),
    }
}

/// A built layer.
#[derive(Debug)]
pub(crate) struct Layer {
    module: Option<Box<dyn TemporalModule>>,
    conv: Conv2d,
    norm: BatchNorm,
}

impl Layer {
    pub fn new(
        trunk: &nn::Path,
        plan: &LayerPlan,
        plug: Option<&dyn TemporalPlug>,
    ) -> Result<Self, ModelError> {
        let conv = at(trunk, &plan.conv);
        Ok(Self {
            module: build(trunk, plan.module.as_ref(), plug)?,
            conv: if plan.depthwise {
                Conv2d::depthwise(&conv, plan.shape)?
            } else {
                Conv2d::new(&conv, plan.shape)?
            },
            norm: BatchNorm::new(&at(trunk, &plan.norm), plan.shape.cout, 1.0)?,
        })
    }

    /// `[N*T, cin, h, w]` to the output of the batch norm.
    pub fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError> {
        Ok(self.norm.forward(&self.convolve(x, pass)?, pass.mode.batch_statistics)?)
    }

    /// The output of the convolution.
    pub fn convolve(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError> {
        Ok(match &self.module {
            Some(module) => self.conv.forward(&module.forward(x, pass)?)?,
            None => self.conv.forward(x)?,
        })
    }

    /// The output of the batch norm for the convolution's.
    pub fn normalize(&self, x: &Tensor, pass: &Pass) -> Result<Tensor, ModelError> {
        Ok(self.norm.forward(x, pass.mode.batch_statistics)?)
    }
}
