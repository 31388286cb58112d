//! Names go to every source that has the network and come back; where the fixtures hold both
//! spellings of one network, the names and shapes are those of the official code.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use timeweave_weights::keymap::{KeyMap, Source, detect};
use timeweave_weights::{Dtype, RawTensor, StateDict};

type Shapes = BTreeMap<String, Vec<u64>>;

fn names(network: &[(String, Vec<u64>)]) -> impl Iterator<Item = &str> {
    network.iter().map(|row| row.0.as_str())
}

/// A network's list of names and shapes as a state dict; key maps never look at the numbers.
fn state<'a>(rows: impl IntoIterator<Item = (&'a str, Vec<u64>)>) -> StateDict {
    let tensor = |shape| RawTensor { dtype: Dtype::F32, shape, data: Vec::new() };
    StateDict::new(rows.into_iter().map(|(name, shape)| (name.into(), tensor(shape))).collect())
}

fn shapes(state: &StateDict) -> Shapes {
    state.iter().map(|(name, tensor)| (name.clone(), tensor.shape.clone())).collect()
}

#[test]
fn names_of_every_network_come_back_from_every_source() {
    let (mut networks, mut maps, mut rows) = (0, 0, 0);
    let mut used = BTreeSet::new();
    for (case, network) in support::networks() {
        // The image network is a source of weights, not one of ours.
        if case == "blresnet50_image" {
            continue;
        }
        networks += 1;
        for source in Source::ALL {
            let Ok(map) = KeyMap::new(source, names(&network)) else { continue };
            let label = format!("{case} and {}", source.id());
            let foreign: BTreeSet<&str> = map.iter().map(|row| row.1).collect();
            assert_eq!(foreign.len(), map.iter().count(), "{label}: two names became one");
            assert!(!foreign.is_empty(), "{label}: nothing has a name there");
            for (native, foreign) in map.iter() {
                assert_eq!(map.native(foreign), Some(native), "{label}: {foreign}");
            }
            let own = state(network.iter().map(|row| (row.0.as_str(), row.1.clone())));
            let there = map.to_foreign(own.clone());
            let back = map.to_native(there.state);
            assert!(back.unexpected.is_empty(), "{label}: {:?}", back.unexpected);
            assert_eq!(back.state.len() + there.unexpected.len(), own.len(), "{label}");
            for (name, tensor) in &back.state {
                assert_eq!(own.get(name), Some(tensor), "{label}: {name}");
            }
            used.insert(source.id());
            maps += 1;
            rows += map.iter().count();
        }
    }
    assert!(networks > 10 && used.len() >= 6, "{networks} networks, {used:?}");
    println!("checked: {maps} key maps of {networks} networks, {rows} names there and back");
}

/// The network of a case as a source names it must be what the official code of the source has.
fn assert_official(native: &str, source: Source, official: &str, missing: &[&str]) -> bool {
    let networks: BTreeMap<_, _> = support::networks().into_iter().collect();
    let (Some(own), Some(official)) = (networks.get(native), networks.get(official)) else {
        return false;
    };
    let map = KeyMap::new(source, names(own)).expect("a network of the source");
    let foreign = map.to_foreign(state(own.iter().map(|row| (row.0.as_str(), row.1.clone()))));
    let absent = |name: &str| missing.iter().any(|part| name.contains(part));
    let expected: Shapes = official.iter().filter(|row| !absent(&row.0)).cloned().collect();
    let mut found = shapes(&foreign.state);
    found.retain(|name, _| !absent(name));
    assert_eq!(found, expected, "{native} for {}", source.id());
    true
}

#[test]
fn the_names_are_those_of_the_official_code_where_both_spellings_are_known() {
    let cases: [(&str, Source, &str, &[&str]); 8] = [
        ("slowonly50_8_mmaction2", Source::Pytorchvideo, "slowonly50_8_pytorchvideo", &[]),
        ("slowonly50_8_pytorchvideo", Source::Mmaction2, "slowonly50_8_mmaction2", &[]),
        // FAIR has a batch norm behind the laterals and another order of features.
        (
            "slowfast50_8x8_mmaction2",
            Source::Pytorchvideo,
            "slowfast50_8x8_pytorchvideo",
            &["fusion.norm", "blocks.6"],
        ),
        (
            "slowfast50_8x8_pytorchvideo",
            Source::Mmaction2,
            "slowfast50_8x8_mmaction2",
            &["lateral.bn", "cls_head"],
        ),
        // X-Temporal's laterals are shorter than those of the 8x8 network: 5 frames, not 7.
        ("slowfast50_32_xtemporal", Source::Mmaction2, "slowfast50_4x16_mmaction2", &["cls_head"]),
        ("blvnet50_f8x2_no_tam", Source::BigLittleNet, "blresnet50_image", &[]),
        ("tin_r50_8_xtemporal", Source::Tin, "tin_r50_8_deepcs233", &[]),
        ("tsm_r50_8_xtemporal", Source::Tsm, "tsm_r50_8_mithan", &[]),
    ];
    let found = cases
        .into_iter()
        .filter(|&(native, source, official, missing)| {
            assert_official(native, source, official, missing)
        })
        .count();
    println!("checked: {found} networks in two official spellings");
}

/// Native names and those of the official code, both without their last word `weight`.
type Rows = &'static [(&'static str, &'static str)];

const OFFICIAL: &[(Source, Rows)] = &[
    (
        Source::Mmaction2,
        &[
            ("base_model.conv1", "backbone.conv1.conv"),
            ("base_model.bn1", "backbone.conv1.bn"),
            ("base_model.layer1.0.conv1.net", "backbone.layer1.0.conv1.conv.net"),
            ("base_model.layer1.0.bn1", "backbone.layer1.0.conv1.bn"),
            ("base_model.layer1.0.downsample.1", "backbone.layer1.0.downsample.bn"),
            ("base_model.layer2.0.block.conv1.net", "backbone.layer2.0.block.conv1.conv.net"),
            ("base_model.layer2.0.nl.g.0", "backbone.layer2.0.non_local_block.g.0.conv"),
            ("base_model.layer2.0.nl.W.1", "backbone.layer2.0.non_local_block.conv_out.bn"),
            (
                "base_model.layer3.1.conv1.net1.biasnet.net.lastlayer",
                "backbone.layer3.1.conv1.conv.net1.offset_net.fc2",
            ),
            (
                "base_model.layer3.1.conv1.net1.weightnet.net.lastlayer",
                "backbone.layer3.1.conv1.conv.net1.weight_net.conv",
            ),
            ("base_model.layer3.1.conv1.net2", "backbone.layer3.1.conv1.conv.net2"),
            ("base_model.layer4.2.net.conv3", "backbone.layer4.2.net.conv3.conv"),
            ("new_fc", "cls_head.fc_cls"),
        ],
    ),
    (
        Source::Mmaction2,
        &[
            ("conv1.spatial_conv", "backbone.conv1.conv.conv_s"),
            ("conv1.bn", "backbone.conv1.conv.bn_s"),
            ("bn1", "backbone.conv1.bn"),
            ("layer1.0.conv2.temporal_conv", "backbone.layer1.0.conv2.conv.conv_t"),
            ("layer1.0.conv2.bn", "backbone.layer1.0.conv2.conv.bn_s"),
            ("layer2.0.downsample.0.bn", "backbone.layer2.0.downsample.conv.bn_s"),
            ("fc", "cls_head.fc_cls"),
        ],
    ),
    (
        Source::PySlowFast,
        &[
            ("blocks.0.multipathway_blocks.1.norm", "s1.pathway1_stem.bn"),
            ("blocks.0.multipathway_fusion.conv_fast_to_slow", "s1_fuse.conv_f2s"),
            ("blocks.3.multipathway_fusion.norm", "s4_fuse.bn"),
            (
                "blocks.1.multipathway_blocks.0.res_blocks.2.branch2.conv_a",
                "s2.pathway0_res2.branch2.a",
            ),
            (
                "blocks.4.multipathway_blocks.1.res_blocks.0.branch1_norm",
                "s5.pathway1_res0.branch1_bn",
            ),
            ("blocks.6.proj", "head.projection"),
        ],
    ),
    (
        Source::PySlowFast,
        &[
            ("blocks.0.conv", "s1.pathway0_stem.conv"),
            ("blocks.2.res_blocks.3.branch2.norm_c", "s3.pathway0_res3.branch2.c_bn"),
            ("blocks.5.proj", "head.projection"),
        ],
    ),
    (
        Source::Torchvision,
        &[
            ("base_model.conv1", "conv1"),
            ("base_model.layer1.0.conv1.net2", "layer1.0.conv1"),
            ("base_model.layer2.0.block.conv1.net", "layer2.0.conv1"),
            ("base_model.layer1.0.downsample.0", "layer1.0.downsample.0"),
            ("base_model.fc", "fc"),
        ],
    ),
    (
        Source::Torchvision,
        &[
            ("base_model.features.0.1", "features.0.1"),
            ("base_model.features.1.conv.3", "features.1.conv.1"),
            ("base_model.features.3.conv.0.net", "features.3.conv.0.0"),
            ("base_model.features.3.conv.7", "features.3.conv.3"),
            ("new_fc", "classifier.1"),
        ],
    ),
    (
        Source::Torchvision,
        &[("slow_conv1", "conv1"), ("slow_res2.1.bn3", "layer1.1.bn3"), ("fc", "fc")],
    ),
];

#[test]
fn single_names_are_those_of_the_official_code() {
    let weights = |stem: &str| format!("{stem}.weight");
    for &(source, rows) in OFFICIAL {
        let natives: Vec<String> = rows.iter().map(|row| weights(row.0)).collect();
        let map = KeyMap::new(source, natives.iter().map(String::as_str)).expect("a network");
        for (native, row) in natives.iter().zip(rows) {
            let foreign = weights(row.1);
            assert_eq!(map.foreign(native), Some(foreign.as_str()), "{native}");
            assert_eq!(map.native(&foreign), Some(native.as_str()), "{foreign}");
        }
    }
}

#[test]
fn weights_without_temporal_modules_find_their_places_in_networks_with_them() {
    let tsm = ["base_model.layer1.0.conv1.net.weight", "new_fc.weight"];
    let map = KeyMap::new(Source::XTemporal, tsm).expect("a network");
    assert_eq!(map.native("base_model.layer1.0.conv1.weight"), Some(tsm[0]));
    assert_eq!(map.native("base_model.layer1.0.conv1.net2.weight"), Some(tsm[0]));
    assert_eq!(map.native("base_model.fc.weight"), Some(tsm[1]));
    assert_eq!(map.native("base_model.layer1.0.conv2.weight"), None);
    let map = KeyMap::new(Source::Mmaction2, tsm).expect("a network");
    assert_eq!(map.native("backbone.layer1.0.conv1.conv.weight"), Some(tsm[0]));
    // An exact name keeps its place, whatever else stands for the same layer.
    let both = state([
        ("backbone.layer1.0.conv1.conv.weight", vec![1]),
        ("backbone.layer1.0.conv1.conv.net.weight", vec![2]),
    ]);
    let renamed = map.to_native(both);
    assert_eq!(renamed.state.get(tsm[0]).map(|tensor| tensor.shape.clone()), Some(vec![2]));
    assert_eq!(renamed.unexpected, ["backbone.layer1.0.conv1.conv.weight"]);
}

#[test]
fn classifiers_do_not_cross_between_the_variants_of_slowfast() {
    let mmaction2 = [
        "backbone.slow_path.conv1.conv.weight",
        "backbone.fast_path.conv1.conv.weight",
        "cls_head.fc_cls.weight",
    ];
    let map = KeyMap::new(Source::Pytorchvideo, mmaction2).expect("a network");
    assert_eq!(map.foreign(mmaction2[1]), Some("blocks.0.multipathway_blocks.1.conv.weight"));
    assert_eq!(map.foreign(mmaction2[2]), None);
    assert_eq!(map.native("blocks.6.proj.weight"), None);
    let same = KeyMap::new(Source::Mmaction2, mmaction2).expect("a network");
    assert_eq!(same.native(mmaction2[2]), Some(mmaction2[2]));
}

#[test]
fn a_network_that_the_source_does_not_have_is_refused() {
    for (source, native) in [
        (Source::Pytorchvideo, "base_model.conv1.weight"),
        (Source::BlvnetTam, "base_model.conv1.weight"),
        (Source::Torchvision, "baseline_model.conv1.weight"),
        (Source::Mmaction2, "base_model.conv1.0.weight"),
        (Source::ActionRecognition, "conv1.spatial_conv.weight"),
        (Source::Torchvision, "transformer.weight"),
    ] {
        let error = KeyMap::new(source, [native]).expect_err(native);
        assert_eq!(error.code(), "CHECKPOINT_NAMES_UNKNOWN", "{error}");
        assert!(error.to_string().contains(native), "{error}");
    }
}

#[test]
fn the_source_of_a_file_is_found_in_its_names() {
    let kernel = |axes: usize| vec![3; axes];
    for (source, names) in [
        (Source::BlvnetTam, &[("baseline_model.conv1.weight", 4)][..]),
        (Source::BigLittleNet, &[("conv1.weight", 4), ("layer1.little_e.0.weight", 4)]),
        (Source::ActionRecognition, &[("conv1.weight", 4), ("layer1.0.tam.prev_se.fc1.weight", 4)]),
        (Source::XTemporal, &[("base_model.layer1.0.conv1.weight", 4)]),
        (Source::Tsm, &[("base_model.layer1.0.conv1.net.weight", 4)]),
        (Source::Tin, &[("base_model.layer1.0.conv1.net1.biasnet.net.fc.weight", 2)]),
        (Source::XTemporal, &[("slow_conv1.weight", 5)]),
        (Source::XTemporal, &[("conv1.weight", 5), ("layer1.0.conv1.weight", 5)]),
        (Source::Torchvision, &[("conv1.weight", 4), ("layer1.0.conv1.weight", 4)]),
        (Source::Torchvision, &[("features.1.conv.0.0.weight", 4)]),
        (Source::Mmaction2, &[("backbone.conv1.conv.weight", 4)]),
        (Source::Pytorchvideo, &[("blocks.1.res_blocks.0.branch1_conv.weight", 5)]),
        (Source::PySlowFast, &[("s1.pathway0_stem.conv.weight", 5)]),
    ] {
        let file = state(names.iter().map(|&(name, axes)| (name, kernel(axes))));
        assert_eq!(detect(&file).ok(), Some(source), "{names:?}");
    }
    let unknown = detect(&state([("encoder.0.weight", kernel(2))])).expect_err("unknown names");
    assert!(unknown.to_string().contains("encoder.0.weight"), "{unknown}");
    assert!(detect(&StateDict::new(IndexMap::new())).is_err());
    for source in Source::ALL {
        assert_eq!(Source::from_id(source.id()), Some(source));
    }
}

#[test]
fn the_source_of_every_network_of_the_fixtures_is_found() {
    let mut found = 0;
    for (case, network) in support::networks() {
        let file = state(network.iter().map(|row| (row.0.as_str(), row.1.clone())));
        let source = detect(&file).expect(&case);
        let fits = match source {
            Source::BigLittleNet => case == "blresnet50_image",
            Source::BlvnetTam => case.starts_with("blvnet"),
            Source::ActionRecognition => case.starts_with("tam_resnet"),
            Source::Tin => case.starts_with("tin_"),
            Source::Tsm => case.starts_with("tsm_"),
            Source::Mmaction2 => case.ends_with("_mmaction2"),
            Source::Pytorchvideo => case.ends_with("_pytorchvideo"),
            // Shortcut A is our name for a case of X-Temporal's ResNet-3D.
            Source::XTemporal => case.contains("xtemporal") || case.contains("shortcut_a"),
            Source::Torchvision | Source::PySlowFast => false,
        };
        assert!(fits, "{case}: {}", source.id());
        found += 1;
    }
    println!("checked: the source of {found} networks");
}
