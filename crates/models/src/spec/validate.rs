//! Which values of a spec fit together.

use super::{BlvnetTamSpec, ModelSpec, Rounds, ShiftPlace, TinSpec, TsmSpec};
use crate::ModelError;

/// More would only be a mistyped number; a clip of so many frames fits in no memory.
const MOST_FRAMES: i64 = 1024;
const MOST_CLASSES: i64 = 1_000_000;

pub(super) fn validate(spec: &ModelSpec) -> Result<(), ModelError> {
    let classes = spec.num_classes();
    check((1..=MOST_CLASSES).contains(&classes), "numClasses", || {
        (format!("an integer in 1..={MOST_CLASSES}"), classes.to_string())
    })?;
    let frames = spec.num_frames();
    check((1..=MOST_FRAMES).contains(&frames), "numFrames", || {
        (format!("an integer in 1..={MOST_FRAMES}"), frames.to_string())
    })?;
    let dropout = spec.dropout();
    check((0.0..1.0).contains(&dropout), "dropout", || {
        ("a probability in 0..1 (below 1)".into(), dropout.to_string())
    })?;
    match spec {
        ModelSpec::BlvnetTam(spec) => blvnet_tam(spec),
        ModelSpec::Tsn(_) => Ok(()),
        ModelSpec::Tsm(spec) => tsm(spec),
        ModelSpec::Tin(spec) => tin(spec),
    }
}

fn blvnet_tam(spec: &BlvnetTamSpec) -> Result<(), ModelError> {
    check(spec.num_frames % 2 == 0, "numFrames", || {
        let expected = "an even number (one frame of each pair goes to the big branch, one to the little branch)";
        (expected.into(), spec.num_frames.to_string())
    })?;
    // The narrowest little bottleneck has 256 / alpha / 4 channels.
    check(spec.alpha >= 1 && 64 % spec.alpha == 0, "alpha", || {
        ("a divisor of 64".into(), spec.alpha.to_string())
    })?;
    check((1..=64).contains(&spec.beta), "beta", || {
        ("an integer in 1..=64".into(), spec.beta.to_string())
    })?;
    check((1..=63).contains(&spec.blending_frames), "blendingFrames", || {
        ("an integer in 1..=63".into(), spec.blending_frames.to_string())
    })
}

fn tsm(spec: &TsmSpec) -> Result<(), ModelError> {
    check((2..=64).contains(&spec.shift_div), "shiftDiv", || {
        let expected = "an integer in 2..=64 (2/shiftDiv of the channels move)";
        (expected.into(), spec.shift_div.to_string())
    })?;
    let fits = spec.shift_place != ShiftPlace::Block || spec.n_round != Rounds::EverySecond;
    check(fits, "nRound", || {
        ("'auto' or 1 with shiftPlace 'block', which shifts every block".into(), "2".into())
    })
}

fn tin(spec: &TinSpec) -> Result<(), ModelError> {
    // Input channels of the first block; those of all others are multiples.
    let narrowest = 64;
    let fold = if spec.shift_div >= 1 { narrowest / spec.shift_div } else { 0 };
    let fits = fold >= 4 && fold % 4 == 0 && narrowest % spec.shift_div == 0;
    check(fits, "shiftDiv", || {
        let expected = "1, 2, 4, 8 or 16 (four equal groups of 64/shiftDiv channels)";
        (expected.into(), spec.shift_div.to_string())
    })?;
    let half = spec.scale() / 2.0;
    check(spec.initial_offset.abs() < half, "initialOffset", || {
        let expected = format!("a number between -{half} and {half} (offsetScale / 2)");
        (expected, spec.initial_offset.to_string())
    })
}

fn check(
    fits: bool,
    field: &'static str,
    sentence: impl FnOnce() -> (String, String),
) -> Result<(), ModelError> {
    if fits {
        return Ok(());
    }
    let (expected, received) = sentence();
    Err(ModelError::InvalidSpec { field, expected, received })
}
