//! While TSM-R18 trains at 112 pixels, one worker thread keeps up with it.

mod support;

use std::path::Path;

use serde_json::json;
use support::{run_whole, train_json};
use timeweave_engine::TrainEvent;
use timeweave_video::motion::{MotionConfig, generate};

/// The largest part of an epoch that may go by waiting.
const MOST: f64 = 0.05;

#[test]
fn the_network_hardly_waits_for_its_data() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = MotionConfig {
        train_clips: 24,
        val_clips: 4,
        frames: 16,
        size: 128,
        ..MotionConfig::default()
    };
    generate(folder.path(), &config, &mut |_, _| ()).expect("the motion data set");
    let mut waits = Vec::new();
    // A machine that does something else may stop the worker's thread: the best of three runs counts.
    while waits.len() < 3 && waits.last().is_none_or(|&wait| wait >= MOST) {
        waits.push(wait_of_a_run(folder.path(), &format!("run{}", waits.len())));
    }
    assert!(waits.last() < Some(&MOST), "{waits:?} of an epoch");
}

/// The part of its only epoch that a run spends waiting for data.
fn wait_of_a_run(folder: &Path, name: &str) -> f64 {
    let mut json = train_json(&folder.join(name));
    json["model"]["numFrames"] = json!(8);
    json["data"] = json!({
        "train": { "list": folder.join("train.txt") },
        "classes": folder.join("classes.txt"),
        "preprocess": { "scaleSize": 128, "cropSize": 112, "flip": false },
        "workers": 1,
    });
    json["train"] = json!({ "epochs": 1, "batchSize": 4 });
    let (_, events) = run_whole(&json);
    let mut waits = events.into_iter().filter_map(|event| {
        let TrainEvent::Epoch { epoch, data_wait, seconds, .. } = event else { return None };
        println!("checked: {:.2} % of {seconds:.1} s waited in epoch {epoch}", data_wait * 100.0);
        Some(data_wait)
    });
    let wait = waits.next().expect("an epoch");
    assert!(waits.next().is_none());
    wait
}
