//! Video files through the programs `ffmpeg` and `ffprobe`, for machines without FFmpeg's shared libraries.
//!
//! A child decodes from the start of the file and writes the wanted frames into a pipe, which holds it back until they are
//! taken; counting frames makes their index exact whatever the container says. A crash or a hang of a decoder is the
//! child's: it is killed when it shows no frame for too long, and when its source is dropped.

mod child;
mod probe;

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cache::Entry;
use crate::{Damage, Damaged, OpenOptions, RgbImage, VideoError, VideoInfo, VideoSource};
use child::{Child, End};
use probe::Probe;

/// How long a child may show nothing: at the start, and for each frame that it passes over.
const PATIENCE: Duration = Duration::from_mins(1);
const PATIENCE_PER_FRAME: Duration = Duration::from_millis(500);
/// Side of the grey pictures that are counted.
const COUNTED_SIDE: usize = 16;
/// The most frames that are named one by one in a child's arguments.
const MOST_NAMED: usize = 64;

/// The two programs.
#[derive(Debug)]
pub(super) struct Programs {
    ffmpeg: PathBuf,
    ffprobe: PathBuf,
    /// The first line of `ffmpeg -version`.
    version: String,
    /// The option that passes every frame through, which has changed its name.
    pass: &'static [&'static str],
}

impl Programs {
    /// The programs in the folders of `PATH`.
    ///
    /// # Errors
    /// `DECODER_MISSING`.
    pub(super) fn get() -> Result<&'static Self, VideoError> {
        static FOUND: OnceLock<Programs> = OnceLock::new();
        if let Some(programs) = FOUND.get() {
            return Ok(programs);
        }
        let (ffmpeg, ffprobe) = (find("ffmpeg")?, find("ffprobe")?);
        let missing = |reason| VideoError::DecoderMissing { reason };
        let arguments = [OsString::from("-version")];
        let text = child::output(&ffmpeg, &arguments, PATIENCE)
            .map_err(|end| missing(format!("{} -version: {}", ffmpeg.display(), end.reason())))?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let version = text.lines().next().unwrap_or_default().to_owned();
        let programs = Self { ffmpeg, ffprobe, version, pass: pass(&text) };
        Ok(FOUND.get_or_init(|| programs))
    }
}

fn find(name: &str) -> Result<PathBuf, VideoError> {
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let file =
        std::env::split_paths(&path).map(|folder| folder.join(&name)).find(|file| file.is_file());
    file.ok_or_else(|| VideoError::DecoderMissing {
        reason: format!("found no program `{name}` in the folders of PATH"),
    })
}

/// `-fps_mode` came with FFmpeg 5.1 (libavcodec 59.37).
fn pass(text: &str) -> &'static [&'static str] {
    let numbers = text.lines().find_map(|line| line.trim().strip_prefix("libavcodec"));
    let mut numbers = numbers.unwrap_or_default().split('.').map(|part| part.trim().parse::<u32>());
    let version = (numbers.next().and_then(Result::ok), numbers.next().and_then(Result::ok));
    if version < (Some(59), Some(37)) && version.0.is_some() {
        &["-vsync", "passthrough"]
    } else {
        &["-fps_mode", "passthrough"]
    }
}

/// An open file; its child, if one runs, ends with it.
struct Video {
    programs: &'static Programs,
    path: PathBuf,
    probe: Probe,
    options: OpenOptions,
    info: VideoInfo,
    run: Option<Run>,
    /// Where the count is kept.
    cache: Option<Entry>,
}

/// What counting showed.
#[derive(Serialize, Deserialize)]
struct Counted {
    frames: usize,
    damage: Option<String>,
}

/// A child that writes frames, and which ones it has still to write.
struct Run {
    child: Child,
    /// Frames that were named one by one.
    named: VecDeque<usize>,
    /// After them every frame from this one on.
    then: usize,
    /// Frames that it has decoded for those before.
    passed: usize,
}

/// Opens a video file that exists.
///
/// # Errors
/// `DECODER_MISSING`, `NOT_A_VIDEO`, `NO_VIDEO_STREAM`.
pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn VideoSource>, VideoError> {
    let programs = Programs::get()?;
    let probe = Probe::new(&programs.ffprobe, path, options)?;
    let (width, height) = probe.upright_size();
    let info =
        VideoInfo { width, height, frames: None, fps: probe.fps, decoder: "ffmpeg", damage: None };
    let cache = options.index_cache.then(|| {
        let about = std::fs::metadata(path).ok()?;
        Entry::of(path, &about, &format!("{} stream {}", programs.version, probe.stream))
    });
    let (path, options, cache) = (path.to_owned(), options.clone(), cache.flatten());
    let mut video = Video { programs, path, probe, options, info, run: None, cache };
    let saved = video.cache.as_ref().and_then(Entry::load);
    if let Some(counted) = saved.and_then(|saved| serde_json::from_slice(&saved).ok()) {
        video.know(counted);
    }
    Ok(Box::new(video))
}

/// The name of a file as FFmpeg takes it: without the scheme a name with a colon would be an address.
fn address(path: &Path) -> OsString {
    let mut address = OsString::from("file:");
    address.push(path);
    address
}

impl Video {
    fn know(&mut self, counted: Counted) {
        let expected = self.probe.announced;
        self.info.damage = counted.damage.map(|reason| Damage { reason, expected });
        self.info.frames = Some(counted.frames);
    }

    /// Starts a child that decodes the stream and sends its frames through filters.
    fn start(
        &self,
        filters: &str,
        format: &str,
        is_strict: bool,
        bytes: usize,
    ) -> Result<Child, VideoError> {
        let mut arguments: Vec<OsString> = Vec::new();
        let mut add = |parts: &[&str]| arguments.extend(parts.iter().map(OsString::from));
        let threads = self.options.threads.max(1).to_string();
        add(&["-v", "error", "-nostdin"]);
        if is_strict {
            add(&["-xerror"]);
        }
        // The frames' size may change within the stream; one set of filters must see them all to count them.
        add(&[
            "-filter_threads",
            "1",
            "-reinit_filter",
            "0",
            "-noautorotate",
            "-threads",
            &threads,
        ]);
        add(&["-protocol_whitelist", "file,crypto,data", "-i"]);
        arguments.push(address(&self.path));
        let mut add = |parts: &[&str]| arguments.extend(parts.iter().map(OsString::from));
        add(&["-map", &format!("0:{}", self.probe.stream), "-vf", filters]);
        add(self.programs.pass);
        add(&["-f", "rawvideo", "-pix_fmt", format, "-flush_packets", "1", "pipe:1"]);
        Child::start(&self.programs.ffmpeg, &arguments, Some(bytes)).map_err(|reason| {
            VideoError::DecoderMissing {
                reason: format!("{}: {reason}", self.programs.ffmpeg.display()),
            }
        })
    }

    /// Decodes all frames, small and grey, to know how many there are and whether the file is whole.
    fn count(&mut self) -> Result<usize, VideoError> {
        if let Some(frames) = self.info.frames {
            return Ok(frames);
        }
        self.run = None;
        let (mut frames, mut end) = self.count_run(true)?;
        if frames == 0 && end.is_failure() {
            // A recording may begin in the middle of a group of pictures; the decoder then finds its feet.
            (frames, end) = self.count_run(false)?;
        }
        // A child that was silent may have met a busy machine; that is not kept.
        let is_sure = !matches!(end, End::Silent { .. });
        let counted = Counted { frames, damage: end.damage() };
        if let (Some(cache), true, Ok(text)) = (&self.cache, is_sure, serde_json::to_vec(&counted))
        {
            cache.save(&text);
        }
        self.know(counted);
        Ok(frames)
    }

    fn count_run(&self, is_strict: bool) -> Result<(usize, End), VideoError> {
        let filters =
            format!("setpts=N,scale={COUNTED_SIDE}:{COUNTED_SIDE}:flags=neighbor,format=gray");
        let mut child = self.start(&filters, "gray", is_strict, COUNTED_SIDE * COUNTED_SIDE)?;
        let mut frames = 0;
        loop {
            match child.next(PATIENCE) {
                Ok(_) => frames += 1,
                Err(end) => return Ok((frames, end)),
            }
        }
    }

    /// Starts a child that writes the frames at rising indices, and every frame after them.
    fn run(&self, indices: &[usize]) -> Result<Run, VideoError> {
        let (first, last) = (indices[0], indices[indices.len() - 1]);
        let (named, then) = if indices.len() <= MOST_NAMED {
            (indices.iter().copied().collect(), last + 1)
        } else {
            (VecDeque::new(), first)
        };
        let mut select = format!("gte(n,{then})");
        for frame in &named {
            // Writing into a string cannot fail.
            let _ = write!(select, "+eq(n,{frame})");
        }
        let (width, height) = (self.probe.width, self.probe.height);
        // The converter and its flags are those of the decoder in process, so both give the same pixels.
        let filters = format!(
            "select='{select}',setpts=N,scale={width}:{height}:flags=bilinear+accurate_rnd+full_chroma_int,format=rgb24{}",
            self.probe.turn.filters()
        );
        let child = self.start(&filters, "rgb24", false, RgbImage::byte_count(width, height))?;
        Ok(Run { child, named, then, passed: 0 })
    }

    /// The frame at an index that the child has still to write.
    fn take(&self, run: &mut Run, wanted: usize) -> Result<RgbImage, VideoError> {
        loop {
            let frame = run.next();
            let passed = u32::try_from(frame.saturating_sub(run.passed)).unwrap_or(u32::MAX);
            let patience = PATIENCE.saturating_add(PATIENCE_PER_FRAME.saturating_mul(passed));
            let data = run.child.next(patience).map_err(|end| VideoError::DecodeFailed {
                path: self.path.clone(),
                frame: wanted,
                reason: end.reason(),
            })?;
            run.step();
            if frame == wanted {
                let (width, height) = (self.info.width, self.info.height);
                return Ok(RgbImage { width, height, data });
            }
        }
    }
}

impl Run {
    /// The frame that comes next.
    fn next(&self) -> usize {
        self.named.front().copied().unwrap_or(self.then)
    }

    fn step(&mut self) {
        self.passed = self.next() + 1;
        if self.named.pop_front().is_none() {
            self.then += 1;
        }
    }

    /// Whether all of the rising indices are still to come.
    fn has(&self, indices: &[usize]) -> bool {
        indices.iter().all(|frame| *frame >= self.then || self.named.contains(frame))
    }
}

impl VideoSource for Video {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn frame_count(&mut self) -> Result<usize, VideoError> {
        let frames = self.count()?;
        match &self.info.damage {
            Some(damage) if self.options.damaged == Damaged::Error => {
                Err(VideoError::DamagedVideo {
                    path: self.path.clone(),
                    frames,
                    expected: damage.expected,
                    reason: damage.reason.clone(),
                })
            }
            _ => Ok(frames),
        }
    }

    fn frames(&mut self, indices: &[usize]) -> Result<Vec<RgbImage>, VideoError> {
        let frames = self.frame_count()?;
        let mut distinct: Vec<usize> = indices.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let Some(&last) = distinct.last() else { return Ok(Vec::new()) };
        if last >= frames {
            let (path, frame) = (self.path.clone(), last);
            return Err(match &self.info.damage {
                Some(damage) => {
                    let reason = format!("{}; {frames} frames decode", damage.reason);
                    VideoError::DecodeFailed { path, frame, reason }
                }
                None => VideoError::FrameOutOfRange { path, frame, frames },
            });
        }
        let mut run = match self.run.take() {
            Some(run) if run.has(&distinct) => run,
            _ => self.run(&distinct)?,
        };
        let images = distinct.iter().map(|&frame| self.take(&mut run, frame));
        let images = images.collect::<Result<Vec<_>, _>>()?;
        // Nothing comes after the last frame: its child has nothing left to do.
        self.run = (run.next() < frames).then_some(run);
        Ok(super::arrange(images, &distinct, indices))
    }
}
