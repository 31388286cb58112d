//! `libtimeweave_ffmpeg`: where it is looked for, and its C interface. The structures are those of its `abi` module.

use std::ffi::{c_char, c_void};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use libloading::Library;

use crate::VideoError;

const ABI_VERSION: u32 = 4;
const VARIABLE: &str = "TIMEWEAVE_FFMPEG_PLUGIN";

#[repr(C)]
pub(super) struct Failure {
    pub class: i32,
    pub reserved: i32,
    pub frame: u64,
    pub frames: u64,
    pub text: [u8; 512],
}

#[repr(C)]
pub(super) struct RawOptions {
    pub stream: i64,
    pub threads: u32,
    pub rotate: u32,
    pub index: *const u8,
    pub index_bytes: usize,
}

#[repr(C)]
#[derive(Default)]
pub(super) struct RawInfo {
    pub width: u32,
    pub height: u32,
    pub frames: i64,
    pub fps: f64,
}

#[repr(C)]
pub(super) struct RawDamage {
    pub is_damaged: u32,
    pub reserved: u32,
    pub expected: i64,
    pub text: [u8; 512],
}

/// The functions of the shared object, which stays loaded for the life of the process.
pub(super) struct Plugin {
    pub path: PathBuf,
    pub versions: unsafe extern "C" fn(*mut c_char, usize) -> usize,
    pub open: unsafe extern "C" fn(
        *const u8,
        usize,
        *const RawOptions,
        *mut *mut c_void,
        *mut Failure,
    ) -> i32,
    pub info: unsafe extern "C" fn(*mut c_void, *mut RawInfo, *mut Failure) -> i32,
    pub frame_count: unsafe extern "C" fn(*mut c_void, *mut u64, *mut Failure) -> i32,
    pub damage: unsafe extern "C" fn(*mut c_void, *mut RawDamage, *mut Failure) -> i32,
    pub index: unsafe extern "C" fn(*mut c_void, *mut u8, usize, *mut usize, *mut Failure) -> i32,
    pub expect: unsafe extern "C" fn(*mut c_void, *const u64, usize, *mut Failure) -> i32,
    pub frames: unsafe extern "C" fn(
        *mut c_void,
        *const u64,
        *const *mut u8,
        usize,
        usize,
        *mut Failure,
    ) -> i32,
    pub close: unsafe extern "C" fn(*mut c_void),
    pub encoder_open: unsafe extern "C" fn(
        *const u8,
        usize,
        u32,
        u32,
        f64,
        *mut *mut c_void,
        *mut Failure,
    ) -> i32,
    pub encoder_write: unsafe extern "C" fn(*mut c_void, *const u8, usize, *mut Failure) -> i32,
    pub encoder_close: unsafe extern "C" fn(*mut c_void, i32, *mut Failure) -> i32,
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

/// Whether the decoder can be loaded.
///
/// # Errors
/// `DECODER_MISSING` when it cannot.
pub(in crate::decode) fn check() -> Result<(), VideoError> {
    Plugin::get().map(|_| ())
}

impl Plugin {
    /// The loaded decoder.
    ///
    /// # Errors
    /// `DECODER_MISSING`.
    pub(super) fn get() -> Result<&'static Self, VideoError> {
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
                index: symbol(&library, "tw_video_index")?,
                expect: symbol(&library, "tw_video_expect")?,
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
pub(super) fn text(bytes: &[u8]) -> String {
    let length = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

impl Failure {
    pub(super) fn new() -> Self {
        Self { class: 0, reserved: 0, frame: 0, frames: 0, text: [0; 512] }
    }

    pub(super) fn into_error(self, path: &Path, stream: Option<usize>) -> VideoError {
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
