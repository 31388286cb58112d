//! A drawn data set and configurations for runs that take a second.
#![allow(dead_code, reason = "each test program uses its part")]

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};
use timeweave_engine::{EngineError, TrainConfig, TrainEvent, TrainResult, config, train};
use timeweave_video::motion::{MotionConfig, generate};

/// The folder with the lists, drawn once per test program into Cargo's own temporary folder: what is shared by tests until
/// the program ends is never dropped.
pub fn data() -> &'static Path {
    static DATA: OnceLock<PathBuf> = OnceLock::new();
    DATA.get_or_init(|| {
        let name = concat!("motion-", env!("CARGO_CRATE_NAME"));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        let config = MotionConfig {
            train_clips: 18,
            val_clips: 10,
            frames: 8,
            size: 32,
            ..MotionConfig::default()
        };
        generate(&folder, &config, &mut |_, _| ()).expect("the motion data set");
        folder
    })
}

/// A run of TSM-R18 on 32x32 clips of 4 frames, in `dir`.
pub fn train_json(dir: &Path) -> Value {
    json!({
        "model": { "arch": "tsm", "depth": 18, "numClasses": 4, "numFrames": 4 },
        "data": {
            "train": { "list": data().join("train.txt") },
            "val": { "list": data().join("val.txt") },
            "classes": data().join("classes.txt"),
            "preprocess": { "scaleSize": 32, "cropSize": 32, "flip": false },
            "workers": 1,
        },
        "optimizer": { "type": "sgd", "lr": 0.01 },
        "schedule": { "type": "cosine", "warmupEpochs": 1 },
        "train": { "epochs": 4, "batchSize": 4, "logEvery": 2 },
        "device": "cpu",
        "output": { "dir": dir },
    })
}

/// Reads a configuration as the binding does.
pub fn parse(json: &Value) -> Result<TrainConfig, EngineError> {
    config::parse_json(&json.to_string())
}

/// Trains and keeps the events; `stop` says after which event the run is stopped.
pub fn run(
    json: &Value,
    stop: impl Fn(&TrainEvent) -> bool,
) -> (Result<TrainResult, EngineError>, Vec<TrainEvent>) {
    let cancel = AtomicBool::new(false);
    let events = RefCell::new(Vec::new());
    let result = parse(json).and_then(|config| {
        let listen = |event: TrainEvent| {
            if stop(&event) {
                cancel.store(true, std::sync::atomic::Ordering::Relaxed);
            }
            events.borrow_mut().push(event);
        };
        train(&config, &listen, &cancel)
    });
    (result, events.into_inner())
}

/// Trains to the end.
pub fn run_whole(json: &Value) -> (TrainResult, Vec<TrainEvent>) {
    let (result, events) = run(json, |_| false);
    (result.expect("a finished run"), events)
}
