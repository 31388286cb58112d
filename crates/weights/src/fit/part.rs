//! The parts of a network by the words in their names, in every spelling.

use super::traits::depth;
use crate::StateDict;

/// A part that one network has and a related one lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Classifier,
    /// TAM.
    Aggregation,
    /// TIN's two nets.
    Interlacing,
    NonLocal,
    /// The connections from SlowFast's fast path to its slow one.
    Lateral,
    Fast,
}

impl Part {
    /// The part in words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Classifier => "classifier",
            Self::Aggregation => "temporal aggregation (TAM)",
            Self::Interlacing => "offset and weight nets (TIN)",
            Self::NonLocal => "non-local blocks",
            Self::Lateral => "lateral connections",
            Self::Fast => "fast path",
        }
    }
}

/// What classifiers are called, without the last word.
const CLASSIFIERS: [&str; 11] = [
    "new_fc",
    "fc",
    "classifier",
    "classifier.1",
    "base_model.fc",
    "base_model.classifier",
    "baseline_model.fc",
    "cls_head.fc_cls",
    "head.projection",
    "blocks.5.proj",
    "blocks.6.proj",
];

/// The part that a name belongs to, unless it is the trunk.
pub(super) fn of(name: &str) -> Option<Part> {
    let (layer, _) = name.rsplit_once('.')?;
    if CLASSIFIERS.contains(&layer) {
        return Some(Part::Classifier);
    }
    let mut before = "";
    for word in layer.split('.') {
        let part = match word {
            "tam" => Some(Part::Aggregation),
            "biasnet" | "weightnet" | "offset_net" | "weight_net" => Some(Part::Interlacing),
            "nl" | "non_local_block" => Some(Part::NonLocal),
            "multipathway_fusion" => Some(Part::Lateral),
            _ if word.starts_with("lateral_") || word.ends_with("_lateral") => Some(Part::Lateral),
            _ if word.ends_with("_fuse") => Some(Part::Lateral),
            "1" if before == "multipathway_blocks" => Some(Part::Fast),
            _ if word.starts_with("fast_") || word.starts_with("pathway1_") => Some(Part::Fast),
            _ => None,
        };
        if part.is_some() {
            return part;
        }
        before = word;
    }
    None
}

/// What network the names of a file look like, with its depth where they tell it.
pub(super) fn looks_like(state: &StateDict) -> Option<String> {
    let family = family(state)?;
    let depth = depth(state).map_or_else(String::new, |depth| format!(" of depth {depth}"));
    Some(format!("{family}{depth}"))
}

fn family(state: &StateDict) -> Option<&'static str> {
    let has = |part: &str| state.names().any(|name| name.contains(part));
    let part = |part: Part| state.names().any(|name| of(name) == Some(part));
    let axes = |end: &str| {
        let named = state.iter().find(|(name, _)| name.ends_with(end));
        named.map(|(_, tensor)| tensor.shape.len())
    };
    let network = if has(".little_e.") {
        if part(Part::Aggregation) { "a bLVNet-TAM" } else { "a bL-ResNet" }
    } else if part(Part::Interlacing) {
        "a TIN"
    } else if part(Part::Lateral) {
        "a SlowFast"
    } else if has(".spatial_conv.") || has(".conv_s.") {
        "an R(2+1)D"
    } else if has("slow_conv1.") || has("blocks.1.res_blocks.") || has("s1.pathway0_stem.") {
        "a slow path alone"
    } else if part(Part::Fast) {
        "a fast path alone"
    } else if axes("layer1.0.conv1.weight") == Some(5)
        || axes("layer1.0.conv1.conv.weight") == Some(5)
    {
        "a 3-D ResNet"
    } else if part(Part::Aggregation) {
        "a TAM-ResNet"
    } else if has(".net.") {
        "a TSM"
    } else if has("features.18.") {
        "a MobileNetV2"
    } else if has("layer1.0.") {
        "a 2-D ResNet without temporal modules"
    } else {
        return None;
    };
    Some(network)
}

#[cfg(test)]
mod tests {
    use super::{Part, of};

    #[test]
    fn parts_are_known_in_every_spelling() {
        for (part, names) in [
            (
                Some(Part::Classifier),
                &["new_fc.weight", "head.projection.bias", "classifier.1.bias"][..],
            ),
            (Some(Part::Aggregation), &["baseline_model.layer1.tam.prev.weight"]),
            (
                Some(Part::Interlacing),
                &[
                    "base_model.layer1.0.conv1.net1.biasnet.net.fc.weight",
                    "backbone.layer1.0.conv1.conv.net1.weight_net.conv.bias",
                ],
            ),
            (Some(Part::NonLocal), &["backbone.layer2.0.non_local_block.phi.0.conv.weight"]),
            (
                Some(Part::Lateral),
                &[
                    "lateral_p1.weight",
                    "backbone.slow_path.layer1_lateral.conv.weight",
                    "blocks.0.multipathway_fusion.norm.bias",
                    "s1_fuse.bn.weight",
                ],
            ),
            (
                Some(Part::Fast),
                &[
                    "fast_res2.0.conv1.weight",
                    "backbone.fast_path.conv1.conv.weight",
                    "blocks.1.multipathway_blocks.1.res_blocks.0.branch1_conv.weight",
                    "s2.pathway1_res0.branch1.weight",
                ],
            ),
            (
                None,
                &[
                    "base_model.layer1.0.conv1.net2.weight",
                    "blocks.1.multipathway_blocks.0.res_blocks.1.branch2.conv_a.weight",
                    "s2.pathway0_res1.branch2.a.weight",
                ],
            ),
        ] {
            for name in names {
                assert_eq!(of(name), part, "{name}");
            }
        }
    }
}
