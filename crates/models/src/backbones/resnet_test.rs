//! Pooling in time against the official one.

use tch::Tensor;

use super::pool_frames;
use crate::operators::{Case, each, leaves};
use crate::spec::TemporalPooling;

/// Pools the frames of a case, and their gradients back, in both layouts.
fn check(case: &Case, frames: i64, pooling: TemporalPooling) {
    let compare = |actual: &Tensor, name: &str| match pooling {
        // The largest frame is a copy, and a frame takes at most two gradients: nothing is rounded
        // in more than one way.
        TemporalPooling::Max => case.equal(actual, name),
        _ => case.check(actual, name),
    };
    for x in leaves(&case.get("x")) {
        let out = pool_frames(&x, frames, pooling).expect("an output");
        compare(&out, "out");
        (&out * case.get("grad_out")).sum(out.kind()).backward();
        compare(&x.grad(), "grad_x");
    }
}

#[test]
fn pooling_in_time_equals_the_official_one() {
    let mut modes = Vec::new();
    each("temporal_pooling", |case| {
        assert_eq!(["kernel", "stride", "padding"].map(|key| case.number(key)), [3, 2, 1]);
        let pooling = serde_json::from_value(case.entry["mode"].clone()).expect("a pooling");
        check(case, case.number("frames"), pooling);
        modes.push(pooling);
    });
    for mode in [TemporalPooling::Max, TemporalPooling::Avg] {
        assert!(modes.contains(&mode), "no case of {mode:?}");
    }
}

/// No TSM here pools in time, as X-Temporal's can; its operation is the maximum of TAM-ResNet.
#[test]
fn the_maximum_in_time_equals_the_official_tsm_s() {
    each("tsm_temporal_pool", |case| {
        check(case, case.number("n_segment"), TemporalPooling::Max);
    });
}
