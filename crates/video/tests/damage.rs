//! A file that is cut or spoilt is refused by name, or gives the frames before the damage; a whole one beside it does not care.

mod numbered;

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use numbered::{number, picture};
use timeweave_video::random::Draws;
use timeweave_video::{
    Damaged, OpenOptions, Preprocess, RgbImage, VideoError, VideoSource, eval_clip, open,
    train_clip, write_video,
};

/// Writes a video of `frames` numbered pictures into a folder.
fn video(folder: &Path, name: &str, frames: usize) -> PathBuf {
    let path = folder.join(name);
    let pictures: Vec<RgbImage> = (0..frames).map(picture).collect();
    write_video(&path, &pictures, 25.0).expect("a video");
    path
}

/// Where a box lies in a part of an MP4 file.
fn find(file: &[u8], within: Range<usize>, name: [u8; 4]) -> Range<usize> {
    let mut at = within.start;
    while at + 8 <= within.end {
        let length = u32::from_be_bytes(file[at..at + 4].try_into().expect("four bytes")) as usize;
        if file[at + 4..at + 8] == name {
            return at..at + length;
        }
        at += length.max(8);
    }
    panic!("no such box");
}

/// The file with its index before its frames, as for streaming.
fn front_index(file: &[u8]) -> Vec<u8> {
    let moov = find(file, 0..file.len(), *b"moov");
    let mdat = find(file, 0..file.len(), *b"mdat");
    assert!(mdat.end <= moov.start, "the index comes last");
    let mut index = file[moov.clone()].to_vec();
    let mut part = 0..index.len();
    for name in [*b"trak", *b"mdia", *b"minf", *b"stbl", *b"stco"] {
        part = find(&index, part.start + 8..part.end, name);
    }
    for entry in index[part.start + 16..part.end].as_chunks_mut::<4>().0 {
        *entry = (u32::from_be_bytes(*entry) + moov.len() as u32).to_be_bytes();
    }
    let mut moved = file[..mdat.start].to_vec();
    moved.extend(&index);
    moved.extend(&file[mdat.start..moov.start]);
    moved
}

fn source(path: &Path, damaged: Damaged) -> Box<dyn VideoSource> {
    let options = OpenOptions { damaged, ..OpenOptions::default() };
    open(path, &options).unwrap_or_else(|error| panic!("{error}"))
}

/// Asks for everything; all is refused with the same error.
fn refusal(path: &Path) -> VideoError {
    let mut source = source(path, Damaged::Error);
    let error = source.frame_count().expect_err("a refusal");
    assert_eq!(source.frames(&[0]).expect_err("a refusal"), error);
    let preprocess = Preprocess::default();
    assert_eq!(eval_clip(&mut *source, &preprocess, 8).expect_err("a refusal"), error);
    let mut draws = Draws::new(1, 0, 0);
    assert_eq!(train_clip(&mut *source, &preprocess, 8, &mut draws).expect_err("a refusal"), error);
    assert_eq!(error.code(), "DAMAGED_VIDEO");
    let text = error.to_string();
    assert!(
        text.contains(&path.display().to_string()) && text.contains("decode.damaged"),
        "{text}"
    );
    error
}

/// Takes what is there: the frames from 0 on are the right ones, and the one after the last is refused.
fn use_of(path: &Path) -> usize {
    let mut source = source(path, Damaged::Use);
    let frames = source.frame_count().expect("count");
    assert!(source.info().damage.is_some());
    for frame in (0..frames).rev() {
        assert_eq!(number(&source.frames(&[frame]).expect("before the damage")[0]), Some(frame));
    }
    let error = source.frames(&[0, frames]).expect_err("after the damage");
    assert_eq!(error.code(), "DECODE_FAILED", "{error}");
    let text = error.to_string();
    let told = format!("{frames} frames decode");
    assert!(text.contains(&path.display().to_string()) && text.contains(&told), "{text}");
    assert_eq!(number(&source.frames(&[1]).expect("still there")[0]), Some(1));
    let (_, indices) = eval_clip(&mut *source, &Preprocess::default(), 4).expect("a clip");
    assert!(indices.iter().all(|&index| index < frames));
    frames
}

#[test]
fn a_file_cut_before_its_index_is_no_video() {
    let folder = tempfile::tempdir().expect("folder");
    let path = video(folder.path(), "cut.mp4", 30);
    let whole = fs::read(&path).expect("read");
    let moov = find(&whole, 0..whole.len(), *b"moov").start;
    let cases = [
        (moov / 2, "the file is cut: `mdat` ends at byte"),
        (moov, "it has no header, `moov`"),
        (whole.len() - 100, "the file is cut: its header, `moov`, ends at byte"),
    ];
    for (length, reason) in cases {
        fs::write(&path, &whole[..length]).expect("write");
        let error = open(&path, &OpenOptions::default()).err().expect("a refusal");
        assert_eq!(error.code(), "NOT_A_VIDEO");
        let text = error.to_string();
        assert!(text.contains("cut.mp4"), "{text}");
        assert!(text.contains(reason), "{text}");
    }
}

#[test]
fn a_file_cut_inside_the_index_at_its_front_is_said_to_be_so() {
    let folder = tempfile::tempdir().expect("folder");
    let whole = front_index(&fs::read(video(folder.path(), "back.mp4", 30)).expect("read"));
    let path = folder.path().join("front.mp4");
    let moov = find(&whole, 0..whole.len(), *b"moov");
    let mut cuts = 0;
    for length in (moov.start + 8..moov.end).step_by(37) {
        fs::write(&path, &whole[..length]).expect("write");
        let error = open(&path, &OpenOptions::default()).err().expect("a refusal");
        assert_eq!(error.code(), "NOT_A_VIDEO", "{error}");
        let text = error.to_string();
        let told = format!("ends at byte {}, the file at byte {length}", moov.end);
        assert!(text.contains("`moov`") && text.contains(&told), "{text}");
        cuts += 1;
    }
    println!("checked: {cuts} cuts of a header");
    assert!(cuts > 10);
}

#[test]
fn a_file_cut_after_its_index_says_how_many_frames_it_had() {
    let folder = tempfile::tempdir().expect("folder");
    let whole = front_index(&fs::read(video(folder.path(), "back.mp4", 60)).expect("read"));
    let path = folder.path().join("front.mp4");
    fs::write(&path, &whole).expect("write");
    let mut source = source(&path, Damaged::Error);
    assert_eq!(source.frame_count().expect("whole"), 60);
    assert_eq!(source.info().damage, None);

    let data = find(&whole, 0..whole.len(), *b"mdat");
    let mut before = 0;
    for tenth in [4, 6, 9] {
        fs::write(&path, &whole[..data.start + data.len() * tenth / 10]).expect("write");
        let VideoError::DamagedVideo { frames, expected, reason, .. } = refusal(&path) else {
            panic!("another error");
        };
        assert_eq!(expected, Some(60));
        assert!(reason.contains("sample table lists 60 frames"), "{reason}");
        assert!((1..60).contains(&frames) && frames >= before, "{frames} frames");
        assert_eq!(use_of(&path), frames);
        before = frames;
    }
    assert!(before > 24, "{before} frames");
    fs::write(&path, &whole[..whole.len() - 1]).expect("write");
    assert!(refusal(&path).to_string().contains("expected 60 frames"), "one byte");
}

#[test]
fn spoilt_data_in_the_middle_is_refused_and_a_whole_file_beside_it_is_read() {
    let folder = tempfile::tempdir().expect("folder");
    let path = video(folder.path(), "damaged.mp4", 60);
    let beside = folder.path().join("whole.mp4");
    fs::copy(&path, &beside).expect("copy");
    let mut bytes = fs::read(&path).expect("read");
    let data = find(&bytes, 0..bytes.len(), *b"mdat");
    let from = data.start + data.len() * 2 / 3;
    bytes[from..from + data.len() / 10].fill(0xff);
    fs::write(&path, bytes).expect("write");

    let mut whole = source(&beside, Damaged::Error);
    let error = refusal(&path);
    assert!(error.to_string().contains("expected 60 frames"), "{error}");
    assert!((12..60).contains(&use_of(&path)));
    assert_eq!(whole.frame_count().expect("whole"), 60);
    assert_eq!(number(&whole.frames(&[59]).expect("the last")[0]), Some(59));
    assert_eq!(whole.info().damage, None);
}

#[test]
fn damage_that_only_the_decoder_sees_is_not_filled_in() {
    let folder = tempfile::tempdir().expect("folder");
    let path = video(folder.path(), "noise.mp4", 60);
    let mut bytes = fs::read(&path).expect("read");
    let data = find(&bytes, 0..bytes.len(), *b"mdat");
    // Inside a picture's data the lengths of the units stay whole: noise over a few bytes in the middle.
    let from = data.start + data.len() / 2;
    for byte in &mut bytes[from..from + 6] {
        *byte ^= 0x5a;
    }
    fs::write(&path, bytes).expect("write");
    let mut source = source(&path, Damaged::Use);
    let frames = source.frame_count().expect("count");
    let mut refused = 0;
    for frame in (0..frames).rev() {
        match source.frames(&[frame]) {
            Ok(images) => assert_eq!(number(&images[0]), Some(frame)),
            Err(error) => {
                assert_eq!(error.code(), "DECODE_FAILED", "{error}");
                refused += 1;
            }
        }
    }
    println!("checked: {refused} of {frames} frames refused");
    assert!(refused > 0 || source.info().damage.is_some());
}

#[test]
fn real_files_are_whole_but_for_the_one_that_is_not() {
    let Some(folder) = std::env::var_os("TIMEWEAVE_VIDEOS") else {
        println!("checked: 0 videos (TIMEWEAVE_VIDEOS is not set)");
        return;
    };
    let folder = Path::new(&folder);
    let list = fs::read_to_string(folder.join("videos.json")).expect("videos.json");
    let list: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&list).expect("an object");
    let options = |about: &serde_json::Value| OpenOptions {
        stream: about["stream"].as_u64().map(|stream| stream as usize),
        ..OpenOptions::default()
    };
    for (name, about) in &list {
        let mut source = open(&folder.join(name), &options(about)).expect(name);
        let counted = source.frame_count();
        if about["error"].is_null() {
            let expected = about["frames"].as_u64().map(|frames| frames as usize);
            assert_eq!(counted.ok(), expected, "{name}");
            continue;
        }
        let error = counted.expect_err(name);
        println!("checked: {error}");
        assert_eq!(error.code(), "DAMAGED_VIDEO");
    }
    let scratch = tempfile::tempdir().expect("folder");
    let mut cuts = 0;
    for (name, about) in list.iter().filter(|(_, about)| about["error"].is_null()) {
        let path = scratch.path().join(name);
        let whole = fs::read(folder.join(name)).expect("read");
        fs::write(&path, &whole[..whole.len() / 2]).expect("write");
        // A file without its index is no video; any other cut one is damaged.
        let Ok(mut source) = open(&path, &options(about)) else { continue };
        let error = source.frame_count().expect_err(name);
        println!("checked: {error}");
        assert_eq!(error.code(), "DAMAGED_VIDEO", "{name}");
        let options = OpenOptions { damaged: Damaged::Use, ..options(about) };
        let frames = open(&path, &options).expect(name).frame_count().expect(name);
        assert!(frames < about["frames"].as_u64().expect("frames") as usize, "{frames} of {name}");
        cuts += 1;
    }
    println!("checked: {} videos, {cuts} of them cut in the middle", list.len());
    assert!(cuts > 0);
}
