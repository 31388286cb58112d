//! What the loader holds: memory that goes round, a bounded number of samples ahead, views and mirrored labels in batches.

mod numbered_folders;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use numbered_folders::{folder_list, list_of};
use timeweave_video::dataset::{Dataset, DatasetOptions};
use timeweave_video::list::{self, ListOptions};
use timeweave_video::loader::{Loader, LoaderOptions};
use timeweave_video::transform::{Preprocess, Stack, TestViews};
use timeweave_video::{Buffer, OpenOptions};

fn options(root: &Path) -> (timeweave_video::RecordList, DatasetOptions) {
    let list = list::read(&root.join("list.txt"), &ListOptions::default()).expect("a list");
    let options = DatasetOptions {
        preprocess: Preprocess { scale_size: 18, crop_size: 16, ..Preprocess::default() },
        num_frames: 4,
        stack: Stack::Rgb,
        views: None,
        is_train: true,
        seed: 7,
        open: OpenOptions::default(),
    };
    (list, options)
}

fn dataset(root: &Path) -> Arc<Dataset> {
    let (list, options) = options(root);
    Arc::new(Dataset::new(list, options).expect("a data set"))
}

#[test]
fn dropped_batches_give_their_memory_to_the_next() {
    let root = folder_list(20, 100);
    let options = LoaderOptions { batch_size: 4, workers: 2, ..LoaderOptions::default() };
    let loader = Loader::new(dataset(root.path()), 0, options).expect("a loader");
    let mut places = BTreeSet::new();
    let mut count = 0;
    for batch in loader {
        places.insert(batch.expect("a batch").clips.as_ptr());
        count += 1;
    }
    assert_eq!((count, places.len()), (25, 1));
    // Two that live at a time take two places, however many there are.
    let loader = Loader::new(dataset(root.path()), 0, options).expect("a loader");
    let mut places = BTreeSet::new();
    let mut before: Option<Buffer> = None;
    for batch in loader {
        let clips = batch.expect("a batch").clips;
        places.insert(clips.as_ptr());
        before = Some(clips);
    }
    // A batch outlives its loader.
    assert_eq!((places.len(), before.expect("a batch").len()), (2, 4 * 4 * 3 * 16 * 16));
}

#[cfg(target_os = "linux")]
fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("the status");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("VmRSS");
    line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
}

#[cfg(target_os = "linux")]
#[test]
fn memory_stays_flat_over_ten_thousand_clips() {
    let root = folder_list(50, 10_000);
    let data = dataset(root.path());
    let options =
        LoaderOptions { batch_size: 16, workers: 2, shuffle: true, ..LoaderOptions::default() };
    let mut loader = Loader::new(data, 0, options).expect("a loader");
    let mut clips = 0;
    let mut take = |until: usize| {
        let mut peak = 0;
        while clips < until {
            clips += loader.next().expect("a batch").expect("no error").labels.len();
            peak = peak.max(resident_kib());
        }
        peak
    };
    let early = take(2000);
    let late = take(10_000);
    println!("checked: 10000 clips, {early} KiB at most in the first 2000 and {late} KiB after");
    // The batches of 800 clips more would not fit into this.
    assert!(late < early + 2048, "{early} KiB became {late} KiB");
}

#[test]
fn no_more_samples_are_made_than_the_window_holds() {
    let root = folder_list(40, 40);
    let data = dataset(root.path());
    for (prefetch, workers) in [(1, 1), (1, 3), (4, 2)] {
        let options =
            LoaderOptions { batch_size: 3, workers, prefetch, ..LoaderOptions::default() };
        assert_eq!(options.window(), 3 * prefetch + 2 * workers);
        // Folders that are not there yet when their turn has not come: samples beyond the window must not be opened.
        let hidden = root.path().join("hidden");
        let beyond = options.window() + 1;
        let name = |clip: usize| root.path().join(format!("clip{clip}"));
        std::fs::create_dir_all(&hidden).expect("a folder");
        for clip in beyond..40 {
            std::fs::rename(name(clip), hidden.join(clip.to_string())).expect("moved");
        }
        let mut loader = Loader::new(Arc::clone(&data), 0, options).expect("a loader");
        std::thread::sleep(Duration::from_millis(300));
        for clip in beyond..40 {
            std::fs::rename(hidden.join(clip.to_string()), name(clip)).expect("moved");
        }
        assert_eq!(
            loader.by_ref().map(|batch| batch.expect("no error").labels.len()).sum::<usize>(),
            40
        );
    }
}

#[test]
fn prefetch_changes_no_batch_and_impossible_ones_are_named() {
    let root = folder_list(11, 11);
    let data = dataset(root.path());
    let batches = |prefetch| -> Vec<_> {
        let options = LoaderOptions {
            batch_size: 2,
            workers: 2,
            shuffle: true,
            prefetch,
            ..LoaderOptions::default()
        };
        let loader = Loader::new(Arc::clone(&data), 5, options).expect("a loader");
        loader.collect::<Result<Vec<_>, _>>().expect("no error")
    };
    assert!(batches(1) == batches(8));
    for prefetch in [0, 65] {
        let options = LoaderOptions { prefetch, ..LoaderOptions::default() };
        let Err(error) = Loader::new(Arc::clone(&data), 0, options) else { panic!("{prefetch}") };
        assert!(error.to_string().contains("prefetch"), "{error}");
    }
}

#[test]
fn views_lie_one_after_the_other_in_a_batch() {
    let root = folder_list(5, 5);
    let (list, options) = options(root.path());
    let views = TestViews { clips: Some(2), crops: 3, ..TestViews::default() };
    let options = DatasetOptions { views: Some(views), is_train: false, ..options };
    let data = Arc::new(Dataset::new(list.clone(), options.clone()).expect("a data set"));
    let loader_options = LoaderOptions { batch_size: 2, workers: 2, ..LoaderOptions::default() };
    let batches: Vec<_> = Loader::new(Arc::clone(&data), 0, loader_options)
        .expect("a loader")
        .collect::<Result<_, _>>()
        .expect("no error");
    assert_eq!(batches.iter().map(|batch| batch.shape[0]).collect::<Vec<_>>(), [12, 12, 6]);
    let second = data.get(0, 1).expect("a sample");
    assert_eq!((batches[0].views, second.clip.views), (6, 6));
    assert!(batches[0].clips[second.clip.data.len()..] == second.clip.data[..]);
    assert_eq!(batches[0].frames[1], second.frames);
    assert_eq!(second.frames.len(), 8);
    let training = DatasetOptions { is_train: true, ..options };
    let error = Dataset::new(list, training).expect_err("no views in training");
    assert!(error.to_string().contains("views"), "{error}");
}

#[test]
fn a_mirrored_clip_has_the_label_of_its_counterpart() {
    let root = folder_list(6, 60);
    list_of(root.path(), (0..60).map(|line| (line % 6, if line % 3 == 0 { "0,2" } else { "1" })));
    let (list, options) = options(root.path());
    let with_pairs = |flip_labels| {
        let preprocess = Preprocess { flip_labels, ..options.preprocess.clone() };
        Dataset::new(list.clone(), DatasetOptions { preprocess, ..options.clone() })
            .expect("a data set")
    };
    let (swapping, plain) = (with_pairs(Some(vec![[0, 1]])), with_pairs(None));
    let mut mirrored = 0;
    for index in 0..60 {
        let (sample, same) =
            (swapping.get(0, index).expect("a sample"), plain.get(0, index).expect("a sample"));
        assert_eq!((&sample.clip, sample.mirrored), (&same.clip, same.mirrored));
        let own: &[usize] = if index % 3 == 0 { &[0, 2] } else { &[1] };
        let other: &[usize] = if index % 3 == 0 { &[1, 2] } else { &[0] };
        assert_eq!(same.labels, own);
        assert_eq!(sample.labels, if sample.mirrored { other } else { own });
        mirrored += usize::from(sample.mirrored);
    }
    assert!((15..45).contains(&mirrored), "{mirrored} of 60");
}
