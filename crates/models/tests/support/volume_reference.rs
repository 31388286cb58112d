//! The 3-D networks once more, as plain tensor calls over weights that are looked up by name.
//! Nothing here is shared with the crate: two readings of the official codes have to agree.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use tch::{Kind, Tensor};

/// Weights by name; remembers which of them were used.
pub struct Weights {
    tensors: HashMap<String, Tensor>,
    used: RefCell<BTreeSet<String>>,
    /// Batch norms normalise by the batch.
    pub train: bool,
}

impl Weights {
    pub fn new(tensors: HashMap<String, Tensor>, train: bool) -> Self {
        Self { tensors, used: RefCell::default(), train }
    }

    /// The names that no call asked for.
    pub fn unused(&self) -> Vec<&String> {
        self.tensors.keys().filter(|name| !self.used.borrow().contains(*name)).collect()
    }

    fn get(&self, name: &str) -> &Tensor {
        self.used.borrow_mut().insert(name.to_owned());
        self.tensors.get(name).unwrap_or_else(|| panic!("there is no weight called {name}"))
    }

    /// A convolution whose padding keeps the size, with strides in time and space.
    pub fn conv(&self, name: &str, x: &Tensor, t: i64, s: i64) -> Tensor {
        let w = self.get(&format!("{name}.weight"));
        let k = w.size();
        let padding = [(k[2] - 1) / 2, (k[3] - 1) / 2, (k[4] - 1) / 2];
        x.conv3d::<&Tensor>(w, None, [t, s, s], padding, [1, 1, 1], 1)
    }

    pub fn norm(&self, name: &str, x: &Tensor) -> Tensor {
        let part = |part: &str| self.get(&format!("{name}.{part}"));
        let (gamma, beta) = (part("weight"), part("bias"));
        let (mean, var) = (part("running_mean"), part("running_var"));
        let shape = [1, -1, 1, 1, 1];
        let (mean, var) = if self.train {
            let over: &[i64] = &[0, 2, 3, 4];
            (x.mean_dim(over, false, x.kind()), x.var_dim(over, false, false))
        } else {
            (mean.shallow_clone(), var.shallow_clone())
        };
        let scale = gamma / (var + 1e-5).sqrt();
        (x - mean.view(shape)) * scale.view(shape) + beta.view(shape)
    }

    pub fn classifier(&self, name: &str, x: &Tensor, has_bias: bool) -> Tensor {
        let y = x.matmul(&self.get(&format!("{name}.weight")).tr());
        if has_bias { y + self.get(&format!("{name}.bias")) } else { y }
    }

    /// `prev`, `curr` and `next` of a clip `[n, c, t, h, w]`, then ReLU.
    fn tam(&self, name: &str, x: &Tensor) -> Tensor {
        let tap = |part: &str| self.get(&format!("{name}.{part}.weight")).view([1, -1, 1, 1, 1]);
        let (prev, curr, next) = (tap("prev"), tap("curr"), tap("next"));
        let t = x.size()[2];
        let still = x.zeros_like().narrow(2, 0, 1);
        let before = Tensor::cat(&[&still, &x.narrow(2, 0, t - 1)], 2);
        let after = Tensor::cat(&[&x.narrow(2, 1, t - 1), &still], 2);
        (before * prev + x * curr + after * next).relu()
    }
}

/// `[N, T, C, H, W]` to what 3-D convolutions take.
pub fn channels_first(clip: &Tensor) -> Tensor {
    clip.permute([0, 2, 1, 3, 4]).contiguous()
}

fn average(x: &Tensor) -> Tensor {
    x.flatten(2, -1).mean_dim([2i64].as_slice(), false, x.kind())
}

fn spatial_pool(x: &Tensor) -> Tensor {
    x.max_pool3d([1, 3, 3], [1, 2, 2], [0, 1, 1], [1, 1, 1], false)
}

/// What a pathway's modules are called: the stem, a stage, the parts of a block.
pub struct Style {
    pub stem: (String, String),
    pub stage: fn(&str, usize) -> String,
    pub prefix: String,
    /// Convolution and norm number 1, 2 or 3 of a block.
    pub layer: fn(&str, usize) -> (String, String),
    pub shortcut: fn(&str) -> (String, String),
}

impl Style {
    /// X-Temporal's `slow` or `fast`.
    pub fn x_temporal(prefix: &str) -> Self {
        Self {
            stem: (format!("{prefix}_conv1"), format!("{prefix}_bn1")),
            stage: |prefix, stage| format!("{prefix}_res{}", stage + 1),
            prefix: prefix.into(),
            layer: |block, k| (format!("{block}.conv{k}"), format!("{block}.bn{k}")),
            shortcut: |block| (format!("{block}.downsample.0"), format!("{block}.downsample.1")),
        }
    }

    /// mmaction2's `backbone`, `backbone.slow_path` or `backbone.fast_path`.
    pub fn mmaction2(prefix: &str) -> Self {
        Self {
            stem: (format!("{prefix}.conv1.conv"), format!("{prefix}.conv1.bn")),
            stage: |prefix, stage| format!("{prefix}.layer{stage}"),
            prefix: prefix.into(),
            layer: |block, k| (format!("{block}.conv{k}.conv"), format!("{block}.conv{k}.bn")),
            shortcut: |block| {
                (format!("{block}.downsample.conv"), format!("{block}.downsample.bn"))
            },
        }
    }

    /// pytorchvideo's, with what stands behind `blocks.K`.
    pub fn fair(suffix: &str) -> Self {
        Self {
            stem: (format!("blocks.0{suffix}.conv"), format!("blocks.0{suffix}.norm")),
            stage: |suffix, stage| format!("blocks.{stage}{suffix}.res_blocks"),
            prefix: suffix.into(),
            layer: |block, k| {
                let letter = char::from(b'a' + k as u8 - 1);
                (format!("{block}.branch2.conv_{letter}"), format!("{block}.branch2.norm_{letter}"))
            },
            shortcut: |block| (format!("{block}.branch1_conv"), format!("{block}.branch1_norm")),
        }
    }

    /// The stem with its pooling.
    pub fn stem(&self, w: &Weights, clip: &Tensor) -> Tensor {
        let (conv, norm) = &self.stem;
        spatial_pool(&w.norm(norm, &w.conv(conv, clip, 1, 2)).relu())
    }

    /// Stage 1 to 4 with so many blocks.
    pub fn stage(&self, w: &Weights, number: usize, blocks: usize, mut x: Tensor) -> Tensor {
        for index in 0..blocks {
            let block = format!("{}.{index}", (self.stage)(&self.prefix, number));
            let s = if number > 1 && index == 0 { 2 } else { 1 };
            let layer = |k: usize, x: &Tensor, s: i64| {
                let (conv, norm) = (self.layer)(&block, k);
                w.norm(&norm, &w.conv(&conv, x, 1, s))
            };
            let y = layer(3, &layer(2, &layer(1, &x, 1).relu(), s).relu(), 1);
            let shortcut = if index == 0 {
                let (conv, norm) = (self.shortcut)(&block);
                w.norm(&norm, &w.conv(&conv, &x, 1, s))
            } else {
                x
            };
            x = (y + shortcut).relu();
        }
        x
    }

    /// The pathway alone, `[n, 3, t, h, w]` to `[n, F]`.
    pub fn features(&self, w: &Weights, clip: &Tensor, blocks: [usize; 4]) -> Tensor {
        let mut x = self.stem(w, clip);
        for (number, count) in (1..).zip(blocks) {
            x = self.stage(w, number, count, x);
        }
        average(&x)
    }
}

/// Both pathways; `lateral` names the convolution and perhaps the norm before stage 1 to 4.
pub struct Pair {
    pub slow: Style,
    pub fast: Style,
    pub lateral: fn(usize) -> (String, Option<String>),
    pub alpha: i64,
    /// The frames that the slow pathway sees.
    pub picks: Vec<i64>,
}

impl Pair {
    /// Slow and fast features.
    pub fn features(&self, w: &Weights, clip: &Tensor, blocks: [usize; 4]) -> (Tensor, Tensor) {
        let mut fast = self.fast.stem(w, clip);
        let mut slow = self.slow.stem(w, &clip.index_select(2, &Tensor::from_slice(&self.picks)));
        for (number, count) in (1..).zip(blocks) {
            let (conv, norm) = (self.lateral)(number);
            let mut lateral = w.conv(&conv, &fast, self.alpha, 1);
            if let Some(norm) = norm {
                lateral = w.norm(&norm, &lateral).relu();
            }
            slow = self.slow.stage(w, number, count, Tensor::cat(&[slow, lateral], 1));
            fast = self.fast.stage(w, number, count, fast);
        }
        (average(&slow), average(&fast))
    }
}

/// A ResNet-3D or an R(2+1)D.
pub struct Residual {
    /// Every cubic convolution is one in space and one in time.
    pub factorised: bool,
    /// How many frames the stem's max pool sees, if there is one.
    pub max_pool: Option<i64>,
    pub shortcut_a: bool,
    /// What the aggregations are called, if there are any.
    pub tam: Option<&'static str>,
    pub bottleneck: bool,
    pub blocks: [usize; 4],
}

impl Residual {
    fn cubic(&self, w: &Weights, name: &str, x: &Tensor, t: i64, s: i64) -> Tensor {
        if !self.factorised {
            return w.conv(name, x, t, s);
        }
        let x = w.conv(&format!("{name}.spatial_conv"), x, 1, s);
        let x = w.norm(&format!("{name}.bn"), &x).relu();
        w.conv(&format!("{name}.temporal_conv"), &x, t, 1)
    }

    fn block(&self, w: &Weights, name: &str, x: &Tensor, s: i64) -> Tensor {
        let part = |part: &str| format!("{name}.{part}");
        let input = self.tam.map_or_else(|| x.shallow_clone(), |tam| w.tam(&part(tam), x));
        let y = if self.bottleneck {
            let y = w.norm(&part("bn1"), &w.conv(&part("conv1"), &input, 1, 1)).relu();
            let y = w.norm(&part("bn2"), &self.cubic(w, &part("conv2"), &y, s, s)).relu();
            w.norm(&part("bn3"), &w.conv(&part("conv3"), &y, 1, 1))
        } else {
            let y = w.norm(&part("bn1"), &self.cubic(w, &part("conv1"), &input, s, s)).relu();
            w.norm(&part("bn2"), &self.cubic(w, &part("conv2"), &y, 1, 1))
        };
        let shortcut = if y.size() == x.size() {
            x.shallow_clone()
        } else if self.shortcut_a {
            let x = x.detach().avg_pool3d([1, 1, 1], [s, s, s], [0, 0, 0], false, true, None);
            x.constant_pad_nd([0, 0, 0, 0, 0, 0, 0, y.size()[1] - x.size()[1]])
        } else {
            w.norm(&part("downsample.1"), &w.conv(&part("downsample.0"), x, s, s))
        };
        (y + shortcut).relu()
    }

    /// `[n, 3, t, h, w]` to `[n, F]`.
    pub fn features(&self, w: &Weights, clip: &Tensor) -> Tensor {
        let mut x = w.norm("bn1", &self.cubic(w, "conv1", clip, 1, 2)).relu();
        if let Some(t) = self.max_pool {
            let half = [(t + 1) / 2, 2, 2];
            x = x.max_pool3d([t, 3, 3], half, [t / 2, 1, 1], [1, 1, 1], false);
        }
        for (stage, count) in (1..).zip(self.blocks) {
            for index in 0..count {
                let s = if stage > 1 && index == 0 { 2 } else { 1 };
                x = self.block(w, &format!("layer{stage}.{index}"), &x, s);
            }
        }
        average(&x)
    }
}

/// Cross entropy of the clips with classes 0, 1, ...
pub fn loss(logits: &Tensor) -> Tensor {
    let labels = Tensor::arange(logits.size()[0], (Kind::Int64, logits.device()));
    logits.log_softmax(-1, logits.kind()).nll_loss(&labels)
}
