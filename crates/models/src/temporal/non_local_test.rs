//! The non-local block against the official one, with running statistics and with those of the batch.

use std::collections::HashMap;

use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use super::NonLocal;
use crate::operators::{Case, each, leaves};
use crate::pass::{Mode, Pass};

/// The block's output and all gradients, computed in `kind`, under the names of the case.
fn run(case: &Case, kind: Kind, layout: usize) -> HashMap<String, Tensor> {
    let mode = match case.entry["batch_norm"].as_str() {
        Some("train") => Mode::TRAIN,
        Some("eval") => Mode::EVAL,
        other => panic!("{}: batch norm {other:?}", case.entry["file"]),
    };
    let x = case.get("x").to_kind(kind);
    let [n, c, t, h, w] = x.size()[..] else { panic!("{} holds no clips", case.entry["file"]) };
    let clips = |frames: &Tensor| frames.reshape([n, t, c, h, w]).transpose(1, 2);
    let x = &leaves(&x.transpose(1, 2).reshape([n * t, c, h, w]))[layout];
    let mut vs = VarStore::new(Device::Cpu);
    let module = NonLocal::new(&vs.root(), t, c).expect("a block");
    case.fill(&mut vs, "p.");
    vs.set_kind(kind);
    let out = clips(&module.forward(x, &mut Pass::new(mode)).expect("an output"));
    (&out * case.get("grad_out")).sum(kind).backward();
    let learnt = vs.variables().into_iter().filter(|(_, variable)| variable.requires_grad());
    learnt
        .map(|(name, variable)| (format!("grad.{name}"), variable.grad()))
        .chain([("out".to_owned(), out.detach()), ("grad_x".to_owned(), clips(&x.grad()))])
        .collect()
}

/// With the statistics of a batch float32 is ill-conditioned here: on the way back both the official
/// code and ours leave the exact numbers by up to 0.8 of the tolerance, in directions of their own.
/// So both are compared with those numbers, which the float64 cases hold to 1e-12.
#[test]
fn the_block_equals_the_official_one() {
    each("nonlocal_block", |case| {
        for layout in [0, 1] {
            let exact = run(case, Kind::Double, layout);
            check(case, &exact);
            if case.get("x").kind() == Kind::Float {
                let tensors = exact.iter().map(|(name, x)| (name.clone(), x.to_kind(Kind::Float)));
                let exact = Case { entry: case.entry.clone(), tensors: tensors.collect() };
                for (name, found) in run(case, Kind::Float, layout) {
                    if case.tensors.contains_key(&name) {
                        exact.check(&found, &name);
                    }
                }
            }
        }
    });
}

/// Compares exact numbers with the case. A softmax does not see what is added to all keys, nor a
/// norm by the batch what is added to all positions: the gradients of those biases are zero, and no
/// case holds them. Rounding leaves up to 1e-11 of the gradient of the weight beside the bias; a
/// wrong gradient would be about as large as that.
fn check(case: &Case, exact: &HashMap<String, Tensor>) {
    let zeros = case.entry["zero_gradients"].as_array().expect("names");
    for zero in zeros {
        let bias = format!("grad.{}", zero.as_str().expect("a name"));
        let beside = exact[&bias.replace("bias", "weight")].abs().max().double_value(&[]);
        let left = exact[&bias].abs().max().double_value(&[]);
        assert!(left <= 1e-9 * beside, "{} {bias}: {left:e}, not zero", case.entry["file"]);
    }
    let mut compared = 0;
    for (name, found) in exact.iter().filter(|(name, _)| case.tensors.contains_key(*name)) {
        case.check(found, name);
        compared += 1;
    }
    assert_eq!(compared, case.names("grad.").len() + 2, "gradients, output and that of the input");
    assert_eq!(compared + zeros.len(), exact.len(), "{}: one is no case's", case.entry["file"]);
}
