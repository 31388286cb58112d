//! Flow pairs: two grey images per frame, in the names of every data set.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use timeweave_video::prepare::Watch;
use timeweave_video::prepare::check::{self as checking, CheckConfig};
use timeweave_video::{OpenOptions, VideoError, VideoSource, open};

fn grey(path: &Path, value: u8, side: u32) {
    let file = fs::File::create(path).expect("file");
    let mut encoder = png::Encoder::new(file, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    let data = vec![value; (side * side) as usize];
    encoder.write_header().expect("header").write_image_data(&data).expect("data");
}

/// A folder of five pairs; the horizontal one shows its number, the vertical one 100 more.
fn pairs(name: impl Fn(char, usize) -> String, first: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    for frame in 0..5 {
        grey(&folder.path().join(name('x', frame + first)), frame as u8, 4);
        grey(&folder.path().join(name('y', frame + first)), frame as u8 + 100, 4);
    }
    folder
}

fn options(template: Option<&str>) -> OpenOptions {
    OpenOptions { flow: true, template: template.map(Into::into), ..OpenOptions::default() }
}

fn check(source: &mut dyn VideoSource, what: &str) {
    assert_eq!(source.frame_count().expect("count"), 5, "{what}");
    let frames = source.frames(&[4, 0, 2]).unwrap_or_else(|error| panic!("{what}: {error}"));
    for (image, frame) in frames.iter().zip([4, 0, 2]) {
        assert_eq!(image.data[..3], [frame, frame + 100, 0], "{what}");
        assert_eq!(image.data, image.data[..3].repeat(16), "{what}");
    }
}

type Name = fn(char, usize) -> String;

#[test]
fn pairs_are_found_in_the_names_of_all_data_sets_and_by_their_templates() {
    let kinds: [(Name, &[&str]); 4] = [
        (
            |axis, number| format!("flow_{axis}_{number:05}.png"),
            &["flow_{x|y}_{:05d}.png", "flow_{}_{:05d}.png", "flow_x_{:05}.png"],
        ),
        (|axis, number| format!("000123-{axis}_{number:05}.png"), &["{:06d}-{}_{:05d}.png"]),
        (|axis, number| format!("{number:05}_{axis}.png"), &["{:05d}_x.png", "{:05d}_{x|y}.png"]),
        (|axis, number| format!("{axis}{number}.png"), &["{x|y}{:d}.png", "x%d.png"]),
    ];
    let mut checked = 0;
    for (name, templates) in kinds {
        for first in [0, 1] {
            let folder = pairs(name, first);
            for template in templates.iter().map(|&text| Some(text)).chain([None]) {
                let what = format!("{template:?} of {}", name('x', first));
                let source = open(folder.path(), &options(template));
                check(&mut *source.unwrap_or_else(|error| panic!("{what}: {error}")), &what);
                checked += 1;
            }
        }
    }
    println!("checked: {checked} ways to name flow pairs");
}

#[test]
fn a_marked_template_says_that_flow_is_wanted() {
    let folder = pairs(|axis, number| format!("flow_{axis}_{number:05}.png"), 1);
    let options = OpenOptions { flow: false, ..options(Some("flow_{}_{:05d}.png")) };
    check(&mut *open(folder.path(), &options).expect("pairs"), "flow is not set");
}

#[test]
fn colour_frames_and_their_flow_share_a_folder() {
    let folder = pairs(|axis, number| format!("{number:05}_{axis}.png"), 1);
    for number in 1..=6 {
        grey(&folder.path().join(format!("{number:05}.png")), 200, 4);
    }
    check(&mut *open(folder.path(), &options(None)).expect("pairs"), "beside colour");
    let mut colour = open(folder.path(), &OpenOptions::default()).expect("colour");
    assert_eq!(colour.frame_count().expect("count"), 6);
    assert_eq!(colour.frames(&[0]).expect("frame")[0].data[..3], [200; 3]);
}

fn refusal(folder: &Path, options: &OpenOptions) -> VideoError {
    open(folder, options)
        .and_then(|mut source| source.frames(&[0, 1, 2, 3]))
        .expect_err("a refusal")
}

#[test]
fn a_half_that_is_missing_or_of_another_size_is_named() {
    let name: Name = |axis, number| format!("flow_{axis}_{number:05}.png");
    let folder = pairs(name, 1);
    let odd = folder.path().join("flow_y_00002.png");
    grey(&odd, 1, 6);
    let error = refusal(folder.path(), &options(None));
    assert!(error.code() == "FRAME_SIZE" && error.to_string().contains("flow_y_00002"), "{error}");
    for missing in [2, 5, 1] {
        let folder = pairs(name, 1);
        let path = folder.path().join(name('y', missing));
        fs::remove_file(&path).expect("remove");
        let expected = VideoError::FrameMissing { path, frame: missing - 1 };
        assert_eq!(refusal(folder.path(), &options(None)), expected);
    }
    let folder = pairs(|axis, number| format!("left_{axis}_{number}.png"), 1);
    for frame in 1..=5 {
        fs::remove_file(folder.path().join(format!("left_y_{frame}.png"))).expect("remove");
    }
    assert_eq!(refusal(folder.path(), &options(None)).code(), "NO_FRAMES");
    assert_eq!(refusal(folder.path(), &options(Some("img_{:05d}.png"))).code(), "INVALID_OPTION");
}

#[test]
fn lists_of_flow_may_count_the_pairs_or_the_frames() {
    let name: Name = |axis, number| format!("flow_{axis}_{number:05}.png");
    let folders = [0, 1, 2].map(|_| pairs(name, 1));
    let lists = tempfile::tempdir().expect("folder");
    let list = lists.path().join("list.txt");
    // Five pairs, six frames, and one too many.
    let lines =
        folders.iter().zip(5..).map(|(folder, n)| format!("{} {n} 0\n", folder.path().display()));
    fs::write(&list, lines.collect::<String>()).expect("a list");
    let config = serde_json::json!({ "lists": [list], "template": "flow_{x|y}_{:05d}.png" });
    let config: CheckConfig = serde_json::from_value(config).expect("a configuration");
    let watch = Watch { step: &|_| (), cancel: &AtomicBool::new(false) };
    let result = checking::check(&config, watch).expect("a check");
    let lines: Vec<usize> = result.problems.iter().map(|problem| problem.line).collect();
    assert_eq!((lines, result.lists[0].kept, result.lists[0].fixed), (vec![3], 3, 1));
}
