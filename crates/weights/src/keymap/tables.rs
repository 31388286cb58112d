//! The spellings of mmaction2, FAIR's two libraries, X-Temporal's SlowFast and torchvision, as
//! tables of patterns.

use std::sync::LazyLock;

use super::pattern::Table;

/// Layers of a bottleneck as FAIR counts them.
const LETTERS: [(u8, char); 3] = [(1, 'a'), (2, 'b'), (3, 'c')];

/// `mmaction/models/backbones/{resnet,resnet_tsm,resnet_tin,resnet3d,resnet3d_slowfast}.py` and
/// `mmaction/models/common/conv2plus1d.py` of open-mmlab/mmaction2: every convolution stands with
/// its batch norm in a `ConvModule` (`conv`, `bn`).
pub(super) static MMACTION2: LazyLock<Table> = LazyLock::new(|| {
    const LAYERS: [(&str, &str); 16] = [
        ("conv#.*", "conv#.conv.*"),
        ("bn#.*", "conv#.bn.*"),
        ("downsample.0.*", "downsample.conv.*"),
        ("downsample.1.*", "downsample.bn.*"),
        ("conv#.net.*", "conv#.conv.net.*"),
        ("conv#.net2.*", "conv#.conv.net2.*"),
        ("conv#.net1.biasnet.net.conv.*", "conv#.conv.net1.offset_net.conv.*"),
        ("conv#.net1.biasnet.net.fc.*", "conv#.conv.net1.offset_net.fc1.*"),
        ("conv#.net1.biasnet.net.lastlayer.*", "conv#.conv.net1.offset_net.fc2.*"),
        ("conv#.net1.weightnet.net.lastlayer.*", "conv#.conv.net1.weight_net.conv.*"),
        ("conv#.spatial_conv.*", "conv#.conv.conv_s.*"),
        ("conv#.bn.*", "conv#.conv.bn_s.*"),
        ("conv#.temporal_conv.*", "conv#.conv.conv_t.*"),
        // Its R(2+1)D factorises the shortcuts, too; X-Temporal's has plain ones, which are then
        // missing in the file.
        ("downsample.0.spatial_conv.*", "downsample.conv.conv_s.*"),
        ("downsample.0.bn.*", "downsample.conv.bn_s.*"),
        ("downsample.0.temporal_conv.*", "downsample.conv.conv_t.*"),
    ];
    /// NL3DWrapper around mmcv's NonLocal3d with sub_sample.
    const NON_LOCAL: [(&str, &str); 5] = [
        ("layer#.#.nl.theta.*", "backbone.layer#.#.non_local_block.theta.conv.*"),
        ("layer#.#.nl.phi.0.*", "backbone.layer#.#.non_local_block.phi.0.conv.*"),
        ("layer#.#.nl.g.0.*", "backbone.layer#.#.non_local_block.g.0.conv.*"),
        ("layer#.#.nl.W.0.*", "backbone.layer#.#.non_local_block.conv_out.conv.*"),
        ("layer#.#.nl.W.1.*", "backbone.layer#.#.non_local_block.conv_out.bn.*"),
    ];
    let mut table = rows(&[
        ("fc.*", "cls_head.fc_cls.*"),
        ("joint.fc.*", "cls_head.fc_cls.*"),
        ("lateral0.conv.*", "backbone.slow_path.conv1_lateral.conv.*"),
        ("lateral0.bn.*", "backbone.slow_path.conv1_lateral.bn.*"),
        ("lateral#.conv.*", "backbone.slow_path.layer#_lateral.conv.*"),
        ("lateral#.bn.*", "backbone.slow_path.layer#_lateral.bn.*"),
    ]);
    table.extend(rows(&NON_LOCAL));
    for (path, module) in [("", ""), ("slow.", "slow_path."), ("fast.", "fast_path.")] {
        for place in ["", "layer#.#.", "layer#.#.net.", "layer#.#.block."] {
            table.extend(LAYERS.iter().map(|(common, own)| {
                (format!("{path}{place}{common}"), format!("backbone.{module}{place}{own}"))
            }));
        }
    }
    table
});

/// `pytorchvideo/models/{resnet,slowfast,stem,head}.py` of facebookresearch/pytorchvideo.
pub(super) static PYTORCHVIDEO: LazyLock<Table> = LazyLock::new(|| {
    let mut table = rows(&[
        ("fc.*", "blocks.5.proj.*"),
        ("joint.fc.*", "blocks.6.proj.*"),
        ("lateral#.conv.*", "blocks.#.multipathway_fusion.conv_fast_to_slow.*"),
        ("lateral#.bn.*", "blocks.#.multipathway_fusion.norm.*"),
    ]);
    for (path, module) in
        [("", ""), ("slow.", "multipathway_blocks.0."), ("fast.", "multipathway_blocks.1.")]
    {
        let mut row = |common: &str, own: &str| {
            table.push((format!("{path}{common}"), own.replace("MODULE.", module)));
        };
        row("conv1.*", "blocks.0.MODULE.conv.*");
        row("bn1.*", "blocks.0.MODULE.norm.*");
        row("layer#.#.downsample.0.*", "blocks.#.MODULE.res_blocks.#.branch1_conv.*");
        row("layer#.#.downsample.1.*", "blocks.#.MODULE.res_blocks.#.branch1_norm.*");
        for (number, letter) in LETTERS {
            let branch = "blocks.#.MODULE.res_blocks.#.branch2";
            row(&format!("layer#.#.conv{number}.*"), &format!("{branch}.conv_{letter}.*"));
            row(&format!("layer#.#.bn{number}.*"), &format!("{branch}.norm_{letter}.*"));
        }
    }
    table
});

/// `slowfast/models/{resnet_helper,stem_helper,head_helper,video_model_builder}.py` of
/// facebookresearch/SlowFast. A network of one path calls it `pathway0`.
pub(super) static PYSLOWFAST: LazyLock<Table> = LazyLock::new(|| {
    let mut table = rows(&[("fc.*", "head.projection.*"), ("joint.fc.*", "head.projection.*")]);
    for stage in 0..4 {
        let fuse = format!("s{}_fuse", stage + 1);
        table.push((format!("lateral{stage}.conv.*"), format!("{fuse}.conv_f2s.*")));
        table.push((format!("lateral{stage}.bn.*"), format!("{fuse}.bn.*")));
    }
    for (path, number) in [("", 0), ("slow.", 0), ("fast.", 1)] {
        let stem = format!("s1.pathway{number}_stem");
        table.push((format!("{path}conv1.*"), format!("{stem}.conv.*")));
        table.push((format!("{path}bn1.*"), format!("{stem}.bn.*")));
        for stage in 1..5 {
            let block = format!("s{}.pathway{number}_res#", stage + 1);
            let mut row = |common: &str, own: &str| {
                table.push((format!("{path}layer{stage}.#.{common}"), format!("{block}.{own}")));
            };
            row("downsample.0.*", "branch1.*");
            row("downsample.1.*", "branch1_bn.*");
            for (number, letter) in LETTERS {
                row(&format!("conv{number}.*"), &format!("branch2.{letter}.*"));
                row(&format!("bn{number}.*"), &format!("branch2.{letter}_bn.*"));
            }
        }
    }
    table
});

/// `x_temporal/models/slowfast.py` of Sense-X/X-Temporal.
pub(super) static X_TEMPORAL_SLOWFAST: LazyLock<Table> = LazyLock::new(|| {
    let mut table = rows(&[("fc.*", "fc.*"), ("lateral0.conv.*", "lateral_p1.*")]);
    for stage in 1..4 {
        table.push((format!("lateral{stage}.conv.*"), format!("lateral_res{}.*", stage + 1)));
    }
    for path in ["slow", "fast"] {
        table.push((format!("{path}.conv1.*"), format!("{path}_conv1.*")));
        table.push((format!("{path}.bn1.*"), format!("{path}_bn1.*")));
        for stage in 1..5 {
            for layer in ["conv#.*", "bn#.*", "downsample.#.*"] {
                let common = format!("{path}.layer{stage}.#.{layer}");
                table.push((common, format!("{path}_res{}.#.{layer}", stage + 1)));
            }
        }
    }
    table
});

/// torchvision's ResNet, whose names are the common ones, and its MobileNetV2; the common names of
/// the latter are those of mit-han-lab/temporal-shift-module `archs/mobilenet_v2.py`.
pub(super) static TORCHVISION: LazyLock<Table> = LazyLock::new(|| {
    let mut table: Table = ["conv1.*", "bn1.*", "fc.*"]
        .into_iter()
        .chain(["layer#.#.conv#.*", "layer#.#.bn#.*", "layer#.#.downsample.#.*"])
        .chain(["features.0.#.*", "features.18.#.*"])
        .map(|name| (name.to_owned(), name.to_owned()))
        .collect();
    table.extend(rows(&[("classifier.*", "classifier.1.*")]));
    // The first block does not widen, so it lacks the first of three convolutions.
    for (common, own) in [("0", "0.0"), ("1", "0.1"), ("3", "1"), ("4", "2")] {
        table.push((format!("features.1.conv.{common}.*"), format!("features.1.conv.{own}.*")));
    }
    for (common, own) in
        [("0", "0.0"), ("1", "0.1"), ("3", "1.0"), ("4", "1.1"), ("6", "2"), ("7", "3")]
    {
        table.push((format!("features.#.conv.{common}.*"), format!("features.#.conv.{own}.*")));
    }
    table
});

fn rows(rows: &[(&str, &str)]) -> Table {
    rows.iter().map(|row| (row.0.to_owned(), row.1.to_owned())).collect()
}
