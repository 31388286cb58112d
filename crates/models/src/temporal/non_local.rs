//! The embedded-Gaussian non-local block (<https://arxiv.org/abs/1711.07971>, `ops/non_local.py`
//! of mit-han-lab/temporal-shift-module).

use tch::nn::Init;
use tch::{TchError, Tensor, nn};

use crate::layers::{BatchNorm, uniform_by_inputs};
use crate::pass::Pass;

/// Every position of every frame attends to every second row and column of all frames.
#[derive(Debug)]
pub(crate) struct NonLocal {
    name: String,
    frames: i64,
    theta: Pointwise,
    phi: Pointwise,
    g: Pointwise,
    out: Pointwise,
    norm: BatchNorm,
}

impl NonLocal {
    /// For clips of `frames` frames with `channels` channels; half as many inside.
    pub fn new(path: &nn::Path, frames: i64, channels: i64) -> Result<Self, TchError> {
        let inner = channels / 2;
        // The pooling after phi and g and the norm after the last convolution have places of
        // their own in the official Sequentials.
        let (phi, g, last) = (path / "phi" / 0, path / "g" / 0, path / "W");
        let norm = BatchNorm::new(&(&last / 1), channels, 0.0)?;
        Ok(Self {
            name: path.components().collect::<Vec<_>>().join("."),
            frames,
            theta: Pointwise::new(&(path / "theta"), channels, inner)?,
            phi: Pointwise::new(&phi, channels, inner)?,
            g: Pointwise::new(&g, channels, inner)?,
            out: Pointwise::new(&(&last / 0), inner, channels)?,
            norm,
        })
    }

    /// `x` is `[N*T, C, H, W]`, and so is the result.
    pub fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor, TchError> {
        let (nt, c, h, w) = x.size4()?;
        let (n, inner) = (nt / self.frames, c / 2);
        let clip = x.f_reshape([n, self.frames, c, h, w])?.f_transpose(1, 2)?;
        let queries = self.theta.forward(&clip)?.f_reshape([n, inner, -1])?.f_transpose(1, 2)?;
        let keys = pooled(&self.phi.forward(&clip)?)?.f_reshape([n, inner, -1])?;
        let values = pooled(&self.g.forward(&clip)?)?.f_reshape([n, inner, -1])?;
        // The softmax is not scaled (ops/non_local.py:87).
        let attention = queries.f_matmul(&keys)?.f_softmax(-1, None)?;
        let seen = attention.f_matmul(&values.f_transpose(1, 2)?)?.f_transpose(1, 2)?;
        let seen = self.out.forward(&seen.f_reshape([n, inner, self.frames, h, w])?)?;
        let y = self.norm.forward(&seen, pass.mode.batch_statistics)?.f_add(&clip)?;
        pass.stage(|| self.name.clone(), &y);
        y.f_transpose(1, 2)?.f_reshape([nt, c, h, w])
    }
}

/// The largest of two by two pixels of each frame of `[N, C, T, H, W]`.
fn pooled(x: &Tensor) -> Result<Tensor, TchError> {
    x.f_max_pool3d([1, 2, 2], [1, 2, 2], [0, 0, 0], [1, 1, 1], false)
}

/// A 3-D convolution of a single pixel, with bias.
#[derive(Debug)]
struct Pointwise {
    weight: Tensor,
    bias: Tensor,
}

impl Pointwise {
    fn new(path: &nn::Path, cin: i64, cout: i64) -> Result<Self, TchError> {
        let init: Init = uniform_by_inputs(cin);
        Ok(Self {
            weight: path.f_var("weight", &[cout, cin, 1, 1, 1], init)?,
            bias: path.f_var("bias", &[cout], init)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor, TchError> {
        x.f_conv3d(&self.weight, Some(&self.bias), [1, 1, 1], [0, 0, 0], [1, 1, 1], 1)
    }
}

#[cfg(test)]
#[path = "non_local_test.rs"]
mod non_local_test;
