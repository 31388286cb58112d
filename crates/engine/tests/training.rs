//! Whole runs on a small drawn data set: determinism, resuming, evaluation and prediction that agree.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};
use support::{data, run, run_whole, train_json};
use tch::Tensor;
use timeweave_engine::{
    Device, EvalResult, Outcome, PredictInput, PredictOptions, Predictor, TrainEvent, config,
    convert, evaluate,
};
use timeweave_models::Source;
use timeweave_video::{OpenOptions, open};

/// All weights of a checkpoint.
fn weights(path: impl AsRef<Path>) -> BTreeMap<String, Tensor> {
    Tensor::read_safetensors(path).expect("a checkpoint").into_iter().collect()
}

fn assert_equal(a: impl AsRef<Path>, b: impl AsRef<Path>) {
    let (a, b) = (weights(a), weights(b));
    assert!(a.len() > 60 && a.len() == b.len());
    for (name, tensor) in &a {
        assert!(*tensor == b[name], "{name} differs");
    }
}

fn eval(checkpoint: &str, batch_size: usize) -> EvalResult {
    let json = json!({
        "checkpoint": checkpoint,
        "data": { "list": data().join("val.txt") },
        "batchSize": batch_size,
        "device": "cpu",
    });
    let config = config::parse_json(&json.to_string()).expect("a configuration");
    evaluate(&config, &|_| (), &AtomicBool::new(false)).expect("figures")
}

#[test]
fn a_stopped_and_resumed_run_equals_a_straight_one_whatever_the_workers() {
    let folder = tempfile::tempdir().expect("a folder");
    let (straight, events) = run_whole(&train_json(&folder.path().join("a")));
    let epochs = events.iter().filter(|event| matches!(event, TrainEvent::Epoch { .. })).count();
    assert_eq!((epochs, straight.epochs, straight.last.epoch), (4, 4, 4));

    let mut other = train_json(&folder.path().join("b"));
    other["data"]["workers"] = json!(3);
    // Stopped in the middle of the third epoch: its first steps are run again.
    let (stopped, _) = run(&other, |event| matches!(event, TrainEvent::Step { epoch: 3, .. }));
    let error = stopped.expect_err("a stopped run");
    assert_eq!(error.code(), "ABORTED");
    assert!(error.to_string().contains("resumed from"), "{error}");
    let (again, _) = run(&other, |_| false);
    assert_eq!(again.expect_err("nothing is overwritten").code(), "CONFIG_INVALID");

    other["resume"] = json!("auto");
    let (resumed, events) = run_whole(&other);
    assert!(matches!(events[0], TrainEvent::Start { resumed_epochs: 2, .. }));
    assert_equal(&straight.last.path, &resumed.last.path);
    assert_equal(&straight.best.path, &resumed.best.path);
    assert_eq!(straight.best.epoch, resumed.best.epoch);
    assert_eq!(
        log_without_times(&folder.path().join("a")),
        log_without_times(&folder.path().join("b"))
    );

    // A finished run that is resumed has nothing left to do and says the same.
    let (finished, _) = run_whole(&other);
    assert_eq!(finished.best, resumed.best);
}

/// The log, line by line, but for what a clock decides.
fn log_without_times(dir: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.join("log.jsonl")).expect("a log");
    let entry = |line: &str| {
        let mut entry: Value = serde_json::from_str(line).expect("JSON");
        let fields = entry.as_object_mut().expect("an object");
        fields.remove("seconds");
        fields.remove("dataWait");
        entry
    };
    text.lines().map(entry).collect()
}

#[test]
fn validation_evaluation_and_prediction_agree() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut json = train_json(&folder.path().join("run"));
    json["train"]["epochs"] = json!(2);
    let (result, events) = run_whole(&json);
    let last = events.iter().rev().find_map(|event| match event {
        TrainEvent::Epoch { val, .. } => val.clone(),
        _ => None,
    });
    let last = last.expect("validation");
    for name in [
        "config.yaml",
        "log.jsonl",
        "last.safetensors",
        "best.safetensors",
        "state/state.safetensors",
    ] {
        assert!(folder.path().join("run").join(name).is_file(), "{name} is missing");
    }

    let figures = eval(&result.last.path, 4);
    assert!((figures.top1 - last.top1).abs() < 1e-12 && (figures.loss - last.loss).abs() < 1e-6);
    let single = eval(&result.last.path, 1);
    assert_eq!(single.confusion, figures.confusion);
    assert!((single.loss - figures.loss).abs() < 1e-5);
    assert_eq!(figures.per_class.iter().map(|class| class.samples).sum::<u64>(), 10);
    assert_eq!(figures.per_class[0].label, "left");

    let predictor =
        Predictor::load(Path::new(&result.last.path), None, Device::Cpu).expect("a network");
    let files: Vec<_> = (0..10).map(|clip| data().join(format!("val/{clip:05}.mp4"))).collect();
    let inputs: Vec<_> = files.iter().cloned().map(PredictInput::Path).collect();
    let outcomes = predictor
        .predict(&inputs, &PredictOptions::default(), &AtomicBool::new(false))
        .expect("outcomes");
    let best = |outcome: &Outcome| match outcome {
        Outcome::Done(prediction) => prediction.predictions[0].clone(),
        Outcome::Failed { error, .. } => panic!("{}", error.message),
    };
    let correct = outcomes
        .iter()
        .enumerate()
        .filter(|(clip, outcome)| best(outcome).index == clip % 4)
        .count();
    assert!((correct as f64 / 10.0 - figures.top1).abs() < 1e-12);

    // The same pictures from memory give the same scores.
    let mut source = open(&files[3], &OpenOptions::default()).expect("a video");
    let frames = source.frames(&(0..8).collect::<Vec<_>>()).expect("frames");
    let memory = PredictInput::Frames { name: "memory".into(), frames };
    let missing = PredictInput::Path(data().join("val/none.mp4"));
    let both = predictor
        .predict(
            &[missing, memory],
            &PredictOptions { top_k: 2, ..Default::default() },
            &AtomicBool::new(false),
        )
        .expect("outcomes");
    assert!(matches!(&both[0], Outcome::Failed { error, .. } if error.code == "FILE_NOT_FOUND"));
    let Outcome::Done(prediction) = &both[1] else { panic!("the second input goes on") };
    assert_eq!(prediction.frames, [1, 3, 5, 7]);
    assert_eq!((prediction.input.as_str(), prediction.predictions.len()), ("memory", 2));
    assert!((prediction.predictions[0].score - best(&outcomes[3]).score).abs() < 1e-6);
}

#[test]
fn samples_that_cannot_be_read_stop_the_run_or_are_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let list = folder.path().join("list.txt");
    let whole = data().join("train/00000.mp4");
    let cut = folder.path().join("cut.mp4");
    let bytes = std::fs::read(&whole).expect("a video");
    std::fs::write(&cut, &bytes[..bytes.len() / 3]).expect("a cut video");
    let lines =
        format!("{} 8 0\n{} 8 1\n{} 8 2\n", whole.display(), cut.display(), whole.display());
    std::fs::write(&list, lines).expect("a list");

    let mut json = train_json(&folder.path().join("run"));
    json["data"]["train"]["list"] = json!(list);
    json["train"]["epochs"] = json!(1);
    let (stopped, _) = run(&json, |_| false);
    let error = stopped.expect_err("a broken sample").to_string();
    assert!(error.contains("cut.mp4") && error.contains("list.txt:2"), "{error}");

    json["data"]["onError"] = json!("skip");
    json["output"]["dir"] = json!(folder.path().join("skipping"));
    let (result, _) = run_whole(&json);
    assert_eq!(result.skipped.len(), 1);
    assert!(result.skipped[0].input.ends_with("cut.mp4"));
}

#[test]
fn a_loss_that_is_no_number_names_its_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut json = train_json(&folder.path().join("run"));
    json["optimizer"] = json!({ "type": "sgd", "lr": 1e30 });
    json["schedule"] = json!({ "type": "constant" });
    json["train"]["clipGradient"] = Value::Null;
    let (result, _) = run(&json, |_| false);
    let error = result.expect_err("a diverged run");
    assert_eq!(error.code(), "LOSS_NOT_FINITE");
    assert!(
        error.to_string().contains("optimizer.lr") && error.to_string().contains("epoch 1"),
        "{error}"
    );
}

#[test]
fn a_run_starts_from_an_image_network_and_says_what_became_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    // A file as torchvision's, of another number of classes.
    let spec = config::parse_value(&json!({ "arch": "tsn", "numClasses": 7 })).expect("a spec");
    let image = Predictor::create(spec, None, Some(3), Device::Cpu, None).expect("a network");
    image.save(&at("tsn.safetensors")).expect("a checkpoint");
    let request = json!({
        "input": at("tsn.safetensors"), "output": at("resnet18.pth"), "names": "torchvision",
    });
    let report = convert(&config::parse_value(&request).expect("a request")).expect("a file");
    assert!(report.left_out.is_empty() && report.tensors == report.report.loaded.len());

    let mut json = train_json(&at("run"));
    json["init"] = json!({ "weights": at("resnet18.pth") });
    json["train"]["epochs"] = json!(1);
    let (_, events) = run_whole(&json);
    assert!(matches!(events[0], TrainEvent::Start { .. }));
    let TrainEvent::Init { weights, report } = &events[1] else { panic!("{:?}", events[1]) };
    assert!(weights.ends_with("resnet18.pth"));
    assert_eq!(report.source.map(Source::id), Some("torchvision"));
    assert_eq!(report.initialised.len(), 2, "the classifier");
    assert!(report.missing.is_empty() && report.unexpected.is_empty());
    assert_eq!(report.loaded.len() + report.reshaped.len(), image.model().vs.len());
}
