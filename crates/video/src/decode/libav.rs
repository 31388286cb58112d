//! Video files through FFmpeg's libraries: the only unsafe code of the crate.
//!
//! The libraries are reached through `libtimeweave_ffmpeg`, a shared object with a C interface that is looked for at run
//! time, so that everything else works on a machine without FFmpeg. The structures below are those of its `abi` module.

mod encoder;

use std::ffi::{c_char, c_void};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use libloading::Library;

use crate::{Damage, Damaged, OpenOptions, RgbImage, VideoError, VideoInfo, VideoSource};
pub(crate) use encoder::Encoder;

const ABI_VERSION: u32 = 2;
const VARIABLE: &str = "TIMEWEAVE_FFMPEG_PLUGIN";

#[repr(C)]
struct Failure {
    class: i32,
    reserved: i32,
    frame: u64,
    frames: u64,
    text: [u8; 512],
}

#[repr(C)]
struct RawOptions {
    stream: i64,
    threads: u32,
    rotate: u32,
}

#[repr(C)]
#[derive(Default)]
struct RawInfo {
    width: u32,
    height: u32,
    frames: i64,
    fps: f64,
}

#[repr(C)]
struct RawDamage {
    is_damaged: u32,
    reserved: u32,
    expected: i64,
    text: [u8; 512],
}

/// The functions of the shared object, which stays loaded for the life of the process.
struct Plugin {
    path: PathBuf,
    versions: unsafe extern "C" fn(*mut c_char, usize) -> usize,
    open: unsafe extern "C" fn(
        *const u8,
        usize,
        *const RawOptions,
        *mut *mut c_void,
        *mut Failure,
    ) -> i32,
    info: unsafe extern "C" fn(*mut c_void, *mut RawInfo, *mut Failure) -> i32,
    frame_count: unsafe extern "C" fn(*mut c_void, *mut u64, *mut Failure) -> i32,
    damage: unsafe extern "C" fn(*mut c_void, *mut RawDamage, *mut Failure) -> i32,
    frames: unsafe extern "C" fn(
        *mut c_void,
        *const u64,
        *const *mut u8,
        usize,
        usize,
        *mut Failure,
    ) -> i32,
    close: unsafe extern "C" fn(*mut c_void),
    encoder_open: unsafe extern "C" fn(
        *const u8,
        usize,
        u32,
        u32,
        f64,
        *mut *mut c_void,
        *mut Failure,
    ) -> i32,
    encoder_write: unsafe extern "C" fn(*mut c_void, *const u8, usize, *mut Failure) -> i32,
    encoder_close: unsafe extern "C" fn(*mut c_void, i32, *mut Failure) -> i32,
}

static PLUGIN: OnceLock<Plugin> = OnceLock::new();
static FOLDER: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Names the folder in which `libtimeweave_ffmpeg` lies; for programs that ship it beside themselves.
///
/// It is looked for there before the folders of the executable; the variable `TIMEWEAVE_FFMPEG_PLUGIN`, which names the
/// file itself, goes before both. Has no effect once the decoder is loaded.
pub fn set_plugin_dir(path: &Path) {
    *FOLDER.lock().unwrap_or_else(PoisonError::into_inner) = Some(path.to_owned());
}

/// The versions of FFmpeg's libraries and the file of the decoder that found them.
///
/// # Errors
/// `DECODER_MISSING` when the decoder cannot be loaded.
pub fn ffmpeg_version() -> Result<(String, PathBuf), VideoError> {
    let plugin = Plugin::get()?;
    let mut text = [0_u8; 256];
    // SAFETY: the buffer is writable for its length, which the function does not exceed.
    let length = unsafe { (plugin.versions)(text.as_mut_ptr().cast(), text.len()) };
    Ok((String::from_utf8_lossy(&text[..length]).into_owned(), plugin.path.clone()))
}

impl Plugin {
    fn get() -> Result<&'static Self, VideoError> {
        static LOADING: Mutex<()> = Mutex::new(());
        if let Some(plugin) = PLUGIN.get() {
            return Ok(plugin);
        }
        let _alone = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plugin) = PLUGIN.get() {
            return Ok(plugin);
        }
        let plugin = Self::find()?;
        Ok(PLUGIN.get_or_init(|| plugin))
    }

    fn find() -> Result<Self, VideoError> {
        let missing = |reason: String| Err(VideoError::DecoderMissing { reason });
        if let Some(file) = std::env::var_os(VARIABLE) {
            return match Self::load(Path::new(&file)) {
                Ok(plugin) => Ok(plugin),
                Err(reason) => missing(format!("{VARIABLE} names {}: {reason}", file.display())),
            };
        }
        let name = libloading::library_filename("timeweave_ffmpeg");
        let folders = folders();
        let Some(file) =
            folders.iter().map(|folder| folder.join(&name)).find(|file| file.is_file())
        else {
            let looked: Vec<_> =
                folders.iter().map(|folder| folder.display().to_string()).collect();
            return missing(format!("found no {} in {}", name.display(), looked.join(", ")));
        };
        Self::load(&file).or_else(|reason| missing(format!("{}: {reason}", file.display())))
    }

    fn load(path: &Path) -> Result<Self, String> {
        // SAFETY: the library is our own; loading it runs no code but the start-up code of FFmpeg's libraries.
        let library = unsafe { Library::new(path) }.map_err(|error| error.to_string())?;
        // SAFETY: the interface's first function has had this type in all its versions.
        let version = unsafe {
            symbol::<unsafe extern "C" fn() -> u32>(&library, "tw_ffmpeg_abi_version")?()
        };
        if version != ABI_VERSION {
            return Err(format!(
                "expected interface {ABI_VERSION} but received {version}; build it anew"
            ));
        }
        // SAFETY: interface `ABI_VERSION` has these functions with these types.
        let plugin = unsafe {
            Self {
                path: path.to_owned(),
                versions: symbol(&library, "tw_ffmpeg_versions")?,
                open: symbol(&library, "tw_video_open")?,
                info: symbol(&library, "tw_video_info")?,
                frame_count: symbol(&library, "tw_video_frame_count")?,
                damage: symbol(&library, "tw_video_damage")?,
                frames: symbol(&library, "tw_video_frames")?,
                close: symbol(&library, "tw_video_close")?,
                encoder_open: symbol(&library, "tw_encoder_open")?,
                encoder_write: symbol(&library, "tw_encoder_write")?,
                encoder_close: symbol(&library, "tw_encoder_close")?,
            }
        };
        // The functions are kept for good, and FFmpeg keeps a callback into the library.
        std::mem::forget(library);
        Ok(plugin)
    }
}

/// Where the shared object may lie, in order.
fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        FOLDER.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
    if let Ok(executable) = std::env::current_exe() {
        // Cargo puts tests and libraries into `deps`, examples and benches one folder beside it.
        for folder in executable.ancestors().skip(1).take(2) {
            folders.extend([folder.to_owned(), folder.join("deps")]);
        }
    }
    folders
}

/// # Safety
/// The symbol must have the type `T`, a function pointer, which must not be used after the library is unloaded.
unsafe fn symbol<T: Copy>(library: &Library, name: &str) -> Result<T, String> {
    // SAFETY: as above.
    unsafe { library.get::<T>(name) }.map(|symbol| *symbol).map_err(|error| error.to_string())
}

/// Text up to its final zero.
fn text(bytes: &[u8]) -> String {
    let length = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

impl Failure {
    fn new() -> Self {
        Self { class: 0, reserved: 0, frame: 0, frames: 0, text: [0; 512] }
    }

    fn into_error(self, path: &Path, stream: Option<usize>) -> VideoError {
        let (path, reason) = (path.to_owned(), text(&self.text));
        let (frame, frames) = (self.frame as usize, self.frames as usize);
        match self.class {
            1 => VideoError::NotAVideo { path, reason },
            2 => {
                let expected = match stream {
                    Some(stream) => format!("video stream {stream} (counted from 0)"),
                    None => "a video stream".to_owned(),
                };
                VideoError::NoVideoStream { path, expected, received: reason }
            }
            3 => VideoError::DecodeFailed { path, frame, reason },
            4 => VideoError::FrameOutOfRange { path, frame, frames },
            5 => VideoError::EncodeFailed { path, reason },
            _ => VideoError::DecoderDefect { path, reason },
        }
    }
}

/// An open file; the handle is closed on drop.
struct Video {
    plugin: &'static Plugin,
    handle: *mut c_void,
    path: PathBuf,
    info: VideoInfo,
    damaged: Damaged,
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
    let raw = RawOptions {
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
    let mut video = Video { plugin, handle, path: path.to_owned(), info, damaged };
    let mut known = RawInfo::default();
    // SAFETY: the handle is open, `known` writable.
    video.call(|video, failure| unsafe { (plugin.info)(video.handle, &raw mut known, failure) })?;
    video.info.width = known.width;
    video.info.height = known.height;
    video.info.frames = usize::try_from(known.frames).ok();
    video.info.fps = (known.fps > 0.0).then_some(known.fps);
    video.look_for_damage()?;
    Ok(Box::new(video))
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
        Ok(count as usize)
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
        if self.damaged == Damaged::Error {
            self.frame_count()?;
        }
        let (width, height) = (self.info.width, self.info.height);
        let bytes = RgbImage::byte_count(width, height);
        let mut distinct: Vec<usize> = indices.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let beyond = distinct
            .last()
            .copied()
            .filter(|&last| self.info.frames.is_some_and(|frames| last >= frames));
        if let Some(frame) = beyond {
            // It is asked for alone: the decoder knows whether the file ends before it or is damaged.
            distinct = vec![frame];
        }
        let mut images: Vec<RgbImage> =
            distinct.iter().map(|_| RgbImage { width, height, data: vec![0; bytes] }).collect();
        let numbers: Vec<u64> = distinct.iter().map(|&index| index as u64).collect();
        let buffers: Vec<*mut u8> =
            images.iter_mut().map(|image| image.data.as_mut_ptr()).collect();
        // SAFETY: as many distinct buffers as numbers, each of `bytes` bytes.
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
        if let Some(frame) = beyond {
            let frames = self.info.frames.unwrap_or_default();
            return Err(VideoError::FrameOutOfRange { path: self.path.clone(), frame, frames });
        }
        Ok(super::arrange(images, &distinct, indices))
    }
}

impl Drop for Video {
    fn drop(&mut self) {
        // SAFETY: the handle is open and not used again.
        unsafe { (self.plugin.close)(self.handle) }
    }
}
