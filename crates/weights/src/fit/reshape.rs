//! Which change of a weight turns the file's shape into the network's.

use crate::initialise::{FrameAxis, inflate, resize_frames, rgb_to_flow, tin_frame_axes, widen};
use crate::{RawTensor, WeightsError};

/// The weight in the network's shape and what was done, or nothing when no rule leads there.
pub(super) fn reshape(
    name: &str,
    weight: &RawTensor,
    expected: &[u64],
) -> Result<Option<(RawTensor, String)>, WeightsError> {
    if let Some(resized) = frames(name, weight, expected)? {
        return Ok(Some(resized));
    }
    let mut fitted = weight.clone();
    let mut steps = Vec::new();
    if let (&[out, 3, height, width], &[to, channels, h, w]) = (fitted.shape.as_slice(), expected)
        && (out, height, width) == (to, h, w)
    {
        fitted = rgb_to_flow(&fitted, channels)?;
        steps.push(format!("the mean over RGB for each of {channels} input channels"));
    }
    if let (&[out, _, height, width], &[to, _, t, h, w]) = (fitted.shape.as_slice(), expected)
        && (out, height, width) == (to, h, w)
    {
        fitted = inflate(&fitted, t, true)?;
        steps.push(match t {
            1 => "a 2-D kernel with a time axis of one frame".to_owned(),
            t => format!("a 2-D kernel repeated for {t} frames and divided by {t}"),
        });
        let (found, wanted) = (fitted.shape[1], expected[1]);
        if found < wanted {
            fitted = widen(&fitted, wanted)?;
            let more = wanted - found;
            steps.push(format!("zeros for the {more} channels of the lateral connection"));
        }
    }
    Ok((fitted.shape == expected).then(|| (fitted, steps.join("; "))))
}

/// TIN's layers whose size is the number of frames.
fn frames(
    name: &str,
    weight: &RawTensor,
    expected: &[u64],
) -> Result<Option<(RawTensor, String)>, WeightsError> {
    let axes = tin_frame_axes(name);
    if axes.is_empty() || weight.shape.len() != expected.len() {
        return Ok(None);
    }
    let mut fitted = weight.clone();
    let mut reason = String::new();
    for &axis in axes {
        let (FrameAxis::Input(at) | FrameAxis::Output(at)) = axis;
        let (old, new) = (fitted.shape[at], expected[at]);
        fitted = resize_frames(&fitted, axis, new)?;
        reason = format!("resized from {old} frames to {new}");
    }
    Ok((fitted.shape == expected).then_some((fitted, reason)))
}
