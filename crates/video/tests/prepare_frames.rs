//! Frames out of videos: whole folders, once, by shards, and after a stop.

mod made;
mod numbered;

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use made::{quiet, text, video};
use numbered::number;
use serde_json::json;
use timeweave_video::prepare::frames::{FramesConfig, FramesResult, extract};
use timeweave_video::prepare::{PrepareConfig, Watch};
use timeweave_video::{OpenOptions, RgbImage, VideoError, open};

fn frames(config: &FramesConfig) -> Result<FramesResult, VideoError> {
    extract(config, quiet())
}

fn read_all(folder: &Path) -> Vec<RgbImage> {
    let mut source = open(folder, &OpenOptions::default()).expect("frames");
    let count = source.frame_count().expect("frames");
    source.frames(&(0..count).collect::<Vec<_>>()).expect("frames")
}

#[test]
fn frames_are_extracted_once_and_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let (root, out) = (folder.path().join("videos"), folder.path().join("frames"));
    video(&root.join("a/one.mp4"), 20);
    video(&root.join("a/two two.mp4"), 7);
    fs::write(root.join("broken.mp4"), "no video").expect("a file");
    let config =
        FramesConfig { short_side: None, workers: Some(2), ..FramesConfig::new(&root, &out) };
    let result = frames(&config).expect("frames");
    assert_eq!((result.videos, result.extracted, result.kept, result.frames), (3, 2, 0, 27));
    assert_eq!(
        (result.failed[0].input.as_str(), result.failed[0].code.as_str()),
        ("broken.mp4", "NOT_A_VIDEO")
    );
    assert!(!out.join("broken").exists() && !out.join(".broken.partial").exists());
    let images = read_all(&out.join("a/one"));
    assert_eq!(
        images.iter().map(number).collect::<Vec<_>>(),
        (0..20).map(Some).collect::<Vec<_>>()
    );
    assert!(out.join("a/two two/img_00007.jpg").is_file());

    let again = frames(&config).expect("frames");
    assert_eq!((again.extracted, again.kept, again.frames), (0, 2, 27));
    fs::remove_file(out.join("a/one/img_00003.jpg")).expect("a frame");
    assert!(
        frames(&config)
            .expect("frames")
            .failed
            .iter()
            .any(|failed| failed.message.contains("overwrite"))
    );
    let replaced = frames(&FramesConfig { overwrite: true, ..config.clone() }).expect("frames");
    assert_eq!((replaced.extracted, replaced.kept), (1, 1));
    // Other settings are other frames.
    let smaller = FramesConfig { short_side: Some(16), ..config.clone() };
    assert_eq!(frames(&smaller).expect("frames").failed.len(), 3);
    frames(&FramesConfig { overwrite: true, ..smaller }).expect("frames");
    let image = &read_all(&out.join("a/one"))[0];
    assert_eq!((image.width, image.height), (64, 16));

    let png = FramesConfig {
        template: "{:03d}.png".into(),
        first: 0,
        ..FramesConfig::new(&root, folder.path().join("png"))
    };
    frames(&FramesConfig { short_side: None, ..png }).expect("frames");
    let mut source = open(&root.join("a/one.mp4"), &OpenOptions::default()).expect("a video");
    let decoded = source.frames(&[0, 5]).expect("frames");
    let images = read_all(&folder.path().join("png/a/one"));
    assert!(folder.path().join("png/a/one/000.png").is_file());
    assert!(images[0] == decoded[0] && images[5] == decoded[1], "PNG loses nothing");
}

#[test]
fn shards_share_the_work_and_lists_are_written_when_all_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    for clip in 0..5 {
        video(&folder.path().join(format!("v{clip}.mp4")), 3 + clip);
    }
    let list = folder.path().join("train.txt");
    fs::write(&list, "v0.mp4 0\nv1.mp4 1\nv2.mp4 2,0\nv3.mp4 0\nv4.mp4 1\n").expect("a list");
    let out = folder.path().join("frames");
    let config = FramesConfig { short_side: Some(16), ..FramesConfig::new(&list, &out) };
    let shard = |text: &str| FramesConfig { shard: Some(text.into()), ..config.clone() };
    assert_eq!(frames(&shard("1/2")).expect("frames").extracted, 3);
    assert!(!out.join("v1").exists());
    assert_eq!(frames(&shard("2/2")).expect("frames").extracted, 2);
    let list_out = folder.path().join("frames.txt");
    let last = FramesConfig { list_out: Some(list_out.clone()), ..config.clone() };
    assert_eq!(frames(&last).expect("frames").kept, 5);
    assert_eq!(text(&list_out), "v0 3 0\nv1 4 1\nv2 5 2,0\nv3 6 0\nv4 7 1\n");
    for bad in [
        FramesConfig { list_out: Some(list_out), ..shard("1/2") },
        shard("0/2"),
        shard("3/2"),
        shard("2"),
        FramesConfig { quality: 0, ..config.clone() },
        FramesConfig { short_side: Some(2), ..config.clone() },
        FramesConfig { template: "img.jpg".into(), ..config.clone() },
        FramesConfig { template: "{:05d}.bmp".into(), ..config.clone() },
        FramesConfig { workers: Some(0), ..config.clone() },
        FramesConfig { input: out.join("v0"), ..config.clone() },
    ] {
        assert_eq!(frames(&bad).expect_err("bad settings").code(), "INVALID_OPTION", "{bad:?}");
    }
    video(&folder.path().join("v0.mkv"), 3);
    fs::write(&list, "v0.mp4 0\nv0.mkv 0\n").expect("a list");
    assert!(
        frames(&config)
            .expect_err("two in one folder")
            .to_string()
            .contains("`v0.mp4` and `v0.mkv`")
    );
    fs::write(&list, "../v0.mp4 0\n").expect("a list");
    assert_eq!(frames(&config).expect_err("outside").code(), "INVALID_OPTION");
    // Folders of frames are resized into another place, never into their own.
    fs::write(&list, "frames/v4 1\n").expect("a list");
    let onto = FramesConfig { out: folder.path().to_owned(), overwrite: true, ..config.clone() };
    assert_eq!(frames(&onto).expect_err("the same folder").code(), "INVALID_OPTION");
    let beside = FramesConfig { out: folder.path().join("small"), ..config };
    assert_eq!(frames(&beside).expect("frames").frames, 7);
}

#[test]
fn a_stopped_extraction_leaves_whole_folders_only_and_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let (root, out) = (folder.path().join("videos"), folder.path().join("frames"));
    for clip in 0..6 {
        video(&root.join(format!("{clip}.mp4")), 30);
    }
    let config = FramesConfig { workers: Some(1), ..FramesConfig::new(&root, &out) };
    let cancel = AtomicBool::new(false);
    let steps = Mutex::new(Vec::new());
    let step = |step: &timeweave_video::prepare::Step| {
        steps.lock().expect("steps").push((step.done, step.total));
        cancel.store(step.done == 2, Ordering::Relaxed);
    };
    let error = extract(&config, Watch { step: &step, cancel: &cancel }).expect_err("stopped");
    assert_eq!(error.code(), "ABORTED");
    assert!(steps.lock().expect("steps").starts_with(&[(1, 6), (2, 6)]));
    let there: Vec<String> = fs::read_dir(&out)
        .expect("a folder")
        .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert!(there.iter().all(|name| !name.starts_with('.')), "{there:?}");
    // What a killed process leaves does not stand in the way.
    fs::create_dir(out.join(".5.partial")).expect("a folder");
    fs::write(out.join(".5.partial/img_00001.jpg"), "half").expect("a file");
    let rest = frames(&config).expect("frames");
    assert_eq!((rest.kept, rest.extracted), (there.len(), 6 - there.len()));
    assert!(!out.join(".5.partial").exists());
}

#[test]
fn the_work_is_chosen_by_one_json_value() {
    let config = json!({ "task": "frames", "input": "videos", "out": "frames", "shortSide": null });
    let PrepareConfig::Frames(config) = serde_json::from_value(config).expect("a configuration")
    else {
        panic!("another task")
    };
    assert_eq!((config.short_side, config.quality), (None, 90));
    assert!(
        serde_json::from_value::<PrepareConfig>(
            json!({ "task": "frames", "input": "a", "out": "b", "x": 1 })
        )
        .is_err()
    );
}
