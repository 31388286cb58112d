//! One set of checks for every decoder: frame k is the k-th frame of a plain decode from the start, in every kind of file.
//!
//! The files are those that `TIMEWEAVE_VIDEOS` names, and files that the `ffmpeg` program makes here; a kind whose encoder
//! it lacks is left out, and without the program nothing can be compared.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use timeweave_video::{Damaged, Decoder, OpenOptions, VideoSource, open};

/// Runs `ffmpeg`; false without the program or something that it needs.
fn ffmpeg(arguments: &[&str], path: &Path) -> bool {
    let mut program = Command::new("ffmpeg");
    program.args(["-v", "error", "-y", "-nostdin"]).args(arguments).arg(path).stderr(Stdio::null());
    program.status().is_ok_and(|status| status.success())
}

/// Kinds of files: name, and the arguments after the source.
const KINDS: [(&str, &[&str]); 30] = [
    ("plain.mp4", &["-c:v", "libx264", "-g", "25"]),
    ("pyramid.mkv", &["-c:v", "libx264", "-bf", "7", "-b-pyramid", "normal", "-refs", "6"]),
    ("one thread.mp4", &["-c:v", "libx264", "-tune", "zerolatency", "-g", "10"]),
    ("open gop.mp4", &["-c:v", "libx264", "-x264-params", "open-gop=1:keyint=20:bframes=3"]),
    ("open gop.ts", &["-c:v", "libx264", "-x264-params", "open-gop=1:keyint=20:bframes=3"]),
    ("intra refresh.mp4", &["-c:v", "libx264", "-x264-params", "intra-refresh=1:keyint=20"]),
    (
        "vfr.mp4",
        &["-vf", "select='not(mod(n,3))+not(mod(n,7))'", "-vsync", "vfr", "-c:v", "libx264"],
    ),
    ("vfr.mkv", &["-vf", "setpts='PTS+mod(N,3)*TB*2'", "-vsync", "passthrough", "-c:v", "libx264"]),
    ("ten bit.mp4", &["-pix_fmt", "yuv420p10le", "-c:v", "libx264"]),
    ("full range.mp4", &["-pix_fmt", "yuvj420p", "-c:v", "libx264"]),
    (
        "bt709.mp4",
        &["-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709", "-c:v", "libx264"],
    ),
    ("444.mp4", &["-pix_fmt", "yuv444p", "-c:v", "libx264"]),
    ("422.mov", &["-pix_fmt", "yuv422p10le", "-c:v", "prores"]),
    ("rgb.mkv", &["-c:v", "ffv1", "-pix_fmt", "bgr0"]),
    ("grey.mkv", &["-c:v", "ffv1", "-pix_fmt", "gray"]),
    ("odd.mp4", &["-vf", "scale=131:77", "-pix_fmt", "yuv444p", "-c:v", "libx264"]),
    ("interlaced.mp4", &["-c:v", "libx264", "-flags", "+ildct+ilme"]),
    ("fragments.mp4", &["-c:v", "libx264", "-g", "15", "-movflags", "frag_keyframe+empty_moov"]),
    (
        "negative.mp4",
        &["-c:v", "libx264", "-output_ts_offset", "-0.7", "-avoid_negative_ts", "disabled"],
    ),
    ("late.ts", &["-c:v", "libx264", "-output_ts_offset", "9000"]),
    ("h264.avi", &["-c:v", "libx264", "-bf", "3"]),
    ("no times.h264", &["-c:v", "libx264", "-bf", "2"]),
    ("hevc.mp4", &["-c:v", "libx265", "-x265-params", "log-level=error:keyint=20:open-gop=1"]),
    (
        "vp9.webm",
        &[
            "-c:v",
            "libvpx-vp9",
            "-deadline",
            "realtime",
            "-cpu-used",
            "8",
            "-auto-alt-ref",
            "1",
            "-lag-in-frames",
            "10",
        ],
    ),
    ("vp8.webm", &["-c:v", "libvpx", "-deadline", "realtime", "-auto-alt-ref", "1"]),
    ("mpeg2.mpg", &["-c:v", "mpeg2video", "-bf", "2", "-g", "12"]),
    ("mpeg4.avi", &["-c:v", "mpeg4", "-bf", "2", "-g", "15"]),
    ("motion jpeg.avi", &["-c:v", "mjpeg"]),
    ("picture.gif", &[]),
    ("wmv.wmv", &["-c:v", "wmv2"]),
];

/// A folder with a file of each kind that can be made.
fn make(folder: &Path) -> Vec<PathBuf> {
    let source = ["-f", "lavfi", "-i", "testsrc2=size=128x96:rate=25", "-frames:v", "90"];
    let mut files = Vec::new();
    for (name, arguments) in KINDS {
        let path = folder.join(name);
        if ffmpeg(&[&source[..], arguments].concat(), &path) {
            files.push(path);
        }
    }
    files.extend(derived(folder));
    files
}

/// Files that are made out of others: cut without decoding, joined, begun in the middle.
fn derived(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let cut = folder.join("edit list.mp4");
    let plain = folder.join("plain.mp4");
    if let Some(plain) = plain.to_str()
        && ffmpeg(&["-ss", "1.4", "-i", plain, "-c", "copy"], &cut)
    {
        files.push(cut);
    }
    if let Ok(stream) = std::fs::read(folder.join("open gop.ts")) {
        let path = folder.join("begins in the middle.ts");
        // Transport packets are 188 bytes; the first keyframe is cut off.
        let from = stream.len() / 3 / 188 * 188;
        std::fs::write(&path, &stream[from..]).expect("write");
        files.push(path);
    }
    files
}

/// The frames of a plain decode from the start.
fn truth(path: &Path, stream: usize, (width, height): (u32, u32)) -> Vec<Vec<u8>> {
    let scale =
        format!("scale={width}:{height}:flags=bilinear+accurate_rnd+full_chroma_int,setpts=N");
    let mut program = Command::new("ffmpeg");
    program.args(["-v", "quiet", "-nostdin", "-noautorotate", "-i"]).arg(path);
    program.args(["-map", &format!("0:v:{stream}"), "-vf", &scale, "-vsync", "passthrough"]);
    let output =
        program.args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]).output().expect("ffmpeg");
    output.stdout.chunks_exact((width * height * 3) as usize).map(<[u8]>::to_vec).collect()
}

fn source(path: &Path, decoder: Decoder, threads: usize) -> Box<dyn VideoSource> {
    let options = OpenOptions {
        decoder,
        threads,
        rotate: false,
        stream: Some(0),
        damaged: Damaged::Use,
        index_cache: false,
        ..OpenOptions::default()
    };
    open(path, &options).unwrap_or_else(|error| panic!("{error}"))
}

/// Compares every frame, in orders that seek and orders that do not.
fn check(path: &Path, decoder: Decoder, threads: usize) -> usize {
    let name = format!("{} by {decoder:?} with {threads} thread(s)", path.display());
    let mut source = source(path, decoder, threads);
    let truth = truth(path, 0, (source.info().width, source.info().height));
    let frames = source.frame_count().unwrap_or_else(|error| panic!("{error}"));
    let whole = source.info().damage.is_none();
    assert_eq!(
        frames,
        if whole { truth.len() } else { frames.min(truth.len()) },
        "frames of {name}"
    );
    assert!(frames > 0, "{name}");
    let rising: Vec<usize> = (0..frames).step_by((frames / 8).max(1)).collect();
    let falling: Vec<usize> = rising.iter().rev().copied().collect();
    let near: Vec<usize> = (frames / 2..(frames / 2 + 5).min(frames)).collect();
    for order in [rising, near, falling, vec![frames - 1, 0, frames / 3, frames - 1]] {
        let images = source.frames(&order).unwrap_or_else(|error| panic!("{name}: {error}"));
        for (image, &frame) in images.iter().zip(&order) {
            let off = image.data.iter().zip(&truth[frame]).map(|(a, b)| a.abs_diff(*b)).max();
            assert_eq!(off, Some(0), "frame {frame} of {name} is another");
        }
    }
    let code = source.frames(&[frames]).expect_err("past the end").code();
    assert_eq!(code, if whole { "FRAME_OUT_OF_RANGE" } else { "DECODE_FAILED" }, "{name}");
    frames
}

fn check_all(files: &[PathBuf]) {
    let mut frames = 0;
    for path in files {
        for (decoder, threads) in [(Decoder::Libav, 1), (Decoder::Libav, 2), (Decoder::Ffmpeg, 1)] {
            frames += check(path, decoder, threads);
        }
    }
    println!("checked: {} files, {frames} frames counted by 2 decoders", files.len());
}

fn has_program() -> bool {
    let found = Command::new("ffmpeg").arg("-version").stdout(Stdio::null()).status().is_ok();
    if !found {
        println!("checked: 0 files (no ffmpeg program)");
    }
    found
}

#[test]
fn made_files_give_the_frames_of_a_plain_decode() {
    if !has_program() {
        return;
    }
    let folder = tempfile::tempdir().expect("folder");
    let files = make(folder.path());
    assert!(!files.is_empty());
    check_all(&files);
}

#[test]
fn real_files_give_the_frames_of_a_plain_decode() {
    let Some(videos) = std::env::var_os("TIMEWEAVE_VIDEOS").filter(|_| has_program()) else {
        println!("checked: 0 videos (TIMEWEAVE_VIDEOS is not set)");
        return;
    };
    let mut files: Vec<PathBuf> = std::fs::read_dir(videos)
        .expect("TIMEWEAVE_VIDEOS is a folder")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.extension().is_some_and(|kind| kind != "md" && kind != "json"))
        .collect();
    files.sort();
    check_all(&files);
}
