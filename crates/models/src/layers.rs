//! Convolutions, batch norms and linear layers with PyTorch's initial values.
//!
//! Every weight of every network is made here: the constructors of `tch::nn` start batch norms
//! from random scales and kaiming layers from another bound than PyTorch does.

use tch::nn::init::{FanInOut, Init, NonLinearity, NormalOrUniform};
use tch::{TchError, Tensor, nn};

/// Added to the variance before the square root.
const EPSILON: f64 = 1e-5;
/// Weight of a batch in the running statistics.
const MOMENTUM: f64 = 0.1;

/// He's normal initialisation by the number of outputs, as torchvision's ResNets and bLVNet.
pub(crate) const FAN_OUT: Init = Init::Kaiming {
    dist: NormalOrUniform::Normal,
    fan: FanInOut::FanOut,
    non_linearity: NonLinearity::ReLU,
};

/// A square 2-D convolution without bias that keeps the size up to its stride.
#[derive(Debug)]
pub(crate) struct Conv2d {
    weight: Tensor,
    stride: i64,
    groups: i64,
}

/// The dimensions of a [`Conv2d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConvShape {
    pub cin: i64,
    pub cout: i64,
    pub kernel: i64,
    pub stride: i64,
}

impl Conv2d {
    pub fn new(path: &nn::Path, shape: ConvShape) -> Result<Self, TchError> {
        let ConvShape { cin, cout, kernel, stride } = shape;
        let weight = path.f_var("weight", &[cout, cin, kernel, kernel], FAN_OUT)?;
        Ok(Self { weight, stride, groups: 1 })
    }

    /// One filter for each of `shape.cin` = `shape.cout` channels, as in MobileNets.
    pub fn depthwise(path: &nn::Path, shape: ConvShape) -> Result<Self, TchError> {
        let ConvShape { cin, cout, kernel, stride } = shape;
        let weight = path.f_var("weight", &[cout, 1, kernel, kernel], FAN_OUT)?;
        Ok(Self { weight, stride, groups: cin })
    }

    /// `[n, cin, h, w]` to `[n, cout, ceil(h / stride), ceil(w / stride)]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let padding = self.weight.size()[2] / 2;
        x.f_conv2d::<&Tensor>(
            &self.weight,
            None,
            [self.stride, self.stride],
            [padding, padding],
            [1, 1],
            self.groups,
        )
    }
}

/// A batch norm over the channels.
#[derive(Debug)]
pub(crate) struct BatchNorm {
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
}

impl BatchNorm {
    /// Scales start at `gamma`.
    pub fn new(path: &nn::Path, channels: i64, gamma: f64) -> Result<Self, TchError> {
        Ok(Self {
            weight: path.f_var("weight", &[channels], Init::Const(gamma))?,
            bias: path.f_var("bias", &[channels], Init::Const(0.0))?,
            running_mean: path.f_zeros_no_train("running_mean", &[channels])?,
            running_var: path.f_ones_no_train("running_var", &[channels])?,
        })
    }

    /// The same shape; `batch_statistics` also updates the running ones.
    pub fn forward(&self, x: &Tensor, batch_statistics: bool) -> Result<Tensor, TchError> {
        x.f_batch_norm(
            Some(&self.weight),
            Some(&self.bias),
            Some(&self.running_mean),
            Some(&self.running_var),
            batch_statistics,
            MOMENTUM,
            EPSILON,
            true,
        )
    }
}

/// How a [`Linear`] starts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LinearInit {
    /// PyTorch's own: uniform within `1 / sqrt(inputs)`.
    Default,
    /// PyTorch's own weights with this bias.
    Bias(f64),
    /// PyTorch's own weights and no bias at all.
    Unbiased,
    /// The classifiers of the official codes: `N(0, 0.001)`, bias 0.
    Classifier,
    /// `N(0, s)` of this `s`, bias 0.
    Normal(f64),
}

/// A linear layer.
#[derive(Debug)]
pub(crate) struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    pub fn new(path: &nn::Path, cin: i64, cout: i64, init: LinearInit) -> Result<Self, TchError> {
        let uniform = uniform_by_inputs(cin);
        let normal = |stdev| (Init::Randn { mean: 0.0, stdev }, Some(Init::Const(0.0)));
        let (weight, bias) = match init {
            LinearInit::Default => (uniform, Some(uniform)),
            LinearInit::Bias(bias) => (uniform, Some(Init::Const(bias))),
            LinearInit::Unbiased => (uniform, None),
            LinearInit::Classifier => normal(0.001),
            LinearInit::Normal(stdev) => normal(stdev),
        };
        Ok(Self {
            weight: path.f_var("weight", &[cout, cin], weight)?,
            bias: bias.map(|bias| path.f_var("bias", &[cout], bias)).transpose()?,
        })
    }

    /// `[..., cin]` to `[..., cout]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        x.f_linear(&self.weight, self.bias.as_ref())
    }
}

/// A 1-D convolution of three taps with bias that keeps the length.
#[derive(Debug)]
pub(crate) struct Conv1d {
    weight: Tensor,
    bias: Tensor,
}

impl Conv1d {
    /// `bias` is the initial bias; without it PyTorch's own.
    pub fn new(path: &nn::Path, cin: i64, cout: i64, bias: Option<f64>) -> Result<Self, TchError> {
        let uniform = uniform_by_inputs(cin * 3);
        Ok(Self {
            weight: path.f_var("weight", &[cout, cin, 3], uniform)?,
            bias: path.f_var("bias", &[cout], bias.map_or(uniform, Init::Const))?,
        })
    }

    /// `[n, cin, t]` to `[n, cout, t]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        x.f_conv1d(&self.weight, Some(&self.bias), 1, 1, 1, 1)
    }
}

/// PyTorch's default for convolutions and linear layers: its kaiming call with a = sqrt(5)
/// comes down to this bound, for weights and biases alike.
pub(crate) fn uniform_by_inputs(inputs: i64) -> Init {
    let bound = 1.0 / (inputs as f64).sqrt();
    Init::Uniform { lo: -bound, up: bound }
}
