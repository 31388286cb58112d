//! Which values of a spec fit together.

use super::{
    BlvnetTamSpec, Modality, ModelSpec, PluggedSpec, ResnetDepth, Rounds, ShiftPlace,
    TamResnetSpec, TemporalPooling, TinSpec, TsmDepth, TsmSpec,
};
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
        ModelSpec::BlvnetTam(spec) => {
            check(spec.num_frames % 2 == 0, "numFrames", || {
                let expected = "an even number (one frame of each pair goes to the big branch, one to the little branch)";
                (expected.into(), spec.num_frames.to_string())
            })?;
            big_little(spec)
        }
        ModelSpec::Blresnet(spec) => big_little(&spec.trunk()),
        ModelSpec::TamResnet(spec) => tam_resnet(spec),
        ModelSpec::Tsn(spec) | ModelSpec::Plugged(PluggedSpec { fields: spec, .. }) => {
            non_local(spec.non_local, Some(spec.depth))
        }
        ModelSpec::Tsm(spec) => tsm(spec),
        ModelSpec::Tin(spec) => tin(spec),
        ModelSpec::SlowFast(slowfast) => images(spec).and_then(|()| slowfast.check()),
        ModelSpec::SlowOnly(_)
        | ModelSpec::FastOnly(_)
        | ModelSpec::R3d(_)
        | ModelSpec::R2plus1d(_) => images(spec),
    }
}

/// The 3-D networks see motion in the images themselves.
fn images(spec: &ModelSpec) -> Result<(), ModelError> {
    let modality = spec.modality();
    check(modality == Modality::Rgb, "modality", || {
        let received = if modality == Modality::Flow { "'flow'" } else { "'rgb-diff'" };
        (format!("'rgb' with arch '{}'", spec.arch()), received.into())
    })
}

fn big_little(spec: &BlvnetTamSpec) -> Result<(), ModelError> {
    // The narrowest little bottleneck has 256 / alpha / 4 channels.
    check(spec.alpha >= 1 && 64 % spec.alpha == 0, "alpha", || {
        ("a divisor of 64".into(), spec.alpha.to_string())
    })?;
    check((1..=64).contains(&spec.beta), "beta", || {
        ("an integer in 1..=64".into(), spec.beta.to_string())
    })?;
    blending_frames(spec.blending_frames)
}

fn blending_frames(taps: i64) -> Result<(), ModelError> {
    check((1..=63).contains(&taps), "blendingFrames", || {
        ("an integer in 1..=63".into(), taps.to_string())
    })
}

fn tam_resnet(spec: &TamResnetSpec) -> Result<(), ModelError> {
    blending_frames(spec.blending_frames)?;
    let fewest = match spec.temporal_pooling {
        TemporalPooling::None => return Ok(()),
        TemporalPooling::Max => 8,
        // The third pooling has a quarter of the frames and a mean of three needs three.
        TemporalPooling::Avg => 16,
    };
    let frames = spec.num_frames;
    check(frames % 8 == 0 && frames >= fewest, "numFrames", || {
        let expected = "a multiple of 8 (each of three poolings halves the frames)";
        let expected = match spec.temporal_pooling {
            TemporalPooling::Avg => format!("{expected}, 16 or more with temporalPooling 'avg',"),
            _ => expected.into(),
        };
        (expected, frames.to_string())
    })
}

/// Non-local blocks stand behind bottlenecks that smaller networks do not have.
fn non_local(wanted: bool, depth: Option<ResnetDepth>) -> Result<(), ModelError> {
    let fits = !wanted || depth.is_some_and(ResnetDepth::is_bottleneck);
    check(fits, "nonLocal", || {
        ("false unless the backbone is a ResNet of depth 50 or more".into(), "true".into())
    })
}

fn tsm(spec: &TsmSpec) -> Result<(), ModelError> {
    check((2..=64).contains(&spec.shift_div), "shiftDiv", || {
        let expected = "an integer in 2..=64 (2/shiftDiv of the channels move)";
        (expected.into(), spec.shift_div.to_string())
    })?;
    let mobile = spec.depth == TsmDepth::MobilenetV2;
    check(!mobile || spec.shift_place == ShiftPlace::Blockres, "shiftPlace", || {
        let received = if spec.shift_place == ShiftPlace::Block { "block" } else { "two-path" };
        ("'blockres' with depth 'mobilenet-v2'".into(), format!("'{received}'"))
    })?;
    let every = mobile || spec.shift_place == ShiftPlace::Block;
    check(!every || spec.n_round != Rounds::EverySecond, "nRound", || {
        let expected = if mobile {
            "'auto' or 1 with depth 'mobilenet-v2', which shifts every residual block"
        } else {
            "'auto' or 1 with shiftPlace 'block', which shifts every block"
        };
        (expected.into(), "2".into())
    })?;
    non_local(spec.non_local, spec.depth.resnet())?;
    check(!(spec.non_local && spec.online), "nonLocal", || {
        ("false with online, because non-local blocks see the future".into(), "true".into())
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
    })?;
    non_local(spec.non_local, Some(spec.depth))
}

pub(super) fn check(
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
