//! The temporal modules that stand in the blocks of a ResNet, and the registry of them.

mod aggregate;
mod blend;
mod interlace;
mod non_local;
mod plug;
mod shift;

pub(crate) use aggregate::Aggregate;
pub(crate) use non_local::NonLocal;
pub use plug::{Cost, Own, Place, Slot, TemporalModule, TemporalPlug};

use crate::ModelSpec;
use crate::spec::{Plug, PluggedSpec};

/// The temporal module of the network that `spec` describes: the registry, one line each.
pub(crate) fn plug_of(spec: &ModelSpec) -> Option<&dyn TemporalPlug> {
    match spec {
        ModelSpec::Tsm(spec) => Some(spec),
        ModelSpec::Tin(spec) => Some(spec),
        ModelSpec::TamResnet(spec) => Some(spec),
        ModelSpec::Plugged(PluggedSpec { plug: Plug::Temporal(plug), .. }) => Some(&**plug),
        ModelSpec::Plugged(_)
        | ModelSpec::Tsn(_)
        | ModelSpec::BlvnetTam(_)
        | ModelSpec::Blresnet(_)
        | ModelSpec::SlowFast(_)
        | ModelSpec::SlowOnly(_)
        | ModelSpec::FastOnly(_)
        | ModelSpec::R3d(_)
        | ModelSpec::R2plus1d(_) => None,
    }
}
