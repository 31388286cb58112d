//! Known data sets: how many classes they have, what their publishers ship, how their frames are named, and which classes
//! change places in a mirror.
//!
//! The table is `presets.json`. Names of classes lie beside it where they are public and settled; those of the others are
//! read from the publisher's own file.

mod mirror;

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

pub use mirror::{Mirror, mirror};

use crate::VideoError;
use crate::list::{ClassNames, ListFormat};

/// A known data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Preset {
    /// The name by which it is chosen.
    pub id: String,
    /// Its name for people.
    pub title: String,
    /// Where its publisher describes it.
    pub source: String,
    /// Its classes.
    pub num_classes: usize,
    /// The classes of its other editions.
    #[serde(default)]
    pub other_num_classes: Vec<usize>,
    /// Whether a video has several labels.
    #[serde(default)]
    pub multi_label: bool,
    /// Names that the publisher's file of class names has.
    #[serde(default)]
    pub classes_files: Vec<String>,
    /// What mirroring does to its classes.
    #[serde(default)]
    pub flip: Flip,
    /// How the frames are named, the usual way first.
    pub templates: Vec<String>,
    /// How the frames of optical flow are named, first along x and then along y.
    #[serde(default)]
    pub flow_templates: Vec<String>,
    /// Its lists.
    pub lists: Vec<PresetList>,
}

/// A list as its publisher ships it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PresetList {
    /// What it is for.
    pub part: Part,
    /// Which of several splits, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<usize>,
    /// Names that the file has; with `{class}` there is one a class.
    pub files: Vec<String>,
    /// Its dialect.
    pub format: ListFormat,
    /// The folder below the videos' root that its paths start from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
}

/// What mirroring a video left to right does to the classes of a data set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flip {
    /// Nothing: no class has a direction.
    #[default]
    Harmless,
    /// These change places, by the numbers of the publisher's file.
    Pairs(Vec<[usize; 2]>),
    /// Some change places, but several numberings are in use, so that only names tell which.
    ByName,
}

/// What a list is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// To train on.
    Train,
    /// To choose settings by.
    Val,
    /// To test on.
    Test,
}

impl Part {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
        }
    }
}

impl PresetList {
    /// The name for a list that is made of it: the part, and the split where there are several.
    pub fn name(&self) -> String {
        match self.split {
            Some(split) => format!("{}_split{split}", self.part.name()),
            None => self.part.name().to_owned(),
        }
    }
}

impl Preset {
    /// The names of the classes, where they are known without the publisher's files.
    pub fn class_names(&self) -> Option<Vec<&'static str>> {
        NAMES.iter().find(|(id, _)| *id == self.id).map(|(_, text)| text.lines().collect())
    }
}

const NAMES: [(&str, &str); 4] = [
    ("hmdb51", include_str!("classes/hmdb51.txt")),
    ("jester", include_str!("classes/jester.txt")),
    ("kinetics400", include_str!("classes/kinetics400.txt")),
    ("ucf101", include_str!("classes/ucf101.txt")),
];

static PRESETS: LazyLock<Vec<Preset>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("presets.json")).expect("the table is part of the program")
});

/// Every known data set.
pub fn presets() -> &'static [Preset] {
    &PRESETS
}

/// The data set of a name.
///
/// # Errors
/// `INVALID_OPTION` with the names that are known.
pub fn preset(id: &str) -> Result<&'static Preset, VideoError> {
    PRESETS.iter().find(|preset| preset.id == id).ok_or_else(|| {
        let known: Vec<&str> = PRESETS.iter().map(|preset| preset.id.as_str()).collect();
        VideoError::option("dataset", format!("one of {}", known.join(", ")), format!("`{id}`"))
    })
}

/// The class names of a data set that are known without its files.
///
/// # Errors
/// `INVALID_OPTION` for a data set that is not known, or whose names are in the publisher's file.
pub fn preset_names(id: &str) -> Result<ClassNames, VideoError> {
    let preset = preset(id)?;
    let names = preset.class_names().ok_or_else(|| {
        let expected = format!("the publisher's file of class names for {}", preset.title);
        VideoError::option("classes", expected, "none")
    })?;
    ClassNames::of(names, &preset.title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_data_set_has_its_classes_its_lists_and_its_templates() {
        let ids: Vec<&str> = presets().iter().map(|preset| preset.id.as_str()).collect();
        let expected = [
            ("ucf101", 101),
            ("hmdb51", 51),
            ("jester", 27),
            ("kinetics400", 400),
            ("kinetics600", 600),
            ("kinetics700", 700),
            ("moments", 339),
            ("multi-moments", 313),
            ("something-v1", 174),
            ("something-v2", 174),
        ];
        assert_eq!(ids, expected.map(|(id, _)| id));
        for (preset, (id, classes)) in presets().iter().zip(expected) {
            assert_eq!(preset.num_classes, classes, "{id}");
            assert!(!preset.templates.is_empty() && preset.lists.len() > 1, "{id}");
            if let Some(names) = preset.class_names() {
                assert_eq!(names.len(), classes, "{id}");
                let known = preset_names(id).expect("names");
                for (number, name) in names.iter().enumerate() {
                    assert_eq!(known.number(name), Some(number), "{name}");
                }
            } else {
                let has_file = !preset.classes_files.is_empty() || id.starts_with("kinetics");
                assert!(has_file, "{id}");
                assert_eq!(preset_names(id).expect_err(id).code(), "INVALID_OPTION");
            }
        }
        assert_eq!(preset("ufc101").expect_err("no such data set").code(), "INVALID_OPTION");
        assert!(presets()[7].multi_label);
    }

    #[test]
    fn a_class_that_is_spelt_in_two_ways_is_one() {
        let ucf = preset_names("ucf101").expect("names");
        // The files of this class are named v_HandStandPushups.
        assert_eq!(ucf.number("HandStandPushups"), ucf.number("HandstandPushups"));
        let kinetics = preset_names("kinetics400").expect("names");
        assert_eq!(kinetics.number("air_drumming"), Some(1));
    }
}
