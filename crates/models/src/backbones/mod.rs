//! The trunks: folded frames in, feature maps out.

pub(crate) mod big_little;
pub(crate) mod mobilenet;
pub(crate) mod plan;
pub(crate) mod resnet;

pub(crate) use big_little::BigLittle;
pub(crate) use mobilenet::MobileNet;
pub(crate) use resnet::{Resnet, ResnetPlan};
