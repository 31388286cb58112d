//! The feature maps of real networks at 224 pixels, and memory for them.

use std::sync::OnceLock;

use tch::{Device, Kind, Tensor};

/// Where a feature map comes from, and its size.
#[derive(Clone, Copy)]
pub struct Shape {
    pub name: &'static str,
    pub clips: i64,
    pub frames: i64,
    pub channels: i64,
    pub side: i64,
}

const fn shape(name: &'static str, clips: i64, frames: i64, channels: i64, side: i64) -> Shape {
    Shape { name, clips, frames, channels, side }
}

/// Inputs of the operations in ResNet-50 (TSM, TIN) and bLVNet-TAM-50; enough clips to be large in
/// bfloat16 as well, but for the first.
pub const SHAPES: [Shape; 7] = [
    shape("resnet50 layer1.0, 1 clip", 1, 8, 64, 56),
    shape("resnet50 layer1", 2, 8, 256, 56),
    shape("resnet50 layer2", 2, 16, 512, 28),
    shape("resnet50 layer3", 8, 8, 1024, 14),
    shape("resnet50 layer4", 16, 8, 2048, 7),
    shape("blvnet-tam50 stem", 1, 16, 64, 112),
    shape("blvnet-tam50 layer2", 4, 16, 256, 28),
];

/// Maps that two frames share.
pub const PAIRS: [Shape; 2] =
    [shape("blvnet-tam50 layer1", 8, 8, 64, 56), shape("blvnet-tam50 layer2", 8, 8, 256, 28)];

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Channels,
    Positions,
}

/// One line of the table.
#[derive(Clone, Copy)]
pub struct Case {
    pub shape: Shape,
    pub kind: Kind,
    pub layout: Layout,
}

/// Every shape in both types and both layouts.
pub fn cases(shapes: &[Shape]) -> impl Iterator<Item = Case> {
    shapes.iter().flat_map(|&shape| {
        [Kind::Float, Kind::BFloat16].into_iter().flat_map(move |kind| {
            [Layout::Channels, Layout::Positions].map(|layout| Case { shape, kind, layout })
        })
    })
}

/// Memory that maps rotate through at least, in bytes.
const ROTATION: i64 = 160 << 20;

/// Bytes that maps rotate through: half as much again as the largest cache holds, where Linux says how
/// large that is.
fn rotation() -> i64 {
    static BYTES: OnceLock<i64> = OnceLock::new();
    *BYTES.get_or_init(|| {
        let caches = (0..8).filter_map(|index| {
            let file = format!("/sys/devices/system/cpu/cpu0/cache/index{index}/size");
            let size = std::fs::read_to_string(file).ok()?;
            size.trim().strip_suffix('K')?.parse::<i64>().ok()
        });
        caches.map(|kib| kib * 1024 * 3 / 2).max().unwrap_or(0).max(ROTATION)
    })
}

impl Case {
    pub fn bytes(&self) -> i64 {
        let Shape { clips, frames, channels, side, .. } = self.shape;
        clips * frames * channels * side * side * if self.kind == Kind::Float { 4 } else { 2 }
    }

    /// Large enough to be judged by the bandwidth of memory.
    pub fn is_large(&self) -> bool {
        self.bytes() >= 16 << 20
    }

    pub fn name(&self) -> String {
        let kind = if self.kind == Kind::Float { "f32" } else { "bf16" };
        let layout = if self.layout == Layout::Channels { "nchw" } else { "nhwc" };
        format!("{} {}f {kind} {layout}", self.shape.name, self.shape.frames)
    }

    pub fn random(&self, size: &[i64]) -> Tensor {
        Tensor::rand(size, (Kind::Float, Device::Cpu)).to_kind(self.kind)
    }

    /// A touched map in the layout of the case.
    pub fn map(&self) -> Tensor {
        let Shape { clips, frames, channels, side, .. } = self.shape;
        let place = (self.kind, Device::Cpu);
        match self.layout {
            Layout::Channels => Tensor::ones([clips * frames, channels, side, side], place),
            Layout::Positions => {
                Tensor::ones([clips * frames, side, side, channels], place).permute([0, 3, 1, 2])
            }
        }
    }

    /// Sets of `count` maps, enough of them to leave the cache.
    pub fn rotation(&self, count: i64) -> Rotation {
        let sets = 1 + rotation() / (self.bytes() * count);
        Rotation((0..sets).map(|_| (0..count).map(|_| self.map()).collect()).collect())
    }
}

/// Sets of maps that take turns.
pub struct Rotation(Vec<Vec<Tensor>>);

impl Rotation {
    pub fn turn<const K: usize>(&mut self, turn: usize) -> [&mut Tensor; K] {
        let sets = self.0.len();
        let mut maps = self.0[turn % sets].iter_mut();
        std::array::from_fn(|_| maps.next().expect("as many maps as asked for"))
    }
}

/// Pairs of flat buffers for the copy, `bytes` of traffic each.
pub fn copies(bytes: i64) -> Vec<[Tensor; 2]> {
    let half = bytes / 2;
    let make = || Tensor::ones([half / 4], (Kind::Float, Device::Cpu));
    (0..=rotation() / bytes).map(|_| [make(), make()]).collect()
}
