//! The CPU kernels against the reference form in float64, over shapes, types, layouts and
//! instruction sets; and the instruction sets against one another, to the bit.

mod cases;

use cases::{
    Bits, KINDS, LAYOUTS, Layout, SHAPES, assert_close, assert_interlaced, assert_sum, gradients,
    in_every_isa, leaf, leaf64, map, same_bits, seed, where_decided,
};
use tch::{Device, Kind, Tensor};
use timeweave_kernels::{
    reference, temporal_aggregate, temporal_aggregate_pairs, temporal_interlace, temporal_shift,
    temporal_shift_online,
};

/// Every combination of shape, type and layout, with its name; of maps with at most as many elements as
/// `TIMEWEAVE_ELEMENTS` says, where a checker of memory makes every element dear.
fn grid(mut body: impl FnMut([i64; 5], Kind, Layout, &str)) -> usize {
    let most = std::env::var("TIMEWEAVE_ELEMENTS")
        .map_or(i64::MAX, |most| most.parse().expect("TIMEWEAVE_ELEMENTS is a number"));
    let mut count = 0;
    for shape in SHAPES.into_iter().filter(|shape| shape.iter().product::<i64>() <= most) {
        for kind in KINDS {
            for layout in LAYOUTS {
                seed(count as u64);
                body(shape, kind, layout, &format!("{shape:?} {kind:?} {layout:?}"));
                count += 1;
            }
        }
    }
    count as usize
}

#[test]
fn aggregation_equals_its_reference() {
    let (mut cases, mut first) = (0, Bits::new());
    in_every_isa(|isa| {
        let mut index = 0;
        grid(|[n, t, c, h, w], kind, layout, name| {
            for r in [1, 2, 3, 5, 7] {
                let name = format!("{isa:?} {name} r{r}");
                let x = leaf(&map(&[n * t, c, h, w], kind, layout));
                let taps = leaf(&map(&[r, c], kind, layout));
                let upstream = map(&[n * t, c, h, w], kind, LAYOUTS[(cases + r as usize) % 3]);
                let y = temporal_aggregate(&x, &taps, t).expect("valid shapes");
                let (x64, taps64) = (leaf64(&x), leaf64(&taps));
                let y64 = reference::temporal_aggregate(&x64, &taps64, t).expect("valid shapes");
                assert_close(&y, &y64, &format!("{name} y"));
                let upstream = where_decided(&upstream, &y, &y64, &name);
                let actual = gradients(&[(&y, &upstream)], &[&x, &taps]);
                let upstream64 = upstream.to_kind(Kind::Double);
                let expected = gradients(&[(&y64, &upstream64)], &[&x64, &taps64]);
                assert_close(&actual[0], &expected[0], &format!("{name} grad x"));
                assert_sum(
                    &actual[1],
                    &expected[1],
                    actual[0].numel(),
                    &format!("{name} grad taps"),
                );
                same_bits(&mut first, &mut index, &name, &[&y, &actual[0], &actual[1]]);
                cases += 1;
            }
        });
    });
    println!("checked: {cases} aggregations");
}

#[test]
fn the_pair_form_equals_the_duplicated_form() {
    let (mut cases, mut first) = (0, Bits::new());
    in_every_isa(|isa| {
        let mut index = 0;
        grid(|[n, t, c, h, w], kind, layout, name| {
            for r in [1, 2, 3, 5] {
                let name = format!("{isa:?} {name} r{r}");
                let size = [n * t, c, h, w];
                let z = leaf(&map(&size, kind, layout));
                let taps = leaf(&map(&[r, c], kind, layout));
                let upstream = [map(&size, kind, layout), map(&size, kind, Layout::Channels)];
                let (even, odd) = temporal_aggregate_pairs(&z, &taps, t).expect("valid shapes");
                let (z64, taps64) = (leaf64(&z), leaf64(&taps));
                let (even64, odd64) =
                    reference::temporal_aggregate_pairs(&z64, &taps64, t).expect("valid shapes");
                assert_close(&even, &even64, &format!("{name} even"));
                assert_close(&odd, &odd64, &format!("{name} odd"));
                let upstream = [
                    where_decided(&upstream[0], &even, &even64, &name),
                    where_decided(&upstream[1], &odd, &odd64, &name),
                ];
                let wide = upstream.each_ref().map(|u| u.to_kind(Kind::Double));
                let actual =
                    gradients(&[(&even, &upstream[0]), (&odd, &upstream[1])], &[&z, &taps]);
                let expected =
                    gradients(&[(&even64, &wide[0]), (&odd64, &wide[1])], &[&z64, &taps64]);
                assert_close(&actual[0], &expected[0], &format!("{name} grad z"));
                assert_sum(
                    &actual[1],
                    &expected[1],
                    actual[0].numel(),
                    &format!("{name} grad taps"),
                );
                let results = [&even, &odd, &actual[0], &actual[1]];
                same_bits(&mut first, &mut index, &name, &results);
                cases += 1;
            }
        });
    });
    println!("checked: {cases} pair aggregations");
}

#[test]
fn shifts_equal_their_reference_exactly() {
    let mut cases = 0;
    in_every_isa(|isa| {
        grid(|[n, t, c, h, w], kind, layout, name| {
            for fold in [0, 1, c / 8, c / 3, c / 2] {
                if 2 * fold > c {
                    continue;
                }
                let name = format!("{isa:?} {name} fold {fold}");
                let x = leaf(&map(&[n * t, c, h, w], kind, layout));
                let upstream = map(&[n * t, c, h, w], kind, layout);
                let y = temporal_shift(&x, t, fold).expect("valid shapes");
                let x2 = leaf(&x);
                let y2 = reference::temporal_shift(&x2, t, fold).expect("valid shapes");
                assert!(y.equal(&y2), "{name} y");
                let actual = gradients(&[(&y, &upstream)], &[&x]);
                let expected = gradients(&[(&y2, &upstream)], &[&x2]);
                assert!(actual[0].equal(&expected[0]), "{name} grad x");
                cases += 1;
            }
        });
    });
    println!("checked: {cases} shifts");
}

#[test]
fn online_shifts_equal_their_reference_exactly() {
    let mut cases = 0;
    in_every_isa(|isa| {
        grid(|[n, t, c, h, w], kind, layout, name| {
            for fold in [0, 1, c / 8, c] {
                let name = format!("{isa:?} {name} fold {fold}");
                let x = leaf(&map(&[n * t, c, h, w], kind, layout));
                let state = leaf(&map(&[n, fold, h, w], kind, LAYOUTS[cases % 3]));
                let upstream =
                    [map(&[n * t, c, h, w], kind, layout), map(&[n, fold, h, w], kind, layout)];
                let (y, next) = temporal_shift_online(&x, &state, t).expect("valid shapes");
                let (x2, state2) = (leaf(&x), leaf(&state));
                let (y2, next2) =
                    reference::temporal_shift_online(&x2, &state2, t).expect("valid shapes");
                assert!(y.equal(&y2) && next.equal(&next2), "{name}");
                let actual = gradients(&[(&y, &upstream[0]), (&next, &upstream[1])], &[&x, &state]);
                let expected =
                    gradients(&[(&y2, &upstream[0]), (&next2, &upstream[1])], &[&x2, &state2]);
                // The reference adds zeros of other paths: equal, but for the sign of a zero.
                assert!(actual[0].equal(&expected[0]), "{name} grad x");
                assert!(actual[1].equal(&expected[1]), "{name} grad state");
                cases += 1;
            }
        });
    });
    println!("checked: {cases} online shifts");
}

/// Offsets of every sort: between frames, whole, beyond the clip, far beyond.
fn offsets(n: i64, groups: i64, t: i64, kind: Kind) -> Tensor {
    let near = map(&[n, groups], Kind::Float, Layout::Channels) * 1.5;
    let sort = Tensor::arange(n * groups, (Kind::Float, Device::Cpu)).view([n, groups]);
    let whole = near.round();
    let beyond = &near * (10 * t) as f64;
    let mixed = near
        .where_self(&sort.remainder(3).ne(1), &whole)
        .where_self(&sort.remainder(5).ne(4), &beyond);
    mixed.to_kind(kind)
}

#[test]
fn interlacing_equals_its_reference() {
    let (mut cases, mut first) = (0, Bits::new());
    in_every_isa(|isa| {
        let mut index = 0;
        grid(|[n, t, c, h, w], kind, layout, name| {
            for (groups, fold) in [(1, c), (1, 1), (2, c / 4 * 2), (4, c / 4 / 4 * 4), (c, c)] {
                if fold == 0 || fold % groups != 0 || fold > c {
                    continue;
                }
                let name = format!("{isa:?} {name} groups {groups} fold {fold}");
                let x = leaf(&map(&[n * t, c, h, w], kind, layout));
                let offsets = leaf(&offsets(n, groups, t, kind));
                let weights = leaf(&map(&[n, t, groups], kind, layout));
                let upstream = map(&[n * t, c, h, w], kind, LAYOUTS[cases % 3]);
                let y = temporal_interlace(&x, &offsets, &weights, t, fold).expect("valid");
                let (x64, o64, w64) = (leaf64(&x), leaf64(&offsets), leaf64(&weights));
                let y64 = reference::temporal_interlace(&x64, &o64, &w64, t, fold).expect("valid");
                assert_close(&y, &y64, &format!("{name} y"));
                if n > 0 {
                    let actual = gradients(&[(&y, &upstream)], &[&x, &offsets, &weights]);
                    let upstream = upstream.to_kind(Kind::Double);
                    let expected = gradients(&[(&y64, &upstream)], &[&x64, &o64, &w64]);
                    for (part, what) in ["x", "offsets", "weights"].iter().enumerate() {
                        let name = format!("{name} grad {what}");
                        assert_sum(&actual[part], &expected[part], x.numel(), &name);
                    }
                    same_bits(&mut first, &mut index, &name, &actual.iter().collect::<Vec<_>>());
                }
                same_bits(&mut first, &mut index, &name, &[&y]);
                cases += 1;
            }
        });
    });
    println!("checked: {cases} interlacings");
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let threads = tch::get_num_threads();
    seed(7);
    for layout in [Layout::Channels, Layout::Positions] {
        let x = leaf(&map(&[16, 64, 30, 31], Kind::Float, layout));
        let taps = leaf(&map(&[3, 64], Kind::Float, layout));
        let (offsets, weights) =
            (leaf(&offsets(2, 4, 8, Kind::Float)), leaf(&map(&[2, 8, 4], Kind::Float, layout)));
        let upstream = map(&[16, 64, 30, 31], Kind::Float, layout);
        let run = |count| {
            tch::set_num_threads(count);
            let y = temporal_aggregate(&x, &taps, 8).expect("valid shapes");
            let mut results = gradients(&[(&y, &upstream)], &[&x, &taps]);
            let moved = temporal_interlace(&x, &offsets, &weights, 8, 16).expect("valid shapes");
            results.extend(gradients(&[(&moved, &upstream)], &[&x, &offsets, &weights]));
            results.push(temporal_shift(&x, 8, 8).expect("valid shapes"));
            results.extend([y, moved]);
            results
        };
        let (one, two) = (run(1), run(2));
        assert!(one.iter().zip(&two).all(|(a, b)| a.equal(b)));
    }
    tch::set_num_threads(threads);
}

#[test]
fn results_keep_the_layout_of_the_input() {
    let x = map(&[8, 6, 5, 4], Kind::Float, Layout::Positions);
    let taps = map(&[3, 6], Kind::Float, Layout::Channels);
    assert_eq!(temporal_aggregate(&x, &taps, 4).expect("valid").stride(), x.stride());
    assert_eq!(temporal_shift(&x, 4, 2).expect("valid").stride(), x.stride());
    let (offsets, weights) = (
        Tensor::zeros([2, 1], (Kind::Float, Device::Cpu)),
        taps.new_ones([2, 4, 1], (Kind::Float, Device::Cpu)),
    );
    let y = temporal_interlace(&x, &offsets, &weights, 4, 3).expect("valid");
    assert_eq!(y.stride(), x.stride());
}

/// Maps from 12 MiB on are stored past the caches, in loops of their own.
#[test]
fn large_maps_equal_their_reference() {
    let [t, c, h, w] = [4, 65, 111, 113];
    in_every_isa(|isa| {
        for kind in [Kind::Float, Kind::BFloat16, Kind::Double] {
            for layout in [Layout::Channels, Layout::Positions] {
                seed(3);
                let name = format!("{isa:?} {kind:?} {layout:?}");
                let n = if kind == Kind::BFloat16 { 2 } else { 1 };
                let x = leaf(&map(&[n * t, c, h, w], kind, layout));
                let upstream = map(&[n * t, c, h, w], kind, layout);
                let taps = leaf(&map(&[3, c], kind, layout));
                let offsets = leaf(&offsets(n, 3, t, kind));
                let weights = leaf(&map(&[n, t, 3], kind, layout));
                let (x64, taps64) = (leaf64(&x), leaf64(&taps));
                let y = temporal_aggregate(&x, &taps, t).expect("valid shapes");
                let y64 = reference::temporal_aggregate(&x64, &taps64, t).expect("valid shapes");
                assert_close(&y, &y64, &name);
                let upstream = where_decided(&upstream, &y, &y64, &name);
                let wide = upstream.to_kind(Kind::Double);
                let actual = gradients(&[(&y, &upstream)], &[&x, &taps]);
                let expected = gradients(&[(&y64, &wide)], &[&x64, &taps64]);
                assert_close(&actual[0], &expected[0], &name);
                assert_sum(&actual[1], &expected[1], x.numel(), &name);
                let leaves = [&x, &offsets, &weights];
                let y = temporal_interlace(&x, &offsets, &weights, t, 15).expect("valid shapes");
                let actual = gradients(&[(&y, &upstream)], &leaves);
                assert_interlaced(&y, &actual, &upstream, leaves, 15, &name);
                let y = temporal_shift(&x, t, 9).expect("valid shapes");
                assert!(y.equal(&reference::temporal_shift(&x, t, 9).expect("valid")), "{name}");
            }
        }
    });
}

/// Where vectors are of one position, large channels-last maps are written in shares of what moves
/// and what stays: as whole vectors of one, two or four groups, or as halves of vectors.
#[test]
fn large_maps_of_whole_vectors_are_interlaced_as_their_reference() {
    const MAPS: [[i64; 3]; 6] =
        [[64, 16, 4], [128, 64, 4], [512, 128, 4], [96, 96, 3], [64, 8, 2], [128, 32, 1]];
    const BYTES: i64 = 13 << 20;
    let (mut cases, mut first) = (0, Bits::new());
    in_every_isa(|isa| {
        let mut index = 0;
        for ([c, fold, groups], kind) in
            MAPS.into_iter().flat_map(|map| [Kind::Float, Kind::BFloat16].map(|kind| (map, kind)))
        {
            seed(11);
            let name = format!("{isa:?} {kind:?} {fold} of {c} channels in {groups} groups");
            // Blocks of eight frames, of four, and one more.
            let (n, t, w) = (1, 13, 31);
            let width = if kind == Kind::Float { 4 } else { 2 };
            let size = [n * t, c, BYTES / (n * t * c * w * width) + 1, w];
            let x = leaf(&map(&size, kind, Layout::Positions));
            let upstream = map(&size, kind, Layout::Positions);
            let offsets = leaf(&offsets(n, groups, t, kind));
            let weights = leaf(&map(&[n, t, groups], kind, Layout::Positions));
            let y = temporal_interlace(&x, &offsets, &weights, t, fold).expect("valid shapes");
            let leaves = [&x, &offsets, &weights];
            let actual = gradients(&[(&y, &upstream)], &leaves);
            // Whatever equals the first results to the bit needs no reference of its own.
            if first.len() == index {
                assert_interlaced(&y, &actual, &upstream, leaves, fold, &name);
            }
            same_bits(&mut first, &mut index, &name, &[&y, &actual[0], &actual[1], &actual[2]]);
            cases += 1;
        }
    });
    println!("checked: {cases} interlacings of large maps");
}

/// Tasks of small planes span some clips; channels whose count is a power of two share their sums.
#[test]
fn many_clips_of_small_planes_equal_their_reference() {
    let (mut cases, mut first) = (0, Bits::new());
    in_every_isa(|isa| {
        let mut index = 0;
        for (kind, n) in [(Kind::Float, 9), (Kind::BFloat16, 17)] {
            for layout in [Layout::Channels, Layout::Positions] {
                seed(5);
                let name = format!("{isa:?} {kind:?} {layout:?}");
                let (t, c) = (8, 1024);
                let x = leaf(&map(&[n * t, c, 7, 7], kind, layout));
                let upstream = map(&[n * t, c, 7, 7], kind, layout);
                let taps = leaf(&map(&[3, c], kind, layout));
                let (x64, taps64) = (leaf64(&x), leaf64(&taps));
                let y = temporal_aggregate(&x, &taps, t).expect("valid shapes");
                let y64 = reference::temporal_aggregate(&x64, &taps64, t).expect("valid shapes");
                assert_close(&y, &y64, &name);
                let upstream = where_decided(&upstream, &y, &y64, &name);
                let actual = gradients(&[(&y, &upstream)], &[&x, &taps]);
                let wide = upstream.to_kind(Kind::Double);
                let expected = gradients(&[(&y64, &wide)], &[&x64, &taps64]);
                assert_close(&actual[0], &expected[0], &name);
                assert_sum(&actual[1], &expected[1], x.numel(), &name);
                same_bits(&mut first, &mut index, &name, &[&y, &actual[0], &actual[1]]);
                cases += 1;
            }
        }
    });
    println!("checked: {cases} aggregations of many clips");
}
