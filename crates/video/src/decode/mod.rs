//! One way to frames: a video file, a folder of images and frames in memory look the same to the stages after.

mod cache;
mod exif;
mod flow;
mod frames;
mod libav;
mod memory;
mod program;
mod still;
mod template;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::transform::Stack;
use crate::{RgbImage, VideoError};
use flow::FlowTemplate;
pub(crate) use libav::Encoder;
pub use libav::{ffmpeg_version, set_plugin_dir};
pub use memory::from_frames;

/// What is known of a source when it is opened.
///
/// A source has one size. A stream that changes its size or its pixel format in the middle gives all its frames in the size
/// that the file states at first, scaled by FFmpeg's bilinear filter, whichever decoder serves; a folder whose images differ
/// is refused (`FRAME_SIZE`), because there nothing says that they belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoInfo {
    /// Pixels per row of the frames as they are given (after rotation).
    pub width: u32,
    /// Rows of the frames as they are given (after rotation).
    pub height: u32,
    /// Frames, where counting them needs no decoding; [`VideoSource::frame_count`] always knows.
    pub frames: Option<usize>,
    /// Frames per second, where the source states it.
    pub fps: Option<f64>,
    /// The decoder that serves: `libav`, `ffmpeg`, `frames` or `memory`.
    pub decoder: &'static str,
    /// What is wrong with the file, as far as is known; complete for the packets after [`VideoSource::frame_count`].
    pub damage: Option<Damage>,
}

/// Why a file gives fewer frames than it was made with, or other ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What was found, with FFmpeg's words where it has some.
    pub reason: String,
    /// Frames that the container announces, where it does.
    pub expected: Option<usize>,
}

/// Exact frames at indices, from whatever holds them.
pub trait VideoSource: Send {
    /// What is known without decoding.
    fn info(&self) -> &VideoInfo;

    /// The number of frames that the source holds; of a damaged one, those before the damage.
    ///
    /// # Errors
    /// When the source cannot be read any more, and `DAMAGED_VIDEO` when it is damaged and was opened with
    /// [`Damaged::Error`].
    fn frame_count(&mut self) -> Result<usize, VideoError>;

    /// The frames at `indices` (from 0, in display order), in the order asked for; an index may be repeated.
    ///
    /// # Errors
    /// `DAMAGED_VIDEO` as for [`VideoSource::frame_count`], `FRAME_OUT_OF_RANGE` past the end, `DECODE_FAILED` and the image errors when a frame cannot be had.
    fn frames(&mut self, indices: &[usize]) -> Result<Vec<RgbImage>, VideoError>;

    /// Gives the frames at `indices`, distinct and rising, to `take` one after another: the source knows all that is wanted,
    /// and few frames are held at a time.
    ///
    /// # Errors
    /// As for [`VideoSource::frames`], and what `take` gives, which ends the reading.
    fn each(&mut self, indices: &[usize], take: &mut TakeFrame<'_>) -> Result<(), VideoError> {
        for group in indices.chunks(HELD_AT_ONCE) {
            for (&index, image) in group.iter().zip(&self.frames(group)?) {
                take(index, image)?;
            }
        }
        Ok(())
    }
}

/// Takes a frame and its index.
pub type TakeFrame<'a> = dyn FnMut(usize, &RgbImage) -> Result<(), VideoError> + 'a;

/// Frames of one call of [`VideoSource::frames`]; sources go on where they stopped, so small groups cost nothing.
const HELD_AT_ONCE: usize = 4;

/// Which decoder opens a path.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Decoder {
    /// Folders as frames, files through FFmpeg: its libraries, or its programs where those cannot be loaded.
    #[default]
    Auto,
    /// FFmpeg's libraries, in process.
    Libav,
    /// The programs `ffmpeg` and `ffprobe`, found on the `PATH`, as child processes.
    Ffmpeg,
    /// A folder of JPEG, PNG or WebP images.
    Frames,
}

/// What to do with a video file that is cut or spoilt.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Damaged {
    /// Refuse it.
    #[default]
    Error,
    /// Take the frames before the damage.
    Use,
}

/// How to open a video.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OpenOptions {
    /// Which decoder; by default it follows from the path.
    pub decoder: Decoder,
    /// Names of the images of a frame folder, such as `img_{:05d}.jpg`; found by itself when left out.
    pub template: Option<String>,
    /// Read the flow pairs of a frame folder (`flow_x_00001.jpg` and `flow_y_00001.jpg`, found by themselves or named by a
    /// template such as `flow_{x|y}_{:05d}.jpg`): horizontal motion in red, vertical motion in green, and blue is 0. Networks
    /// of optical flow set it by themselves; decoded frames are taken as flow only where it is set.
    pub flow: bool,
    /// Turn frames upright as the file's display matrix, or an image's Exif orientation, says.
    pub rotate: bool,
    /// Which video stream, from 0 among the video streams; FFmpeg's choice when left out.
    pub stream: Option<usize>,
    /// Decoder threads per source.
    pub threads: usize,
    /// What to do with a file that is cut or whose packets are damaged: refuse it, or take the frames before the damage.
    pub damaged: Damaged,
    /// Keep what decoding a file without an index of its own has shown in the cache folder, for the next time.
    pub index_cache: bool,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            decoder: Decoder::Auto,
            template: None,
            flow: false,
            rotate: true,
            stream: None,
            threads: 1,
            damaged: Damaged::Error,
            index_cache: true,
        }
    }
}

impl OpenOptions {
    /// The options for clips whose frames hold `stack`: those of optical flow are read from flow pairs.
    ///
    /// # Errors
    /// `INVALID_OPTION` for a template that cannot be read, and for flow where colour frames are wanted.
    pub fn for_stack(&self, stack: Stack) -> Result<Self, VideoError> {
        let flow = stack == Stack::Flow;
        let template = self.template.as_deref();
        let colour = "(the network takes colour frames)";
        if self.flow && !flow {
            return Err(VideoError::option("decode.flow", format!("false {colour}"), true));
        }
        if let Some(text) = template.filter(|text| !flow && FlowTemplate::is_marked(text)) {
            let expected = format!("no place for an axis {colour}");
            return Err(VideoError::option("decode.template", expected, format!("`{text}`")));
        }
        let is_readable = |text: &str| {
            if flow {
                FlowTemplate::parse(text).is_some()
            } else {
                template::Template::parse(text).is_ok()
            }
        };
        match template.filter(|text| !is_readable(text)) {
            Some(text) => Err(template::invalid("decode.template", text)),
            None => Ok(Self { flow, ..self.clone() }),
        }
    }
}

/// Opens a video file or a folder of frames.
///
/// # Errors
/// `FILE_NOT_FOUND`, `FILE_ACCESS`, `NOT_A_VIDEO`, `NO_VIDEO_STREAM`, `NO_FRAMES`, `NO_FLOW`, `DECODER_MISSING`,
/// `INVALID_OPTION`; each names the path or the option.
pub fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn VideoSource>, VideoError> {
    let unreadable = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            VideoError::FileNotFound { path: path.to_owned() }
        }
        _ => VideoError::FileAccess {
            action: "read",
            path: path.to_owned(),
            reason: error.to_string(),
        },
    };
    let about = fs::metadata(path).map_err(unreadable)?;
    match (options.decoder, about.is_dir()) {
        (Decoder::Auto | Decoder::Frames, true) => frames::open(path, options),
        (Decoder::Frames, false) => Err(VideoError::InvalidOption {
            field: "decoder".into(),
            expected: "a folder of images for `frames`".into(),
            received: format!("the file {}", path.display()),
        }),
        (_, false) if options.flow => Err(VideoError::NoFlow {
            received: format!("the file {}", path.display()),
            advice: "compute the flow of the video first, with OpenCV or denseflow for example, and name the folder of its images",
        }),
        (Decoder::Libav | Decoder::Ffmpeg, true) => {
            Err(VideoError::NotAVideo { path: path.to_owned(), reason: "it is a folder".into() })
        }
        (Decoder::Auto | Decoder::Libav | Decoder::Ffmpeg, false) => {
            fs::File::open(path).map_err(unreadable)?;
            if about.is_file() && about.len() == 0 {
                return Err(VideoError::NotAVideo {
                    path: path.to_owned(),
                    reason: "the file is empty".into(),
                });
            }
            open_file(path, options)
        }
    }
}

fn open_file(path: &Path, options: &OpenOptions) -> Result<Box<dyn VideoSource>, VideoError> {
    match options.decoder {
        Decoder::Ffmpeg => program::open(path, options),
        Decoder::Auto => match libav::check().map_err(|_| program::Programs::get()) {
            Err(Ok(_)) => program::open(path, options),
            // Neither is there: the libraries are what to install.
            _ => libav::open(path, options),
        },
        Decoder::Libav | Decoder::Frames => libav::open(path, options),
    }
}

/// The images of `distinct` (rising) indices in the order of `indices`; only repeated ones are copied.
fn arrange(mut images: Vec<RgbImage>, distinct: &[usize], indices: &[usize]) -> Vec<RgbImage> {
    if distinct == indices {
        return images;
    }
    let places: Vec<usize> =
        indices.iter().filter_map(|index| distinct.binary_search(index).ok()).collect();
    let mut uses = vec![0_usize; distinct.len()];
    for &place in &places {
        uses[place] += 1;
    }
    let take = |place: usize| {
        uses[place] -= 1;
        if uses[place] == 0 { std::mem::take(&mut images[place]) } else { images[place].clone() }
    };
    places.into_iter().map(take).collect()
}

/// Whether a template has a marked place for the axis of optical flow.
pub(crate) fn is_flow_template(template: &str) -> bool {
    FlowTemplate::is_marked(template)
}

/// The name that a template such as `img_{:05d}.jpg` gives to a number.
///
/// # Errors
/// `INVALID_OPTION` for a template without exactly one number.
pub(crate) fn frame_name(template: &str, number: u64) -> Result<String, VideoError> {
    Ok(template::Template::parse(template)?.name(number))
}
