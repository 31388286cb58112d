//! AVI holds no display times; frames found by seeking in it are those that counting from the start gives.
//!
//! The files are made by the `ffmpeg` program where there is one.

mod compared;
mod made;

use compared::{compare, open};
use made::make;

#[test]
fn avi_files_of_many_kinds_are_sought_and_exact() {
    let folder = tempfile::tempdir().expect("folder");
    let mpeg4 = ["-c:v", "mpeg4", "-q:v", "3", "-g", "15"];
    let kinds: [(&str, &[&str], bool); 9] = [
        ("plain", &[], true),
        ("b1", &["-bf", "1"], true),
        ("b2", &["-bf", "2"], true),
        ("xvid tag", &["-bf", "2", "-tag:v", "XVID"], true),
        ("interlaced", &["-bf", "2", "-flags", "+ildct+ilme"], false),
        ("quarter pixel", &["-bf", "2", "-flags", "+qpel+mv4"], true),
        ("odd rate", &["-bf", "2", "-r", "30000/1001"], true),
        ("libxvid", &["-c:v", "libxvid", "-bf", "2"], true),
        ("mjpeg", &["-c:v", "mjpeg"], true),
    ];
    let mut made = Vec::new();
    for (name, more, seeks) in kinds {
        let path = folder.path().join(format!("{name}.avi"));
        let arguments: Vec<&str> = mpeg4.iter().chain(more).copied().collect();
        if !make(&path, &arguments) {
            continue;
        }
        let reader = open(&path, true);
        assert_eq!(reader.damage(), None, "{name}");
        assert!(reader.known_frames().is_some(), "{name} is counted by its packets");
        assert_eq!(compare(&path, usize::MAX), seeks, "{name}");
        made.push(name);
    }
    println!("checked: {} kinds of AVI sought: {made:?}", made.len());
}
