//! Two readers of one file: one that counts from the start, one that seeks.

use std::path::Path;

use timeweave_ffmpeg::input::Options;
use timeweave_ffmpeg::reader::Reader;

pub fn open(path: &Path, seek: bool) -> Reader {
    let options = Options { stream: None, threads: 1, rotate: false, seek };
    let opened = Reader::open(path.as_os_str().as_encoded_bytes(), options, None);
    opened.unwrap_or_else(|failure| panic!("{}: {failure:?}", path.display()))
}

pub fn read(reader: &mut Reader, frame: usize) -> Vec<u8> {
    let (width, height) = reader.size();
    let mut data = vec![0; width * height * 3];
    let read = reader.frames(&[frame], &mut [&mut data]);
    read.unwrap_or_else(|failure| panic!("frame {frame}: {failure:?}"));
    data
}

/// Distinct indices, far from any order that a decoder likes.
fn shuffled(frames: usize) -> impl Iterator<Item = usize> {
    let step = (frames / 3..=frames).find(|&step| step > 1 && gcd(step, frames) == 1).unwrap_or(1);
    (0..frames).map(move |n| n * step % frames)
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Compares frames, `most` at the most; returns whether seeking was in use to the end.
pub fn compare(path: &Path, most: usize) -> bool {
    let (mut counting, mut seeking) = (open(path, false), open(path, true));
    let frames = counting.frame_count().expect("count");
    assert_eq!(seeking.frame_count().expect("count"), frames, "{}", path.display());
    let truth: Vec<Vec<u8>> = (0..frames).map(|frame| read(&mut counting, frame)).collect();
    for frame in shuffled(frames).take(most) {
        assert!(
            read(&mut seeking, frame) == truth[frame],
            "frame {frame} of {} differs",
            path.display()
        );
    }
    assert!(!counting.is_seeking());
    seeking.is_seeking()
}
