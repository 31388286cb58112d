//! Transforms against the published code of the peers with Pillow, and the rules of the training cut.

mod fixtures;

use std::fs::File;
use std::io::BufReader;

use safetensors::{Dtype, SafeTensors};
use timeweave_video::random::Draws;
use timeweave_video::transform::crop::{self, Rect, Views};
use timeweave_video::transform::resize::{Resize, Scratch};
use timeweave_video::transform::{
    Centre, Clip, IMAGENET_MEAN, IMAGENET_STD, MultiScale, Preprocess, RandomResized, TrainCrop,
    eval_clip, normalize_into, train_clip,
};
use timeweave_video::{RgbImage, from_frames};

fn png(name: &str) -> RgbImage {
    let file = File::open(fixtures::path(&format!("transforms/png/{name}")))
        .expect("a PNG of the fixtures");
    let mut reader = png::Decoder::new(BufReader::new(file)).read_info().expect("a PNG");
    let mut data = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut data).expect("an image");
    assert_eq!(
        (info.color_type, info.bit_depth),
        (png::ColorType::Rgb, png::BitDepth::Eight),
        "{name}"
    );
    RgbImage::new(info.width, info.height, data).expect("an image")
}

/// Crops of one frame scaled to a short side, as planes.
fn cut(image: &RgbImage, scale: usize, windows: &[(Rect, bool)]) -> Vec<Vec<u8>> {
    let size = (image.width as usize, image.height as usize);
    let to = crop::short_side(size, scale);
    let mut scratch = Scratch::default();
    let run = |&(window, mirrored): &(Rect, bool)| {
        let mut planes = vec![0; 3 * window.width * window.height];
        Resize::new(size, Rect::whole(size), to, window, mirrored).run(
            image,
            &mut scratch,
            &mut planes,
        );
        planes
    };
    windows.iter().map(run).collect()
}

fn scaled_size(image: &RgbImage, scale: usize) -> (usize, usize) {
    crop::short_side((image.width as usize, image.height as usize), scale)
}

/// `[3, H, W]` planes as `[H, W, 3]`.
fn interleaved(planes: &[u8], channels: usize) -> Vec<u8> {
    let plane = planes.len() / channels;
    (0..planes.len()).map(|i| planes[(i % channels) * plane + i / channels]).collect()
}

enum Actual {
    Bytes(Vec<u8>),
    /// Planes of all crops and frames, to be normalised.
    Planes(Vec<u8>),
}

fn pipeline(name: &str, images: &[RgbImage]) -> Actual {
    let plain = |rects: Vec<Rect>| rects.into_iter().map(|rect| (rect, false)).collect::<Vec<_>>();
    let first = &images[0];
    let views = |scale, views: Views| views.crops(scaled_size(first, scale), 40);
    // Crops are stacked outside, frames inside.
    let stacked = |scale: usize, windows: &[(Rect, bool)]| {
        let crops = windows
            .iter()
            .map(|window| images.iter().flat_map(|i| cut(i, scale, &[*window])).flatten());
        Actual::Planes(crops.flatten().collect())
    };
    let centre = |scale, size| vec![(crop::centre(scaled_size(first, scale), size), false)];
    match name {
        "scaled_u8" => {
            let scale = if first.width.min(first.height) > 200 { 256 } else { 48 };
            let whole = plain(vec![Rect::whole(scaled_size(first, scale))]);
            Actual::Bytes(
                images
                    .iter()
                    .flat_map(|image| interleaved(&cut(image, scale, &whole)[0], 3))
                    .collect(),
            )
        }
        "center224_u8" => Actual::Bytes(interleaved(&cut(first, 256, &centre(256, 224))[0], 3)),
        "tsm_center" => stacked(48, &centre(48, 40)),
        "ibm_center" => stacked(46, &centre(46, 40)),
        "xt_center_3d" => {
            let Actual::Planes(planes) = stacked(48, &centre(48, 40)) else { unreachable!() };
            let plane = 40 * 40;
            let order = (0..3).flat_map(|c| (0..images.len()).map(move |t| t * 3 + c));
            Actual::Planes(
                order.flat_map(|i| planes[i * plane..(i + 1) * plane].to_vec()).collect(),
            )
        }
        "tsm_fullres3" => stacked(48, &plain(views(48, Views::Three))),
        "ibm_over3" => stacked(46, &plain(views(46, Views::ThreeAlong))),
        "ibm_over5" => {
            Actual::Bytes(interleaved(&cut(first, 46, &plain(views(46, Views::Five))).concat(), 15))
        }
        "tsm_over10" => {
            let windows: Vec<_> = views(48, Views::Five)
                .into_iter()
                .flat_map(|rect| [(rect, false), (rect, true)])
                .collect();
            Actual::Bytes(interleaved(&cut(first, 48, &windows).concat(), 30))
        }
        name => panic!("a pipeline that is not supported: {name}"),
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().expect("four bytes"))).collect()
}

#[test]
fn transforms_equal_those_of_the_peers_with_pillow() {
    let index = fixtures::json("transforms/index.json");
    let bytes =
        std::fs::read(fixtures::path("transforms/expected.safetensors")).expect("expected tensors");
    let expected = SafeTensors::deserialize(&bytes).expect("safetensors");
    let mut checked = 0;
    for case in index.as_array().expect("a list") {
        let Some(key) = case["tensor"].as_str() else { continue };
        let name = key.split_once('.').expect("set.pipeline").1;
        let files = case["files"].as_array().expect("files");
        let images: Vec<_> = files.iter().map(|file| png(file.as_str().expect("a name"))).collect();
        let expected = expected.tensor(key).expect("an expected tensor");
        match (pipeline(name, &images), expected.dtype()) {
            (Actual::Bytes(actual), Dtype::U8) => assert!(actual == expected.data(), "{key}"),
            (Actual::Planes(planes), Dtype::F32) => {
                let expected = floats(expected.data());
                let mut actual = vec![0.0; planes.len()];
                // The 3-D layout keeps a channel's frames together, so its "plane" holds them all.
                let plane = 40 * 40 * if name == "xt_center_3d" { images.len() } else { 1 };
                normalize_into(&planes, plane, IMAGENET_MEAN, IMAGENET_STD, &mut actual);
                assert_eq!(actual.len(), expected.len(), "{key}");
                let worst =
                    actual.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                // Every operation rounds as the peers' does: no difference at all.
                assert!(worst == 0.0, "{key}: {worst}");
            }
            (_, dtype) => panic!("{key} holds {dtype:?}"),
        }
        checked += 1;
    }
    assert!(checked > 0);
    println!("checked: {checked} transforms");
}

#[test]
fn multi_scale_crops_equal_the_published_table() {
    let table = fixtures::json("conversions/multi_scale_crop.json");
    let cases = table["cases"].as_array().expect("cases");
    let number = |value: &serde_json::Value| value.as_i64().expect("a number");
    let pairs = |value: &serde_json::Value| -> Vec<(i64, i64)> {
        value
            .as_array()
            .expect("pairs")
            .iter()
            .map(|pair| (number(&pair[0]), number(&pair[1])))
            .collect()
    };
    let mut places = 0;
    for case in cases {
        let image = (number(&case["image_w"]) as usize, number(&case["image_h"]) as usize);
        let multi_scale = MultiScale {
            scales: case["scales"]
                .as_array()
                .expect("scales")
                .iter()
                .map(|s| s.as_f64().expect("a scale"))
                .collect(),
            max_distort: number(&case["max_distort"]) as usize,
            more_positions: case["more_fix_crop"].as_bool().expect("a flag"),
        };
        let sizes = multi_scale.sizes(image, number(&case["input_size"]) as usize);
        let signed: Vec<_> = sizes.iter().map(|&(w, h)| (w as i64, h as i64)).collect();
        assert_eq!(signed, pairs(&case["crop_wh_pairs"]), "{image:?}");
        for (size, offsets) in
            sizes.iter().zip(case["offsets_xy_for_each_pair"].as_array().expect("offsets"))
        {
            let actual: Vec<_> =
                multi_scale.positions(image, *size).iter().map(|rect| (rect.x, rect.y)).collect();
            assert_eq!(actual, pairs(offsets), "{image:?} {size:?}");
            places += actual.len();
        }
    }
    assert!(!cases.is_empty());
    println!("checked: {} multi-scale crop tables ({places} places)", cases.len());
}

/// Frames in which every pixel tells its frame and place.
fn frames(count: usize, width: u32, height: u32) -> Vec<RgbImage> {
    let one = |t: usize| {
        let pixel = |i: u32| [(i % width) as u8, (i / width) as u8, t as u8];
        RgbImage::new(width, height, (0..width * height).flat_map(pixel).collect())
            .expect("an image")
    };
    (0..count).map(one).collect()
}

fn small() -> Preprocess {
    Preprocess { scale_size: 48, crop_size: 40, ..Preprocess::default() }
}

#[test]
fn a_training_clip_is_cut_alike_in_all_frames_and_repeats_for_its_draws() {
    let mut source = from_frames(frames(20, 80, 60)).expect("frames");
    let (mut mirrored, mut widths) = (0, std::collections::BTreeSet::new());
    for seed in 0..200 {
        let mut run =
            || train_clip(&mut *source, &small(), 8, &mut Draws::new(seed, 0, 0)).expect("a clip");
        let (clip, indices) = run();
        assert_eq!((clip.clone(), indices.clone()), run());
        assert_eq!(clip.shape(), [8, 3, 40, 40]);
        let first = clip.frame(0).expect("a frame");
        for (t, &index) in indices.iter().enumerate() {
            let frame = clip.frame(t).expect("a frame");
            let same = |channel: usize| {
                frame.data.iter().skip(channel).step_by(3).eq(first
                    .data
                    .iter()
                    .skip(channel)
                    .step_by(3))
            };
            assert!(same(0) && same(1), "seed {seed} frame {t}");
            assert!(frame.data.iter().skip(2).step_by(3).all(|&v| usize::from(v) == index));
        }
        let (left, right) = (first.data[0], first.data[39 * 3]);
        mirrored += usize::from(left > right);
        widths.insert(left.abs_diff(right));
    }
    assert!((70..130).contains(&mirrored), "{mirrored} of 200 mirrored");
    assert!(widths.len() >= 3, "the scale varies: {widths:?}");
}

#[test]
fn nothing_is_mirrored_without_flip_and_no_crop_is_drawn_without_multi_scale() {
    let mut source = from_frames(frames(9, 80, 60)).expect("frames");
    let straight = Preprocess { flip: false, ..small() };
    let still = Preprocess { train_crop: TrainCrop::Centre(Centre {}), ..straight.clone() };
    let (eval, _) = eval_clip(&mut *source, &still, 9).expect("a clip");
    for seed in 0..50 {
        let (clip, _) =
            train_clip(&mut *source, &straight, 8, &mut Draws::new(seed, 0, 0)).expect("a clip");
        let frame = clip.frame(0).expect("a frame");
        assert!(frame.data[0] < frame.data[39 * 3]);
        let (clip, _) =
            train_clip(&mut *source, &still, 9, &mut Draws::new(seed, 0, 0)).expect("a clip");
        assert_eq!(clip, eval);
    }
}

#[test]
fn a_crop_that_reaches_beyond_the_frame_is_black_outside() {
    // 38 and 40 differ by less than 3, so the first scale snaps to 40, larger than the frame.
    let white = RgbImage::new(60, 38, vec![255; 60 * 38 * 3]).expect("an image");
    let mut source = from_frames(vec![white; 4]).expect("frames");
    let train_crop =
        TrainCrop::MultiScale(MultiScale { scales: vec![1.0], ..MultiScale::default() });
    let preprocess = Preprocess { train_crop, ..small() };
    let mut black = std::collections::BTreeSet::new();
    for seed in 0..40 {
        let (clip, _) =
            train_clip(&mut *source, &preprocess, 2, &mut Draws::new(seed, 0, 0)).expect("a clip");
        black.insert(clip.data.iter().filter(|v| **v < 1).count() / (2 * 3 * 40));
        assert!(clip.data.iter().all(|&v| v == 0 || v == 255));
    }
    // Two rows are missing; a crop that begins three or four rows above the frame shows as many black ones.
    assert_eq!(black.into_iter().collect::<Vec<_>>(), [2, 3, 4]);
}

#[test]
fn short_videos_repeat_frames_and_equal_a_clip_of_single_frames() {
    let images = frames(3, 64, 50);
    let mut source = from_frames(images.clone()).expect("frames");
    let (clip, indices) = eval_clip(&mut *source, &small(), 8).expect("a clip");
    assert_eq!(indices, [0, 0, 0, 1, 1, 2, 2, 2]);
    let mut expected = Clip::new(8, 40, 40);
    let frame_bytes = expected.data.len() / 8;
    for (place, &index) in indices.iter().enumerate() {
        let mut one = from_frames(vec![images[index].clone()]).expect("a frame");
        let (single, _) = eval_clip(&mut *one, &small(), 1).expect("a clip");
        expected.data[place * frame_bytes..(place + 1) * frame_bytes].copy_from_slice(&single.data);
    }
    assert_eq!(clip, expected);
}

#[test]
fn impossible_settings_are_errors_that_name_the_field() {
    let nan = [f32::NAN, 0.0, 0.0];
    let scales = |scales| TrainCrop::MultiScale(MultiScale { scales, ..MultiScale::default() });
    let cases = [
        ("scaleSize", Preprocess { scale_size: 0, ..small() }),
        ("scaleSize", Preprocess { scale_size: usize::MAX, ..small() }),
        ("cropSize", Preprocess { crop_size: 0, ..small() }),
        ("cropSize", Preprocess { crop_size: 49, ..small() }),
        ("mean", Preprocess { mean: nan, ..small() }),
        ("std", Preprocess { std: [1.0, 0.0, 1.0], ..small() }),
        ("trainCrop.scales", Preprocess { train_crop: scales(vec![]), ..small() }),
        ("trainCrop.scales", Preprocess { train_crop: scales(vec![1.5]), ..small() }),
        ("trainCrop.scales", Preprocess { train_crop: scales(vec![f64::NAN]), ..small() }),
    ];
    let mut source = from_frames(frames(3, 64, 50)).expect("frames");
    for (name, preprocess) in cases {
        let error = eval_clip(&mut *source, &preprocess, 8).expect_err(name);
        assert_eq!(error.code(), "INVALID_OPTION");
        assert!(error.to_string().contains(&format!(" for {name} but received ")), "{error}");
    }
    assert_eq!(
        eval_clip(&mut *source, &small(), 0).expect_err("no frames").code(),
        "INVALID_OPTION"
    );
}

#[test]
fn any_frame_size_can_be_cut() {
    for (width, height) in
        [(1, 1), (1, 300), (300, 1), (47, 48), (48, 48), (49, 48), (7, 1000), (40, 41)]
    {
        let image = RgbImage::new(width, height, vec![77; (width * height * 3) as usize])
            .expect("an image");
        let mut source = from_frames(vec![image.clone()]).expect("frames");
        let (clip, _) = eval_clip(&mut *source, &small(), 2).expect("a clip");
        assert!(clip.data.iter().all(|&v| v == 77), "{width}x{height}");
        for seed in 0..20 {
            let (clip, _) =
                train_clip(&mut *source, &small(), 2, &mut Draws::new(seed, 0, 0)).expect("a clip");
            assert_eq!(clip.shape(), [2, 3, 40, 40]);
        }
        let large = image.resized(33, 21).expect("an image");
        assert!(large.data.iter().all(|&v| v == 77) && large.data.len() == 33 * 21 * 3);
    }
}

#[test]
fn the_settings_have_defaults_and_refuse_unknown_keys() {
    let read = |text: &str| serde_json::from_str::<Preprocess>(text);
    assert_eq!(read("{}").expect("defaults"), Preprocess::default());
    let text = serde_json::to_string(&Preprocess::default()).expect("serialisable");
    assert_eq!(read(&text).expect("its own form"), Preprocess::default());
    assert!(
        text.contains(r#""scaleSize":256,"cropSize":224,"mean":[0.485,0.456,0.406]"#),
        "{text}"
    );
    let off = read(r#"{"trainCrop":{"type":"centre"},"flip":false}"#).expect("valid");
    assert!(off.train_crop == TrainCrop::Centre(Centre {}) && !off.flip);
    let resized = read(r#"{"trainCrop":{"type":"random-resized","area":[0.5,1]}}"#).expect("valid");
    let area = RandomResized { area: [0.5, 1.0], ..RandomResized::default() };
    assert_eq!(resized.train_crop, TrainCrop::RandomResized(area));
    for text in [
        r#"{"trainCrop":{"type":"centre","scales":[1]}}"#,
        r#"{"trainCrop":{"type":"short-side","scales":[1]}}"#,
        r#"{"colorJitter":{"hues":0.1}}"#,
    ] {
        assert!(read(text).is_err(), "{text}");
    }
    let error = read(r#"{"cropsize":112}"#).expect_err("an unknown key").to_string();
    assert!(error.contains("cropsize"), "{error}");
}
