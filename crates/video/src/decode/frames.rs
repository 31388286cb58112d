//! Folders of JPEG, PNG or WebP frames, or of flow pairs.

use std::fs;
use std::path::{Path, PathBuf};

use super::flow::FlowTemplate;
use super::still::Stills;
use super::template::{Names, Template};
use crate::endings::{IMAGES, VIDEOS, has_ending};
use crate::{OpenOptions, RgbImage, VideoError, VideoInfo, VideoSource};

/// An open folder.
struct Folder {
    frames: Frames,
    /// One for each thread.
    stills: Vec<Stills>,
}

/// What is known of a folder's frames.
struct Frames {
    path: PathBuf,
    names: Kind,
    info: VideoInfo,
}

/// More threads than this would wait for the disk.
const MOST_THREADS: usize = 64;

/// What the images of a folder show.
enum Kind {
    Colour(Names),
    /// Horizontal and vertical motion; both have the same numbers.
    Flow([Names; 2]),
}

/// Opens a folder; the template is found from the names when left out.
pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn VideoSource>, VideoError> {
    let images = images(path)?;
    let template = options.template.as_deref();
    let names = if options.flow || template.is_some_and(FlowTemplate::is_marked) {
        Kind::Flow(flow(path, template, &images)?)
    } else {
        Kind::Colour(colour(path, template, images)?)
    };
    let mut frames = Frames {
        path: path.to_owned(),
        info: VideoInfo {
            width: 0,
            height: 0,
            frames: Some(names.first().count()),
            fps: None,
            decoder: "frames",
            damage: None,
        },
        names,
    };
    let threads = options.threads.clamp(1, MOST_THREADS);
    let mut stills: Vec<_> = (0..threads).map(|_| Stills::new(options.rotate)).collect();
    let first = frames.image(&mut stills[0], 0)?;
    (frames.info.width, frames.info.height) = (first.width, first.height);
    Ok(Box::new(Folder { frames, stills }))
}

fn empty(path: &Path, expected: impl Into<String>) -> VideoError {
    let (path, expected, received) = (path.to_owned(), expected.into(), contents(path));
    VideoError::NoFrames { path, expected, received }
}

/// What there is in a folder, in words, and how to name it where it may be what was meant.
fn contents(path: &Path) -> String {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .filter(|(name, _)| !name.starts_with('.'))
        .collect();
    names.sort_unstable();
    let is_input = |(_, path): &(String, PathBuf)| path.is_dir() || has_ending(path, &VIDEOS);
    let advice = match names.iter().find(|entry| is_input(entry)) {
        Some(_) => format!("; to read each of them by itself, name `{}`", path.join("*").display()),
        None => String::new(),
    };
    match names.as_slice() {
        [] => "an empty folder".into(),
        [(name, _)] => format!("a folder with `{name}` alone{advice}"),
        [(first, _), rest @ ..] => {
            format!("a folder with `{first}` and {} more{advice}", rest.len())
        }
    }
}

fn colour(path: &Path, template: Option<&str>, images: Vec<String>) -> Result<Names, VideoError> {
    match template.map(Template::parse).transpose()? {
        Some(template) => {
            let expected = format!("a frame named like `{}`", template.pattern());
            Names::of_template(template, &images).ok_or_else(|| empty(path, expected))
        }
        None if images.is_empty() => Err(empty(path, "a JPEG, PNG or WebP image")),
        None => Names::find(images),
    }
}

fn flow(path: &Path, template: Option<&str>, images: &[String]) -> Result<[Names; 2], VideoError> {
    let (found, expected) = match template {
        Some(text) => {
            let template = FlowTemplate::parse(text)
                .ok_or_else(|| super::template::invalid("template", text))?;
            (template.find(images)?, format!("a pair of images named like `{text}`"))
        }
        None => (
            Names::find_flow(images)?,
            "a pair of images named like `flow_x_00001.jpg` and `flow_y_00001.jpg`".to_owned(),
        ),
    };
    let pair = found.ok_or_else(|| empty(path, expected))?;
    // A frame that has one half only is a hole, wherever it lies.
    let counts = pair.each_ref().map(Names::count);
    let starts = pair.each_ref().map(Names::start);
    if counts != [counts[0]; 2] || starts != [starts[0]; 2] {
        let start = starts[0].min(starts[1]);
        let end = (starts[0] + counts[0] as u64).max(starts[1] + counts[1] as u64);
        for number in start..end {
            let hole = pair.iter().find_map(|names| names.of_number(number).err());
            if let Some(name) = hole {
                let frame = (number - start) as usize;
                return Err(VideoError::FrameMissing { path: path.join(name), frame });
            }
        }
    }
    Ok(pair)
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
        if has_ending(Path::new(&name), &IMAGES) && !name.starts_with('.') {
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

    /// The lowest number.
    pub(super) fn start(&self) -> u64 {
        match self {
            Self::Numbered { first, .. } => *first,
            Self::Listed(_) => 0,
        }
    }

    /// The file of a number, or the name that is missing.
    pub(super) fn of_number(&self, number: u64) -> Result<&str, String> {
        match self {
            Self::Numbered { template, files, .. } => {
                files.get(&number).map(String::as_str).ok_or_else(|| template.name(number))
            }
            Self::Listed(names) => {
                names.get(number as usize).map(String::as_str).ok_or_else(|| number.to_string())
            }
        }
    }
}

impl Kind {
    fn first(&self) -> &Names {
        match self {
            Self::Colour(names) | Self::Flow([names, _]) => names,
        }
    }
}

impl Frames {
    fn read(&self, stills: &mut Stills, frame: usize) -> Result<RgbImage, VideoError> {
        let frames = self.names.first().count();
        if frame >= frames {
            return Err(VideoError::FrameOutOfRange { path: self.path.clone(), frame, frames });
        }
        let image = self.image(stills, frame)?;
        self.check_size(frame, (image.width, image.height), (self.info.width, self.info.height))?;
        Ok(image)
    }

    /// Reads frames on as many threads as there are readers; the error is that of the first frame that has one.
    fn read_all(
        &self,
        stills: &mut [Stills],
        frames: &[usize],
    ) -> Result<Vec<RgbImage>, VideoError> {
        let share = frames.len().div_ceil(stills.len()).max(1);
        let read = |(stills, part): (&mut Stills, &[usize])| {
            part.iter().map(|&frame| self.read(stills, frame)).collect::<Result<Vec<_>, _>>()
        };
        let mut parts = stills.iter_mut().zip(frames.chunks(share));
        let Some(first) = parts.next() else { return Ok(Vec::new()) };
        let parts: Vec<Result<Vec<RgbImage>, VideoError>> = std::thread::scope(|scope| {
            let others: Vec<_> = parts.map(|part| scope.spawn(move || read(part))).collect();
            let mut done = vec![read(first)];
            done.extend(others.into_iter().map(|other| {
                other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }));
            done
        });
        let parts = parts.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(parts.into_iter().flatten().collect())
    }

    /// The frame at an index that there is; of any size.
    fn image(&self, stills: &mut Stills, frame: usize) -> Result<RgbImage, VideoError> {
        let (x, y) = match &self.names {
            Kind::Colour(names) => return stills.read(&self.file(names, frame)?),
            Kind::Flow([x, y]) => (self.file(x, frame)?, self.file(y, frame)?),
        };
        let (width, height, across) = stills.read_grey(&x)?;
        let (y_width, y_height, down) = stills.read_grey(&y)?;
        if (y_width, y_height) != (width, height) {
            return Err(size(y, (y_width, y_height), (width, height)));
        }
        let data = across.iter().zip(&down).flat_map(|(&x, &y)| [x, y, 0]).collect();
        Ok(RgbImage { width, height, data })
    }

    fn file(&self, names: &Names, frame: usize) -> Result<PathBuf, VideoError> {
        let name = names.of_number(names.start() + frame as u64);
        match name {
            Ok(name) => Ok(self.path.join(name)),
            Err(name) => Err(VideoError::FrameMissing { path: self.path.join(name), frame }),
        }
    }

    fn check_size(
        &self,
        frame: usize,
        is: (u32, u32),
        expected: (u32, u32),
    ) -> Result<(), VideoError> {
        if is == expected {
            return Ok(());
        }
        Err(size(self.file(self.names.first(), frame)?, is, expected))
    }
}

fn size(path: PathBuf, is: (u32, u32), expected: (u32, u32)) -> VideoError {
    VideoError::FrameSize {
        path,
        width: is.0,
        height: is.1,
        expected_width: expected.0,
        expected_height: expected.1,
    }
}

impl VideoSource for Folder {
    fn info(&self) -> &VideoInfo {
        &self.frames.info
    }

    fn frame_count(&mut self) -> Result<usize, VideoError> {
        Ok(self.frames.names.first().count())
    }

    fn frames(&mut self, indices: &[usize]) -> Result<Vec<RgbImage>, VideoError> {
        // Short videos are sampled with repeats; a repeated frame is not read again.
        let mut distinct: Vec<usize> = indices.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let images = self.frames.read_all(&mut self.stills, &distinct)?;
        Ok(super::arrange(images, &distinct, indices))
    }
}
