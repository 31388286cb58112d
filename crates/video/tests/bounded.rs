//! Memory does not grow with the length of a video, and files that lie about their size take none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use timeweave_video::{Decoder, OpenOptions, RgbImage, open};

/// A long video of 3840x2160 pixels, 25 MB a frame; `None` without the program.
fn large(folder: &Path) -> Option<PathBuf> {
    let path = folder.join("large.mp4");
    let mut program = Command::new("ffmpeg");
    program.args([
        "-v",
        "error",
        "-nostdin",
        "-f",
        "lavfi",
        "-i",
        "color=red:size=3840x2160:rate=25",
    ]);
    program.args(["-frames:v", "150", "-c:v", "libx264", "-preset", "ultrafast", "-g", "2"]);
    program.arg(&path).status().is_ok_and(|status| status.success()).then_some(path)
}

/// The most memory that this process has held, in MiB.
#[cfg(target_os = "linux")]
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") / 1024
}

#[cfg(target_os = "linux")]
#[test]
fn frames_are_held_only_while_they_are_asked_for() {
    const VARIABLE: &str = "TIMEWEAVE_TEST_LARGE";
    let Some(path) = std::env::var_os(VARIABLE) else {
        let folder = tempfile::tempdir().expect("folder");
        let Some(path) = large(folder.path()) else {
            println!("checked: 0 videos (no ffmpeg program)");
            return;
        };
        for (decoder, threads) in [("libav", "1"), ("libav", "2"), ("ffmpeg", "1")] {
            // A process for each, because a peak stays.
            let mut child = Command::new(std::env::current_exe().expect("this test"));
            child.args(["--exact", "frames_are_held_only_while_they_are_asked_for", "--nocapture"]);
            child.env(VARIABLE, &path).env("TIMEWEAVE_TEST_DECODER", decoder);
            child.env("TIMEWEAVE_TEST_THREADS", threads);
            let output = child.output().expect("a second run");
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{text}");
            text.lines()
                .filter(|line| line.contains("checked"))
                .for_each(|line| println!("{line}"));
        }
        return;
    };
    let name = std::env::var("TIMEWEAVE_TEST_DECODER").expect("set above");
    let decoder: Decoder = serde_json::from_value(name.clone().into()).expect("a decoder");
    let threads = std::env::var("TIMEWEAVE_TEST_THREADS").expect("set above");
    let threads = threads.parse().expect("a number");
    let options = OpenOptions { decoder, threads, index_cache: false, ..OpenOptions::default() };
    let mut source = open(Path::new(&path), &options).expect("a video");
    assert_eq!(source.frame_count().expect("count"), 150);
    for group in (0..150).collect::<Vec<usize>>().chunks(3) {
        assert_eq!(source.frames(group).expect("frames").len(), group.len());
    }
    let mut given = 0;
    let mut take = |_, _: &RgbImage| {
        given += 1;
        Ok(())
    };
    source.each(&(0..150).collect::<Vec<usize>>(), &mut take).expect("frames");
    assert_eq!(given, 150);
    let peak = peak();
    println!("checked: 150 frames of 25 MB by {name}, {threads} thread(s), {peak} MiB at the most");
    // Three frames asked for and those that the decoders refer to; all together would be 3700.
    assert!(peak < 500, "{peak} MiB");
}

#[test]
fn a_size_that_no_frame_has_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("lie.avi");
    let mut program = Command::new("ffmpeg");
    program.args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25"]);
    program.args(["-frames:v", "3", "-c:v", "rawvideo", "-pix_fmt", "bgr24"]).arg(&path);
    if !program.status().is_ok_and(|status| status.success()) {
        println!("checked: 0 videos (no ffmpeg program)");
        return;
    }
    let mut bytes = fs::read(&path).expect("read");
    let format = bytes.windows(4).position(|name| name == b"strf").expect("a stream format");
    // Width and height follow the name, the chunk's size and the header's.
    for (place, side) in [(12, 30_000_u32), (16, 30_000)] {
        bytes[format + place..format + place + 4].copy_from_slice(&side.to_le_bytes());
    }
    fs::write(&path, bytes).expect("write");
    for decoder in [Decoder::Libav, Decoder::Ffmpeg] {
        let options = OpenOptions { decoder, ..OpenOptions::default() };
        let error = open(&path, &options).err().expect("a lie");
        assert_eq!(error.code(), "NOT_A_VIDEO", "{error}");
    }
    println!("checked: 2 decoders refuse a lie about the size");
}
