//! Files that the `ffmpeg` program makes where there is one.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes a file of 120 frames of a moving test picture; false without the program or an encoder that it needs.
pub fn make(path: &Path, arguments: &[&str]) -> bool {
    let mut program = Command::new("ffmpeg");
    program.args(["-v", "error", "-y", "-nostdin", "-f", "lavfi", "-i"]);
    program.args(["testsrc2=size=160x128:rate=25", "-frames:v", "120"]);
    let made = program.args(arguments).arg(path).status();
    made.is_ok_and(|status| status.success())
}

/// A file of one run, which a decoder's own threads decode, and two of several, which are shared out.
#[allow(dead_code, reason = "not every test that makes files needs these")]
pub fn runs(folder: &Path) -> Option<Vec<PathBuf>> {
    let kinds = [("one.mp4", "-g 1000 -bf 2"), ("runs.mkv", "-g 30 -bf 0"), ("runs.mp4", "-g 40")];
    let make = |(name, arguments): &(&str, &str)| {
        let path = folder.join(name);
        let all = format!("-c:v libx264 -crf 12 {arguments}");
        make(&path, &all.split_whitespace().collect::<Vec<_>>()).then_some(path)
    };
    let made: Option<Vec<PathBuf>> = kinds.iter().map(make).collect();
    if made.is_none() {
        println!("checked: 0 files (no ffmpeg program, or none with libx264)");
    }
    made
}
