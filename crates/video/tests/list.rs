//! List files: the peers' formats, how they are told apart, and what is said about lines that cannot be read.

use std::path::{Path, PathBuf};

use timeweave_video::VideoError;
use timeweave_video::list::{
    self, Extent, ListFormat, ListOptions, RecordList, Separator, parse, read,
};

fn parsed(text: &str) -> RecordList {
    parse(text, Path::new("lists/train.txt"), &ListOptions::default()).expect("a list")
}

fn error(text: &str, options: &ListOptions) -> VideoError {
    parse(text, Path::new("lists/train.txt"), options).expect_err("an unreadable list")
}

fn rows(list: &RecordList) -> Vec<(&str, Extent, &[usize])> {
    list.records
        .iter()
        .map(|record| (record.input.as_str(), record.extent, &record.labels[..]))
        .collect()
}

#[test]
fn the_peers_formats_are_told_apart() {
    let tsm = parsed("a/b.mkv 300 0\nc 12 2\n");
    assert_eq!((tsm.format, tsm.separator), (ListFormat::PathFramesLabel, Separator::Space));
    assert_eq!(
        rows(&tsm),
        [("a/b.mkv", Extent::Count(300), &[0][..]), ("c", Extent::Count(12), &[2])]
    );
    assert_eq!(tsm.records[1].path, Path::new("lists/c"));

    let ibm = parsed("78687 1 42 93\n42326 3 46 173\n");
    assert_eq!((ibm.format, ibm.separator), (ListFormat::PathStartEndLabel, Separator::Space));
    assert_eq!(rows(&ibm)[1], ("42326", Extent::Range { start: 3, end: 46 }, &[173][..]));

    let kinetics = parsed("arm wrestling/x y_0001;1;300;5\nb/z;1;250;6;8\n");
    assert_eq!(
        (kinetics.format, kinetics.separator),
        (ListFormat::PathStartEndLabel, Separator::Semicolon)
    );
    assert_eq!(
        rows(&kinetics)[0],
        ("arm wrestling/x y_0001", Extent::Range { start: 1, end: 300 }, &[5][..])
    );
    assert_eq!(kinetics.records[1].labels, [6, 8]);

    let mmaction = parsed("some/path/000.mp4 1\nsome/path/001.mp4 10\n");
    assert_eq!((mmaction.format, mmaction.separator), (ListFormat::PathLabel, Separator::Space));
    assert_eq!(rows(&mmaction)[1], ("some/path/001.mp4", Extent::Whole, &[10][..]));

    let csv = parsed("path,label\nmy clip.mp4,3\nb.mp4, 4\n");
    assert_eq!((csv.format, csv.separator), (ListFormat::PathLabel, Separator::Comma));
    assert_eq!(
        rows(&csv),
        [("my clip.mp4", Extent::Whole, &[3][..]), ("b.mp4", Extent::Whole, &[4])]
    );

    let several = parsed("a.mp4 300 144,246\nb.mp4 300 1\n");
    assert_eq!(several.records[0].labels, [144, 246]);
}

#[test]
fn blank_lines_comments_marks_and_line_ends_are_passed_over_and_lines_keep_their_numbers() {
    let list =
        parsed("\u{feff}# classes: 2\r\n\r\na.mp4 10 0\r\n  \r\n\tb.mp4\t20\t1  \r\n#c.mp4 3 0");
    assert_eq!(
        rows(&list),
        [("a.mp4", Extent::Count(10), &[0][..]), ("b.mp4", Extent::Count(20), &[1])]
    );
    assert_eq!(list.records.iter().map(|record| record.line).collect::<Vec<_>>(), [3, 5]);
}

#[test]
fn the_last_columns_are_numbers_and_the_rest_is_the_path() {
    let text = "my clips/golf swing.mp4 30 0\na 7 30 1\nplain.mp4 30 2\n";
    // The second line could as well have two labels.
    assert_eq!(error(text, &ListOptions::default()).code(), "LIST_AMBIGUOUS");
    let named = ListOptions { format: ListFormat::PathFramesLabel, ..ListOptions::default() };
    let list = parse(text, Path::new("lists/train.txt"), &named).expect("a list");
    assert_eq!(list.format, ListFormat::PathFramesLabel);
    assert_eq!(rows(&list)[0].0, "my clips/golf swing.mp4");
    assert_eq!(rows(&list)[1].0, "a 7");
}

#[test]
fn a_path_that_ends_with_a_number_is_found_on_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("clip 1")).expect("a folder");
    let file = folder.path().join("list.txt");
    std::fs::write(&file, "clip 1 30 0\nclip 2 30 1\n").expect("a list");
    let list = read(&file, &ListOptions::default()).expect("a list");
    assert_eq!(rows(&list)[1], ("clip 2", Extent::Count(30), &[1][..]));
    let other = ListOptions { root: Some(PathBuf::from("elsewhere")), ..ListOptions::default() };
    let list = read(&file, &other).expect("a list");
    assert_eq!(rows(&list)[1], ("clip", Extent::Range { start: 2, end: 30 }, &[1][..]));
    assert_eq!(list.records[0].path, Path::new("elsewhere/clip"));
    let forced = ListOptions { format: ListFormat::PathFramesLabel, ..other };
    assert_eq!(rows(&read(&file, &forced).expect("a list"))[0].0, "clip 1");
}

#[test]
fn unreadable_lines_are_errors_that_name_line_and_column() {
    let auto = ListOptions::default();
    let ranged = ListOptions { format: ListFormat::PathStartEndLabel, ..ListOptions::default() };
    let cases = [
        (
            "a.mp4 30 0\nb.mp4 30 cat\nc.mp4 30 1\n",
            &auto,
            2,
            "label (column 3 of path frames label)",
            "`cat`",
        ),
        ("a.mp4 30 0\nb.mp4 30 1\n\nc.mp4 30\nd.mp4 1 1", &auto, 4, "the line", "`c.mp4 30`"),
        (
            "a.mp4 30 0\nb.mp4 x 1\nc.mp4 30 1\n",
            &auto,
            2,
            "frames (column 2 of path frames label)",
            "`x`",
        ),
        ("a.mp4 0 0\nb.mp4 30 1\n", &auto, 1, "frames (column 2 of path frames label)", "`0`"),
        ("a.mp4 30 -1\nb.mp4 30 1\n", &auto, 1, "label (column 3 of path frames label)", "`-1`"),
        (
            "a.mp4 30 1.5\nb.mp4 30 1\nc.mp4 30 1\n",
            &auto,
            1,
            "label (column 3 of path frames label)",
            "`1.5`",
        ),
        (
            "a.mp4 30 99999999999999999999\n",
            &auto,
            1,
            "label (column 3 of path frames label)",
            "`99999999999999999999`",
        ),
        ("a.mp4 cat\nb.mp4 dog\n", &auto, 1, "label (column 2 of path label)", "`cat`"),
        ("a.mp4\n", &auto, 1, "the line", "`a.mp4`"),
        ("x 0 30 0\n", &ranged, 1, "start (column 2 of path start end label)", "`0`"),
        ("x 20 10 0\n", &ranged, 1, "end (column 3 of path start end label)", "`10`"),
        ("a.mp4 30 0\n", &ranged, 1, "the line", "`a.mp4 30 0`"),
        ("a.mp4;3;0\nb.mp4;2\nc.mp4;3;0", &auto, 2, "the line", "`b.mp4;2`"),
    ];
    for (text, options, expected_line, expected_field, expected_received) in cases {
        let error = error(text, options);
        assert_eq!(error.code(), "LIST_INVALID", "{text:?}: {error}");
        let VideoError::ListInvalid { file, line, field, received, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(file, Path::new("lists/train.txt"));
        assert_eq!(
            (*line, field.as_str(), received.as_str()),
            (expected_line, expected_field, expected_received)
        );
        assert!(
            error.to_string().starts_with(&format!("lists/train.txt:{expected_line}: expected ")),
            "{error}"
        );
    }
}

#[test]
fn labels_outside_the_classes_are_refused() {
    let options = ListOptions { num_classes: Some(4), ..ListOptions::default() };
    let error = error("a.mp4 30 3\nb.mp4 30 4\n", &options);
    assert_eq!(error.code(), "LABEL_OUT_OF_RANGE");
    let text = "lists/train.txt:2: expected a label from 0 to 3 (numClasses is 4) but received 4";
    assert_eq!(error.to_string(), text);
    assert!(parse("a.mp4 30 3\n", Path::new("x"), &options).is_ok());
}

#[test]
fn empty_missing_and_unreadable_files_are_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = ListOptions::default();
    let code = |path: &Path| read(path, &options).expect_err("no list").code();
    assert_eq!(code(&folder.path().join("none.txt")), "LIST_NOT_FOUND");
    assert_eq!(code(folder.path()), "FILE_ACCESS");
    let file = folder.path().join("list.txt");
    for empty in ["", "\n\r\n  \n", "# only a comment\n", "\u{feff}"] {
        std::fs::write(&file, empty).expect("a file");
        assert_eq!(code(&file), "EMPTY_LIST", "{empty:?}");
    }
    std::fs::write(&file, b"a.mp4 1 0\nb\xff.mp4 1 0\n").expect("a file");
    let error = read(&file, &options).expect_err("not UTF-8");
    assert!(matches!(error, VideoError::ListInvalid { line: 2, .. }), "{error}");
}

#[test]
fn the_options_are_read_from_json() {
    let text =
        r#"{"format":"path-start-end-label","separator":"semicolon","numClasses":3,"root":"data"}"#;
    let options: ListOptions = serde_json::from_str(text).expect("valid");
    let list = list::parse("a b;1;9;2", Path::new("x.txt"), &options).expect("a list");
    assert_eq!(list.records[0].path, Path::new("data/a b"));
    assert!(serde_json::from_str::<ListOptions>(r#"{"classes":3}"#).is_err());
}
