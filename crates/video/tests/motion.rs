//! The demonstration's data set: real files, the same for a seed, and nothing in one frame that tells the direction.

use std::path::Path;

use timeweave_video::list::{self, ListOptions};
use timeweave_video::motion::{CLASSES, MotionConfig, Track, draw, generate};
use timeweave_video::random::Draws;
use timeweave_video::{OpenOptions, RgbImage, open, write_video};

fn small() -> MotionConfig {
    MotionConfig { train_clips: 10, val_clips: 5, ..MotionConfig::default() }
}

fn decoded(path: &Path) -> Vec<RgbImage> {
    let mut source = open(path, &OpenOptions::default()).expect("a video");
    let frames = source.frame_count().expect("frames");
    source.frames(&(0..frames).collect::<Vec<_>>()).expect("frames")
}

fn difference(a: &RgbImage, b: &RgbImage) -> f64 {
    let sum: f64 = a.data.iter().zip(&b.data).map(|(&a, &b)| f64::from(a.abs_diff(b))).sum();
    sum / a.data.len() as f64
}

#[test]
fn the_data_set_is_real_files_and_lists_and_the_same_for_a_seed() {
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let mut reports = Vec::new();
    let data =
        generate(folders[0].path(), &small(), &mut |done, total| reports.push((done, total)))
            .expect("data");
    assert_eq!(reports, (0..=15).map(|done| (done, 15)).collect::<Vec<_>>());
    generate(folders[1].path(), &small(), &mut |_, _| ()).expect("data");
    assert_eq!(std::fs::read_to_string(&data.classes).expect("classes"), "left\nright\nup\ndown\n");
    let options = ListOptions { num_classes: Some(CLASSES.len()), ..ListOptions::default() };
    for (file, clips) in [(&data.train, 10), (&data.val, 5)] {
        let list = list::read(file, &options).expect("a list");
        let labels: Vec<_> = list.records.iter().map(|record| record.labels[0]).collect();
        assert_eq!(labels, (0..clips).map(|clip| clip % 4).collect::<Vec<_>>());
        for record in &list.records {
            let frames = decoded(&record.path);
            assert_eq!((frames.len(), frames[0].width, frames[0].height), (8, 48, 48));
            let again = decoded(&folders[1].path().join(&record.input));
            assert!(frames == again, "{}", record.input);
        }
    }
    let first = |split: &str| decoded(&folders[0].path().join(split).join("00000.mp4")).remove(0);
    assert!(difference(&first("train"), &first("val")) > 10.0, "validation has its own textures");
}

#[test]
fn a_file_holds_what_was_drawn() {
    let folder = tempfile::tempdir().expect("a folder");
    for class in 0..4 {
        let drawn = draw(&MotionConfig::default(), class, 5).expect("a clip");
        assert_eq!(drawn, draw(&MotionConfig::default(), class, 5).expect("a clip"));
        let path = folder.path().join("clip.mp4");
        write_video(&path, &drawn, 12.0).expect("a video");
        for (a, b) in drawn.iter().zip(decoded(&path)) {
            // Colour is stored at half the size, which the fine textures show.
            assert!(difference(a, &b) < 12.0, "{}", difference(a, &b));
        }
        // The patch moves, the background does not: some pixels change and most stay.
        for pair in drawn.windows(2) {
            let changed =
                pair[0].data.chunks(3).zip(pair[1].data.chunks(3)).filter(|(a, b)| a != b).count();
            assert!((20..400).contains(&changed), "{changed} of 2304 pixels change");
        }
    }
    assert_ne!(draw(&MotionConfig::default(), 0, 5), draw(&MotionConfig::default(), 0, 6));
}

#[test]
fn the_same_frames_give_the_same_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("clip.mp4");
    for seed in [76, 165, 193] {
        let frames = draw(&MotionConfig::default(), seed as usize % 4, seed).expect("a clip");
        let write = || {
            write_video(&path, &frames, 12.0).expect("a video");
            std::fs::read(&path).expect("a file")
        };
        // With x264's macroblock tree one of some ten files of these clips differed.
        let first = write();
        assert!((0..100).all(|_| write() == first), "seed {seed}");
    }
}

#[test]
fn the_patch_moves_in_the_direction_of_its_class() {
    let directions = [(-1, 0), (1, 0), (0, -1), (0, 1)];
    for (class, direction) in directions.into_iter().enumerate() {
        for clip in 0..100 {
            let track = Track::draw(48, class, &mut Draws::new(1, 0, clip));
            assert!((8..=13).contains(&track.side), "{track:?}");
            let speed = track.step.0.abs().max(track.step.1.abs());
            assert!((3..=5).contains(&speed), "{track:?}");
            assert_eq!((track.step.0.signum(), track.step.1.signum()), direction);
            let (from, to) = (track.place(6), track.place(7));
            let moved = |from: usize, to: usize| (to as i64 - from as i64).rem_euclid(48);
            let expected = (track.step.0.rem_euclid(48), track.step.1.rem_euclid(48));
            assert_eq!((moved(from.0, to.0), moved(from.1, to.1)), expected);
        }
    }
}

#[test]
fn the_place_of_the_patch_in_any_one_frame_is_uniform_for_every_class() {
    const CLIPS: u64 = 4000;
    const BINS: usize = 8;
    for class in 0..4 {
        for frame in [0, 3, 7] {
            let mut counts = [[0_u32; BINS]; 2];
            for clip in 0..CLIPS {
                // Every class has its own clips, as in a data set.
                let (x, y) =
                    Track::draw(48, class, &mut Draws::new(2, class as u64, clip)).place(frame);
                counts[0][x * BINS / 48] += 1;
                counts[1][y * BINS / 48] += 1;
            }
            for axis in counts {
                let expected = CLIPS as f64 / BINS as f64;
                let chi2: f64 =
                    axis.iter().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum();
                // 7 degrees of freedom: 29.9 is passed by chance once in 10 000 draws; 24 axes are tested, seeds are fixed.
                assert!(chi2 < 29.9, "class {class} frame {frame}: {axis:?}");
            }
        }
    }
}

#[test]
fn everything_but_the_direction_is_drawn_alike_for_all_classes() {
    let clips: Vec<_> =
        (0..4).map(|class| draw(&MotionConfig::default(), class, 9).expect("a clip")).collect();
    assert!(
        clips.iter().all(|clip| clip[0] == clips[0][0]),
        "the first frame is the same whatever the class"
    );
    for (a, b) in [(0, 1), (0, 2), (2, 3)] {
        assert_ne!(clips[a][1], clips[b][1]);
    }
}

#[test]
fn backgrounds_can_come_from_the_users_videos() {
    let folder = tempfile::tempdir().expect("a folder");
    let videos = folder.path().join("videos");
    std::fs::create_dir(&videos).expect("a folder");
    // One colour a video: red for training, blue for validation.
    for (name, colour) in [("a.mp4", [200, 30, 30]), ("b.mp4", [30, 30, 200])] {
        let still = RgbImage::new(96, 64, colour.repeat(96 * 64)).expect("an image");
        write_video(&videos.join(name), &vec![still; 10], 10.0).expect("a video");
    }
    std::fs::write(videos.join("notes.txt"), "no video").expect("a file");
    let config = MotionConfig { backgrounds: Some(videos.clone()), ..small() };
    let out = folder.path().join("data");
    let data = generate(&out, &config, &mut |_, _| ()).expect("data");
    assert_eq!(data.skipped.len(), 1);
    assert!(data.skipped[0].0.ends_with("notes.txt") && data.skipped[0].1.code() == "NOT_A_VIDEO");
    for (split, main) in [("train", 0), ("val", 2)] {
        let frame = decoded(&out.join(split).join("00000.mp4")).remove(0);
        // A picture of one colour keeps a quarter of its distance from grey: 200 becomes 146, 30 becomes 104.
        let is_muted = |pixel: &&[u8]| {
            (136..156).contains(&pixel[main]) && (94..114).contains(&pixel[2 - main])
        };
        let most = frame.data.chunks(3).filter(is_muted).count();
        assert!(most > 48 * 48 / 2, "{split}: {most}");
    }
    std::fs::remove_file(videos.join("a.mp4")).expect("removed");
    generate(&out, &config, &mut |_, _| ()).expect("one video is enough");
    std::fs::remove_file(videos.join("b.mp4")).expect("removed");
    let code = |config: &MotionConfig| {
        generate(&out, config, &mut |_, _| ()).expect_err("no background").code()
    };
    assert_eq!(code(&config), "NO_FRAMES");
    assert_eq!(
        code(&MotionConfig { backgrounds: Some(folder.path().join("none")), ..small() }),
        "FILE_NOT_FOUND"
    );
}

#[test]
fn impossible_settings_are_errors_that_name_the_field() {
    let cases = [
        ("trainClips", MotionConfig { train_clips: 0, ..small() }),
        ("valClips", MotionConfig { val_clips: usize::MAX, ..small() }),
        ("frames", MotionConfig { frames: 1, ..small() }),
        ("size", MotionConfig { size: 47, ..small() }),
        ("size", MotionConfig { size: 8, ..small() }),
    ];
    for (name, config) in cases {
        let error = draw(&config, 0, 0).expect_err(name);
        assert_eq!(error.code(), "INVALID_OPTION");
        assert!(error.to_string().contains(&format!(" for {name} but received ")), "{error}");
    }
    assert_eq!(draw(&small(), 4, 0).expect_err("no such class").code(), "INVALID_OPTION");
}
