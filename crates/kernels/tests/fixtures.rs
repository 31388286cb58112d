//! The operator cases of the fixtures that concern this crate: values and gradients.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tch::{Kind, Tensor};
use timeweave_kernels::{temporal_aggregate, temporal_interlace, temporal_shift};

type Tensors = HashMap<String, Tensor>;

fn fixtures() -> PathBuf {
    std::env::var_os("TIMEWEAVE_FIXTURES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures"), PathBuf::from)
}

/// All operator cases with their tensors, of both lists.
fn cases() -> Vec<(serde_json::Value, Tensors)> {
    let root = fixtures();
    let mut cases = Vec::new();
    for list in ["ops/index.json", "ops/index_more.json"] {
        let Ok(text) = std::fs::read_to_string(root.join(list)) else { continue };
        let list: Vec<serde_json::Value> = serde_json::from_str(&text).expect("a list of cases");
        for case in list {
            let file = root.join(case["file"].as_str().expect("a file"));
            let tensors = Tensor::read_safetensors(file).expect("tensors");
            cases.push((case, tensors.into_iter().collect()));
        }
    }
    assert!(!cases.is_empty(), "no operator case in {}", root.display());
    cases
}

fn integer(case: &serde_json::Value, key: &str) -> i64 {
    case[key].as_i64().unwrap_or_else(|| panic!("{key} in {case}"))
}

/// A leaf with the values of `x`.
fn leaf(x: &Tensor) -> Tensor {
    x.copy().set_requires_grad(true)
}

/// The README's tolerances for operators.
fn assert_close(what: &str, actual: &Tensor, expected: &Tensor) {
    assert_eq!(actual.size(), expected.size(), "{what}");
    assert_eq!(actual.kind(), expected.kind(), "{what}");
    let largest = |x: &Tensor| if x.numel() == 0 { 0.0 } else { x.abs().max().double_value(&[]) };
    let scale = largest(expected);
    let bound =
        if expected.kind() == Kind::Double { 1e-12 * scale + 1e-300 } else { 1e-5 * scale + 1e-6 };
    let error = largest(&(actual.detach() - expected));
    assert!(error <= bound, "{what}: off by {error:e}, allowed {bound:e}");
}

fn assert_equal(what: &str, actual: &Tensor, expected: &Tensor) {
    assert!(actual.detach().equal(expected), "{what} differs");
}

#[test]
fn the_shift_equals_the_official_one_exactly() {
    let mut count = 0;
    for (case, t) in cases().iter().filter(|(case, _)| case["op"] == "tsm_shift") {
        let x = leaf(&t["x"]);
        let y =
            temporal_shift(&x, integer(case, "n_segment"), integer(case, "fold")).expect("a shift");
        (&y * &t["grad_out"]).sum(y.kind()).backward();
        assert_equal("out", &y, &t["out"]);
        assert_equal("grad_x", &x.grad(), &t["grad_x"]);
        count += 1;
    }
    assert!(count > 0, "no case");
    println!("checked: {count} operators (shift)");
}

#[test]
fn a_shifted_convolution_equals_the_official_block() {
    let mut count = 0;
    for (case, t) in cases().iter().filter(|(case, _)| case["op"] == "tsm_block") {
        let frames = integer(case, "n_segment");
        let fold = t["x"].size()[1] / integer(case, "fold_div");
        for place in ["residual", "in_place_of_trunk"] {
            let (x, w) = (leaf(&t["x"]), leaf(&t["w"]));
            let s = temporal_shift(&x, frames, fold).expect("a shift");
            let kept = if place == "residual" { &x } else { &s };
            let y = kept + s.conv2d::<&Tensor>(&w, None, 1, 0, 1, 1);
            (&y * &t["grad_out"]).sum(y.kind()).backward();
            assert_close("out", &y, &t[&format!("{place}.out")]);
            assert_close("grad_x", &x.grad(), &t[&format!("{place}.grad_x")]);
            assert_close("grad_w", &w.grad(), &t[&format!("{place}.grad_w")]);
        }
        count += 1;
    }
    assert!(count > 0, "no case");
    println!("checked: {count} operators (shifted block)");
}

/// Interlaces `[N, T, C, H, W]` with weights of one, as the linear sampler of TIN does.
fn sample(x: &Tensor, offsets: &Tensor) -> Tensor {
    let size = x.size();
    let (n, t, c) = (size[0], size[1], size[2]);
    let weights = Tensor::ones([n, t, offsets.size()[1]], (x.kind(), x.device()));
    let folded = x.view([n * t, c, size[3], size[4]]);
    temporal_interlace(&folded, offsets, &weights, t, c).expect("a sample").view(size.as_slice())
}

#[test]
fn the_interlacing_equals_the_official_sampler() {
    let mut count = 0;
    for (_, t) in cases().iter().filter(|(case, _)| case["op"] == "tin_linear_sampler") {
        let (x, offset) = (leaf(&t["x"]), leaf(&t["offset"]));
        let y = sample(&x, &offset);
        (&y * &t["grad_out"]).sum(y.kind()).backward();
        assert_close("out", &y, &t["out"]);
        assert_close("grad_x", &x.grad(), &t["grad_x"]);
        assert_close("grad_offset", &offset.grad(), &t["grad_offset"]);
        // The two whole shifts between which the sampler interpolates are exact copies.
        let whole = t["shift0.int32"].to_kind(t["x"].kind());
        assert_equal("shift0", &sample(&t["x"], &whole), &t["shift0.out"]);
        assert_equal("shift1", &sample(&t["x"], &(whole + 1)), &t["shift1.out"]);
        count += 1;
    }
    assert!(count > 0, "no case");
    println!("checked: {count} operators (interlacing)");
}

/// The names of a case's taps, from the past to the future.
fn tap_names(frames: i64, names: [&str; 3], list: &str) -> Vec<String> {
    if frames == 3 {
        names.iter().map(|name| (*name).to_owned()).collect()
    } else {
        (0..frames).map(|j| list.replace('#', &j.to_string())).collect()
    }
}

#[test]
fn the_aggregation_equals_the_official_one() {
    let mut count = 0;
    for (case, t) in &cases() {
        let frames = || integer(case, "blending_frames");
        let names = match case["op"].as_str() {
            Some("tam") => tap_names(
                frames(),
                ["prev.weight", "curr.weight", "next.weight"],
                "blending_layers.#.weight",
            ),
            Some("tam_ibm") if case["dw_conv"] == true && case["blending_method"] == "sum" => {
                tap_names(
                    frames(),
                    ["prev_se.fc1.weight", "curr_se.fc1.weight", "next_se.fc1.weight"],
                    "blending_layers.#.fc1.weight",
                )
            }
            _ => continue,
        };
        let x = leaf(&t["x"]);
        let taps: Vec<Tensor> = names.iter().map(|name| leaf(&t[&format!("w.{name}")])).collect();
        let stacked = Tensor::stack(&taps, 0).flatten(1, -1);
        let y = temporal_aggregate(&x, &stacked, integer(case, "duration")).expect("a mix");
        (&y * &t["grad_out"]).sum(y.kind()).backward();
        assert_close("out", &y, &t["out"]);
        assert_close("grad_x", &x.grad(), &t["grad_x"]);
        for (name, tap) in names.iter().zip(&taps) {
            assert_close(name, &tap.grad(), &t[&format!("grad_w.{name}")]);
        }
        count += 1;
    }
    assert!(count > 0, "no case");
    println!("checked: {count} operators (aggregation)");
}
