//! What training keeps, in bytes of the process; alone in its program, so that nothing else allocates.

use tch::{Device, Kind, Tensor};
use timeweave_kernels::{
    temporal_aggregate, temporal_aggregate_pairs, temporal_interlace, temporal_shift,
};

#[repr(C)]
#[derive(Default)]
struct MallInfo {
    /// arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost.
    fields: [usize; 10],
}

unsafe extern "C" {
    fn mallinfo2() -> MallInfo;
}

/// Bytes in use: those of the heap and those mapped by themselves.
fn in_use() -> usize {
    // SAFETY: glibc's function takes nothing and returns plain numbers.
    let info = unsafe { mallinfo2() };
    info.fields[7] + info.fields[4]
}

/// Bytes that live on after `body` beside its results, whose memory is `known`.
fn kept(known: usize, body: impl FnOnce() -> Vec<Tensor>) -> isize {
    let before = in_use();
    let results = body();
    let after = in_use();
    drop(results);
    after as isize - before as isize - known as isize
}

/// Graph nodes, tensor headers and rounding of the allocator.
const SLACK: isize = 64 << 10;

#[test]
fn training_keeps_no_map_beside_inputs_and_outputs() {
    let place = (Kind::Float, Device::Cpu);
    let x = Tensor::randn([16, 64, 48, 48], place).set_requires_grad(true);
    let taps = Tensor::randn([3, 64], place).set_requires_grad(true);
    let offsets = Tensor::rand([2, 4], place).set_requires_grad(true);
    let weights = Tensor::rand([2, 8, 4], place).set_requires_grad(true);
    let bytes = 4 * x.numel();
    // Threads, caches and the dispatcher's tables exist after a first call.
    drop(temporal_aggregate(&x, &taps, 8).expect("valid shapes"));
    drop(temporal_interlace(&x, &offsets, &weights, 8, 16).expect("valid shapes"));

    let aggregate = kept(bytes, || vec![temporal_aggregate(&x, &taps, 8).expect("valid shapes")]);
    let pairs = kept(2 * bytes, || {
        let (even, odd) = temporal_aggregate_pairs(&x, &taps, 8).expect("valid shapes");
        vec![even, odd]
    });
    let shift = kept(bytes, || vec![temporal_shift(&x, 8, 8).expect("valid shapes")]);
    let interlace = kept(bytes, || {
        vec![temporal_interlace(&x, &offsets, &weights, 8, 16).expect("valid shapes")]
    });
    for (name, kept) in
        [("aggregate", aggregate), ("pairs", pairs), ("shift", shift), ("interlace", interlace)]
    {
        println!("checked: {name} keeps {kept} bytes beside its input and output of {bytes}");
        assert!(kept.abs() < SLACK, "{name} keeps {kept} bytes");
    }
    // The measure sees what is there.
    let extra = kept(bytes, || vec![x.detach().exp(), x.detach().exp()]);
    assert!((extra - bytes as isize).abs() < SLACK, "the measure saw {extra} of {bytes} bytes");
}
