//! The fields of each architecture with their defaults.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{BigLittleDepth, ResnetDepth, TsmDepth};

/// What a frame of the clip holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Modality {
    /// One RGB image: 3 channels.
    #[default]
    Rgb,
    /// Five pairs of horizontal and vertical optical flow: 10 channels.
    Flow,
    /// Six RGB images, 18 channels, of which the network sees the five differences.
    RgbDiff,
}

impl Modality {
    /// Channels of one frame of the clip.
    pub fn clip_channels(self) -> i64 {
        match self {
            Self::Rgb => 3,
            Self::Flow => 10,
            Self::RgbDiff => 18,
        }
    }

    /// Input channels of the first convolution.
    pub fn conv_channels(self) -> i64 {
        match self {
            Self::Rgb => 3,
            Self::Flow => 10,
            Self::RgbDiff => 15,
        }
    }
}

/// How the logits of a clip's frames become the logits of the clip.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Consensus {
    /// Their mean.
    #[default]
    Avg,
    /// They stay as they are: logits `[N, T, classes]`, and `[N, classes]` of a single frame.
    Identity,
}

/// Where TSM shifts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ShiftPlace {
    /// Before the first convolution of a block; the shortcut keeps the unshifted input.
    #[default]
    Blockres,
    /// Before the whole block, shortcut included.
    Block,
    /// Before the first and the second convolution of a block.
    TwoPath,
}

/// Every how many blocks one is shifted, counted within a stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, JsonSchema)]
#[schemars(with = "RoundsSchema")]
pub enum Rounds {
    /// 2 from depth 101 on, as in MIT's code, else 1.
    #[default]
    Auto,
    /// Every block.
    Every,
    /// Blocks 0, 2, 4, ...
    EverySecond,
}

/// What the offsets of TIN are multiplied by, so that they stay in `-scale/2..scale/2` frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, JsonSchema)]
#[schemars(with = "OffsetScaleSchema")]
pub enum OffsetScale {
    /// 4, as in the authors' code.
    #[default]
    Four,
    /// The number of frames, as in their paper.
    Frames,
}

/// The JSON values of [`Rounds`] and [`OffsetScale`]: a word or one of a few numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum WordOrNumber {
    Word(String),
    Number(f64),
}

impl WordOrNumber {
    fn text(&self) -> String {
        match self {
            Self::Word(word) => format!("'{word}'"),
            Self::Number(number) => number.to_string(),
        }
    }
}

struct RoundsSchema;
struct OffsetScaleSchema;

/// Gives a type that is a word or a number in JSON its two directions and its schema.
macro_rules! word_or_number {
    ($name:ident, $schema:ident, $field:literal, $expected:literal,
     $($variant:ident = $value:expr),+) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $(Self::$variant => $value.serialize(serializer)),+ }
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let expected = concat!("expected ", $expected, " for ", $field);
                let written = WordOrNumber::deserialize(deserializer)
                    .map_err(|_| de::Error::custom(expected))?;
                let written = match written {
                    WordOrNumber::Word(word) => serde_json::Value::from(word),
                    WordOrNumber::Number(number) if number.fract() == 0.0 => {
                        serde_json::Value::from(number as i64)
                    }
                    number => {
                        let text = number.text();
                        return Err(de::Error::custom(format!("{expected} but received {text}")));
                    }
                };
                $(if written == serde_json::json!($value) { return Ok(Self::$variant); })+
                Err(de::Error::custom(format!("{expected} but received {written}")))
            }
        }
        impl JsonSchema for $schema {
            fn schema_name() -> std::borrow::Cow<'static, str> { stringify!($name).into() }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "enum": [$($value),+] })
            }
        }
    };
}

word_or_number!(
    Rounds,
    RoundsSchema,
    "nRound",
    "'auto', 1 or 2",
    Auto = "auto",
    Every = 1,
    EverySecond = 2
);
word_or_number!(
    OffsetScale,
    OffsetScaleSchema,
    "offsetScale",
    "4 or 'frames'",
    Four = 4,
    Frames = "frames"
);

/// bLVNet-TAM (<https://arxiv.org/abs/1912.00869>).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BlvnetTamSpec {
    /// Number of classes.
    pub num_classes: i64,
    /// Frames of a clip, even; the paper's `8x2` is 16.
    #[serde(default = "sixteen")]
    pub num_frames: i64,
    /// Depth of the network.
    #[serde(default)]
    pub depth: BigLittleDepth,
    /// The little branch has `1/alpha` of the channels.
    #[serde(default = "two")]
    pub alpha: i64,
    /// The little branch has about `1/beta` of the blocks.
    #[serde(default = "four")]
    pub beta: i64,
    /// Taps of the temporal aggregation.
    #[serde(default = "three")]
    pub blending_frames: i64,
    /// Whether there is a temporal aggregation at all.
    #[serde(default = "yes")]
    pub tam: bool,
    /// Dropout before the classifier; 0 names the classifier `baseline_model.fc`.
    #[serde(default = "half")]
    pub dropout: f64,
    /// What a frame of the clip holds.
    #[serde(default)]
    pub modality: Modality,
}

/// TSN (<https://arxiv.org/abs/1608.00859>).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TsnSpec {
    /// Number of classes.
    pub num_classes: i64,
    /// Frames of a clip.
    #[serde(default = "eight")]
    pub num_frames: i64,
    /// Depth of the backbone.
    #[serde(default)]
    pub depth: ResnetDepth,
    /// Dropout before the classifier; 0 names the classifier `base_model.fc`.
    #[serde(default = "four_fifths")]
    pub dropout: f64,
    /// What a frame of the clip holds.
    #[serde(default)]
    pub modality: Modality,
    /// How the frames' logits are joined.
    #[serde(default)]
    pub consensus: Consensus,
    /// A second dropout of 0.5 before the first one, as X-Temporal's backbone has.
    #[serde(default)]
    pub double_dropout: bool,
    /// Non-local blocks in the second and the third stage.
    #[serde(default)]
    pub non_local: bool,
}

/// TSM (<https://arxiv.org/abs/1811.08383>).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TsmSpec {
    /// Number of classes.
    pub num_classes: i64,
    /// Frames of a clip.
    #[serde(default = "eight")]
    pub num_frames: i64,
    /// Depth of the backbone.
    #[serde(default)]
    pub depth: TsmDepth,
    /// `1/shiftDiv` of the channels move in each direction.
    #[serde(default = "eight")]
    pub shift_div: i64,
    /// Where the shift stands.
    #[serde(default)]
    pub shift_place: ShiftPlace,
    /// Which blocks are shifted.
    #[serde(default)]
    pub n_round: Rounds,
    /// Shift from the past only, so that the network can follow a stream frame by frame.
    #[serde(default)]
    pub online: bool,
    /// Dropout before the classifier; 0 names the classifier `base_model.fc`.
    #[serde(default = "half")]
    pub dropout: f64,
    /// What a frame of the clip holds.
    #[serde(default)]
    pub modality: Modality,
    /// How the frames' logits are joined.
    #[serde(default)]
    pub consensus: Consensus,
    /// A second dropout of 0.5 before the first one, as X-Temporal's backbone has.
    #[serde(default)]
    pub double_dropout: bool,
    /// Non-local blocks in the second and the third stage.
    #[serde(default)]
    pub non_local: bool,
}

/// TIN (<https://arxiv.org/abs/2001.06499>).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TinSpec {
    /// Number of classes.
    pub num_classes: i64,
    /// Frames of a clip; the weights work for this number only.
    #[serde(default = "eight")]
    pub num_frames: i64,
    /// Depth of the backbone.
    #[serde(default)]
    pub depth: ResnetDepth,
    /// `1/shiftDiv` of the channels are interlaced.
    #[serde(default = "four")]
    pub shift_div: i64,
    /// What the offsets are multiplied by.
    #[serde(default)]
    pub offset_scale: OffsetScale,
    /// Offset in frames that the offset nets start from.
    #[serde(default = "half")]
    pub initial_offset: f64,
    /// Dropout before the classifier; 0 names the classifier `base_model.fc`.
    #[serde(default = "four_fifths")]
    pub dropout: f64,
    /// What a frame of the clip holds.
    #[serde(default)]
    pub modality: Modality,
    /// How the frames' logits are joined.
    #[serde(default)]
    pub consensus: Consensus,
    /// A second dropout of 0.5 before the first one, as X-Temporal's backbone has.
    #[serde(default)]
    pub double_dropout: bool,
    /// Non-local blocks in the second and the third stage.
    #[serde(default)]
    pub non_local: bool,
}

impl TsmSpec {
    /// Every how many blocks one is shifted.
    pub fn rounds(&self) -> usize {
        match self.n_round {
            Rounds::Every => 1,
            Rounds::EverySecond => 2,
            // ops/temporal_shift.py:121 of mit-han-lab/temporal-shift-module
            Rounds::Auto => {
                let deep = self.depth.resnet().is_some_and(|depth| depth.blocks()[2] >= 23);
                1 + usize::from(deep)
            }
        }
    }
}

impl TinSpec {
    /// The factor of the offsets in frames.
    pub fn scale(&self) -> f64 {
        match self.offset_scale {
            OffsetScale::Four => 4.0,
            OffsetScale::Frames => self.num_frames as f64,
        }
    }
}

fn two() -> i64 {
    2
}
pub(super) fn three() -> i64 {
    3
}
fn four() -> i64 {
    4
}
pub(super) fn eight() -> i64 {
    8
}
fn sixteen() -> i64 {
    16
}
pub(super) fn half() -> f64 {
    0.5
}
fn four_fifths() -> f64 {
    0.8
}
pub(super) fn yes() -> bool {
    true
}
