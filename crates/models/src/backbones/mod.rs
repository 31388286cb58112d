//! The trunks: folded frames in, feature maps out.

pub(crate) mod big_little;
pub(crate) mod resnet;

pub(crate) use big_little::BigLittle;
pub(crate) use resnet::Resnet;
