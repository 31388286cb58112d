//! Whose names can be read and written.

use serde::{Deserialize, Serialize};

use super::pattern::from_common;
use super::scheme::{Scheme, plain};
use super::tables;

/// A project whose official code gives names to weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Source {
    /// IBM/bLVNet-TAM.
    BlvnetTam,
    /// IBM/action-recognition-pytorch (TAM-ResNet).
    ActionRecognition,
    /// IBM/BigLittleNet: the image networks that initialise bLVNet-TAM.
    BigLittleNet,
    /// Sense-X/X-Temporal.
    XTemporal,
    /// deepcs233/TIN.
    Tin,
    /// mit-han-lab/temporal-shift-module.
    Tsm,
    /// torchvision's ImageNet networks: ResNet and MobileNetV2.
    Torchvision,
    /// open-mmlab/mmaction2: TSN, TSM, TIN, SlowFast, Slow, R(2+1)D.
    Mmaction2,
    /// facebookresearch/pytorchvideo: SlowFast and Slow.
    Pytorchvideo,
    /// facebookresearch/SlowFast: SlowFast and Slow.
    PySlowFast,
}

impl TryFrom<String> for Source {
    type Error = String;

    fn try_from(id: String) -> Result<Self, String> {
        Self::from_id(&id).ok_or_else(|| {
            let known = Self::ALL.map(Self::id).join(", ");
            format!("expected one of {known} for the source of names but received {id}")
        })
    }
}

impl From<Source> for &'static str {
    fn from(source: Source) -> Self {
        source.id()
    }
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 10] = [
        Self::BlvnetTam,
        Self::ActionRecognition,
        Self::BigLittleNet,
        Self::XTemporal,
        Self::Tin,
        Self::Tsm,
        Self::Torchvision,
        Self::Mmaction2,
        Self::Pytorchvideo,
        Self::PySlowFast,
    ];

    /// The word for it on a command line.
    pub fn id(self) -> &'static str {
        match self {
            Self::BlvnetTam => "blvnet-tam",
            Self::ActionRecognition => "action-recognition-pytorch",
            Self::BigLittleNet => "big-little-net",
            Self::XTemporal => "x-temporal",
            Self::Tin => "tin",
            Self::Tsm => "tsm",
            Self::Torchvision => "torchvision",
            Self::Mmaction2 => "mmaction2",
            Self::Pytorchvideo => "pytorchvideo",
            Self::PySlowFast => "pyslowfast",
        }
    }

    /// The source of a word.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.id() == id)
    }

    /// Which variant of SlowFast the source has.
    pub(super) fn variant(self) -> Option<&'static str> {
        match self {
            Self::XTemporal => Some("x-temporal"),
            Self::Mmaction2 => Some("mmaction2"),
            Self::Pytorchvideo | Self::PySlowFast => Some("fair"),
            _ => None,
        }
    }

    /// Whether the source has names for a network of this native spelling.
    pub(super) fn fits(self, scheme: Scheme, names: &[&str]) -> bool {
        let has = |part: &str| names.iter().any(|name| name.contains(part));
        // X-Temporal's own stem of three convolutions; its 50d also counts shortcuts differently.
        let deep_stem = has("conv1.0.weight") && !has("features.");
        let tam_resnet = scheme == Scheme::Bare && has(".tam.");
        match self {
            Self::BlvnetTam | Self::BigLittleNet => scheme == Scheme::BigLittle,
            Self::ActionRecognition => tam_resnet,
            Self::XTemporal => {
                matches!(scheme, Scheme::Base | Scheme::Bare | Scheme::XTemporalSlowfast)
            }
            Self::Tin => scheme == Scheme::Base,
            Self::Tsm => scheme == Scheme::Base || scheme == Scheme::Bare && has("features."),
            Self::Torchvision => scheme != Scheme::BigLittle && !deep_stem,
            Self::Mmaction2 => scheme != Scheme::BigLittle && !deep_stem && !has("features."),
            Self::Pytorchvideo | Self::PySlowFast => scheme.variant().is_some(),
        }
    }

    /// The native spelling that the source's names are of, too, when it is one; `native` is that
    /// of the network.
    pub(super) fn scheme(self, native: Scheme) -> Option<Scheme> {
        match self {
            Self::BlvnetTam => Some(Scheme::BigLittle),
            Self::ActionRecognition => Some(Scheme::Bare),
            Self::XTemporal | Self::Tin | Self::Tsm => Some(native),
            Self::Mmaction2 => Some(Scheme::Mmaction2),
            Self::Pytorchvideo => Some(Scheme::Pytorchvideo),
            Self::BigLittleNet | Self::Torchvision | Self::PySlowFast => None,
        }
    }

    /// The source's name of a weight.
    pub(super) fn spell(self, scheme: Scheme, native: &str, common: &str) -> Option<String> {
        if self.scheme(scheme) == Some(scheme) {
            return Some(native.to_owned());
        }
        match self {
            Self::BigLittleNet => {
                (!common.split('.').any(|word| word == "tam")).then(|| common.to_owned())
            }
            // In a network of two paths an image network can only start the slow one.
            Self::Torchvision => {
                let common = plain_name(common)?;
                from_common(&tables::TORCHVISION, common.strip_prefix("slow.").unwrap_or(&common))
            }
            Self::Mmaction2 => from_common(&tables::MMACTION2, common),
            Self::Pytorchvideo => from_common(&tables::PYTORCHVIDEO, common),
            Self::PySlowFast => from_common(&tables::PYSLOWFAST, common),
            Self::BlvnetTam | Self::ActionRecognition | Self::XTemporal | Self::Tin | Self::Tsm => {
                None
            }
        }
    }
}

/// The common name without the words of temporal modules, but with its classifier's name kept.
fn plain_name(common: &str) -> Option<String> {
    let is_classifier = ["fc.", "classifier."].iter().any(|start| common.starts_with(start));
    match common {
        common if common.starts_with("joint.") => None,
        common if is_classifier => Some(common.to_owned()),
        common => Some(plain(common)),
    }
}
