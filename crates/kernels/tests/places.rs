//! The CPU kernels give the same bits wherever their maps lie. A processor takes a load for one of
//! what was just stored at the same place of another page, and waits, so the loops go backwards
//! where results lie a little after what is read.

mod cases;

use cases::{Layout, in_every_isa, map, seed};
use tch::{Device, Kind, Tensor};
use timeweave_kernels::{into, temporal_aggregate};

/// Where results lie a little after what is read, in their pages, the work goes backwards.
#[test]
fn aggregated_results_do_not_depend_on_it() {
    const PAGE: i64 = 4096 / 4;
    let mut places = 0;
    in_every_isa(|isa| {
        // Small planes of many clips, runs, and channels-last in turns.
        for (size, layout) in [
            ([136, 512, 7, 7], Layout::Channels),
            ([8, 6, 71, 33], Layout::Channels),
            ([8, 64, 17, 19], Layout::Positions),
        ] {
            seed(9);
            let [images, c, h, w] = size;
            let (all, taps) = (images * c * h * w, map(&[3, c], Kind::Float, Layout::Channels));
            let room = Tensor::zeros([2 * (all + PAGE)], (Kind::Float, Device::Cpu));
            let place = |start: i64| {
                let flat = room.narrow(0, start, all);
                match layout {
                    Layout::Positions => flat.view([images, h, w, c]).permute([0, 3, 1, 2]),
                    _ => flat.view(size),
                }
            };
            let mut x = place(0);
            x.copy_(&map(&size, Kind::Float, layout));
            let expected = temporal_aggregate(&x, &taps, 8).expect("valid shapes");
            for lines in [0, 1, 2, 63] {
                let mut y = place((all + PAGE - 1) / PAGE * PAGE + lines * 16);
                into::aggregate(&mut y, &x, &taps, 8).expect("valid shapes");
                assert!(y.equal(&expected), "{isa:?} {size:?} {lines} lines after");
                places += 1;
            }
        }
    });
    println!("checked: {places} places of results");
}

/// Forward of `read`, then backward of `other` with `read` for its upstream gradient, which is what
/// backward reads whole; both are written to `place`, and copies returned.
fn interlaced(
    place: &mut Tensor,
    read: &Tensor,
    other: &Tensor,
    [offsets, weights]: [&Tensor; 2],
) -> [Tensor; 2] {
    let (frames, fold) = (weights.size()[1], read.size()[1] / 4);
    into::interlace(place, read, [offsets, weights], frames, fold).expect("valid shapes");
    let forward = place.copy();
    let inputs = [other, offsets, weights];
    let sums = into::interlace_backward(place, read, inputs, frames, fold);
    assert_eq!(sums.expect("valid shapes")[0].size(), offsets.size());
    [forward, place.copy()]
}

/// Where results lie a little after what is read, in their pages, rows are written backwards.
#[test]
fn interlaced_results_do_not_depend_on_it() {
    const PAGE: i64 = 4096 / 4;
    let mut places = 0;
    in_every_isa(|isa| {
        // So large that stores go past the caches; moved channels fill a cache line, or half of one.
        for size in [[8, 64, 80, 80], [16, 32, 80, 80]] {
            seed(9);
            let [images, c, h, w] = size;
            let (all, n) = (images * c * h * w, images / 8);
            let random = |size: &[i64]| map(size, Kind::Float, Layout::Channels);
            let (offsets, weights) = (random(&[n, 4]), random(&[n, 8, 4]));
            let room = Tensor::zeros([2 * (all + PAGE)], (Kind::Float, Device::Cpu));
            let place = |start: i64| {
                room.narrow(0, start, all).view([images, h, w, c]).permute([0, 3, 1, 2])
            };
            let mut x = place(0);
            x.copy_(&map(&size, Kind::Float, Layout::Positions));
            let grad = map(&size, Kind::Float, Layout::Positions);
            let mut first: Option<[Tensor; 2]> = None;
            for lines in [0, 1, 4, 63] {
                let mut y = place((all + PAGE - 1) / PAGE * PAGE + lines * 16);
                let results = interlaced(&mut y, &x, &grad, [&offsets, &weights]);
                let expected = first.get_or_insert_with(|| results.each_ref().map(Tensor::copy));
                for (result, expected) in results.iter().zip(expected) {
                    assert!(result.equal(expected), "{isa:?} {size:?} {lines} lines after");
                }
                places += 1;
            }
        }
    });
    println!("checked: {places} places of interlaced results");
}

/// Maps may start at any element: what goes past the caches, or in whole vectors, is found out.
#[test]
fn interlaced_maps_may_start_anywhere() {
    let mut places = 0;
    in_every_isa(|isa| {
        for kind in [Kind::Float, Kind::BFloat16] {
            // Small maps, and large ones; 32 channels move, or 16.
            for size in [[8, 128, 5, 7], [8, 64, 5, 7], [8, 128, 81, 81], [8, 64, 115, 115]] {
                seed(10);
                let [images, c, h, w] = size;
                let all = images * c * h * w;
                let random = |size: &[i64]| map(size, kind, Layout::Channels);
                let (offsets, weights) = (random(&[1, 4]), random(&[1, 8, 4]));
                let (x, grad) =
                    (map(&size, kind, Layout::Positions), map(&size, kind, Layout::Positions));
                let room = Tensor::zeros([3, all + 64], (kind, Device::Cpu));
                let place = |row: i64, start: i64| {
                    let whole = room.get(row).narrow(0, start, all);
                    whole.view([images, h, w, c]).permute([0, 3, 1, 2])
                };
                let mut first: Option<[Tensor; 2]> = None;
                for starts in [[0, 0, 0], [0, 0, 1], [1, 2, 3], [16, 0, 16], [5, 32, 0]] {
                    let [mut x_there, mut grad_there, mut y] =
                        [0, 1, 2].map(|row| place(row, starts[row as usize]));
                    x_there.copy_(&x);
                    grad_there.copy_(&grad);
                    let results = interlaced(&mut y, &x_there, &grad_there, [&offsets, &weights]);
                    let expected =
                        first.get_or_insert_with(|| results.each_ref().map(Tensor::copy));
                    for (result, expected) in results.iter().zip(expected) {
                        assert!(result.equal(expected), "{isa:?} {kind:?} {size:?} {starts:?}");
                    }
                    places += 1;
                }
            }
        }
    });
    println!("checked: {places} places of maps");
}
