//! A Matroska file that was cut is known as such; what is left of it is read as before.

mod compared;

use std::path::{Path, PathBuf};

use compared::{compare, open, read};
use ffmpeg_next as ff;
use timeweave_ffmpeg::encoder::Encoder;

/// Writes a moving pattern as MP4 and moves its packets into Matroska.
fn matroska(folder: &Path, frames: usize) -> PathBuf {
    let source = folder.join("source.mp4");
    let path = source.with_extension("mkv");
    let (width, height) = (96, 64);
    let mut encoder =
        Encoder::open(source.as_os_str().as_encoded_bytes(), width, height, 25.0).expect("encoder");
    for frame in 0..frames {
        let pixel = |at: usize| ((at * 7 + frame * 29) % 251) as u8;
        encoder.write(&(0..width * height * 3).map(pixel).collect::<Vec<u8>>()).expect("frame");
    }
    encoder.finish().expect("file");
    copy(&source, &path);
    path
}

fn copy(from: &Path, to: &Path) {
    let mut input = ff::format::input(from).expect("input");
    let mut output = ff::format::output(to).expect("output");
    let (parameters, unit) = {
        let stream = input.stream(0).expect("stream");
        (stream.parameters(), stream.time_base())
    };
    let mut stream = output.add_stream(ff::encoder::find(ff::codec::Id::None)).expect("stream");
    stream.set_parameters(parameters);
    // SAFETY: the stream belongs to the open output; the tag of MP4 is none of Matroska.
    unsafe { (*stream.parameters().as_mut_ptr()).codec_tag = 0 };
    output.write_header().expect("header");
    let to_unit = output.stream(0).expect("stream").time_base();
    for (_, mut packet) in input.packets() {
        packet.rescale_ts(unit, to_unit);
        packet.set_stream(0);
        packet.write_interleaved(&mut output).expect("packet");
    }
    output.write_trailer().expect("trailer");
}

#[test]
fn a_cut_file_is_known_and_its_frames_are_as_before() {
    let folder = tempfile::tempdir().expect("folder");
    let path = matroska(folder.path(), 80);
    let whole = std::fs::read(&path).expect("read");
    assert!(compare(&path, 20), "the whole file is sought");
    let mut reader = open(&path, true);
    assert_eq!((reader.frame_count().expect("count"), reader.damage()), (80, None));
    let truth: Vec<Vec<u8>> = (0..80).map(|frame| read(&mut reader, frame)).collect();
    let mut lengths = 0;
    for length in (whole.len() / 8..whole.len()).step_by(whole.len() / 9).chain([whole.len() - 1]) {
        std::fs::write(&path, &whole[..length]).expect("write");
        let mut reader = open(&path, true);
        let frames = reader.frame_count().expect("count");
        let damage = reader.damage().unwrap_or_else(|| panic!("{length} bytes are not all"));
        assert!(damage.reason.contains("the file is cut"), "{damage:?}");
        assert!(frames <= 80 && (frames > 8 || length < whole.len() / 4), "{frames} frames");
        assert_eq!(read(&mut reader, 0), truth[0]);
        assert_eq!(read(&mut reader, frames / 2), truth[frames / 2]);
        lengths += 1;
    }
    println!("checked: {lengths} cuts");
}
