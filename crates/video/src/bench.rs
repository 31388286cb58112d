//! How fast videos become frames: exact frames at equal distances, decoded and resized.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::prepare::each::each;
use crate::prepare::{Step, Watch};
use crate::sample::{MAX_FRAMES, Sampling, eval_indices};
use crate::transform::crop::short_side;
use crate::transform::resize::{Resize, Scratch};
use crate::transform::{MAX_SIDE, Stack};
use crate::{Decoder, OpenOptions, VideoError, open};

/// More threads than this is a mistyped number.
const MOST_THREADS: usize = 256;
/// Passes over the files are repeated for so long.
const LEAST: Duration = Duration::from_secs(2);
/// Passes of small files are ended at this number.
const MOST_PASSES: usize = 50;

/// What is measured.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DecodeBench {
    /// Video files and folders of frames; a clip is taken of each.
    pub files: Vec<PathBuf>,
    /// Frames of a clip, at equal distances.
    pub frames: usize,
    /// The short side of the resized frames, in pixels.
    pub size: usize,
    /// Threads that work at once: on several files, and within a file where there are fewer files than threads.
    pub threads: usize,
    /// Which decoder.
    pub decoder: Decoder,
}

impl Default for DecodeBench {
    fn default() -> Self {
        Self { files: Vec::new(), frames: 8, size: 256, threads: 1, decoder: Decoder::Auto }
    }
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecodeSpeed {
    /// Clips per second of all threads together.
    pub clips_per_second: f64,
    /// Frames of those clips per second.
    pub frames_per_second: f64,
    /// The decoder that served: `libav`, `ffmpeg` or `frames`, or several with a `+` between them.
    pub decoder: String,
    /// Passes over all files that were measured.
    pub passes: usize,
    /// Each file by itself.
    pub files: Vec<FileSpeed>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileSpeed {
    /// The path.
    pub input: String,
    /// Its decoder.
    pub decoder: &'static str,
    /// Pixels per row, before the resize.
    pub width: u32,
    /// Rows, before the resize.
    pub height: u32,
    /// Frames of the whole video.
    pub frames: usize,
    /// Milliseconds of a clip, from opening the file to the last resized frame; the mean of all passes.
    pub clip_ms: f64,
}

impl DecodeBench {
    fn validate(&self) -> Result<(), VideoError> {
        let whole = |field: &str, value: usize, most: usize| {
            if (1..=most).contains(&value) {
                return Ok(());
            }
            Err(VideoError::option(field, format!("a whole number from 1 to {most}"), value))
        };
        whole("frames", self.frames, MAX_FRAMES)?;
        whole("size", self.size, MAX_SIDE)?;
        whole("threads", self.threads, MOST_THREADS)?;
        if self.files.is_empty() {
            return Err(VideoError::option("files", "at least one video", "none"));
        }
        Ok(())
    }
}

/// Measures: a first pass over the files, which does not count, warms the caches of the system; then passes follow for two
/// seconds, at least one. Nothing is kept from pass to pass: every file is opened and indexed anew.
///
/// # Errors
/// `INVALID_OPTION`, what the first file gives that cannot be decoded, and `ABORTED`.
pub fn bench_decode(config: &DecodeBench, watch: Watch<'_>) -> Result<DecodeSpeed, VideoError> {
    config.validate()?;
    pass(config, watch)?;
    let mut files: Vec<FileSpeed> = Vec::new();
    let (mut passes, start) = (0, Instant::now());
    while passes == 0 || (start.elapsed() < LEAST && passes < MOST_PASSES) {
        let again = pass(config, watch)?;
        passes += 1;
        if files.is_empty() {
            files = again;
        } else {
            for (file, again) in files.iter_mut().zip(again) {
                file.clip_ms += again.clip_ms;
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    for file in &mut files {
        file.clip_ms /= passes as f64;
    }
    let mut decoders: Vec<&str> = files.iter().map(|file| file.decoder).collect();
    decoders.sort_unstable();
    decoders.dedup();
    let clips = (passes * files.len()) as f64 / seconds;
    Ok(DecodeSpeed {
        clips_per_second: clips,
        frames_per_second: clips * config.frames as f64,
        decoder: decoders.join("+"),
        passes,
        files,
    })
}

/// A clip of every file.
fn pass(config: &DecodeBench, watch: Watch<'_>) -> Result<Vec<FileSpeed>, VideoError> {
    let workers = config.threads.min(config.files.len());
    let options = OpenOptions {
        decoder: config.decoder,
        threads: config.threads / workers,
        index_cache: false,
        ..OpenOptions::default()
    };
    let total = config.files.len();
    let mut results: Vec<Option<Result<FileSpeed, VideoError>>> = vec![None; total];
    let (mut done, failed) = (0, AtomicBool::new(false));
    let work = |path: &PathBuf| {
        // One file that fails is all that is told; the others need not be waited for.
        if failed.load(Ordering::Relaxed) {
            return Err(VideoError::Aborted);
        }
        let result = clip(path, &options, config);
        failed.fetch_or(result.is_err(), Ordering::Relaxed);
        result
    };
    each(&config.files, workers, watch.cancel, work, |index, result| {
        done += 1;
        let input = config.files[index].display().to_string();
        (watch.step)(&Step { done, total, input, error: None });
        results[index] = Some(result);
    });
    let aborted = |error: &&VideoError| matches!(error, VideoError::Aborted);
    let errors: Vec<&VideoError> =
        results.iter().flatten().filter_map(|result| result.as_ref().err()).collect();
    if let Some(error) = errors.iter().find(|error| !aborted(error)) {
        return Err((*error).clone());
    }
    results.into_iter().map(|result| result.unwrap_or(Err(VideoError::Aborted))).collect()
}

/// Opens, counts, chooses, decodes and resizes.
fn clip(path: &Path, options: &OpenOptions, config: &DecodeBench) -> Result<FileSpeed, VideoError> {
    let start = Instant::now();
    let mut source = open(path, &options.for_stack(Stack::Rgb)?)?;
    let frames = source.frame_count()?;
    // A short video repeats frames; each is decoded and resized once.
    let mut indices = eval_indices(&Sampling::default(), frames, config.frames)?;
    indices.dedup();
    // A source has one size, so the weights are made once.
    let info = source.info();
    let size = (info.width as usize, info.height as usize);
    let to = short_side(size, config.size);
    let resize = Resize::whole(size, to);
    let (mut scratch, mut planes) = (Scratch::default(), vec![0; 3 * to.0 * to.1]);
    source.each(&indices, &mut |_, image| {
        resize.run(image, &mut scratch, &mut planes);
        Ok(())
    })?;
    let clip_ms = start.elapsed().as_secs_f64() * 1e3;
    let info = source.info();
    let (decoder, width, height) = (info.decoder, info.width, info.height);
    Ok(FileSpeed { input: path.display().to_string(), decoder, width, height, frames, clip_ms })
}
