//! Known data sets in a training: class names, number of classes, and the classes that change places in a mirror.

mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::{data, run, run_whole, train_json};
use timeweave_engine::{Device, Predictor};

/// A short run on drawn clips, whose labels 0 to 3 stand for classes of a known data set.
fn known(dir: &Path, dataset: &str, classes: u64) -> Value {
    let mut json = train_json(&dir.join("run"));
    json["model"]["numClasses"] = json!(classes);
    json["data"]["dataset"] = json!(dataset);
    json["data"].as_object_mut().expect("fields").remove("classes");
    json["data"]["preprocess"]["flip"] = json!(true);
    json["train"] = json!({ "epochs": 1, "batchSize": 6, "logSamples": true });
    json
}

#[test]
fn a_known_data_set_gives_names_and_pairs() {
    let folder = tempfile::tempdir().expect("a folder");
    let (result, _) = run_whole(&known(folder.path(), "jester", 27));
    let pairs = &result.config["data"]["preprocess"]["flipLabels"];
    assert_eq!(*pairs, json!([[0, 1], [6, 7], [14, 15]]));
    let predictor = Predictor::load(Path::new(&result.last.path), None, Device::Cpu);
    assert_eq!(predictor.expect("a network").classes()[0], "Swiping Left");

    // The list has a class and its twin at equal parts; what was mirrored counts as the other one.
    let list = fs::read_to_string(data().join("train.txt")).expect("a list");
    let labels: Vec<u64> = list
        .lines()
        .filter_map(|line| line.rsplit(' ').next().and_then(|label| label.parse().ok()))
        .collect();
    let samples = fs::read_to_string(folder.path().join("run/samples.jsonl")).expect("samples");
    let mut mirrored = 0;
    for line in samples.lines() {
        let sample: Value = serde_json::from_str(line).expect("JSON");
        let own = labels[sample["line"].as_u64().expect("a line") as usize - 1];
        let is_mirrored = sample["mirrored"] == json!(true);
        mirrored += usize::from(is_mirrored);
        let expected = if is_mirrored && own < 2 { 1 - own } else { own };
        assert_eq!(sample["labels"], json!([expected]), "{line}");
    }
    assert!((1..18).contains(&mirrored), "{mirrored} of 18 mirrored");
}

#[test]
fn a_file_of_names_decides_over_the_numbers_of_a_data_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("names.txt");
    let mut names = vec!["Swiping Right", "Thumb Up", "Swiping Left"];
    names.extend(["Doing other things"; 24]);
    fs::write(&file, names.join("\n")).expect("names");
    let mut json = known(folder.path(), "jester", 27);
    json["data"]["classes"] = json!(file);
    let (result, _) = run_whole(&json);
    assert_eq!(result.config["data"]["preprocess"]["flipLabels"], json!([[0, 2]]));
}

#[test]
fn what_a_data_set_cannot_say_is_asked_for() {
    let refusal = |json: &Value, words: &[&str]| {
        let error = run(json, |_| false).0.expect_err("a refusal");
        let message = error.to_string();
        assert_eq!(error.code(), "CONFIG_INVALID", "{message}");
        for word in words {
            assert!(message.contains(word), "no {word:?} in {message:?}");
        }
    };
    let folder = tempfile::tempdir().expect("a folder");
    let json = known(folder.path(), "something-v1", 174);
    let labels = "data.preprocess.flipLabels";
    refusal(&json, &[labels, "something-something-v1-labels.csv", "flip: false"]);
    let json = known(folder.path(), "jester", 26);
    refusal(&json, &["model.numClasses", "27 (the classes of Jester)", "received 26"]);
    let json = known(folder.path(), "gester", 27);
    refusal(&json, &["data.dataset", "jester", "`gester`"]);
    let mut json = known(folder.path(), "jester", 27);
    let file = folder.path().join("names.txt");
    let names: Vec<String> = (0..27).map(|k| format!("wave {k}")).collect();
    fs::write(&file, names.join("\n").replace("wave 5", "waving left")).expect("names");
    json["data"]["classes"] = json!(file);
    refusal(&json, &[labels, "class 5", "`waving left`"]);
    assert!(!folder.path().join("run").exists(), "a run that cannot start leaves no folder");

    let mut json = known(folder.path(), "something-v1", 174);
    json["data"]["preprocess"]["flip"] = json!(false);
    run_whole(&json);
    let folder = tempfile::tempdir().expect("a folder");
    let (result, _) = run_whole(&known(folder.path(), "something-v2", 174));
    let pairs = &result.config["data"]["preprocess"]["flipLabels"];
    assert_eq!(*pairs, json!([[86, 87], [93, 94], [166, 167]]));
}
