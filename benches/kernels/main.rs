//! The temporal operations at the shapes of real networks, beside a plain copy of the same bytes and
//! beside the authors' compositions of tensor calls.
//!
//! `cargo bench -p timeweave-benches -- aggregate` runs one operation, `TIMEWEAVE_CPU` forces an
//! instruction set, `TIMEWEAVE_BENCH_THREADS` the number of threads. Useful bytes are every input read
//! once and every output written once. The yardstick is `copy_` of as many bytes between touched
//! buffers, run in turns with the operation, so that a busy machine slows both. Buffers rotate
//! through more memory than the last-level cache holds.

mod composed;
mod shapes;
mod table;

use criterion::{Criterion, criterion_group};
use tch::{Kind, Tensor, no_grad_guard};
use timeweave_kernels::{into, temporal_aggregate, temporal_interlace};

use shapes::{Case, Layout, PAIRS, SHAPES, Shape, cases};
use table::{Turns, against, beside_copy};

/// Forward and backward of the aggregation, into given memory.
fn aggregate(c: &mut Criterion) {
    let _guard = no_grad_guard();
    for case in cases(&SHAPES) {
        let taps = case.random(&[3, case.shape.channels]);
        let t = case.shape.frames;
        let mut maps = case.rotation(2);
        beside_copy(c, &case, "aggregate forward", 2, |turn| {
            let [x, y] = maps.turn(turn);
            into::aggregate(y, x, &taps, t).expect("valid shapes");
        });
        let mut maps = case.rotation(4);
        beside_copy(c, &case, "aggregate backward", 4, |turn| {
            let [x, y, grad, grad_x] = maps.turn(turn);
            let _ = into::aggregate_backward(grad_x, grad, [x, &taps], y, t).expect("valid shapes");
        });
    }
}

/// The pair form.
fn pairs(c: &mut Criterion) {
    let _guard = no_grad_guard();
    for case in cases(&PAIRS) {
        let taps = case.random(&[3, case.shape.channels]);
        let t = case.shape.frames;
        let mut maps = case.rotation(3);
        beside_copy(c, &case, "pairs forward", 3, |turn| {
            let [z, even, odd] = maps.turn(turn);
            into::aggregate_pairs([even, odd], z, &taps, t).expect("valid shapes");
        });
        let mut maps = case.rotation(6);
        beside_copy(c, &case, "pairs backward", 6, |turn| {
            let [z, even, odd, grad_even, grad_odd, grad_z] = maps.turn(turn);
            let grad = [&*grad_even, &*grad_odd];
            let _ = into::aggregate_pairs_backward(grad_z, grad, [z, &taps], [even, odd], t)
                .expect("valid shapes");
        });
    }
}

fn shift(c: &mut Criterion) {
    let _guard = no_grad_guard();
    for case in cases(&SHAPES) {
        let (t, fold) = (case.shape.frames, case.shape.channels / 8);
        for (name, step) in [("shift forward", 1), ("shift backward", -1)] {
            let mut maps = case.rotation(2);
            beside_copy(c, &case, name, 2, |turn| {
                let [x, y] = maps.turn(turn);
                into::shift(y, x, t, fold, step).expect("valid shapes");
            });
        }
    }
}

/// Offsets and weights of a case, in four groups as TIN has them.
fn movements(case: &Case) -> [Tensor; 2] {
    let (n, t) = (case.shape.clips, case.shape.frames);
    [case.random(&[n, 4]) * 1.2, case.random(&[n, t, 4])]
}

fn interlace(c: &mut Criterion) {
    let _guard = no_grad_guard();
    for case in cases(&SHAPES) {
        let (t, fold) = (case.shape.frames, case.shape.channels / 4);
        let [offsets, weights] = movements(&case);
        let mut maps = case.rotation(2);
        beside_copy(c, &case, "interlace forward", 2, |turn| {
            let [x, y] = maps.turn(turn);
            into::interlace(y, x, [&offsets, &weights], t, fold).expect("valid shapes");
        });
        let mut maps = case.rotation(3);
        // Backward reads a quarter of `x`.
        beside_copy(c, &case, "interlace backward", 2, |turn| {
            let [x, grad, grad_x] = maps.turn(turn);
            let _ = into::interlace_backward(grad_x, grad, [x, &offsets, &weights], t, fold)
                .expect("valid shapes");
        });
    }
}

/// Forward and backward of an operation through autograd, which allocates: `y` and the gradients.
///
/// The upstream gradient is one everywhere; that, too, is written anew in each step, on both sides.
fn step(leaves: &[&Tensor], op: impl FnOnce() -> Tensor) -> Vec<Tensor> {
    let y = op();
    let mut results = Tensor::run_backward(&[&y], leaves, false, false);
    results.push(y);
    results
}

/// Times both sides of a training step after a look whether they compute the same.
fn compare(c: &mut Criterion, case: &Case, what: &str, steps: [&dyn Fn() -> Vec<Tensor>; 2]) {
    let (mut is_checked, like) = (false, case.map());
    against(c, case, what, |turns| {
        if !is_checked {
            is_checked = true;
            let [ours, theirs] = steps.map(|step| step());
            for (ours, theirs) in ours.iter().zip(&theirs) {
                // Sums over a whole map, in float32, in another order.
                let most = theirs.detach().abs().max().double_value(&[]);
                let worst = (ours.detach() - theirs.detach()).abs().max().double_value(&[]);
                assert!(worst <= 1e-4 * most, "{what} {}: differ by {worst}", case.name());
            }
        }
        let [ours, theirs] = steps;
        let _ = match turns {
            Turns::Ours => ours(),
            Turns::Theirs => theirs(),
            // The upstream gradient of ones that the engine makes.
            Turns::Shared => vec![like.ones_like()],
        };
    });
}

fn composed(c: &mut Criterion) {
    let f32_channels = |case: &Case| case.kind == Kind::Float && case.layout == Layout::Channels;
    for case in cases(&SHAPES).filter(f32_channels) {
        let Shape { clips, frames: t, channels, side, .. } = case.shape;
        let x = case.random(&[clips * t, channels, side, side]).set_requires_grad(true);
        let taps = case.random(&[3, channels]).set_requires_grad(true);
        let leaves = [&x, &taps];
        let ours = || step(&leaves, || temporal_aggregate(&x, &taps, t).expect("valid shapes"));
        let theirs = || step(&leaves, || composed::aggregate(&x, &taps, t));
        compare(c, &case, "aggregate training step", [&ours, &theirs]);
        let [offsets, weights] = movements(&case).map(|values| values.set_requires_grad(true));
        let (leaves, fold) = ([&x, &offsets, &weights], channels / 4);
        let ours = || {
            let y = || temporal_interlace(&x, &offsets, &weights, t, fold);
            step(&leaves, || y().expect("valid shapes"))
        };
        let theirs = || step(&leaves, || composed::interlace(&x, &offsets, &weights, t, fold));
        compare(c, &case, "interlace training step", [&ours, &theirs]);
    }
}

criterion_group!(kernels, aggregate, pairs, shift, interlace, composed);

fn main() {
    table::keep_freed_memory();
    if let Some(threads) =
        std::env::var("TIMEWEAVE_BENCH_THREADS").ok().and_then(|n| n.parse().ok())
    {
        tch::set_num_threads(threads);
    }
    kernels();
    Criterion::default().configure_from_args().final_summary();
    table::print();
}
