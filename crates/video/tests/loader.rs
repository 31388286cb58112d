//! Data sets and the loader on folders of PNG frames and on real video files.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use timeweave_video::dataset::{Dataset, DatasetOptions};
use timeweave_video::list::{self, ListOptions};
use timeweave_video::loader::{Batch, Loader, LoaderOptions, OnError};
use timeweave_video::transform::{Preprocess, Stack};
use timeweave_video::{OpenOptions, RgbImage, VideoError, write_video};

/// A picture whose colour tells clip and frame, and which is not the same left and right.
fn picture(clip: usize, frame: usize) -> RgbImage {
    let pixel = |i: usize| [(i % 32 * 4) as u8, (clip * 10) as u8, (frame * 12) as u8];
    RgbImage::new(32, 24, (0..32 * 24).flat_map(pixel).collect()).expect("a picture")
}

fn write_folder(path: &Path, clip: usize, frames: usize) {
    std::fs::create_dir_all(path).expect("a folder");
    for frame in 0..frames {
        let file =
            std::fs::File::create(path.join(format!("{:05}.png", frame + 1))).expect("a file");
        let mut encoder = png::Encoder::new(file, 32, 24);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header().expect("a header");
        writer.write_image_data(&picture(clip, frame).data).expect("an image");
    }
}

/// A list of `clips` frame folders of 12 frames; lines in `broken` name a folder that is not there.
fn folders(clips: usize, broken: &[usize]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    let mut text = String::new();
    for clip in 0..clips {
        if broken.contains(&clip) {
            writeln!(text, "missing{clip} 12 {}", clip % 3).expect("a line");
        } else {
            write_folder(&root.path().join(format!("clip{clip}")), clip, 12);
            writeln!(text, "clip{clip} 12 {}", clip % 3).expect("a line");
        }
    }
    std::fs::write(root.path().join("list.txt"), text).expect("a list");
    root
}

fn small() -> Preprocess {
    Preprocess { scale_size: 18, crop_size: 16, ..Preprocess::default() }
}

fn dataset(root: &Path, is_train: bool) -> Arc<Dataset> {
    let list = list::read(&root.join("list.txt"), &ListOptions::default()).expect("a list");
    let options = DatasetOptions {
        preprocess: small(),
        num_frames: 4,
        stack: Stack::Rgb,
        views: None,
        is_train,
        seed: 7,
        open: OpenOptions::default(),
    };
    Arc::new(Dataset::new(list, options).expect("a data set"))
}

fn options(batch_size: usize, workers: usize) -> LoaderOptions {
    LoaderOptions { batch_size, workers, ..LoaderOptions::default() }
}

fn batches(dataset: &Arc<Dataset>, epoch: u64, options: LoaderOptions) -> Vec<Batch> {
    let loader = Loader::new(Arc::clone(dataset), epoch, options).expect("a loader");
    loader.collect::<Result<_, _>>().expect("no sample fails")
}

#[test]
fn batches_are_the_same_whatever_the_number_of_workers() {
    let root = folders(23, &[]);
    let data = dataset(root.path(), true);
    let shuffled = |workers| LoaderOptions { shuffle: true, ..options(4, workers) };
    let one = batches(&data, 3, shuffled(1));
    for workers in [2, 5, 40] {
        assert!(batches(&data, 3, shuffled(workers)) == one, "{workers} workers");
    }
    assert_eq!(one.iter().map(|batch| batch.shape[0]).collect::<Vec<_>>(), [4, 4, 4, 4, 4, 3]);
    assert!(one.iter().all(|batch| batch.shape[1..] == [4, 3, 16, 16]));
    assert!(one.iter().all(|batch| batch.clips.len() == batch.shape.iter().product::<usize>()));
    let seen: BTreeSet<_> = one.iter().flat_map(|batch| batch.samples.clone()).collect();
    assert_eq!(seen, (0..23).collect());
    for batch in &one {
        assert_eq!(
            batch.labels,
            batch.samples.iter().map(|record| vec![record % 3]).collect::<Vec<_>>()
        );
    }
}

#[test]
fn order_and_training_clips_change_with_epoch_and_seed_only() {
    let root = folders(12, &[]);
    let train = dataset(root.path(), true);
    let shuffled = LoaderOptions { shuffle: true, ..options(12, 2) };
    let epoch = |epoch| batches(&train, epoch, shuffled).remove(0);
    assert_eq!(epoch(0), epoch(0));
    assert_ne!(epoch(0).samples, epoch(1).samples);
    assert_ne!(train.get(0, 5).expect("a sample").clip, train.get(1, 5).expect("a sample").clip);
    let plain = batches(&train, 0, options(12, 2)).remove(0);
    assert_eq!(plain.samples, (0..12).collect::<Vec<_>>());

    let eval = dataset(root.path(), false);
    assert_eq!(eval.get(0, 5), eval.get(9, 5));
    assert_eq!(eval.get(0, 5).expect("a sample").frames, [1, 4, 7, 10]);
}

#[test]
fn an_unfull_last_batch_is_left_out_when_asked() {
    let root = folders(10, &[]);
    let data = dataset(root.path(), true);
    let drop_last = LoaderOptions { drop_last: true, ..options(4, 2) };
    let loader = Loader::new(Arc::clone(&data), 0, drop_last).expect("a loader");
    assert_eq!((loader.batch_count(), loader.count()), (2, 2));
    let loader = Loader::new(data, 0, options(4, 2)).expect("a loader");
    assert_eq!((loader.batch_count(), loader.count()), (3, 3));
}

#[test]
fn a_sample_that_fails_ends_the_epoch_with_list_line_and_video() {
    let root = folders(9, &[5]);
    let data = dataset(root.path(), true);
    let mut loader = Loader::new(data, 0, options(2, 3)).expect("a loader");
    assert!(loader.next().expect("a batch").is_ok() && loader.next().expect("a batch").is_ok());
    let error = loader.next().expect("an end").expect_err("a failing sample");
    assert_eq!(error.code(), "FILE_NOT_FOUND");
    let VideoError::Sample { file, line, video, .. } = &error else { panic!("{error}") };
    assert_eq!((file.file_name(), *line), (Some("list.txt".as_ref()), 6));
    assert!(video.ends_with("missing5") && error.to_string().contains("missing5"), "{error}");
    assert!(loader.next().is_none());
}

#[test]
fn samples_that_fail_can_be_skipped_and_are_listed() {
    let root = folders(11, &[0, 4, 5, 10]);
    let data = dataset(root.path(), true);
    let skip = |workers| LoaderOptions { on_error: OnError::Skip, ..options(3, workers) };
    let one = batches(&data, 0, skip(1));
    assert!(one == batches(&data, 0, skip(4)));
    let samples: Vec<_> = one.iter().map(|batch| batch.samples.clone()).collect();
    assert_eq!(samples, [vec![1, 2, 3], vec![6, 7, 8], vec![9]]);
    let mut loader = Loader::new(data, 0, skip(2)).expect("a loader");
    assert_eq!(loader.by_ref().count(), 3);
    let skipped: Vec<_> =
        loader.skipped().iter().map(|skip| (skip.record, skip.input.as_str(), skip.code)).collect();
    let missing = [(0, "missing0"), (4, "missing4"), (5, "missing5"), (10, "missing10")];
    assert_eq!(skipped, missing.map(|(record, input)| (record, input, "FILE_NOT_FOUND")));
    assert!(
        loader.skipped()[1].message.contains("list.txt:5: "),
        "{}",
        loader.skipped()[1].message
    );

    let none = folders(3, &[0, 1, 2]);
    let mut loader = Loader::new(dataset(none.path(), false), 0, skip(2)).expect("a loader");
    assert!(loader.next().is_none());
    assert_eq!(loader.skipped().len(), 3);
}

/// Threads of this process, where the system tells.
#[cfg(target_os = "linux")]
fn threads_named(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("tasks");
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|comm| comm.trim() == name)
        .count()
}

/// Waits until so many threads of this process have a name.
#[cfg(target_os = "linux")]
fn await_threads(name: &str, count: usize) {
    let start = std::time::Instant::now();
    while threads_named(name) != count {
        assert!(
            start.elapsed().as_secs() < 30,
            "{} threads are {name}, not {count}",
            threads_named(name)
        );
        std::thread::yield_now();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn dropping_a_loader_leaves_no_thread() {
    let root = folders(40, &[]);
    let data = dataset(root.path(), true);
    // Other tests run loaders beside this one, none with seven workers.
    let options = LoaderOptions { workers: 7, batch_size: 2, ..LoaderOptions::default() };
    for taken in [0, 1, 3] {
        let mut loader = Loader::new(Arc::clone(&data), 0, options).expect("a loader");
        for _ in 0..taken {
            loader.next().expect("a batch").expect("no error");
        }
        // A thread takes its name when it first runs, and is listed for a moment after it has been joined.
        await_threads("clips-7of7", 1);
        drop(loader);
        await_threads("clips-7of7", 0);
    }
}

#[test]
fn impossible_options_are_errors_that_name_the_field() {
    let root = folders(1, &[]);
    let data = dataset(root.path(), true);
    for (name, options) in [
        ("batchSize", options(0, 1)),
        ("workers", options(1, 0)),
        ("workers", options(1, usize::MAX)),
    ] {
        let Err(error) = Loader::new(Arc::clone(&data), 0, options) else { panic!("{name}") };
        assert_eq!(error.code(), "INVALID_OPTION");
        assert!(error.to_string().contains(name), "{error}");
    }
    let list = list::read(&root.path().join("list.txt"), &ListOptions::default()).expect("a list");
    let large = Preprocess { scale_size: 2048, crop_size: 2048, ..small() };
    let large = DatasetOptions { preprocess: large, num_frames: 64, ..data.options().clone() };
    let large = Arc::new(Dataset::new(list, large).expect("a data set"));
    assert!(
        Loader::new(large, 0, options(64, 1))
            .is_err_and(|error| error.to_string().contains("for batchSize"))
    );
    let list = list::read(&root.path().join("list.txt"), &ListOptions::default()).expect("a list");
    let impossible = DatasetOptions { num_frames: 0, ..data.options().clone() };
    assert_eq!(Dataset::new(list, impossible).expect_err("no frames").code(), "INVALID_OPTION");
    assert_eq!(data.get(0, 1).expect_err("no such record").code(), "INVALID_OPTION");
}

#[test]
fn frame_numbers_of_a_list_must_fit_the_folder() {
    let root = tempfile::tempdir().expect("a folder");
    write_folder(&root.path().join("clip"), 0, 12);
    let get = |text: &str| {
        std::fs::write(root.path().join("list.txt"), text).expect("a list");
        dataset(root.path(), false).get(0, 0).map(|sample| sample.frames)
    };
    assert_eq!(get("clip 8 0\n").expect("a sample"), [1, 3, 5, 7]);
    assert_eq!(get("clip;5;12;0\n").expect("a sample"), [5, 7, 9, 11]);
    for (text, column) in
        [("clip 13 0\n", "frames"), ("clip;1;13;0\n", "end"), ("clip;13;13;0\n", "start")]
    {
        let error = get(text).expect_err("too many frames");
        assert_eq!(error.code(), "LIST_INVALID");
        assert!(error.to_string().contains(&format!("for {column} ")), "{error}");
    }
}

#[test]
fn video_files_are_loaded_whatever_count_the_list_claims() {
    let root = tempfile::tempdir().expect("a folder");
    let mut text = String::new();
    for clip in 0..4 {
        let frames: Vec<_> = (0..12).map(|frame| picture(clip, frame)).collect();
        write_video(&root.path().join(format!("{clip}.mp4")), &frames, 12.0).expect("a video");
        writeln!(text, "{clip}.mp4 {} {clip}", [12, 500, 3, 1][clip]).expect("a line");
    }
    std::fs::write(root.path().join("list.txt"), text).expect("a list");
    let data = dataset(root.path(), false);
    let batch = batches(&data, 0, options(4, 2)).remove(0);
    assert_eq!(batch.labels, [[0], [1], [2], [3]]);
    assert_eq!(data.get(0, 1).expect("a sample").frames, [1, 4, 7, 10]);
    // Blue tells the frame; lossy coding may move it by less than half a step.
    let plane = 16 * 16;
    for (t, frame) in [1, 4, 7, 10].into_iter().enumerate() {
        let blue = &batch.clips[(t * 3 + 2) * plane..(t * 3 + 3) * plane];
        let mean = blue.iter().map(|&v| f64::from(v)).sum::<f64>() / plane as f64;
        assert!((mean - f64::from(frame * 12)).abs() < 6.0, "frame {frame}: {mean}");
    }
    std::fs::write(root.path().join("list.txt"), "0.mp4;3;9;0\n0.mp4;13;20;0\n0.mp4;5;99;0\n")
        .expect("a list");
    let data = dataset(root.path(), false);
    assert_eq!(data.get(0, 0).expect("a sample").frames, [2, 4, 6, 8]);
    assert_eq!(data.get(0, 1).expect_err("beyond the end").code(), "LIST_INVALID");
    assert_eq!(data.get(0, 2).expect("a sample").frames, [5, 7, 9, 11]);
}
