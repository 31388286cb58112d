//! Folders of frames: names, kinds of images, and what is wrong with them.

mod numbered;

use std::fs;
use std::path::{Path, PathBuf};

use numbered::{number, picture};
use timeweave_video::{Decoder, OpenOptions, RgbImage, VideoError, VideoSource, open};

fn png(path: &Path, image: &RgbImage) {
    let file = fs::File::create(path).expect("file");
    let mut encoder = png::Encoder::new(file, image.width, image.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().expect("header").write_image_data(&image.data).expect("data");
}

fn jpeg(path: &Path, image: &RgbImage) {
    let mut compressor = turbojpeg::Compressor::new().expect("compressor");
    compressor.set_quality(95).expect("quality");
    compressor.set_subsamp(turbojpeg::Subsamp::None).expect("subsampling");
    let (width, height) = (image.width as usize, image.height as usize);
    let format = turbojpeg::PixelFormat::RGB;
    let image =
        turbojpeg::Image { pixels: image.data.as_slice(), width, pitch: width * 3, height, format };
    fs::write(path, compressor.compress_to_vec(image).expect("jpeg")).expect("file");
}

/// A folder of numbered pictures under the names given.
fn folder(names: impl IntoIterator<Item = String>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    for (index, name) in names.into_iter().enumerate() {
        let path = folder.path().join(&name);
        if name.ends_with("png") {
            png(&path, &picture(index));
        } else {
            jpeg(&path, &picture(index));
        }
    }
    folder
}

fn source(path: &Path) -> Box<dyn VideoSource> {
    open(path, &OpenOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn shown(source: &mut dyn VideoSource, indices: &[usize]) -> Vec<Option<usize>> {
    source.frames(indices).unwrap_or_else(|error| panic!("{error}")).iter().map(number).collect()
}

#[test]
fn index_zero_is_the_first_frame_whatever_its_number() {
    for (first, digits) in [(0, 5), (1, 5), (1, 1), (101, 6)] {
        let folder = folder((0..12).map(|n| format!("img_{:0digits$}.jpg", n + first)));
        let mut source = source(folder.path());
        assert_eq!(source.info().decoder, "frames");
        assert_eq!((source.info().width, source.info().height), (128, 32));
        assert_eq!(source.frame_count().expect("count"), 12);
        assert_eq!(shown(source.as_mut(), &[11, 0, 5, 0]), [Some(11), Some(0), Some(5), Some(0)]);
    }
}

#[test]
fn a_template_chooses_among_several_kinds_of_names() {
    let folder = folder((0..4).map(|n| format!("left_{n:03}.png")));
    for n in 0..4 {
        png(&folder.path().join(format!("right_{n:03}.png")), &picture(100 + n));
    }
    let code = open(folder.path(), &OpenOptions::default()).err().expect("two kinds").code();
    assert_eq!(code, "INVALID_OPTION");
    let with =
        |template: &str| OpenOptions { template: Some(template.into()), ..OpenOptions::default() };
    let mut right = open(folder.path(), &with("right_{:03d}.png")).expect("right");
    assert_eq!(shown(right.as_mut(), &[3]), [Some(103)]);
    let error = open(folder.path(), &with("up_{:03d}.png")).err().expect("no such names");
    assert_eq!(error.code(), "NO_FRAMES");
    assert!(error.to_string().contains("up_{:03d}.png"), "{error}");
}

fn failure(path: &Path, indices: &[usize]) -> VideoError {
    match open(path, &OpenOptions::default()) {
        Ok(mut source) => source.frames(indices).expect_err("a failure"),
        Err(error) => error,
    }
}

#[test]
fn a_hole_names_the_file_and_loses_no_other_frame() {
    let folder = folder((1..=6).map(|n| format!("{n:05}.jpg")));
    fs::remove_file(folder.path().join("00004.jpg")).expect("remove");
    assert_eq!(shown(source(folder.path()).as_mut(), &[2, 4]), [Some(2), Some(4)]);
    let missing = VideoError::FrameMissing { path: folder.path().join("00004.jpg"), frame: 3 };
    assert_eq!(failure(folder.path(), &[3]), missing);
    assert_eq!(missing.code(), "FRAME_MISSING");
}

#[test]
fn a_frame_of_another_size_is_named() {
    let folder = folder((1..=3).map(|n| format!("{n}.png")));
    let odd: PathBuf = folder.path().join("2.png");
    png(&odd, &RgbImage::new(4, 4, vec![0; 48]).expect("a picture"));
    let error = failure(folder.path(), &[0, 1]);
    assert_eq!(error.code(), "FRAME_SIZE");
    assert!(error.to_string().contains(&odd.display().to_string()), "{error}");
}

#[test]
fn an_unreadable_image_is_named() {
    let folder = folder((1..=4).map(|n| format!("{n}.jpg")));
    let whole = fs::read(folder.path().join("2.jpg")).expect("jpeg");
    fs::write(folder.path().join("2.jpg"), &whole[..whole.len() / 2]).expect("write");
    fs::write(folder.path().join("3.jpg"), b"no image").expect("write");
    fs::write(folder.path().join("4.jpg"), b"").expect("write");
    for frame in 1..4 {
        let error = failure(folder.path(), &[frame]);
        assert_eq!(error.code(), "INVALID_IMAGE");
        assert!(error.to_string().contains(&format!("{}.jpg", frame + 1)), "{error}");
    }
    assert_eq!(shown(source(folder.path()).as_mut(), &[0]), [Some(0)]);
}

#[test]
fn folders_without_frames_and_indices_past_the_end_are_refused() {
    let empty = tempfile::tempdir().expect("folder");
    fs::write(empty.path().join("notes.txt"), "none").expect("write");
    let told = |text: &str| {
        let error = failure(empty.path(), &[0]);
        assert_eq!(error.code(), "NO_FRAMES");
        assert!(error.to_string().ends_with(text), "{error}");
    };
    told("received a folder with `notes.txt` alone");
    // Videos in a folder are inputs by themselves.
    fs::write(empty.path().join("left.MP4"), "none").expect("write");
    let each = empty.path().join("*");
    let advice = format!("to read each of them by itself, name `{}`", each.display());
    told(&format!("received a folder with `left.MP4` and 1 more; {advice}"));
    fs::remove_file(empty.path().join("left.MP4")).expect("remove");
    fs::remove_file(empty.path().join("notes.txt")).expect("remove");
    told("received an empty folder");
    let folder = folder((1..=3).map(|n| format!("{n}.png")));
    let expected =
        VideoError::FrameOutOfRange { path: folder.path().to_owned(), frame: 3, frames: 3 };
    assert_eq!(failure(folder.path(), &[0, 3]), expected);
}

#[test]
fn the_decoder_must_fit_the_path() {
    let folder = folder((1..=3).map(|n| format!("{n}.png")));
    let as_video = OpenOptions { decoder: Decoder::Libav, ..OpenOptions::default() };
    assert_eq!(open(folder.path(), &as_video).err().expect("a folder").code(), "NOT_A_VIDEO");
    let as_frames = OpenOptions { decoder: Decoder::Frames, ..OpenOptions::default() };
    assert!(open(folder.path(), &as_frames).is_ok());
    assert_eq!(
        open(&folder.path().join("1.png"), &as_frames).err().expect("a file").code(),
        "INVALID_OPTION"
    );
}
