//! Channels-last, TSM and TIN walk through the frames of a clip in columns: in blocks of eight frames,
//! of four, and one by one, and from either end of a map.

mod cases;

use cases::{Bits, Layout, assert_interlaced, gradients, in_every_isa, leaf, map, same_bits, seed};
use tch::{Device, Kind, Tensor};
use timeweave_kernels::{into, reference, temporal_interlace, temporal_shift};

/// Frames of clips: every mixture of blocks, and blocks one after another.
const FRAMES: [i64; 9] = [1, 2, 3, 4, 7, 8, 9, 13, 16];

/// Bytes from which on results go past the caches.
const STREAMED: i64 = 12 << 20;

/// The side of planes that make a map small, or so large that its results go past the caches.
fn sides(images: i64, channels: i64, kind: Kind) -> [i64; 2] {
    let width = if kind == Kind::BFloat16 { 2 } else { 4 };
    let positions = STREAMED / (images * channels * width) + 1;
    [5, (positions as f64).sqrt().ceil() as i64]
}

#[test]
fn shifts_of_clips_of_any_length_are_exact() {
    let mut cases = 0;
    in_every_isa(|isa| {
        for t in FRAMES {
            // Columns of one kind, of two and of three; rows of one column and of many.
            for (c, fold, kind) in [
                (64, 8, Kind::Float),
                (16, 3, Kind::Float),
                (256, 32, Kind::BFloat16),
                (32, 4, Kind::BFloat16),
                (96, 48, Kind::BFloat16),
                (8, 3, Kind::Double),
            ] {
                for side in sides(t, c, kind) {
                    seed(12);
                    let size = [t, c, side, side];
                    let x = leaf(&map(&size, kind, Layout::Positions));
                    let y = temporal_shift(&x, t, fold).expect("valid shapes");
                    let name = format!("{isa:?} {kind:?} {size:?} fold {fold}");
                    let expected = reference::temporal_shift(&x, t, fold).expect("valid shapes");
                    assert!(y.equal(&expected), "{name}");
                    // What moves back is what moved, but for the frames that left the clip.
                    let upstream = x.detach();
                    let actual = gradients(&[(&y, &upstream)], &[&x]);
                    let expected = gradients(&[(&expected, &upstream)], &[&x]);
                    assert!(actual[0].equal(&expected[0]), "{name} grad x");
                    cases += 1;
                }
            }
        }
    });
    println!("checked: {cases} shifts in columns");
}

/// Where results lie a little after what is read, seen within a page, the work goes backwards.
#[test]
fn shifted_results_do_not_depend_on_their_place() {
    const PAGE: i64 = 4096 / 4;
    let mut places = 0;
    in_every_isa(|isa| {
        for size in [[16, 64, 9, 7], [24, 32, 70, 70], [8, 80, 80, 80]] {
            seed(13);
            let [images, c, h, w] = size;
            let all = images * c * h * w;
            let room = Tensor::zeros([2 * (all + PAGE) + 64], (Kind::Float, Device::Cpu));
            let place = |start: i64| {
                room.narrow(0, start, all).view([images, h, w, c]).permute([0, 3, 1, 2])
            };
            let mut x = place(0);
            x.copy_(&map(&size, Kind::Float, Layout::Positions));
            for step in [1, -1] {
                let mut first: Option<Tensor> = None;
                // In elements: whole lines, and parts of one.
                for after in [0, 16, 64, 8, 1, 63 * 16] {
                    let mut y = place((all + PAGE - 1) / PAGE * PAGE + after);
                    y.copy_(&Tensor::full(size, 77, (Kind::Float, Device::Cpu)));
                    into::shift(&mut y, &x, 8, c / 8, step).expect("valid shapes");
                    let expected = first.get_or_insert_with(|| y.copy());
                    assert!(y.equal(expected), "{isa:?} {size:?} {after} elements after");
                    places += 1;
                }
            }
        }
    });
    println!("checked: {places} places of shifted results");
}

/// Columns are whole vectors of one, two or four groups, or halves of vectors beside what stays.
#[test]
fn interlacings_of_clips_of_any_length_equal_their_reference() {
    const MAPS: [[i64; 3]; 6] =
        [[64, 16, 4], [128, 64, 4], [512, 128, 4], [96, 96, 3], [64, 8, 2], [128, 32, 1]];
    let (mut cases, mut first) = (0, Bits::new());
    in_every_isa(|isa| {
        let mut index = 0;
        for (t, [c, fold, groups]) in
            FRAMES.into_iter().flat_map(|t| MAPS.into_iter().map(move |map| (t, map)))
        {
            for kind in [Kind::Float, Kind::BFloat16, Kind::Double] {
                seed(14);
                let name = format!("{isa:?} {kind:?} {t} frames, {fold} of {c} in {groups} groups");
                let (n, h, w) = (2, 3, 7);
                let x = leaf(&map(&[n * t, c, h, w], kind, Layout::Positions));
                let upstream = map(&[n * t, c, h, w], kind, Layout::Positions);
                let reach = if cases % 2 == 0 { 1.5 } else { t as f64 };
                let offsets = map(&[n, groups], Kind::Float, Layout::Channels) * reach;
                let offsets = leaf(&offsets.to_kind(kind));
                let weights = leaf(&map(&[n, t, groups], kind, Layout::Channels));
                let y = temporal_interlace(&x, &offsets, &weights, t, fold).expect("valid shapes");
                let actual = gradients(&[(&y, &upstream)], &[&x, &offsets, &weights]);
                // Whatever equals the first results to the bit needs no reference of its own.
                if first.len() == index {
                    let leaves = [&x, &offsets, &weights];
                    assert_interlaced(&y, &actual, &upstream, leaves, fold, &name);
                }
                let results = [&y, &actual[0], &actual[1], &actual[2]];
                same_bits(&mut first, &mut index, &name, &results);
                cases += 1;
            }
        }
    });
    println!("checked: {cases} interlacings in columns");
}
