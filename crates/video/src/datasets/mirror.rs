//! Which classes change places when a video is flipped left to right, read off their names.

use crate::transform::flip::{Directional, directional};

/// What a horizontal flip does to classes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirror {
    /// Classes that become each other, the smaller number first.
    pub pairs: Vec<(usize, usize)>,
    /// Classes whose name has a direction but whose mirror image is no class: their videos cannot be flipped.
    pub unpaired: Vec<usize>,
}

/// Finds the classes that a horizontal flip exchanges: those whose names differ by left and right (or by the sense of a
/// turn) alone.
///
/// ```
/// # use timeweave_video::datasets::mirror;
/// let names = ["Swiping Left", "Swiping Right", "Turning left", "Clapping"];
/// let found = mirror(&names);
/// assert_eq!(found.pairs, [(0, 1)]);
/// assert_eq!(found.unpaired, [2]);
/// ```
pub fn mirror<S: AsRef<str>>(names: &[S]) -> Mirror {
    let Directional { classes, pairs } = directional(names);
    let is_alone = |class: &usize| !pairs.iter().any(|pair| pair.contains(class));
    let unpaired = classes.into_iter().filter(is_alone).collect();
    Mirror { pairs: pairs.iter().map(|&[one, other]| (one, other)).collect(), unpaired }
}

impl Mirror {
    /// The class of a flipped video for the class of the video: a list with a number for each class.
    pub fn labels(&self, num_classes: usize) -> Vec<usize> {
        let mut labels: Vec<usize> = (0..num_classes).collect();
        for &(one, other) in &self.pairs {
            if one < num_classes && other < num_classes {
                labels.swap(one, other);
            }
        }
        labels
    }

    /// Whether a flip changes or spoils any class.
    pub fn is_directional(&self) -> bool {
        !self.pairs.is_empty() || !self.unpaired.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::{Flip, preset_names, presets};

    #[test]
    fn jesters_hands_change_sides() {
        let names = preset_names("jester").expect("names");
        let found = mirror(names.names());
        let named: Vec<_> = found
            .pairs
            .iter()
            .map(|&(a, b)| (names.names()[a].as_str(), names.names()[b].as_str()))
            .collect();
        let expected = [
            ("Swiping Left", "Swiping Right"),
            ("Sliding Two Fingers Left", "Sliding Two Fingers Right"),
            ("Turning Hand Clockwise", "Turning Hand Counterclockwise"),
        ];
        assert_eq!(named, expected);
        assert_eq!(found.unpaired, [0; 0]);
        let labels = found.labels(27);
        assert_eq!((labels[0], labels[1], labels[2]), (1, 0, 2));
    }

    #[test]
    fn something_somethings_pairs_are_those_that_its_users_exchange() {
        // The six directional templates of version 2, with the numbers of the publisher's file.
        let mut names: Vec<String> = (0..174).map(|class| format!("class {class}")).collect();
        let directional = [
            (86, "Pulling [something] from left to right"),
            (87, "Pulling [something] from right to left"),
            (93, "Pushing [something] from left to right"),
            (94, "Pushing [something] from right to left"),
            (166, "Turning the camera left while filming [something]"),
            (167, "Turning the camera right while filming [something]"),
        ];
        for (class, name) in directional {
            names[class] = name.into();
        }
        assert_eq!(mirror(&names).pairs, [(86, 87), (93, 94), (166, 167)]);
    }

    #[test]
    fn the_pairs_of_the_table_are_those_of_the_names() {
        for preset in presets() {
            let Some(names) = preset.class_names() else { continue };
            let pairs: Vec<[usize; 2]> =
                mirror(&names).pairs.into_iter().map(|(one, other)| [one, other]).collect();
            let expected = if pairs.is_empty() { Flip::Harmless } else { Flip::Pairs(pairs) };
            assert_eq!(preset.flip, expected, "{}", preset.id);
        }
    }

    #[test]
    fn the_other_data_sets_can_be_flipped() {
        for preset in presets().iter().filter(|preset| preset.id != "jester") {
            let Some(names) = preset.class_names() else { continue };
            assert!(!mirror(&names).is_directional(), "{}", preset.id);
        }
    }

    #[test]
    fn a_direction_without_its_image_is_told() {
        let found = mirror(&["turn_left", "TurnRight", "wave left hand", "copyright notice"]);
        assert_eq!((found.pairs, found.unpaired), (vec![(0, 1)], vec![2]));
    }
}
