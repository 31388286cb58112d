//! What is not a sound video is refused with a typed error that names it, and spoils nothing else.

mod numbered;

use std::fs;
use std::path::{Path, PathBuf};

use numbered::{number, picture};
use timeweave_video::decode::{ffmpeg_version, set_plugin_dir};
use timeweave_video::{Decoder, OpenOptions, RgbImage, VideoError, from_frames, open, write_video};

/// Writes a video of `frames` numbered pictures into a folder.
fn video(folder: &Path, name: impl AsRef<Path>, frames: usize) -> PathBuf {
    let path = folder.join(name);
    let pictures: Vec<RgbImage> = (0..frames).map(picture).collect();
    write_video(&path, &pictures, 25.0).expect("a video");
    path
}

fn refusal(path: &Path) -> VideoError {
    let error = open(path, &OpenOptions::default()).err().expect("a refusal");
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    error
}

#[test]
fn a_missing_file_is_not_found() {
    assert_eq!(refusal(Path::new("/nowhere/a video.mp4")).code(), "FILE_NOT_FOUND");
    let folder = tempfile::tempdir().expect("folder");
    let path = video(folder.path(), "a.mp4", 2);
    assert_eq!(refusal(&path.join("b.mp4")).code(), "FILE_NOT_FOUND");
}

#[test]
fn text_rubbish_and_nothing_are_no_videos() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("text.mp4");
    let sixteen = "a few words that are no video\n".repeat(600);
    for bytes in [
        b"".as_slice(),
        b"a text file named like a video\n",
        sixteen.as_bytes(),
        &[0; 5000],
        &[0x47; 9000],
    ] {
        fs::write(&path, bytes).expect("write");
        let error = refusal(&path);
        assert_eq!(error.code(), "NOT_A_VIDEO", "{error}");
    }
    let path = folder.path().join("notes.txt");
    fs::write(&path, &sixteen).expect("write");
    assert_eq!(refusal(&path).code(), "NOT_A_VIDEO");
}

/// One second of silence as a WAV file.
fn wav() -> Vec<u8> {
    let samples = vec![0_u8; 16000];
    let mut file = b"RIFF".to_vec();
    file.extend((36 + samples.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend([1, 0, 1, 0]);
    file.extend(8000_u32.to_le_bytes());
    file.extend(16000_u32.to_le_bytes());
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend((samples.len() as u32).to_le_bytes());
    file.extend(samples);
    file
}

#[test]
fn a_file_of_sound_has_no_video_stream() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("sound.mp4");
    fs::write(&path, wav()).expect("write");
    let error = refusal(&path);
    assert_eq!(error.code(), "NO_VIDEO_STREAM");
    assert!(error.to_string().contains("audio"), "{error}");
}

#[test]
fn a_stream_that_is_not_there_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let path = video(folder.path(), "one.mp4", 3);
    let second = OpenOptions { stream: Some(1), ..OpenOptions::default() };
    let error = open(&path, &second).err().expect("one stream");
    assert_eq!(error.code(), "NO_VIDEO_STREAM");
    assert!(error.to_string().contains("video stream 1"), "{error}");
    let first = OpenOptions { stream: Some(0), ..OpenOptions::default() };
    assert_eq!(open(&path, &first).expect("stream 0").frame_count().expect("count"), 3);
}

#[test]
fn an_index_past_the_end_is_out_of_range() {
    let folder = tempfile::tempdir().expect("folder");
    let path = video(folder.path(), "ten.mp4", 10);
    let mut source = open(&path, &OpenOptions::default()).expect("a video");
    for frame in [10, usize::MAX] {
        let expected = VideoError::FrameOutOfRange { path: path.clone(), frame, frames: 10 };
        assert_eq!(source.frames(&[0, frame]).expect_err("past the end"), expected);
    }
    assert_eq!(number(&source.frames(&[9]).expect("the last")[0]), Some(9));
}

#[test]
fn frames_in_memory_must_fit_their_size() {
    assert_eq!(from_frames(vec![]).err().expect("none").code(), "NO_FRAMES");
    let short = RgbImage { width: 4, height: 4, data: vec![0; 47] };
    assert_eq!(from_frames(vec![short]).err().expect("short").code(), "INVALID_FRAME");
    let small = RgbImage::new(4, 4, vec![0; 48]).expect("a picture");
    assert_eq!(from_frames(vec![picture(0), small]).err().expect("two sizes").code(), "FRAME_SIZE");
    assert_eq!(RgbImage::new(0, 4, vec![]).expect_err("no width").code(), "INVALID_FRAME");
    let code = from_frames(vec![picture(0)]).expect("one").frames(&[1]).expect_err("one").code();
    assert_eq!(code, "FRAME_OUT_OF_RANGE");
}

#[test]
fn videos_that_cannot_be_written_leave_nothing_behind() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("out.mp4");
    let odd = RgbImage::new(5, 4, vec![0; 60]).expect("a picture");
    let code = |frames: &[RgbImage], fps: f64| {
        write_video(&path, frames, fps).expect_err("refused").code()
    };
    assert_eq!(code(&[], 25.0), "NO_FRAMES");
    assert_eq!(code(std::slice::from_ref(&odd), 25.0), "INVALID_FRAME");
    assert_eq!(code(&[picture(0), odd], 25.0), "FRAME_SIZE");
    for fps in [0.0, -1.0, f64::NAN, 1e6] {
        assert_eq!(code(&[picture(0)], fps), "INVALID_OPTION");
    }
    let nowhere = write_video(&folder.path().join("no folder/out.mp4"), &[picture(0)], 25.0);
    assert_eq!(nowhere.expect_err("no folder").code(), "ENCODE_FAILED");
    fs::create_dir(&path).expect("a folder in the way");
    assert_eq!(code(&[picture(0)], 25.0), "FILE_ACCESS");
    assert_eq!(fs::read_dir(folder.path()).expect("list").count(), 1);
}

#[test]
fn without_the_plugin_the_error_says_what_to_install() {
    const VARIABLE: &str = "TIMEWEAVE_FFMPEG_PLUGIN";
    const NOWHERE: &str = "/nowhere/libtimeweave_ffmpeg.so";
    if std::env::var_os(VARIABLE).is_none_or(|value| value != NOWHERE) {
        // A process of its own, because a plugin that is loaded stays.
        let test = std::env::current_exe().expect("this test");
        let name = "without_the_plugin_the_error_says_what_to_install";
        let child = std::process::Command::new(test)
            .args(["--exact", name])
            .env(VARIABLE, NOWHERE)
            .output();
        let output = child.expect("a second run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("any.mp4");
    fs::write(&path, b"anything").expect("write");
    let options = OpenOptions { decoder: Decoder::Libav, ..OpenOptions::default() };
    let error = open(&path, &options).err().expect("no plugin");
    assert_eq!(error.code(), "DECODER_MISSING");
    let text = error.to_string();
    assert!(text.contains(NOWHERE) && text.contains("apt install ffmpeg"), "{text}");
    assert!(from_frames(vec![picture(0)]).is_ok(), "the rest works without it");
}

#[test]
fn the_folder_named_by_the_program_is_searched_first() {
    const VARIABLE: &str = "TIMEWEAVE_TEST_PLUGIN_FOLDER";
    let Some(folder) = std::env::var_os(VARIABLE) else {
        // A process of its own, as above.
        let folder = tempfile::tempdir().expect("folder");
        let test = std::env::current_exe().expect("this test");
        let mut child = std::process::Command::new(test);
        child.args(["--exact", "the_folder_named_by_the_program_is_searched_first"]);
        let output = child.env(VARIABLE, folder.path()).output().expect("a second run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    };
    let folder = Path::new(&folder);
    let plugin = folder.join(format!(
        "{}timeweave_ffmpeg{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    ));
    fs::write(&plugin, b"no library").expect("write");
    set_plugin_dir(folder);
    let error = ffmpeg_version().expect_err("no library");
    assert_eq!(error.code(), "DECODER_MISSING");
    assert!(error.to_string().contains(&plugin.display().to_string()), "{error}");
    fs::remove_file(&plugin).expect("remove");
    assert!(ffmpeg_version().is_ok(), "a failure is not kept, and the next folder serves");
}
