//! The native spellings, and the common names behind them.

use indexmap::IndexMap;

use super::pattern::to_common;
use super::tables;

/// A native spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// IBM's bLVNet-TAM: `baseline_model.` and `new_fc`.
    BigLittle,
    /// X-Temporal's, MIT's and deepcs233's 2-D networks: `base_model.` and `new_fc`.
    Base,
    /// Networks without a prefix: TAM-ResNet, ResNet-3D, R(2+1)D, the online MobileNetV2.
    Bare,
    /// X-Temporal's SlowFast and its parts.
    XTemporalSlowfast,
    /// mmaction2's SlowFast and its parts.
    Mmaction2,
    /// pytorchvideo's SlowFast and its parts.
    Pytorchvideo,
}

/// Words that a temporal module puts into the names of the layer that it wraps.
const WRAPPERS: [&str; 3] = ["net", "net2", "block"];

impl Scheme {
    /// The spelling of a network's names.
    pub(super) fn of(names: &[&str]) -> Option<Self> {
        let any = |starts: &[&str]| {
            names.iter().any(|name| starts.iter().any(|start| name.starts_with(start)))
        };
        if any(&["baseline_model."]) {
            Some(Self::BigLittle)
        } else if any(&["base_model."]) {
            Some(Self::Base)
        } else if any(&["backbone."]) {
            Some(Self::Mmaction2)
        } else if any(&["blocks."]) {
            Some(Self::Pytorchvideo)
        } else if any(&["slow_conv1.", "fast_conv1."]) {
            Some(Self::XTemporalSlowfast)
        } else if any(&["conv1.", "features.0."]) {
            Some(Self::Bare)
        } else {
            None
        }
    }

    /// Which network of its kind the spelling stands for; the classifiers of SlowFast's variants
    /// take their features in different orders.
    pub(super) fn variant(self) -> Option<&'static str> {
        match self {
            Self::XTemporalSlowfast => Some("x-temporal"),
            Self::Mmaction2 => Some("mmaction2"),
            Self::Pytorchvideo => Some("fair"),
            Self::BigLittle | Self::Base | Self::Bare => None,
        }
    }

    /// The common name of a name in this spelling.
    pub(super) fn common(self, name: &str) -> Option<String> {
        match self {
            Self::BigLittle => Some(without_prefix(name, "baseline_model.")),
            Self::Base => Some(without_prefix(name, "base_model.")),
            Self::Bare => Some(name.to_owned()),
            Self::XTemporalSlowfast => to_common(&tables::X_TEMPORAL_SLOWFAST, name),
            Self::Mmaction2 => to_common(&tables::MMACTION2, name),
            Self::Pytorchvideo => to_common(&tables::PYTORCHVIDEO, name),
        }
    }

    /// The common names of a whole network, where one path alone loses its prefix and the
    /// classifier of two is told apart from that of one.
    pub(super) fn commons<'n>(self, names: &[&'n str]) -> IndexMap<&'n str, String> {
        let mut commons: IndexMap<&str, String> =
            names.iter().filter_map(|&name| Some((name, self.common(name)?))).collect();
        let has = |path| commons.values().any(|common| common.starts_with(path));
        let (slow, fast) = (has("slow."), has("fast."));
        let mobile = has("features.");
        for common in commons.values_mut() {
            if !fast && let Some(name) = common.strip_prefix("slow.") {
                *common = name.to_owned();
            }
            if let Some(leaf) = classifier_leaf(common) {
                *common = match (slow && fast, mobile) {
                    (true, _) => format!("joint.fc.{leaf}"),
                    (false, true) => format!("classifier.{leaf}"),
                    (false, false) => format!("fc.{leaf}"),
                };
            }
        }
        commons
    }
}

/// The last word of a classifier's common name.
pub(super) fn classifier_leaf(common: &str) -> Option<&str> {
    ["fc.", "joint.fc.", "classifier."].into_iter().find_map(|start| common.strip_prefix(start))
}

/// Whether a common name is the classifier's of two paths.
pub(super) fn is_joint_classifier(common: &str) -> bool {
    common.starts_with("joint.fc.")
}

fn without_prefix(name: &str, prefix: &str) -> String {
    let bare = name.strip_prefix(prefix).unwrap_or(name);
    bare.strip_prefix("new_fc.").map_or_else(|| bare.to_owned(), |leaf| format!("fc.{leaf}"))
}

/// A common name without the words of temporal modules, and with one name for classifiers.
pub(super) fn plain(common: &str) -> String {
    if let Some(leaf) = classifier_leaf(common) {
        return format!("fc.{leaf}");
    }
    let words: Vec<&str> = common.split('.').filter(|word| !WRAPPERS.contains(word)).collect();
    words.join(".")
}
