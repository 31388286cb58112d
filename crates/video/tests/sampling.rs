//! Frame indices against the published code of the peers, and the rules for training and for impossible settings.

mod fixtures;

use serde_json::Value;
use timeweave_video::VideoError;
use timeweave_video::random::Draws;
use timeweave_video::sample::fair::{self, Window};
use timeweave_video::sample::mmaction::{Beyond, Clips};
use timeweave_video::sample::segments::{self, Dense};
use timeweave_video::sample::{
    Footage, MAX_FRAMES, Manner, Sampling, blvnet, eval_clips, eval_indices, numpy::Mt19937,
    train_indices,
};

struct Row<'a>(&'a Value);

impl Row<'_> {
    fn number(&self, field: &str) -> usize {
        self.0[field].as_u64().unwrap_or_else(|| panic!("{field} in {}", self.0)) as usize
    }

    fn is(&self, field: &str) -> bool {
        self.0[field].as_bool().unwrap_or(false)
    }

    fn expected(&self) -> Vec<usize> {
        let (list, origin) = match &self.0 {
            row if row.get("indices_1based").is_some() => (&row["indices_1based"], 1),
            row if row.get("indices_0based").is_some() => (&row["indices_0based"], 0),
            row => (&row["indices"], self.number("start_index")),
        };
        list.as_array()
            .expect("a list")
            .iter()
            .map(|v| v.as_u64().expect("an index") as usize - origin)
            .collect()
    }

    /// The indices by the formulas of this crate, and the sampling and number of clips by which the public function gives
    /// the same; none for what no setting reaches.
    fn actual(&self) -> (Vec<usize>, Option<(Sampling, usize)>) {
        let frames = self.number("frames");
        match self.0["sampler"].as_str().expect("a name") {
            name @ ("tsm_val" | "tsm_test" | "tin_val" | "tin_test" | "xtemporal_val"
            | "xtemporal_test") => self.segments(name, frames),
            "blvnet_uniform" => {
                let (groups, clips) = (self.number("num_groups"), self.number("num_clips"));
                let sampling = Sampling::Uniform { manner: Manner::Blvnet };
                (blvnet::uniform_clips(frames, groups, clips), Some((sampling, clips)))
            }
            "blvnet_dense" => {
                let (groups, clips) = (self.number("num_groups"), self.number("num_clips"));
                let stride = self.number("frames_per_group");
                let sampling = Sampling::Dense { manner: Manner::Blvnet, stride: Some(stride) };
                let dense = Dense::strided(groups, stride);
                (blvnet::dense_clips(frames, dense, clips), Some((sampling, clips)))
            }
            "mmaction2_test" => self.mmaction(frames),
            "fair_slowfast" => {
                let (num_frames, stride) =
                    (self.number("num_frames"), self.number("sampling_rate"));
                let (clips, use_offset) = (self.number("num_clips"), self.is("use_offset"));
                let size = (num_frames * stride) as f64;
                let window = Window { num_frames, size, clips, use_offset };
                let sampling = Sampling::Slowfast { stride, target_fps: None, use_offset };
                (window.indices(frames), Some((sampling, clips)))
            }
            name => panic!("a family that is not supported: {name}"),
        }
    }

    fn mmaction(&self, frames: usize) -> (Vec<usize>, Option<(Sampling, usize)>) {
        let beyond = match self.0["out_of_bound_opt"].as_str() {
            Some("repeat_last") => Beyond::RepeatLast,
            _ => Beyond::Loop,
        };
        let interval = self.0["frame_interval"].as_u64().map_or(1, |interval| interval as usize);
        let (length, clips) = (self.number("clip_len"), self.number("num_clips"));
        let twice = self.is("twice_sample");
        let sampling = match length {
            1 if twice => None,
            1 => Some((Sampling::Uniform { manner: Manner::Mmaction2 }, 1)),
            _ => Some((Sampling::Clip { stride: interval, beyond }, clips)),
        };
        (Clips { length, interval, clips, twice, beyond }.indices(frames), sampling)
    }

    fn segments(&self, name: &str, frames: usize) -> (Vec<usize>, Option<(Sampling, usize)>) {
        let n = self.number("num_segments");
        let test = name.ends_with("_test");
        if self.is("dense_sample") && name == "tsm_test" {
            let sampling = Sampling::Dense { manner: Manner::Tsm, stride: None };
            return (Dense::tsm(n).spread(frames, 10), Some((sampling, 10)));
        }
        if self.is("dense_sample") {
            let stride = self.number("dense_sample_rate");
            let dense = Dense::strided(n, stride);
            let sampling = Sampling::Dense { manner: Manner::XTemporal, stride: Some(stride) };
            return match self.number("temporal_samples") {
                1 if !test => (dense.centre(frames), Some((sampling, 1))),
                // X-Temporal's tests would take the first window for one clip; their code is dead there.
                1 => (dense.spread(frames, 1), None),
                clips => (dense.spread(frames, clips), Some((sampling, clips))),
            };
        }
        let length = self.number("new_length");
        if self.is("twice_sample") {
            return (
                segments::centres_and_starts(frames, n, length),
                Some((Sampling::Twice {}, 2)),
            );
        }
        let (indices, manner) = match name {
            "tsm_val" => (segments::centres_or_first(frames, n, length), Manner::Tsm),
            _ => (segments::centres(frames, n, length), Manner::XTemporal),
        };
        (indices, Some((Sampling::Uniform { manner }, 1)))
    }
}

#[test]
fn indices_equal_those_of_the_peers() {
    let rows = fixtures::json("sampling/indices.json");
    let (mut checked, mut through_the_api) = (0, 0);
    for row in rows.as_array().expect("a list of rows") {
        let row = Row(row);
        checked += 1;
        if row.0["sampler"] == "fair_pack_pathway" {
            let expected: Vec<usize> =
                serde_json::from_value(row.0["slow_indices_0based"].clone()).expect("indices");
            assert_eq!(
                fair::slow_path(row.number("num_frames"), row.number("alpha")),
                expected,
                "{}",
                row.0
            );
            continue;
        }
        let (actual, sampling) = row.actual();
        assert_eq!(actual, row.expected(), "{}", row.0);
        let Some((sampling, clips)) = sampling else { continue };
        let length = row.0["new_length"].as_u64().map_or(1, |length| length as usize);
        let footage = Footage { frames: row.number("frames"), fps: None, length };
        let num_frames = actual.len() / clips;
        let public = eval_clips(&sampling, footage, num_frames, clips).expect("possible settings");
        assert_eq!(public, actual, "{}", row.0);
        through_the_api += 1;
    }
    assert!(checked > 0 && through_the_api > 0);
    println!("checked: {checked} sampling rows, {through_the_api} of them by settings");
}

#[test]
fn numpys_legacy_generator_draws_the_same() {
    let cases = fixtures::json("sampling/numpy_legacy_choice.json");
    let cases = cases.as_array().expect("a list");
    for case in cases {
        let seed = case["seed"].as_u64().expect("a seed") as u32;
        let numbers = |field: &str| -> Vec<u64> {
            case[field]
                .as_array()
                .expect("a list")
                .iter()
                .map(|v| v.as_u64().expect("a number"))
                .collect()
        };
        let mut words = Mt19937::new(seed);
        for word in numbers("first_uint32") {
            assert_eq!(u64::from(words.next_word()), word, "{case}");
        }
        let n = case["n"].as_u64().expect("n") as u32;
        let drawn: Vec<_> =
            Mt19937::new(seed).choice(n, 16).into_iter().map(|i| i as u64).collect();
        assert_eq!(drawn, numbers("choice16_unsorted"), "{case}");
    }
    println!("checked: {} numpy draws", cases.len());
}

fn all_samplings() -> Vec<Sampling> {
    let manners = [Manner::XTemporal, Manner::Tsm, Manner::Blvnet, Manner::Mmaction2];
    let mut all: Vec<_> = manners.iter().map(|&manner| Sampling::Uniform { manner }).collect();
    all.extend(manners.iter().map(|&manner| Sampling::Dense { manner, stride: None }));
    all.push(Sampling::Dense { manner: Manner::XTemporal, stride: Some(3) });
    all.push(Sampling::Twice {});
    for use_offset in [true, false] {
        all.push(Sampling::Slowfast { stride: 2, target_fps: None, use_offset });
        all.push(Sampling::Slowfast { stride: 4, target_fps: Some(30.0), use_offset });
    }
    for beyond in [Beyond::Loop, Beyond::RepeatLast] {
        all.push(Sampling::Clip { stride: 3, beyond });
    }
    all.push(Sampling::Seconds { duration: 1.7, fps: None });
    all.push(Sampling::Seconds { duration: 0.01, fps: Some(12.0) });
    all
}

#[test]
fn every_sampling_gives_indices_inside_the_video_for_every_length() {
    for sampling in all_samplings() {
        for frames in [1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 300] {
            for (num_frames, length) in [(1, 1), (3, 6), (8, 1), (8, 5), (16, 1), (64, 1)] {
                let footage = Footage { frames, fps: Some(23.976), length };
                let within = |indices: &[usize]| {
                    // A stack of consecutive frames begins early enough where the video is long enough.
                    let last = frames.saturating_sub(length).max(frames.min(1) - 1);
                    indices.iter().all(|&index| index <= last)
                };
                for seed in 0..5 {
                    let draw = || {
                        train_indices(&sampling, footage, num_frames, &mut Draws::new(seed, 0, 0))
                            .expect("possible settings")
                    };
                    let train = draw();
                    assert_eq!(draw(), train);
                    assert_eq!(train.len(), num_frames);
                    assert!(within(&train), "{sampling:?} {footage:?} {train:?}");
                }
                for clips in [1, 2, 3, 10] {
                    let eval = eval_clips(&sampling, footage, num_frames, clips);
                    if sampling == (Sampling::Twice {}) && clips > 2 {
                        assert_eq!(eval.expect_err("two at most").code(), "INVALID_OPTION");
                        continue;
                    }
                    let eval = eval.expect("possible settings");
                    assert!(
                        eval.len() == num_frames * clips && within(&eval),
                        "{sampling:?} {footage:?} {eval:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn clips_of_a_test_are_different_and_spread_over_the_video() {
    let footage = Footage { frames: 300, fps: Some(30.0), length: 1 };
    for sampling in all_samplings() {
        let clips = sampling.default_clips().max(2);
        let indices = eval_clips(&sampling, footage, 8, clips).expect("possible settings");
        assert_ne!(indices[..8], indices[8..], "{sampling:?}");
    }
    let uniform = |manner| eval_clips(&Sampling::Uniform { manner }, footage, 4, 3);
    let spread = [12, 87, 162, 237, 37, 112, 187, 262, 62, 137, 212, 287];
    assert_eq!(uniform(Manner::XTemporal).expect("possible"), spread);
    assert_eq!(uniform(Manner::Mmaction2).expect("possible"), spread);
    let twice = eval_clips(&Sampling::Twice {}, footage, 4, 2).expect("possible");
    assert_eq!(twice, [37, 112, 187, 262, 0, 75, 150, 225]);
    assert_eq!(eval_indices(&Sampling::Twice {}, footage, 4).expect("possible"), twice[..4]);
}

#[test]
fn training_draws_one_frame_in_every_segment() {
    let own = Sampling::Uniform { manner: Manner::XTemporal };
    let shared = Sampling::Uniform { manner: Manner::Blvnet };
    let (mut offsets_differ, mut seen) = (false, std::collections::BTreeSet::new());
    for seed in 0..50 {
        let indices = train_indices(&own, 83, 8, &mut Draws::new(seed, 0, 0)).expect("possible");
        assert!(
            indices.iter().enumerate().all(|(i, &index)| (i * 10..(i + 1) * 10).contains(&index)),
            "{indices:?}"
        );
        offsets_differ |= indices[0] % 10 != indices[1] % 10;
        let indices = train_indices(&shared, 83, 8, &mut Draws::new(seed, 0, 0)).expect("possible");
        assert!(
            indices.iter().enumerate().all(|(i, &index)| index == i * 10 + indices[0]),
            "{indices:?}"
        );
        seen.insert(indices[0]);
    }
    assert!(offsets_differ);
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
}

#[test]
fn impossible_settings_are_errors_that_name_the_field() {
    let uniform = Sampling::default();
    let tsm = Sampling::Dense { manner: Manner::Tsm, stride: None };
    let slowfast = |stride, target_fps| Sampling::Slowfast { stride, target_fps, use_offset: true };
    let seconds = |duration, fps| Sampling::Seconds { duration, fps };
    let with_stride = |manner, stride| Sampling::Dense { manner, stride: Some(stride) };
    let cases = [
        (&uniform, 10, 0, "numFrames"),
        (&uniform, 10, MAX_FRAMES + 1, "numFrames"),
        (&uniform, 10, usize::MAX, "numFrames"),
        (&tsm, 10, 65, "numFrames"),
        (&with_stride(Manner::Tsm, 2), 10, 8, "sampling.stride"),
        (&with_stride(Manner::XTemporal, 0), 10, 8, "sampling.stride"),
        (&with_stride(Manner::Blvnet, usize::MAX), 10, 8, "sampling.stride"),
        (&with_stride(Manner::Mmaction2, 2), 10, 8, "sampling.stride"),
        (&slowfast(0, None), 10, 8, "sampling.stride"),
        (&slowfast(1, Some(0.0)), 10, 8, "sampling.targetFps"),
        (&slowfast(1, Some(f64::NAN)), 10, 8, "sampling.targetFps"),
        (&Sampling::Clip { stride: 0, beyond: Beyond::Loop }, 10, 8, "sampling.stride"),
        (&seconds(0.0, None), 10, 8, "sampling.duration"),
        (&seconds(f64::INFINITY, None), 10, 8, "sampling.duration"),
        (&seconds(1.0, Some(-1.0)), 10, 8, "sampling.fps"),
    ];
    for (sampling, frames, num_frames, name) in cases {
        let error = eval_indices(sampling, frames, num_frames).expect_err("an impossible setting");
        let same = train_indices(sampling, frames, num_frames, &mut Draws::new(0, 0, 0))
            .expect_err("the same");
        assert_eq!(error, same);
        assert_eq!(error.code(), "INVALID_OPTION");
        assert!(
            matches!(&error, VideoError::InvalidOption { field, .. } if field == name),
            "{error}"
        );
    }
    assert_eq!(eval_indices(&uniform, 0, 8).expect_err("no frame").code(), "EMPTY_VIDEO");
}

#[test]
fn settings_are_read_from_json_and_unknown_keys_are_refused() {
    let read = |text: &str| serde_json::from_str::<Sampling>(text);
    assert_eq!(
        read(r#"{"type":"uniform"}"#).expect("valid"),
        Sampling::Uniform { manner: Manner::XTemporal }
    );
    assert_eq!(
        read(r#"{"type":"dense","manner":"blvnet","stride":2}"#).expect("valid"),
        Sampling::Dense { manner: Manner::Blvnet, stride: Some(2) }
    );
    assert_eq!(
        read(r#"{"type":"slowfast","targetFps":30}"#).expect("valid"),
        Sampling::Slowfast { stride: 2, target_fps: Some(30.0), use_offset: true }
    );
    assert_eq!(
        read(r#"{"type":"clip","stride":8,"beyond":"repeat-last"}"#).expect("valid"),
        Sampling::Clip { stride: 8, beyond: Beyond::RepeatLast }
    );
    assert_eq!(read(r#"{"type":"twice"}"#).expect("valid"), Sampling::Twice {});
    assert!(read(r#"{"type":"twice","stride":2}"#).is_err());
    assert!(read(r#"{"type":"seconds"}"#).is_err());
    assert!(read(r#"{"type":"uniform","maner":"tsm"}"#).is_err());
    assert!(read(r#"{"type":"random"}"#).is_err());
    let text = serde_json::to_string(&Sampling::default()).expect("serialisable");
    assert_eq!(text, r#"{"type":"uniform","manner":"x-temporal"}"#);
}
