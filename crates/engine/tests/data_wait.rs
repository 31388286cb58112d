//! While TSM-R18 trains at 112 pixels, one worker thread keeps up with it.

mod support;

use serde_json::json;
use support::{run_whole, train_json};
use timeweave_engine::TrainEvent;
use timeweave_video::motion::{MotionConfig, generate};

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
    let mut json = train_json(&folder.path().join("run"));
    json["model"]["numFrames"] = json!(8);
    json["data"] = json!({
        "train": { "list": folder.path().join("train.txt") },
        "classes": folder.path().join("classes.txt"),
        "preprocess": { "scaleSize": 128, "cropSize": 112, "flip": false },
        "workers": 1,
    });
    json["train"] = json!({ "epochs": 1, "batchSize": 4 });
    let (_, events) = run_whole(&json);
    let mut checked = 0;
    for event in events {
        let TrainEvent::Epoch { epoch, data_wait, seconds, .. } = event else { continue };
        println!("checked: {:.2} % of {seconds:.1} s waited in epoch {epoch}", data_wait * 100.0);
        assert!(data_wait < 0.05, "{data_wait} of {seconds} s");
        checked += 1;
    }
    assert_eq!(checked, 1);
}
