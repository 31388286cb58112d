//! bLVNet-TAM as a composition, both frames of a pair written out.

use tch::Tensor;

use super::{Composed, frame, per_frame};

impl Composed<'_> {
    /// bLVNet-TAM with both frames of a pair written out, as the official code has it.
    pub(super) fn blvnet(&self, frames: &Tensor, t: i64) -> Tensor {
        let at = |part: &str| format!("baseline_model.{part}");
        let layer = |conv: &str, norm: &str, x: &Tensor, stride: i64| {
            self.norm(&at(norm), &self.conv(&at(conv), x, stride))
        };
        let x = layer("conv1", "bn1", frames, 2).relu();
        let x = self.aggregate(&at("tam"), &x, t);
        let (even, odd) = (every_second(&x, 0), every_second(&x, 1));
        let big = layer("b_conv0", "bn_b0", &odd, 2);
        let little = layer("l_conv0", "bn_l0", &even, 1).relu();
        let little = layer("l_conv1", "bn_l1", &little, 2).relu();
        let merged = (big + layer("l_conv2", "bn_l2", &little, 1)).relu();
        let mut x = layer("bl_init", "bn_bl_init", &merged, 1).relu();
        for (stage, stride) in [(1, 2), (2, 2), (3, 1)] {
            let part = |part: &str| at(&format!("layer{stage}.{part}"));
            let both = self.aggregate(&part("tam"), &x.repeat_interleave_self_int(2, 0, None), t);
            let big = self.chain(&part("big"), &every_second(&both, 1), 2, false);
            let little = self.chain(&part("little"), &every_second(&both, 0), 1, true);
            let little = self.conv(&part("little_e.0"), &little, 1);
            let little = self.norm(&part("little_e.1"), &little);
            let size = little.size();
            let big = big.upsample_nearest2d([size[2], size[3]], None, None);
            x = self.bottleneck(&part("fusion.0"), &(big + little).relu(), (stride, true));
        }
        for (index, stride) in [(0, 2), (1, 1), (2, 1)] {
            let name = at(&format!("layer4.{index}"));
            x = self.bottleneck_after(
                &name,
                &x,
                &self.aggregate(&format!("{name}.tam"), &x, t / 2),
                (stride, true),
            );
        }
        x
    }

    fn aggregate(&self, name: &str, x: &Tensor, t: i64) -> Tensor {
        if !self.flag("tam") {
            return x.shallow_clone();
        }
        let r = self.number("blendingFrames");
        let tap = |j: i64| match (r, j) {
            (3, 0) => format!("{name}.prev"),
            (3, 1) => format!("{name}.curr"),
            (3, _) => format!("{name}.next"),
            _ => format!("{name}.blending_layers.{j}"),
        };
        per_frame(x, t, |frames, at| {
            let mut sum = frames[0].zeros_like();
            for j in 0..r {
                let weight = self.weight(&tap(j)).reshape([1, -1, 1, 1]);
                sum += frame(frames, at, j - r / 2) * weight;
            }
            sum.relu()
        })
    }

    fn chain(&self, name: &str, x: &Tensor, stride: i64, last_relu: bool) -> Tensor {
        let count = (0..30).take_while(|i| self.has(&format!("{name}.{i}.conv1"))).count();
        let mut x = x.shallow_clone();
        for index in 0..count {
            let relu = index == 0 || index + 1 < count || last_relu;
            let stride = if index == 0 { stride } else { 1 };
            x = self.bottleneck(&format!("{name}.{index}"), &x, (stride, relu));
        }
        x
    }

    fn bottleneck(&self, name: &str, x: &Tensor, how: (i64, bool)) -> Tensor {
        self.bottleneck_after(name, x, x, how)
    }

    /// A bottleneck on `x`, which was `input` before an aggregation.
    fn bottleneck_after(
        &self,
        name: &str,
        input: &Tensor,
        x: &Tensor,
        (stride, relu): (i64, bool),
    ) -> Tensor {
        let layer = |number: i64, x: &Tensor, stride: i64| {
            let y = self.conv(&format!("{name}.conv{number}"), x, stride);
            self.norm(&format!("{name}.bn{number}"), &y)
        };
        let y = layer(3, &layer(2, &layer(1, x, 1).relu(), stride).relu(), 1);
        let pooled = || x.avg_pool2d([3, 3], [2, 2], [1, 1], false, true, None);
        let first = format!("{name}.downsample.{}", i64::from(stride == 2));
        let second = format!("{name}.downsample.{}", 1 + i64::from(stride == 2));
        let residual = match (stride == 2, self.has(&first)) {
            (true, true) => self.norm(&second, &self.conv(&first, &pooled(), 1)),
            (true, false) => pooled(),
            (false, true) => self.norm(&second, &self.conv(&first, x, 1)),
            (false, false) => input.shallow_clone(),
        };
        let y = y + residual;
        if relu { y.relu() } else { y }
    }
}

fn every_second(x: &Tensor, first: i64) -> Tensor {
    x.slice(0, first, None, 2)
}
