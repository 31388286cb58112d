//! Frame indices against the published code of the peers, and the rules for training and for impossible settings.

mod fixtures;

use serde_json::Value;
use timeweave_video::VideoError;
use timeweave_video::random::Draws;
use timeweave_video::sample::fair::{self, Window};
use timeweave_video::sample::mmaction::{Beyond, Clips};
use timeweave_video::sample::segments::{self, Dense};
use timeweave_video::sample::{
    MAX_FRAMES, Manner, Sampling, blvnet, eval_indices, numpy::Mt19937, train_indices,
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

    /// The indices by this crate, and by the public function where the row is one clip of it.
    fn actual(&self) -> (Vec<usize>, Option<Sampling>) {
        let frames = self.number("frames");
        let uniform = |manner| Some(Sampling::Uniform { manner });
        match self.0["sampler"].as_str().expect("a name") {
            name @ ("tsm_val" | "tsm_test" | "tin_val" | "tin_test" | "xtemporal_val"
            | "xtemporal_test") => self.segments(name, frames),
            "blvnet_uniform" => {
                let (groups, clips) = (self.number("num_groups"), self.number("num_clips"));
                let one = if clips == 1 { uniform(Manner::Blvnet) } else { None };
                (blvnet::uniform_clips(frames, groups, clips), one)
            }
            "blvnet_dense" => {
                let (groups, clips) = (self.number("num_groups"), self.number("num_clips"));
                let stride = self.number("frames_per_group");
                let one = (clips == 1)
                    .then_some(Sampling::Dense { manner: Manner::Blvnet, stride: Some(stride) });
                (blvnet::dense_clips(frames, Dense::strided(groups, stride), clips), one)
            }
            "mmaction2_test" => (self.mmaction(frames), None),
            "fair_slowfast" => {
                let window = Window {
                    num_frames: self.number("num_frames"),
                    rate: self.number("sampling_rate"),
                    clips: self.number("num_clips"),
                    use_offset: self.is("use_offset"),
                };
                (window.indices(frames), None)
            }
            name => panic!("a family that is not supported: {name}"),
        }
    }

    fn mmaction(&self, frames: usize) -> Vec<usize> {
        let beyond = match self.0["out_of_bound_opt"].as_str() {
            Some("repeat_last") => Beyond::RepeatLast,
            _ => Beyond::Loop,
        };
        let interval = self.0["frame_interval"].as_u64().map_or(1, |interval| interval as usize);
        let (length, clips) = (self.number("clip_len"), self.number("num_clips"));
        Clips { length, interval, clips, twice: self.is("twice_sample"), beyond }.indices(frames)
    }

    fn segments(&self, name: &str, frames: usize) -> (Vec<usize>, Option<Sampling>) {
        let n = self.number("num_segments");
        let test = name.ends_with("_test");
        if self.is("dense_sample") && name == "tsm_test" {
            return (Dense::tsm(n).spread(frames, 10), None);
        }
        if self.is("dense_sample") {
            let stride = self.number("dense_sample_rate");
            let dense = Dense::strided(n, stride);
            return match self.number("temporal_samples") {
                1 if !test => (
                    dense.centre(frames),
                    Some(Sampling::Dense { manner: Manner::XTemporal, stride: Some(stride) }),
                ),
                clips => (dense.spread(frames, clips), None),
            };
        }
        let length = self.number("new_length");
        if self.is("twice_sample") {
            return (segments::centres_and_starts(frames, n, length), None);
        }
        let (indices, manner) = match name {
            "tsm_val" => (segments::centres_or_first(frames, n, length), Manner::Tsm),
            _ => (segments::centres(frames, n, length), Manner::XTemporal),
        };
        (indices, (length == 1).then_some(Sampling::Uniform { manner }))
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
        if let Some(sampling) = sampling {
            let public = eval_indices(&sampling, row.number("frames"), actual.len())
                .expect("possible settings");
            assert_eq!(public, actual, "{}", row.0);
            through_the_api += 1;
        }
    }
    assert!(checked > 0 && through_the_api > 0);
    println!("checked: {checked} sampling rows");
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
    let manners = [Manner::XTemporal, Manner::Tsm, Manner::Blvnet];
    let mut all: Vec<_> = manners.iter().map(|&manner| Sampling::Uniform { manner }).collect();
    all.extend(manners.iter().map(|&manner| Sampling::Dense { manner, stride: None }));
    all.push(Sampling::Dense { manner: Manner::XTemporal, stride: Some(3) });
    all
}

#[test]
fn every_sampling_gives_indices_inside_the_video_for_every_length() {
    for sampling in all_samplings() {
        for frames in [1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 300] {
            for num_frames in [1, 3, 8, 16, 64] {
                for seed in 0..5 {
                    let mut draws = Draws::new(seed, 0, 0);
                    let train = train_indices(&sampling, frames, num_frames, &mut draws)
                        .expect("possible settings");
                    let again =
                        train_indices(&sampling, frames, num_frames, &mut Draws::new(seed, 0, 0));
                    assert_eq!(Ok(&train), again.as_ref());
                    assert_eq!(train.len(), num_frames);
                    assert!(train.iter().all(|&i| i < frames), "{sampling:?} {frames} {train:?}");
                }
                let eval = eval_indices(&sampling, frames, num_frames).expect("possible settings");
                assert!(
                    eval.len() == num_frames && eval.iter().all(|&i| i < frames),
                    "{sampling:?} {frames} {eval:?}"
                );
            }
        }
    }
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
    let with_stride = |manner, stride| Sampling::Dense { manner, stride: Some(stride) };
    let cases = [
        (&uniform, 10, 0, "numFrames"),
        (&uniform, 10, MAX_FRAMES + 1, "numFrames"),
        (&uniform, 10, usize::MAX, "numFrames"),
        (&tsm, 10, 65, "numFrames"),
        (&with_stride(Manner::Tsm, 2), 10, 8, "sampling.stride"),
        (&with_stride(Manner::XTemporal, 0), 10, 8, "sampling.stride"),
        (&with_stride(Manner::Blvnet, usize::MAX), 10, 8, "sampling.stride"),
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
    assert!(read(r#"{"type":"uniform","maner":"tsm"}"#).is_err());
    assert!(read(r#"{"type":"random"}"#).is_err());
    let text = serde_json::to_string(&Sampling::default()).expect("serialisable");
    assert_eq!(text, r#"{"type":"uniform","manner":"x-temporal"}"#);
}
