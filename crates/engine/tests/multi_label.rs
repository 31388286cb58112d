//! Videos that show several classes, mixed clips, views of tests, and what a run writes about its data.

mod support;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};
use support::{data, run, run_whole, train_json};
use timeweave_engine::{
    Device, EvalResult, Outcome, PredictInput, PredictOptions, Predictor, TrainEvent, config,
    evaluate,
};

/// A list of the drawn clips in which every clip shows its own class, and the first of two neighbours both.
fn list(folder: &Path, split: &str, clips: usize) -> std::path::PathBuf {
    let mut text = String::new();
    for clip in 0..clips {
        let video = data().join(format!("{split}/{clip:05}.mp4"));
        let label = clip % 4;
        if label % 2 == 0 {
            writeln!(text, "{} 8 {label},{}", video.display(), label + 1).expect("a line");
        } else {
            writeln!(text, "{} 8 {label}", video.display()).expect("a line");
        }
    }
    let path = folder.join(format!("{split}.txt"));
    std::fs::write(&path, text).expect("a list");
    path
}

fn eval(json: &Value) -> EvalResult {
    let config = config::parse_json(&json.to_string()).expect("a configuration");
    evaluate(&config, &|_| (), &AtomicBool::new(false)).expect("figures")
}

#[test]
fn a_multi_label_run_learns_measures_and_predicts_each_class_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut json = train_json(&folder.path().join("run"));
    json["data"]["train"]["list"] = json!(list(folder.path(), "train", 18));
    json["data"]["val"]["list"] = json!(list(folder.path(), "val", 10));
    let (refused, _) = run(&json, |_| false);
    let error = refused.expect_err("several labels").to_string();
    assert!(error.contains("train.txt:1") && error.contains("binaryCrossEntropy"), "{error}");

    json["train"]["loss"] = json!("binaryCrossEntropy");
    json["train"]["lossScale"] = json!(2.0);
    json["train"]["epochs"] = json!(3);
    json["output"]["dir"] = json!(folder.path().join("several"));
    let (result, events) = run_whole(&json);
    let vals: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            TrainEvent::Epoch { val, .. } => val.clone(),
            _ => None,
        })
        .collect();
    let last = vals.last().expect("validation");
    let best = vals.iter().filter_map(|val| val.map_sample).fold(0.0, f64::max);
    assert_eq!(result.best.map_sample, Some(best));
    // A fresh network says one half of every class: ln 2.
    assert!(last.loss < 0.75 && vals[0].loss > last.loss - 0.3, "{vals:?}");

    let figures = eval(&json!({
        "checkpoint": result.last.path,
        "data": { "list": folder.path().join("val.txt") },
        "batchSize": 4,
        "device": "cpu",
    }));
    assert_eq!((figures.map_sample, figures.map_class), (last.map_sample, last.map_class));
    assert!((figures.loss - last.loss).abs() < 1e-6);
    // Samples of class 0 show class 1 too: 3 + 3 of ten clips.
    let samples: Vec<u64> = figures.per_class.iter().map(|class| class.samples).collect();
    assert_eq!(samples, [3, 6, 2, 4]);

    let predictor =
        Predictor::load(Path::new(&result.last.path), None, Device::Cpu).expect("a network");
    assert!(predictor.multi_label());
    let input = PredictInput::Path(data().join("val/00000.mp4"));
    let outcomes = predictor
        .predict(&[input], &PredictOptions::default(), &AtomicBool::new(false))
        .expect("outcomes");
    let Outcome::Done(prediction) = &outcomes[0] else { panic!("a prediction") };
    let sum: f32 = prediction.predictions.iter().map(|class| class.score).sum();
    assert!((sum - 1.0).abs() > 1e-3, "scores of classes by themselves do not add up to 1: {sum}");
}

#[test]
fn single_label_figures_have_no_average_precision() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut json = train_json(&folder.path().join("run"));
    json["train"]["epochs"] = json!(1);
    let (result, _) = run_whole(&json);
    assert_eq!(result.best.map_sample, None);
    let config = |views: Value| {
        json!({
            "checkpoint": result.last.path,
            "data": { "list": data().join("val.txt") },
            "views": views,
            "batchSize": 3,
            "device": "cpu",
        })
    };
    let one = eval(&config(json!({})));
    assert_eq!((one.map_sample, one.map_class), (None, None));
    let same = eval(&config(json!({ "clips": 1, "crops": 1, "scales": [32] })));
    assert_eq!((one.loss, &one.confusion), (same.loss, &same.confusion));
    let views = json!({ "clips": 2, "crops": 5, "scales": [32, 40] });
    let many = eval(&config(views.clone()));
    assert_eq!(many.samples, 10);
    assert!((many.loss - one.loss).abs() > 1e-6, "views change the scores");
    let mut by_scores = config(views);
    by_scores["viewMean"] = json!("scores");
    assert!((eval(&by_scores).loss - many.loss).abs() > 1e-9);
    let mut twice = config(json!({}));
    twice["sampling"] = json!({ "type": "twice" });
    assert!((eval(&twice).loss - one.loss).abs() > 1e-9);
}

#[test]
fn mixed_and_changed_clips_train_the_same_whatever_the_workers() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut json = train_json(&folder.path().join("a"));
    json["train"]["epochs"] = json!(2);
    json["train"]["mixup"] = json!(0.8);
    json["train"]["cutmix"] = json!(1.0);
    json["train"]["logSamples"] = json!(true);
    json["data"]["preprocess"] = json!({
        "scaleSize": 32,
        "cropSize": 32,
        "trainCrop": { "type": "random-resized", "area": [0.5, 1] },
        "flip": true,
        "flipLabels": [[0, 1]],
        "colorJitter": {},
        "randAugment": {},
        "randomErasing": {},
    });
    let (a, events) = run_whole(&json);
    json["output"]["dir"] = json!(folder.path().join("b"));
    json["data"]["workers"] = json!(3);
    json["data"]["prefetch"] = json!(4);
    let (b, _) = run_whole(&json);
    assert!((a.last.loss - b.last.loss).abs() < 1e-12);
    let text = |run: &str| {
        std::fs::read_to_string(folder.path().join(run).join("samples.jsonl")).expect("the samples")
    };
    assert_eq!(text("a"), text("b"));
    let samples: Vec<Value> =
        text("a").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(samples.len(), 36);
    for sample in &samples {
        let own = (sample["line"].as_u64().expect("a line") - 1) % 4;
        let mirrored = sample["mirrored"].as_bool().expect("a flag");
        let expected = if mirrored && own < 2 { 1 - own } else { own };
        assert_eq!(sample["labels"], json!([expected]), "{sample}");
        assert_eq!(sample["frames"].as_array().map(Vec::len), Some(4));
    }
    assert!(samples.iter().any(|sample| sample["mirrored"] == true));
    let waits = events.iter().filter_map(|event| match event {
        TrainEvent::Epoch { data_wait, .. } => Some(*data_wait),
        _ => None,
    });
    assert!(waits.into_iter().all(|wait| (0.0..1.0).contains(&wait)));
}
