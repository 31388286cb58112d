//! Folders of small PNG frames and lists of them.

use std::fmt::Write as _;
use std::path::Path;

fn write_folder(path: &Path, clip: usize) {
    std::fs::create_dir_all(path).expect("a folder");
    for frame in 0..6 {
        let pixel = |i: usize| [(i % 32 * 4) as u8, (clip * 3) as u8, (frame * 12) as u8];
        let file =
            std::fs::File::create(path.join(format!("{:05}.png", frame + 1))).expect("a file");
        let mut encoder = png::Encoder::new(file, 32, 24);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header().expect("a header");
        let data: Vec<u8> = (0..32 * 24).flat_map(pixel).collect();
        writer.write_image_data(&data).expect("an image");
    }
}

/// A list of `lines` records over `clips` folders of 6 frames.
pub fn folder_list(clips: usize, lines: usize) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    for clip in 0..clips {
        write_folder(&root.path().join(format!("clip{clip}")), clip);
    }
    list_of(root.path(), (0..lines).map(|line| (line % clips, "0")));
    root
}

/// Writes `list.txt` with a line for each clip and its labels.
pub fn list_of<'a>(root: &Path, lines: impl Iterator<Item = (usize, &'a str)>) {
    let mut text = String::new();
    for (clip, labels) in lines {
        writeln!(text, "clip{clip} 6 {labels}").expect("a line");
    }
    std::fs::write(root.join("list.txt"), text).expect("a list");
}
