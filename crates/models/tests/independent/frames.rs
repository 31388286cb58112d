//! TSN, TSM, TIN and TAM-ResNet on an ordinary ResNet, from their descriptions: TIN
//! `ops/temporal_interlace.py:19-204`, TSM `ops/temporal_shift.py:30-43,98-140`, X-Temporal
//! `ops/non_local.py`, IBM action-recognition-pytorch `models/twod_models/resnet.py:71-130` and
//! `temporal_modeling.py:23-95`.

use tch::{Kind, Tensor};

use crate::weights::{Weights, blocks_per_stage, moved, tap_names};

/// What a block does to its frames before a convolution.
pub enum Mixing {
    None,
    /// The first fold from the next frame, the second from the previous one, before conv1 of
    /// every `round`-th block.
    Shift {
        div: i64,
        round: i64,
    },
    /// The first fold from the previous frame.
    PastShift {
        div: i64,
    },
    /// [`Mixing::Shift`] before conv1 and before conv2.
    TwoPath {
        div: i64,
    },
    /// TIN, its offsets `scale * (sigmoid - 1/2)`.
    Interlace {
        div: i64,
        scale: f64,
    },
    /// A sum of shifted frames, each through its own 1x1 convolution over all channels.
    BlendAll {
        taps: i64,
    },
    /// The largest of shifted frames, each times its own number per channel.
    BlendMax {
        taps: i64,
    },
    /// [`Mixing::Shift`] of the input of every block, shortcut included.
    Block {
        div: i64,
    },
}

/// A ResNet over frames.
pub struct FrameNetwork<'a> {
    pub weights: &'a Weights,
    pub prefix: &'static str,
    pub head: &'static str,
    pub depth: i64,
    pub mixing: Mixing,
    pub non_local: bool,
}

/// The frames of `[N, T, C, H, W]` one under another.
pub fn fold(clip: &Tensor) -> Tensor {
    clip.flatten(0, 1)
}

/// Folded frames as `[N, T, ...]`.
fn unfold(x: &Tensor, frames: i64) -> Tensor {
    let size = x.size();
    x.reshape([&[size[0] / frames, frames], &size[1..]].concat())
}

impl FrameNetwork<'_> {
    /// The logits of every frame, `[N, T, classes]`.
    pub fn frame_logits(&self, clip: &Tensor, classes: i64) -> Tensor {
        let (w, frames) = (self.weights, clip.size()[1]);
        let stem = w.conv(&self.name("conv1"), &fold(clip), 64, &[7, 7], &[2, 2]);
        let mut x = w.norm(&self.name("bn1"), &stem).relu();
        x = x.max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false);
        for (stage, blocks) in blocks_per_stage(self.depth).into_iter().enumerate() {
            for index in 0..blocks {
                let stride = if stage > 0 && index == 0 { 2 } else { 1 };
                x = self.stage_block(&x, frames, (stage as i64, index), stride);
            }
        }
        let features = x.mean_dim([2i64, 3].as_slice(), false, Kind::Double);
        unfold(&w.linear(self.head, &features, classes), frames)
    }

    fn name(&self, part: &str) -> String {
        format!("{}{part}", self.prefix)
    }

    /// A block, and the attention over its output where there is one.
    fn stage_block(
        &self,
        x: &Tensor,
        frames: i64,
        (stage, index): (i64, i64),
        stride: i64,
    ) -> Tensor {
        let name = self.name(&format!("layer{}.{index}", stage + 1));
        let planes = 64 << stage;
        let attends = match stage {
            1 => [0, 2].contains(&index),
            2 => [0, 2, 4].contains(&index),
            _ => false,
        };
        if self.non_local && attends {
            let inner = self.block(&format!("{name}.block"), x, frames, index, (planes, stride));
            non_local(self.weights, &format!("{name}.nl"), &inner, frames)
        } else if let Mixing::Block { div } = self.mixing {
            let shifted = shift(x, frames, div);
            self.block(&format!("{name}.net"), &shifted, frames, index, (planes, stride))
        } else {
            self.block(&name, x, frames, index, (planes, stride))
        }
    }

    fn block(
        &self,
        name: &str,
        x: &Tensor,
        frames: i64,
        index: i64,
        (planes, stride): (i64, i64),
    ) -> Tensor {
        let w = self.weights;
        let norm = |part: &str, x: &Tensor| w.norm(&format!("{name}.{part}"), x);
        let (mixed, conv1) = self.mixed(name, x, frames, index);
        let bottleneck = self.depth >= 50;
        // The stride of a bottleneck stands in its 3x3 convolution.
        let (k1, s1, s2) = if bottleneck { (1, 1, stride) } else { (3, stride, 1) };
        let y = norm("bn1", &w.conv(&conv1, &mixed, planes, &[k1, k1], &[s1, s1])).relu();
        let (y, conv2) = match self.mixing {
            Mixing::TwoPath { div } => (shift(&y, frames, div), format!("{name}.conv2.net")),
            _ => (y, format!("{name}.conv2")),
        };
        let mut y = norm("bn2", &w.conv(&conv2, &y, planes, &[3, 3], &[s2, s2]));
        let out = if bottleneck { 4 * planes } else { planes };
        if bottleneck {
            y = norm("bn3", &w.conv(&format!("{name}.conv3"), &y.relu(), out, &[1, 1], &[1, 1]));
        }
        let shortcut = if stride != 1 || x.size()[1] != out {
            let shortcut = format!("{name}.downsample.0");
            norm("downsample.1", &w.conv(&shortcut, x, out, &[1, 1], &[stride, stride]))
        } else {
            x.shallow_clone()
        };
        (y + shortcut).relu()
    }

    /// The input of a block's first convolution and the name of that convolution.
    fn mixed(&self, name: &str, x: &Tensor, frames: i64, index: i64) -> (Tensor, String) {
        let plain = (x.shallow_clone(), format!("{name}.conv1"));
        let net = format!("{name}.conv1.net");
        match self.mixing {
            Mixing::Shift { round, .. } if index % round != 0 => plain,
            Mixing::Shift { div, .. } | Mixing::TwoPath { div } => (shift(x, frames, div), net),
            Mixing::PastShift { div } => (past_shift(x, frames, div), net),
            Mixing::Interlace { div, scale } => {
                let module = format!("{name}.conv1.net1");
                let y = interlace(self.weights, &module, x, frames, (div, scale));
                (y, format!("{name}.conv1.net2"))
            }
            Mixing::BlendAll { taps } => {
                let mixed = blended(self.weights, name, x, frames, taps);
                (mixed.into_iter().reduce(|sum, x| sum + x).expect("taps").relu(), plain.1)
            }
            Mixing::BlendMax { taps } => {
                let mixed = scaled(self.weights, name, x, frames, taps);
                (
                    mixed.into_iter().reduce(|most, x| most.maximum(&x)).expect("taps").relu(),
                    plain.1,
                )
            }
            Mixing::None | Mixing::Block { .. } => plain,
        }
    }
}

/// TSM: `C / div` channels from the next frame, as many from the previous one, the rest stay.
pub fn shift(x: &Tensor, frames: i64, div: i64) -> Tensor {
    let x5 = unfold(x, frames);
    let (c, fold) = (x.size()[1], x.size()[1] / div);
    let next = moved(&x5.narrow(2, 0, fold), 1, 1);
    let previous = moved(&x5.narrow(2, fold, fold), 1, -1);
    let stays = x5.narrow(2, 2 * fold, c - 2 * fold);
    Tensor::cat(&[next, previous, stays], 2).flatten(0, 1)
}

/// The online TSM: `C / div` channels from the previous frame, the rest stay.
pub fn past_shift(x: &Tensor, frames: i64, div: i64) -> Tensor {
    let x5 = unfold(x, frames);
    let (c, fold) = (x.size()[1], x.size()[1] / div);
    let previous = moved(&x5.narrow(2, 0, fold), 1, -1);
    Tensor::cat(&[previous, x5.narrow(2, fold, c - fold)], 2).flatten(0, 1)
}

/// TIN: four groups of channels move by a learnt, fractional number of frames and are weighed by
/// their frame; a positive offset moves a group to later frames.
fn interlace(w: &Weights, name: &str, x: &Tensor, frames: i64, (div, scale): (i64, f64)) -> Tensor {
    let x5 = unfold(x, frames);
    let (clips, c) = (x5.size()[0], x.size()[1]);
    let (folded, group) = (c / div, c / div / 4);
    let means = x5.narrow(2, 0, folded).mean_dim([3i64, 4].as_slice(), false, Kind::Double);
    let means = means.transpose(1, 2);

    let net = format!("{name}.biasnet.net");
    let y = w.conv_with_bias(&format!("{net}.conv"), &means, 1, &[3]).squeeze_dim(1);
    let y = w.linear(&format!("{net}.fc"), &y, frames).relu();
    let offsets = (w.linear(&format!("{net}.lastlayer"), &y, 2).sigmoid() - 0.5) * scale;
    let last = format!("{name}.weightnet.net.lastlayer");
    let factors = w.conv_with_bias(&last, &means, 2, &[3]).sigmoid() * 2.0;

    let of_clip = |n: i64| {
        let clip = x5.get(n);
        let mut groups: Vec<Tensor> = (0..4)
            .map(|g| {
                let sign = if g < 2 { 1.0 } else { -1.0 };
                let offset = sign * offsets.double_value(&[n, g % 2]);
                let whole = offset.floor();
                let part = clip.narrow(1, g * group, group);
                let near = moved(&part, 0, -(whole as i64)) * (1.0 - (offset - whole));
                let far = moved(&part, 0, -(whole as i64) - 1) * (offset - whole);
                (near + far) * factors.get(n).get(g % 2).view([frames, 1, 1, 1])
            })
            .collect();
        groups.push(clip.narrow(1, folded, c - folded));
        Tensor::cat(&groups, 1)
    };
    Tensor::cat(&(0..clips).map(of_clip).collect::<Vec<_>>(), 0)
}

/// The frames that TAM of action-recognition-pytorch sees, with the names of their weights.
fn shifted(name: &str, x: &Tensor, frames: i64, taps: i64) -> Vec<(String, Tensor)> {
    let suffix = if taps == 3 { "_se" } else { "" };
    let name = |tap: &str| format!("{name}.tam.{tap}{suffix}.fc1");
    let frame = |j: usize| moved(&unfold(x, frames), 1, j as i64 - taps / 2).flatten(0, 1);
    let names = tap_names(taps);
    names.iter().enumerate().map(|(j, tap)| (name(tap), frame(j))).collect()
}

/// The shifted frames through 1x1 convolutions over all channels.
fn blended(w: &Weights, name: &str, x: &Tensor, frames: i64, taps: i64) -> Vec<Tensor> {
    let shifted = shifted(name, x, frames, taps);
    shifted.iter().map(|(tap, y)| w.conv(tap, y, y.size()[1], &[1, 1], &[1, 1])).collect()
}

/// The shifted frames, each channel times a number.
fn scaled(w: &Weights, name: &str, x: &Tensor, frames: i64, taps: i64) -> Vec<Tensor> {
    let shifted = shifted(name, x, frames, taps);
    shifted.iter().map(|(tap, y)| w.depthwise(tap, y, &[1, 1], &[1, 1])).collect()
}

/// Embedded gaussian attention over all positions of a clip, with a residual connection.
fn non_local(w: &Weights, name: &str, x: &Tensor, frames: i64) -> Tensor {
    let clip = unfold(x, frames).transpose(1, 2).contiguous();
    let c = clip.size()[1];
    let embed = |part: &str| w.conv_with_bias(&format!("{name}.{part}"), &clip, c / 2, &[1, 1, 1]);
    let pooled = |part: &str| {
        let (window, none, one) = ([1, 2, 2], [0, 0, 0], [1, 1, 1]);
        embed(part).max_pool3d(window, window, none, one, false).flatten(2, -1)
    };
    let theta = embed("theta");
    let attention = theta.flatten(2, -1).transpose(1, 2).matmul(&pooled("phi.0"));
    let y = attention.softmax(-1, Kind::Double).matmul(&pooled("g.0").transpose(1, 2));
    let y = y.transpose(1, 2).reshape(theta.size());
    let y = w.conv_with_bias(&format!("{name}.W.0"), &y, c, &[1, 1, 1]);
    let sum = w.norm(&format!("{name}.W.1"), &y) + clip;
    sum.transpose(1, 2).flatten(0, 1)
}
