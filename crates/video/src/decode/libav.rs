//! Video files through FFmpeg's libraries: the only unsafe code of the crate.
//!
//! The libraries are reached through [`plugin`], a shared object that is looked for at run time, so that everything else
//! works on a machine without FFmpeg.

mod encoder;
mod plugin;

use std::ffi::c_void;
use std::path::{Path, PathBuf};
use std::slice;

use super::TakeFrame;
use super::cache::Entry;
use crate::{Damage, Damaged, OpenOptions, RgbImage, VideoError, VideoInfo, VideoSource};
pub(crate) use encoder::Encoder;
pub(in crate::decode) use plugin::check;
use plugin::{Failure, Plugin, RawDamage, RawInfo, RawOptions, text};
pub use plugin::{ffmpeg_version, set_plugin_dir};

/// An open file; the handle is closed on drop.
struct Video {
    plugin: &'static Plugin,
    handle: *mut c_void,
    path: PathBuf,
    info: VideoInfo,
    damaged: Damaged,
    /// Where an index that cost time is kept.
    cache: Option<Entry>,
}

// SAFETY: a handle may be used by any thread, one at a time, and `Video` is not `Sync`.
unsafe impl Send for Video {}

/// Opens a video file that exists.
///
/// # Errors
/// `DECODER_MISSING`, `NOT_A_VIDEO`, `NO_VIDEO_STREAM`.
pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<Box<dyn VideoSource>, VideoError> {
    let plugin = Plugin::get()?;
    let name = path.as_os_str().as_encoded_bytes();
    let cache = options.index_cache.then(|| entry(path, options)).flatten();
    let saved = cache.as_ref().and_then(Entry::load);
    let raw = RawOptions {
        index: saved.as_ref().map_or(std::ptr::null(), Vec::as_ptr),
        index_bytes: saved.as_ref().map_or(0, Vec::len),
        stream: options.stream.map_or(-1, |stream| stream as i64),
        threads: options.threads.max(1) as u32,
        rotate: u32::from(options.rotate),
    };
    let (mut handle, mut failure) = (std::ptr::null_mut(), Failure::new());
    // SAFETY: all pointers are to live values; the handle is written on success only.
    let status = unsafe {
        (plugin.open)(name.as_ptr(), name.len(), &raw const raw, &raw mut handle, &raw mut failure)
    };
    if status != 0 {
        return Err(failure.into_error(path, options.stream));
    }
    let info =
        VideoInfo { width: 0, height: 0, frames: None, fps: None, decoder: "libav", damage: None };
    let damaged = options.damaged;
    let mut video = Video { plugin, handle, path: path.to_owned(), info, damaged, cache };
    let mut known = RawInfo::default();
    // SAFETY: the handle is open, `known` writable.
    video.call(|video, failure| unsafe { (plugin.info)(video.handle, &raw mut known, failure) })?;
    video.info.width = known.width;
    video.info.height = known.height;
    video.info.frames = usize::try_from(known.frames).ok();
    video.info.fps = (known.fps > 0.0).then_some(known.fps);
    video.look_for_damage()?;
    if video.info.frames.is_some() {
        video.save_index()?;
    }
    Ok(Box::new(video))
}

/// Where the index of a file is kept; it depends on the stream and the libraries that decode it.
fn entry(path: &Path, options: &OpenOptions) -> Option<Entry> {
    let (versions, _) = ffmpeg_version().ok()?;
    let about = std::fs::metadata(path).ok()?;
    Entry::of(path, &about, &format!("libav {versions} stream {:?}", options.stream))
}

impl Video {
    fn call(&mut self, entry: impl FnOnce(&Self, *mut Failure) -> i32) -> Result<(), VideoError> {
        let mut failure = Failure::new();
        if entry(self, &raw mut failure) == 0 {
            Ok(())
        } else {
            Err(failure.into_error(&self.path, None))
        }
    }

    fn look_for_damage(&mut self) -> Result<(), VideoError> {
        let mut found = RawDamage { is_damaged: 0, reserved: 0, expected: 0, text: [0; 512] };
        // SAFETY: the handle is open, `found` writable.
        self.call(|video, failure| unsafe {
            (video.plugin.damage)(video.handle, &raw mut found, failure)
        })?;
        self.info.damage = (found.is_damaged != 0).then(|| Damage {
            reason: text(&found.text),
            expected: usize::try_from(found.expected).ok(),
        });
        Ok(())
    }

    /// Counts the frames, whatever is wrong with the file.
    fn count(&mut self) -> Result<usize, VideoError> {
        let mut count = 0_u64;
        // SAFETY: the handle is open, `count` writable.
        self.call(|video, failure| unsafe {
            (video.plugin.frame_count)(video.handle, &raw mut count, failure)
        })?;
        self.info.frames = Some(count as usize);
        self.look_for_damage()?;
        self.save_index()?;
        Ok(count as usize)
    }

    /// Keeps the index, once, if finding it out took long.
    fn save_index(&mut self) -> Result<(), VideoError> {
        let Some(cache) = self.cache.take() else { return Ok(()) };
        let mut index = Vec::new();
        // The first call tells the length.
        for _ in 0..2 {
            let mut bytes = 0;
            // SAFETY: the handle is open, `index` writable for its length.
            self.call(|video, failure| unsafe {
                (video.plugin.index)(
                    video.handle,
                    index.as_mut_ptr(),
                    index.len(),
                    &raw mut bytes,
                    failure,
                )
            })?;
            if bytes == 0 {
                return Ok(());
            }
            index.resize(bytes, 0);
        }
        cache.save(&index);
        Ok(())
    }
}

impl Video {
    /// Counts a video that must be whole.
    fn refuse_damage(&mut self) -> Result<(), VideoError> {
        if self.damaged == Damaged::Error {
            self.frame_count()?;
        }
        Ok(())
    }

    /// An image of the frames' size.
    fn black(&self) -> RgbImage {
        let (width, height) = (self.info.width, self.info.height);
        RgbImage { width, height, data: vec![0; RgbImage::byte_count(width, height)] }
    }

    /// Writes the frames at distinct, rising indices into as many images of [`Video::black`].
    fn read(&mut self, indices: &[usize], images: &mut [RgbImage]) -> Result<(), VideoError> {
        let bytes = RgbImage::byte_count(self.info.width, self.info.height);
        let frames = self.info.frames.unwrap_or(usize::MAX);
        let beyond = indices.last().copied().filter(|&last| last >= frames);
        // It is asked for alone: the decoder knows whether the file ends before it or is damaged.
        let numbers = beyond.map_or_else(|| numbers(indices), |frame| vec![frame as u64]);
        let buffers: Vec<*mut u8> =
            images.iter_mut().map(|image| image.data.as_mut_ptr()).collect();
        // SAFETY: no fewer distinct buffers than numbers, each of `bytes` bytes.
        self.call(|video, failure| unsafe {
            (video.plugin.frames)(
                video.handle,
                numbers.as_ptr(),
                buffers.as_ptr(),
                numbers.len(),
                bytes,
                failure,
            )
        })?;
        match beyond {
            Some(frame) => {
                Err(VideoError::FrameOutOfRange { path: self.path.clone(), frame, frames })
            }
            None => Ok(()),
        }
    }
}

impl VideoSource for Video {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn frame_count(&mut self) -> Result<usize, VideoError> {
        let frames = self.count()?;
        match &self.info.damage {
            Some(damage) if self.damaged == Damaged::Error => Err(VideoError::DamagedVideo {
                path: self.path.clone(),
                frames,
                expected: damage.expected,
                reason: damage.reason.clone(),
            }),
            _ => Ok(frames),
        }
    }

    fn frames(&mut self, indices: &[usize]) -> Result<Vec<RgbImage>, VideoError> {
        self.refuse_damage()?;
        let mut distinct: Vec<usize> = indices.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let mut images: Vec<RgbImage> = distinct.iter().map(|_| self.black()).collect();
        self.read(&distinct, &mut images)?;
        Ok(super::arrange(images, &distinct, indices))
    }

    fn each(&mut self, indices: &[usize], take: &mut TakeFrame<'_>) -> Result<(), VideoError> {
        self.refuse_damage()?;
        let numbers = numbers(indices);
        // SAFETY: the handle is open, and `numbers` lives.
        self.call(|video, failure| unsafe {
            (video.plugin.expect)(video.handle, numbers.as_ptr(), numbers.len(), failure)
        })?;
        let mut image = self.black();
        for &index in indices {
            self.read(&[index], slice::from_mut(&mut image))?;
            take(index, &image)?;
        }
        Ok(())
    }
}

fn numbers(indices: &[usize]) -> Vec<u64> {
    indices.iter().map(|&index| index as u64).collect()
}

impl Drop for Video {
    fn drop(&mut self) {
        // SAFETY: the handle is open and not used again.
        unsafe { (self.plugin.close)(self.handle) }
    }
}
