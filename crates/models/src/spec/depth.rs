//! The depths that each family of backbones comes in: a number, or `50c` and `50d` for the
//! variants with a deep stem.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A depth as it stands in a configuration: `50` or `"50d"`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(i64),
    Name(String),
}

impl Written {
    fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Name(name) => name.clone(),
        }
    }
}

/// Defines an enum of depths with its text, JSON form and schema.
macro_rules! depths {
    ($(#[$doc:meta])* $name:ident, default $default:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl Default for $name {
            fn default() -> Self { Self::$default }
        }

        impl $name {
            /// Every depth, smallest first.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The depth as it stands in a configuration, without quotes.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|depth| depth.name() == text)
            }

            fn values() -> Vec<serde_json::Value> {
                Self::ALL.iter().map(|depth| json_value(depth.name())).collect()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                json_value(self.name()).serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let values: Vec<String> = Self::values().iter().map(ToString::to_string).collect();
                let expected = format!("one of {}", values.join(", "));
                let written = Written::deserialize(deserializer)
                    .map_err(|_| de::Error::custom(format!("expected {expected} for depth")))?;
                let text = written.text();
                Self::parse(&text).ok_or_else(|| {
                    de::Error::custom(format!("expected {expected} for depth but received {text}"))
                })
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> { stringify!($name).into() }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "enum": Self::values() })
            }
        }
    };
}

fn json_value(name: &str) -> serde_json::Value {
    name.parse::<i64>().map_or_else(|_| name.into(), Into::into)
}

depths! {
    /// Depth of a ResNet.
    ResnetDepth, default R18 {
        /// Two basic blocks in each stage.
        R18 = "18",
        /// Basic blocks, 3-4-6-3.
        R34 = "34",
        /// Bottlenecks, 3-4-6-3.
        R50 = "50",
        /// ResNet-50 with a stem of three 3x3 convolutions.
        R50c = "50c",
        /// As `50c`, with average pooling in the shortcuts.
        R50d = "50d",
        /// Bottlenecks, 3-4-23-3.
        R101 = "101",
        /// Bottlenecks, 3-8-36-3.
        R152 = "152",
    }
}

depths! {
    /// Depth of a TSM: a ResNet's, or MobileNetV2.
    TsmDepth, default R18 {
        /// As [`ResnetDepth::R18`].
        R18 = "18",
        /// As [`ResnetDepth::R34`].
        R34 = "34",
        /// As [`ResnetDepth::R50`].
        R50 = "50",
        /// As [`ResnetDepth::R50c`].
        R50c = "50c",
        /// As [`ResnetDepth::R50d`].
        R50d = "50d",
        /// As [`ResnetDepth::R101`].
        R101 = "101",
        /// As [`ResnetDepth::R152`].
        R152 = "152",
        /// MobileNetV2 instead of a ResNet.
        MobilenetV2 = "mobilenet-v2",
    }
}

depths! {
    /// Depth of a TAM-ResNet.
    TamDepth, default R18 {
        /// As [`ResnetDepth::R18`].
        R18 = "18",
        /// As [`ResnetDepth::R34`].
        R34 = "34",
        /// As [`ResnetDepth::R50`].
        R50 = "50",
        /// As [`ResnetDepth::R101`].
        R101 = "101",
        /// As [`ResnetDepth::R152`].
        R152 = "152",
    }
}

depths! {
    /// Depth of a big-little network.
    BigLittleDepth, default D50 {
        /// Blocks 3-4-6-3.
        D50 = "50",
        /// Blocks 4-8-18-3.
        D101 = "101",
        /// Blocks 5-12-30-3.
        D152 = "152",
    }
}

depths! {
    /// Depth of a SlowFast network, the same in both pathways.
    SlowFastDepth, default D50 {
        /// Bottlenecks, 3-4-6-3.
        D50 = "50",
        /// Bottlenecks, 3-4-23-3.
        D101 = "101",
        /// Bottlenecks, 3-8-36-3.
        D152 = "152",
        /// Bottlenecks, 3-24-36-3; X-Temporal only.
        D200 = "200",
    }
}

depths! {
    /// Depth of one pathway of SlowFast as a network of its own.
    PathwayDepth, default D50 {
        /// Bottlenecks, 3-4-6-3.
        D50 = "50",
        /// Bottlenecks, 3-4-23-3.
        D101 = "101",
        /// Bottlenecks, 3-8-36-3.
        D152 = "152",
    }
}

depths! {
    /// Depth of a ResNet-3D or an R(2+1)D.
    Resnet3dDepth, default D10 {
        /// One basic block in each stage.
        D10 = "10",
        /// Two basic blocks in each stage.
        D18 = "18",
        /// Basic blocks, 3-4-6-3.
        D34 = "34",
        /// Bottlenecks, 3-4-6-3.
        D50 = "50",
        /// Bottlenecks, 3-4-23-3.
        D101 = "101",
        /// Bottlenecks, 3-8-36-3.
        D152 = "152",
        /// Bottlenecks, 3-24-36-3.
        D200 = "200",
    }
}

impl SlowFastDepth {
    /// Residual blocks of the four stages.
    pub fn blocks(self) -> [usize; 4] {
        match self {
            Self::D50 => [3, 4, 6, 3],
            Self::D101 => [3, 4, 23, 3],
            Self::D152 => [3, 8, 36, 3],
            Self::D200 => [3, 24, 36, 3],
        }
    }
}

impl PathwayDepth {
    /// Residual blocks of the four stages.
    pub fn blocks(self) -> [usize; 4] {
        match self {
            Self::D50 => [3, 4, 6, 3],
            Self::D101 => [3, 4, 23, 3],
            Self::D152 => [3, 8, 36, 3],
        }
    }
}

impl Resnet3dDepth {
    /// Residual blocks of the four stages.
    pub fn blocks(self) -> [usize; 4] {
        match self {
            Self::D10 => [1, 1, 1, 1],
            Self::D18 => [2, 2, 2, 2],
            Self::D34 | Self::D50 => [3, 4, 6, 3],
            Self::D101 => [3, 4, 23, 3],
            Self::D152 => [3, 8, 36, 3],
            Self::D200 => [3, 24, 36, 3],
        }
    }

    /// Whether the blocks are bottlenecks (1x1x1, 3x3x3, 1x1x1) instead of two 3x3x3 convolutions.
    pub fn is_bottleneck(self) -> bool {
        !matches!(self, Self::D10 | Self::D18 | Self::D34)
    }
}

impl ResnetDepth {
    /// Residual blocks of the four stages.
    pub fn blocks(self) -> [usize; 4] {
        match self {
            Self::R18 => [2, 2, 2, 2],
            Self::R34 | Self::R50 | Self::R50c | Self::R50d => [3, 4, 6, 3],
            Self::R101 => [3, 4, 23, 3],
            Self::R152 => [3, 8, 36, 3],
        }
    }

    /// Whether the blocks are bottlenecks (1x1, 3x3, 1x1) instead of two 3x3 convolutions.
    pub fn is_bottleneck(self) -> bool {
        !matches!(self, Self::R18 | Self::R34)
    }

    /// Whether the stem is three 3x3 convolutions.
    pub fn has_deep_stem(self) -> bool {
        matches!(self, Self::R50c | Self::R50d)
    }

    /// Whether shortcuts pool before their 1x1 convolution.
    pub fn pools_shortcut(self) -> bool {
        self == Self::R50d
    }
}

impl TsmDepth {
    /// The ResNet, if it is one.
    pub fn resnet(self) -> Option<ResnetDepth> {
        match self {
            Self::R18 => Some(ResnetDepth::R18),
            Self::R34 => Some(ResnetDepth::R34),
            Self::R50 => Some(ResnetDepth::R50),
            Self::R50c => Some(ResnetDepth::R50c),
            Self::R50d => Some(ResnetDepth::R50d),
            Self::R101 => Some(ResnetDepth::R101),
            Self::R152 => Some(ResnetDepth::R152),
            Self::MobilenetV2 => None,
        }
    }
}

impl TamDepth {
    /// The ResNet.
    pub fn resnet(self) -> ResnetDepth {
        match self {
            Self::R18 => ResnetDepth::R18,
            Self::R34 => ResnetDepth::R34,
            Self::R50 => ResnetDepth::R50,
            Self::R101 => ResnetDepth::R101,
            Self::R152 => ResnetDepth::R152,
        }
    }
}

impl BigLittleDepth {
    /// Residual blocks of the four stages.
    pub fn blocks(self) -> [usize; 4] {
        match self {
            Self::D50 => [3, 4, 6, 3],
            Self::D101 => [4, 8, 18, 3],
            Self::D152 => [5, 12, 30, 3],
        }
    }
}
