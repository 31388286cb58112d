//! The operator cases that were made with the official code (folder `TIMEWEAVE_FIXTURES`): values and
//! gradients, through the kernels and through the reference form, in both layouts.
//!
//! What needs weights or a network around it is tested in `models`, from the same cases: TIN's two
//! nets, non-local blocks, pooling in time, the aggregation with a weight for every pair of channels
//! or a maximum (which has no kernel), the online MobileNetV2. `crates/models/tests/operators.rs`
//! fails when no test reads the cases of an operator.

mod cases;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use cases::{Layout, assert_close, gradients, lay_out};
use serde_json::Value;
use tch::{Kind, Tensor};
use timeweave_kernels::{KernelError, reference};

/// A shift that gives its result and the state it carries on.
type Online = fn(&Tensor, &Tensor, i64) -> Result<(Tensor, Tensor), KernelError>;

/// One implementation of the operations.
struct Form {
    name: &'static str,
    aggregate: fn(&Tensor, &Tensor, i64) -> Result<Tensor, KernelError>,
    shift: fn(&Tensor, i64, i64) -> Result<Tensor, KernelError>,
    online: Online,
    interlace: fn(&Tensor, &Tensor, &Tensor, i64, i64) -> Result<Tensor, KernelError>,
}

const FORMS: [Form; 2] = [
    Form {
        name: "kernels",
        aggregate: timeweave_kernels::temporal_aggregate,
        shift: timeweave_kernels::temporal_shift,
        online: timeweave_kernels::temporal_shift_online,
        interlace: timeweave_kernels::temporal_interlace,
    },
    Form {
        name: "reference",
        aggregate: reference::temporal_aggregate,
        shift: reference::temporal_shift,
        online: reference::temporal_shift_online,
        interlace: reference::temporal_interlace,
    },
];

fn folder() -> PathBuf {
    std::env::var_os("TIMEWEAVE_FIXTURES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures"), PathBuf::from)
}

/// A case, seen in one layout by one form.
struct Case<'a> {
    entry: &'a Value,
    tensors: &'a HashMap<String, Tensor>,
    layout: Layout,
    form: &'a Form,
}

impl Case<'_> {
    fn name(&self) -> String {
        format!("{} {} {:?}", self.entry["file"], self.form.name, self.layout)
    }

    fn get(&self, name: &str) -> Tensor {
        let found = self.tensors.get(name);
        found.unwrap_or_else(|| panic!("{}: no tensor {name}", self.name())).shallow_clone()
    }

    /// A leaf with the values of a tensor.
    fn leaf(&self, name: &str) -> Tensor {
        self.get(name).copy().set_requires_grad(true)
    }

    /// A leaf with the values of a map `[N*T, C, H, W]`, in the layout.
    fn map(&self, values: &Tensor) -> Tensor {
        lay_out(&values.copy(), self.layout).detach().set_requires_grad(true)
    }

    fn number(&self, key: &str) -> i64 {
        self.entry[key].as_i64().unwrap_or_else(|| panic!("{}: no number {key}", self.name()))
    }

    /// Compares with the tensor `name` within its type's tolerance.
    fn check(&self, actual: &Tensor, name: &str) {
        let expected = self.get(name);
        assert_eq!(actual.kind(), expected.kind(), "{} {name}", self.name());
        let what = format!("{} {name}", self.name());
        assert_close(actual, &expected.to_kind(Kind::Double), &what);
    }

    /// The same to the bit.
    fn equal(&self, actual: &Tensor, name: &str) {
        assert!(actual.detach().equal(&self.get(name)), "{} {name} differs", self.name());
    }

    fn aggregate(&self, x: &Tensor, taps: &Tensor, frames: i64) -> Tensor {
        (self.form.aggregate)(x, taps, frames).unwrap_or_else(|e| panic!("{}: {e}", self.name()))
    }

    fn shift(&self, x: &Tensor, frames: i64, fold: i64) -> Tensor {
        (self.form.shift)(x, frames, fold).unwrap_or_else(|e| panic!("{}: {e}", self.name()))
    }

    fn online(&self, x: &Tensor, state: &Tensor, frames: i64) -> (Tensor, Tensor) {
        (self.form.online)(x, state, frames).unwrap_or_else(|e| panic!("{}: {e}", self.name()))
    }

    fn interlace(&self, x: &Tensor, places: [&Tensor; 2], frames: i64, fold: i64) -> Tensor {
        let [offsets, weights] = places;
        let result = (self.form.interlace)(x, offsets, weights, frames, fold);
        result.unwrap_or_else(|e| panic!("{}: {e}", self.name()))
    }
}

/// Calls `body` for every case of an operation, in both forms and both layouts.
fn each(op: &str, body: impl Fn(&Case)) {
    let mut count = 0;
    for list in ["ops/index.json", "ops/index_more.json"] {
        let text = std::fs::read_to_string(folder().join(list));
        let text = text.unwrap_or_else(|e| panic!("{list} in {}: {e}", folder().display()));
        let entries: Vec<Value> = serde_json::from_str(&text).expect("an array of cases");
        for entry in entries.iter().filter(|entry| entry["op"] == op) {
            let file = folder().join(entry["file"].as_str().expect("every entry names its file"));
            let tensors = Tensor::read_safetensors(&file)
                .unwrap_or_else(|e| panic!("{}: {e}", file.display()))
                .into_iter()
                .collect();
            for form in &FORMS {
                for layout in [Layout::Channels, Layout::Positions] {
                    body(&Case { entry, tensors: &tensors, layout, form });
                }
            }
            count += 1;
        }
    }
    assert!(count > 0, "no case of {op} in {}", folder().display());
    println!("checked: {count} operators ({op}), kernels and reference, 2 layouts");
}

#[test]
fn aggregation_equals_the_official_tam() {
    each("tam", |case| {
        let r = case.number("blending_frames");
        let names: Vec<String> = match r {
            3 => ["prev", "curr", "next"].map(|name| format!("w.{name}.weight")).to_vec(),
            _ => (0..r).map(|tap| format!("w.blending_layers.{tap}.weight")).collect(),
        };
        let parts: Vec<_> = names.iter().map(|name| case.leaf(name)).collect();
        let flat: Vec<_> = parts.iter().map(|part| part.flatten(0, -1)).collect();
        let x = case.map(&case.get("x"));
        let y = case.aggregate(&x, &Tensor::stack(&flat, 0), case.number("duration"));
        case.check(&y, "out");
        let mut leaves = vec![&x];
        leaves.extend(&parts);
        let grads = gradients(&[(&y, &case.get("grad_out"))], &leaves);
        case.check(&grads[0], "grad_x");
        for (name, grad) in names.iter().zip(&grads[1..]) {
            case.check(grad, &format!("grad_{name}"));
        }
    });
}

#[test]
fn shifts_equal_the_official_tsm() {
    each("tsm_shift", |case| {
        let x = case.map(&case.get("x"));
        let y = case.shift(&x, case.number("n_segment"), case.number("fold"));
        case.equal(&y, "out");
        case.equal(&gradients(&[(&y, &case.get("grad_out"))], &[&x])[0], "grad_x");
    });
}

#[test]
fn a_shifted_convolution_equals_the_official_block() {
    each("tsm_block", |case| {
        for place in ["residual", "in_place_of_trunk"] {
            let (x, w) = (case.map(&case.get("x")), case.leaf("w"));
            let fold = x.size()[1] / case.number("fold_div");
            let s = case.shift(&x, case.number("n_segment"), fold);
            let trunk = if place == "residual" { &x } else { &s };
            let y = trunk + s.conv2d::<&Tensor>(&w, None, 1, 0, 1, 1);
            case.check(&y, &format!("{place}.out"));
            let grads = gradients(&[(&y, &case.get("grad_out"))], &[&x, &w]);
            case.check(&grads[0], &format!("{place}.grad_x"));
            case.check(&grads[1], &format!("{place}.grad_w"));
        }
    });
}

#[test]
fn online_shifts_equal_the_official_demo() {
    each("tsm_online_shift", |case| {
        let (frames, all) = (case.number("frames"), case.get("x"));
        let x: Vec<_> = (0..frames).map(|frame| case.map(&all.get(frame))).collect();
        let start = case.map(&case.get("state_in").get(0));
        // Frame by frame, the state carried.
        let (mut state, mut outputs) = (start.shallow_clone(), Vec::new());
        for (frame, x) in x.iter().enumerate() {
            let (y, next) = case.online(x, &state, 1);
            assert!(next.equal(&case.get("state_out").get(frame as i64)), "{}", case.name());
            state = next;
            outputs.push(y);
        }
        let y = Tensor::stack(&outputs, 0);
        case.equal(&y, "out");
        let mut leaves = vec![&start];
        leaves.extend(&x);
        let pairs = [(&y, &case.get("grad_out")), (&state, &case.get("grad_last_state"))];
        let grads = gradients(&pairs, &leaves);
        case.equal(&grads[0], "grad_state0");
        case.equal(&Tensor::stack(&grads[1..], 0), "grad_x");
        // All frames at once.
        let clips = all.transpose(0, 1).contiguous();
        let size = clips.size();
        let folded = case.map(&clips.view([-1, size[2], size[3], size[4]]));
        let (y, _) = case.online(&folded, &start, frames);
        case.equal(&y.contiguous().view(size.as_slice()).transpose(0, 1), "out");
    });
}

/// The inverted residual of the online network around the shifted input, batch norm in eval mode.
fn inverted_residual(case: &Case, x: &Tensor, shifted: &Tensor, p: &[(String, Tensor)]) -> Tensor {
    let get = |name: &str| {
        let own = p.iter().find(|(key, _)| key == name).map(|(_, value)| value.shallow_clone());
        own.unwrap_or_else(|| case.get(&format!("p.conv.{name}")))
    };
    let norm = |y: &Tensor, at: i64| {
        let [weight, bias, mean, variance] =
            ["weight", "bias", "running_mean", "running_var"].map(|n| get(&format!("{at}.{n}")));
        let (weight, bias) = (Some(&weight), Some(&bias));
        y.batch_norm(weight, bias, Some(&mean), Some(&variance), false, 0.1, 1e-5, false)
    };
    let (wide, narrow) = (get("0.weight"), get("6.weight"));
    let y = norm(&shifted.conv2d::<&Tensor>(&wide, None, 1, 0, 1, 1), 1).clamp(0.0, 6.0);
    let groups = y.size()[1];
    let y = norm(&y.conv2d::<&Tensor>(&get("3.weight"), None, 1, 1, 1, groups), 4).clamp(0.0, 6.0);
    x + norm(&y.conv2d::<&Tensor>(&narrow, None, 1, 0, 1, 1), 7)
}

#[test]
fn online_blocks_equal_the_official_demo() {
    each("tsm_online_block", |case| {
        let (frames, all) = (case.number("frames"), case.get("x"));
        assert_eq!([&case.entry["initial_state"], &case.entry["batch_norm"]], ["zero", "eval"]);
        let learnt = ["0.weight", "1.weight", "1.bias", "3.weight", "4.weight", "4.bias"];
        let learnt = learnt.into_iter().chain(["6.weight", "7.weight", "7.bias"]);
        let p: Vec<_> =
            learnt.map(|name| (name.to_owned(), case.leaf(&format!("p.conv.{name}")))).collect();
        let x: Vec<_> = (0..frames).map(|frame| case.map(&all.get(frame))).collect();
        let mut state = case.get("state_out").get(0).zeros_like();
        let mut outputs = Vec::new();
        for x in &x {
            let (shifted, next) = case.online(x, &state, 1);
            outputs.push(inverted_residual(case, x, &shifted, &p));
            state = next;
        }
        let y = Tensor::stack(&outputs, 0);
        case.check(&y, "out");
        let leaves: Vec<_> = x.iter().chain(p.iter().map(|(_, value)| value)).collect();
        let grads = gradients(&[(&y, &case.get("grad_out"))], &leaves);
        let (of_x, of_p) = grads.split_at(x.len());
        case.check(&Tensor::stack(of_x, 0), "grad_x");
        for ((name, _), grad) in p.iter().zip(of_p) {
            case.check(grad, &format!("grad.conv.{name}"));
        }
    });
}

#[test]
fn interlacing_equals_the_official_sampler() {
    each("tin_linear_sampler", |case| {
        let five = case.get("x");
        let &[n, t, c, h, w] = five.size().as_slice() else { panic!("{}", case.name()) };
        let x = case.map(&five.view([n * t, c, h, w]));
        let offsets = case.leaf("offset");
        let weights = offsets.ones_like().detach().unsqueeze(1).repeat([1, t, 1]);
        let clips = |map: &Tensor| map.contiguous().view([n, t, c, h, w]);
        let y = case.interlace(&x, [&offsets, &weights], t, c);
        case.check(&clips(&y), "out");
        let upstream = case.get("grad_out").view([n * t, c, h, w]);
        let grads = gradients(&[(&y, &upstream)], &[&x, &offsets]);
        case.check(&clips(&grads[0]), "grad_x");
        case.check(&grads[1], "grad_offset");
        // The two whole-frame shifts that it is made of are exact.
        let floor = case.get("shift0.int32").to_kind(five.kind());
        for (by, name) in [(0.0, "shift0.out"), (1.0, "shift1.out")] {
            case.equal(&clips(&case.interlace(&x, [&(&floor + by), &weights], t, c)), name);
        }
    });
}

#[test]
fn interlacing_equals_the_official_module_around_its_nets() {
    each("tin_module", |case| {
        let x = case.map(&case.get("x"));
        let fold = case.number("channels") / case.number("shift_div");
        let (o, w) = (case.get("offsets").squeeze_dim(1), case.get("weights"));
        let (offsets, weights) = (Tensor::cat(&[&o, &-&o], 1), Tensor::cat(&[&w, &w], 2));
        let t = case.number("num_segments");
        case.check(&case.interlace(&x, [&offsets, &weights], t, fold), "out");
    });
}
