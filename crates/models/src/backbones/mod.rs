//! The trunks. The 2-D ones take folded frames to feature maps, the 3-D ones whole clips to
//! pooled features.

pub(crate) mod big_little;
pub(crate) mod mobilenet;
pub(crate) mod pathway;
pub(crate) mod plan;
pub(crate) mod plug;
pub(crate) mod resnet;
pub(crate) mod resnet3d;
pub(crate) mod slowfast;
pub(crate) mod volume;

pub(crate) use big_little::BigLittle;
pub(crate) use mobilenet::MobileNet;
pub use plug::{Backbone, NetworkPlug};
pub(crate) use resnet::{Resnet, ResnetPlan};
pub(crate) use resnet3d::{Resnet3d, Resnet3dPlan};
pub(crate) use slowfast::{SlowFast, SlowFastPlan};
