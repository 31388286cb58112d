//! What the operations keep and what they need while they run, in bytes that libtorch was asked for;
//! alone in its program, so that nothing else allocates.

mod cases;

use std::sync::Once;

use cases::{LAYOUTS, Layout, leaf, map};
use tch::{Device, Kind, Tensor};
use timeweave_kernels::{
    temporal_aggregate, temporal_aggregate_pairs, temporal_interlace, temporal_shift,
    temporal_shift_online,
};

unsafe extern "C" {
    safe fn timeweave_probe_count();
    safe fn timeweave_probe_live() -> i64;
    safe fn timeweave_probe_peak() -> i64;
}

const SIZE: [i64; 4] = [16, 64, 24, 20];

/// Operations by name, each a function of a map to its results.
type Operation<'a> = (&'static str, Box<dyn Fn(&Tensor) -> Vec<Tensor> + 'a>);

struct Parameters {
    taps: Tensor,
    offsets: Tensor,
    weights: Tensor,
    state: Tensor,
}

impl Parameters {
    fn new(kind: Kind) -> Self {
        static COUNTED: Once = Once::new();
        COUNTED.call_once(|| timeweave_probe_count());
        let random = |size: &[i64]| leaf(&map(size, kind, Layout::Channels));
        Self {
            taps: random(&[3, 64]),
            offsets: random(&[2, 4]),
            weights: random(&[2, 8, 4]),
            state: random(&[2, 8, 24, 20]),
        }
    }

    fn operations(&self) -> [Operation<'_>; 5] {
        [
            (
                "aggregate",
                Box::new(|x| vec![temporal_aggregate(x, &self.taps, 8).expect("valid shapes")]),
            ),
            (
                "pairs",
                Box::new(|z| {
                    let y = temporal_aggregate_pairs(z, &self.taps, 8).expect("valid shapes");
                    vec![y.0, y.1]
                }),
            ),
            ("shift", Box::new(|x| vec![temporal_shift(x, 8, 8).expect("valid shapes")])),
            (
                "online shift",
                Box::new(|x| {
                    let y = temporal_shift_online(x, &self.state, 8).expect("valid shapes");
                    vec![y.0, y.1]
                }),
            ),
            (
                "interlace",
                Box::new(|x| {
                    let y = temporal_interlace(x, &self.offsets, &self.weights, 8, 16);
                    vec![y.expect("valid shapes")]
                }),
            ),
        ]
    }
}

fn bytes_of(tensors: &[Tensor]) -> i64 {
    tensors.iter().map(|t| (t.numel() * t.kind().elt_size_in_bytes()) as i64).sum()
}

/// Parameters in the type of sums, sums of tasks, the headers of blocks: small beside a map.
const SMALL: i64 = 64 << 10;

#[test]
fn operations_keep_nothing_but_inputs_and_outputs_and_copy_no_dense_map() {
    let mut checked = 0;
    for kind in [Kind::Float, Kind::BFloat16, Kind::Double] {
        let parameters = Parameters::new(kind);
        for layout in LAYOUTS {
            let x = leaf(&map(&SIZE, kind, layout));
            let upstream = map(
                &SIZE,
                kind,
                if layout == Layout::Positions { layout } else { Layout::Channels },
            );
            for (name, operation) in parameters.operations() {
                let what = format!("{name} {kind:?} {layout:?}");
                let before = timeweave_probe_live();
                timeweave_probe_peak();
                let y = operation(&x);
                let (peak, kept) =
                    (timeweave_probe_peak() - before, timeweave_probe_live() - before);
                assert_eq!(kept, bytes_of(&y), "{what} keeps more than its results");
                // A map that is dense in neither layout is copied once, for the time of the call.
                let map = bytes_of(&[x.detach()]);
                let copies = if layout == Layout::Strided { map } else { 0 };
                assert!(peak <= kept + copies + SMALL, "{what} needs {peak} bytes for {kept}");

                let total = y.iter().map(|y| {
                    (y * upstream.narrow(0, 0, y.size()[0]).narrow(1, 0, y.size()[1])).sum(kind)
                });
                let total = total.reduce(|a, b| a + b).expect("a result");
                let before = timeweave_probe_live();
                timeweave_probe_peak();
                let grads = Tensor::run_backward(&[&total], &[&x], false, false);
                let peak = timeweave_probe_peak() - before;
                assert_eq!(grads[0].size(), x.size());
                // The products' gradients, one per result, and the gradient of x.
                let most = bytes_of(&y) + map + copies * (1 + y.len() as i64) + SMALL;
                assert!(peak <= most, "backward of {what} needs {peak} bytes, more than {most}");
                checked += 1;
            }
        }
    }
    println!("checked: {checked} operations keep inputs and outputs only");
    strides_of_single_elements_cause_no_copy();
    the_measure_sees_what_is_there();
}

/// Maps of one position are dense in both layouts whatever the strides of height and width say.
fn strides_of_single_elements_cause_no_copy() {
    let (kind, size, c) = (Kind::Float, [128, 1 << 13, 1, 1], 1 << 13);
    let plain = map(&size, kind, Layout::Channels);
    let taps = leaf(&map(&[3, c], kind, Layout::Channels));
    let peaks = [&plain, &plain.as_strided(size, [c, 1, c, c], None)].map(|x| {
        let x = leaf(x);
        let (even, odd) = temporal_aggregate_pairs(&x, &taps, 8).expect("valid shapes");
        let y = temporal_aggregate(&x, &taps, 8).expect("valid shapes");
        assert_eq!(x.stride() == y.stride(), x.stride() == plain.stride());
        [vec![y], vec![even, odd]].map(|results| {
            let total = results.iter().map(|y| (y * &plain).sum(kind)).reduce(|a, b| a + b);
            let total = total.expect("a result");
            let before = timeweave_probe_live();
            timeweave_probe_peak();
            drop(Tensor::run_backward(&[total], &[&x], false, false));
            timeweave_probe_peak() - before
        })
    });
    for (plain, strided) in peaks[0].iter().zip(peaks[1]) {
        assert!(strided <= plain + SMALL, "{strided} bytes, and {plain} of a plain map");
    }
}

/// Called from the only test, since a second one would allocate beside it.
fn the_measure_sees_what_is_there() {
    let parameters = Parameters::new(Kind::Float);
    let before = timeweave_probe_live();
    timeweave_probe_peak();
    let x = Tensor::zeros(SIZE, (Kind::Float, Device::Cpu));
    drop(x.exp());
    let y = x.exp();
    let one = bytes_of(&[x.shallow_clone()]);
    assert_eq!(timeweave_probe_live() - before, 2 * one);
    assert_eq!(timeweave_probe_peak() - before, 2 * one);
    drop((x, y));
    assert_eq!(timeweave_probe_live(), before);
    // A composition keeps what a kernel does not.
    let x = leaf(&map(&SIZE, Kind::Float, Layout::Channels));
    let before = timeweave_probe_live();
    let y = timeweave_kernels::reference::temporal_aggregate(&x, &parameters.taps, 8);
    let y = y.expect("valid shapes");
    assert!(timeweave_probe_live() - before >= one, "{y:?}");
}
