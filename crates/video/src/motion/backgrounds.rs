//! Still backgrounds: drawn, or pictures out of the user's own videos.

use std::path::{Path, PathBuf};

use super::{MotionConfig, Split, draw};
use crate::random::Draws;
use crate::transform::crop::short_side;
use crate::{OpenOptions, RgbImage, VideoError, open};

/// Pictures taken from one video.
const STILLS: usize = 8;
/// The most videos of a folder.
const VIDEOS: usize = 64;

/// What clips are drawn on.
pub(super) struct Backgrounds {
    /// Pictures for the training clips; without any, backgrounds are drawn.
    train: Vec<RgbImage>,
    /// Pictures for all other clips.
    val: Vec<RgbImage>,
    /// Files that are no readable video.
    pub skipped: Vec<(PathBuf, VideoError)>,
}

impl Backgrounds {
    /// Takes the pictures out of the folder's videos. A quarter of the videos, at least one, is kept for validation; of a
    /// single video, its last pictures are.
    pub fn read(config: &MotionConfig) -> Result<Self, VideoError> {
        let mut skipped = Vec::new();
        let Some(folder) = &config.backgrounds else {
            return Ok(Self { train: Vec::new(), val: Vec::new(), skipped });
        };
        let mut videos = Vec::new();
        for path in files(folder)? {
            match stills(&path, config.size) {
                Ok(stills) => videos.push(stills),
                Err(error) => skipped.push((path, error)),
            }
            if videos.len() == VIDEOS {
                break;
            }
        }
        let val = match videos.len() {
            0 => {
                return Err(none(folder, "a video that can be read", "none"));
            }
            1 => {
                let for_training = videos[0].len() * 3 / 4;
                videos[0].split_off(for_training)
            }
            count => videos.split_off(count - (count / 4).max(1)).concat(),
        };
        let train = videos.concat();
        if train.is_empty() || val.is_empty() {
            let expected = "two videos, or one of at least two frames";
            return Err(none(folder, expected, "one frame"));
        }
        Ok(Self { train, val, skipped })
    }

    /// A square background of `size` pixels.
    pub fn draw(&self, split: Split, size: usize, draws: &mut Draws) -> RgbImage {
        let stills = match split {
            Split::Train => &self.train,
            Split::Val | Split::Single => &self.val,
        };
        match stills.get(draws.below(stills.len())) {
            Some(still) => square(still, size, draws),
            None => draw::background(size, draws),
        }
    }
}

fn none(folder: &Path, expected: &str, received: &str) -> VideoError {
    let (expected, received) = (expected.into(), received.into());
    VideoError::NoFrames { path: folder.to_owned(), expected, received }
}

/// The folder's files in the order of their names; hidden ones are left out.
fn files(folder: &Path) -> Result<Vec<PathBuf>, VideoError> {
    let denied = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => VideoError::FileNotFound { path: folder.to_owned() },
        _ => VideoError::FileAccess {
            action: "list",
            path: folder.to_owned(),
            reason: error.to_string(),
        },
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(denied)? {
        let entry = entry.map_err(denied)?;
        if entry.path().is_file() && !entry.file_name().to_string_lossy().starts_with('.') {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// Pictures at equal distances, with a shorter side of twice the clip's size.
fn stills(path: &Path, size: usize) -> Result<Vec<RgbImage>, VideoError> {
    let mut source = open(path, &OpenOptions::default())?;
    let frames = source.frame_count()?;
    if frames == 0 {
        return Err(VideoError::EmptyVideo);
    }
    let count = STILLS.min(frames);
    let indices: Vec<_> = (0..count).map(|i| (2 * i + 1) * frames / (2 * count)).collect();
    let small = |image: &RgbImage| {
        let (width, height) = short_side((image.width as usize, image.height as usize), 2 * size);
        image.resized(width as u32, height as u32)
    };
    source.frames(&indices)?.iter().map(small).collect()
}

/// What is left of a picture's contrast.
const CONTRAST: f64 = 0.35;
/// What is left of the distance of its mean colour from grey.
const CAST: f64 = 0.25;
/// Pixels over which a picture is smoothed; the finest cell of a drawn background.
const SMOOTHED: usize = 3;

/// Makes a picture as faint, soft and grey as a drawn background: beside strong colours and sharp edges that never move,
/// a fresh network needs many epochs before it sees a small patch that does.
fn mute(picture: &RgbImage) -> Result<RgbImage, VideoError> {
    let coarse = |side: u32| side.div_ceil(SMOOTHED as u32);
    let soft = picture.resized(coarse(picture.width), coarse(picture.height))?;
    let mut muted = soft.resized(picture.width, picture.height)?;
    let pixels = (muted.data.len() / 3) as f64;
    for channel in 0..3 {
        let values = || muted.data.iter().skip(channel).step_by(3);
        let mean = values().map(|&value| f64::from(value)).sum::<f64>() / pixels;
        let base = 128.0 + CAST * (mean - 128.0);
        for value in muted.data.iter_mut().skip(channel).step_by(3) {
            *value = (base + CONTRAST * (f64::from(*value) - mean)).round().clamp(0.0, 255.0) as u8;
        }
    }
    Ok(muted)
}

/// A random square of a picture at the clip's size, muted.
fn square(still: &RgbImage, size: usize, draws: &mut Draws) -> RgbImage {
    let (width, height) = (still.width as usize, still.height as usize);
    let side = size + draws.below(width.min(height) - size + 1);
    let (left, top) = (draws.below(width - side + 1), draws.below(height - side + 1));
    let rows = still.data.chunks_exact(width * 3).skip(top).take(side);
    let data: Vec<u8> = rows.flat_map(|row| &row[left * 3..(left + side) * 3]).copied().collect();
    let cut = RgbImage { width: side as u32, height: side as u32, data };
    let whole = cut.resized(size as u32, size as u32).unwrap_or(cut);
    mute(&whole).unwrap_or(whole)
}
