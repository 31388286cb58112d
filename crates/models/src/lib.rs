//! Action-recognition networks and their weights.
//!
//! A network is described by a [`ModelSpec`], built with weights by [`Model::new`], and takes
//! clips `[N, T, C, H, W]` to logits `[N, classes]`.
//!
//! | `arch` | paper | official code whose names and numbers are matched |
//! | --- | --- | --- |
//! | `blvnet-tam` | <https://arxiv.org/abs/1912.00869> | IBM/bLVNet-TAM |
//! | `tam-resnet` | <https://arxiv.org/abs/2010.11757> | IBM/action-recognition-pytorch |
//! | `tsn` | <https://arxiv.org/abs/1608.00859> | Sense-X/X-Temporal |
//! | `tsm` | <https://arxiv.org/abs/1811.08383> | mit-han-lab/temporal-shift-module, Sense-X/X-Temporal |
//! | `tin` | <https://arxiv.org/abs/2001.06499> | deepcs233/TIN, Sense-X/X-Temporal |
//! | `slowfast`, `slow-only`, `fast-only` | <https://arxiv.org/abs/1812.03982> | Sense-X/X-Temporal, facebookresearch/pytorchvideo, open-mmlab/mmaction2 |
//! | `r3d` | <https://arxiv.org/abs/1708.07632> | Sense-X/X-Temporal |
//! | `r2plus1d` | <https://arxiv.org/abs/1711.11248> | Sense-X/X-Temporal |
//!
//! A temporal module is a plug: implement [`TemporalPlug`] and [`TemporalModule`] in a file of your
//! own, add it to a [`Registry`], and it stands in every block of a ResNet of any depth, with its
//! parameters named, initialised, counted, saved and loaded like the official ones. A whole network,
//! for frames or for volumes, is a plug too ([`NetworkPlug`], [`Backbone`]). The example `plug_in` has
//! a file and a line for each.
#![forbid(unsafe_code)]

mod backbones;
pub mod checkpoint;
mod error;
mod info;
mod layers;
mod model;
mod network;
#[cfg(test)]
#[path = "../tests/support/operators.rs"]
mod operators;
mod pass;
pub mod recipe;
mod registry;
mod spec;
mod stream;
mod temporal;

pub use backbones::{Backbone, NetworkPlug};
pub use checkpoint::{LoadOptions, ModelCard};
pub use error::ModelError;
pub use info::{
    InputInfo, ModelInfo, ModuleInfo, list_models, listed_model, model_info, model_info_at,
    model_info_by_module,
};
pub use model::{GENERATOR, Model, ParamInfo};
pub use network::{InterlaceState, Network};
pub use pass::{Mode, Pass};
pub use registry::Registry;
pub use spec::{
    BigLittleDepth, Blending, BlockModule, BlresnetSpec, BlvnetTamSpec, Consensus, FastOnlySpec,
    Modality, ModelSpec, OffsetScale, PathwayDepth, Plug, PluggedSpec, R2plus1dSpec, R3dSpec,
    Resnet3dDepth, ResnetDepth, Rounds, ShiftPlace, Shortcut, SlowFastDepth, SlowFastSpec,
    SlowFastVariant, SlowOnlySpec, TamDepth, TamResnetSpec, TemporalPooling, TinSpec, TsmDepth,
    TsmSpec, TsnSpec,
};
pub use stream::OnlineState;
pub use temporal::{Cost, Own, Place, Slot, TemporalModule, TemporalPlug};
pub use timeweave_weights::fit::{FitReport as CheckpointReport, Reshaped, Unfilled};
pub use timeweave_weights::keymap::Source;
