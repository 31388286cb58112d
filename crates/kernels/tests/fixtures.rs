//! The operator cases that were made with the official code (folder `TIMEWEAVE_FIXTURES`, section 2
//! of its README).

mod cases;

use std::path::{Path, PathBuf};

use cases::{assert_close, gradients};
use serde_json::Value;
use tch::{Kind, Tensor};
use timeweave_kernels::{
    temporal_aggregate, temporal_interlace, temporal_shift, temporal_shift_online,
};

fn folder() -> PathBuf {
    std::env::var_os("TIMEWEAVE_FIXTURES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures"), PathBuf::from)
}

struct Case {
    entry: Value,
    tensors: Vec<(String, Tensor)>,
}

impl Case {
    fn get(&self, name: &str) -> Tensor {
        let found = self.tensors.iter().find(|(key, _)| key == name);
        found.unwrap_or_else(|| panic!("{}: no tensor {name}", self.name())).1.shallow_clone()
    }

    fn leaf(&self, name: &str) -> Tensor {
        self.get(name).detach().set_requires_grad(true)
    }

    fn number(&self, key: &str) -> i64 {
        self.entry[key].as_i64().unwrap_or_else(|| panic!("{}: no number {key}", self.name()))
    }

    fn name(&self) -> &str {
        self.entry["file"].as_str().expect("every entry names its file")
    }

    /// Compares with the tensor `name` within the type's tolerance.
    fn check(&self, actual: &Tensor, name: &str) {
        let expected = self.get(name).to_kind(Kind::Double);
        assert_close(actual, &expected, &format!("{} {name}", self.name()));
    }
}

/// The cases of an operation whose files are there.
fn cases(op: &str) -> Vec<Case> {
    let read = |file: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(folder().join("ops").join(file));
        serde_json::from_str(&text.expect("the index of operators")).expect("an array of cases")
    };
    let entries = read("index.json").into_iter().chain(read("index_more.json"));
    let entries = entries.filter(|entry| entry["op"] == op).filter(|entry| {
        folder().join(entry["file"].as_str().expect("every entry names its file")).is_file()
    });
    entries
        .map(|entry| {
            let file = folder().join(entry["file"].as_str().expect("checked above"));
            let tensors = Tensor::read_safetensors(file).expect("a readable case");
            Case { entry, tensors }
        })
        .collect()
}

#[test]
fn aggregation_equals_the_official_tam() {
    let cases = cases("tam");
    assert!(!cases.is_empty());
    for case in &cases {
        let r = case.number("blending_frames");
        let names: Vec<String> = match r {
            3 => ["prev", "curr", "next"].map(|name| format!("w.{name}.weight")).to_vec(),
            _ => (0..r).map(|tap| format!("w.blending_layers.{tap}.weight")).collect(),
        };
        // A single tap may be named either way.
        let parts: Vec<_> = names.iter().map(|name| case.leaf(name)).collect();
        let flat: Vec<_> = parts.iter().map(|part| part.flatten(0, -1)).collect();
        let taps = Tensor::stack(&flat, 0);
        let x = case.leaf("x");
        let y = temporal_aggregate(&x, &taps, case.number("duration")).expect("valid shapes");
        case.check(&y, "out");
        let mut leaves = vec![&x];
        leaves.extend(&parts);
        let grads = gradients(&[(&y, &case.get("grad_out"))], &leaves);
        case.check(&grads[0], "grad_x");
        for (name, grad) in names.iter().zip(&grads[1..]) {
            case.check(grad, &format!("grad_{name}"));
        }
    }
    println!("checked: {} tam cases", cases.len());
}

#[test]
fn shifts_equal_the_official_tsm() {
    let cases = cases("tsm_shift");
    assert!(!cases.is_empty());
    for case in &cases {
        let x = case.leaf("x");
        let y = temporal_shift(&x, case.number("n_segment"), case.number("fold")).expect("valid");
        assert!(y.equal(&case.get("out")), "{}", case.name());
        let grads = gradients(&[(&y, &case.get("grad_out"))], &[&x]);
        assert!(grads[0].equal(&case.get("grad_x")), "{}", case.name());
    }
    println!("checked: {} tsm_shift cases", cases.len());
}

#[test]
fn online_shifts_equal_the_official_demo() {
    let cases = cases("tsm_online_shift");
    for case in &cases {
        let (frames, fold) = (case.number("frames"), case.number("fold"));
        let (x, start) = (case.leaf("x"), case.get("state_in").get(0).set_requires_grad(true));
        // Frame by frame, the state carried.
        let (mut state, mut outputs) = (start.shallow_clone(), Vec::new());
        for frame in 0..frames {
            let (y, next) = temporal_shift_online(&x.get(frame), &state, 1).expect("valid shapes");
            assert!(y.equal(&case.get("out").get(frame)), "{} frame {frame}", case.name());
            assert!(next.equal(&case.get("state_out").get(frame)), "{}", case.name());
            (state, _) = (next, outputs.push(y));
        }
        let y = Tensor::stack(&outputs, 0);
        let last = case.get("grad_last_state");
        let grads = gradients(&[(&y, &case.get("grad_out")), (&state, &last)], &[&x, &start]);
        assert!(grads[0].equal(&case.get("grad_x")), "{} grad x", case.name());
        assert!(grads[1].equal(&case.get("grad_state0")), "{} grad state", case.name());
        // All frames at once.
        let clips = x.detach().transpose(0, 1).contiguous();
        let size = clips.size();
        let folded = clips.view([size[0] * frames, size[2], size[3], size[4]]);
        let (y, _) = temporal_shift_online(&folded, &start, frames).expect("valid shapes");
        let y = y.view(size.as_slice()).transpose(0, 1);
        assert!(y.equal(&case.get("out")), "{} at once, fold {fold}", case.name());
    }
    println!("checked: {} tsm_online_shift cases", cases.len());
}

#[test]
fn interlacing_equals_the_official_sampler() {
    let cases = cases("tin_linear_sampler");
    assert!(!cases.is_empty());
    for case in &cases {
        let five = case.get("x");
        let &[n, t, c, h, w] = five.size().as_slice() else { panic!("{}", case.name()) };
        let x = five.view([n * t, c, h, w]).set_requires_grad(true);
        let offsets = case.leaf("offset");
        let weights = offsets.ones_like().detach().unsqueeze(1).repeat([1, t, 1]);
        let y = temporal_interlace(&x, &offsets, &weights, t, c).expect("valid shapes");
        case.check(&y.view([n, t, c, h, w]), "out");
        let upstream = case.get("grad_out").view([n * t, c, h, w]);
        let grads = gradients(&[(&y, &upstream)], &[&x, &offsets]);
        case.check(&grads[0].view([n, t, c, h, w]), "grad_x");
        case.check(&grads[1], "grad_offset");
        // The two whole-frame shifts that it is made of are exact.
        let floor = case.get("shift0.int32").to_kind(five.kind());
        for (by, name) in [(0.0, "shift0.out"), (1.0, "shift1.out")] {
            let whole = &floor + by;
            let y = temporal_interlace(&x, &whole, &weights, t, c).expect("valid shapes");
            assert!(y.view([n, t, c, h, w]).equal(&case.get(name)), "{} {name}", case.name());
        }
    }
    println!("checked: {} tin_linear_sampler cases", cases.len());
}

#[test]
fn interlacing_equals_the_official_module_around_its_nets() {
    let cases = cases("tin_module");
    for case in &cases {
        let x = case.get("x");
        let fold = case.number("channels") / case.number("shift_div");
        let (o, w) = (case.get("offsets").squeeze_dim(1), case.get("weights"));
        let (offsets, weights) = (Tensor::cat(&[&o, &-&o], 1), Tensor::cat(&[&w, &w], 2));
        let t = case.number("num_segments");
        let y = temporal_interlace(&x, &offsets, &weights, t, fold).expect("valid shapes");
        case.check(&y, "out");
    }
    println!("checked: {} tin_module cases", cases.len());
}
