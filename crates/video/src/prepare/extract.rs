//! One video to one folder of images.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

use super::access;
use super::frames::FramesConfig;
use super::whole::DraftFolder;
use crate::decode::frame_name;
use crate::endings::has_ending;
use crate::transform::crop::short_side;
use crate::{Damaged, OpenOptions, RgbImage, VideoError, open};

/// Frames that are decoded at once; bounds the memory whatever the video.
const BLOCK: usize = 8;
/// The file that says what a folder was made of and how.
const MARK: &str = ".timeweave-frames.json";

/// A video and where its frames go.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// The path as the list has it.
    pub input: String,
    pub video: PathBuf,
    pub place: PathBuf,
}

/// A video whose frames are there.
pub(super) struct Found {
    pub frames: usize,
    /// Whether they were there before.
    pub kept: bool,
}

/// What decides the images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mark {
    frames: usize,
    source_bytes: u64,
    source_modified_ms: u128,
    short_side: Option<usize>,
    quality: i32,
    template: String,
    first: u64,
    damaged: Damaged,
}

/// Extracts the frames of a video unless they are there.
pub(super) fn frames_of(
    config: &FramesConfig,
    job: &Job,
    cancel: &AtomicBool,
) -> Result<Found, VideoError> {
    let about = fs::metadata(&job.video).map_err(|error| access("read", &job.video, &error))?;
    let modified = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let mut mark = Mark {
        frames: 0,
        source_bytes: about.len(),
        source_modified_ms: modified.map_or(0, |time| time.as_millis()),
        short_side: config.short_side,
        quality: config.quality,
        template: config.template.clone(),
        first: config.first,
        damaged: config.damaged,
    };
    if job.place.exists() {
        if let Some(frames) = whole_frames(&job.place, &mark) {
            return Ok(Found { frames, kept: true });
        }
        let is_empty = fs::read_dir(&job.place).is_ok_and(|mut entries| entries.next().is_none());
        if !config.overwrite && !is_empty {
            let expected = "folders that are not there or were extracted from the same files with the same settings (`overwrite` replaces others)";
            return Err(VideoError::option("out", expected, job.place.display()));
        }
    }
    let draft = DraftFolder::beside(&job.place)?;
    mark.frames = write_frames(config, &job.video, draft.path(), cancel)?;
    let path = draft.path().join(MARK);
    let text = serde_json::to_string(&mark).unwrap_or_default();
    fs::write(&path, text).map_err(|error| access("write", &path, &error))?;
    draft.finish()?;
    Ok(Found { frames: mark.frames, kept: false })
}

/// The number of frames of a folder whose mark fits and whose images are all there.
fn whole_frames(place: &Path, wanted: &Mark) -> Option<usize> {
    let text = fs::read_to_string(place.join(MARK)).ok()?;
    let mark: Mark = serde_json::from_str(&text).ok()?;
    let fits = Mark { frames: mark.frames, ..wanted.clone() } == mark;
    let is_there = |index: usize| {
        frame_name(&mark.template, mark.first + index as u64)
            .is_ok_and(|name| place.join(name).is_file())
    };
    (fits && (0..mark.frames).all(is_there)).then_some(mark.frames)
}

/// Writes every frame and gives their number.
fn write_frames(
    config: &FramesConfig,
    video: &Path,
    folder: &Path,
    cancel: &AtomicBool,
) -> Result<usize, VideoError> {
    let options = OpenOptions { damaged: config.damaged, ..OpenOptions::default() };
    let mut source = open(video, &options)?;
    let count = source.frame_count()?;
    if count == 0 {
        return Err(VideoError::EmptyVideo);
    }
    let mut writer = Writer::new(config, folder)?;
    let indices: Vec<usize> = (0..count).collect();
    for block in indices.chunks(BLOCK) {
        if cancel.load(Ordering::Relaxed) {
            return Err(VideoError::Aborted);
        }
        for (&index, image) in block.iter().zip(source.frames(block)?) {
            writer.write(index, image)?;
        }
    }
    Ok(count)
}

/// Images to files.
struct Writer<'a> {
    config: &'a FramesConfig,
    folder: &'a Path,
    jpeg: Compressor,
}

impl<'a> Writer<'a> {
    fn new(config: &'a FramesConfig, folder: &'a Path) -> Result<Self, VideoError> {
        let failed = |error: turbojpeg::Error| encode_failed(folder, &error);
        let mut jpeg = Compressor::new().map_err(failed)?;
        jpeg.set_quality(config.quality).map_err(failed)?;
        jpeg.set_subsamp(Subsamp::Sub2x2).map_err(failed)?;
        Ok(Self { config, folder, jpeg })
    }

    fn write(&mut self, index: usize, image: RgbImage) -> Result<(), VideoError> {
        let image = match self.config.short_side {
            Some(short) => {
                let size = (image.width as usize, image.height as usize);
                let to = short_side(size, short);
                if to == size { image } else { image.resized(to.0 as u32, to.1 as u32)? }
            }
            None => image,
        };
        let name = frame_name(&self.config.template, self.config.first + index as u64)?;
        let path = self.folder.join(&name);
        let bytes = if has_ending(&path, &["png"]) {
            png(&image).map_err(|error| encode_failed(&path, &error))?
        } else {
            let picture = Image {
                pixels: image.data.as_slice(),
                width: image.width as usize,
                pitch: image.width as usize * 3,
                height: image.height as usize,
                format: PixelFormat::RGB,
            };
            self.jpeg.compress_to_vec(picture).map_err(|error| encode_failed(&path, &error))?
        };
        fs::write(&path, bytes).map_err(|error| access("write", &path, &error))
    }
}

fn png(image: &RgbImage) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, image.width, image.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&image.data)?;
    Ok(bytes)
}

fn encode_failed(path: &Path, error: &dyn std::fmt::Display) -> VideoError {
    VideoError::EncodeFailed { path: path.to_owned(), reason: error.to_string() }
}
