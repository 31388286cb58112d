//! The files in which publishers ship lists and class names.

use std::path::{Path, PathBuf};

use timeweave_video::VideoError;
use timeweave_video::datasets::preset_names;
use timeweave_video::list::{
    ClassNames, Extent, ListFormat, ListOptions, ListPart, Lossy, RecordList, WriteOptions, parse,
    read, render,
};

fn rows(list: &RecordList) -> Vec<(&str, Extent, &[usize])> {
    list.records.iter().map(|one| (one.input.as_str(), one.extent, &one.labels[..])).collect()
}

fn auto(text: &str) -> RecordList {
    parse(text, Path::new("lists/a.txt"), &ListOptions::default()).expect(text)
}

fn named(text: &str, format: ListFormat) -> Result<RecordList, VideoError> {
    parse(text, Path::new("lists/a.txt"), &ListOptions { format, ..ListOptions::default() })
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, text).expect("a file");
    file
}

#[test]
fn something_something_and_jester_name_their_classes() {
    let folder = tempfile::tempdir().expect("a folder");
    let labels =
        write(folder.path(), "labels.csv", "Holding something\nTurning something upside down\n");
    let train = write(
        folder.path(),
        "v1.csv",
        "100218;Turning something upside down\n24413;Holding something\n",
    );
    let options = ListOptions { classes: Some(labels.clone()), ..ListOptions::default() };
    let list = read(&train, &options).expect("a list");
    assert_eq!(list.format, ListFormat::IdName);
    assert_eq!(rows(&list), [("100218", Extent::Whole, &[1][..]), ("24413", Extent::Whole, &[0])]);
    let error = read(&train, &ListOptions::default()).expect_err("no class names");
    assert_eq!(error.code(), "INVALID_OPTION");
    assert!(error.to_string().contains("classes"), "{error}");
    let other = write(folder.path(), "bad.csv", "1;Holding something\n2;Holding nothing\n");
    let error = read(&other, &options).expect_err("an unknown class");
    assert!(error.to_string().contains("bad.csv:2: expected a class of"), "{error}");

    let names = write(
        folder.path(),
        "labels.json",
        r#"{"Holding something":"0","Turning something upside down":"1"}"#,
    );
    let json = r#"[{"id":"78687","label":"holding a cup","template":"Holding [something]","placeholders":["a cup"]},
        {"id":42326,"template":"Turning [something] upside down"}]"#;
    let train = write(folder.path(), "train.json", json);
    let options = ListOptions { classes: Some(names), ..ListOptions::default() };
    let list = read(&train, &options).expect("a list");
    assert_eq!(list.format, ListFormat::SomethingJson);
    assert_eq!(
        rows(&list),
        [("78687.webm", Extent::Whole, &[0][..]), ("42326.webm", Extent::Whole, &[1])]
    );
    // Extracted frames lie in folders named by the id.
    std::fs::create_dir(folder.path().join("78687")).expect("a folder");
    assert_eq!(rows(&read(&train, &options).expect("a list"))[0].0, "78687");
    let broken = write(folder.path(), "broken.json", "[{\"id\": \"1\"},\n {\"id\": }]");
    let error = read(&broken, &options).expect_err("no JSON");
    assert!(matches!(error, VideoError::ListInvalid { line: 2, .. }), "{error}");

    let classes = ClassNames::read(&labels).expect("names");
    for format in [ListFormat::IdName, ListFormat::SomethingJson] {
        let options = WriteOptions {
            format,
            separator: None,
            classes: Some(&classes),
            lossy: Lossy::Refused,
        };
        let text = render(&list.records, &train, &options).expect("a list");
        assert!(text.contains("78687") && text.contains("Holding something"), "{text}");
    }
}

#[test]
fn kinetics_tables_are_read_by_their_header_and_placed_as_the_videos_lie() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "label,youtube_id,time_start,time_end,split,is_cc\n\
        \"air drumming\",-0hE4wUjYZo,1,11,train,0\nabseiling,aaaaaaaaaaa,12,22,train,0\n";
    let file = write(folder.path(), "train.csv", text);
    let classes = write(folder.path(), "classes.txt", "abseiling\nair_drumming\n");
    let options = ListOptions { classes: Some(classes), ..ListOptions::default() };
    let first = |options: &ListOptions| read(&file, options).expect("a list").records[0].clone();
    assert_eq!(first(&options).input, "air drumming/-0hE4wUjYZo_000001_000011.mp4");
    assert_eq!(first(&options).labels, [1]);
    std::fs::create_dir_all(folder.path().join("air_drumming/-0hE4wUjYZo_000001_000011"))
        .expect("frames");
    assert_eq!(first(&options).input, "air_drumming/-0hE4wUjYZo_000001_000011");
    // A table with all classes numbers them itself, in the order of the alphabet.
    let whole = ListOptions { num_classes: Some(2), ..ListOptions::default() };
    assert_eq!(first(&whole).labels, [1]);
    assert_eq!(
        read(&file, &ListOptions::default()).expect_err("no names").code(),
        "INVALID_OPTION"
    );
    let bad = write(folder.path(), "bad.csv", &text.replace(",12,22,", ",soon,22,"));
    let error = read(&bad, &whole).expect_err("no seconds");
    assert!(
        error.to_string().contains("bad.csv:3: expected seconds for time_start (column 3)"),
        "{error}"
    );
    let short = write(folder.path(), "short.csv", &text.replace(",12,22,", ",12,"));
    assert!(
        read(&short, &whole).expect_err("a column less").to_string().contains("expected 6 columns")
    );

    let list = read(&file, &whole).expect("a list");
    let names = ClassNames::of(["abseiling", "air drumming"], "names").expect("names");
    let options = WriteOptions {
        format: ListFormat::KineticsCsv,
        separator: None,
        classes: Some(&names),
        lossy: Lossy::Refused,
    };
    let text = render(&list.records, &file, &options).expect("a table");
    assert_eq!(
        text,
        "label,youtube_id,time_start,time_end\nair drumming,-0hE4wUjYZo,1,11\nabseiling,aaaaaaaaaaa,12,22\n"
    );
}

#[test]
fn moments_ucf_hmdb_and_tables_of_frames_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let categories =
        write(folder.path(), "moments_categories.txt", "clapping,0\nadult+male+singing,1\n");
    let moments = write(
        folder.path(),
        "trainingSet.csv",
        "adult+male+singing/yt-a_1.mp4,adult+male+singing,4,0\n",
    );
    let options = ListOptions { classes: Some(categories), ..ListOptions::default() };
    let list = read(&moments, &options).expect("a list");
    assert_eq!(list.format, ListFormat::MomentsCsv);
    assert_eq!(rows(&list), [("adult+male+singing/yt-a_1.mp4", Extent::Whole, &[1][..])]);
    let names = ClassNames::of(["clapping", "adult+male+singing"], "names").expect("names");
    let to = |format| WriteOptions {
        format,
        separator: None,
        classes: Some(&names),
        lossy: Lossy::Refused,
    };
    let again = render(&list.records, &list.file, &to(ListFormat::MomentsCsv)).expect("a list");
    assert_eq!(again, "adult+male+singing/yt-a_1.mp4,adult+male+singing\n");
    let copy = write(folder.path(), "copy.csv", &again);
    let options = ListOptions { format: ListFormat::MomentsCsv, ..options };
    assert_eq!(rows(&read(&copy, &options).expect("a list")), rows(&list));
    for (format, why) in
        [(ListFormat::Hmdb51Split, "every class"), (ListFormat::FrameList, "every image")]
    {
        let error = render(&list.records, &list.file, &to(format)).expect_err(why);
        assert!(error.code() == "INVALID_OPTION" && error.to_string().contains(why), "{error}");
    }

    let ucf = auto("ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1\nYoYo/v_YoYo_g01_c02.avi 101\n");
    assert_eq!(ucf.format, ListFormat::Ucf101Split);
    assert_eq!(rows(&ucf)[1], ("YoYo/v_YoYo_g01_c02.avi", Extent::Whole, &[100][..]));
    let test = auto("HandstandPushups/v_HandStandPushups_g01_c01.avi\n");
    assert_eq!(test.records[0].labels, [36]);
    // The same lines with labels from 0 are another project's.
    let plain =
        auto("ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 0\nYoYo/v_YoYo_g01_c02.avi 100\n");
    assert_eq!((plain.format, &plain.records[1].labels[..]), (ListFormat::PathLabel, &[100][..]));
    let wrong =
        named("YoYo/v_YoYo_g01_c02.avi 7\n", ListFormat::Ucf101Split).expect_err("another class");
    assert!(wrong.to_string().contains("expected 101 (YoYo in UCF101) for label"), "{wrong}");
    let options = WriteOptions {
        format: ListFormat::Ucf101Split,
        separator: None,
        classes: None,
        lossy: Lossy::Refused,
    };
    let text = render(&ucf.records, &ucf.file, &options).expect("a list");
    assert_eq!(
        text,
        "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1\nYoYo/v_YoYo_g01_c02.avi 101\n"
    );

    let hmdb =
        write(folder.path(), "brush_hair_test_split1.txt", "a b.avi 1 \nc.avi 2 \nd.avi 0 \n");
    let part = |part| ListOptions { part: Some(part), ..ListOptions::default() };
    let train = read(&hmdb, &part(ListPart::Train)).expect("a list");
    assert_eq!(
        (train.format, rows(&train)),
        (ListFormat::Hmdb51Split, vec![("brush_hair/a b.avi", Extent::Whole, &[0][..])])
    );
    assert_eq!(rows(&read(&hmdb, &part(ListPart::Test)).expect("a list"))[0].0, "brush_hair/c.avi");
    assert_eq!(read(&hmdb, &ListOptions::default()).expect_err("no part").code(), "INVALID_OPTION");

    let frames = "original_vido_id video_id frame_id path labels\n\
        46GP8 0 0 46GP8/46GP8-000001.jpg \"1,5\"\n46GP8 0 1 46GP8/46GP8-000002.jpg \"1,5\"\n\
        N11GT 1 0 N11GT/N11GT-000001.jpg \"\"\n";
    let list = auto(frames);
    assert_eq!(list.format, ListFormat::FrameList);
    assert_eq!(
        rows(&list),
        [("46GP8", Extent::Count(2), &[1, 5][..]), ("N11GT", Extent::Count(1), &[])]
    );
    let hole = named(&frames.replace("46GP8-000002", "46GP8-000003"), ListFormat::FrameList)
        .expect_err("a hole");
    assert!(hole.to_string().contains("a.txt:3: expected frame 2 of 46GP8"), "{hole}");
}

#[test]
fn files_of_class_names_are_read_in_every_form() {
    let parse = |text: &str| ClassNames::parse(text, Path::new("labels"));
    let expected = ["abseiling", "air drumming"];
    for text in [
        "abseiling\nair drumming\n",
        "\u{feff}abseiling\r\n\r\nair drumming",
        "1 abseiling\n2 air drumming\n",
        "0 abseiling\n1 air drumming\n",
        "air drumming,1\nabseiling,0\n",
        "id,name\n0,abseiling\n1,\"air drumming\"\n",
        r#"["abseiling","air drumming"]"#,
        r#"{"air drumming":1,"abseiling":"0"}"#,
        r#"{"\"air drumming\"":1,"abseiling":0}"#,
    ] {
        let names = parse(text).expect(text);
        assert_eq!(names.names(), expected, "{text:?}");
        assert_eq!(names.number("[Air]_drumming"), Some(1));
        assert_eq!(names.number("yodelling"), None);
    }
    for (text, code) in [
        ("", "EMPTY_LIST"),
        ("a\nb\na\n", "LIST_INVALID"),
        ("1 a\n3 b\n", "LIST_INVALID"),
        ("a,0\nb,0\n", "LIST_INVALID"),
        ("{\"a\":0,\"b\":2}", "LIST_INVALID"),
        ("{\"a\":\"x\"}", "LIST_INVALID"),
        ("[1]", "LIST_INVALID"),
        ("[\"a\"", "LIST_INVALID"),
    ] {
        assert_eq!(parse(text).expect_err(text).code(), code, "{text:?}");
    }
    assert_eq!(preset_names("kinetics400").expect("names").names()[5], "archery");
    assert_eq!(
        ClassNames::read(Path::new("no/such")).expect_err("no file").code(),
        "FILE_NOT_FOUND"
    );
}
