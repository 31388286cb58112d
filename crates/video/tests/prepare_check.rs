//! Lists against the files that they name.

mod made;
#[expect(dead_code, reason = "what the pictures show is not read here")]
mod numbered;

use std::fs;
use std::path::{Path, PathBuf};

use made::{quiet, text, video};
use serde_json::json;
use timeweave_video::prepare::check::{Action, CheckConfig, CheckResult, Kind, check};
use timeweave_video::prepare::frames::{FramesConfig, extract};

fn checked(lists: &[&PathBuf], change: impl FnOnce(&mut CheckConfig)) -> CheckResult {
    let mut config: CheckConfig =
        serde_json::from_value(json!({ "lists": lists })).expect("a configuration");
    change(&mut config);
    check(&config, quiet()).expect("a check")
}

#[test]
fn a_check_finds_what_is_wrong_and_writes_what_is_right() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    for (name, frames) in [("a.mp4", 9), ("b c.mp4", 8), ("d.mp4", 7), ("e.mp4", 6)] {
        video(&root.join(name), frames);
    }
    fs::copy(root.join("e.mp4"), root.join("copy of e.mp4")).expect("a copy");
    fs::write(root.join("broken.mp4"), "no video").expect("a file");
    let (train, val) = (root.join("train.txt"), root.join("val.txt"));
    fs::write(
        &train,
        "a.mp4 9 0\nb c.mp4 12 1\nmissing.mp4 5 1\nbroken.mp4 5 0\na.mp4 9 0\nb c.mp4 8 0\nd.mp4 7 2\nd.mp4 7\nd.mp4 7 1\ncopy of e.mp4 6 1\n",
    )
    .expect("a list");
    fs::write(&val, "e.mp4 6 1\n").expect("a list");
    let out = root.join("clean");
    let result = checked(&[&train, &val], |config| {
        config.list.num_classes = Some(2);
        config.out = Some(out.clone());
    });
    assert!(!result.ok);
    let told: Vec<(usize, Kind, Action)> =
        result.problems.iter().map(|p| (p.line, p.problem, p.action)).collect();
    let expected = [
        (2, Kind::FrameCount, Action::Fixed),
        (3, Kind::Missing, Action::Dropped),
        (4, Kind::Unreadable, Action::Dropped),
        (5, Kind::Duplicate, Action::Dropped),
        (6, Kind::FrameCount, Action::Fixed),
        (7, Kind::LabelRange, Action::Dropped),
        (8, Kind::Line, Action::Dropped),
        (10, Kind::Leak, Action::Dropped),
        (0, Kind::EmptyClass, Action::Noted),
    ];
    let expected: Vec<_> = expected.into_iter().filter(|&(line, ..)| line != 6).collect();
    assert!(told.contains(&(6, Kind::ConflictingLabels, Action::Dropped)), "{told:?}");
    for one in &expected {
        assert!(told.contains(one), "{one:?} in {told:?}");
    }
    assert_eq!(told.len(), expected.len() + 1, "{told:?}");
    assert_eq!(text(out.join("train.txt")), "a.mp4 9 0\nb c.mp4 8 1\nd.mp4 7 1\n");
    assert_eq!(text(out.join("val.txt")), "e.mp4 6 1\n");
    let table = text(out.join("problems.csv"));
    assert_eq!(table.lines().count(), told.len() + 1);
    assert!(table.contains(",3,missing.mp4,dropped,missing,FILE_NOT_FOUND: "), "{table}");
    let clean = out.join("train.txt");
    let again = checked(&[&clean], |config| {
        config.list.num_classes = Some(2);
        config.list.root = Some(root.to_owned());
    });
    assert!(again.ok && again.problems.is_empty(), "{:?}", again.problems);
}

fn frame_folder(path: &Path, numbers: impl IntoIterator<Item = usize>) {
    let folder = tempfile::tempdir().expect("a folder");
    video(&folder.path().join("v.mp4"), 1);
    let config = FramesConfig {
        short_side: None,
        ..FramesConfig::new(folder.path(), folder.path().join("out"))
    };
    extract(&config, quiet()).expect("frames");
    fs::create_dir_all(path).expect("a folder");
    for number in numbers {
        fs::copy(
            folder.path().join("out/v/img_00001.jpg"),
            path.join(format!("img_{number:05}.jpg")),
        )
        .expect("a frame");
    }
}

#[test]
fn a_check_of_frame_folders_finds_numbers_that_are_off_by_one_and_holes() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    frame_folder(&root.join("one"), 1..=10);
    frame_folder(&root.join("zero"), 0..10);
    frame_folder(&root.join("hole"), [1, 2, 4, 5]);
    fs::create_dir(root.join("empty")).expect("a folder");
    let list = root.join("list.txt");
    fs::write(&list, "one 10 0\none 11 0\nzero 9 1\nhole 5 1\nempty 3 1\n").expect("a list");
    let result = checked(&[&list], |config| config.out = Some(root.join("clean")));
    let told: Vec<(usize, Kind)> = result.problems.iter().map(|p| (p.line, p.problem)).collect();
    let expected = [
        (2, Kind::Numbering),
        (2, Kind::Duplicate),
        (3, Kind::Numbering),
        (4, Kind::FrameMissing),
        (5, Kind::Unreadable),
    ];
    assert_eq!(told, expected, "{:?}", result.problems);
    assert_eq!(text(root.join("clean/list.txt")), "one 10 0\nzero 10 1\n");

    let ranges = root.join("ranges.txt");
    fs::write(&ranges, "one;1;10;0\none;3;12;0\nzero;1;10;1\none;11;12;1\n").expect("a list");
    let result = checked(&[&ranges], |config| config.list.num_classes = Some(2));
    let told: Vec<(usize, Kind, Action)> =
        result.problems.iter().map(|p| (p.line, p.problem, p.action)).collect();
    let expected = [
        (2, Kind::FrameCount, Action::Fixed),
        (3, Kind::Numbering, Action::Noted),
        (4, Kind::FrameCount, Action::Dropped),
    ];
    assert_eq!(told, expected);

    let labels = root.join("labels.txt");
    fs::write(&labels, "one 10 1\nzero 10 2\n").expect("a list");
    let result = checked(&[&labels], |config| config.list.num_classes = Some(2));
    assert_eq!(result.found.get(&Kind::LabelsFromOne), Some(&1));
}

#[test]
fn damage_in_the_middle_is_found_where_every_frame_is_decoded() {
    let folder = tempfile::tempdir().expect("a folder");
    frame_folder(&folder.path().join("clip"), 1..=6);
    fs::write(folder.path().join("clip/img_00003.jpg"), b"\xff\xd8 no more").expect("a frame");
    let list = folder.path().join("list.txt");
    fs::write(&list, "clip 6 0\n").expect("a list");
    assert!(checked(&[&list], |_| ()).ok);
    let result = checked(&[&list], |config| config.decode = true);
    assert_eq!(result.found.get(&Kind::Unreadable), Some(&1));
}
