//! Frames may be asked for in any order, or not at all after all: threads that decode ahead end with their reader.

mod made;

#[cfg(target_os = "linux")]
use std::fs;
use std::path::Path;
#[cfg(target_os = "linux")]
use std::time::{Duration, Instant};

use timeweave_ffmpeg::input::Options;
use timeweave_ffmpeg::reader::Reader;

use made::runs;

fn open(path: &Path, threads: usize) -> Reader {
    let options = Options { stream: None, threads, rotate: false, seek: true };
    Reader::open(path.as_os_str().as_encoded_bytes(), options, None).expect("a video")
}

fn read(reader: &mut Reader, frame: usize) -> Vec<u8> {
    let (width, height) = reader.size();
    let mut data = vec![0; width * height * 3];
    reader.frames(&[frame], &mut [&mut data]).expect("a frame");
    data
}

/// Waits until no thread of this process decodes: a thread that has been joined is listed for a moment longer.
#[cfg(target_os = "linux")]
fn await_end_of_work() {
    let start = Instant::now();
    while at_work() > 0 {
        assert!(start.elapsed() < Duration::from_secs(30), "{} threads stay at work", at_work());
        std::thread::yield_now();
    }
}

/// Threads of this process that decode.
#[cfg(target_os = "linux")]
fn at_work() -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("tasks");
    let name = |task: std::io::Result<fs::DirEntry>| {
        fs::read_to_string(task.expect("task").path().join("comm")).unwrap_or_default()
    };
    tasks.map(name).filter(|name| name.trim() == "clip-decoder").count()
}

#[test]
fn frames_in_any_order_and_none_at_all_end_the_work_of_threads() {
    let folder = tempfile::tempdir().expect("folder");
    let Some(files) = runs(folder.path()) else { return };
    for path in &files {
        let mut one = open(path, 1);
        let truth: Vec<_> = (0..120).map(|frame| read(&mut one, frame)).collect();
        let mut reader = open(path, 2);
        for wanted in [vec![5, 50, 100], vec![100, 50, 5, 50], vec![70], vec![], (0..120).collect()]
        {
            reader.expect(&wanted).expect("a video");
            for &frame in wanted.iter().take(60) {
                assert!(read(&mut reader, frame) == truth[frame], "frame {frame} of {wanted:?}");
            }
            // What was not named is found as well.
            assert!(read(&mut reader, 33) == truth[33], "after {wanted:?}");
        }
        // A frame alone of those that were named, behind other key frames than the rest.
        reader.expect(&[5, 6, 50, 100, 101]).expect("a video");
        let before = reader.shared().frames;
        assert!(read(&mut reader, 101) == truth[101]);
        assert_eq!(reader.shared().frames, before + 1);
        reader.expect(&(0..120).collect::<Vec<_>>()).expect("a video");
        assert!(read(&mut reader, 0) == truth[0] && reader.shared().decoders > 0);
        drop(reader);
        #[cfg(target_os = "linux")]
        await_end_of_work();
    }
    println!("checked: {} files in several orders", files.len());
}
