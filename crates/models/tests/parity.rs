//! Every network case of the fixtures against the networks of this crate: names, weights,
//! logits, stages, losses, running statistics and gradients, in eval and in train mode.

mod support;

use std::collections::HashMap;

use support::case::{self, Case};
use support::compare::{Verdict, norm};
use tch::{Kind, Tensor};
use timeweave_models::{Mode, Model};

/// Batch statistics without dropout, as the references were made.
const TRAIN: Mode = Mode { batch_statistics: true, dropout: false };

const EVAL_F32: f64 = 2e-5;
const CALIBRATED_F32: f64 = 3e-3;
const TRAIN_F32: f64 = 1e-3;
const LOGITS_F64: f64 = 1e-9;
const GRADIENT_F64: f64 = 1e-7;

#[test]
fn every_case_matches_the_official_code() {
    let mut failures = Vec::new();
    let (mut networks, mut comparisons) = (0, 0);
    for path in case::all(&support::fixtures()) {
        let case = case::read(&path);
        let mut verdict = Verdict::default();
        check(&case, &mut verdict);
        println!("{}: {} comparisons", case.name, verdict.comparisons);
        networks += 1;
        comparisons += verdict.comparisons;
        failures.extend(verdict.failures.iter().map(|text| format!("{}: {text}", case.name)));
    }
    assert!(networks > 0, "no network case in {}", support::fixtures().display());
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    println!("checked: {networks} networks ({comparisons} comparisons)");
}

fn check(case: &Case, verdict: &mut Verdict) {
    let mut model = case.model();
    case.fill(&model);
    check_weights(case, &model, verdict);
    let recipe_clip = case.recipe_clip();
    let data = Vec::<f32>::try_from(recipe_clip.view([-1])).expect("floats");
    let sum = case.json["input"]["sha256_recipe_order"].as_str().expect("a checksum");
    verdict.holds("the input's bits", support::sha256([data.as_slice()]) == sum);
    let clip = case.as_input(&recipe_clip);
    let reversed = case.as_input(&recipe_clip.flip([1]));

    check_eval(case, &model, &clip, &reversed, verdict);
    if !case.is_double_only() {
        check_gradients(case, &model, &clip, Mode::EVAL, verdict);
    }
    check_calibrated(case, &model, &clip, &reversed, verdict);
    case.fill(&model);
    if !case.is_double_only() {
        check_gradients(case, &model, &clip, TRAIN, verdict);
        check_running_statistics(case, &model, verdict);
    }

    case.fill(&model);
    if case.number("eval.logits_f64").is_none() {
        return;
    }
    model.vs.double();
    let clip = clip.to_kind(Kind::Double);
    logits(case, &model, &clip, "eval.logits_f64", LOGITS_F64, verdict);
    check_gradients(case, &model, &clip, Mode::EVAL, verdict);
    check_calibrated(case, &model, &clip, &reversed.to_kind(Kind::Double), verdict);
    case.fill(&model);
    check_gradients(case, &model, &clip, TRAIN, verdict);
    check_running_statistics(case, &model, verdict);
}

fn check_weights(case: &Case, model: &Model, verdict: &mut Verdict) {
    let expected = case.params();
    let actual: HashMap<String, Vec<i64>> =
        model.parameters().into_iter().map(|entry| (entry.name, entry.shape)).collect();
    for (name, shape) in &expected {
        let fact = actual.get(name) == Some(shape);
        verdict.holds(&format!("{name} {shape:?} is {:?}", actual.get(name)), fact);
    }
    for name in actual.keys() {
        let known = expected.iter().any(|(expected, _)| expected == name);
        verdict.holds(&format!("{name} is not in the official code"), known);
    }
    let values: Vec<Vec<f32>> =
        expected.iter().map(|(name, shape)| case.values(name, shape)).collect();
    let sum = support::sha256(values.iter().map(Vec::as_slice));
    verdict.holds("the weights' bits", case.json["weights_sha256"] == sum.as_str());
    let trainable: i64 =
        model.vs.trainable_variables().iter().map(|tensor| tensor.numel() as i64).sum();
    verdict.holds("the number of parameters", case.json["n_params"] == trainable);
}

fn logits(
    case: &Case,
    model: &Model,
    clip: &Tensor,
    key: &str,
    tolerance: f64,
    verdict: &mut Verdict,
) {
    if let Some(expected) = case.number(key) {
        let _guard = tch::no_grad_guard();
        let actual = model.network.forward_in(clip, Mode::EVAL).expect("logits");
        verdict.close(key, &actual, expected, tolerance);
    }
}

fn check_eval(case: &Case, model: &Model, clip: &Tensor, reversed: &Tensor, verdict: &mut Verdict) {
    logits(case, model, clip, "eval.logits", EVAL_F32, verdict);
    logits(case, model, reversed, "eval.logits_time_reversed", EVAL_F32, verdict);
    let _guard = tch::no_grad_guard();
    let stages: HashMap<String, Tensor> =
        model.network.stage_outputs(clip).expect("stages").into_iter().collect();
    for tap in case.json["taps"].as_array().expect("taps") {
        let name = tap[0].as_str().expect("a name");
        let Some(actual) = stages.get(name) else {
            verdict.holds(&format!("no stage is called {name}"), false);
            continue;
        };
        let part =
            |part: &str| case.number(&format!("eval.tap.{name}.{part}")).map(Tensor::shallow_clone);
        verdict.slices_of_values(name, actual, part, EVAL_F32);
    }
    for state in model.network.interlace_state(clip).expect("offsets") {
        let key = format!("eval.offset.{}", state.module);
        if let Some(expected) = case.number(&key) {
            // Offsets lie between -2 and 2 frames.
            let actual = state.offsets.view(expected.size().as_slice());
            verdict.within(&key, &actual, expected, 2.0 * EVAL_F32);
        }
    }
    let stored = case.numbers.keys().filter(|key| key.starts_with("eval.offset.")).count();
    let modules = model.network.interlace_state(clip).expect("offsets").len();
    verdict.holds("the number of interlacing modules", stored == 0 || stored == modules);
}

fn check_calibrated(
    case: &Case,
    model: &Model,
    clip: &Tensor,
    reversed: &Tensor,
    verdict: &mut Verdict,
) {
    let Some(statistics) = &case.calibrated else { return };
    {
        let _guard = tch::no_grad_guard();
        for (name, mut variable) in model.vs.variables() {
            if let Some(value) = statistics.get(&name) {
                variable.copy_(value);
            }
        }
    }
    if clip.kind() == Kind::Double {
        logits(case, model, clip, "evalcal.logits_f64", LOGITS_F64, verdict);
    } else {
        logits(case, model, clip, "evalcal.logits", CALIBRATED_F32, verdict);
        logits(case, model, reversed, "evalcal.logits_time_reversed", CALIBRATED_F32, verdict);
    }
}

/// Loss and gradients of one backward pass in the clip's element type.
fn check_gradients(case: &Case, model: &Model, clip: &Tensor, mode: Mode, verdict: &mut Verdict) {
    let double = clip.kind() == Kind::Double;
    let suffix = if double { "_f64" } else { "" };
    let train = mode.batch_statistics;
    // `train.loss_f64`, but `evalgrad_f64.loss`.
    let key = |name: &str| {
        if train { format!("train.{name}{suffix}") } else { format!("evalgrad{suffix}.{name}") }
    };
    let Some(loss) = case.number(&key("loss")) else { return };
    for mut tensor in model.vs.trainable_variables() {
        tensor.zero_grad();
    }
    let clip = clip.copy().set_requires_grad(true);
    let logits = model.network.forward_in(&clip, mode).expect("logits");
    // tch's own cross entropy rounds to float32.
    let actual_loss = logits.log_softmax(-1, logits.kind()).nll_loss(&case.labels());
    actual_loss.backward();

    let bound = if double { LOGITS_F64 } else { 1e-4 };
    let expected = loss.double_value(&[0]);
    verdict.bound(
        &key("loss"),
        (actual_loss.double_value(&[]) - expected).abs(),
        bound * expected.abs().max(1.0),
    );
    if let Some(expected) = case.number(&format!("train.logits{suffix}")).filter(|_| train) {
        verdict.close(
            "train.logits",
            &logits,
            expected,
            if double { LOGITS_F64 } else { TRAIN_F32 },
        );
    }
    // Gradients in float32 and train mode are ill-conditioned; only their norms are bounded.
    if double || !train {
        let input = |part: &str| {
            case.number(&format!("{}.{part}", key("input_grad"))).map(Tensor::shallow_clone)
        };
        if input("stats").is_some() {
            verdict.slices_of_gradient(
                &key("input_grad"),
                &clip.grad(),
                input,
                tolerance(double, ""),
            );
        }
        check_listed_gradients(case, model, &key, (double, train), verdict);
    }
    if train {
        check_norms(case, model, suffix, verdict);
    }
}

fn tolerance(double: bool, name: &str) -> f64 {
    match (double, name.contains(".biasnet.")) {
        (true, _) => GRADIENT_F64,
        (false, true) => 0.1,
        (false, false) => 2e-2,
    }
}

fn check_listed_gradients(
    case: &Case,
    model: &Model,
    key: &dyn Fn(&str) -> String,
    (double, train): (bool, bool),
    verdict: &mut Verdict,
) {
    let variables = model.vs.variables();
    for name in case.json["grads"].as_array().expect("grads") {
        let name = name.as_str().expect("a name");
        let stem = if train { format!("{}.{name}", key("grad")) } else { key(name) };
        let part = |part: &str| case.number(&format!("{stem}.{part}")).map(Tensor::shallow_clone);
        if part("stats").is_some() && !case.has_no_gradient(name, train) {
            let gradient = variables[name].grad();
            verdict.slices_of_gradient(&stem, &gradient, part, tolerance(double, name));
        }
    }
}

/// The norm of every parameter's gradient in train mode.
fn check_norms(case: &Case, model: &Model, suffix: &str, verdict: &mut Verdict) {
    let Some(norms) = case.json[format!("grad_l2_all{suffix}")].as_object() else { return };
    let variables = model.vs.variables();
    let bound = if suffix.is_empty() { 0.15 } else { GRADIENT_F64 };
    for (name, expected) in norms {
        let learns_from_noise = name.contains(".biasnet.") || name.contains(".weightnet.");
        if suffix.is_empty() && learns_from_noise {
            continue;
        }
        let expected = expected.as_f64().expect("a norm");
        let error = (norm(&variables[name].grad()) - expected).abs() / expected;
        verdict.bound(&format!("norm{suffix} of the gradient of {name}"), error, bound);
    }
}

/// The running statistics after one training forward.
fn check_running_statistics(case: &Case, model: &Model, verdict: &mut Verdict) {
    let variables = model.vs.variables();
    for (key, expected) in &case.numbers {
        if let Some(name) = key.strip_prefix("train.after.") {
            verdict.close(key, &variables[name], expected, TRAIN_F32);
        }
    }
}
