//! The 2-D networks once more, written frame by frame with plain tensor calls from the papers and
//! the official codes' descriptions, to compare the crate's networks with where there is no
//! reference case. Slow and short on purpose; weights are looked up under their official names.

mod big_little;

use std::collections::HashMap;

use serde_json::Value;
use tch::{Kind, Tensor};

/// A network as a table of weights.
pub struct Composed<'a> {
    pub weights: &'a HashMap<String, Tensor>,
    pub spec: &'a Value,
    /// Normalise by the batch instead of the running statistics.
    pub batch_statistics: bool,
}

impl Composed<'_> {
    /// Logits of clips `[N, T, C, H, W]`.
    pub fn forward(&self, clip: &Tensor) -> Tensor {
        let size = clip.size();
        let (n, t, h, w) = (size[0], size[1], size[3], size[4]);
        let mut frames = clip.reshape([n * t, size[2], h, w]);
        if self.spec["modality"] == "rgb-diff" {
            let images: Vec<Tensor> = frames.chunk(6, 1);
            let steps: Vec<Tensor> = (0..5).map(|k| &images[k + 1] - &images[k]).collect();
            frames = Tensor::cat(&steps, 1);
        }
        let maps = match self.spec["arch"].as_str() {
            Some("blvnet-tam") => self.blvnet(&frames, t),
            _ if self.spec["depth"] == "mobilenet-v2" => self.mobilenet(&frames, t),
            _ => self.resnet(&frames, t),
        };
        let pooled = maps.mean_dim([2i64, 3].as_slice(), false, None);
        let head = ["new_fc", "classifier", "fc", "base_model.fc", "base_model.classifier"]
            .into_iter()
            .chain(["baseline_model.fc"])
            .find(|head| self.weights.contains_key(&format!("{head}.weight")))
            .expect("a classifier");
        let logits =
            pooled.matmul(&self.weight(head).tr()) + &self.weights[&format!("{head}.bias")];
        let logits = logits.reshape([n, -1, logits.size()[1]]);
        if self.spec["consensus"] == "identity" {
            return if t == 1 { logits.select(1, 0) } else { logits };
        }
        logits.mean_dim([1i64].as_slice(), false, None)
    }

    fn weight(&self, name: &str) -> &Tensor {
        let name = format!("{name}.weight");
        self.weights.get(&name).unwrap_or_else(|| panic!("no weight {name}"))
    }

    fn has(&self, name: &str) -> bool {
        self.weights.contains_key(&format!("{name}.weight"))
    }

    fn flag(&self, field: &str) -> bool {
        self.spec[field] == true
    }

    fn number(&self, field: &str) -> i64 {
        self.spec[field].as_i64().unwrap_or_else(|| panic!("{field} of {}", self.spec))
    }

    fn conv(&self, name: &str, x: &Tensor, stride: i64) -> Tensor {
        let weight = self.weight(name);
        let groups = x.size()[1] / weight.size()[1];
        let pad = weight.size()[2] / 2;
        x.conv2d(weight, None::<&Tensor>, [stride; 2], [pad; 2], [1, 1], groups)
    }

    fn norm(&self, name: &str, x: &Tensor) -> Tensor {
        let shape: Vec<i64> = (0..x.dim() as i64).map(|d| if d == 1 { -1 } else { 1 }).collect();
        let across: Vec<i64> = (0..x.dim() as i64).filter(|&d| d != 1).collect();
        let (mean, var) = if self.batch_statistics {
            let mean = x.mean_dim(across.as_slice(), false, None);
            let var = x.var_dim(across.as_slice(), false, false);
            (mean, var)
        } else {
            let stored = |part: &str| self.weights[&format!("{name}.{part}")].shallow_clone();
            (stored("running_mean"), stored("running_var"))
        };
        let scale = self.weight(name) / (var + 1e-5).sqrt();
        let shift = &self.weights[&format!("{name}.bias")] - mean * &scale;
        x * scale.reshape(shape.as_slice()) + shift.reshape(shape.as_slice())
    }

    fn resnet(&self, frames: &Tensor, mut t: i64) -> Tensor {
        let arch = self.spec["arch"].as_str().expect("an arch");
        let base = if arch == "tam-resnet" { "" } else { "base_model." };
        let depth = self.spec["depth"].to_string().replace('"', "");
        let counts = match depth.as_str() {
            "18" => [2, 2, 2, 2],
            "34" | "50" | "50c" | "50d" => [3, 4, 6, 3],
            "101" => [3, 4, 23, 3],
            _ => [3, 8, 36, 3],
        };
        let mut x = frames.shallow_clone();
        if self.has(&format!("{base}conv1")) {
            x = self.conv(&format!("{base}conv1"), &x, 2);
        } else {
            x = self.conv(&format!("{base}conv1.0"), &x, 2);
            x = self.norm(&format!("{base}conv1.1"), &x).relu();
            x = self.conv(&format!("{base}conv1.3"), &x, 1);
            x = self.norm(&format!("{base}conv1.4"), &x).relu();
            x = self.conv(&format!("{base}conv1.6"), &x, 1);
        }
        x = self.norm(&format!("{base}bn1"), &x).relu();
        x = x.max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false);
        for (stage, &count) in (1..).zip(&counts) {
            for index in 0..count {
                let stride = if stage > 1 && index == 0 { 2 } else { 1 };
                let name = format!("{base}layer{stage}.{index}");
                x = self.block(&name, &x, (stride, index, counts[2]), t);
            }
            let pooling = self.spec["temporalPooling"].as_str().unwrap_or("none");
            if stage < 4 && pooling != "none" {
                x = pool_frames(&x, t, pooling == "max");
                t = t.div_euclid(2);
            }
        }
        x
    }

    /// A residual block with whatever stands in, before and after it.
    fn block(
        &self,
        name: &str,
        x: &Tensor,
        (stride, index, third): (i64, usize, usize),
        t: i64,
    ) -> Tensor {
        let attends = self.has(&format!("{name}.nl.theta"));
        let mut inner = if attends { format!("{name}.block") } else { name.to_owned() };
        let mut input = x.shallow_clone();
        let place = self.spec["shiftPlace"].as_str().unwrap_or("blockres").to_owned();
        let is_tsm = self.spec["arch"] == "tsm";
        if is_tsm && place == "block" {
            inner.push_str(".net");
            input = self.shift(&input, t);
        }
        let rounds = match &self.spec["nRound"] {
            Value::Number(number) => number.as_u64().expect("rounds") as usize,
            _ => 1 + usize::from(third >= 23),
        };
        let shifted = is_tsm && place != "block" && index % rounds == 0;
        let mut y = match self.spec["arch"].as_str() {
            Some("tin") => self.interlace(&format!("{inner}.conv1.net1"), &input, t),
            Some("tam-resnet") => self.blend(&format!("{inner}.tam"), &input, t),
            _ if shifted => self.shift(&input, t),
            _ => input.shallow_clone(),
        };
        let first = match self.spec["arch"].as_str() {
            Some("tin") => format!("{inner}.conv1.net2"),
            _ if shifted => format!("{inner}.conv1.net"),
            _ => format!("{inner}.conv1"),
        };
        let bottleneck = self.has(&format!("{inner}.bn3"));
        y = self.conv(&first, &y, if bottleneck { 1 } else { stride });
        y = self.norm(&format!("{inner}.bn1"), &y).relu();
        let twice = shifted && place == "two-path";
        let second = format!("{inner}.conv2{}", if twice { ".net" } else { "" });
        if twice {
            y = self.shift(&y, t);
        }
        y = self.conv(&second, &y, if bottleneck { stride } else { 1 });
        y = self.norm(&format!("{inner}.bn2"), &y);
        if bottleneck {
            y = self.conv(&format!("{inner}.conv3"), &y.relu(), 1);
            y = self.norm(&format!("{inner}.bn3"), &y);
        }
        y = (y + self.shortcut(&format!("{inner}.downsample"), &input, stride)).relu();
        if attends { self.non_local(&format!("{name}.nl"), &y, t) } else { y }
    }

    fn shortcut(&self, name: &str, x: &Tensor, stride: i64) -> Tensor {
        if self.has(&format!("{name}.0")) {
            self.norm(&format!("{name}.1"), &self.conv(&format!("{name}.0"), x, stride))
        } else if self.has(&format!("{name}.1")) {
            let s = [stride; 2];
            let pooled = x.avg_pool2d(s, s, [0, 0], true, false, None);
            self.norm(&format!("{name}.2"), &self.conv(&format!("{name}.1"), &pooled, 1))
        } else {
            x.shallow_clone()
        }
    }

    /// TSM's shift in both directions, or from the past only.
    fn shift(&self, x: &Tensor, t: i64) -> Tensor {
        let div = self.spec["shiftDiv"].as_i64().unwrap_or(8);
        let channels = x.size()[1];
        let fold = channels / div;
        per_frame(x, t, |frames, at| {
            let seen = |distance: i64, from: i64, count: i64| {
                frame(frames, at, distance).narrow(1, from, count)
            };
            if self.flag("online") {
                let rest = seen(0, fold, channels - fold);
                return Tensor::cat(&[seen(-1, 0, fold), rest], 1);
            }
            let rest = seen(0, 2 * fold, channels - 2 * fold);
            Tensor::cat(&[seen(1, 0, fold), seen(-1, fold, fold), rest], 1)
        })
    }

    fn interlace(&self, name: &str, x: &Tensor, t: i64) -> Tensor {
        let (nt, channels, _, _) = x.size4().expect("four lengths");
        let fold = channels / self.spec["shiftDiv"].as_i64().unwrap_or(4);
        let scale = if self.spec["offsetScale"] == "frames" { t as f64 } else { 4.0 };
        let part = |part: &str, of: &str| self.weights[&format!("{name}.{part}.net.{of}")].copy();
        let means = x.narrow(1, 0, fold).mean_dim([2i64, 3].as_slice(), false, None);
        let means = means.reshape([nt / t, t, fold]).transpose(1, 2);
        let taps = |net: &str, layer: &str| {
            let weight = part(net, &format!("{layer}.weight"));
            means.conv1d(&weight, Some(part(net, &format!("{layer}.bias"))), 1, 1, 1, 1)
        };
        let linear = |x: &Tensor, layer: &str| {
            x.matmul(&part("biasnet", &format!("{layer}.weight")).tr())
                + part("biasnet", &format!("{layer}.bias"))
        };
        let hidden = linear(&taps("biasnet", "conv").select(1, 0), "fc").relu();
        let offsets = (linear(&hidden, "lastlayer").sigmoid() - 0.5) * scale;
        let weights = taps("weightnet", "lastlayer").sigmoid() * 2.0;
        let quarter = fold / 4;
        let clips: Vec<Tensor> = x
            .chunk(nt / t, 0)
            .iter()
            .enumerate()
            .map(|(n, clip)| {
                let n = n as i64;
                let group = |g: i64| {
                    let sign = if g < 2 { 1.0 } else { -1.0 };
                    let offset = sign * offsets.double_value(&[n, g % 2]);
                    let features = clip.narrow(1, g * quarter, quarter);
                    let weight = weights.get(n).get(g % 2).reshape([t, 1, 1, 1]);
                    moved(&features, offset) * weight
                };
                let mut groups: Vec<Tensor> = (0..4).map(group).collect();
                groups.push(clip.narrow(1, fold, channels - fold));
                Tensor::cat(&groups, 1)
            })
            .collect();
        Tensor::cat(&clips, 0)
    }

    /// IBM's TAM of the R50 repository.
    fn blend(&self, name: &str, x: &Tensor, t: i64) -> Tensor {
        let r = self.number("blendingFrames");
        let tap = |j: i64| match (r, j) {
            (3, 0) => format!("{name}.prev_se.fc1"),
            (3, 1) => format!("{name}.curr_se.fc1"),
            (3, _) => format!("{name}.next_se.fc1"),
            _ => format!("{name}.blending_layers.{j}.fc1"),
        };
        let products: Vec<Tensor> = (0..r).map(|j| self.conv(&tap(j), x, 1)).collect();
        let parts: Vec<Tensor> = products
            .iter()
            .zip(0..)
            .map(|(y, j)| per_frame(y, t, |frames, at| frame(frames, at, j - r / 2)))
            .collect();
        let all = Tensor::stack(&parts, 0);
        if self.spec["blending"] == "max" {
            all.amax([0i64].as_slice(), false).relu()
        } else {
            all.sum_dim_intlist([0i64].as_slice(), false, None::<Kind>).relu()
        }
    }

    fn non_local(&self, name: &str, x: &Tensor, t: i64) -> Tensor {
        let (nt, c, h, w) = x.size4().expect("four lengths");
        let (n, inner) = (nt / t, c / 2);
        let linear = |layer: &str, x: &Tensor| {
            let weight = self.weight(&format!("{name}.{layer}"));
            let weight = weight.reshape([weight.size()[0], -1, 1, 1]);
            x.conv2d(&weight, Some(&self.weights[&format!("{name}.{layer}.bias")]), 1, 0, 1, 1)
        };
        let halved = |x: Tensor| x.max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], false);
        let flat =
            |x: &Tensor| x.reshape([n, t, inner, -1]).permute([0, 1, 3, 2]).reshape([n, -1, inner]);
        let (queries, keys) = (flat(&linear("theta", x)), flat(&halved(linear("phi.0", x))));
        let values = flat(&halved(linear("g.0", x)));
        let attention = queries.matmul(&keys.transpose(1, 2)).softmax(-1, Kind::Double);
        let seen = attention.matmul(&values).reshape([n, t, h * w, inner]);
        let seen = seen.permute([0, 1, 3, 2]).reshape([nt, inner, h, w]);
        self.norm(&format!("{name}.W.1"), &linear("W.0", &seen)) + x
    }

    fn mobilenet(&self, frames: &Tensor, t: i64) -> Tensor {
        let online = self.flag("online");
        let base = if online { "" } else { "base_model." };
        let layer = |conv: &str, norm: &str, x: &Tensor, stride: i64| {
            self.norm(&format!("{base}{norm}"), &self.conv(&format!("{base}{conv}"), x, stride))
        };
        let six = |x: Tensor| x.clamp(0.0, 6.0);
        let mut x = six(layer("features.0.0", "features.0.1", frames, 2));
        let strides = [1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1];
        for (number, stride) in (1..).zip(strides) {
            let name = |place: i64| format!("features.{number}.conv.{place}");
            let input = x.shallow_clone();
            if number == 1 {
                x = six(layer(&name(0), &name(1), &x, stride));
                x = layer(&name(3), &name(4), &x, 1);
                continue;
            }
            let cout = self.weight(&format!("{base}{}", name(6))).size()[0];
            let residual = stride == 1 && cout == x.size()[1];
            if residual {
                x = self.shift(&x, t);
            }
            let first = name(0) + if residual && !online { ".net" } else { "" };
            x = six(layer(&first, &name(1), &x, 1));
            x = six(layer(&name(3), &name(4), &x, stride));
            x = layer(&name(6), &name(7), &x, 1);
            if residual {
                x += input;
            }
        }
        six(layer("features.18.0", "features.18.1", &x, 1))
    }
}

/// Makes each frame of `[N*T, C, H, W]` out of all frames `[N, C, H, W]` and its position.
fn per_frame(x: &Tensor, t: i64, make: impl Fn(&[Tensor], i64) -> Tensor) -> Tensor {
    let (nt, c, h, w) = x.size4().expect("four lengths");
    let frames = x.reshape([nt / t, t, c, h, w]).unbind(1);
    let made: Vec<Tensor> = (0..t).map(|at| make(&frames, at)).collect();
    Tensor::stack(&made, 1).reshape([nt, -1, h, w])
}

/// The frame at a distance, zeros outside the clip.
fn frame(frames: &[Tensor], at: i64, distance: i64) -> Tensor {
    let found = usize::try_from(at + distance).ok().and_then(|at| frames.get(at));
    found.map_or_else(|| frames[0].zeros_like(), Tensor::shallow_clone)
}

/// Frames `[T, C, H, W]` of one clip, later by `offset` frames, between two frames their mixture.
fn moved(x: &Tensor, offset: f64) -> Tensor {
    let (floor, t) = (offset.floor(), x.size()[0]);
    let part = offset - floor;
    let frames = x.split(1, 0);
    let made: Vec<Tensor> = (0..t)
        .map(|at| {
            let one = frame(&frames, at, -(floor as i64));
            let two = frame(&frames, at, -(floor as i64) - 1);
            one * (1.0 - part) + two * part
        })
        .collect();
    Tensor::cat(&made, 0)
}

fn pool_frames(x: &Tensor, t: i64, max: bool) -> Tensor {
    let (nt, c, h, w) = x.size4().expect("four lengths");
    let frames = x.reshape([nt / t, t, c, h, w]).unbind(1);
    let made: Vec<Tensor> = (0..t)
        .step_by(2)
        .map(|at| {
            let near = (at - 1..=at + 1).filter_map(|at| frames.get(usize::try_from(at).ok()?));
            let near = Tensor::stack(&near.collect::<Vec<_>>(), 0);
            if max {
                near.amax([0i64].as_slice(), false)
            } else {
                near.sum_dim_intlist([0i64].as_slice(), false, None::<Kind>) / 3.0
            }
        })
        .collect();
    Tensor::stack(&made, 1).reshape([-1, c, h, w])
}
