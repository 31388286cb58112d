//! Every dialect of lists: read, told apart, written and read again, and what is said of lines that are none of it.

use std::path::Path;

use timeweave_video::VideoError;
use timeweave_video::list::{
    ClassNames, Extent, ListFormat, ListOptions, Lossy, RecordList, Separator, WriteOptions,
    examine, parse, read, render,
};

type Row<'a> = (&'a str, Extent, &'a [usize]);

fn rows(list: &RecordList) -> Vec<Row<'_>> {
    list.records.iter().map(|one| (one.input.as_str(), one.extent, &one.labels[..])).collect()
}

fn auto(text: &str) -> RecordList {
    parse(text, Path::new("lists/a.txt"), &ListOptions::default()).expect(text)
}

fn named(text: &str, format: ListFormat) -> Result<RecordList, VideoError> {
    parse(text, Path::new("lists/a.txt"), &ListOptions { format, ..ListOptions::default() })
}

const fn range(start: usize, end: usize) -> Extent {
    Extent::Range { start, end }
}

/// Text, dialect, separator, and the first record.
type Case = (&'static str, ListFormat, Separator, Row<'static>);

const COLUMNS: [Case; 15] = {
    use ListFormat as F;
    use Separator as S;
    [
        ("a/b.mp4 3\nc.mp4 0\n", F::PathLabel, S::Space, ("a/b.mp4", Extent::Whole, &[3])),
        ("a b.mp4 3,5\nc.mp4 0\n", F::PathLabel, S::Space, ("a b.mp4", Extent::Whole, &[3, 5])),
        ("a,3\nc,0\n", F::PathLabel, S::Comma, ("a", Extent::Whole, &[3])),
        ("\"a, b.mp4\",3\nc.mp4,0\n", F::PathLabel, S::Comma, ("a, b.mp4", Extent::Whole, &[3])),
        (
            "a.mp4 3 5\nc.mp4 0\nd.mp4 1\n",
            F::PathLabels,
            S::Space,
            ("a.mp4", Extent::Whole, &[3, 5]),
        ),
        ("a.mp4,3,5,7\nb.mp4,1\n", F::PathLabels, S::Comma, ("a.mp4", Extent::Whole, &[3, 5, 7])),
        ("a 120 3\nb 9 0\n", F::PathFramesLabel, S::Space, ("a", Extent::Count(120), &[3])),
        (
            "a.mkv 300 3,246\nb.mkv 9 0\n",
            F::PathFramesLabel,
            S::Space,
            ("a.mkv", Extent::Count(300), &[3, 246]),
        ),
        (
            "a 120 3 5\nb 99 7\nc 80 1 2\n",
            F::PathFramesLabels,
            S::Space,
            ("a", Extent::Count(120), &[3, 5]),
        ),
        (
            "a.mp4 120 3 5\nb.mp4 99 7\nc.mp4 80 1\n",
            F::PathFramesLabels,
            S::Space,
            ("a.mp4", Extent::Count(120), &[3, 5]),
        ),
        (
            "78687 1 42 93\n42326 1 46 173\n",
            F::PathStartEndLabel,
            S::Space,
            ("78687", range(1, 42), &[93]),
        ),
        (
            "x y/z;1;300;5\nb;1;250;6\n",
            F::PathStartEndLabel,
            S::Semicolon,
            ("x y/z", range(1, 300), &[5]),
        ),
        (
            "\"x;y\";1;300;5\nb;1;250;6;7\n",
            F::PathStartEndLabel,
            S::Semicolon,
            ("x;y", range(1, 300), &[5]),
        ),
        (
            "a 1 42 93 7\nb 1 46 173 2\n",
            F::PathStartEndLabels,
            S::Space,
            ("a", range(1, 42), &[93, 7]),
        ),
        (
            "path,frames,label\na b.mp4,30,3\n",
            F::PathFramesLabel,
            S::Comma,
            ("a b.mp4", Extent::Count(30), &[3]),
        ),
    ]
};

#[test]
fn lists_of_columns_are_told_apart_and_survive_a_round_trip() {
    for (text, format, separator, first) in COLUMNS {
        let list = auto(text);
        assert_eq!((list.format, list.separator), (format, separator), "{text}");
        assert_eq!(rows(&list)[0], first, "{text}");
        let options = WriteOptions {
            format,
            separator: Some(separator),
            classes: None,
            lossy: Lossy::Refused,
        };
        let written = render(&list.records, &list.file, &options).expect(text);
        assert_eq!(rows(&named_with(&written, format, separator)), rows(&list), "{text}");
        // With Windows line ends, a mark, comments and blank lines nothing changes but the line numbers.
        let noisy =
            format!("\u{feff}# a comment\r\n\r\n{}\r\n  \r\n", text.trim().replace('\n', "\r\n"));
        let again = auto(&noisy);
        assert_eq!((again.format, rows(&again)), (format, rows(&list)), "{noisy:?}");
        assert_eq!(again.records[0].line, list.records[0].line + 2, "{noisy:?}");
    }
}

fn named_with(text: &str, format: ListFormat, separator: Separator) -> RecordList {
    let options = ListOptions { format, separator: Some(separator), ..ListOptions::default() };
    parse(text, Path::new("lists/a.txt"), &options).expect(text)
}

#[test]
fn dialects_that_only_a_name_can_tell_are_read_by_name() {
    let offset =
        named("clip 0 100 5\nclip 100 50 6\n", ListFormat::PathOffsetFramesLabel).expect("a list");
    assert_eq!(rows(&offset)[1], ("clip", range(101, 150), &[6][..]));
    let bare = named("78687 1 42\n", ListFormat::PathStartEnd).expect("a list");
    assert_eq!(rows(&bare)[0], ("78687", range(1, 42), &[][..]));
    let paths = named("a b.mp4\nc.mp4\n", ListFormat::Path).expect("a list");
    assert_eq!(rows(&paths)[0], ("a b.mp4", Extent::Whole, &[][..]));
    assert_eq!(paths.records[0].label(), None);
    for (alias, format) in [
        ("ibm", ListFormat::PathStartEndLabel),
        ("x-temporal", ListFormat::PathFramesLabel),
        ("mmaction2-rawframes-multi", ListFormat::PathFramesLabels),
        ("mmit-csv", ListFormat::PathLabels),
        ("something-v1-csv", ListFormat::IdName),
    ] {
        assert_eq!(serde_json::from_value::<ListFormat>(alias.into()).expect(alias), format);
    }
    for format in ListFormat::ALL {
        let value = serde_json::to_value(format).expect("a name");
        assert_eq!(value, format.name());
    }
}

#[test]
fn lists_that_could_be_of_two_dialects_ask_for_a_name() {
    let cases = [
        (
            "a 120 200 5\nb 80 90 6\n",
            "path-start-end-label, path-offset-frames-label, path-frames-labels",
        ),
        ("clip 0 100 5\nclip 100 50 6\n", "path-start-end-label, path-offset-frames-label"),
        ("a 1 42\nb 1 37\n", "path-frames-label, path-start-end"),
        ("a.mp4,3,5\nb.mp4,1,2\n", "path-labels, path-frames-label"),
        ("a.mp4,3,5\n", "path-labels, path-frames-label"),
        ("clip 1\nclip 2\nclip 3 4\n", "path-label, path-labels"),
    ];
    for (text, expected) in cases {
        let error = named(text, ListFormat::Auto).expect_err(text);
        let VideoError::ListAmbiguous { candidates, .. } = &error else {
            panic!("{text:?}: {error}")
        };
        assert_eq!(candidates, expected, "{text:?}");
        for name in expected.split(", ") {
            let format = serde_json::from_value(name.into()).expect(name);
            assert!(
                named(text, format).is_ok() || name.contains("start-end"),
                "{text:?} as {name}"
            );
        }
    }
}

#[test]
fn files_on_disk_decide_what_the_lines_leave_open() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["clip 1", "clip 2", "clip 3 4"] {
        std::fs::write(folder.path().join(name), "").expect("a file");
    }
    let file = folder.path().join("list.txt");
    std::fs::write(&file, "clip 1 0\nclip 2 1\nclip 3 4 1\n").expect("a list");
    let list = read(&file, &ListOptions::default()).expect("a list");
    assert_eq!(list.format, ListFormat::PathLabel);
    assert_eq!(rows(&list)[2].0, "clip 3 4");
}

#[test]
fn what_a_dialect_cannot_hold_is_refused_by_name() {
    let counted = auto("a.mp4 30 0\nb.mp4 40 1,2\n");
    let whole = auto("a.mp4 0\nb.mp4 1,2\n");
    let ranged = auto("a;5;30;0\nb;1;9;1\n");
    let spaced = named("a 1;7\n", ListFormat::PathLabel);
    let spaced = spaced.expect("a list");
    let cases: [(&RecordList, ListFormat, Option<Separator>, &str); 6] = [
        (
            &counted,
            ListFormat::PathLabel,
            None,
            "a.txt:1: expected a record that path-label can hold but received 30 frames",
        ),
        (&whole, ListFormat::PathFramesLabel, None, "no number of frames"),
        (&ranged, ListFormat::PathFramesLabel, None, "the frames 5 to 30"),
        (&whole, ListFormat::Path, None, "labels"),
        (&spaced, ListFormat::PathLabels, Some(Separator::Space), "received the path `a 1`"),
        (&whole, ListFormat::Ucf101Split, None, "not named as UCF101's"),
    ];
    for (list, format, separator, expected) in cases {
        let options = WriteOptions { format, separator, classes: None, lossy: Lossy::Refused };
        let error = render(&list.records, &list.file, &options).expect_err(expected);
        assert_eq!(error.code(), "LIST_LOSSY", "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    let lossy = WriteOptions {
        format: ListFormat::PathLabel,
        separator: None,
        classes: None,
        lossy: Lossy::Allowed,
    };
    assert_eq!(
        render(&counted.records, &counted.file, &lossy).expect("a list"),
        "a.mp4 0\nb.mp4 1,2\n"
    );
    let moments = WriteOptions { format: ListFormat::MomentsCsv, ..lossy };
    assert_eq!(
        render(&whole.records, &whole.file, &moments).expect_err("no names").code(),
        "INVALID_OPTION"
    );
    let multi = WriteOptions { format: ListFormat::IdName, ..lossy };
    let names = ClassNames::of(["x", "y", "z"], "names").expect("names");
    let multi = WriteOptions { classes: Some(&names), ..multi };
    assert!(
        render(&whole.records, &whole.file, &multi)
            .expect_err("two labels")
            .to_string()
            .contains("2 labels")
    );
    // Frames from the first on are a count, and a count is frames from the first on.
    let options = WriteOptions {
        format: ListFormat::PathStartEndLabel,
        separator: Some(Separator::Semicolon),
        ..lossy
    };
    assert_eq!(
        render(&counted.records, &counted.file, &options).expect("a list"),
        "a.mp4;1;30;0\nb.mp4;1;40;1;2\n"
    );
}

#[test]
fn bad_lines_name_file_line_and_column() {
    let cases = [
        ("a.mp4,3\nb.mp4,x\nc.mp4,1\n", ListFormat::Auto, 2, "label (column 2 of path label)"),
        ("\"a.mp4,3\nb.mp4,1\n", ListFormat::PathLabel, 1, "the line"),
        ("a 100\n", ListFormat::PathOffsetFramesLabel, 1, "the line"),
        (
            "a 0 0 5\n",
            ListFormat::PathOffsetFramesLabel,
            1,
            "frames (column 3 of path offset frames label)",
        ),
        ("a 30 x 5\n", ListFormat::PathFramesLabels, 1, "the line"),
        ("1,2,3\n", ListFormat::PathLabel, 1, "the line"),
        ("file.avi 3\n", ListFormat::Ucf101Split, 1, "the path (column 1 of path label)"),
    ];
    for (text, format, expected_line, expected_field) in cases {
        let separator = text.contains(',').then_some(Separator::Comma);
        let options = ListOptions { format, separator, ..ListOptions::default() };
        let error = parse(text, Path::new("lists/a.txt"), &options).expect_err(text);
        let VideoError::ListInvalid { file, line, field, .. } = &error else {
            panic!("{text:?}: {error}")
        };
        assert_eq!(
            (file.as_path(), *line, field.as_str()),
            (Path::new("lists/a.txt"), expected_line, expected_field),
            "{text:?}"
        );
    }
}

#[test]
fn an_examination_goes_on_after_bad_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.txt");
    let text = "a.mp4 30 0\nb.mp4 30 cat\nc.mp4 30 9\nd.mp4 0 1\ne.mp4 30 1\n";
    std::fs::write(&file, text).expect("a list");
    let options = ListOptions { num_classes: Some(2), ..ListOptions::default() };
    let examined = examine(&file, &options).expect("a list");
    let lines: Vec<usize> = examined.list.records.iter().map(|record| record.line).collect();
    let codes: Vec<&str> = examined.failures.iter().map(VideoError::code).collect();
    assert_eq!(
        (lines, codes),
        (vec![1, 5], vec!["LIST_INVALID", "LABEL_OUT_OF_RANGE", "LIST_INVALID"])
    );
}
