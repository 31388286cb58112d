//! The weights of a network by name, and the few layers that all compositions are made of.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use tch::Tensor;

/// The epsilon of every batch norm.
const EPSILON: f64 = 1e-5;

/// A network's weights. Every look-up states the shape that the published description gives.
pub struct Weights {
    tensors: HashMap<String, Tensor>,
    used: RefCell<BTreeSet<String>>,
}

impl Weights {
    pub fn new(tensors: HashMap<String, Tensor>) -> Self {
        Self { tensors, used: RefCell::default() }
    }

    /// The weight of that name; panics unless it has that shape.
    pub fn get(&self, name: &str, shape: &[i64]) -> Tensor {
        let Some(tensor) = self.tensors.get(name) else {
            let mut names: Vec<&String> = self.tensors.keys().collect();
            names.sort();
            panic!("no weight is called {name}; there are {names:#?}");
        };
        assert_eq!(tensor.size(), shape, "the shape of {name}");
        self.used.borrow_mut().insert(name.to_owned());
        tensor.shallow_clone()
    }

    /// The weights that the composition has not asked for.
    pub fn unused(&self) -> Vec<String> {
        let used = self.used.borrow();
        let mut names: Vec<String> =
            self.tensors.keys().filter(|name| !used.contains(*name)).cloned().collect();
        names.sort();
        names
    }

    /// A convolution without bias over as many axes as `kernel` has lengths, padded by half of
    /// the kernel.
    pub fn conv(&self, name: &str, x: &Tensor, out: i64, kernel: &[i64], stride: &[i64]) -> Tensor {
        let weight = self.kernel(name, out, x.size()[1], kernel);
        convolve(x, &weight, None, stride, 1)
    }

    /// A convolution of each channel with its own kernel, without bias.
    pub fn depthwise(&self, name: &str, x: &Tensor, kernel: &[i64], stride: &[i64]) -> Tensor {
        let channels = x.size()[1];
        let weight = self.kernel(name, channels, 1, kernel);
        convolve(x, &weight, None, stride, channels)
    }

    /// A convolution with a bias and stride 1.
    pub fn conv_with_bias(&self, name: &str, x: &Tensor, out: i64, kernel: &[i64]) -> Tensor {
        let weight = self.kernel(name, out, x.size()[1], kernel);
        let bias = self.get(&format!("{name}.bias"), &[out]);
        convolve(x, &weight, Some(&bias), &vec![1; kernel.len()], 1)
    }

    fn kernel(&self, name: &str, out: i64, inputs: i64, kernel: &[i64]) -> Tensor {
        self.get(&format!("{name}.weight"), &[&[out, inputs], kernel].concat())
    }

    /// A batch norm with its running statistics, written out.
    pub fn norm(&self, name: &str, x: &Tensor) -> Tensor {
        let size = x.size();
        let mut wide = vec![1; size.len()];
        wide[1] = size[1];
        let part = |part: &str| self.get(&format!("{name}.{part}"), &[size[1]]).view(&wide[..]);
        let deviation = (part("running_var") + EPSILON).sqrt();
        (x - part("running_mean")) / deviation * part("weight") + part("bias")
    }

    /// Features times a matrix, plus a bias.
    pub fn linear(&self, name: &str, x: &Tensor, out: i64) -> Tensor {
        self.linear_without_bias(name, x, out) + self.get(&format!("{name}.bias"), &[out])
    }

    /// Features times a matrix.
    pub fn linear_without_bias(&self, name: &str, x: &Tensor, out: i64) -> Tensor {
        let inputs = *x.size().last().expect("features");
        x.matmul(&self.get(&format!("{name}.weight"), &[out, inputs]).tr())
    }
}

fn convolve(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: &[i64],
    groups: i64,
) -> Tensor {
    let kernel = weight.size()[2..].to_vec();
    let padding: Vec<i64> = kernel.iter().map(|length| length / 2).collect();
    let dilation = vec![1; kernel.len()];
    match kernel.len() {
        1 => x.conv1d(weight, bias, stride, &padding[..], &dilation[..], groups),
        2 => x.conv2d(weight, bias, stride, &padding[..], &dilation[..], groups),
        _ => x.conv3d(weight, bias, stride, &padding[..], &dilation[..], groups),
    }
}

/// Position `i` along `axis` of the result is position `i + by` of `x`, zero where there is none.
pub fn moved(x: &Tensor, axis: i64, by: i64) -> Tensor {
    let length = x.size()[axis as usize];
    let gap = by.abs().min(length);
    let mut blank = x.size();
    blank[axis as usize] = gap;
    let blank = Tensor::zeros(blank.as_slice(), (x.kind(), x.device()));
    let kept = x.narrow(axis, if by > 0 { gap } else { 0 }, length - gap);
    let parts = if by > 0 { [&kept, &blank] } else { [&blank, &kept] };
    Tensor::cat(&parts, axis)
}

/// The names of the taps of a temporal aggregation, earliest frame first (peers: bLVNet-TAM
/// `core/models/blvnet_tam_backbone.py:17-76`).
pub fn tap_names(frames: i64) -> Vec<String> {
    if frames == 3 {
        ["prev", "curr", "next"].map(str::to_owned).to_vec()
    } else {
        (0..frames).map(|j| format!("blending_layers.{j}")).collect()
    }
}

/// Residual blocks per stage of an ordinary ResNet.
pub fn blocks_per_stage(depth: i64) -> [i64; 4] {
    match depth {
        10 => [1, 1, 1, 1],
        18 => [2, 2, 2, 2],
        34 | 50 => [3, 4, 6, 3],
        101 => [3, 4, 23, 3],
        152 => [3, 8, 36, 3],
        200 => [3, 24, 36, 3],
        _ => panic!("no table for {depth} layers"),
    }
}
