//! The decoder that runs FFmpeg's programs: it serves where the libraries are missing, ends with its source, and never hangs.

mod numbered;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use numbered::{number, picture};
use timeweave_video::{Damaged, Decoder, OpenOptions, RgbImage, open, write_video};

const BY_PROGRAM: OpenOptions = OpenOptions {
    decoder: Decoder::Ffmpeg,
    template: None,
    flow: false,
    rotate: true,
    stream: None,
    threads: 1,
    damaged: Damaged::Error,
    index_cache: false,
};

/// Writes a video of numbered pictures; `None` on a machine without the programs.
fn video(folder: &Path, frames: usize) -> Option<PathBuf> {
    let found = |name| Command::new(name).arg("-version").stdout(Stdio::null()).status().is_ok();
    if !(found("ffmpeg") && found("ffprobe")) {
        println!("checked: 0 videos (no ffmpeg program)");
        return None;
    }
    let path = folder.join("two words – 日本.mp4");
    let pictures: Vec<RgbImage> = (0..frames).map(picture).collect();
    write_video(&path, &pictures, 25.0).expect("a video");
    Some(path)
}

#[test]
fn frames_come_in_groups_and_in_any_order() {
    let folder = tempfile::tempdir().expect("folder");
    let Some(path) = video(folder.path(), 100) else { return };
    let mut source = open(&path, &BY_PROGRAM).expect("a video");
    assert_eq!((source.info().decoder, source.info().fps), ("ffmpeg", Some(25.0)));
    assert_eq!(source.frame_count().expect("count"), 100);
    let many: Vec<usize> = (5..95).collect();
    let orders: [&[usize]; 8] =
        [&[3, 9], &[20, 50], &[51], &[99], &[98], &[5, 4, 3, 3, 99, 0], &many, &[]];
    for order in orders {
        let images = source.frames(order).expect("frames");
        let shown: Vec<_> = images.iter().map(|image| number(image).expect("a number")).collect();
        assert_eq!(shown, order);
    }
    assert_eq!(source.frames(&[0, 100]).expect_err("past the end").code(), "FRAME_OUT_OF_RANGE");
}

#[test]
fn what_is_no_video_is_refused_in_the_words_of_the_program() {
    let folder = tempfile::tempdir().expect("folder");
    let Some(path) = video(folder.path(), 40) else { return };
    let whole = fs::read(&path).expect("read");
    let text = folder.path().join("text.mp4");
    fs::write(&text, "a few words that are no video\n".repeat(600)).expect("write");
    assert_eq!(open(&text, &BY_PROGRAM).err().expect("text").code(), "NOT_A_VIDEO");
    fs::write(&text, &whole[..whole.len() / 2]).expect("write");
    let error = open(&text, &BY_PROGRAM).err().expect("no index");
    assert_eq!(error.code(), "NOT_A_VIDEO");
    assert!(error.to_string().contains("moov atom not found"), "{error}");
    let second = OpenOptions { stream: Some(1), ..BY_PROGRAM };
    assert_eq!(open(&path, &second).err().expect("one stream").code(), "NO_VIDEO_STREAM");
    let gone = folder.path().join("gone.mp4");
    assert_eq!(open(&gone, &BY_PROGRAM).err().expect("no file").code(), "FILE_NOT_FOUND");
    assert_eq!(open(folder.path(), &BY_PROGRAM).err().expect("a folder").code(), "NOT_A_VIDEO");
}

#[test]
fn a_damaged_file_gives_the_frames_before_the_damage() {
    let folder = tempfile::tempdir().expect("folder");
    let Some(path) = video(folder.path(), 60) else { return };
    let cut = folder.path().join("cut.mkv");
    let mut program = Command::new("ffmpeg");
    program.args(["-v", "error", "-nostdin", "-i"]).arg(&path).args(["-c", "copy"]).arg(&cut);
    assert!(program.status().expect("ffmpeg").success());
    let whole = fs::read(&cut).expect("read");
    fs::write(&cut, &whole[..whole.len() / 2]).expect("write");
    let error = open(&cut, &BY_PROGRAM).expect("open").frame_count().expect_err("cut");
    assert_eq!(error.code(), "DAMAGED_VIDEO", "{error}");
    let mut source =
        open(&cut, &OpenOptions { damaged: Damaged::Use, ..BY_PROGRAM }).expect("open");
    let frames = source.frame_count().expect("count");
    assert!(frames > 5 && frames < 60, "{frames}");
    let images = source.frames(&[frames - 1, 0]).expect("frames");
    assert_eq!((number(&images[0]), number(&images[1])), (Some(frames - 1), Some(0)));
    assert_eq!(source.frames(&[frames]).expect_err("behind it").code(), "DECODE_FAILED");
}

#[cfg(target_os = "linux")]
#[test]
fn the_child_ends_with_its_source() {
    let folder = tempfile::tempdir().expect("folder");
    let Some(path) = video(folder.path(), 100) else { return };
    let children = || {
        let running = |entry: fs::DirEntry| {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            line.windows(10).any(|part| part == b"gte(n,1)+e") && contains(&line, folder.path())
        };
        fs::read_dir("/proc")
            .expect("proc")
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().bytes().all(|c| c.is_ascii_digit()))
            .map(running)
            .filter(|&is| is)
            .count()
    };
    let mut source = open(&path, &BY_PROGRAM).expect("a video");
    source.frames(&[0]).expect("frame");
    assert_eq!(children(), 1, "it waits for more to be asked");
    drop(source);
    assert_eq!(children(), 0);
}

#[cfg(target_os = "linux")]
fn contains(line: &[u8], path: &Path) -> bool {
    let path = path.as_os_str().as_encoded_bytes();
    line.windows(path.len()).any(|part| part == path)
}

/// Set in a second process.
const MARK: &str = "TIMEWEAVE_TEST_ELSEWHERE";

/// Runs this test again with other variables; true in the first process.
fn elsewhere(name: &str, variables: &[(&str, &Path)]) -> bool {
    if std::env::var_os(MARK).is_some() {
        return false;
    }
    let mut child = Command::new(std::env::current_exe().expect("this test"));
    child.args(["--exact", name]).env(MARK, "1").envs(variables.iter().copied());
    let output = child.output().expect("a second run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    true
}

#[test]
fn without_the_libraries_auto_takes_the_programs() {
    let folder = tempfile::tempdir().expect("folder");
    let path = std::env::var_os("TIMEWEAVE_TEST_VIDEO").map(PathBuf::from);
    let Some(path) = path.or_else(|| video(folder.path(), 10)) else { return };
    let nowhere = Path::new("/nowhere/libtimeweave_ffmpeg.so");
    let variables =
        [("TIMEWEAVE_FFMPEG_PLUGIN", nowhere), ("TIMEWEAVE_TEST_VIDEO", path.as_path())];
    if elsewhere("without_the_libraries_auto_takes_the_programs", &variables) {
        return;
    }
    let automatic = OpenOptions { index_cache: false, ..OpenOptions::default() };
    let mut source = open(&path, &automatic).expect("a video");
    assert_eq!(source.info().decoder, "ffmpeg");
    assert_eq!(number(&source.frames(&[7]).expect("frame")[0]), Some(7));
    let libav = OpenOptions { decoder: Decoder::Libav, ..OpenOptions::default() };
    assert_eq!(open(&path, &libav).err().expect("no libraries").code(), "DECODER_MISSING");
}

#[test]
fn without_the_programs_the_error_names_them() {
    let folder = tempfile::tempdir().expect("folder");
    if elsewhere("without_the_programs_the_error_names_them", &[("PATH", folder.path())]) {
        return;
    }
    let path = folder.path().join("a.mp4");
    fs::write(&path, b"anything").expect("write");
    let error = open(&path, &BY_PROGRAM).err().expect("no programs");
    assert_eq!(error.code(), "DECODER_MISSING");
    assert!(error.to_string().contains("`ffmpeg`"), "{error}");
}

#[test]
fn an_index_is_kept_for_files_that_have_none() {
    let folder = tempfile::tempdir().expect("folder");
    let home = folder.path().join("home");
    let path = std::env::var_os("TIMEWEAVE_TEST_VIDEO").map(PathBuf::from);
    let Some(path) = path.or_else(|| video(folder.path(), 100)) else { return };
    let variables = [("TIMEWEAVE_HOME", home.as_path()), ("TIMEWEAVE_TEST_VIDEO", path.as_path())];
    if elsewhere("an_index_is_kept_for_files_that_have_none", &variables) {
        return;
    }
    let home = PathBuf::from(std::env::var_os("TIMEWEAVE_HOME").expect("set above"));
    let avi = home.with_file_name("b.avi");
    let mut program = Command::new("ffmpeg");
    program.args(["-v", "error", "-nostdin", "-y", "-i"]).arg(&path);
    let made = program.args(["-c:v", "libx264", "-bf", "3"]).arg(&avi).status();
    if !made.expect("ffmpeg").success() {
        println!("checked: 0 files (no libx264)");
        return;
    }
    for decoder in [Decoder::Libav, Decoder::Ffmpeg] {
        let options = OpenOptions { decoder, index_cache: true, ..OpenOptions::default() };
        let first = open(&avi, &options).expect("a video");
        assert_eq!(first.info().frames, None, "{decoder:?} must count");
        let count = |mut source: Box<dyn timeweave_video::VideoSource>| source.frame_count();
        assert_eq!(count(first), Ok(100));
        let mut second = open(&avi, &options).expect("a video");
        assert_eq!(second.info().frames, Some(100), "{decoder:?} knows");
        for frame in [99, 3, 50] {
            assert_eq!(number(&second.frames(&[frame]).expect("frame")[0]), Some(frame));
        }
        let options = OpenOptions { index_cache: false, ..options };
        assert_eq!(
            open(&avi, &options).expect("a video").info().frames,
            None,
            "{decoder:?} is off"
        );
    }
    println!("checked: 2 decoders keep an index");
}

#[cfg(unix)]
#[test]
fn a_program_that_breaks_is_told_with_its_words() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("folder");
    let path = std::env::var_os("TIMEWEAVE_TEST_VIDEO").map(PathBuf::from);
    let Some(path) = path.or_else(|| video(folder.path(), 10)) else { return };
    let bin = folder.path().join("bin");
    if std::env::var_os(MARK).is_none() {
        // A program that fails in the middle of its work: its words are in the error.
        let real =
            Command::new("sh").args(["-c", "command -v ffprobe"]).output().expect("sh").stdout;
        let real = String::from_utf8(real).expect("a path").trim().to_owned();
        fs::create_dir_all(&bin).expect("folder");
        let broken =
            "#!/bin/sh\ncase \"$1\" in -version) exit 0;; esac\necho 'it broke' >&2\nexit 3\n";
        let passing = format!("#!/bin/sh\nexec {real} \"$@\"\n");
        for (name, text) in [("ffmpeg", broken), ("ffprobe", &passing)] {
            fs::write(bin.join(name), text).expect("write");
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).expect("mode");
        }
    }
    let variables = [("PATH", bin.as_path()), ("TIMEWEAVE_TEST_VIDEO", path.as_path())];
    if elsewhere("a_program_that_breaks_is_told_with_its_words", &variables) {
        return;
    }
    let started = Instant::now();
    let error = open(&path, &BY_PROGRAM).expect("a video").frame_count().expect_err("broken");
    assert!(error.to_string().contains("it broke"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(30));
}
