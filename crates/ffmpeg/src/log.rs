//! FFmpeg's log: kept off the terminal, its first error kept for our own error texts.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once, PoisonError};

thread_local! {
    static FIRST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Decoders that are listened to, and whether they have met trouble.
static TROUBLED: Mutex<BTreeMap<usize, bool>> = Mutex::new(BTreeMap::new());

/// Hears of trouble that one decoder logs, on whichever thread: errors, and pictures whose missing parts were made up.
#[derive(Debug)]
pub struct Ear {
    number: usize,
}

impl Ear {
    /// For a decoder that is given its mark.
    #[allow(clippy::new_without_default, reason = "every ear is another one")]
    pub fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        TROUBLED.lock().unwrap_or_else(PoisonError::into_inner).insert(number, false);
        Self { number }
    }

    /// What the decoder is to hold as its `opaque`. It is a number in place of an address: others who use the same FFmpeg in
    /// this process put their own there.
    pub fn mark(&self) -> *mut c_void {
        std::ptr::without_provenance_mut(self.number)
    }

    /// Whether there was any trouble so far.
    pub fn has_heard(&self) -> bool {
        let troubled = TROUBLED.lock().unwrap_or_else(PoisonError::into_inner);
        troubled.get(&self.number).copied().unwrap_or(true)
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        TROUBLED.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

pub use platform::HEARS;

/// Takes over FFmpeg's log for the process; does so once.
pub fn capture() {
    static ONCE: Once = Once::new();
    ONCE.call_once(platform::install);
}

/// Forgets what was logged on this thread.
pub fn clear() {
    let _ = FIRST.try_with(|first| first.try_borrow_mut().map(|mut line| line.clear()));
}

/// The first error logged on this thread since [`clear`].
pub fn first() -> Option<String> {
    let line = FIRST
        .try_with(|first| first.try_borrow().map(|line| line.clone()).unwrap_or_default())
        .ok()?;
    (!line.is_empty()).then_some(line)
}

// The type of `va_list` differs between platforms; where it is not known to the bindings the log is only silenced.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod platform {
    use std::ffi::{CStr, c_char, c_int, c_void};

    use std::sync::PoisonError;

    use ffmpeg_next::ffi;

    /// Whether what a decoder logs can be heard.
    pub const HEARS: bool = true;

    pub fn install() {
        // SAFETY: the callback lives as long as the process, because this library is never unloaded.
        unsafe { ffi::av_log_set_callback(Some(keep)) }
    }

    /// # Safety
    /// `source` must be null or an object that begins with its class.
    unsafe fn tell(source: *mut c_void) {
        // SAFETY: the class of a decoder's context tells that it is one.
        let mark = unsafe {
            let class = source.cast::<*const ffi::AVClass>().as_ref();
            if class.is_none_or(|&class| class != ffi::avcodec_get_class()) {
                return;
            }
            (*source.cast::<ffi::AVCodecContext>()).opaque.addr()
        };
        let mut troubled = super::TROUBLED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(is_troubled) = troubled.get_mut(&mark) {
            *is_troubled = true;
        }
    }

    unsafe extern "C" fn keep(
        source: *mut c_void,
        level: c_int,
        format: *const c_char,
        list: *mut ffi::__va_list_tag,
    ) {
        if level <= ffi::AV_LOG_INFO {
            // SAFETY: FFmpeg passes an object of its own or null, and a terminated format.
            let is_made_up =
                unsafe { CStr::from_ptr(format) }.to_bytes().starts_with(b"concealing");
            if is_made_up || level <= ffi::AV_LOG_ERROR {
                // SAFETY: as above.
                unsafe { tell(source) };
            }
        }
        if level > ffi::AV_LOG_ERROR {
            return;
        }
        let mut line = [0 as c_char; 400];
        let mut prefix: c_int = 0;
        // SAFETY: FFmpeg passes a matching format and list; the line is terminated within its length.
        let text = unsafe {
            ffi::av_log_format_line2(
                source,
                level,
                format,
                list,
                line.as_mut_ptr(),
                line.len() as c_int,
                &raw mut prefix,
            );
            CStr::from_ptr(line.as_ptr())
        };
        let _ = super::FIRST.try_with(|first| {
            if let Ok(mut first) = first.try_borrow_mut()
                && first.is_empty()
            {
                first.push_str(text.to_string_lossy().trim_end_matches(['\n', '.']));
            }
        });
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
mod platform {
    use ffmpeg_next::ffi;

    /// Whether what a decoder logs can be heard.
    pub const HEARS: bool = false;

    pub fn install() {
        // SAFETY: sets one global number.
        unsafe { ffi::av_log_set_level(ffi::AV_LOG_QUIET) }
    }
}
