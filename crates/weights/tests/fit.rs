//! Files against networks: what fills them, what is fitted to them, what stays fresh, and what is
//! refused.

mod support;

use std::collections::BTreeMap;

use indexmap::IndexMap;
use timeweave_weights::fit::{FitOptions, Fitted, Params, fit, traits};
use timeweave_weights::keymap::{KeyMap, Source};
use timeweave_weights::{Dtype, RawTensor, StateDict};

const ADAPT: FitOptions =
    FitOptions { source: None, new_classifier: false, adapt: true, keep_counters: false };

/// Values that tell each place of each tensor apart.
fn tensor(shape: &[u64], start: f32) -> RawTensor {
    let count = shape.iter().product::<u64>();
    let values: Vec<f32> = (0..count).map(|at| start + (at % 97) as f32).collect();
    RawTensor::from_f32(shape.to_vec(), &values).expect("as many values as the shape has")
}

fn params(rows: &[(&str, &[u64])]) -> Params {
    rows.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec())).collect()
}

fn file(rows: &[(&str, &[u64])]) -> StateDict {
    let rows = rows.iter().enumerate();
    StateDict::new(
        rows.map(|(at, (name, shape))| ((*name).to_owned(), tensor(shape, at as f32))).collect(),
    )
}

fn values(tensor: &RawTensor) -> Vec<f32> {
    tensor.data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

fn loaded(fitted: &Fitted) -> &Fitted {
    assert_eq!(fitted.objection, None, "{:?}", fitted.report);
    fitted
}

/// The smallest network of residual blocks that has all that matters here.
const TSN: &[(&str, &[u64])] = &[
    ("base_model.conv1.weight", &[4, 3, 3, 3]),
    ("base_model.bn1.running_mean", &[4]),
    ("base_model.layer1.0.conv1.weight", &[4, 4, 1, 1]),
    ("new_fc.weight", &[5, 4]),
    ("new_fc.bias", &[5]),
];
const TSM: &[(&str, &[u64])] = &[
    ("base_model.conv1.weight", &[4, 3, 3, 3]),
    ("base_model.bn1.running_mean", &[4]),
    ("base_model.layer1.0.conv1.net.weight", &[4, 4, 1, 1]),
    ("new_fc.weight", &[5, 4]),
    ("new_fc.bias", &[5]),
];
const TIN: &[(&str, &[u64])] = &[
    ("base_model.conv1.weight", &[4, 3, 3, 3]),
    ("base_model.bn1.running_mean", &[4]),
    ("base_model.layer1.0.conv1.net1.biasnet.net.fc.weight", &[8, 8]),
    ("base_model.layer1.0.conv1.net1.biasnet.net.fc.bias", &[8]),
    ("base_model.layer1.0.conv1.net1.biasnet.net.lastlayer.weight", &[2, 8]),
    ("base_model.layer1.0.conv1.net2.weight", &[4, 4, 1, 1]),
    ("new_fc.weight", &[5, 4]),
    ("new_fc.bias", &[5]),
];

#[test]
fn every_network_fills_itself_from_every_source_bit_for_bit() {
    let (mut networks, mut fits) = (0, 0);
    for (case, network) in support::networks() {
        // Full-size tensors are of no use here: the first axis is cut to one.
        let small = |shape: &[u64]| -> Vec<u64> {
            shape.iter().enumerate().map(|(at, &n)| if at == 0 { 1 } else { n.min(3) }).collect()
        };
        let counter = |name: &str| name.ends_with("num_batches_tracked");
        let rows = network.iter().filter(|(name, _)| !counter(name));
        let params: Params = rows.map(|(name, shape)| (name.clone(), small(shape))).collect();
        let tensors = params.iter().enumerate();
        let own: IndexMap<String, RawTensor> =
            tensors.map(|(at, (name, shape))| (name.clone(), tensor(shape, at as f32))).collect();
        networks += 1;
        for source in Source::ALL {
            let Ok(map) = KeyMap::new(source, params.keys().map(String::as_str)) else { continue };
            if map.iter().count() < params.len() {
                continue;
            }
            let foreign = map.to_foreign(StateDict::new(own.clone())).state;
            // Nobody's torchvision file has kernels with a time axis: there the source is named.
            let named = (source == Source::Torchvision).then_some(source);
            let options = FitOptions { source: named, ..FitOptions::default() };
            let found = fit(&params, foreign, &options).expect(&case);
            assert_eq!(found.objection, None, "{case} of {}", source.id());
            assert!(found.tensors.iter().all(|(name, tensor)| own[name] == *tensor), "{case}");
            assert_eq!(found.report.loaded.len(), params.len(), "{case} of {}", source.id());
            fits += 1;
        }
    }
    assert!(networks > 10 && fits >= networks, "{fits} fits of {networks} networks");
    println!("checked: {networks} networks, filled from {fits} files of their official codes");
}

#[test]
fn a_strict_fit_reports_every_name_once_and_objects_by_name_and_shape() {
    let mut rows = TSN.to_vec();
    rows[0] = ("base_model.conv1.weight", &[4, 3, 5, 5]);
    rows[1] = ("base_model.bn1.surplus", &[4]);
    let fitted = fit(&params(TSN), file(&rows), &FitOptions::default()).expect("known names");
    let text = fitted.objection.as_ref().expect("an objection");
    for part in [
        "1 missing: base_model.bn1.running_mean",
        "1 unexpected: base_model.bn1.surplus",
        "base_model.conv1.weight (expected [4, 3, 3, 3], found [4, 3, 5, 5])",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let report = &fitted.report;
    assert_eq!(report.loaded.len() + report.missing.len() + report.reshaped.len(), TSN.len());
    assert_eq!(fitted.tensors.len(), report.loaded.len());
}

#[test]
fn a_module_is_a_difference_unless_weights_may_be_adapted() {
    for (network, source, looks) in
        [(TSM, TSN, "a 2-D ResNet"), (TSN, TSM, "a TSM"), (TSN, TIN, "a TIN"), (TIN, TSM, "a TSM")]
    {
        let strict = fit(&params(network), file(source), &FitOptions::default()).expect("names");
        assert!(strict.objection.is_some(), "{:?}", strict.report);
        assert!(strict.looks_like.as_ref().is_some_and(|it| it.starts_with(looks)), "{strict:?}");
        let adapted = fit(&params(network), file(source), &ADAPT).expect("known names");
        let report = &loaded(&adapted).report;
        let nets = |names: &[String]| names.iter().filter(|name| name.contains("biasnet")).count();
        assert_eq!(nets(&report.missing), report.missing.len());
        assert_eq!(nets(&report.unexpected), report.unexpected.len());
        assert_eq!(report.initialised.len(), report.missing.len());
        assert!(report.initialised.iter().all(|weight| weight.reason.contains("TIN")));
        // The convolution in the module is the one that stood without it.
        let find = |tensors: &IndexMap<String, RawTensor>| {
            let ends = ["layer1.0.conv1.weight", "layer1.0.conv1.net.weight", "conv1.net2.weight"];
            let found = tensors.iter().find(|(name, _)| ends.iter().any(|end| name.ends_with(end)));
            found.map(|(_, tensor)| tensor.clone()).expect("a convolution")
        };
        assert_eq!(find(&adapted.tensors), find(&file(source).tensors));
    }
}

#[test]
fn an_image_network_starts_a_video_network_of_each_modality() {
    let image: &[(&str, &[u64])] = &[
        ("conv1.weight", &[4, 3, 3, 3]),
        ("bn1.running_mean", &[4]),
        ("bn1.num_batches_tracked", &[]),
        ("layer1.0.conv1.weight", &[4, 4, 1, 1]),
        ("fc.weight", &[1000, 4]),
        ("fc.bias", &[1000]),
    ];
    for channels in [3, 10, 15] {
        let mut network = params(TSM);
        network["base_model.conv1.weight"] = vec![4, channels, 3, 3];
        let strict = fit(&network, file(image), &FitOptions::default()).expect("names");
        assert!(strict.objection.expect("another classifier").contains("new_fc.weight"));
        let fitted = fit(&network, file(image), &ADAPT).expect("names");
        let report = &loaded(&fitted).report;
        assert_eq!(report.source, Some(Source::Torchvision));
        let fresh: Vec<&str> = report.initialised.iter().map(|weight| &*weight.name).collect();
        assert_eq!(fresh, ["new_fc.weight", "new_fc.bias"]);
        assert!(report.unexpected.is_empty() && report.missing.is_empty(), "{report:?}");
        let stem = &fitted.tensors["base_model.conv1.weight"];
        assert_eq!(stem.shape, [4, channels, 3, 3]);
        if channels > 3 {
            let weight = report.reshaped.iter().find(|weight| weight.name.contains("conv1"));
            assert!(weight.expect("the stem").reason.contains("mean over RGB"));
            // Mean of 0, 9 and 18 for the first filter's first place, in every channel.
            let kernels = values(stem);
            let first: Vec<f32> =
                kernels.chunks(9).take(channels as usize).map(|kernel| kernel[0]).collect();
            assert_eq!(first, vec![9.0; channels as usize]);
        }
    }
}

#[test]
fn flat_kernels_are_inflated_and_widened_for_the_slow_path() {
    let image: &[(&str, &[u64])] = &[
        ("conv1.weight", &[2, 3, 7, 7]),
        ("layer1.0.conv1.weight", &[2, 2, 1, 1]),
        ("layer3.0.conv1.weight", &[2, 2, 1, 1]),
        ("fc.weight", &[1000, 2]),
    ];
    let network = params(&[
        ("slow_conv1.weight", &[2, 3, 1, 7, 7]),
        ("fast_conv1.weight", &[1, 3, 5, 7, 7]),
        ("lateral_p1.weight", &[2, 1, 5, 1, 1]),
        ("slow_res2.0.conv1.weight", &[2, 4, 1, 1, 1]),
        ("slow_res4.0.conv1.weight", &[2, 2, 3, 1, 1]),
        ("fc.weight", &[5, 3]),
    ]);
    let fitted = fit(&network, file(image), &ADAPT).expect("known names");
    let report = &loaded(&fitted).report;
    let fresh: Vec<&str> = report.initialised.iter().map(|weight| &*weight.name).collect();
    assert_eq!(fresh, ["fast_conv1.weight", "lateral_p1.weight", "fc.weight"]);
    assert_eq!(
        values(&fitted.tensors["slow_res2.0.conv1.weight"]),
        [1., 2., 0., 0., 3., 4., 0., 0.]
    );
    let third = [2., 3., 4., 5.].map(|value: f32| [value / 3.0; 3]).concat();
    assert_eq!(values(&fitted.tensors["slow_res4.0.conv1.weight"]), third);
    let reasons: Vec<&str> = report.reshaped.iter().map(|weight| &*weight.reason).collect();
    assert!(reasons[1].contains("zeros for the 2 channels"), "{reasons:?}");
    assert!(reasons[2].contains("divided by 3"), "{reasons:?}");
}

#[test]
fn networks_that_share_the_names_of_an_image_network_start_from_it_too() {
    let image: &[(&str, &[u64])] = &[
        ("conv1.weight", &[2, 3, 7, 7]),
        ("layer1.0.conv1.weight", &[2, 2, 3, 3]),
        ("fc.weight", &[1000, 2]),
        ("fc.bias", &[1000]),
    ];
    let resnet_3d: &[(&str, &[u64])] = &[
        ("conv1.weight", &[2, 3, 7, 7, 7]),
        ("layer1.0.conv1.weight", &[2, 2, 3, 3, 3]),
        ("fc.weight", &[5, 2]),
        ("fc.bias", &[5]),
    ];
    let tam_resnet: &[(&str, &[u64])] = &[
        ("conv1.weight", &[2, 3, 7, 7]),
        ("layer1.0.conv1.weight", &[2, 2, 3, 3]),
        ("layer1.0.tam.prev_se.fc1.weight", &[2, 1, 1, 1]),
        ("fc.weight", &[5, 2]),
        ("fc.bias", &[5]),
    ];
    for (network, fresh, reshaped) in [(resnet_3d, 2, 4), (tam_resnet, 3, 2)] {
        let fitted = fit(&params(network), file(image), &ADAPT).expect("names");
        let report = &loaded(&fitted).report;
        assert_eq!(report.source, Some(Source::Torchvision));
        assert_eq!((report.initialised.len(), report.reshaped.len()), (fresh, reshaped));
        let strict = fit(&params(network), file(image), &FitOptions::default()).expect("names");
        assert!(strict.objection.is_some());
    }
}

#[test]
fn layers_of_frames_are_resized_and_said_to_be() {
    let more: Vec<(String, Vec<u64>)> = TIN
        .iter()
        .map(|(name, shape)| {
            let is_net = name.contains("biasnet");
            let shape = shape.iter().map(|&n| if is_net && n == 8 { 16 } else { n }).collect();
            ((*name).to_owned(), shape)
        })
        .collect();
    let more: Params = more.into_iter().collect();
    assert!(fit(&more, file(TIN), &FitOptions::default()).expect("names").objection.is_some());
    let fitted = fit(&more, file(TIN), &ADAPT).expect("known names");
    let report = &loaded(&fitted).report;
    assert_eq!(report.reshaped.len(), 3);
    for weight in &report.reshaped {
        assert_eq!(weight.reason, "resized from 8 frames to 16", "{}", weight.name);
        assert_eq!(fitted.tensors[&weight.name].shape, weight.expected);
    }
}

#[test]
fn a_classifier_is_replaced_whole_and_only_when_asked_for() {
    let mut network = params(TSN);
    network["new_fc.weight"] = vec![5, 8];
    let strict = fit(&network, file(TSN), &FitOptions::default()).expect("names");
    let text = strict.objection.expect("another classifier");
    assert!(text.contains("new_fc.weight") && text.contains("newClassifier"), "{text}");
    let options = FitOptions { new_classifier: true, ..FitOptions::default() };
    let fitted = fit(&network, file(TSN), &options).expect("names");
    // The bias would fit, but belongs to the weight.
    assert_eq!(loaded(&fitted).report.initialised.len(), 2);
    assert!(!fitted.tensors.contains_key("new_fc.bias"));
    // A file without a classifier is a trunk, and fits; one with half of it does not.
    let trunk = fit(&params(TSN), file(&TSN[..3]), &FitOptions::default()).expect("names");
    assert_eq!(loaded(&trunk).report.missing, ["new_fc.weight", "new_fc.bias"]);
    let half = fit(&params(TSN), file(&TSN[..4]), &FitOptions::default()).expect("names");
    assert!(half.objection.is_some());
    // Without dropout the classifier has another name in the official code.
    let mut bare = TSN.to_vec();
    bare[3].0 = "base_model.fc.weight";
    bare[4].0 = "base_model.fc.bias";
    let renamed = fit(&params(TSN), file(&bare), &FitOptions::default()).expect("names");
    assert_eq!(loaded(&renamed).report.loaded.len(), TSN.len());
}

#[test]
fn a_damaged_or_deeper_network_is_not_adapted() {
    // One of two modules is missing; a stage too many.
    let network = params(&[
        ("baseline_model.conv1.weight", &[1, 3, 1, 1]),
        ("baseline_model.tam.prev.weight", &[1, 1, 1, 1]),
        ("baseline_model.layer1.tam.prev.weight", &[1, 1, 1, 1]),
    ]);
    let damaged = file(&[
        ("baseline_model.conv1.weight", &[1, 3, 1, 1]),
        ("baseline_model.tam.prev.weight", &[1, 1, 1, 1]),
    ]);
    assert!(fit(&network, damaged, &ADAPT).expect("names").objection.is_some());
    let mut deeper = TSN.to_vec();
    deeper.push(("base_model.layer1.1.conv1.weight", &[4, 4, 1, 1]));
    let text = fit(&params(TSN), file(&deeper), &ADAPT).expect("names").objection;
    assert!(text.expect("a block too many").contains("base_model.layer1.1.conv1.weight"));
    // But a network without any TAM starts one with it.
    let without = file(&[("baseline_model.conv1.weight", &[1, 3, 1, 1])]);
    let fitted = fit(&network, without, &ADAPT).expect("names");
    assert_eq!(loaded(&fitted).report.initialised.len(), 2);
}

#[test]
fn names_of_nobody_and_whole_numbers_are_refused() {
    let unknown = file(&[("encoder.0.weight", &[2, 2])]);
    let error = fit(&params(TSN), unknown, &FitOptions::default()).expect_err("unknown names");
    assert_eq!(error.code(), "CHECKPOINT_NAMES_UNKNOWN");
    let options = FitOptions { source: Some(Source::PySlowFast), ..FitOptions::default() };
    let error = fit(&params(TSN), file(TSN), &options).expect_err("no SlowFast");
    assert_eq!(error.code(), "CHECKPOINT_NAMES_UNKNOWN");
    let mut whole = file(TSN);
    let numbers = RawTensor::new(Dtype::I32, vec![5], vec![0; 20]).expect("five numbers");
    whole.tensors.insert("new_fc.bias".into(), numbers);
    let error = fit(&params(TSN), whole, &FitOptions::default()).expect_err("whole numbers");
    assert_eq!(error.code(), "DTYPE_MISMATCH");
    assert!(error.to_string().contains("new_fc.bias"), "{error}");
}

#[test]
fn counters_are_kept_only_for_those_who_want_them() {
    let mut with = file(&[
        ("backbone.conv1.conv.weight", &[4, 3, 3, 3]),
        ("backbone.conv1.bn.running_mean", &[4]),
        ("backbone.layer1.0.conv1.conv.weight", &[4, 4, 1, 1]),
        ("cls_head.fc_cls.weight", &[5, 4]),
        ("cls_head.fc_cls.bias", &[5]),
    ]);
    let counter = RawTensor::new(Dtype::I64, vec![], 7_u64.to_le_bytes().to_vec()).expect("7");
    with.tensors.insert("backbone.conv1.bn.num_batches_tracked".into(), counter.clone());
    let dropped = fit(&params(TSN), with.clone(), &FitOptions::default()).expect("names");
    assert_eq!(loaded(&dropped).tensors.len(), TSN.len());
    let options = FitOptions { keep_counters: true, ..FitOptions::default() };
    let kept = fit(&params(TSN), with, &options).expect("names");
    assert_eq!(loaded(&kept).tensors["base_model.bn1.num_batches_tracked"], counter);
    assert_eq!(kept.report.loaded.len(), TSN.len());
}

#[test]
fn the_traits_of_every_network_of_the_fixtures_are_found() {
    let depths = [
        ("_r18_", "18"),
        ("_r50_", "50"),
        ("_r50c_", "50c"),
        ("_r50d_", "50d"),
        ("_r101_", "101"),
        ("resnet18_", "18"),
        ("resnet50_", "50"),
        ("slowfast50_", "50"),
        ("slowfast101_", "101"),
        ("slowonly50_", "50"),
        ("tam50_", "50"),
        ("tam101_", "101"),
        ("tam152_", "152"),
        ("blvnet50_", "50"),
        ("resnet3d18_", "18"),
        ("resnet3d50_", "50"),
        ("resnet3d101_", "101"),
        ("r2plus1d18_", "18"),
        ("r2plus1d34_", "34"),
        ("r2plus1d50_", "50"),
        ("mobilenetv2_", "mobilenet-v2"),
    ];
    let mut found = BTreeMap::new();
    for (case, network) in support::networks() {
        let empty =
            |shape: &Vec<u64>| RawTensor { dtype: Dtype::F32, shape: shape.clone(), data: vec![] };
        let rows = network.iter().map(|(name, shape)| (name.clone(), empty(shape)));
        let traits = traits(&StateDict::new(rows.collect()));
        let depth = depths.iter().find(|(part, _)| case.contains(part)).map(|row| row.1);
        assert_eq!(traits.depth, depth, "{case}");
        assert_eq!(traits.classes, Some(10), "{case}");
        let frames = case.starts_with("tin_").then(|| if case.contains("_16_") { 16 } else { 8 });
        assert_eq!(traits.frames, frames, "{case}");
        let channels = match traits.channels {
            _ if case.contains("_flow_") => Some(10),
            _ if case.contains("_rgbdiff_") => Some(15),
            channels => channels.map(|_| 3),
        };
        assert_eq!(traits.channels, channels, "{case}");
        found.insert(case, traits.source);
    }
    assert!(found.len() > 10 && found.values().all(Option::is_some), "{found:?}");
    println!("checked: the traits of {} networks", found.len());
}
