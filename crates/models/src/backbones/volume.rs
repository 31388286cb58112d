//! The layers of the 3-D networks: convolutions and pooling over clips `[N, C, T, H, W]`.

use tch::nn::Init;
use tch::{TchError, Tensor, nn};

use super::plan::at;
use crate::ModelError;
use crate::layers::{BatchNorm, FAN_OUT, uniform_by_inputs};
use crate::pass::Pass;

/// The dimensions of a [`Conv3d`]; kernel and stride are given in time and in space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VolumeShape {
    pub cin: i64,
    pub cout: i64,
    pub kernel: [i64; 2],
    pub stride: [i64; 2],
}

impl VolumeShape {
    /// A convolution that keeps the size.
    pub fn new(cin: i64, cout: i64, kernel: [i64; 2]) -> Self {
        Self { cin, cout, kernel, stride: [1, 1] }
    }

    /// The same convolution with another stride.
    #[must_use]
    pub fn strided(self, stride: [i64; 2]) -> Self {
        Self { stride, ..self }
    }

    /// Number of weights.
    pub fn weights(self) -> i64 {
        let [t, s] = self.kernel;
        self.cin * self.cout * t * s * s
    }
}

/// What the weights of a [`Conv3d`] start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConvInit {
    /// He's normal initialisation by the number of outputs.
    FanOut,
    /// PyTorch's own: uniform within `1 / sqrt(inputs)`.
    Default,
}

impl ConvInit {
    fn of(self, shape: VolumeShape) -> Init {
        match self {
            Self::FanOut => FAN_OUT,
            Self::Default => uniform_by_inputs(shape.weights() / shape.cout),
        }
    }
}

/// A 3-D convolution without bias, square in space, that keeps the size up to its stride.
#[derive(Debug)]
pub(crate) struct Conv3d {
    weight: Tensor,
    shape: VolumeShape,
}

impl Conv3d {
    /// A convolution with its weight under `name`, a path with dots below `root`.
    pub fn new(
        root: &nn::Path,
        name: &str,
        shape: VolumeShape,
        init: ConvInit,
    ) -> Result<Self, TchError> {
        let [t, s] = shape.kernel;
        let size = [shape.cout, shape.cin, t, s, s];
        let weight = at(root, name).f_var("weight", &size, init.of(shape))?;
        Ok(Self { weight, shape })
    }

    /// `[n, cin, t, h, w]` to `[n, cout, ceil(t / stride), ceil(h / stride), ceil(w / stride)]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let cube = |[t, s]: [i64; 2]| [t, s, s];
        let padding = cube(self.shape.kernel.map(|length| length / 2));
        x.f_conv3d::<&Tensor>(&self.weight, None, cube(self.shape.stride), padding, [1, 1, 1], 1)
    }
}

/// A 3-D convolution with its batch norm.
#[derive(Debug)]
pub(crate) struct ConvNorm3d {
    conv: Conv3d,
    norm: BatchNorm,
}

impl ConvNorm3d {
    /// `names` are those of the convolution and the batch norm; `gamma` its first scales.
    pub fn new(
        root: &nn::Path,
        names: &[String; 2],
        shape: VolumeShape,
        (init, gamma): (ConvInit, f64),
    ) -> Result<Self, TchError> {
        let norm = BatchNorm::new(&at(root, &names[1]), shape.cout, gamma)?;
        Ok(Self { conv: Conv3d::new(root, &names[0], shape, init)?, norm })
    }

    /// The convolution alone.
    pub fn convolve(&self, x: &Tensor) -> Result<Tensor, TchError> {
        self.conv.forward(x)
    }

    /// The batch norm alone.
    pub fn normalise(&self, x: &Tensor, pass: &Pass) -> Result<Tensor, TchError> {
        self.norm.forward(x, pass.mode.batch_statistics)
    }

    /// Both, one after the other.
    pub fn forward(&self, x: &Tensor, pass: &Pass) -> Result<Tensor, TchError> {
        self.normalise(&self.convolve(x)?, pass)
    }
}

/// A max pool that keeps the size up to its stride.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MaxPool3d {
    pub kernel: [i64; 2],
    pub stride: [i64; 2],
}

impl MaxPool3d {
    /// Over 3x3 pixels of each frame, to half the side.
    pub const SPATIAL: Self = Self { kernel: [1, 3], stride: [1, 2] };
    /// Over 3x3x3 positions, to half of everything.
    pub const CUBIC: Self = Self { kernel: [3, 3], stride: [2, 2] };

    /// `[n, c, t, h, w]` to `[n, c, ceil(t / stride), ceil(h / stride), ceil(w / stride)]`.
    pub fn forward(self, x: &Tensor) -> Result<Tensor, TchError> {
        let cube = |[t, s]: [i64; 2]| [t, s, s];
        let padding = cube(self.kernel.map(|length| length / 2));
        x.f_max_pool3d(cube(self.kernel), cube(self.stride), padding, [1, 1, 1], false)
    }
}

/// The mean over all positions, `[n, c, t, h, w]` to `[n, c]`.
pub(crate) fn global_mean(x: &Tensor) -> Result<Tensor, TchError> {
    x.f_mean_dim([2i64, 3, 4].as_slice(), false, None)
}

/// Frames first to channels first, as 3-D convolutions want it.
pub(crate) fn channels_first(clip: &Tensor) -> Result<Tensor, ModelError> {
    Ok(clip.f_transpose(1, 2)?)
}

/// Frames and side of square feature maps, for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub frames: i64,
    pub side: i64,
}

impl Extent {
    /// What a layer of this stride leaves.
    #[must_use]
    pub fn after(self, [t, s]: [i64; 2]) -> Self {
        Self { frames: (self.frames - 1) / t + 1, side: (self.side - 1) / s + 1 }
    }

    /// Number of positions.
    pub fn positions(self) -> i64 {
        self.frames * self.side * self.side
    }
}
