//! A built network: clips in, logits out.

use tch::{Kind, Tensor, nn};

use crate::backbones::plan::at;
use crate::backbones::plug;
use crate::backbones::{
    Backbone, BigLittle, MobileNet, Resnet, Resnet3d, Resnet3dPlan, ResnetPlan, SlowFast,
    SlowFastPlan, big_little, mobilenet, resnet, slowfast,
};
use crate::layers::{Linear, LinearInit};
use crate::pass::{Mode, Pass};
use crate::spec::{Consensus, Modality, Plug, PluggedSpec, SlowFastVariant, TsmDepth, TsmSpec};
use crate::stream::{Carried, OnlineState};
use crate::temporal;
use crate::{ModelError, ModelSpec};

/// Dropout of X-Temporal's own backbone, before the one of the spec
/// (x_temporal/models/resnet.py:194).
const BACKBONE_DROPOUT: f64 = 0.5;

/// What one interlacing module of a TIN decided for a batch.
#[derive(Debug)]
pub struct InterlaceState {
    /// Name of the module, e.g. `base_model.layer1.0.conv1.net1`.
    pub module: String,
    /// Offsets in frames, `[N, 2]`.
    pub offsets: Tensor,
    /// Weights of the output frames, `[N, T, 2]`.
    pub weights: Tensor,
}

/// A network with its weights in a variable store.
#[derive(Debug)]
pub struct Network {
    spec: ModelSpec,
    trunk: Trunk,
    classifier: Linear,
}

#[derive(Debug)]
enum Trunk {
    Resnet(Box<Resnet>),
    BigLittle(Box<BigLittle>),
    MobileNet(Box<MobileNet>),
    SlowFast(Box<SlowFast>),
    Resnet3d(Box<Resnet3d>),
    Own(Box<dyn Backbone>),
}

impl Network {
    /// Builds the network with freshly initialised weights under `path`.
    ///
    /// # Errors
    /// When the spec is invalid or libtorch cannot allocate the weights.
    pub fn new(path: &nn::Path, spec: &ModelSpec) -> Result<Self, ModelError> {
        spec.validate()?;
        let trunk = Trunk::new(&at(path, trunk_name(spec)), spec)?;
        let head = at(path, classifier_name(spec));
        let (features, classes) = (feature_channels(spec), spec.num_classes());
        let classifier = Linear::new(&head, features, classes, classifier_init(spec))?;
        Ok(Self { spec: spec.clone(), trunk, classifier })
    }

    /// Logits `[N, classes]` of normalised clips `[N, T, C, H, W]`; with consensus `identity`
    /// those of every frame, `[N, T, classes]` (a single frame's are `[N, classes]`).
    ///
    /// # Errors
    /// When the shape is not that of the spec, or libtorch fails.
    pub fn forward(&self, clip: &Tensor, train: bool) -> Result<Tensor, ModelError> {
        self.forward_in(clip, if train { Mode::TRAIN } else { Mode::EVAL })
    }

    /// [`Network::forward`] with batch norms and dropout switched separately.
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn forward_in(&self, clip: &Tensor, mode: Mode) -> Result<Tensor, ModelError> {
        self.run(clip, &mut Pass::new(mode))
    }

    /// Logits `[N, T, classes]` of the next frames `[N, T, C, H, W]` of a stream, for any `T`, in
    /// eval mode. An online network gives for frames one by one, or in pieces, the logits that it
    /// gives for them as one clip.
    ///
    /// # Errors
    /// When the network is not an online one, or `state` is another network's or was left by frames
    /// of another number or size; `state` is then unchanged.
    pub fn forward_online(
        &self,
        frames: &Tensor,
        state: &mut OnlineState,
    ) -> Result<Tensor, ModelError> {
        if !self.spec.is_online() {
            let expected = "true for a stream".to_owned();
            let received = "false".to_owned();
            return Err(ModelError::InvalidSpec { field: "online", expected, received });
        }
        let size = frames.size();
        let t = size.get(1).copied().filter(|&t| t >= 1).unwrap_or(1);
        let mut pass = Pass::streaming(Carried::new(t, state));
        let features = self.pooled(frames, t, &mut pass)?;
        let logits = self.classifier.forward(&features)?;
        let logits = logits.f_view([size[0], t, self.spec.num_classes()])?;
        *state = pass.into_carried().map(Carried::into_state).unwrap_or_default();
        Ok(logits)
    }

    /// Features `[N, F]` before the classifier, averaged over the frames; eval mode.
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn features(&self, clip: &Tensor) -> Result<Tensor, ModelError> {
        let pooled = self.pooled(clip, self.spec.num_frames(), &mut Pass::new(Mode::EVAL))?;
        Ok(per_clip(&pooled, clip.size()[0])?.f_mean_dim([1i64].as_slice(), false, None)?)
    }

    /// The offsets and weights of every interlacing module; empty unless the network is a TIN.
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn interlace_state(&self, clip: &Tensor) -> Result<Vec<InterlaceState>, ModelError> {
        let mut pass = Pass::recording_interlaces();
        let _logits = self.run(clip, &mut pass)?;
        Ok(pass.into_interlaces())
    }

    /// The outputs of the stem and the stages in eval mode, under the official module names;
    /// for looking into a network, not for speed.
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn stage_outputs(&self, clip: &Tensor) -> Result<Vec<(String, Tensor)>, ModelError> {
        let mut pass = Pass::recording_stages();
        let _logits = self.run(clip, &mut pass)?;
        Ok(pass.into_stages())
    }

    fn run(&self, clip: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError> {
        let mut x = self.pooled(clip, self.spec.num_frames(), pass)?;
        if pass.mode.dropout {
            if self.spec.double_dropout() {
                x = x.f_dropout(BACKBONE_DROPOUT, true)?;
            }
            x = x.f_dropout(self.spec.dropout(), true)?;
        }
        let frames = per_clip(&self.classifier.forward(&x)?, clip.size()[0])?;
        Ok(match self.spec.consensus() {
            // The mean is taken of the logits before any softmax.
            Consensus::Avg => frames.f_mean_dim([1i64].as_slice(), false, None)?,
            // As x_temporal/core/models.py, which drops the dimension of a single frame.
            Consensus::Identity => frames.f_squeeze_dim(1)?,
        })
    }

    /// Clips of `t` frames to features `[N*T', F]`, one for each frame that is left at the end.
    fn pooled(&self, clip: &Tensor, t: i64, pass: &mut Pass) -> Result<Tensor, ModelError> {
        let size = self.checked(clip, t)?;
        let maps = match &self.trunk {
            Trunk::Resnet(trunk) => trunk.forward(&self.frames(clip, size)?, pass)?,
            Trunk::BigLittle(trunk) => trunk.forward(&self.frames(clip, size)?, pass)?,
            Trunk::MobileNet(trunk) => trunk.forward(&self.frames(clip, size)?, pass)?,
            Trunk::SlowFast(trunk) => return trunk.forward(clip, pass),
            Trunk::Resnet3d(trunk) => return trunk.forward(clip, pass),
            Trunk::Own(trunk) => {
                let [n, t, _, h, w] = size;
                let clip = self.frames(clip, size)?.f_view([n, t, -1, h, w])?;
                return plug::checked(trunk.forward(&clip, pass)?, n, feature_channels(&self.spec));
            }
        };
        let pooled = maps.f_mean_dim([2i64, 3].as_slice(), false, None)?;
        let pool = if matches!(self.trunk, Trunk::BigLittle(_)) { "gappool" } else { "avgpool" };
        let name = || [trunk_name(&self.spec), pool].join(".").trim_start_matches('.').to_owned();
        pass.stage(name, &pooled);
        Ok(pooled)
    }

    /// The lengths `[N, T, C, H, W]` of a clip of `t` frames that fits the spec.
    fn checked(&self, clip: &Tensor, t: i64) -> Result<[i64; 5], ModelError> {
        let size = clip.size();
        let c = self.spec.input_channels();
        let wrong = |actual| ModelError::Shape {
            tensor: "the clip",
            expected: format!("[N, {t}, {c}, H, W] with N, H and W of at least 1"),
            actual,
        };
        let (n, h, w) = match size.as_slice() {
            &[n, frames, channels, h, w] if frames == t && channels == c => (n, h, w),
            _ => return Err(wrong(size)),
        };
        if n < 1 || h < 1 || w < 1 {
            return Err(wrong(size));
        }
        if !matches!(clip.kind(), Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16) {
            return Err(ModelError::Dtype { tensor: "the clip", actual: clip.kind() });
        }
        Ok([n, t, c, h, w])
    }

    /// Clips to what the first convolution of a 2-D network sees, `[N*T, C, H, W]`.
    fn frames(&self, clip: &Tensor, size: [i64; 5]) -> Result<Tensor, ModelError> {
        let [n, t, c, h, w] = size;
        if self.spec.modality() == Modality::RgbDiff {
            let images = clip.f_reshape([n * t, 6, 3, h, w])?;
            let differences = images.f_narrow(1, 1, 5)?.f_sub(&images.f_narrow(1, 0, 5)?)?;
            return Ok(differences.f_view([n * t, 15, h, w])?);
        }
        Ok(clip.f_reshape([n * t, c, h, w])?)
    }
}

impl Trunk {
    fn new(path: &nn::Path, spec: &ModelSpec) -> Result<Self, ModelError> {
        let channels = spec.modality().conv_channels();
        let big_little = |spec: &_| {
            BigLittle::new(path, spec, channels).map(|trunk| Self::BigLittle(trunk.into()))
        };
        let slowfast =
            |plan: &_| SlowFast::new(path, plan).map(|trunk| Self::SlowFast(trunk.into()));
        let resnet3d = |plan| Resnet3d::new(path, plan).map(|trunk| Self::Resnet3d(trunk.into()));
        match spec {
            ModelSpec::BlvnetTam(spec) => big_little(spec),
            ModelSpec::Blresnet(spec) => big_little(&spec.trunk()),
            ModelSpec::Plugged(PluggedSpec { fields, plug: Plug::Network(plug) }) => {
                plug.build(path, fields).map(Self::Own)
            }
            ModelSpec::SlowFast(spec) => slowfast(&SlowFastPlan::both(spec)),
            ModelSpec::SlowOnly(spec) => slowfast(&SlowFastPlan::slow_only(spec)),
            ModelSpec::FastOnly(spec) => slowfast(&SlowFastPlan::fast_only(spec)),
            ModelSpec::R3d(spec) => resnet3d(spec.into()),
            ModelSpec::R2plus1d(spec) => resnet3d(spec.into()),
            ModelSpec::TamResnet(_)
            | ModelSpec::Tsn(_)
            | ModelSpec::Tsm(_)
            | ModelSpec::Tin(_)
            | ModelSpec::Plugged(_) => {
                if let Some(plan) = ResnetPlan::of(spec) {
                    return Resnet::new(path, &plan).map(|trunk| Self::Resnet(trunk.into()));
                }
                let size = (channels, spec.num_frames());
                let trunk = MobileNet::new(path, size, temporal::plug_of(spec))?;
                Ok(Self::MobileNet(trunk.into()))
            }
        }
    }
}

/// `[N*T, F]` to `[N, T, F]`.
fn per_clip(x: &Tensor, clips: i64) -> Result<Tensor, tch::TchError> {
    let features = x.size()[1];
    x.f_view([clips, -1, features])
}

/// Whether this is the online MobileNetV2, a network of its own in the official code.
fn is_online_mobilenet(spec: &ModelSpec) -> bool {
    let depth = TsmDepth::MobilenetV2;
    matches!(spec, ModelSpec::Tsm(TsmSpec { online: true, depth: found, .. }) if *found == depth)
}

fn is_mobilenet(spec: &ModelSpec) -> bool {
    matches!(spec, ModelSpec::Tsm(TsmSpec { depth: TsmDepth::MobilenetV2, .. }))
}

/// What the trunk is called in the official code; empty when its parts have no common name.
pub(crate) fn trunk_name(spec: &ModelSpec) -> &'static str {
    match spec {
        ModelSpec::BlvnetTam(_) => "baseline_model",
        ModelSpec::TamResnet(_)
        | ModelSpec::Blresnet(_)
        | ModelSpec::SlowFast(_)
        | ModelSpec::SlowOnly(_)
        | ModelSpec::FastOnly(_)
        | ModelSpec::R3d(_)
        | ModelSpec::R2plus1d(_) => "",
        _ if is_online_mobilenet(spec) => "",
        ModelSpec::Tsn(_) | ModelSpec::Tsm(_) | ModelSpec::Tin(_) | ModelSpec::Plugged(_) => {
            "base_model"
        }
    }
}

/// What the classifier is called: without dropout it stays the trunk's own where the official
/// code has one of each.
pub(crate) fn classifier_name(spec: &ModelSpec) -> &'static str {
    match spec {
        ModelSpec::TamResnet(_)
        | ModelSpec::Blresnet(_)
        | ModelSpec::R3d(_)
        | ModelSpec::R2plus1d(_) => "fc",
        ModelSpec::SlowFast(spec) => slowfast::classifier_name(spec.variant, false),
        ModelSpec::SlowOnly(spec) => slowfast::classifier_name(spec.variant, true),
        ModelSpec::FastOnly(spec) => slowfast::classifier_name(spec.variant, false),
        _ if is_online_mobilenet(spec) => "classifier",
        _ if spec.dropout() > 0.0 => "new_fc",
        ModelSpec::BlvnetTam(_) => "baseline_model.fc",
        _ if is_mobilenet(spec) => "base_model.classifier",
        ModelSpec::Tsn(_) | ModelSpec::Tsm(_) | ModelSpec::Tin(_) | ModelSpec::Plugged(_) => {
            "base_model.fc"
        }
    }
}

/// How the official code starts the classifier.
fn classifier_init(spec: &ModelSpec) -> LinearInit {
    match spec {
        ModelSpec::TamResnet(_)
        | ModelSpec::Blresnet(_)
        | ModelSpec::R3d(_)
        | ModelSpec::R2plus1d(_) => LinearInit::Default,
        _ if spec.variant() == Some(SlowFastVariant::XTemporal) => LinearInit::Unbiased,
        _ if spec.variant().is_some() => LinearInit::Normal(0.01),
        _ if is_online_mobilenet(spec) => LinearInit::Normal(0.01),
        _ => LinearInit::Classifier,
    }
}

/// Inputs of the classifier.
pub(crate) fn feature_channels(spec: &ModelSpec) -> i64 {
    let resnet = |depth| resnet::feature_channels(depth);
    match spec {
        ModelSpec::BlvnetTam(_) | ModelSpec::Blresnet(_) => big_little::FEATURE_CHANNELS,
        ModelSpec::TamResnet(spec) => resnet(spec.depth.resnet()),
        ModelSpec::Plugged(PluggedSpec { fields, plug: Plug::Network(plug) }) => {
            plug.features(fields)
        }
        ModelSpec::Tsn(spec) | ModelSpec::Plugged(PluggedSpec { fields: spec, .. }) => {
            resnet(spec.depth)
        }
        ModelSpec::Tsm(spec) => spec.depth.resnet().map_or(mobilenet::FEATURE_CHANNELS, resnet),
        ModelSpec::Tin(spec) => resnet(spec.depth),
        ModelSpec::SlowFast(spec) => SlowFastPlan::both(spec).features(),
        ModelSpec::SlowOnly(spec) => SlowFastPlan::slow_only(spec).features(),
        ModelSpec::FastOnly(spec) => SlowFastPlan::fast_only(spec).features(),
        ModelSpec::R3d(spec) => Resnet3dPlan::from(spec).features(),
        ModelSpec::R2plus1d(spec) => Resnet3dPlan::from(spec).features(),
    }
}
