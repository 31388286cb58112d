//! Frames, and what is said of damage, are the same whatever the number of threads; and threads do take a share.
//!
//! Files of more kinds are made by the `ffmpeg` program where there is one.

mod made;

use std::fs;
use std::path::{Path, PathBuf};

use timeweave_ffmpeg::failure::{Damage, Failure};
use timeweave_ffmpeg::input::Options;
use timeweave_ffmpeg::reader::{Reader, Shared};

use made::{make, runs};

fn open(path: &Path, threads: usize) -> Result<Reader, Failure> {
    let options = Options { stream: None, threads, rotate: false, seek: true };
    Reader::open(path.as_os_str().as_encoded_bytes(), options, None)
}

fn read(reader: &mut Reader, frame: usize) -> Result<Vec<u8>, Failure> {
    let (width, height) = reader.size();
    let mut data = vec![0; width * height * 3];
    reader.frames(&[frame], &mut [&mut data]).map(|()| data)
}

/// All that a reader says of a file.
#[derive(PartialEq)]
struct Told {
    count: Result<usize, Failure>,
    frames: Vec<Result<Vec<u8>, Failure>>,
    damage: Option<Damage>,
}

/// Reads a clip of `parts` frames; a frame past the end last where `beyond` says so.
fn told(path: &Path, threads: usize, parts: usize, beyond: bool) -> (Told, Shared) {
    let mut reader = open(path, threads).expect("a video");
    let count = reader.frame_count();
    let frames = count.clone().unwrap_or_default();
    let mut indices: Vec<usize> =
        (0..parts).map(|part| (2 * part + 1) * frames / (2 * parts)).collect();
    indices.dedup();
    indices.extend(beyond.then_some(frames));
    reader.expect(&indices).expect("a file that is still there");
    let frames = indices.iter().map(|&frame| read(&mut reader, frame)).collect();
    (Told { count, frames, damage: reader.damage() }, reader.shared())
}

/// Compares 2, 3 and 4 threads with one; what two of them did for eight frames.
fn check(path: &Path) -> Shared {
    let mut work = Shared::default();
    for parts in [8, 1, 40] {
        let (one, alone) = told(path, 1, parts, true);
        assert_eq!(alone, Shared::default(), "one thread shares nothing");
        for threads in [2, 3, 4] {
            let (several, shared) = told(path, threads, parts, true);
            let name = path.display();
            assert!(one.count == several.count, "count of {name} by {threads} threads");
            let is_same = |(one, several): (&_, &_)| one == several;
            let differing = one.frames.iter().zip(&several.frames).position(|pair| !is_same(pair));
            assert_eq!(differing, None, "{parts} frames of {name} by {threads} threads");
            assert_eq!(one.damage, several.damage, "{name} by {threads} threads");
            assert!(shared.decoders * shared.threads <= threads, "{shared:?}");
            if (parts, threads) == (8, 2) {
                work = shared;
            }
        }
    }
    work
}

/// Kinds of files, and how many decoders share eight frames of one between two threads; 0 where frames are counted.
const KINDS: [(&str, &str, usize); 14] = [
    ("runs.mp4", "-c:v libx264 -g 30 -bf 2", 2),
    ("one.mp4", "-c:v libx264 -g 1000 -bf 3", 1),
    ("pyramid.mp4", "-c:v libx264 -g 40 -bf 5 -refs 4 -x264-params b-pyramid=normal", 2),
    ("open.mp4", "-c:v libx264 -g 30 -bf 3 -x264-params open-gop=1:scenecut=0", 2),
    ("intra.mp4", "-c:v libx264 -g 1", 2),
    (
        "delimiters.mkv",
        "-c:v libx264 -g 30 -bf 2 -x264-params aud=1:nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900",
        2,
    ),
    ("rate.mkv", "-vf select='not(mod(n,3))+gt(mod(n,7),4)' -fps_mode vfr -c:v libx264 -g 20", 2),
    ("slices.mp4", "-c:v libx264 -g 60 -x264-params slices=4", 2),
    ("ten.mkv", "-c:v libx264 -pix_fmt yuv420p10le -g 60", 2),
    ("hevc.mp4", "-c:v libx265 -x265-params log-level=none:keyint=30:open-gop=1", 2),
    ("vp9.webm", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 60", 2),
    ("packed.avi", "-c:v mpeg4 -g 30 -bf 2", 2),
    ("stream.ts", "-c:v libx264 -g 30", 2),
    ("raw.h264", "-c:v libx264 -g 30", 0),
];

#[test]
fn made_files_are_the_same_by_several_threads() {
    let folder = tempfile::tempdir().expect("folder");
    let mut made = Vec::new();
    for (name, arguments, decoders) in KINDS {
        let path = folder.path().join(name);
        if !make(&path, &arguments.split_whitespace().collect::<Vec<_>>()) {
            continue;
        }
        let work = check(&path);
        println!("{name}: {work:?}");
        assert_eq!(work.decoders, decoders, "{name}: {work:?}");
        assert_eq!(work.frames, if decoders > 0 { 8 } else { 0 }, "{name}: {work:?}");
        made.push(name);
    }
    println!("checked: {} kinds of files by 1 to 4 threads: {made:?}", made.len());
}

#[test]
fn spoilt_files_are_told_alike_by_several_threads() {
    const PLACES: usize = 11;
    let folder = tempfile::tempdir().expect("folder");
    let Some(files) = runs(folder.path()) else { return };
    let (mut spoilt, mut refused) = (0, 0);
    for path in &files {
        let whole = fs::read(path).expect("read");
        for (place, length) in (1..PLACES).flat_map(|place| [(place, 3), (place, 60)]) {
            let mut bytes = whole.clone();
            let from = whole.len() * place / PLACES;
            for byte in &mut bytes[from..from + length] {
                *byte ^= 0x5a;
            }
            fs::write(path, bytes).expect("write");
            // Spoilt lengths or an index make it no video at all.
            if open(path, 1).is_err() {
                continue;
            }
            check(path);
            let (told, _) = told(path, 2, 8, false);
            refused += usize::from(told.frames.iter().any(Result::is_err) || told.damage.is_some());
            spoilt += 1;
        }
    }
    println!("checked: {spoilt} spoilt files, {refused} of them refused in part");
    assert!(refused > PLACES, "{refused} of {spoilt}");
}

#[test]
fn cut_files_are_told_alike_by_several_threads() {
    let folder = tempfile::tempdir().expect("folder");
    let Some(files) = runs(folder.path()) else { return };
    let mut cut = 0;
    for path in &files {
        let whole = fs::read(path).expect("read");
        for tenth in 3..10 {
            fs::write(path, &whole[..whole.len() * tenth / 10]).expect("write");
            if open(path, 1).is_ok() {
                check(path);
                cut += 1;
            }
        }
    }
    println!("checked: {cut} cut files");
    assert!(cut > 5);
}

#[test]
fn real_files_are_the_same_by_several_threads() {
    let Some(folder) = std::env::var_os("TIMEWEAVE_VIDEOS") else {
        println!("checked: 0 videos (TIMEWEAVE_VIDEOS is not set)");
        return;
    };
    let entries = fs::read_dir(folder).expect("TIMEWEAVE_VIDEOS is a folder");
    let mut videos: Vec<PathBuf> = entries.map(|entry| entry.expect("entry").path()).collect();
    videos.sort();
    let kinds = ["mp4", "mov", "mkv", "avi"];
    videos.retain(|path| kinds.iter().any(|&kind| path.extension().is_some_and(|it| it == kind)));
    for path in &videos {
        println!("{}: {:?}", path.display(), check(path));
    }
    println!("checked: {} videos by 1 to 4 threads", videos.len());
    assert!(!videos.is_empty());
}
