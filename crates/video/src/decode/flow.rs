//! Names of flow pairs: two images per frame whose names differ in one letter, `x` and `y` (or `u` and `v`).

use std::collections::BTreeMap;

use super::template::{self, Names, Template};
use crate::VideoError;

/// Letters of the horizontal and the vertical part.
const AXES: [(char, char); 2] = [('x', 'y'), ('u', 'v')];

/// A pattern with a place for the axis, such as `flow_{x|y}_{:05d}.jpg`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FlowTemplate {
    /// The pattern as it was given.
    text: String,
    /// The patterns of both axes with a field more before the frame's number, or none.
    halves: [String; 2],
}

impl FlowTemplate {
    /// Reads the forms of the data sets; `None` when the text has no place for an axis.
    ///
    /// The axis is `{x|y}`, a first `{}` before a number (`flow_{}_{:05d}.jpg`), or a letter that stands alone
    /// (`flow_x_{:05}.jpg`, `{:05d}_x.jpg`). A number before it is the video's (`{:06d}-{}_{:05d}.jpg`).
    pub(super) fn parse(text: &str) -> Option<Self> {
        let named = AXES.iter().find_map(|&(x, y)| {
            let fields = [format!("{{{x}|{y}}}"), format!("{{{x},{y}}}")];
            fields
                .iter()
                .find(|field| text.contains(*field))
                .map(|field| [x, y].map(|axis| text.replacen(field.as_str(), &axis.to_string(), 1)))
        });
        let bare = || {
            let fields = text.matches('{').count();
            let place = text.find("{}").filter(|_| fields > 1)?;
            Some(['x', 'y'].map(|axis| format!("{}{axis}{}", &text[..place], &text[place + 2..])))
        };
        let halves = named.or_else(bare).or_else(|| {
            let letter = letters(text).next()?;
            Some([text.to_owned(), replaced(text, letter.0, letter.1)])
        })?;
        Some(Self { text: text.to_owned(), halves })
    }

    /// Whether the place of the axis is marked as one, so that nothing else can be meant.
    pub(super) fn is_marked(text: &str) -> bool {
        text.contains("{x|y}")
            || text.contains("{x,y}")
            || text.contains("{u|v}")
            || text.contains("{u,v}")
            || (text.contains("{}") && text.matches('{').count() > 1)
    }

    /// The names of both axes among those of a folder; `None` when there is none.
    ///
    /// # Errors
    /// `INVALID_OPTION` for a pattern that cannot be read.
    pub(super) fn find(&self, names: &[String]) -> Result<Option<[Names; 2]>, VideoError> {
        let mut found = Vec::with_capacity(2);
        for half in &self.halves {
            let template = Template::parse(&of_video(half, names))
                .map_err(|_| template::invalid("template", &self.text))?;
            match Names::of_template(template, names) {
                Some(names) => found.push(names),
                None => return Ok(None),
            }
        }
        Ok(<[Names; 2]>::try_from(found).ok())
    }
}

/// A pattern whose first of two numbers is the video's: put in as the names have it.
fn of_video(half: &str, names: &[String]) -> String {
    let Some((field, rest)) = half
        .strip_prefix('{')
        .and_then(|rest| rest.split_once('}'))
        .filter(|(_, rest)| rest.contains('{'))
    else {
        return half.to_owned();
    };
    let before = rest.split('{').next().unwrap_or_default();
    let digits = |name: &String| {
        let end = name.find(|c: char| !c.is_ascii_digit()).unwrap_or(name.len());
        (end > 0 && name[end..].starts_with(before)).then(|| name[..end].to_owned())
    };
    match names.iter().find_map(digits) {
        Some(number) => format!("{number}{rest}"),
        None => format!("{{{field}}}{rest}"),
    }
}

/// Places of letters that stand alone and name the horizontal axis, with the vertical one's letter.
fn letters(text: &str) -> impl Iterator<Item = (usize, char)> {
    let alone = |c: Option<char>| c.is_none_or(|c| !c.is_alphabetic());
    text.char_indices().filter_map(move |(place, letter)| {
        let &(_, other) = AXES.iter().find(|axis| axis.0 == letter)?;
        let is_alone =
            alone(text[..place].chars().next_back()) && alone(text[place + 1..].chars().next());
        is_alone.then_some((place, other))
    })
}

fn replaced(text: &str, place: usize, letter: char) -> String {
    format!("{}{letter}{}", &text[..place], &text[place + 1..])
}

/// Parts of names before and after a number.
pub(super) type Affixes = (String, String);

/// Which groups of numbered names are the halves of flow pairs: (horizontal, vertical).
pub(super) fn pairs<T>(groups: &BTreeMap<Affixes, T>) -> Vec<(Affixes, Affixes)> {
    let mut pairs = Vec::new();
    for (prefix, suffix) in groups.keys() {
        // A letter that touches the number still stands alone: the number is no letter.
        let partner = letters(prefix)
            .map(|(place, other)| (replaced(prefix, place, other), suffix.clone()))
            .chain(
                letters(suffix)
                    .map(|(place, other)| (prefix.clone(), replaced(suffix, place, other))),
            )
            .find(|partner| groups.contains_key(partner));
        if let Some(partner) = partner {
            pairs.push(((prefix.clone(), suffix.clone()), partner));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn templates_of_all_data_sets_find_their_pairs() {
        let cases: [(&str, [&str; 2]); 7] = [
            ("flow_{x|y}_{:05d}.jpg", ["flow_x_00001.jpg", "flow_y_00001.jpg"]),
            ("flow_{}_{:05d}.jpg", ["flow_x_00001.jpg", "flow_y_00001.jpg"]),
            ("flow_x_{:05}.jpg", ["flow_x_00001.jpg", "flow_y_00001.jpg"]),
            ("{:06d}-{}_{:05d}.jpg", ["000123-x_00001.jpg", "000123-y_00001.jpg"]),
            ("{:05d}_x.jpg", ["00001_x.jpg", "00001_y.jpg"]),
            ("{u|v}/{:d}.png", ["", ""]),
            ("{u,v}%05d.png", ["u00001.png", "v00001.png"]),
        ];
        for (text, files) in cases {
            let template = FlowTemplate::parse(text).expect(text);
            let found = template.find(&names(&files));
            if files[0].is_empty() {
                assert_eq!(found.expect_err("a folder").code(), "INVALID_OPTION");
                continue;
            }
            let [x, y] = found.expect(text).expect("pairs");
            assert_eq!((x.of_number(1), y.of_number(1)), (Ok(files[0]), Ok(files[1])), "{text}");
        }
        assert_eq!(FlowTemplate::parse("img_{:05d}.jpg"), None);
    }

    #[test]
    fn a_pair_needs_both_halves() {
        let template = FlowTemplate::parse("flow_{x|y}_{:05d}.jpg").expect("a template");
        assert_eq!(template.find(&names(&["flow_x_00001.jpg"])), Ok(None));
    }
}
