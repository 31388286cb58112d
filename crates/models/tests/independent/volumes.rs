//! ResNet-3D and R(2+1)D (X-Temporal `models/resnet3D.py:105-212`, `models/stresnet.py:16-254`),
//! with the aggregation of frames that our specification puts before conv1 of every block.

use tch::{Kind, Tensor};

use crate::weights::{Weights, blocks_per_stage, moved, tap_names};

/// Whole volumetric convolutions, or their factors in space and time.
#[derive(Clone, Copy, PartialEq)]
pub enum Family {
    Resnet3d,
    R2plus1d { max_pool: bool },
}

/// A ResNet over volumes.
pub struct VolumeNetwork<'a> {
    pub weights: &'a Weights,
    pub depth: i64,
    pub family: Family,
    /// Shortcut A: subsampling and zero channels instead of a convolution.
    pub zero_pad: bool,
    pub tam: bool,
}

impl VolumeNetwork<'_> {
    /// The logits of clips `[N, T, 3, H, W]`.
    pub fn logits(&self, clip: &Tensor, classes: i64) -> Tensor {
        let w = self.weights;
        let clip = clip.transpose(1, 2).contiguous();
        let kernel = if self.family == Family::Resnet3d { [7, 7, 7] } else { [3, 7, 7] };
        let stem = self.conv("conv1", &clip, 64, kernel, [1, 2, 2]);
        let mut x = w.norm("bn1", &stem).relu();
        let one = [1, 1, 1];
        x = match self.family {
            Family::Resnet3d => x.max_pool3d([3, 3, 3], [2, 2, 2], one, one, false),
            Family::R2plus1d { max_pool: true } => {
                x.max_pool3d([1, 3, 3], [1, 2, 2], [0, 1, 1], one, false)
            }
            Family::R2plus1d { max_pool: false } => x,
        };
        for (stage, blocks) in blocks_per_stage(self.depth).into_iter().enumerate() {
            for index in 0..blocks {
                let stride = if stage > 0 && index == 0 { 2 } else { 1 };
                let name = format!("layer{}.{index}", stage + 1);
                x = self.block(&name, &x, 64 << stage, stride);
            }
        }
        let features = x.mean_dim([2i64, 3, 4].as_slice(), false, Kind::Double);
        w.linear("fc", &features, classes)
    }

    fn block(&self, name: &str, x: &Tensor, planes: i64, stride: i64) -> Tensor {
        let part = |part: &str| format!("{name}.{part}");
        let norm = |name: &str, x: &Tensor| self.weights.norm(&part(name), x);
        let strides = [stride; 3];
        let mixed = if self.tam { self.aggregate(&part("tam"), x) } else { x.shallow_clone() };
        let (y, out) = if self.depth >= 50 {
            let out = 4 * planes;
            let y = self.weights.conv(&part("conv1"), &mixed, planes, &[1; 3], &[1; 3]);
            let y = self.conv(&part("conv2"), &norm("bn1", &y).relu(), planes, [3; 3], strides);
            let y = norm("bn2", &y).relu();
            (norm("bn3", &self.weights.conv(&part("conv3"), &y, out, &[1; 3], &[1; 3])), out)
        } else {
            let y = self.conv(&part("conv1"), &mixed, planes, [3; 3], strides);
            let y = self.conv(&part("conv2"), &norm("bn1", &y).relu(), planes, [3; 3], [1; 3]);
            (norm("bn2", &y), planes)
        };
        let shortcut = if stride == 1 && x.size()[1] == out {
            x.shallow_clone()
        } else if self.zero_pad {
            subsampled(x, stride, out)
        } else {
            let y = self.weights.conv(&part("downsample.0"), x, out, &[1; 3], &strides);
            norm("downsample.1", &y)
        };
        (y + shortcut).relu()
    }

    /// A volumetric convolution, or its two factors with as many middle channels as keep the
    /// number of weights.
    fn conv(&self, name: &str, x: &Tensor, out: i64, kernel: [i64; 3], stride: [i64; 3]) -> Tensor {
        let w = self.weights;
        if self.family == Family::Resnet3d {
            return w.conv(name, x, out, &kernel, &stride);
        }
        let ([kt, kh, kw], cin) = (kernel, x.size()[1]);
        let middle = kt * kh * kw * cin * out / (kh * kw * cin + kt * out);
        let space = format!("{name}.spatial_conv");
        let y = w.conv(&space, x, middle, &[1, kh, kw], &[1, stride[1], stride[2]]);
        let y = w.norm(&format!("{name}.bn"), &y).relu();
        w.conv(&format!("{name}.temporal_conv"), &y, out, &[kt, 1, 1], &[stride[0], 1, 1])
    }

    /// A weighted sum of three neighbouring frames per channel, then a ReLU.
    fn aggregate(&self, name: &str, x: &Tensor) -> Tensor {
        let c = x.size()[1];
        let mut sum = x.zeros_like();
        for (j, tap) in tap_names(3).iter().enumerate() {
            let weight = self.weights.get(&format!("{name}.{tap}.weight"), &[c, 1, 1, 1]);
            sum += moved(x, 2, j as i64 - 1) * weight.view([1, c, 1, 1, 1]);
        }
        sum.relu()
    }
}

/// Every `stride`-th position in time and space, and zeros for the channels that are missing.
fn subsampled(x: &Tensor, stride: i64, channels: i64) -> Tensor {
    let mut y = x.shallow_clone();
    for axis in 2..5 {
        y = y.slice(axis, None::<i64>, None::<i64>, stride);
    }
    let mut missing = y.size();
    missing[1] = channels - missing[1];
    let zeros = Tensor::zeros(missing.as_slice(), (y.kind(), y.device()));
    Tensor::cat(&[y, zeros], 1)
}
