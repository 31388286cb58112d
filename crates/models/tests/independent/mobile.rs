//! TSM on MobileNetV2 (mit-han-lab/temporal-shift-module; only blocks of eight layers with a
//! residual connection are shifted). The online network (`online_demo/mobilenet_v2_tsm.py:99`) names
//! its convolutions as the unshifted one does.

use tch::{Kind, Tensor};

use crate::frames::{fold, past_shift, shift};
use crate::weights::Weights;

/// Expansion, channels, repetitions and first stride of each row of the network.
const ROWS: [(i64, i64, i64, i64); 7] = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
];

/// A shifted MobileNetV2.
pub struct Mobile<'a> {
    pub weights: &'a Weights,
    pub prefix: &'static str,
    pub head: &'static str,
    pub div: i64,
    pub past_only: bool,
}

impl Mobile<'_> {
    /// The logits of every frame, `[N, T, classes]`.
    pub fn frame_logits(&self, clip: &Tensor, classes: i64) -> Tensor {
        let (w, frames) = (self.weights, clip.size()[1]);
        let stem = self.name("features.0");
        let y = w.conv(&format!("{stem}.0"), &fold(clip), 32, &[3, 3], &[2, 2]);
        let mut x = w.norm(&format!("{stem}.1"), &y).clamp(0.0, 6.0);
        let mut number = 1;
        for (expansion, out, repetitions, first) in ROWS {
            for index in 0..repetitions {
                let stride = if index == 0 { first } else { 1 };
                let name = self.name(&format!("features.{number}.conv"));
                x = self.block(&name, &x, frames, (expansion, out, stride));
                number += 1;
            }
        }
        let last = self.name("features.18");
        let y = w.conv(&format!("{last}.0"), &x, 1280, &[1, 1], &[1, 1]);
        let y = w.norm(&format!("{last}.1"), &y).clamp(0.0, 6.0);
        let features = y.mean_dim([2i64, 3].as_slice(), false, Kind::Double);
        w.linear(self.head, &features, classes).view([-1, frames, classes])
    }

    fn name(&self, part: &str) -> String {
        format!("{}{part}", self.prefix)
    }

    fn block(
        &self,
        name: &str,
        x: &Tensor,
        frames: i64,
        (expansion, out, stride): (i64, i64, i64),
    ) -> Tensor {
        let w = self.weights;
        let cin = x.size()[1];
        let residual = stride == 1 && cin == out;
        let norm = |index: i64, x: &Tensor| w.norm(&format!("{name}.{index}"), x);
        let (mut y, mut next) = (x.shallow_clone(), 0);
        if expansion != 1 {
            let mut conv = format!("{name}.0");
            if residual {
                let mix = if self.past_only { past_shift } else { shift };
                y = mix(&y, frames, self.div);
                if !self.past_only {
                    conv.push_str(".net");
                }
            }
            y = w.conv(&conv, &y, expansion * cin, &[1, 1], &[1, 1]);
            y = norm(1, &y).clamp(0.0, 6.0);
            next = 3;
        }
        y = w.depthwise(&format!("{name}.{next}"), &y, &[3, 3], &[stride, stride]);
        y = norm(next + 1, &y).clamp(0.0, 6.0);
        y = w.conv(&format!("{name}.{}", next + 3), &y, out, &[1, 1], &[1, 1]);
        y = norm(next + 4, &y);
        if residual { y + x } else { y }
    }
}
