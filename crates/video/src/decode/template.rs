//! Names of frame files: a fixed part, a number, a fixed part.

use std::collections::BTreeMap;

use super::flow::{self, Affixes};
use crate::VideoError;

/// Fixed parts before the number that are known from data sets, the likeliest colour frames first.
const KNOWN: [&str; 4] = ["img_", "image_", "frame_", ""];

/// A pattern such as `img_{:05d}.jpg`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Template {
    prefix: String,
    suffix: String,
    /// Digits to which numbers are filled with zeros.
    width: usize,
}

/// The frames of a folder, by name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Numbered frames: index 0 is the lowest number.
    Numbered { template: Template, first: u64, files: BTreeMap<u64, String> },
    /// Names without a common pattern, in natural order.
    Listed(Vec<String>),
}

impl Template {
    /// Reads `{:05d}`, `{:d}`, `{}` and `%05d` forms with exactly one number.
    pub(super) fn parse(text: &str) -> Result<Self, VideoError> {
        let invalid = || invalid("template", text);
        let (open, close) = if text.contains('{') { ('{', '}') } else { ('%', 'd') };
        let (prefix, rest) = text.split_once(open).ok_or_else(invalid)?;
        let (field, suffix) = rest.split_once(close).ok_or_else(invalid)?;
        let digits = field.trim_start_matches(':').trim_end_matches('d');
        let width = if digits.is_empty() { 1 } else { digits.parse().map_err(|_| invalid())? };
        if suffix.contains(['{', '%', '/']) || prefix.contains(['}', '/']) || width > 18 {
            return Err(invalid());
        }
        Ok(Self { prefix: prefix.to_owned(), suffix: suffix.to_owned(), width })
    }

    /// The name of the file with a number.
    pub(super) fn name(&self, number: u64) -> String {
        format!("{}{number:0width$}{}", self.prefix, self.suffix, width = self.width)
    }

    /// The form in which templates are given.
    pub(super) fn pattern(&self) -> String {
        format!("{}{{:0{}d}}{}", self.prefix, self.width, self.suffix)
    }

    fn number(&self, name: &str) -> Option<u64> {
        let number = name.strip_prefix(&self.prefix)?.strip_suffix(&self.suffix)?.parse().ok()?;
        (self.name(number) == name).then_some(number)
    }
}

impl Names {
    /// The names that a template gives; `None` when there is none.
    pub(super) fn of_template(template: Template, names: &[String]) -> Option<Self> {
        let number = |name: &String| template.number(name).map(|number| (number, name.clone()));
        let files: BTreeMap<u64, String> = names.iter().filter_map(number).collect();
        let first = *files.keys().next()?;
        Some(Self::Numbered { template, first, files })
    }

    /// Finds the pattern of the names of images; flow pairs beside them are passed over.
    pub(super) fn find(names: Vec<String>) -> Result<Self, VideoError> {
        let (mut groups, others) = groups(&names)?;
        let pairs = flow::pairs(&groups);
        if groups.len() > 2 * pairs.len() {
            for (x, y) in &pairs {
                groups.remove(x);
                groups.remove(y);
            }
        }
        let many = groups.values().filter(|files| files.len() > 1).count();
        if many == 0 && groups.len() + others > 1 {
            return Ok(Self::Listed(natural(names)));
        }
        let known = KNOWN.iter().find_map(|&prefix| {
            let mut fitting = groups.keys().filter(|key| key.0 == prefix && groups[*key].len() > 1);
            fitting.next().filter(|_| fitting.next().is_none()).cloned()
        });
        let only = groups
            .iter()
            .find(|(_, files)| many == 0 || files.len() > 1)
            .map(|(key, _)| key.clone());
        match if many > 1 { known } else { only } {
            Some(key) => Ok(Self::of_group(&key, groups.remove(&key).unwrap_or_default())),
            None if groups.is_empty() => Ok(Self::Listed(natural(names))),
            None => Err(ambiguous(kinds(groups.keys()))),
        }
    }

    /// Finds the patterns of the only flow pairs among the names of images; `None` when there is none.
    pub(super) fn find_flow(names: &[String]) -> Result<Option<[Self; 2]>, VideoError> {
        let (mut groups, _) = groups(names)?;
        match flow::pairs(&groups).as_slice() {
            [] => Ok(None),
            [(x, y)] => Ok(Some(
                [x, y].map(|key| Self::of_group(key, groups.remove(key).unwrap_or_default())),
            )),
            several => Err(ambiguous(kinds(several.iter().map(|pair| &pair.0)))),
        }
    }

    fn of_group(key: &Affixes, files: BTreeMap<u64, String>) -> Self {
        let (first, width) = match files.first_key_value() {
            Some((&first, name)) => (first, name.len() - key.0.len() - key.1.len()),
            None => (0, 1),
        };
        let template = Template { prefix: key.0.clone(), suffix: key.1.clone(), width };
        Self::Numbered { template, first, files }
    }
}

/// Numbered names by what stands before and after their number.
type Groups = BTreeMap<Affixes, BTreeMap<u64, String>>;

/// Names by what stands before and after their number, and how many have none.
fn groups(names: &[String]) -> Result<(Groups, usize), VideoError> {
    let mut groups = Groups::new();
    let mut others = 0;
    for name in names {
        let Some((prefix, number, suffix)) = split(name) else {
            others += 1;
            continue;
        };
        let group = groups.entry((prefix.to_owned(), suffix.to_owned())).or_default();
        if let Some(twin) = group.insert(number, name.clone()) {
            return Err(ambiguous(format!("both `{twin}` and `{name}`")));
        }
    }
    Ok((groups, others))
}

fn kinds<'a>(groups: impl Iterator<Item = &'a Affixes>) -> String {
    let kinds: Vec<_> =
        groups.take(4).map(|(prefix, suffix)| format!("`{prefix}{{:d}}{suffix}`")).collect();
    kinds.join(", ")
}

/// A template that cannot be read.
pub(super) fn invalid(field: &str, text: &str) -> VideoError {
    VideoError::InvalidOption {
        field: field.into(),
        expected: "a file name with one number, such as `img_{:05d}.jpg`, and for flow a place for the axis, such as `flow_{x|y}_{:05d}.jpg`".into(),
        received: format!("`{text}`"),
    }
}

fn ambiguous(received: String) -> VideoError {
    VideoError::InvalidOption {
        field: "template".into(),
        expected: "the pattern of the frames, because the folder holds several".into(),
        received,
    }
}

/// A name as text before its last number, the number, and text after it.
fn split(name: &str) -> Option<(&str, u64, &str)> {
    let stem = name.rfind('.').unwrap_or(name.len());
    let end = name[..stem].rfind(|c: char| c.is_ascii_digit())? + 1;
    let start = name[..end]
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |last| last + name[last..].chars().next().map_or(1, char::len_utf8));
    Some((&name[..start], name[start..end].parse().ok()?, &name[end..]))
}

/// Sorts names as people do: numbers by value.
fn natural(mut names: Vec<String>) -> Vec<String> {
    names.sort_by_cached_key(|name| {
        let mut parts: Vec<(String, u64)> = Vec::new();
        let mut rest = name.as_str();
        while !rest.is_empty() {
            let text = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            let (before, tail) = rest.split_at(text);
            let digits = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
            parts.push((before.to_owned(), tail[..digits].parse().unwrap_or(u64::MAX)));
            rest = &tail[digits..];
        }
        (parts, name.clone())
    });
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|&name| name.to_owned()).collect()
    }

    fn pattern(list: &[&str]) -> (String, u64) {
        match Names::find(names(list)) {
            Ok(Names::Numbered { template, first, .. }) => (template.pattern(), first),
            other => panic!("expected a pattern but received {other:?}"),
        }
    }

    #[test]
    fn the_pattern_is_found_in_the_names() {
        assert_eq!(pattern(&["00001.jpg", "00002.jpg"]), ("{:05d}.jpg".into(), 1));
        assert_eq!(pattern(&["img_00000.jpg", "img_00001.jpg"]), ("img_{:05d}.jpg".into(), 0));
        assert_eq!(pattern(&["9.png", "10.png"]), ("{:01d}.png".into(), 9));
        assert_eq!(pattern(&["clip3_007.jpeg", "clip3_008.jpeg"]), ("clip3_{:03d}.jpeg".into(), 7));
        assert_eq!(pattern(&["é1.png", "é2.png"]), ("é{:01d}.png".into(), 1));
        assert_eq!(pattern(&["00001.jpg"]), ("{:05d}.jpg".into(), 1));
    }

    #[test]
    fn colour_frames_are_chosen_beside_flow_and_thumbnails() {
        let both =
            ["flow_x_00001.jpg", "flow_x_00002.jpg", "img_00001.jpg", "img_00002.jpg", "thumb.jpg"];
        assert_eq!(pattern(&both).0, "img_{:05d}.jpg");
        let flow = Names::find(names(&["x_1.jpg", "x_2.jpg", "y_1.jpg", "y_2.jpg"]));
        assert_eq!(flow.expect_err("two kinds").code(), "INVALID_OPTION");
        let beside = ["00001.jpg", "00002.jpg", "00001_x.jpg", "00001_y.jpg", "00002_x.jpg"];
        assert_eq!(pattern(&beside).0, "{:05d}.jpg");
        assert_eq!(
            Names::find(names(&["1.jpg", "01.jpg"])).expect_err("twins").code(),
            "INVALID_OPTION"
        );
    }

    #[test]
    fn names_without_a_pattern_are_in_natural_order() {
        let listed = Names::find(names(&["b10.png", "a.png", "c2.png"])).expect("names");
        assert_eq!(listed, Names::Listed(names(&["a.png", "b10.png", "c2.png"])));
        assert_eq!(natural(names(&["x10y", "x9y", "x9a"])), ["x9a", "x9y", "x10y"]);
    }

    #[test]
    fn templates_are_read_in_the_usual_forms() {
        for text in ["img_{:05d}.jpg", "img_%05d.jpg"] {
            assert_eq!(Template::parse(text).expect(text).name(7), "img_00007.jpg");
        }
        assert_eq!(Template::parse("{}.png").expect("plain").name(12), "12.png");
        for text in ["img.jpg", "flow_{}_{:05d}.jpg", "{:x}.jpg", "{:05d", "%05d/%05d.jpg"] {
            assert_eq!(Template::parse(text).expect_err(text).code(), "INVALID_OPTION", "{text}");
        }
    }
}
