//! The demonstration's data set: objects that move in one of four directions, as real video files.
//!
//! A textured patch moves over a still textured background and comes back at the other side when it leaves the frame. Its
//! place in any one frame is uniform whatever the class, and so are textures, size and speed: one frame alone says nothing
//! about the direction, the order of frames says all.

mod backgrounds;
mod draw;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::random::Draws;
use crate::sample::MAX_FRAMES;
use crate::{RgbImage, VideoError, write_video};
use backgrounds::Backgrounds;
pub use draw::Track;

/// The classes, in the order of the labels.
pub const CLASSES: [&str; 4] = ["left", "right", "up", "down"];

/// Frames per second of the files.
const FPS: f64 = 12.0;

/// What is drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MotionConfig {
    /// Clips for training; the classes take turns.
    pub train_clips: usize,
    /// Clips for validation, with textures that training does not have.
    pub val_clips: usize,
    /// Frames of a clip.
    pub frames: usize,
    /// Width and height in pixels, even.
    pub size: usize,
    /// Seed of everything that is drawn.
    pub seed: u64,
    /// A folder of videos whose pictures are the still backgrounds; drawn ones when left out.
    pub backgrounds: Option<PathBuf>,
}

impl Default for MotionConfig {
    fn default() -> Self {
        Self { train_clips: 480, val_clips: 120, frames: 8, size: 48, seed: 0, backgrounds: None }
    }
}

impl MotionConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// `INVALID_OPTION` naming the field.
    pub fn validate(&self) -> Result<(), VideoError> {
        let check = |field, value, least, most| match value {
            _ if (least..=most).contains(&value) => Ok(()),
            _ => {
                Err(VideoError::option(field, format!("an integer from {least} to {most}"), value))
            }
        };
        check("trainClips", self.train_clips, 1, 99_999)?;
        check("valClips", self.val_clips, 1, 99_999)?;
        check("frames", self.frames, 2, MAX_FRAMES)?;
        check("size", self.size, 16, 512)?;
        if self.size.is_multiple_of(2) {
            Ok(())
        } else {
            Err(VideoError::option("size", "an even number", self.size))
        }
    }
}

/// Where the data set lies.
#[derive(Clone, Debug, PartialEq)]
pub struct MotionData {
    /// The list of training clips, `path frames label`.
    pub train: PathBuf,
    /// The list of validation clips, `path frames label`.
    pub val: PathBuf,
    /// The names of the classes, one a line.
    pub classes: PathBuf,
    /// Files among the backgrounds that are no readable video, with the reason.
    pub skipped: Vec<(PathBuf, VideoError)>,
}

/// The two halves of the data set, and clips outside it.
#[derive(Clone, Copy)]
enum Split {
    Train,
    Val,
    Single,
}

/// Writes the data set below `dir`: `train/*.mp4`, `val/*.mp4`, `train.txt`, `val.txt` and `classes.txt`. The same
/// settings give the same clips. `progress` hears how many clips are written, and of how many.
///
/// # Errors
/// `INVALID_OPTION`, `FILE_ACCESS`, `ENCODE_FAILED`, `DECODER_MISSING`; `NO_FRAMES` when no background can be read.
pub fn generate(
    dir: &Path,
    config: &MotionConfig,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<MotionData, VideoError> {
    config.validate()?;
    let backgrounds = Backgrounds::read(config)?;
    let total = config.train_clips + config.val_clips;
    let mut done = 0;
    progress(done, total);
    let mut lists = Vec::new();
    for (split, name, clips) in
        [(Split::Train, "train", config.train_clips), (Split::Val, "val", config.val_clips)]
    {
        let folder = dir.join(name);
        std::fs::create_dir_all(&folder).map_err(|error| cannot_write(&folder, &error))?;
        let mut list = String::new();
        for clip in 0..clips {
            let class = clip % CLASSES.len();
            let mut draws = Draws::motion(config.seed, split as u64, clip as u64);
            let frames = clip_frames(config, &backgrounds, (split, class), &mut draws);
            let file = format!("{name}/{clip:05}.mp4");
            write_video(&dir.join(&file), &frames, FPS)?;
            // Writing to a String cannot fail.
            let _ = writeln!(list, "{file} {} {class}", config.frames);
            done += 1;
            progress(done, total);
        }
        lists.push((dir.join(format!("{name}.txt")), list));
    }
    let classes = dir.join("classes.txt");
    lists.push((classes.clone(), CLASSES.join("\n") + "\n"));
    for (path, text) in &lists {
        std::fs::write(path, text).map_err(|error| cannot_write(path, &error))?;
    }
    Ok(MotionData {
        train: dir.join("train.txt"),
        val: dir.join("val.txt"),
        classes,
        skipped: backgrounds.skipped,
    })
}

/// The frames of one clip that is in neither half of the data set; the same for the same seed.
///
/// # Errors
/// `INVALID_OPTION` for impossible settings or a class that is not there, `NO_FRAMES` when no background can be read.
pub fn draw(config: &MotionConfig, class: usize, seed: u64) -> Result<Vec<RgbImage>, VideoError> {
    config.validate()?;
    if class >= CLASSES.len() {
        return Err(VideoError::option(
            "class",
            format!("an index below {}", CLASSES.len()),
            class,
        ));
    }
    let backgrounds = Backgrounds::read(config)?;
    let mut draws = Draws::motion(seed, Split::Single as u64, 0);
    Ok(clip_frames(config, &backgrounds, (Split::Single, class), &mut draws))
}

fn clip_frames(
    config: &MotionConfig,
    backgrounds: &Backgrounds,
    (split, class): (Split, usize),
    draws: &mut Draws,
) -> Vec<RgbImage> {
    let background = backgrounds.draw(split, config.size, draws);
    let track = Track::draw(config.size, class, draws);
    let patch = draw::patch(track.side, draws);
    (0..config.frames).map(|frame| track.frame(frame, &background, &patch)).collect()
}

fn cannot_write(path: &Path, error: &std::io::Error) -> VideoError {
    VideoError::FileAccess { action: "write", path: path.to_owned(), reason: error.to_string() }
}
