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
    files.extend(CHANGING.iter().filter_map(|(name, parts)| joined(folder, name, parts)));
    files
}

/// Streams that change in the middle: name, and the filters of their parts.
const CHANGING: [(&str, &[&str]); 8] = [
    ("smaller.ts", &["format=yuv420p", "scale=96:64,format=yuv420p"]),
    ("larger and back.ts", &["format=yuv420p", "scale=192:144,format=yuv420p", "format=yuv420p"]),
    ("larger.mp4", &["format=yuv420p", "scale=160:120,format=yuv420p"]),
    ("upright.h264", &["format=yuv420p", "scale=96:128,format=yuv420p"]),
    ("other format.ts", &["format=yuv420p", "format=yuv444p"]),
    ("other format and size.h264", &["format=yuv444p", "scale=160:120,format=yuv420p"]),
    ("other size.mpg", &["format=yuv420p", "scale=96:80,format=yuv420p"]),
    ("byte by byte.ts", &["format=yuv420p", "scale=96:64,format=yuv420p"]),
];

fn is_kind(name: &str, ending: &str) -> bool {
    Path::new(name).extension().is_some_and(|own| own == ending)
}

/// A file of several parts. Transport streams are put together by a muxer, which counts their packets anew; the others, and
/// one transport stream that then looks as if packets were lost, byte by byte.
fn joined(folder: &Path, name: &str, filters: &[&str]) -> Option<PathBuf> {
    let by_muxer = !name.starts_with("byte") && (is_kind(name, "ts") || is_kind(name, "mp4"));
    let part_name = name.replace(' ', "-").replace(".mp4", ".ts");
    let mut parts = Vec::new();
    for (at, filter) in filters.iter().enumerate() {
        let path = folder.join(format!("part-{at}-{part_name}"));
        let source = format!("testsrc2=size=128x96:rate=25,{filter}");
        let codec = if is_kind(name, "mpg") { "mpeg2video" } else { "libx264" };
        // Times go on from part to part.
        let offset = (at * 2).to_string();
        let of_source = ["-f", "lavfi", "-i", &source, "-frames:v", "30"];
        let coded = ["-c:v", codec, "-bf", "2", "-output_ts_offset", &offset];
        if !ffmpeg(&[of_source, coded].concat(), &path) {
            return None;
        }
        parts.push(path);
    }
    let path = folder.join(name);
    if by_muxer {
        let names: Vec<_> = parts.iter().map(|part| part.display().to_string()).collect();
        let all = format!("concat:{}", names.join("|"));
        return ffmpeg(&["-i", &all, "-c", "copy"], &path).then_some(path);
    }
    let bytes: Vec<u8> = parts.iter().flat_map(|part| std::fs::read(part).expect("read")).collect();
    std::fs::write(&path, bytes).expect("write");
    Some(path)
}

/// The frames of a plain decode from the start, in the size of the first. The format is named: where a stream changes, the
/// program would else convert to it by a filter of its own with other settings.
fn truth(path: &Path, stream: usize, (width, height): (u32, u32)) -> Vec<Vec<u8>> {
    let scale = format!(
        "scale={width}:{height}:flags=bilinear+accurate_rnd+full_chroma_int,format=rgb24,setpts=N"
    );
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
        for threads in [1, 2, 4] {
            frames += check(path, Decoder::Libav, threads);
        }
        frames += check(path, Decoder::Ffmpeg, 1);
    }
    println!("checked: {} files, {frames} frames counted by 2 decoders", files.len());
}

#[test]
fn frames_of_a_stream_that_changes_come_in_its_first_size() {
    if !has_program() {
        return;
    }
    let folder = tempfile::tempdir().expect("folder");
    let mut checked = 0;
    for (name, filters) in CHANGING {
        let Some(path) = joined(folder.path(), name, filters) else { continue };
        for decoder in [Decoder::Libav, Decoder::Ffmpeg] {
            let options = OpenOptions { decoder, index_cache: false, ..OpenOptions::default() };
            let mut source = open(&path, &options).unwrap_or_else(|error| panic!("{error}"));
            let what = format!("{name} by {decoder:?}");
            if name.starts_with("byte") {
                // Nothing tells a join from a loss.
                let code = source.frame_count().expect_err(&what).code();
                assert_eq!(code, "DAMAGED_VIDEO", "{what}");
                continue;
            }
            let count = source.frame_count().unwrap_or_else(|error| panic!("{what}: {error}"));
            // FFmpeg's decoder of MPEG-2 loses the frame that it holds back when the size changes.
            let lost = usize::from(is_kind(name, "mpg"));
            assert_eq!(count, 30 * filters.len() - lost, "{what}");
            for image in source.frames(&[3, 29, 30, 45, count - 1]).expect(&what) {
                assert_eq!((image.width, image.height), (128, 96), "{what}");
            }
            checked += 1;
        }
    }
    println!("checked: {checked} streams that change");
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
