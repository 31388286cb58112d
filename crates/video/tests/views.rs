//! Views of tests, stacks of flow and differences, and the cuts of training, against simple computations.

use timeweave_video::random::Draws;
use timeweave_video::sample::Sampling;
use timeweave_video::transform::{
    ClipRequest, ColorJitter, Drawn, MultiScale, Portrait, Preprocess, RandAugment, RandomErasing,
    RandomResized, ShortSide, Stack, TestViews, TrainCrop, Workspace, clip,
};
use timeweave_video::{RgbImage, VideoError, from_frames};

/// Frames in which every pixel tells its column, row and frame.
fn frames(count: usize, width: u32, height: u32) -> Vec<RgbImage> {
    let one = |t: usize| {
        let pixel = |i: u32| [(i % width) as u8, (i / width) as u8, t as u8];
        let data = (0..width * height).flat_map(pixel).collect();
        RgbImage::new(width, height, data).expect("an image")
    };
    (0..count).map(one).collect()
}

fn small() -> Preprocess {
    Preprocess { scale_size: 48, crop_size: 40, ..Preprocess::default() }
}

fn draw(
    images: &[RgbImage],
    preprocess: &Preprocess,
    request: ClipRequest<'_>,
) -> Result<Drawn, VideoError> {
    let mut source = from_frames(images.to_vec()).expect("frames");
    clip(&mut *source, preprocess, request, &mut Workspace::default())
}

fn request(num_frames: usize, stack: Stack) -> ClipRequest<'static> {
    ClipRequest { num_frames, stack, ..ClipRequest::default() }
}

/// The value of a channel at the upper left corner of a view's frame.
fn corner(drawn: &Drawn, view: usize, frame: usize, channel: usize) -> u8 {
    let [t, c, h, w] = drawn.clip.shape();
    drawn.clip.data[((view * t + frame) * c + channel) * h * w]
}

#[test]
fn views_are_clips_of_scales_of_crops() {
    // Frames of 72x48 keep their size at a scale of 48, so a pixel's value is its place.
    let images = frames(20, 72, 48);
    let views = |views: &TestViews| {
        let request = ClipRequest { views: Some(views), ..request(4, Stack::Rgb) };
        draw(&images, &small(), request)
    };
    let of = |crops| TestViews { crops, ..TestViews::default() };
    let places = |drawn: &Drawn| -> Vec<_> {
        (0..drawn.clip.views).map(|v| (corner(drawn, v, 0, 0), corner(drawn, v, 0, 1))).collect()
    };
    assert_eq!(places(&views(&of(1)).expect("one")), [(16, 4)]);
    assert_eq!(places(&views(&of(3)).expect("three")), [(0, 4), (32, 4), (16, 4)]);
    let five = [(0, 0), (32, 0), (0, 8), (32, 8), (16, 4)];
    assert_eq!(places(&views(&of(5)).expect("five")), five);
    let ten = places(&views(&of(10)).expect("ten"));
    // A mirrored crop begins with its last column.
    let mirrored = five.iter().flat_map(|&(x, y)| [(x, y), (x + 39, y)]);
    assert_eq!(ten, mirrored.collect::<Vec<_>>());

    let full = TestViews { crops: 3, crop_size: Some(48), ..TestViews::default() };
    let preprocess = full.apply(&small());
    let request_full = ClipRequest { views: Some(&full), ..request(4, Stack::Rgb) };
    let drawn = draw(&images, &preprocess, request_full).expect("full resolution");
    assert_eq!((drawn.clip.shape(), drawn.clip.views), ([4, 3, 48, 48], 3));
    assert_eq!(places(&drawn), [(0, 0), (24, 0), (12, 0)]);

    let many = TestViews { clips: Some(2), crops: 3, scales: vec![48, 64], ..TestViews::default() };
    let drawn = views(&many).expect("twelve");
    assert_eq!((drawn.clip.views, many.count(&small()), drawn.frames.len()), (12, 12, 8));
    assert_eq!(drawn.clip.data.len(), 12 * 4 * 3 * 40 * 40);
    for view in 0..12 {
        for frame in 0..4 {
            let expected = drawn.frames[view / 6 * 4 + frame] as u8;
            assert_eq!(corner(&drawn, view, frame, 2), expected, "view {view} frame {frame}");
        }
    }
    let single = TestViews { scales: vec![64], crops: 3, ..TestViews::default() };
    let alone = views(&single).expect("three");
    // The second scale of the first clip of two; the clip differs, the place of the crop does not.
    assert_eq!(places(&drawn)[3..6], places(&alone)[..]);
}

#[test]
fn three_crops_of_upright_frames_lie_by_either_convention() {
    let images = frames(4, 48, 72);
    let three = |portrait| {
        let views = TestViews { crops: 3, portrait, ..TestViews::default() };
        let drawn =
            draw(&images, &small(), ClipRequest { views: Some(&views), ..request(2, Stack::Rgb) });
        let drawn = drawn.expect("three views");
        (0..3).map(|v| (corner(&drawn, v, 0, 0), corner(&drawn, v, 0, 1))).collect::<Vec<_>>()
    };
    assert_eq!(three(Portrait::Across), [(0, 16), (8, 16), (4, 16)]);
    assert_eq!(three(Portrait::Along), [(4, 0), (4, 32), (4, 16)]);
}

#[test]
fn impossible_views_are_errors_that_name_the_field() {
    let images = frames(4, 48, 48);
    let default = TestViews::default();
    for (field, views) in [
        ("views.crops", TestViews { crops: 4, ..default.clone() }),
        ("views.clips", TestViews { clips: Some(0), ..default.clone() }),
        ("views.scales.1", TestViews { scales: vec![48, 39], ..default.clone() }),
        ("views ", TestViews { clips: Some(1000), crops: 10, ..default.clone() }),
    ] {
        let request = ClipRequest { views: Some(&views), ..request(2, Stack::Rgb) };
        let error = draw(&images, &small(), request).expect_err(field);
        assert_eq!(error.code(), "INVALID_OPTION");
        assert!(error.to_string().contains(&format!(" for {field}")), "{error}");
    }
    let twice = Preprocess { sampling: Sampling::Twice {}, ..small() };
    assert_eq!((default.count(&twice), default.count(&small())), (2, 1));
}

#[test]
fn flow_is_stacked_in_pairs_and_turns_round_in_a_mirror() {
    // Red is x, green is y; both tell the frame.
    let flow = |t: usize| {
        let pixel = [100 + t as u8, 50 + t as u8, 0];
        RgbImage::new(48, 48, pixel.repeat(48 * 48)).expect("an image")
    };
    let images: Vec<_> = (0..24).map(flow).collect();
    let straight = Preprocess { flip: false, ..small() };
    let drawn = draw(&images, &straight, request(4, Stack::Flow)).expect("a clip");
    assert_eq!(drawn.clip.shape(), [4, 10, 40, 40]);
    // Twenty places for the first of five pairs, cut into four parts of five.
    let expected: Vec<usize> = [2, 7, 12, 17].iter().flat_map(|&i| i..i + 5).collect();
    assert_eq!(drawn.frames, expected);
    for frame in 0..4 {
        for channel in 0..10 {
            let t = expected[frame * 5 + channel / 2] as u8;
            let value = corner(&drawn, 0, frame, channel);
            assert_eq!(value, if channel % 2 == 0 { 100 + t } else { 50 + t });
        }
    }
    let views = TestViews { crops: 10, ..TestViews::default() };
    let ten = ClipRequest { views: Some(&views), ..request(4, Stack::Flow) };
    let drawn = draw(&images, &straight, ten).expect("ten views");
    assert_eq!(corner(&drawn, 1, 0, 0), 255 - corner(&drawn, 0, 0, 0));
    assert_eq!(corner(&drawn, 1, 0, 1), corner(&drawn, 0, 0, 1));
    // At random too; the values say whether the clip was mirrored.
    let mut mirrored = 0;
    for seed in 0..40 {
        let mut draws = Draws::new(seed, 0, 0);
        let training = ClipRequest { draws: Some(&mut draws), ..request(4, Stack::Flow) };
        let drawn = draw(&images, &small(), training).expect("a clip");
        let x = 100 + drawn.frames[0] as u8;
        assert_eq!(corner(&drawn, 0, 0, 0), if drawn.mirrored { 255 - x } else { x });
        mirrored += usize::from(drawn.mirrored);
    }
    assert!((8..32).contains(&mirrored), "{mirrored} of 40");
    let coloured = Preprocess { color_jitter: Some(ColorJitter::default()), ..small() };
    let error = draw(&images, &coloured, request(4, Stack::Flow)).expect_err("no colours");
    assert!(error.to_string().contains("colorJitter"), "{error}");
}

#[test]
fn differences_take_six_images_and_short_videos_repeat_the_last() {
    let drawn = draw(&frames(8, 48, 48), &small(), request(2, Stack::RgbDiff)).expect("a clip");
    assert_eq!(drawn.clip.shape(), [2, 18, 40, 40]);
    assert_eq!(drawn.frames, [0, 1, 2, 3, 4, 5, 2, 3, 4, 5, 6, 7]);
    assert_eq!(
        (0..6).map(|k| corner(&drawn, 0, 1, 3 * k + 2)).collect::<Vec<_>>(),
        [2, 3, 4, 5, 6, 7]
    );
    let short = draw(&frames(3, 48, 48), &small(), request(2, Stack::RgbDiff)).expect("a clip");
    assert_eq!(short.frames, [0, 1, 2, 2, 2, 2].repeat(2));
    let mut values = vec![0.0; 2];
    small().normalize_into(Stack::RgbDiff, &[255, 0], &mut values);
    assert_eq!(values, [1.0, 0.0]);
    let mut values = vec![0.0; 1];
    small().normalize_into(Stack::Flow, &[255], &mut values);
    assert!((values[0] - 0.5 / 0.226).abs() < 1e-5, "{values:?}");
}

/// The part of the frame that a clip shows, from its values: (left, top, width, height) to a pixel or so.
fn shown(drawn: &Drawn) -> (f64, f64, f64, f64) {
    let [_, _, side, _] = drawn.clip.shape();
    let value = |channel: usize, at: usize| f64::from(drawn.clip.data[channel * side * side + at]);
    let (a, b) = (value(0, 0).min(value(0, side - 1)), value(0, 0).max(value(0, side - 1)));
    let (c, d) = (value(1, 0), value(1, side * (side - 1)));
    // The outermost pixels of the clip show the middle of the outermost parts.
    let stretch = side as f64 / (side - 1) as f64;
    (a, c, (b - a) * stretch, (d - c) * stretch)
}

fn training(crop: TrainCrop, images: &[RgbImage], seed: u64) -> Drawn {
    let preprocess = Preprocess { train_crop: crop, ..small() };
    let mut draws = Draws::new(seed, 0, 0);
    let request = ClipRequest { draws: Some(&mut draws), ..request(2, Stack::Rgb) };
    draw(images, &preprocess, request).expect("a clip")
}

#[test]
fn a_random_resized_crop_keeps_to_its_area_and_form() {
    let images = frames(2, 160, 120);
    let resized = RandomResized { area: [0.2, 0.6], aspect: [0.75, 4.0 / 3.0] };
    let (mut areas, mut forms, mut lefts) = (Vec::new(), Vec::new(), Vec::new());
    for seed in 0..300 {
        let (left, top, width, height) =
            shown(&training(TrainCrop::RandomResized(resized), &images, seed));
        assert!(left + width < 163.0 && top + height < 123.0, "{left} {top} {width} {height}");
        areas.push(width * height / (160.0 * 120.0));
        forms.push(width / height);
        lefts.push(left);
    }
    let least = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    assert!(least(&areas) > 0.18 && least(&areas) < 0.25, "{}", least(&areas));
    assert!(most(&areas) < 0.65 && most(&areas) > 0.55, "{}", most(&areas));
    assert!(least(&forms) > 0.7 && most(&forms) < 1.42, "{} {}", least(&forms), most(&forms));
    assert!(least(&lefts) < 4.0 && most(&lefts) > 70.0);
    // No part of this form has so large an area: the largest that there is, in the middle.
    let wide = frames(1, 200, 20);
    let large = RandomResized { area: [0.9, 1.0], aspect: [1.0, 2.0] };
    let (left, top, width, height) = shown(&training(TrainCrop::RandomResized(large), &wide, 1));
    assert!((left - 80.0).abs() < 2.0 && (width - 40.0).abs() < 3.0, "{left} {width}");
    assert!(top < 1.0 && (height - 20.0).abs() < 2.0, "{top} {height}");
}

#[test]
fn the_short_side_takes_every_length_and_the_square_every_place() {
    let images = frames(2, 120, 60);
    let side = ShortSide { min: 40, max: 60 };
    let (mut widths, mut lefts) = (std::collections::BTreeSet::new(), Vec::new());
    for seed in 0..400 {
        let (left, _, width, height) = shown(&training(TrainCrop::ShortSide(side), &images, seed));
        assert!((width - height).abs() < 4.0, "a square: {width}x{height}");
        assert!(width > 36.0 && width < 64.0, "{width}");
        widths.insert(width as usize / 2);
        lefts.push(left);
    }
    assert!(widths.len() >= 8, "{widths:?}");
    assert!(lefts.iter().any(|&l| l < 2.0) && lefts.iter().any(|&l| l > 70.0));
    let small_side =
        Preprocess { train_crop: TrainCrop::ShortSide(ShortSide { min: 39, max: 60 }), ..small() };
    let error = draw(&images, &small_side, request(2, Stack::Rgb)).expect_err("too small");
    assert!(error.to_string().contains("trainCrop.min"), "{error}");
}

#[test]
fn five_positions_of_the_multi_scale_crop_are_corners_and_middle() {
    let images = frames(2, 160, 120);
    let corners = MultiScale { scales: vec![0.5], max_distort: 0, more_positions: false };
    let places = |crop: &MultiScale| {
        let place = |seed| {
            let (left, top, ..) =
                shown(&training(TrainCrop::MultiScale(crop.clone()), &images, seed));
            (((left - 0.5) / 25.0).round() as i64, ((top - 0.5) / 15.0).round() as i64)
        };
        (0..200).map(place).collect::<std::collections::BTreeSet<_>>()
    };
    let five = [(0, 0), (0, 4), (2, 2), (4, 0), (4, 4)];
    assert_eq!(places(&corners).into_iter().collect::<Vec<_>>(), five);
    assert_eq!(places(&MultiScale { more_positions: true, ..corners }).len(), 13);
}

#[test]
fn every_frame_of_a_clip_is_changed_alike_and_the_same_draws_give_the_same_clip() {
    let still: Vec<_> = std::iter::repeat_n(frames(1, 80, 60).remove(0), 12).collect();
    let preprocess = Preprocess {
        color_jitter: Some(ColorJitter::default()),
        rand_augment: Some(RandAugment::default()),
        random_erasing: Some(RandomErasing { probability: 1.0, ..RandomErasing::default() }),
        ..small()
    };
    let mut clips = std::collections::BTreeSet::new();
    for seed in 0..40 {
        let run = || {
            let mut draws = Draws::new(seed, 1, 2);
            let request = ClipRequest { draws: Some(&mut draws), ..request(6, Stack::Rgb) };
            draw(&still, &preprocess, request).expect("a clip")
        };
        let drawn = run();
        assert_eq!(drawn, run());
        let of_frame = drawn.clip.data.len() / 6;
        assert!(drawn.clip.data.chunks_exact(of_frame).all(|f| f == &drawn.clip.data[..of_frame]));
        clips.insert(drawn.clip.data);
    }
    assert_eq!(clips.len(), 40);
    for (field, wrong) in [
        (
            "colorJitter.hue",
            Preprocess {
                color_jitter: Some(ColorJitter { hue: 0.6, ..ColorJitter::default() }),
                ..small()
            },
        ),
        (
            "randAugment.magnitude",
            Preprocess {
                rand_augment: Some(RandAugment { operations: 2, magnitude: 31 }),
                ..small()
            },
        ),
        (
            "randAugment.operations",
            Preprocess {
                rand_augment: Some(RandAugment { operations: 0, magnitude: 3 }),
                ..small()
            },
        ),
        (
            "randomErasing.area",
            Preprocess {
                random_erasing: Some(RandomErasing {
                    area: [0.5, 0.1],
                    ..RandomErasing::default()
                }),
                ..small()
            },
        ),
    ] {
        let error = draw(&still, &wrong, request(6, Stack::Rgb)).expect_err(field);
        assert!(error.to_string().contains(field), "{error}");
    }
}
