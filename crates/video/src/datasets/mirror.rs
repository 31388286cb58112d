//! Which classes change places when a video is flipped left to right, read off their names.

use std::collections::HashMap;

/// What a horizontal flip does to classes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirror {
    /// Classes that become each other, the smaller number first.
    pub pairs: Vec<(usize, usize)>,
    /// Classes whose name has a direction but whose mirror image is no class: their videos cannot be flipped.
    pub unpaired: Vec<usize>,
}

/// Words that a mirror exchanges.
const WORDS: [(&str, &str); 4] = [
    ("left", "right"),
    ("clockwise", "counterclockwise"),
    ("leftwards", "rightwards"),
    ("leftward", "rightward"),
];

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
    let plain: Vec<String> = names.iter().map(|name| words(name.as_ref()).join(" ")).collect();
    let numbers: HashMap<&str, usize> =
        plain.iter().enumerate().map(|(number, name)| (name.as_str(), number)).collect();
    let mut found = Mirror::default();
    for (number, name) in plain.iter().enumerate() {
        let image: Vec<&str> = name.split(' ').map(exchanged).collect();
        let image = image.join(" ");
        match numbers.get(image.as_str()) {
            _ if image == *name => {}
            Some(&other) if number < other => found.pairs.push((number, other)),
            Some(_) => {}
            None => found.unpaired.push(number),
        }
    }
    found
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

/// The words of a name in small letters, without what joins them; capitals inside a name begin words too.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut fresh = true;
    let mut was_small = false;
    for letter in name.chars() {
        if matches!(letter, '[' | ']') {
            continue;
        }
        if !letter.is_alphanumeric() {
            fresh = true;
            continue;
        }
        if fresh || was_small && letter.is_uppercase() {
            words.push(String::new());
        }
        fresh = false;
        was_small = letter.is_lowercase();
        if let Some(word) = words.last_mut() {
            word.extend(letter.to_lowercase());
        }
    }
    words
}

fn exchanged(word: &str) -> &str {
    let image = WORDS.iter().find_map(|&(one, other)| match word {
        _ if word == one => Some(other),
        _ if word == other => Some(one),
        _ => None,
    });
    image.unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::{preset_names, presets};

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
