//! Networks that no reference case covers, against compositions written from the published
//! descriptions alone: plain tensor calls on the weights looked up by name, in float64. A
//! composition states the shape of every weight and must use all of them.

#[path = "independent/big_little.rs"]
mod big_little;
#[path = "independent/frames.rs"]
mod frames;
#[path = "independent/mobile.rs"]
mod mobile;
#[path = "independent/pathways.rs"]
mod pathways;
#[path = "independent/volumes.rs"]
mod volumes;
#[path = "independent/weights.rs"]
mod weights;

use big_little::BigLittle;
use frames::{FrameNetwork, Mixing};
use mobile::Mobile;
use pathways::{Paths, SlowFast, Variant};
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};
use timeweave_models::{Model, ModelSpec, recipe};
use volumes::{Family, VolumeNetwork};
use weights::Weights;

const CLASSES: i64 = 5;
const SEED: u64 = 3;

/// Allowed difference of logits in float64, relative to the largest.
const TOLERANCE: f64 = 1e-9;

type Compose = Box<dyn Fn(&Weights, &Tensor) -> Tensor>;

/// A network by its description, the height and width of its clip, and its composition.
struct Case {
    description: Value,
    size: [i64; 2],
    compose: Compose,
}

fn case(
    description: Value,
    size: [i64; 2],
    compose: impl Fn(&Weights, &Tensor) -> Tensor + 'static,
) -> Case {
    Case { description, size, compose: Box::new(compose) }
}

#[test]
fn networks_without_a_reference_case_match_their_descriptions() {
    let _guard = tch::no_grad_guard();
    let cases: Vec<Case> = volumes()
        .into_iter()
        .chain(pathways())
        .chain(shifts())
        .chain(interlaced_and_plain())
        .chain(others())
        .collect();
    cases.iter().for_each(check);
    println!("checked: {} networks against independent compositions", cases.len());
}

fn check(case: &Case) {
    let mut description = case.description.clone();
    description["numClasses"] = json!(CLASSES);
    let spec: ModelSpec = serde_json::from_value(description).expect("a spec");
    spec.validate().expect("a possible spec");
    let mut model = Model::new(spec, Device::Cpu, None).expect("a network");
    recipe::fill(&model.vs, SEED).expect("the recipe's weights");
    model.vs.double();
    let frames = case.description["numFrames"].as_i64().expect("a number of frames");
    let shape = [2, frames, 3, case.size[0], case.size[1]];
    let clip =
        recipe::clip(SEED, "input.independent", shape).expect("a clip").to_kind(Kind::Double);

    let weights = Weights::new(model.vs.variables());
    let expected = (case.compose)(&weights, &clip);
    let actual = model.network.forward(&clip, false).expect("logits");
    let what = &case.description;
    assert_eq!(weights.unused(), [""; 0], "{what}: weights that the description does not have");
    assert_eq!(actual.size(), expected.size(), "{what}: the shape of the logits");
    let largest = |x: &Tensor| x.abs().max().double_value(&[]);
    let error = largest(&(&actual - &expected)) / largest(&expected);
    println!("{what}: {error:.1e}");
    let spread = largest(&(expected.get(0) - expected.get(1))) / largest(&expected);
    assert!(spread > 1e-3, "{what}: both clips have the same logits");
    assert!(error <= TOLERANCE, "{what}: off by {error:.1e} of the largest logit");
}

/// The consensus of the frames.
fn mean(frame_logits: &Tensor) -> Tensor {
    frame_logits.mean_dim([1i64].as_slice(), false, Kind::Double)
}

fn volumes() -> Vec<Case> {
    let network = |mut description: Value, family: Family, frames: i64| {
        description["numFrames"] = json!(frames);
        let depth = description["depth"].as_i64().expect("a depth");
        let (zero_pad, tam) =
            (description["shortcut"] == "A", description["temporalModule"] == "tam");
        case(description, [48, 40], move |weights, clip| {
            VolumeNetwork { weights, depth, family, zero_pad, tam }.logits(clip, CLASSES)
        })
    };
    let r3d = |depth: i64, shortcut: &str, module: &str, frames: i64| {
        let description = json!({
            "arch": "r3d", "depth": depth, "shortcut": shortcut, "temporalModule": module,
        });
        network(description, Family::Resnet3d, frames)
    };
    let r2plus1d = |depth: i64, max_pool: bool, module: &str, frames: i64| {
        let description = json!({
            "arch": "r2plus1d", "depth": depth, "maxPool": max_pool, "temporalModule": module,
        });
        network(description, Family::R2plus1d { max_pool }, frames)
    };
    vec![
        r2plus1d(10, false, "tam", 5),
        r2plus1d(10, true, "tam", 4),
        r2plus1d(50, true, "tam", 4),
        r3d(34, "B", "tam", 8),
        r3d(50, "A", "none", 7),
        r3d(10, "A", "tam", 8),
    ]
}

/// The settings of SlowFast or of one of its pathways, and the name of its classifier.
#[derive(Clone, Copy)]
struct Pathways {
    arch: &'static str,
    variant: &'static str,
    depth: i64,
    frames: i64,
    alpha: i64,
    beta_inverse: i64,
    fusion_kernel: i64,
    head: &'static str,
}

fn pathways() -> Vec<Case> {
    let whole = Pathways {
        arch: "slowfast",
        variant: "x-temporal",
        depth: 101,
        frames: 6,
        alpha: 4,
        beta_inverse: 8,
        fusion_kernel: 5,
        head: "fc",
    };
    let (xt, fair, mm) = ("x-temporal", "fair", "mmaction2");
    let (proj, fc_cls) = ("blocks.6.proj", "cls_head.fc_cls");
    let alone = |arch, variant, head| Pathways { arch, variant, head, depth: 50, ..whole };
    let settings = [
        alone("slow-only", xt, "fc"),
        alone("fast-only", xt, "fc"),
        alone("fast-only", fair, proj),
        alone("fast-only", mm, fc_cls),
        Pathways { variant: fair, depth: 50, frames: 24, alpha: 8, head: proj, ..whole },
        Pathways { variant: fair, depth: 50, frames: 8, fusion_kernel: 7, head: proj, ..whole },
        Pathways { variant: mm, depth: 50, alpha: 2, beta_inverse: 4, head: fc_cls, ..whole },
        Pathways { frames: 5, depth: 200, ..whole },
        whole,
    ];
    settings.into_iter().map(pathway_case).collect()
}

fn pathway_case(how: Pathways) -> Case {
    let mut description = json!({
        "arch": how.arch, "variant": how.variant, "depth": how.depth, "numFrames": how.frames,
    });
    if how.arch == "slowfast" {
        description["alpha"] = json!(how.alpha);
        description["betaInverse"] = json!(how.beta_inverse);
    }
    let variant = match how.variant {
        "x-temporal" => Variant::XTemporal,
        "fair" => Variant::Fair,
        _ => Variant::Mmaction2,
    };
    let paths = match how.arch {
        "slowfast" => Paths::Both,
        "slow-only" => Paths::Slow,
        _ => Paths::Fast,
    };
    case(description, [48, 40], move |weights, clip| {
        let Pathways { depth, alpha, beta_inverse, fusion_kernel, head, .. } = how;
        let network =
            SlowFast { weights, variant, paths, depth, alpha, beta_inverse, fusion_kernel, head };
        network.logits(clip, CLASSES)
    })
}

/// A network over the frames of a ResNet.
fn over_frames(description: Value, mixing: fn() -> Mixing) -> Case {
    let depth = description["depth"].as_i64().expect("a depth");
    let ibm = description["arch"] == "tam-resnet";
    let non_local = description["nonLocal"] == true;
    let identity = description["consensus"] == "identity";
    let (prefix, head) = if ibm { ("", "fc") } else { ("base_model.", "new_fc") };
    case(description, [56, 64], move |weights, clip| {
        let mixing = mixing();
        let network = FrameNetwork { weights, prefix, head, depth, mixing, non_local };
        let logits = network.frame_logits(clip, CLASSES);
        if identity { logits } else { mean(&logits) }
    })
}

fn shifts() -> Vec<Case> {
    let tsm = |settings: Value, mixing: fn() -> Mixing| {
        let mut description = settings;
        description["arch"] = json!("tsm");
        over_frames(description, mixing)
    };
    vec![
        tsm(json!({ "depth": 18, "numFrames": 5, "online": true }), || Mixing::PastShift {
            div: 8,
        }),
        tsm(json!({ "depth": 34, "numFrames": 4, "shiftPlace": "two-path" }), || Mixing::TwoPath {
            div: 8,
        }),
        tsm(json!({ "depth": 34, "numFrames": 3, "shiftPlace": "block" }), || Mixing::Block {
            div: 8,
        }),
        tsm(json!({ "depth": 34, "numFrames": 3, "nRound": 2 }), || Mixing::Shift {
            div: 8,
            round: 2,
        }),
        tsm(json!({ "depth": 101, "numFrames": 3, "shiftDiv": 4 }), || Mixing::Shift {
            div: 4,
            round: 2,
        }),
    ]
}

fn interlaced_and_plain() -> Vec<Case> {
    vec![
        over_frames(
            json!({ "arch": "tin", "depth": 34, "numFrames": 6, "offsetScale": "frames" }),
            || Mixing::Interlace { div: 4, scale: 6.0 },
        ),
        over_frames(json!({ "arch": "tin", "depth": 18, "numFrames": 5, "shiftDiv": 8 }), || {
            Mixing::Interlace { div: 8, scale: 4.0 }
        }),
        over_frames(
            json!({ "arch": "tsn", "depth": 50, "numFrames": 4, "nonLocal": true }),
            || Mixing::None,
        ),
        over_frames(
            json!({ "arch": "tsn", "depth": 18, "numFrames": 3, "consensus": "identity" }),
            || Mixing::None,
        ),
        over_frames(
            json!({
                "arch": "tam-resnet", "depth": 34, "numFrames": 6, "depthwise": false,
                "blendingFrames": 5,
            }),
            || Mixing::BlendAll { taps: 5 },
        ),
        over_frames(
            json!({
                "arch": "tam-resnet", "depth": 18, "numFrames": 5, "blending": "max",
                "blendingFrames": 5,
            }),
            || Mixing::BlendMax { taps: 5 },
        ),
    ]
}

/// MobileNetV2 and bLVNet-TAM.
fn others() -> Vec<Case> {
    let mobile = |description: Value, div: i64, past_only: bool| {
        case(description, [64, 48], move |weights, clip| {
            let (prefix, head) =
                if past_only { ("", "classifier") } else { ("base_model.", "new_fc") };
            mean(&Mobile { weights, prefix, head, div, past_only }.frame_logits(clip, CLASSES))
        })
    };
    vec![
        mobile(
            json!({ "arch": "tsm", "depth": "mobilenet-v2", "numFrames": 5, "shiftDiv": 4 }),
            4,
            false,
        ),
        mobile(
            json!({ "arch": "tsm", "depth": "mobilenet-v2", "numFrames": 4, "online": true }),
            8,
            true,
        ),
        big_little(50, [3, 4, 6], (4, 2, 5)),
        big_little(101, [4, 8, 18], (2, 3, 3)),
    ]
}

fn big_little(depth: i64, blocks: [i64; 3], (alpha, beta, taps): (i64, i64, i64)) -> Case {
    let description = json!({
        "arch": "blvnet-tam", "depth": depth, "numFrames": 8, "alpha": alpha, "beta": beta,
        "blendingFrames": taps,
    });
    case(description, [80, 72], move |weights, clip| {
        BigLittle { weights, blocks, alpha, beta, taps }.logits(clip, CLASSES)
    })
}
