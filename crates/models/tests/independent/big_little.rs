//! bLVNet-TAM (IBM/bLVNet-TAM `core/models/blvnet_tam_backbone.py`, `core/models/blvnet_tam.py`).

use tch::{Kind, Tensor};

use crate::frames::fold;
use crate::weights::{Weights, moved, tap_names};

/// bLVNet-TAM.
pub struct BigLittle<'a> {
    pub weights: &'a Weights,
    /// Residual blocks of the first three stages.
    pub blocks: [i64; 3],
    pub alpha: i64,
    pub beta: i64,
    pub taps: i64,
}

/// What a block does besides its convolutions.
#[derive(Clone, Copy)]
struct Block {
    out: i64,
    stride: i64,
    downsample: bool,
    last_relu: bool,
    /// The frames that its TAM sees, where it has one.
    tam: Option<i64>,
}

fn name(part: &str) -> String {
    format!("baseline_model.{part}")
}

impl BigLittle<'_> {
    /// The logits of a clip of an even number of frames.
    pub fn logits(&self, clip: &Tensor, classes: i64) -> Tensor {
        let frames = clip.size()[1];
        let mut x = self.stem(&fold(clip), frames);
        for (stage, blocks) in self.blocks.into_iter().enumerate() {
            let stride = if stage < 2 { 2 } else { 1 };
            let layer = name(&format!("layer{}", stage + 1));
            x = self.module(&layer, &x, frames, (256 << stage, blocks, stride));
        }
        x = of_pairs(&x, 1);
        for index in 0..3 {
            let first = index == 0;
            let block = Block {
                out: 2048,
                stride: if first { 2 } else { 1 },
                downsample: first,
                last_relu: true,
                tam: Some(frames / 2),
            };
            x = self.bottleneck(&name(&format!("layer4.{index}")), &x, block);
        }
        let features = x.mean_dim([2i64, 3].as_slice(), false, Kind::Double);
        let logits = self.weights.linear("new_fc", &features, classes);
        logits.view([-1, frames / 2, classes]).mean_dim([1i64].as_slice(), false, Kind::Double)
    }

    fn conv_norm(
        &self,
        names: [&str; 2],
        x: &Tensor,
        (out, kernel, stride): (i64, i64, i64),
    ) -> Tensor {
        let y = self.weights.conv(names[0], x, out, &[kernel; 2], &[stride; 2]);
        self.weights.norm(names[1], &y)
    }

    fn stem(&self, x: &Tensor, frames: i64) -> Tensor {
        let layer = |conv: &str, norm: &str, x: &Tensor, shape: (i64, i64, i64)| {
            self.conv_norm([&name(conv), &name(norm)], x, shape)
        };
        let x = layer("conv1", "bn1", x, (64, 7, 2)).relu();
        let x = self.aggregate(&name("tam"), &x, frames);
        let big = layer("b_conv0", "bn_b0", &of_pairs(&x, 1), (64, 3, 2));
        let narrow = 64 / self.alpha;
        let little = layer("l_conv0", "bn_l0", &of_pairs(&x, 0), (narrow, 3, 1)).relu();
        let little = layer("l_conv1", "bn_l1", &little, (narrow, 3, 2)).relu();
        let little = layer("l_conv2", "bn_l2", &little, (64, 1, 1));
        let both = (big + little).relu();
        in_both_places(&layer("bl_init", "bn_bl_init", &both, (64, 1, 1)).relu())
    }

    /// A big-little stage: odd frames at half resolution, even frames in fewer channels.
    fn module(
        &self,
        layer: &str,
        x: &Tensor,
        frames: i64,
        (out, blocks, stride): (i64, i64, i64),
    ) -> Tensor {
        let x = self.aggregate(&format!("{layer}.tam"), x, frames);
        let big =
            self.stage(&format!("{layer}.big"), &of_pairs(&x, 1), (out, blocks - 1, 2), false);
        let short = (blocks / self.beta - 1).max(1);
        let narrow = out / self.alpha;
        let little =
            self.stage(&format!("{layer}.little"), &of_pairs(&x, 0), (narrow, short, 1), true);
        let names = [0, 1].map(|k| format!("{layer}.little_e.{k}"));
        let little = self.conv_norm([&names[0], &names[1]], &little, (out, 1, 1));
        let big = nearest(&big, little.size()[2], little.size()[3]);
        let both = (big + little).relu();
        in_both_places(&self.stage(&format!("{layer}.fusion"), &both, (out, 1, stride), true))
    }

    fn stage(
        &self,
        stage: &str,
        x: &Tensor,
        (out, blocks, stride): (i64, i64, i64),
        last_relu: bool,
    ) -> Tensor {
        let mut x = x.shallow_clone();
        for index in 0..blocks {
            let first = index == 0;
            let block = Block {
                out,
                stride: if first { stride } else { 1 },
                downsample: first,
                last_relu: first || index < blocks - 1 || last_relu,
                tam: None,
            };
            x = self.bottleneck(&format!("{stage}.{index}"), &x, block);
        }
        x
    }

    /// The shortcut without layers takes the block's input, the one with layers what TAM made of
    /// it (`blvnet_tam_backbone.py:111-129`).
    fn bottleneck(&self, block: &str, input: &Tensor, how: Block) -> Tensor {
        let part = |part: &str| format!("{block}.{part}");
        let layer = |k: i64, x: &Tensor, shape: (i64, i64, i64)| {
            self.conv_norm([&part(&format!("conv{k}")), &part(&format!("bn{k}"))], x, shape)
        };
        let x = how.tam.map_or_else(
            || input.shallow_clone(),
            |frames| self.aggregate(&part("tam"), input, frames),
        );
        let y = layer(1, &x, (how.out / 4, 1, 1)).relu();
        let y = layer(2, &y, (how.out / 4, 3, how.stride)).relu();
        let y = layer(3, &y, (how.out, 1, 1));
        let shortcut = if how.downsample {
            let (pooled, next) = if how.stride == 1 {
                (x, 0)
            } else {
                (x.avg_pool2d([3, 3], [2, 2], [1, 1], false, true, None::<i64>), 1)
            };
            if pooled.size()[1] == how.out {
                pooled
            } else {
                let names = [next, next + 1].map(|k| part(&format!("downsample.{k}")));
                self.conv_norm([&names[0], &names[1]], &pooled, (how.out, 1, 1))
            }
        } else {
            input.shallow_clone()
        };
        let sum = y + shortcut;
        if how.last_relu { sum.relu() } else { sum }
    }

    /// TAM: a weighted sum of neighbouring frames per channel, then a ReLU.
    fn aggregate(&self, tam: &str, x: &Tensor, frames: i64) -> Tensor {
        let size = x.size();
        let x5 = x.view([-1, frames, size[1], size[2], size[3]]);
        let mut sum = x5.zeros_like();
        for (j, tap) in tap_names(self.taps).iter().enumerate() {
            let weight = self.weights.get(&format!("{tam}.{tap}.weight"), &[size[1], 1, 1, 1]);
            let frame = moved(&x5, 1, j as i64 - self.taps / 2);
            sum += frame * weight.view([1, 1, size[1], 1, 1]);
        }
        sum.relu().view(&size[..])
    }
}

/// The first (0) or the second (1) frames of all pairs.
fn of_pairs(x: &Tensor, which: i64) -> Tensor {
    let size = x.size();
    x.view([size[0] / 2, 2, size[1], size[2], size[3]]).select(1, which)
}

/// Every map twice, as both frames of its pair.
fn in_both_places(x: &Tensor) -> Tensor {
    Tensor::stack(&[x, x], 1).flatten(0, 1)
}

/// Nearest neighbour: position `i` of the result is position `floor(i * from / to)`.
fn nearest(x: &Tensor, height: i64, width: i64) -> Tensor {
    let pick = |from: i64, to: i64| {
        Tensor::from_slice(&(0..to).map(|i| i * from / to).collect::<Vec<i64>>())
    };
    let size = x.size();
    x.index_select(2, &pick(size[2], height)).index_select(3, &pick(size[3], width))
}
