//! Frames at indices are the right frames: in files of our own, and in the real files that `TIMEWEAVE_VIDEOS` names.

mod numbered;

use std::path::{Path, PathBuf};

use numbered::{number, picture};
use serde_json::Value;
use timeweave_video::decode::ffmpeg_version;
use timeweave_video::{
    Damaged, OpenOptions, RgbImage, VideoError, VideoSource, from_frames, open, write_video,
};

/// Writes a video of `frames` numbered pictures into a folder.
fn video(folder: &Path, name: impl AsRef<Path>, frames: usize) -> PathBuf {
    let path = folder.join(name);
    let pictures: Vec<RgbImage> = (0..frames).map(picture).collect();
    write_video(&path, &pictures, 25.0).expect("a video");
    path
}

fn source(path: &Path, options: &OpenOptions) -> Box<dyn VideoSource> {
    open(path, options).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn any_order_and_repeats_give_the_frames_asked_for() {
    let folder = tempfile::tempdir().expect("folder");
    let path = video(folder.path(), "numbers.mp4", 100);
    let mut source = source(&path, &OpenOptions::default());
    assert_eq!(source.frame_count().expect("count"), 100);
    let info = source.info().clone();
    assert_eq!((info.width, info.height, info.frames), (128, 32, Some(100)));
    assert_eq!((info.fps, info.decoder), (Some(25.0), "libav"));
    let orders = [
        vec![0],
        vec![99],
        vec![5, 4, 3, 3, 99, 0],
        (0..100).map(|n| n * 37 % 100).collect(),
        vec![],
    ];
    for order in orders {
        let images = source.frames(&order).expect("frames");
        let shown: Vec<_> = images.iter().map(|image| number(image).expect("a number")).collect();
        assert_eq!(shown, order);
    }
    println!("checked: {}", ffmpeg_version().expect("loaded").0);
}

#[test]
fn frames_one_after_another_are_the_same_and_may_be_left_in_the_middle() {
    let folder = tempfile::tempdir().expect("folder");
    let path = video(folder.path(), "numbers.mp4", 100);
    let mut source = source(&path, &OpenOptions::default());
    let mut given = Vec::new();
    let mut take = |index: usize, image: &RgbImage| {
        given.push((index, number(image)));
        Ok(())
    };
    source.each(&[3, 10, 50, 99], &mut take).expect("frames");
    assert_eq!(given, [3, 10, 50, 99].map(|index| (index, Some(index))));
    for left in [3, 10, 50] {
        let mut take = |index: usize, _: &RgbImage| {
            if index == left { Err(VideoError::Aborted) } else { Ok(()) }
        };
        let code = source.each(&[3, 10, 50, 99], &mut take).expect_err("left").code();
        assert_eq!(code, "ABORTED");
        // Frames on the way to those that were not taken are wanted now.
        let near: Vec<usize> = (left + 1..left + 6).collect();
        let images = source.frames(&near).expect("frames");
        assert_eq!(images.iter().map(number).collect::<Option<Vec<_>>>(), Some(near));
    }
    let beyond = source.each(&[98, 100], &mut |_, _| Ok(())).expect_err("past the end");
    assert_eq!(beyond.code(), "FRAME_OUT_OF_RANGE");
}

#[test]
fn several_threads_give_the_same_frames() {
    let folder = tempfile::tempdir().expect("folder");
    let path = video(folder.path(), "numbers.mp4", 60);
    let order = [59, 7, 30, 31];
    let one = source(&path, &OpenOptions::default()).frames(&order).expect("frames");
    let two = source(&path, &OpenOptions { threads: 2, ..OpenOptions::default() });
    assert!({ two }.frames(&order).expect("frames") == one);
}

#[test]
fn a_written_video_comes_back_nearly_unchanged() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("colours.mp4");
    let colours = [[200, 30, 40], [20, 180, 60], [30, 60, 210], [128, 128, 128]];
    let flat = |colour: &[u8; 3]| RgbImage::new(64, 48, colour.repeat(64 * 48)).expect("a picture");
    write_video(&path, &colours.iter().map(flat).collect::<Vec<_>>(), 29.97).expect("a video");
    let frames = source(&path, &OpenOptions::default()).frames(&[0, 1, 2, 3]).expect("frames");
    for (image, colour) in frames.iter().zip(colours) {
        for (value, expected) in mean(image).iter().zip(colour) {
            // Eight bits of YUV at limited range and the encoder's quantiser lose a few levels.
            assert!((value - f64::from(expected)).abs() < 4.0, "{value} is not {expected}");
        }
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("list").collect();
    assert_eq!(left.len(), 1, "nothing is left beside the file");
}

#[test]
fn names_with_spaces_colons_and_foreign_letters_are_opened() {
    let folder = tempfile::tempdir().expect("folder");
    for name in ["two words.mp4", "a:b.mp4", "видео – 日本.mp4", "%05d.mp4", "without ending"]
    {
        let path = video(folder.path(), name, 3);
        let images = source(&path, &OpenOptions::default()).frames(&[2]).expect("frames");
        assert_eq!(number(&images[0]), Some(2), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn a_name_that_is_no_unicode_is_opened() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().expect("folder");
    let path = video(folder.path(), std::ffi::OsStr::from_bytes(b"caf\xe9.mp4"), 3);
    assert_eq!(source(&path, &OpenOptions::default()).frame_count().expect("count"), 3);
}

#[test]
fn frames_in_memory_are_a_source_as_well() {
    let mut source = from_frames((0..5).map(picture).collect()).expect("a source");
    assert_eq!(source.info().decoder, "memory");
    assert_eq!(source.frame_count().expect("count"), 5);
    let shown: Vec<_> = source.frames(&[4, 0, 4]).expect("frames").iter().map(number).collect();
    assert_eq!(shown, [Some(4), Some(0), Some(4)]);
}

#[test]
fn real_files_give_the_listed_frames() {
    let Some(folder) = std::env::var_os("TIMEWEAVE_VIDEOS") else {
        println!("checked: 0 videos (TIMEWEAVE_VIDEOS is not set)");
        return;
    };
    let folder = Path::new(&folder);
    let list = std::fs::read_to_string(folder.join("videos.json")).expect("videos.json");
    let list: serde_json::Map<String, Value> = serde_json::from_str(&list).expect("an object");
    let (mut samples, mut worst) = (0, (0.0_f64, 0.0_f64));
    for (name, about) in &list {
        let off = check(&folder.join(name), about);
        worst = (worst.0.max(off.0), worst.1.max(off.1));
        samples += about["samples"].as_array().map_or(0, Vec::len);
    }
    assert!(samples > 0);
    println!("checked: {} videos", list.len());
    println!(
        "checked: {samples} frames, off by {:.2} (mean) and {:.2} (thumbnail) at most",
        worst.0, worst.1
    );
}

/// Compares a file with its entry; the largest differences of means and thumbnails.
fn check(path: &Path, about: &Value) -> (f64, f64) {
    let number = |key: &str| about[key].as_u64().unwrap_or_else(|| panic!("{key}")) as usize;
    let options = OpenOptions {
        stream: Some(number("stream")),
        rotate: false,
        damaged: Damaged::Use,
        ..OpenOptions::default()
    };
    let mut source = source(path, &options);
    let name = path.display();
    let frames = source.frame_count().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(frames, number("frames"), "frames of {name}");
    let size = (source.info().width as usize, source.info().height as usize);
    assert_eq!(size, (number("width"), number("height")), "size of {name}");
    let fps = source.info().fps.unwrap_or_default();
    assert!(
        (fps - about["fps"].as_f64().unwrap_or_default()).abs() < 1e-3,
        "{fps} frames per second of {name}"
    );

    let mut worst = (0.0_f64, 0.0_f64);
    let samples = about["samples"].as_array().expect("samples");
    let mut order: Vec<usize> =
        samples.iter().map(|s| s["index"].as_u64().expect("index") as usize).collect();
    order.reverse();
    order.push(order[0]);
    let images = source.frames(&order).unwrap_or_else(|error| panic!("{error}"));
    assert!(images[0] == images[order.len() - 1], "a repeated index of {name}");
    for (image, sample) in images.iter().zip(samples.iter().rev()) {
        let (mean_off, thumb_off) = (
            furthest(&mean(image), &sample["mean_rgb"]),
            furthest(&thumbnail(image), &sample["thumb4x4"]),
        );
        assert!(
            mean_off <= 2.0,
            "mean of frame {} of {name} is off by {mean_off}",
            sample["index"]
        );
        assert!(
            thumb_off <= 6.0,
            "thumbnail of frame {} of {name} is off by {thumb_off}",
            sample["index"]
        );
        worst = (worst.0.max(mean_off), worst.1.max(thumb_off));
    }

    let mut again = open(path, &options).expect("opened before");
    let some: Vec<usize> = (0..frames).step_by((frames / 12).max(1)).collect();
    let sequential: Vec<RgbImage> =
        some.iter().map(|&frame| again.frames(&[frame]).expect("frame").remove(0)).collect();
    let mixed: Vec<usize> = (0..some.len()).map(|n| (n * 5 + 3) % some.len()).collect();
    let asked: Vec<usize> = mixed.iter().map(|&place| some[place]).collect();
    let images = source.frames(&asked).expect("frames");
    assert!(
        mixed.iter().zip(&images).all(|(&place, image)| sequential[place] == *image),
        "order in {name}"
    );

    let code = source.frames(&[frames]).expect_err("past the end").code();
    let broken = !about["error"].is_null();
    assert_eq!(code, if broken { "DECODE_FAILED" } else { "FRAME_OUT_OF_RANGE" }, "{name}");
    worst
}

fn furthest(values: &[f64], expected: &Value) -> f64 {
    let expected: Vec<f64> =
        expected.as_array().expect("numbers").iter().filter_map(Value::as_f64).collect();
    assert_eq!(values.len(), expected.len());
    values
        .iter()
        .zip(expected)
        .map(|(value, expected)| (value - expected).abs())
        .fold(0.0, f64::max)
}

fn mean(image: &RgbImage) -> [f64; 3] {
    let mut sums = [0_u64; 3];
    for pixel in image.data.as_chunks::<3>().0 {
        for (sum, &value) in sums.iter_mut().zip(pixel) {
            *sum += u64::from(value);
        }
    }
    sums.map(|sum| sum as f64 / f64::from(image.width) / f64::from(image.height))
}

/// Averages over 4x4 boxes of equal area, row by row; an edge inside a pixel shares it out.
fn thumbnail(image: &RgbImage) -> Vec<f64> {
    let (width, height) = (image.width as usize, image.height as usize);
    let share = |at: usize, cell: usize, side: usize| {
        let (from, to) = (cell as f64 * side as f64 / 4.0, (cell + 1) as f64 * side as f64 / 4.0);
        (to.min(at as f64 + 1.0) - from.max(at as f64)).max(0.0)
    };
    let mut boxes = vec![0.0; 48];
    for (at, pixel) in image.data.as_chunks::<3>().0.iter().enumerate() {
        for cell in 0..16 {
            let weight = share(at % width, cell % 4, width) * share(at / width, cell / 4, height);
            for (sum, &value) in boxes[cell * 3..].iter_mut().zip(pixel) {
                *sum += weight * f64::from(value);
            }
        }
    }
    let area = image.data.len() as f64 / 3.0 / 16.0;
    boxes.iter().map(|sum| (sum / area).round()).collect()
}

#[test]
fn rotated_files_are_given_upright() {
    let Some(folder) = std::env::var_os("TIMEWEAVE_VIDEOS") else {
        println!("checked: 0 rotations (TIMEWEAVE_VIDEOS is not set)");
        return;
    };
    let raw = OpenOptions { rotate: false, ..OpenOptions::default() };
    for (name, quarter) in
        [("rotated_0.mov", false), ("rotated_90.mov", true), ("rotated_180.mov", false)]
    {
        let path = Path::new(&folder).join(name);
        let stored = source(&path, &raw).frames(&[1]).expect("frame").remove(0);
        let mut turned = source(&path, &OpenOptions::default());
        let upright = turned.frames(&[1]).expect("frame").remove(0);
        let size = (turned.info().width, turned.info().height);
        assert_eq!(
            size,
            if quarter { (stored.height, stored.width) } else { (stored.width, stored.height) }
        );
        let (width, height) = (stored.width as usize, stored.height as usize);
        for (at, pixel) in upright.data.as_chunks::<3>().0.iter().enumerate() {
            let (x, y) = (at % upright.width as usize, at / upright.width as usize);
            let from = match name {
                "rotated_0.mov" => at,
                // A quarter turn clockwise brings the lower left corner up.
                "rotated_90.mov" => (height - 1 - x) * width + y,
                _ => (height - 1 - y) * width + (width - 1 - x),
            };
            assert_eq!(pixel, &stored.data.as_chunks::<3>().0[from], "pixel {x},{y} of {name}");
        }
    }
    println!("checked: 3 rotations");
}
