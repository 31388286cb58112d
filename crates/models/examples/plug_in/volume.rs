//! A 3-D network of one's own, whole in this file: two convolutions over time and space.

use tch::nn::Init;
use tch::{Tensor, nn};
use timeweave_models::{Backbone, Cost, ModelError, NetworkPlug, Pass, TsnSpec};

/// Outputs of the two convolutions.
const WIDTHS: [i64; 2] = [16, 32];
/// Weights of a 3x3x3 kernel.
const KERNEL: i64 = 27;

/// The kind of network: its name, its features, its cost and how one is built.
#[derive(Debug)]
pub struct Volume;

fn inputs(spec: &TsnSpec) -> [i64; 2] {
    [spec.modality.conv_channels(), WIDTHS[0]]
}

impl NetworkPlug for Volume {
    fn name(&self) -> &'static str {
        "volume"
    }

    fn features(&self, _: &TsnSpec) -> i64 {
        WIDTHS[1]
    }

    fn build(&self, path: &nn::Path, spec: &TsnSpec) -> Result<Box<dyn Backbone>, ModelError> {
        let mut convs = Vec::new();
        for (index, (cin, cout)) in inputs(spec).into_iter().zip(WIDTHS).enumerate() {
            let spread = Init::Randn { mean: 0.0, stdev: (2.0 / (KERNEL * cin) as f64).sqrt() };
            let conv = path / format!("conv{}", index + 1);
            convs.push(conv.f_var("weight", &[cout, cin, 3, 3, 3], spread)?);
        }
        Ok(Box::new(Built { convs }))
    }

    fn costs(&self, spec: &TsnSpec, size: i64) -> Vec<(String, Cost)> {
        let (mut frames, mut size) = (spec.num_frames, size);
        let mut costs = Vec::new();
        for (index, (cin, cout)) in inputs(spec).into_iter().zip(WIDTHS).enumerate() {
            // A stride of 2 rounds up.
            (frames, size) = ((frames + 1) / 2, (size + 1) / 2);
            let params = KERNEL * cin * cout;
            let cost = Cost { params, macs: params * frames * size * size };
            costs.push((format!("conv{}", index + 1), cost));
        }
        costs
    }
}

/// The built network.
#[derive(Debug)]
struct Built {
    convs: Vec<Tensor>,
}

impl Backbone for Built {
    fn forward(&self, clip: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError> {
        let mut x = clip.f_transpose(1, 2)?;
        for (index, conv) in self.convs.iter().enumerate() {
            x = x.f_conv3d::<&Tensor>(conv, None, [2, 2, 2], [1, 1, 1], [1, 1, 1], 1)?.f_relu()?;
            pass.stage(|| format!("base_model.conv{}", index + 1), &x);
        }
        // One row of features for the whole clip.
        Ok(x.f_mean_dim([2i64, 3, 4].as_slice(), false, None)?)
    }
}
