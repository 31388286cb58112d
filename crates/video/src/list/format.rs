//! The dialects of lists: their names, and the columns of those that are made of columns.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The dialect of a list. Besides the names below the names of the projects are taken that write the lists: `ibm`,
/// `tsm`, `tin`, `x-temporal`, `mmaction2-video`, `mmaction2-rawframes`, `mmaction2-rawframes-multi`,
/// `mmaction2-rawframes-offset`, `pyslowfast`, `mmit-csv`, `something-v1-csv`, `jester-csv`, `something-v2-json`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ListFormat {
    /// Found from the lines; an error where they could be of two dialects.
    #[default]
    Auto,
    /// `path`: a file a line, without labels.
    Path,
    /// `path label`: mmaction2's videos, PySlowFast. Several labels are joined by commas.
    #[serde(alias = "mmaction2-video", alias = "pyslowfast")]
    PathLabel,
    /// `path label label ...`: Multi-Moments in Time.
    #[serde(alias = "mmit-csv")]
    PathLabels,
    /// `path frames label`: TSM, TIN, X-Temporal, mmaction2's frame folders. Several labels are joined by commas.
    #[serde(alias = "tsm", alias = "tin", alias = "x-temporal", alias = "mmaction2-rawframes")]
    PathFramesLabel,
    /// `path frames label label ...`: mmaction2's frame folders with several labels.
    #[serde(alias = "mmaction2-rawframes-multi")]
    PathFramesLabels,
    /// `path offset frames label`, the offset from 0: mmaction2's `with_offset`.
    #[serde(alias = "mmaction2-rawframes-offset")]
    PathOffsetFramesLabel,
    /// `path start end`, frames from 1: bLVNet-TAM's lists to test on.
    PathStartEnd,
    /// `path start end label`, frames from 1: bLVNet-TAM.
    #[serde(alias = "ibm")]
    PathStartEndLabel,
    /// `path start end label label ...`, frames from 1: bLVNet-TAM with several labels.
    PathStartEndLabels,
    /// `id;class name`: Something-Something v1, Jester; to test on, `id` alone.
    #[serde(alias = "something-v1-csv", alias = "jester-csv")]
    IdName,
    /// An array of `{"id", "template"}`: Something-Something v2; to test on, `{"id"}`.
    #[serde(alias = "something-v2-json")]
    SomethingJson,
    /// `path,class name,votes,votes`: Moments in Time.
    MomentsCsv,
    /// A table with `label,youtube_id,time_start,time_end` in its header: Kinetics.
    KineticsCsv,
    /// `Class/v_Class_g01_c01.avi`, in training lists followed by the label from 1: UCF101.
    Ucf101Split,
    /// `file.avi 1|2|0`, one file a class, named `class_test_split1.txt`; 1 trains, 2 tests: HMDB51.
    Hmdb51Split,
    /// A table with `original_vido_id video_id frame_id path labels`, one line a frame: PySlowFast's Something-Something
    /// and Charades.
    FrameList,
}

impl ListFormat {
    /// Every dialect that a list can be of.
    pub const ALL: [Self; 17] = [
        Self::Path,
        Self::PathLabel,
        Self::PathLabels,
        Self::PathFramesLabel,
        Self::PathFramesLabels,
        Self::PathOffsetFramesLabel,
        Self::PathStartEnd,
        Self::PathStartEndLabel,
        Self::PathStartEndLabels,
        Self::IdName,
        Self::SomethingJson,
        Self::MomentsCsv,
        Self::KineticsCsv,
        Self::Ucf101Split,
        Self::Hmdb51Split,
        Self::FrameList,
        Self::Auto,
    ];

    /// The name by which it is chosen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Path => "path",
            Self::PathLabel => "path-label",
            Self::PathLabels => "path-labels",
            Self::PathFramesLabel => "path-frames-label",
            Self::PathFramesLabels => "path-frames-labels",
            Self::PathOffsetFramesLabel => "path-offset-frames-label",
            Self::PathStartEnd => "path-start-end",
            Self::PathStartEndLabel => "path-start-end-label",
            Self::PathStartEndLabels => "path-start-end-labels",
            Self::IdName => "id-name",
            Self::SomethingJson => "something-json",
            Self::MomentsCsv => "moments-csv",
            Self::KineticsCsv => "kinetics-csv",
            Self::Ucf101Split => "ucf101-split",
            Self::Hmdb51Split => "hmdb51-split",
            Self::FrameList => "frame-list",
        }
    }

    /// The columns after the path; none for the dialects that are no plain columns.
    pub(super) fn columns(self) -> Option<Columns> {
        let (numbers, labels): (&'static [&'static str], _) = match self {
            Self::Path => (&[], Labels::None),
            Self::PathLabel => (&[], Labels::Cell),
            Self::PathLabels => (&[], Labels::Cells),
            Self::PathFramesLabel => (&["frames"], Labels::Cell),
            Self::PathFramesLabels => (&["frames"], Labels::Cells),
            Self::PathOffsetFramesLabel => (&["offset", "frames"], Labels::Cell),
            Self::PathStartEnd => (&["start", "end"], Labels::None),
            Self::PathStartEndLabel => (&["start", "end"], Labels::Cell),
            Self::PathStartEndLabels => (&["start", "end"], Labels::Cells),
            _ => return None,
        };
        Some(Columns { numbers, labels })
    }

    /// Whether it is a path and columns of numbers.
    pub fn is_columns(self) -> bool {
        self.columns().is_some()
    }

    /// Whether its lists name classes instead of numbering them.
    pub(super) fn names_classes(self) -> bool {
        matches!(
            self,
            Self::IdName
                | Self::SomethingJson
                | Self::MomentsCsv
                | Self::KineticsCsv
                | Self::Ucf101Split
                | Self::Hmdb51Split
        )
    }
}

/// The columns after the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// Numbers of frames, by name.
    pub numbers: &'static [&'static str],
    /// The labels after them.
    pub labels: Labels,
}

/// Where the labels of a line stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Labels {
    /// Nowhere.
    None,
    /// In one cell, joined by commas.
    Cell,
    /// In one cell each.
    Cells,
}

impl Columns {
    /// The fewest columns after the path.
    pub fn least(self) -> usize {
        self.numbers.len() + usize::from(self.labels != Labels::None)
    }

    /// All columns in words.
    pub fn header(self) -> String {
        let labels = match self.labels {
            Labels::None => "",
            Labels::Cell => " label",
            Labels::Cells => " label...",
        };
        let numbers: String = self.numbers.iter().flat_map(|name| [" ", name]).collect();
        format!("path{numbers}{labels}")
    }
}

/// What separates the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Separator {
    /// Blanks or tabs.
    Space,
    /// `;`
    Semicolon,
    /// `,`
    Comma,
}

impl Separator {
    /// The separator as a byte.
    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Space => b' ',
            Self::Semicolon => b';',
            Self::Comma => b',',
        }
    }

    /// The separator in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Space => "space",
            Self::Semicolon => "semicolon",
            Self::Comma => "comma",
        }
    }
}
