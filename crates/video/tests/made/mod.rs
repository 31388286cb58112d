//! Small video files, and work that nobody watches.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use timeweave_video::prepare::Watch;
use timeweave_video::write_video;

use crate::numbered::picture;

static NEVER: AtomicBool = AtomicBool::new(false);

/// A watch that hears nothing and never stops the work.
pub fn quiet() -> Watch<'static> {
    Watch { step: &|_| (), cancel: &NEVER }
}

/// Writes a video whose frames show their numbers; makes its folder.
pub fn video(path: &Path, frames: usize) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    write_video(path, &(0..frames).map(picture).collect::<Vec<_>>(), 12.0).expect("a video");
}

/// The text of a file.
pub fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).expect("a file")
}
