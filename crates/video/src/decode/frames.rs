//! Folders of JPEG or PNG frames.

use std::fs;
use std::path::{Path, PathBuf};

use super::still::Stills;
use super::template::{Names, Template};
use crate::{RgbImage, VideoError, VideoInfo, VideoSource};

/// An open folder.
struct Folder {
    path: PathBuf,
    names: Names,
    stills: Stills,
    info: VideoInfo,
}

/// Opens a folder; `template` is found from the names when left out.
pub(super) fn open(
    path: &Path,
    template: Option<&str>,
) -> Result<Box<dyn VideoSource>, VideoError> {
    let template = template.map(Template::parse).transpose()?;
    let empty = |expected: String| VideoError::NoFrames { path: path.to_owned(), expected };
    let images = images(path)?;
    let names = match template {
        Some(template) => {
            let expected = format!("a frame named like `{}`", template.pattern());
            Names::of_template(template, &images).ok_or_else(|| empty(expected))?
        }
        None if images.is_empty() => return Err(empty("a JPEG or PNG image".into())),
        None => Names::find(images)?,
    };
    let mut stills = Stills::new();
    let first = stills.read(&path.join(names.first()))?;
    let info = VideoInfo {
        width: first.width,
        height: first.height,
        frames: Some(names.count()),
        fps: None,
        decoder: "frames",
        damage: None,
    };
    Ok(Box::new(Folder { path: path.to_owned(), names, stills, info }))
}

/// Names of the images in a folder.
fn images(path: &Path) -> Result<Vec<String>, VideoError> {
    let failed = |error: std::io::Error| VideoError::FileAccess {
        action: "list",
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        // A name that is no text cannot be one of ours. Hidden files are left by copying programs.
        let Ok(name) = entry.map_err(failed)?.file_name().into_string() else { continue };
        let is_image = Path::new(&name).extension().is_some_and(|extension| {
            ["jpg", "jpeg", "png"].iter().any(|known| extension.eq_ignore_ascii_case(known))
        });
        if is_image && !name.starts_with('.') {
            names.push(name);
        }
    }
    Ok(names)
}

impl Names {
    /// Frames from the first to the last number; some may be missing.
    fn count(&self) -> usize {
        match self {
            Self::Numbered { first, files, .. } => {
                files.keys().next_back().map_or(0, |last| (last - first) as usize + 1)
            }
            Self::Listed(names) => names.len(),
        }
    }

    fn first(&self) -> &str {
        match self {
            Self::Numbered { first, files, .. } => &files[first],
            Self::Listed(names) => &names[0],
        }
    }

    /// The file of an index below [`Names::count`], or the name that is missing.
    fn get(&self, frame: usize) -> Result<&str, String> {
        match self {
            Self::Numbered { template, first, files } => {
                let number = first + frame as u64;
                files.get(&number).map(String::as_str).ok_or_else(|| template.name(number))
            }
            Self::Listed(names) => Ok(&names[frame]),
        }
    }
}

impl Folder {
    fn read(&mut self, frame: usize) -> Result<RgbImage, VideoError> {
        let frames = self.names.count();
        if frame >= frames {
            return Err(VideoError::FrameOutOfRange { path: self.path.clone(), frame, frames });
        }
        let name = self.names.get(frame);
        let name =
            name.map_err(|name| VideoError::FrameMissing { path: self.path.join(name), frame })?;
        let path = self.path.join(name);
        let image = self.stills.read(&path)?;
        if (image.width, image.height) != (self.info.width, self.info.height) {
            return Err(VideoError::FrameSize {
                path,
                width: image.width,
                height: image.height,
                expected_width: self.info.width,
                expected_height: self.info.height,
            });
        }
        Ok(image)
    }
}

impl VideoSource for Folder {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn frame_count(&mut self) -> Result<usize, VideoError> {
        Ok(self.names.count())
    }

    fn frames(&mut self, indices: &[usize]) -> Result<Vec<RgbImage>, VideoError> {
        let mut images: Vec<RgbImage> = Vec::with_capacity(indices.len());
        for (position, &frame) in indices.iter().enumerate() {
            // Short videos are sampled with repeats; a repeated frame is not read again.
            let image = match indices[..position].iter().position(|&earlier| earlier == frame) {
                Some(earlier) => images[earlier].clone(),
                None => self.read(frame)?,
            };
            images.push(image);
        }
        Ok(images)
    }
}
