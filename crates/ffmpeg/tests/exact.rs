//! Frames found by seeking are, byte for byte, those that a decoder gives from the start of the file.

mod compared;

use std::path::{Path, PathBuf};

use timeweave_ffmpeg::encoder::Encoder;
use timeweave_ffmpeg::failure::Class;
use timeweave_ffmpeg::input::Options;
use timeweave_ffmpeg::reader::Reader;

use compared::{compare, open};

fn write(path: &Path, frames: usize) {
    let (width, height) = (96, 64);
    let mut encoder =
        Encoder::open(path.as_os_str().as_encoded_bytes(), width, height, 25.0).expect("encoder");
    for frame in 0..frames {
        let pixel = |at: usize| ((at * 7 + frame * 29) % 251) as u8;
        let rgb: Vec<u8> = (0..width * height * 3).map(pixel).collect();
        encoder.write(&rgb).expect("frame");
    }
    encoder.finish().expect("file");
}

#[test]
fn the_same_frames_give_the_same_file() {
    let (_folder, path) = scratch("same.mp4");
    let side = 48;
    // A textured patch moves over a textured ground; the heap is littered with another pattern before each run.
    let pixel = |frame: usize, at: usize| {
        let (x, y) = (at / 3 % side, at / 3 / side);
        let inside = (4 * frame..4 * frame + 12).contains(&x) && (18..30).contains(&y);
        let x = if inside { x + 140 - 4 * frame } else { x };
        ((x * x * 31 + y * y * 17 + x * y * 13) / 7 % 256) as u8
    };
    let frames: Vec<Vec<u8>> =
        (0..8).map(|frame| (0..side * side * 3).map(|at| pixel(frame, at)).collect()).collect();
    let mut first = Vec::new();
    for run in 0..60_u8 {
        drop((1..200).map(|size| vec![run.wrapping_mul(37); size * 97]).collect::<Vec<_>>());
        let mut encoder =
            Encoder::open(path.as_os_str().as_encoded_bytes(), side, side, 12.0).expect("encoder");
        for frame in &frames {
            encoder.write(frame).expect("frame");
        }
        encoder.finish().expect("file");
        let file = std::fs::read(&path).expect("read");
        if run == 0 {
            first = file;
        } else {
            assert!(first == file, "run {run} gave another file");
        }
    }
}

/// A folder that is removed with its value, and a file in it.
fn scratch(name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join(name);
    (folder, path)
}

#[test]
fn written_files_are_read_by_seeking_and_frames_are_exact() {
    let (_folder, path) = scratch("exact.mp4");
    write(&path, 61);
    assert!(compare(&path, usize::MAX), "a file of our own needs no counting");
}

#[test]
fn real_files_are_exact_however_they_are_read() {
    let Some(folder) = std::env::var_os("TIMEWEAVE_VIDEOS") else {
        println!("checked: 0 videos sought (TIMEWEAVE_VIDEOS is not set)");
        return;
    };
    let mut videos: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("TIMEWEAVE_VIDEOS is a folder")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| {
            path.extension().is_some_and(|kind| {
                ["mp4", "mov", "mkv", "avi", "webm", "ts", "mpg", "gif", "h264"]
                    .iter()
                    .any(|k| kind == *k)
            })
        })
        .collect();
    videos.sort();
    let counted: Vec<_> = videos.iter().filter(|path| !compare(path, 40)).collect();
    println!(
        "checked: {} videos sought, {} of them counted: {counted:?}",
        videos.len(),
        counted.len()
    );
    assert!(!videos.is_empty());
}

#[test]
fn failures_carry_their_class_and_numbers() {
    let (_folder, path) = scratch("short.mp4");
    write(&path, 3);
    let mut reader = open(&path, true);
    let mut data = vec![0; 96 * 64 * 3];
    let failure = reader.frames(&[3], &mut [&mut data]).expect_err("past the end");
    assert_eq!((failure.class, failure.frame, failure.frames), (Class::OutOfRange, 3, 3));
    let failure = reader.frames(&[0], &mut [&mut data[1..]]).expect_err("small buffer");
    assert_eq!(failure.class, Class::Argument);
    std::fs::remove_file(&path).expect("clean");
    let options = Options { stream: None, threads: 1, rotate: false, seek: true };
    let gone = Reader::open(path.as_os_str().as_encoded_bytes(), options, None);
    assert_eq!(gone.err().expect("no file").class, Class::Open);
}
