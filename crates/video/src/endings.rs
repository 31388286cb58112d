//! What the endings of files say.

use std::path::Path;

/// Endings of video files that are looked for in folders.
pub(crate) const VIDEOS: [&str; 15] = [
    "3gp", "avi", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "ogv", "ts", "vob",
    "webm", "wmv",
];

/// Endings of images.
pub(crate) const IMAGES: [&str; 4] = ["jpeg", "jpg", "png", "webp"];

/// Whether a file has one of the endings, in small or large letters.
pub(crate) fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    endings.iter().any(|known| ending.eq_ignore_ascii_case(known))
}
