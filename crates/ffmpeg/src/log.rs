//! FFmpeg's log: kept off the terminal, its first error kept for our own error texts.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static FIRST: RefCell<String> = const { RefCell::new(String::new()) };
}

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

    use ffmpeg_next::ffi;

    pub fn install() {
        // SAFETY: the callback lives as long as the process, because this library is never unloaded.
        unsafe { ffi::av_log_set_callback(Some(keep)) }
    }

    unsafe extern "C" fn keep(
        source: *mut c_void,
        level: c_int,
        format: *const c_char,
        list: *mut ffi::__va_list_tag,
    ) {
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

    pub fn install() {
        // SAFETY: sets one global number.
        unsafe { ffi::av_log_set_level(ffi::AV_LOG_QUIET) }
    }
}
