//! Networks of optical flow and of differences between frames: trained, evaluated and asked, from files.

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};
use support::{data, run, run_whole, train_json};
use timeweave_engine::{
    Device, Outcome, PredictInput, PredictOptions, Prediction, Predictor, config, evaluate,
};
use timeweave_video::{OpenOptions, RgbImage};

const PAIRS: usize = 8;
const CLASSES: [&str; 2] = ["moving left", "moving right"];

fn grey(path: &Path, value: impl Fn(usize) -> u8) {
    let (width, height) = (40, 32);
    let file = fs::File::create(path).expect("a file");
    let mut encoder = png::Encoder::new(file, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    let pixels: Vec<u8> = (0..(width * height) as usize).map(value).collect();
    encoder.write_header().expect("a header").write_image_data(&pixels).expect("pixels");
}

/// A folder of flow pairs: horizontal motion to the left below the middle grey, to the right above it.
fn write_flow(folder: &Path, label: usize, clip: usize) {
    fs::create_dir_all(folder).expect("a folder");
    for pair in 1..=PAIRS {
        let ripple = |pixel: usize| ((pixel * 7 + clip * 13 + pair * 5) % 32) as u8;
        let across = if label == 0 { 60 } else { 164 };
        grey(&folder.join(format!("flow_x_{pair:05}.png")), |pixel| across + ripple(pixel));
        grey(&folder.join(format!("flow_y_{pair:05}.png")), |pixel| 112 + ripple(pixel * 3));
    }
}

/// Lists of flow folders. The one to train on counts the frames that the flow was made of, the other one the pairs.
fn flow_data(dir: &Path) {
    for (list, clips, frames) in [("train.txt", 24, PAIRS + 1), ("val.txt", 8, PAIRS)] {
        let mut lines = String::new();
        for clip in 0..clips {
            let name = format!("{}{clip}", list.trim_end_matches(".txt"));
            write_flow(&dir.join(&name), clip % 2, clip);
            writeln!(lines, "{name} {frames} {}", clip % 2).expect("memory");
        }
        fs::write(dir.join(list), lines).expect("a list");
    }
    fs::write(dir.join("classes.txt"), CLASSES.join("\n")).expect("names");
}

fn flow_json(dir: &Path) -> Value {
    let mut json = train_json(&dir.join("run"));
    json["model"] = json!({
        "arch": "tsn", "depth": 18, "numClasses": 2, "numFrames": 3, "modality": "flow", "dropout": 0.0,
    });
    json["data"] = json!({
        "train": { "list": dir.join("train.txt") },
        "val": { "list": dir.join("val.txt") },
        "classes": dir.join("classes.txt"),
        "preprocess": { "scaleSize": 32, "cropSize": 32, "flip": true, "flipLabels": [[0, 1]] },
    });
    json["optimizer"] = json!({ "type": "adamw", "lr": 0.001 });
    json["train"] = json!({ "epochs": 8, "batchSize": 8 });
    json
}

fn predict(predictor: &Predictor, input: PredictInput, options: &PredictOptions) -> Outcome {
    let outcomes = predictor.predict(&[input], options, &AtomicBool::new(false));
    outcomes.expect("possible options").remove(0)
}

fn done(outcome: Outcome) -> Prediction {
    match outcome {
        Outcome::Done(prediction) => prediction,
        Outcome::Failed { error, .. } => panic!("{}: {}", error.code, error.message),
    }
}

fn failed(outcome: Outcome) -> (String, String) {
    match outcome {
        Outcome::Failed { error, .. } => (error.code, error.message),
        Outcome::Done(_) => panic!("expected a failure"),
    }
}

#[test]
fn optical_flow_is_learnt_tested_and_predicted_from_folders() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    flow_data(dir);
    // Mirrored clips change their class: this is learnt only if their horizontal motion is turned round.
    let (result, _) = run_whole(&flow_json(dir));
    assert_eq!(result.last.top1, Some(1.0), "loss {}", result.last.loss);

    let json = json!({
        "checkpoint": result.last.path, "data": { "list": dir.join("val.txt") }, "device": "cpu",
        "views": { "clips": 2, "crops": 10 },
    });
    let config = config::parse_json(&json.to_string()).expect("a configuration");
    let figures = evaluate(&config, &|_| (), &AtomicBool::new(false)).expect("figures");
    // Half of ten crops are mirrored, and what moves left in them moves right: they know no class.
    assert_eq!(figures.samples, 8);
    let json = json!({ "checkpoint": result.last.path, "data": { "list": dir.join("val.txt") }, "device": "cpu" });
    let config = config::parse_json(&json.to_string()).expect("a configuration");
    let figures = evaluate(&config, &|_| (), &AtomicBool::new(false)).expect("figures");
    assert_eq!((figures.top1, figures.samples), (1.0, 8));

    let path = Path::new(&result.last.path);
    let predictor = Predictor::load(path, None, Device::Cpu).expect("a network");
    let options = PredictOptions::default();
    for (clip, name) in [(0, CLASSES[0]), (5, CLASSES[1])] {
        let input = PredictInput::Path(dir.join(format!("val{clip}")));
        let answer = done(predict(&predictor, input, &options));
        assert_eq!(answer.predictions[0].label, name);
        assert_eq!(
            answer.frames,
            [0, 1, 2, 3, 4, 2, 3, 4, 5, 6, 3, 4, 5, 6, 7],
            "5 pairs a segment"
        );
    }

    let flow = |x: u8| {
        let image = RgbImage { width: 40, height: 32, data: [x, 128, 0].repeat(40 * 32) };
        PredictInput::Frames { name: "clip".into(), frames: vec![image; 8] }
    };
    let (code, message) = failed(predict(&predictor, flow(70), &options));
    assert!(code == "NO_FLOW" && message.contains("decode.flow: true"), "{code}: {message}");
    let open = OpenOptions { flow: true, ..OpenOptions::default() };
    let marked = PredictOptions { decode: open, ..options };
    assert_eq!(done(predict(&predictor, flow(70), &marked)).predictions[0].label, CLASSES[0]);
    assert_eq!(done(predict(&predictor, flow(180), &marked)).predictions[0].label, CLASSES[1]);
}

/// Code and message of a training that cannot be.
fn refusal(json: &Value) -> (&'static str, String) {
    let error = run(json, |_| false).0.expect_err("a refusal");
    (error.code(), error.to_string())
}

fn assert_refused(json: &Value, code: &str, words: &[&str]) {
    let (received, message) = refusal(json);
    assert_eq!(received, code, "{message}");
    for word in words {
        assert!(message.contains(word), "no {word:?} in {message:?}");
    }
}

#[test]
fn flow_that_is_not_there_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    flow_data(dir);
    let list = |text: String| -> Value {
        fs::write(dir.join("bad.txt"), text).expect("a list");
        let mut json = flow_json(dir);
        json["output"]["dir"] = json!(dir.join("other"));
        json["data"]["train"]["list"] = json!(dir.join("bad.txt"));
        let _ = fs::remove_dir_all(dir.join("other"));
        json
    };
    let video: PathBuf = data().join("val/00000.mp4");
    let json = list(format!("train0 9 0\n{} 8 0\n", video.display()));
    assert_refused(&json, "NO_FLOW", &["bad.txt:2:", "00000.mp4", "denseflow"]);
    let json = list("train0 10 0\n".into());
    assert_refused(&json, "LIST_INVALID", &["bad.txt:1:", "at most 9", "received 10"]);
    fs::create_dir(dir.join("colour")).expect("a folder");
    for frame in 1..4 {
        grey(&dir.join(format!("colour/img_{frame:05}.png")), |_| 9);
    }
    let json = list("colour 3 0\n".into());
    assert_refused(&json, "NO_FRAMES", &["bad.txt:1:", "flow_x_00001.jpg", "colour"]);
    write_flow(&dir.join("half"), 0, 0);
    fs::remove_file(dir.join("half/flow_y_00004.png")).expect("a picture less");
    let json = list("half 8 0\n".into());
    assert_refused(&json, "FRAME_MISSING", &["bad.txt:1:", "flow_y_00004.png", "index 3"]);
    let mut json = list("train0 9 0\nhalf 8 0\n".into());
    json["data"]["onError"] = json!("skip");
    json["train"] = json!({ "epochs": 1, "batchSize": 2 });
    let skipped = run_whole(&json).0.skipped;
    assert_eq!(skipped.iter().map(|one| one.code.as_str()).collect::<Vec<_>>(), ["FRAME_MISSING"]);
}

#[test]
fn options_that_do_not_fit_the_modality_are_refused_before_a_file_is_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    flow_data(folder.path());
    let with = |modality: &str, decode: Value| {
        let mut json = flow_json(folder.path());
        json["model"]["modality"] = json!(modality);
        json["data"]["decode"] = decode;
        json
    };
    let template = "data.decode.template";
    let json = with("flow", json!({ "template": "img_{:05d}.png" }));
    assert_refused(
        &json,
        "CONFIG_INVALID",
        &[template, "flow_{x|y}_{:05d}.jpg", "`img_{:05d}.png`"],
    );
    let json = with("rgb", json!({ "template": "flow_{}_{:05d}.png" }));
    assert_refused(&json, "CONFIG_INVALID", &[template, "no place for an axis"]);
    for modality in ["rgb", "rgb-diff"] {
        let json = with(modality, json!({ "flow": true }));
        assert_refused(&json, "CONFIG_INVALID", &["data.decode.flow", "colour frames"]);
    }
    let json = with("flow", json!({ "template": "flow_{x|y}_{:05d}.png" }));
    run_whole(&json);
}

#[test]
fn differences_of_frames_are_learnt_tested_and_predicted_from_videos() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut json = train_json(&folder.path().join("run"));
    json["model"] = json!({
        "arch": "tsm", "depth": 18, "numClasses": 4, "numFrames": 3, "modality": "rgb-diff",
    });
    json["train"] = json!({ "epochs": 2, "batchSize": 6, "logSamples": true });
    let (result, events) = run_whole(&json);
    assert!(result.last.loss.is_finite() && events.len() > 4);
    // Eight frames hold six consecutive ones at three places.
    let samples = fs::read_to_string(folder.path().join("run/samples.jsonl")).expect("samples");
    for line in samples.lines() {
        let sample: Value = serde_json::from_str(line).expect("JSON");
        let frames = sample["frames"].as_array().expect("frames");
        assert_eq!(frames.len(), 18, "{line}");
        assert!(frames.chunks(6).all(|part| part[5] == json!(part[0].as_u64().unwrap_or(9) + 5)));
    }
    let json = json!({ "checkpoint": result.last.path, "data": { "list": data().join("val.txt") }, "device": "cpu" });
    let config = config::parse_json(&json.to_string()).expect("a configuration");
    let figures = evaluate(&config, &|_| (), &AtomicBool::new(false)).expect("figures");
    assert_eq!(Some(figures.top1), result.last.top1);
    let path = Path::new(&result.last.path);
    let predictor = Predictor::load(path, None, Device::Cpu).expect("a network");
    let input = PredictInput::Path(data().join("val/00001.mp4"));
    let answer = done(predict(&predictor, input, &PredictOptions::default()));
    assert_eq!((answer.frames.len(), answer.predictions.len()), (18, 4));
}
