//! The interlacing module and its two nets against the reference operators.

use serde_json::{Value, json};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use super::{Interlace, TemporalModule};
use crate::ModelSpec;
use crate::operators::each;
use crate::pass::{Mode, Pass};
use crate::spec::TinSpec;

fn tin(description: Value) -> TinSpec {
    match serde_json::from_value(description).expect("a spec") {
        ModelSpec::Tin(spec) => spec,
        other => panic!("not a TIN: {other:?}"),
    }
}

/// A module whose weights are the tensors whose names `rename` finds.
fn module(
    spec: &TinSpec,
    channels: i64,
    kind: Kind,
    value: impl Fn(&str) -> Tensor,
) -> (VarStore, Interlace) {
    let mut vs = VarStore::new(Device::Cpu);
    let module = Interlace::new(&vs.root(), spec, channels).expect("a module");
    vs.set_kind(kind);
    let _guard = tch::no_grad_guard();
    for (name, mut variable) in vs.variables() {
        variable.copy_(&value(&name));
    }
    (vs, module)
}

fn assert_close(what: &str, actual: &Tensor, expected: &Tensor) {
    let actual = actual.detach().view(expected.size().as_slice());
    let scale = expected.abs().max().double_value(&[]);
    let bound = if expected.kind() == Kind::Double { 1e-12 * scale } else { 1e-5 * scale + 1e-6 };
    let error = (actual - expected).abs().max().double_value(&[]);
    assert!(error <= bound, "{what}: off by {error:e}, allowed {bound:e}");
}

#[test]
fn the_two_nets_equal_the_official_ones() {
    each("tin_offset_weight_nets", |case| {
        let (case, t) = (&case.entry, &case.tensors);
        let frames = case["num_segments"].as_i64().expect("frames");
        let channels = case["in_channels"].as_i64().expect("channels");
        let spec =
            tin(json!({ "arch": "tin", "numClasses": 2, "numFrames": frames, "shiftDiv": 1 }));
        let kind = t["x"].kind();
        // `biasnet.net.conv.weight` here is `offset_net.p.net.conv.weight` there.
        let reference = |part: &str, name: &str| {
            let (net, rest) = name.split_once('.').expect("a net");
            let net = if net == "biasnet" { "offset_net" } else { "weight_net" };
            t[&format!("{net}.{part}.{rest}")].shallow_clone()
        };
        let (vs, module) = module(&spec, channels, kind, |name| reference("p", name));
        for net in ["offset", "weight"] {
            let x = t["x"].copy().set_requires_grad(true);
            let out = if net == "offset" { module.offsets(&x) } else { module.weights(&x) };
            let out = out.expect("an output").view(t[net].size().as_slice());
            (&out * &t[&format!("grad_{net}")]).sum(kind).backward();
            assert_close(net, &out, &t[net]);
            assert_close("grad_x", &x.grad(), &t[&format!("{net}_net.grad_x")]);
        }
        for (name, variable) in vs.variables() {
            assert_close(&name, &variable.grad(), &reference("grad", &name));
        }
        for (name, value) in case["initial_values"].as_object().expect("initial values") {
            let fresh = VarStore::new(Device::Cpu);
            Interlace::new(&fresh.root(), &spec, channels).expect("a module");
            let name = name.replace("offset_net", "biasnet").replace("weight_net", "weightnet");
            let actual = Vec::<f32>::try_from(&fresh.variables()[&name]).expect("floats");
            let expected = serde_json::from_value::<Vec<f32>>(value.clone()).expect("floats");
            assert_eq!(actual, expected, "{name}");
        }
    });
}

#[test]
fn the_module_equals_the_official_one() {
    each("tin_module", |case| {
        let (case, t) = (&case.entry, &case.tensors);
        let frames = case["num_segments"].as_i64().expect("frames");
        let spec = tin(json!({
            "arch": "tin", "numClasses": 2, "numFrames": frames, "shiftDiv": case["shift_div"],
        }));
        let channels = case["channels"].as_i64().expect("channels");
        let kind = t["x"].kind();
        let value = |name: &str| t[&format!("p.{name}")].shallow_clone();
        let (vs, module) = module(&spec, channels, kind, value);
        let x = t["x"].copy().set_requires_grad(true);
        let out = module.forward(&x, &mut Pass::new(Mode::TRAIN)).expect("an output");
        (&out * &t["grad_out"]).sum(kind).backward();
        assert_close("out", &out, &t["out"]);
        assert_close("grad_x", &x.grad(), &t["grad_x"]);
        for (name, variable) in vs.variables() {
            assert_close(&name, &variable.grad(), &t[&format!("grad.{name}")]);
        }
        let mut pass = Pass::recording_interlaces();
        let _out = module.forward(&t["x"], &mut pass).expect("an output");
        let states = pass.into_interlaces();
        assert_close("offsets", &states[0].offsets, &t["offsets"]);
        assert_close("weights", &states[0].weights, &t["weights"]);
    });
}
