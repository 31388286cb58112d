//! Fitting weights to another network than they were trained for: other input channels, a time
//! axis, more frames.
//!
//! Each function takes one tensor and gives a new one of the same element type. Values are
//! computed in 64 bits for `float64` and in 32 bits for all others, as PyTorch does.

use std::ops::{Add, Div, Mul};

use half::{bf16, f16};

use crate::{Dtype, RawTensor, WeightsError};

/// The first convolution of a flow network out of an RGB one: the mean over the RGB channels for
/// each of `channels` channels, not rescaled.
///
/// `weight` is [O,3,kh,kw], the result [O,channels,kh,kw]
/// (mit-han-lab/temporal-shift-module `ops/models.py:305`).
///
/// # Errors
/// When the weight is not of that shape or not of a floating-point type.
pub fn rgb_to_flow(weight: &RawTensor, channels: u64) -> Result<RawTensor, WeightsError> {
    first_convolution(weight, channels, false)
}

/// The first convolution of an RGB-difference network out of an RGB one: the mean over the RGB
/// channels for each of `3 * differences` channels, behind the RGB weights themselves when
/// `keep_rgb` (mit-han-lab/temporal-shift-module `ops/models.py:340`).
///
/// # Errors
/// When the weight is not [O,3,kh,kw] or not of a floating-point type.
pub fn rgb_to_difference(
    weight: &RawTensor,
    differences: u64,
    keep_rgb: bool,
) -> Result<RawTensor, WeightsError> {
    first_convolution(weight, 3 * differences, keep_rgb)
}

/// A 3-D convolution out of a 2-D one: repeated along time, and divided by the number of
/// repetitions when `divide`, so that a still clip gives what its frame gave.
///
/// `weight` is [O,I,kh,kw], the result [O,I,frames,kh,kw]. mmaction2 divides
/// (`mmaction/models/backbones/resnet3d.py:650`), IBM's action-recognition-pytorch does not
/// (`models/inflate_from_2d_model.py:5`).
///
/// # Errors
/// When the weight has not four axes or is not of a floating-point type, or `frames` is 0.
pub fn inflate(weight: &RawTensor, frames: u64, divide: bool) -> Result<RawTensor, WeightsError> {
    let &[out, into, height, width] = weight.shape.as_slice() else {
        return Err(shape(weight, "[O,I,kh,kw]"));
    };
    if frames == 0 {
        return Err(shape(weight, "[O,I,kh,kw] with at least one frame to repeat it for"));
    }
    let kernel = (height * width) as usize;
    let inflated = vec![out, into, frames, height, width];
    map(weight, inflated, &Inflate { kernel, frames: frames as usize, divide })
}

/// A 3-D convolution that takes more channels: zeros behind the old ones, so that the new channels
/// change nothing at first. `weight` is [O,I,t,kh,kw], the result [O,channels,t,kh,kw]
/// (mmaction2 `mmaction/models/backbones/resnet3d_slowfast.py`, for the slow path's laterals).
///
/// # Errors
/// When the weight has not five axes, has more channels already or is not of a floating-point type.
pub fn widen(weight: &RawTensor, channels: u64) -> Result<RawTensor, WeightsError> {
    let &[out, into, frames, height, width] = weight.shape.as_slice() else {
        return Err(shape(weight, "[O,I,t,kh,kw]"));
    };
    let Some(more) = channels.checked_sub(into) else {
        return Err(shape(weight, &format!("[O,I,t,kh,kw] with at most {channels} channels")));
    };
    let kernel = frames * height * width;
    let change = Widen { filter: (into * kernel) as usize, zeros: (more * kernel) as usize };
    map(weight, vec![out, channels, frames, height, width], &change)
}

/// What an axis of frames is to a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameAxis {
    /// The weight is multiplied with frames along this axis and summed.
    Input(usize),
    /// The weight gives one value for each frame along this axis.
    Output(usize),
}

/// Fits one axis of a weight to another number of frames, by area: the new cells share the time
/// of the clip equally. A value of an output axis is the mean over its cell; the values of an
/// input axis are shared out, so that their sum, the answer to a constant input, is kept.
///
/// With `n` times as many frames, a clip that shows each frame `n` times gives exactly what the
/// clip gave before. Our own rule; the published code has none.
///
/// # Errors
/// When there is no such axis, it is empty or is to be empty, or the elements are no floats.
pub fn resize_frames(
    weight: &RawTensor,
    axis: FrameAxis,
    frames: u64,
) -> Result<RawTensor, WeightsError> {
    let (FrameAxis::Input(at) | FrameAxis::Output(at)) = axis;
    let old = weight.shape.get(at).copied().filter(|&old| old > 0 && frames > 0);
    let Some(old) = old else {
        return Err(shape(weight, &format!("with frames along axis {at}, now and afterwards")));
    };
    let mut resized = weight.shape.clone();
    resized[at] = frames;
    let inner = weight.shape[at + 1..].iter().product::<u64>() as usize;
    let shares = area(old, frames, matches!(axis, FrameAxis::Input(_)));
    map(weight, resized, &Resize { old: old as usize, inner, shares })
}

/// The axes of frames of a TIN network's weight of this name, if it has any: those of the linear
/// layers that compute the offsets ([T,T], [T] and [2,T]).
pub fn tin_frame_axes(name: &str) -> &'static [FrameAxis] {
    let layer = name.rsplit_once("biasnet.net.").map(|(_, layer)| layer);
    match layer {
        Some("fc.weight") => &[FrameAxis::Output(0), FrameAxis::Input(1)],
        Some("fc.bias") => &[FrameAxis::Output(0)],
        Some("lastlayer.weight") => &[FrameAxis::Input(1)],
        _ => &[],
    }
}

fn first_convolution(
    weight: &RawTensor,
    channels: u64,
    keep_rgb: bool,
) -> Result<RawTensor, WeightsError> {
    let &[out, 3, height, width] = weight.shape.as_slice() else {
        return Err(shape(weight, "[O,3,kh,kw]"));
    };
    let kept = if keep_rgb { 3 } else { 0 };
    let converted = vec![out, kept + channels, height, width];
    let kernel = (height * width) as usize;
    map(weight, converted, &Colours { kernel, channels: channels as usize, keep_rgb })
}

fn shape(weight: &RawTensor, expected: &str) -> WeightsError {
    let actual = weight.shape.clone();
    WeightsError::Shape { tensor: "weight".into(), expected: expected.into(), actual }
}

/// For each new frame the old frames that it overlaps, with their weights.
fn area(old: u64, new: u64, is_input: bool) -> Vec<Vec<(usize, f64)>> {
    // In units of 1/(old*new) of the clip all borders are integers.
    let cell = |frame: u64| {
        let (start, end) = (frame * old, (frame + 1) * old);
        (start / new..end.div_ceil(new))
            .map(|source| {
                let shared = end.min((source + 1) * new) - start.max(source * new);
                // An old frame is `new` units long, a new one `old` units.
                let whole = if is_input { new } else { old };
                (source as usize, shared as f64 / whole as f64)
            })
            .collect()
    };
    (0..new).map(cell).collect()
}

/// A float that weights are computed in.
trait Real: Copy + Add<Output = Self> + Mul<Output = Self> + Div<Output = Self> {
    fn from_f64(value: f64) -> Self;
}
impl Real for f32 {
    fn from_f64(value: f64) -> Self {
        value as Self
    }
}
impl Real for f64 {
    fn from_f64(value: f64) -> Self {
        value
    }
}

/// A change of a weight's values.
trait Change {
    fn values<R: Real>(&self, values: &[R]) -> Vec<R>;
}

struct Colours {
    kernel: usize,
    channels: usize,
    keep_rgb: bool,
}

impl Change for Colours {
    fn values<R: Real>(&self, values: &[R]) -> Vec<R> {
        let mut changed = Vec::new();
        for filter in values.chunks_exact((3 * self.kernel).max(1)) {
            if self.keep_rgb {
                changed.extend_from_slice(filter);
            }
            let mean = (0..self.kernel).map(|at| {
                let rgb = [0, 1, 2].map(|channel| filter[channel * self.kernel + at]);
                (rgb[0] + rgb[1] + rgb[2]) / R::from_f64(3.0)
            });
            let mean: Vec<R> = mean.collect();
            changed.extend((0..self.channels).flat_map(|_| &mean));
        }
        changed
    }
}

struct Inflate {
    kernel: usize,
    frames: usize,
    divide: bool,
}

impl Change for Inflate {
    fn values<R: Real>(&self, values: &[R]) -> Vec<R> {
        let divisor = R::from_f64(if self.divide { self.frames as f64 } else { 1.0 });
        let kernels = values.chunks_exact(self.kernel.max(1));
        let repeated = kernels.flat_map(|kernel| (0..self.frames).map(move |_| kernel));
        repeated.flatten().map(|&value| value / divisor).collect()
    }
}

struct Widen {
    filter: usize,
    zeros: usize,
}

impl Change for Widen {
    fn values<R: Real>(&self, values: &[R]) -> Vec<R> {
        let zeros = || std::iter::repeat_n(R::from_f64(0.0), self.zeros);
        let filters = values.chunks_exact(self.filter.max(1));
        filters.flat_map(|filter| filter.iter().copied().chain(zeros())).collect()
    }
}

struct Resize {
    old: usize,
    inner: usize,
    shares: Vec<Vec<(usize, f64)>>,
}

impl Change for Resize {
    fn values<R: Real>(&self, values: &[R]) -> Vec<R> {
        let mut changed = Vec::new();
        for block in values.chunks_exact((self.old * self.inner).max(1)) {
            for shares in &self.shares {
                for at in 0..self.inner {
                    let parts = shares.iter().map(|&(source, share)| {
                        block[source * self.inner + at] * R::from_f64(share)
                    });
                    changed.extend(parts.reduce(|sum, part| sum + part));
                }
            }
        }
        changed
    }
}

/// Applies a change in the precision of the weight's type.
fn map(
    weight: &RawTensor,
    shape: Vec<u64>,
    change: &impl Change,
) -> Result<RawTensor, WeightsError> {
    weight.check("weight")?;
    let data = &weight.data;
    let data: Vec<u8> = match weight.dtype {
        Dtype::F64 => {
            let values: Vec<f64> = items(data).map(f64::from_le_bytes).collect();
            change.values(&values).into_iter().flat_map(f64::to_le_bytes).collect()
        }
        Dtype::F32 => {
            let values: Vec<f32> = items(data).map(f32::from_le_bytes).collect();
            change.values(&values).into_iter().flat_map(f32::to_le_bytes).collect()
        }
        Dtype::F16 => {
            let values: Vec<f32> =
                items(data).map(|item| f16::from_le_bytes(item).into()).collect();
            let changed = change.values(&values).into_iter();
            changed.flat_map(|value| f16::from_f32(value).to_le_bytes()).collect()
        }
        Dtype::BF16 => {
            let values: Vec<f32> =
                items(data).map(|item| bf16::from_le_bytes(item).into()).collect();
            let changed = change.values(&values).into_iter();
            changed.flat_map(|value| bf16::from_f32(value).to_le_bytes()).collect()
        }
        dtype => {
            return Err(WeightsError::Dtype { tensor: "weight".into(), actual: dtype.name() });
        }
    };
    RawTensor::new(weight.dtype, shape, data)
}

/// The elements of a tensor's bytes.
fn items<const N: usize>(data: &[u8]) -> impl Iterator<Item = [u8; N]> {
    data.chunks_exact(N).filter_map(|item| item.first_chunk().copied())
}
