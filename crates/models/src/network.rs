//! A built network: clips in, logits out.

use tch::{Kind, Tensor, nn};

use crate::backbones::{BigLittle, Resnet, big_little, resnet};
use crate::layers::{Linear, LinearInit};
use crate::pass::{Mode, Pass};
use crate::spec::{Modality, ResnetDepth};
use crate::temporal::TemporalConfig;
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
    double_dropout: bool,
    classifier: Linear,
}

#[derive(Debug)]
enum Trunk {
    Resnet(Box<Resnet>),
    BigLittle(Box<BigLittle>),
}

impl Network {
    /// Builds the network with freshly initialised weights under `path`.
    ///
    /// # Errors
    /// When the spec is invalid or libtorch cannot allocate the weights.
    pub fn new(path: &nn::Path, spec: &ModelSpec) -> Result<Self, ModelError> {
        spec.validate()?;
        let base = path / trunk_name(spec);
        let channels = spec.modality().conv_channels();
        let resnet = |depth: ResnetDepth| {
            Resnet::new(&base, depth, channels, TemporalConfig::of(spec))
                .map(|trunk| Trunk::Resnet(Box::new(trunk)))
        };
        let (trunk, double_dropout) = match spec {
            ModelSpec::BlvnetTam(spec) => (
                BigLittle::new(&base, spec, channels)
                    .map(|trunk| Trunk::BigLittle(Box::new(trunk))),
                false,
            ),
            ModelSpec::Tsn(spec) => (resnet(spec.depth), spec.double_dropout),
            ModelSpec::Tsm(spec) => (resnet(spec.depth), spec.double_dropout),
            ModelSpec::Tin(spec) => (resnet(spec.depth), spec.double_dropout),
        };
        let head = classifier_name(spec).split('.').fold(path.clone(), |path, part| path / part);
        let classifier =
            Linear::new(&head, feature_channels(spec), spec.num_classes(), LinearInit::Classifier)?;
        Ok(Self { spec: spec.clone(), trunk: trunk?, double_dropout, classifier })
    }

    /// Logits `[N, classes]` of normalised clips `[N, T, C, H, W]`.
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

    /// Features `[N, F]` before the classifier, averaged over the frames; eval mode.
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn features(&self, clip: &Tensor) -> Result<Tensor, ModelError> {
        let pooled = self.pooled(clip, &mut Pass::new(Mode::EVAL))?;
        Ok(per_clip(&pooled, clip.size()[0])?)
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
        let mut x = self.pooled(clip, pass)?;
        if pass.mode.dropout {
            if self.double_dropout {
                x = x.f_dropout(BACKBONE_DROPOUT, true)?;
            }
            x = x.f_dropout(self.spec.dropout(), true)?;
        }
        // The mean over the frames is taken of the logits before any softmax.
        Ok(per_clip(&self.classifier.forward(&x)?, clip.size()[0])?)
    }

    /// Clips to features `[N*T', F]`, one for each frame that is left at the end.
    fn pooled(&self, clip: &Tensor, pass: &mut Pass) -> Result<Tensor, ModelError> {
        let frames = self.frames(clip)?;
        let maps = match &self.trunk {
            Trunk::Resnet(trunk) => trunk.forward(&frames, pass)?,
            Trunk::BigLittle(trunk) => trunk.forward(&frames, pass)?,
        };
        let pooled = maps.f_mean_dim([2i64, 3].as_slice(), false, None)?;
        let pool = if matches!(self.trunk, Trunk::Resnet(_)) { "avgpool" } else { "gappool" };
        pass.stage(|| format!("{}.{pool}", trunk_name(&self.spec)), &pooled);
        Ok(pooled)
    }

    /// Clips to what the first convolution sees, `[N*T, C, H, W]`.
    fn frames(&self, clip: &Tensor) -> Result<Tensor, ModelError> {
        let size = clip.size();
        let (t, c) = (self.spec.num_frames(), self.spec.input_channels());
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
        if self.spec.modality() == Modality::RgbDiff {
            let images = clip.f_reshape([n * t, 6, 3, h, w])?;
            let differences = images.f_narrow(1, 1, 5)?.f_sub(&images.f_narrow(1, 0, 5)?)?;
            return Ok(differences.f_view([n * t, 15, h, w])?);
        }
        Ok(clip.f_reshape([n * t, c, h, w])?)
    }
}

/// `[N*T, F]` to the mean over the frames, `[N, F]`.
fn per_clip(x: &Tensor, clips: i64) -> Result<Tensor, tch::TchError> {
    let features = x.size()[1];
    x.f_view([clips, -1, features])?.f_mean_dim([1i64].as_slice(), false, None)
}

/// What the trunk is called in the official code.
fn trunk_name(spec: &ModelSpec) -> &'static str {
    match spec {
        ModelSpec::BlvnetTam(_) => "baseline_model",
        ModelSpec::Tsn(_) | ModelSpec::Tsm(_) | ModelSpec::Tin(_) => "base_model",
    }
}

/// What the classifier is called: without dropout it stays the trunk's own.
pub(crate) fn classifier_name(spec: &ModelSpec) -> &'static str {
    match spec {
        _ if spec.dropout() > 0.0 => "new_fc",
        ModelSpec::BlvnetTam(_) => "baseline_model.fc",
        ModelSpec::Tsn(_) | ModelSpec::Tsm(_) | ModelSpec::Tin(_) => "base_model.fc",
    }
}

/// Inputs of the classifier.
pub(crate) fn feature_channels(spec: &ModelSpec) -> i64 {
    match spec {
        ModelSpec::BlvnetTam(_) => big_little::FEATURE_CHANNELS,
        ModelSpec::Tsn(spec) => resnet::feature_channels(spec.depth),
        ModelSpec::Tsm(spec) => resnet::feature_channels(spec.depth),
        ModelSpec::Tin(spec) => resnet::feature_channels(spec.depth),
    }
}
