//! Mirroring and labels: classes that have a direction, and which class a mirrored clip shows.
//!
//! A clip of "swiping left" that is mirrored shows "swiping right". Such classes are found by the words of their names, and
//! training refuses to mirror them unless it is told which classes change places.

use crate::VideoError;

/// Words that change by mirroring, with what they become.
const WORDS: [(&str, &str); 8] = [
    ("left", "right"),
    ("leftward", "rightward"),
    ("leftwards", "rightwards"),
    ("lefthand", "righthand"),
    ("lefty", "righty"),
    ("clockwise", "counterclockwise"),
    ("clockwise", "anticlockwise"),
    ("port", "starboard"),
];

/// Classes whose names have a direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directional {
    /// All of them, in rising order.
    pub classes: Vec<usize>,
    /// Those that are each other's mirror image by name, the lower one first.
    pub pairs: Vec<[usize; 2]>,
}

/// Finds the classes whose names have a direction.
pub fn directional<S: AsRef<str>>(names: &[S]) -> Directional {
    let words: Vec<Vec<String>> = names.iter().map(|name| words(name.as_ref())).collect();
    let mut found = Directional::default();
    for (class, name) in words.iter().enumerate() {
        let mirrored = mirrored(name);
        if mirrored.is_empty() {
            continue;
        }
        found.classes.push(class);
        let twin = words.iter().position(|other| mirrored.contains(other));
        if let Some(twin) = twin.filter(|&twin| twin > class) {
            found.pairs.push([class, twin]);
        }
    }
    found
}

/// The class that a mirrored clip of `label` shows.
pub fn mirrored_label(pairs: &[[usize; 2]], label: usize) -> usize {
    pairs
        .iter()
        .find_map(|&[a, b]| match label {
            _ if label == a => Some(b),
            _ if label == b => Some(a),
            _ => None,
        })
        .unwrap_or(label)
}

/// Checks the pairs against the number of classes, and that a mirroring training without pairs has no class with a direction.
///
/// # Errors
/// `INVALID_OPTION` naming `flipLabels`; it lists the pairs that the names suggest.
pub fn check(
    flip: bool,
    pairs: Option<&[[usize; 2]]>,
    num_classes: usize,
    names: &[String],
) -> Result<(), VideoError> {
    let refuse = |expected: String, received: String| {
        Err(VideoError::option("flipLabels", expected, received))
    };
    let Some(pairs) = pairs else {
        let found = directional(names);
        let Some(&first) = found.classes.first().filter(|_| flip) else { return Ok(()) };
        let suggested = if found.pairs.is_empty() {
            String::new()
        } else {
            format!(" (by their names: {:?})", found.pairs)
        };
        let expected = format!(
            "the pairs of classes that change places in a mirrored clip{suggested}, [] for none, or flip: false, because class {first} is named `{}`",
            names[first]
        );
        return refuse(expected, "nothing".into());
    };
    let mut seen = std::collections::BTreeSet::new();
    for &label in pairs.iter().flatten() {
        if label >= num_classes {
            let expected = format!("classes from 0 to {}", num_classes.saturating_sub(1));
            return refuse(expected, label.to_string());
        }
        if !seen.insert(label) {
            return refuse("every class at most once".into(), format!("class {label} twice"));
        }
    }
    Ok(())
}

/// The words of a name in lower case; blanks, signs and a capital after a small letter part words.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_small = false;
    for letter in name.chars() {
        let breaks = !letter.is_alphanumeric() || (after_small && letter.is_uppercase());
        if breaks && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| letter.is_alphanumeric()) {
            word.extend(letter.to_lowercase());
        }
        after_small = letter.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    // `counter-clockwise` is one word in two.
    while let Some(at) = words
        .windows(2)
        .position(|pair| matches!(pair[0].as_str(), "counter" | "anti") && pair[1] == "clockwise")
    {
        let tail = words.remove(at + 1);
        words[at] += &tail;
    }
    words
}

/// What the words can become by mirroring; nothing when none of them has a direction.
fn mirrored(words: &[String]) -> Vec<Vec<String>> {
    let twins = |word: &str| -> Vec<&str> {
        let twin = |&(a, b): &(&'static str, &'static str)| match word {
            _ if word == a => Some(b),
            _ if word == b => Some(a),
            _ => None,
        };
        WORDS.iter().filter_map(twin).collect()
    };
    let mut readings = vec![Vec::new()];
    let mut has_direction = false;
    for word in words {
        let twins = twins(word);
        has_direction |= !twins.is_empty();
        let choices = if twins.is_empty() { vec![word.as_str()] } else { twins };
        readings = readings
            .into_iter()
            .flat_map(|reading| {
                choices.iter().map(move |&choice| {
                    let mut reading = reading.clone();
                    reading.push(choice.to_owned());
                    reading
                })
            })
            .take(64)
            .collect();
    }
    if has_direction { readings } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn classes_with_a_direction_are_found_in_every_spelling() {
        let all = names(&[
            "Swiping Left",
            "swiping_right",
            "Pulling something from left to right",
            "upright",
            "Pulling something from right to left",
            "TurnLeft",
            "Turning Hand Clockwise",
            "Turning Hand Counter-clockwise",
            "bright light",
            "hit with the right hand",
        ]);
        let found = directional(&all);
        assert_eq!(found.classes, [0, 1, 2, 4, 5, 6, 7, 9]);
        assert_eq!(found.pairs, [[0, 1], [2, 4], [6, 7]]);
        assert_eq!(directional(&names(&["0", "1", "copyright"])), Directional::default());
    }

    #[test]
    fn labels_change_places_in_pairs() {
        let pairs = [[0, 3], [5, 4]];
        assert_eq!(
            (0..7).map(|l| mirrored_label(&pairs, l)).collect::<Vec<_>>(),
            [3, 1, 2, 0, 5, 4, 6]
        );
    }

    #[test]
    fn mirroring_classes_with_a_direction_needs_the_pairs() {
        let classes = names(&["left", "right", "up"]);
        let error = check(true, None, 3, &classes).expect_err("directional").to_string();
        assert!(
            error.contains("[[0, 1]]") && error.contains("flipLabels") && error.contains("`left`"),
            "{error}"
        );
        assert!(check(false, None, 3, &classes).is_ok());
        assert!(check(true, Some(&[]), 3, &classes).is_ok());
        assert!(check(true, Some(&[[0, 1]]), 3, &classes).is_ok());
        assert!(check(true, None, 3, &names(&["a", "b", "c"])).is_ok());
        for pairs in [&[[0, 3]][..], &[[1, 1]], &[[0, 1], [2, 1]]] {
            let error = check(true, Some(pairs), 3, &classes).expect_err("impossible pairs");
            assert!(error.to_string().contains("flipLabels"), "{error}");
        }
    }
}
