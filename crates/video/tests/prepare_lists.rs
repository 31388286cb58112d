//! Lists out of folders of classes and publishers' files, and lists converted.

mod made;
#[expect(dead_code, reason = "what the pictures show is not read here")]
mod numbered;

use std::fs;

use made::{quiet, text, video};
use serde_json::json;
use timeweave_video::VideoError;
use timeweave_video::prepare::lists::{ListsConfig, ListsResult, make};

fn lists(config: serde_json::Value) -> Result<ListsResult, VideoError> {
    make(&serde_json::from_value::<ListsConfig>(config).expect("a configuration"), quiet())
}

#[test]
fn a_folder_of_classes_becomes_lists() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("videos");
    for (name, frames) in [
        ("wave left/a.mp4", 5),
        ("wave left/b c.MP4", 6),
        ("wave right/ä.mp4", 7),
        ("jump/d.mp4", 8),
    ] {
        video(&root.join(name), frames);
    }
    fs::write(root.join("jump/notes.txt"), "").expect("a file");
    let source = json!({ "type": "folder", "folder": root });
    let out = folder.path().join("lists");
    let made = lists(json!({ "source": source, "out": out })).expect("lists");
    assert_eq!(
        text(out.join("list.txt")),
        "jump/d.mp4 0\nwave left/a.mp4 1\nwave left/b c.MP4 1\nwave right/ä.mp4 2\n"
    );
    assert_eq!(text(out.join("classes.txt")), "jump\nwave left\nwave right\n");
    assert_eq!(
        (made.num_classes, made.mirror_pairs, made.lists[0].missing),
        (Some(3), vec![(1, 2)], 0)
    );
    lists(json!({ "source": source, "out": out, "count": true })).expect("lists");
    assert!(text(out.join("list.txt")).starts_with("jump/d.mp4 8 0\nwave left/a.mp4 5 1\n"));

    let parted = json!({ "type": "folder", "folder": root, "val": 0.5, "seed": 3 });
    let made = lists(json!({ "source": parted, "out": out })).expect("lists");
    assert_eq!(
        made.lists.iter().map(|list| list.records).collect::<Vec<_>>().iter().sum::<usize>(),
        4
    );
    let train = text(out.join("train.txt"));
    assert!(text(out.join("val.txt")).lines().all(|line| !train.contains(line)));
    for class in ["jump", "wave left", "wave right"] {
        assert!(train.contains(class), "no class is held back whole: {train}");
    }
    lists(json!({ "source": parted, "out": out })).expect("lists");
    assert_eq!(text(out.join("train.txt")), train, "the same seed gives the same parts");
    for (config, field) in [
        (json!({ "type": "folder", "folder": root, "val": 1.5 }), "val"),
        (json!({ "type": "folder", "folder": root.join("jump") }), "folder"),
    ] {
        let error = lists(json!({ "source": config, "out": out })).expect_err(field);
        assert!(error.to_string().contains(&format!(" for {field} ")), "{error}");
    }
}

#[test]
fn a_folder_that_is_parted_already_keeps_its_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["train/a/1.mp4", "train/b/2.mp4", "validation/b/3.mp4"] {
        video(&folder.path().join("data").join(name), 2);
    }
    let source = json!({ "type": "folder", "folder": folder.path().join("data") });
    lists(json!({ "source": source, "out": folder.path() })).expect("lists");
    assert_eq!(text(folder.path().join("train.txt")), "train/a/1.mp4 0\ntrain/b/2.mp4 1\n");
    assert_eq!(text(folder.path().join("val.txt")), "validation/b/3.mp4 1\n");
}

#[test]
fn publishers_files_become_lists() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("a file");
    };
    write(
        "ucf/ucfTrainTestlist/trainlist01.txt",
        "YoYo/v_YoYo_g08_c01.avi 101\r\nArchery/v_Archery_g08_c01.avi 3\r\n",
    );
    write("ucf/ucfTrainTestlist/testlist01.txt", "Archery/v_Archery_g01_c01.avi\r\n");
    let out = folder.path().join("out");
    let dataset = |id: &str, place: &str| {
        let source =
            json!({ "type": "dataset", "dataset": id, "annotations": folder.path().join(place) });
        lists(json!({ "source": source, "out": out }))
    };
    let made = dataset("ucf101", "ucf").expect("lists");
    assert_eq!(
        text(out.join("train_split1.txt")),
        "YoYo/v_YoYo_g08_c01.avi 100\nArchery/v_Archery_g08_c01.avi 2\n"
    );
    assert_eq!(text(out.join("test_split1.txt")), "Archery/v_Archery_g01_c01.avi 2\n");
    assert_eq!((made.lists.len(), made.num_classes, made.lists[0].missing), (2, Some(101), 2));
    assert_eq!(text(out.join("classes.txt")).lines().nth(2), Some("Archery"));

    for class in
        timeweave_video::datasets::preset("hmdb51").expect("a preset").class_names().expect("names")
    {
        write(
            &format!("hmdb/{class}_test_split2.txt"),
            &format!("{class}_1.avi 1 \n{class}_2.avi 2 \n{class}_3.avi 0 \n"),
        );
    }
    let made = dataset("hmdb51", "hmdb").expect("lists");
    assert_eq!(made.lists.iter().map(|list| list.records).collect::<Vec<_>>(), [51, 51]);
    assert!(text(out.join("test_split2.txt")).ends_with("wave/wave_2.avi 50\n"));
    fs::remove_file(folder.path().join("hmdb/wave_test_split2.txt")).expect("a file");
    assert_eq!(dataset("hmdb51", "hmdb").expect_err("a class less").code(), "FILE_NOT_FOUND");

    write("jester/jester-v1-train.csv", "34870;Swiping Left\n56557;Drumming Fingers\n");
    write("jester/jester-v1-test.csv", "17\n18\n");
    let made = dataset("jester", "jester").expect("lists");
    assert_eq!(text(out.join("train.txt")), "34870 0\n56557 24\n");
    assert_eq!(text(out.join("test.txt")), "17\n18\n");
    assert_eq!(made.mirror_pairs, [(0, 1), (6, 7), (14, 15)]);

    let names: Vec<String> = (0..313).map(|n| format!("class{n},{n}")).collect();
    let names = names.join("\n");
    write("mmit/moments_categories.txt", &names);
    write("mmit/trainingSet.csv", "a.mp4,3,5\nb.mp4,312,0\n");
    dataset("multi-moments", "mmit").expect("lists");
    assert_eq!(text(out.join("train.txt")), "a.mp4 3,5\nb.mp4 312,0\n");
    write("mmit/trainingSet.csv", "a.mp4,3,313\n");
    assert_eq!(
        dataset("multi-moments", "mmit").expect_err("no class").code(),
        "LABEL_OUT_OF_RANGE"
    );
    write("mmit/moments_categories.txt", "a,0\n");
    assert_eq!(dataset("multi-moments", "mmit").expect_err("one class").code(), "INVALID_OPTION");

    let table: Vec<String> = (0..600).map(|n| format!("class {n:03},id{n},0,10,train")).collect();
    let table = table.join("\n");
    write("k600/train.csv", &format!("label,youtube_id,time_start,time_end,split\n{table}"));
    dataset("kinetics600", "k600").expect("lists");
    assert!(text(out.join("train.txt")).starts_with("class 000/id0_000000_000010.mp4 0\n"));
    for (id, place) in
        [("kinetics700", "k600"), ("something-v2", "k600"), ("ufc", "k600"), ("jester", "k600")]
    {
        assert_eq!(dataset(id, place).expect_err(id).code(), "INVALID_OPTION", "{id}");
    }
}

#[test]
fn lists_are_converted_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let from = folder.path().join("from.txt");
    let out = folder.path().join("to.txt");
    fs::write(&from, "x/a b.mp4;1;30;5\nc;11;20;6\n").expect("a list");
    let convert = |to: &str, lossy: bool| {
        let source = json!({ "type": "list", "list": from });
        lists(json!({ "source": source, "out": out, "to": to, "lossy": lossy }))
    };
    assert_eq!(convert("tsm", false).expect_err("a range").code(), "LIST_LOSSY");
    assert!(!out.exists());
    convert("mmaction2-rawframes-offset", false).expect("a list");
    assert_eq!(text(&out), "x/a b.mp4 0 30 5\nc 10 10 6\n");
    convert("path-label", true).expect("a list");
    assert_eq!(text(&out), "x/a b.mp4 5\nc 6\n");
    let leftover = fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(leftover, 2, "drafts are gone");
}
