//! Video files through FFmpeg's libraries.

use std::path::Path;

/// Names the folder in which `libtimeweave_ffmpeg` lies; for programs that ship it beside themselves.
pub fn set_plugin_dir(path: &Path) {
    let _ = path;
}

/// FFmpeg's versions, as the decoder reports them.
///
/// # Errors
/// `DECODER_MISSING` when the decoder cannot be loaded.
pub fn ffmpeg_version() -> Result<String, crate::VideoError> {
    Err(crate::VideoError::DecoderMissing { reason: "not opened".into() })
}
