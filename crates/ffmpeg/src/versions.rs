//! Which of FFmpeg's libraries are in use.

use ffmpeg_next::ffi;

/// FFmpeg's library versions, in the form `libavcodec 59.37.100`.
pub fn versions() -> String {
    // SAFETY: the functions take nothing and return numbers.
    let numbers = unsafe {
        [
            ffi::avcodec_version(),
            ffi::avformat_version(),
            ffi::avutil_version(),
            ffi::swscale_version(),
        ]
    };
    let names = ["libavcodec", "libavformat", "libavutil", "libswscale"];
    let parts = names
        .iter()
        .zip(numbers)
        .map(|(name, n)| format!("{name} {}.{}.{}", n >> 16, n >> 8 & 0xff, n & 0xff));
    parts.collect::<Vec<_>>().join(", ")
}
