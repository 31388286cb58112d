//! SlowFast and its pathways alone (<https://arxiv.org/abs/1812.03982>): a slow pathway on few
//! frames, a thin fast one on all, and lateral connections from fast to slow.
//!
//! Three official codes are matched: `x_temporal/models/slowfast.py` of Sense-X/X-Temporal,
//! `pytorchvideo/models/slowfast.py` of facebookresearch/pytorchvideo and
//! `mmaction/models/backbones/resnet3d_slowfast.py` of open-mmlab/mmaction2.

use tch::{Device, Kind, Tensor, nn};

use super::pathway::{Pathway, PathwayNames, PathwayPlan, Side};
use super::plan::at;
use super::volume::{self, Conv3d, VolumeShape};
use crate::ModelError;
use crate::layers::BatchNorm;
use crate::pass::Pass;
use crate::spec::{FastOnlySpec, SlowFastSpec, SlowFastVariant, SlowOnlySpec};

/// A lateral connection from the fast to the slow pathway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LateralPlan {
    pub conv: String,
    /// The batch norm and ReLU behind it are FAIR's alone.
    pub norm: Option<String>,
    pub shape: VolumeShape,
}

/// The dimensions of a SlowFast or of one of its pathways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SlowFastPlan {
    variant: SlowFastVariant,
    /// The slow pathway sees one of so many frames.
    alpha: i64,
    pub slow: Option<PathwayPlan>,
    pub fast: Option<PathwayPlan>,
    /// One before each stage, when both pathways are there.
    pub laterals: Vec<LateralPlan>,
}

impl SlowFastPlan {
    /// Both pathways.
    pub fn both(spec: &SlowFastSpec) -> Self {
        let SlowFastSpec { variant, alpha, .. } = *spec;
        let blocks = spec.depth.blocks();
        let names = |side| PathwayNames { variant, side, alone: false };
        let fast = PathwayPlan::fast(names(Side::Fast), blocks, spec.beta_inverse);
        let before = fast.channels_before_stages();
        let laterals = (0..4)
            .map(|stage| {
                let cin = before[stage];
                let shape = VolumeShape::new(cin, 2 * cin, [spec.fusion_taps(), 1]);
                let [conv, norm] = lateral_names(variant, stage);
                let norm = (variant == SlowFastVariant::Fair).then_some(norm);
                LateralPlan { conv, norm, shape: shape.strided([alpha, 1]) }
            })
            .collect();
        let slow = PathwayPlan::slow(names(Side::Slow), blocks, before.map(|cin| 2 * cin));
        Self { variant, alpha, slow: Some(slow), fast: Some(fast), laterals }
    }

    /// The slow pathway alone, on all frames of its clip.
    pub fn slow_only(spec: &SlowOnlySpec) -> Self {
        let variant = spec.variant;
        // X-Temporal has no such network; it keeps the names that it has in SlowFast.
        let alone = variant != SlowFastVariant::XTemporal;
        let names = PathwayNames { variant, side: Side::Slow, alone };
        let slow = PathwayPlan::slow(names, spec.depth.blocks(), [0; 4]);
        Self { variant, alpha: 1, slow: Some(slow), fast: None, laterals: Vec::new() }
    }

    /// The fast pathway alone, under its names in SlowFast: no official code has it alone.
    pub fn fast_only(spec: &FastOnlySpec) -> Self {
        let variant = spec.variant;
        let names = PathwayNames { variant, side: Side::Fast, alone: false };
        let fast = PathwayPlan::fast(names, spec.depth.blocks(), 8);
        Self { variant, alpha: 1, slow: None, fast: Some(fast), laterals: Vec::new() }
    }

    /// Channels of the pooled features.
    pub fn features(&self) -> i64 {
        [&self.slow, &self.fast].into_iter().flatten().map(PathwayPlan::features).sum()
    }

    /// Frames that the slow pathway sees of so many.
    pub fn slow_frames(&self, frames: i64) -> i64 {
        (frames - 1) / self.alpha + 1
    }
}

/// What the classifier is called.
pub(crate) fn classifier_name(variant: SlowFastVariant, slow_only: bool) -> &'static str {
    match variant {
        SlowFastVariant::XTemporal => "fc",
        SlowFastVariant::Mmaction2 => "cls_head.fc_cls",
        // SlowFast has a block of its own for pooling the two pathways.
        SlowFastVariant::Fair if slow_only => "blocks.5.proj",
        SlowFastVariant::Fair => "blocks.6.proj",
    }
}

/// The convolution and the batch norm of the lateral connection before a stage.
fn lateral_names(variant: SlowFastVariant, stage: usize) -> [String; 2] {
    match variant {
        SlowFastVariant::XTemporal => {
            let from = if stage == 0 { "p1".into() } else { format!("res{}", stage + 1) };
            [format!("lateral_{from}"), String::new()]
        }
        SlowFastVariant::Mmaction2 => {
            let from = if stage == 0 { "conv1".into() } else { format!("layer{stage}") };
            [format!("backbone.slow_path.{from}_lateral.conv"), String::new()]
        }
        SlowFastVariant::Fair => {
            let fusion = format!("blocks.{stage}.multipathway_fusion");
            [format!("{fusion}.conv_fast_to_slow"), format!("{fusion}.norm")]
        }
    }
}

/// The trunk of a SlowFast or of one of its pathways.
#[derive(Debug)]
pub(crate) struct SlowFast {
    variant: SlowFastVariant,
    alpha: i64,
    slow: Option<Pathway>,
    fast: Option<Pathway>,
    laterals: Vec<Lateral>,
}

impl SlowFast {
    /// Builds the trunk; its names start at `root`.
    pub fn new(root: &nn::Path, plan: &SlowFastPlan) -> Result<Self, ModelError> {
        let pathway =
            |plan: &Option<PathwayPlan>| plan.as_ref().map(|plan| Pathway::new(root, plan));
        let laterals: Result<_, ModelError> =
            plan.laterals.iter().map(|lateral| Lateral::new(root, lateral, plan.variant)).collect();
        Ok(Self {
            variant: plan.variant,
            alpha: plan.alpha,
            slow: pathway(&plan.slow).transpose()?,
            fast: pathway(&plan.fast).transpose()?,
            laterals: laterals?,
        })
    }

    /// Clips `[N, T, 3, H, W]` to features `[N, F]`.
    pub fn forward(&self, clip: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError> {
        let clip = volume::channels_first(clip)?;
        let mut fast = match &self.fast {
            Some(fast) => Some(fast.stem(&clip, pass)?),
            None => None,
        };
        let mut slow = match &self.slow {
            Some(slow) => Some(slow.stem(&self.slow_clip(&clip)?, pass)?),
            None => None,
        };
        drop(clip);
        for stage in 0..4 {
            if let (Some(slow), Some(fast)) = (&mut slow, &fast) {
                let lateral = self.laterals[stage].forward(fast, pass)?;
                *slow = Tensor::f_cat(&[&*slow, &lateral], 1)?;
            }
            if let (Some(pathway), Some(x)) = (&self.slow, &mut slow) {
                *x = pathway.stage(stage, x, pass)?;
            }
            if let (Some(pathway), Some(x)) = (&self.fast, &mut fast) {
                *x = pathway.stage(stage, x, pass)?;
            }
        }
        let mut pooled = Vec::new();
        for x in [slow, fast].into_iter().flatten() {
            pooled.push(volume::global_mean(&x)?);
        }
        if self.variant == SlowFastVariant::Mmaction2 {
            // slowfast_head.py:53 puts the fast features first.
            pooled.reverse();
        }
        Ok(Tensor::f_cat(&pooled, 1)?)
    }

    /// The frames that the slow pathway sees of a clip `[n, 3, t, h, w]`.
    fn slow_clip(&self, clip: &Tensor) -> Result<Tensor, ModelError> {
        let t = clip.size()[2];
        if self.variant != SlowFastVariant::Fair || self.alpha == 1 {
            return Ok(clip.f_slice(2, 0, None, self.alpha)?);
        }
        // slowfast/datasets/utils.py of facebookresearch/SlowFast spreads them from the first to
        // the last frame; on the CPU, so that no device rounds the positions otherwise.
        let spread = Tensor::f_linspace(0, t - 1, t / self.alpha, (Kind::Float, Device::Cpu))?;
        let index = spread.f_to_kind(Kind::Int64)?.f_to_device(clip.device())?;
        Ok(clip.f_index_select(2, &index)?)
    }
}

/// A lateral connection with its weights.
#[derive(Debug)]
struct Lateral {
    name: String,
    conv: Conv3d,
    norm: Option<BatchNorm>,
}

impl Lateral {
    fn new(
        root: &nn::Path,
        plan: &LateralPlan,
        variant: SlowFastVariant,
    ) -> Result<Self, ModelError> {
        let conv = Conv3d::new(root, &plan.conv, plan.shape, PathwayPlan::init(variant))?;
        let norm = match &plan.norm {
            Some(name) => Some(BatchNorm::new(&at(root, name), plan.shape.cout, 1.0)?),
            None => None,
        };
        // mmaction2 wraps the bare convolution into a module of its own.
        let name = plan.conv.trim_end_matches(".conv").to_owned();
        Ok(Self { name, conv, norm })
    }

    /// `[n, C, t, h, w]` to `[n, 2C, ceil(t / alpha), h, w]`.
    fn forward(&self, x: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError> {
        let x = self.conv.forward(x)?;
        pass.stage(|| self.name.clone(), &x);
        match &self.norm {
            Some(norm) => Ok(norm.forward(&x, pass.mode.batch_statistics)?.f_relu_()?),
            None => Ok(x),
        }
    }
}
