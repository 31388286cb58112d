//! What the names and shapes of a file tell about its network.

use std::collections::BTreeSet;

use super::part::{self, Part};
use crate::StateDict;
use crate::keymap::{Source, detect};

/// Facts about the network of a file, as far as its names and shapes tell them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traits {
    /// Whose names they are.
    pub source: Option<Source>,
    /// Outputs of the classifier.
    pub classes: Option<u64>,
    /// Frames of a clip; only TIN's weights depend on them.
    pub frames: Option<u64>,
    /// Input channels of the first convolution when it is 2-D.
    pub channels: Option<u64>,
    /// The depth as a spec names it, e.g. `50` or `50d`.
    pub depth: Option<&'static str>,
}

/// Finds out what a file tells about its network.
pub fn traits(state: &StateDict) -> Traits {
    let shape = |wanted: &dyn Fn(&str) -> bool| {
        let found = state.iter().find(|(name, _)| wanted(name));
        found.map(|(_, tensor)| tensor.shape.as_slice())
    };
    let classifier =
        shape(&|name| part::of(name) == Some(Part::Classifier) && name.ends_with(".weight"));
    let frames = shape(&|name| {
        name.ends_with(".biasnet.net.fc.weight") || name.ends_with(".offset_net.fc1.weight")
    });
    let stem = shape(&|name| {
        let layer = name.rsplit_once("conv1.").filter(|(before, _)| !before.contains("layer"));
        matches!(layer, Some((_, "weight" | "0.weight" | "conv.weight")))
            || name.ends_with("features.0.0.weight")
    });
    Traits {
        source: detect(state).ok(),
        classes: classifier.and_then(|shape| shape.first().copied()),
        frames: frames.and_then(|shape| shape.first().copied()),
        channels: stem.filter(|shape| shape.len() == 4).map(|shape| shape[1]),
        depth: depth(state),
    }
}

/// The depth as a spec names it.
pub(super) fn depth(state: &StateDict) -> Option<&'static str> {
    let has = |part: &str| state.names().any(|name| name.contains(part));
    if has("features.18.") {
        return Some("mobilenet-v2");
    }
    let big_little = has(".little_e.");
    let blocks: BTreeSet<(usize, &str)> = state.names().filter_map(block).collect();
    let count = |stage| blocks.iter().filter(|block| block.0 == stage).count();
    // The last block of a big-little stage, which joins its branches, has another name.
    let joint = usize::from(big_little);
    let blocks = [count(1) + joint, count(2) + joint, count(3) + joint, count(4)];
    let is_bottleneck = has(".conv3.") || has(".conv_c.") || has(".branch2.c.");
    let deep_stem = has("conv1.0.weight");
    let pooled = state.iter().any(|(name, tensor)| {
        name.ends_with("layer1.0.downsample.1.weight") && tensor.shape.len() == 4
    });
    let depth = match (blocks, is_bottleneck) {
        ([3, 4, 6, 3], true) if deep_stem && pooled => "50d",
        ([3, 4, 6, 3], true) if deep_stem => "50c",
        ([3, 4, 6, 3], true) => "50",
        ([4, 8, 18, 3], true) if big_little => "101",
        ([5, 12, 30, 3], true) if big_little => "152",
        ([3, 4, 23, 3], true) => "101",
        ([3, 8, 36, 3], true) => "152",
        ([3, 24, 36, 3], true) => "200",
        ([1, 1, 1, 1], false) => "10",
        ([2, 2, 2, 2], false) => "18",
        ([3, 4, 6, 3], false) => "34",
        _ => return None,
    };
    Some(depth)
}

/// Stage (from 1) and number of the residual block that a name belongs to.
fn block(name: &str) -> Option<(usize, &str)> {
    let words: Vec<&str> = name.split('.').collect();
    let number = |text: &str| text.parse::<usize>().ok();
    let is_number = |word: &&str| number(word).is_some();
    words.windows(2).enumerate().find_map(|(at, pair)| {
        let (word, next) = (pair[0], pair[1]);
        if let Some(stage) = word.strip_prefix("layer").and_then(number) {
            let next = if next == "big" { words.get(at + 2)? } else { next };
            return is_number(&next).then_some((stage, next));
        }
        if let Some((_, stage)) = word.split_once("_res")
            && word.starts_with("slow_") | word.starts_with("fast_")
        {
            return Some((number(stage)?.checked_sub(1)?, next));
        }
        if word == "res_blocks" {
            return Some((number(words.get(1)?)?, next));
        }
        let stage = word.strip_prefix('s').and_then(number)?;
        let (_, block) = next.split_once("_res")?;
        Some((stage.checked_sub(1)?, block))
    })
}
