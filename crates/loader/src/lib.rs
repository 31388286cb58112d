//! Opens libtorch's libraries where they were found, before the core addon that needs them is loaded.
//!
//! The core names `libtorch_cpu.so` and `libc10.so` as needed libraries but carries no path to them. Once they are
//! open with global symbols, the dynamic linker matches them by their own names, so one core serves every place that
//! libtorch may lie in. Node's own `process.dlopen` cannot serve: it closes a library that registers no module.

#[cfg(unix)]
use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
use napi_derive::napi;

/// Keeps a library in the process after its handle is closed; libtorch registers threads and exit handlers.
/// The value is the platform's, as libloading does not name the flag.
#[cfg(target_os = "linux")]
const RTLD_NODELETE: std::ffi::c_int = 0x1000;
#[cfg(target_os = "macos")]
const RTLD_NODELETE: std::ffi::c_int = 0x80;

/// Opens the shared library at `path` globally and for good.
///
/// Returns the dynamic linker's words when that fails, and null when the library is open.
#[cfg(unix)]
#[napi]
pub fn open(path: String) -> Option<String> {
    // SAFETY: the library's initialisers run, as they would had the core been linked to it by path; the caller names
    // libtorch's own files, which are made to be opened so.
    match unsafe { Library::open(Some(path), RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE) } {
        Ok(library) => {
            // The handle itself is kept as well: closing it could only do harm.
            std::mem::forget(library);
            None
        }
        Err(error) => Some(reason(&error)),
    }
}

/// The dynamic linker's words without the name of the call that failed.
#[cfg(unix)]
fn reason(error: &libloading::Error) -> String {
    match error {
        libloading::Error::DlOpen { source } => source.to_string(),
        other => other.to_string(),
    }
}
