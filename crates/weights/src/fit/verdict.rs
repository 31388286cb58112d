//! Whether a file that was compared with a network may be loaded into it.

use std::collections::HashSet;

use super::part::{self, Part};
use super::{Fitting, Reshaped, Unfilled};

/// What is said of a weight of another shape that no rule fits.
pub(super) const NOT_LOADED: &str = "not loaded: no rule fits it";
/// How many names a message lists.
const LISTED: usize = 4;

/// Why the file must not be loaded; lists on the way what may stay as it was.
pub(super) fn objection(fitting: &mut Fitting<'_>) -> Option<String> {
    let in_file = parts_of_file(fitting);
    let missing: Vec<String> = std::mem::take(&mut fitting.report.missing);
    let mut bad = Vec::new();
    for name in &missing {
        match excuse(fitting, &in_file, name) {
            Some(reason) => {
                fitting.report.initialised.push(Unfilled { name: name.clone(), reason });
            }
            None => bad.push(name.clone()),
        }
    }
    fitting.report.missing = missing;
    let unexpected: Vec<String> = fitting
        .report
        .unexpected
        .iter()
        .filter(|name| !is_harmless(fitting, name))
        .cloned()
        .collect();
    let reshaped = reshaped(fitting);
    let lists = [("missing", bad), ("unexpected", unexpected), ("of another shape", reshaped)];
    let said: Vec<String> = lists
        .iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| format!("{} {what}: {}", names.len(), shortened(names)))
        .collect();
    let only_classifier = lists[0].1.is_empty()
        && lists[1].1.is_empty()
        && fitting.report.reshaped.iter().all(|weight| is_classifier(&weight.name));
    let hint =
        if only_classifier { "; a new classifier has to be asked for (newClassifier)" } else { "" };
    (!said.is_empty()).then(|| format!("{}{hint}", said.join("; ")))
}

/// The parts that the file brings, whether they found a place or not.
fn parts_of_file(fitting: &Fitting<'_>) -> HashSet<Part> {
    let report = &fitting.report;
    let names = report.loaded.iter().chain(&report.unexpected);
    let names = names.chain(report.reshaped.iter().map(|weight| &weight.name));
    names.filter_map(|name| part::of(name)).collect()
}

/// Why a weight that the file lacks may stay as it was.
fn excuse(fitting: &Fitting<'_>, in_file: &HashSet<Part>, name: &str) -> Option<String> {
    let part = part::of(name)?;
    if part == Part::Classifier {
        // A bias alone that is missing is a damaged file.
        let is_whole = !in_file.contains(&part) || fitting.new_classifier || fitting.adapt;
        return is_whole.then(|| "the file has no classifier that fits".to_owned());
    }
    let is_new = fitting.adapt && !in_file.contains(&part);
    is_new.then(|| format!("the file has no {}", part.words()))
}

/// Whether a name that has no place can be passed over: a classifier that is replaced, or a
/// temporal module that the network does not have.
fn is_harmless(fitting: &Fitting<'_>, name: &str) -> bool {
    match part::of(name) {
        Some(Part::Classifier) => fitting.new_classifier || fitting.adapt,
        Some(part) => {
            fitting.adapt && !fitting.params.keys().any(|own| part::of(own) == Some(part))
        }
        None => false,
    }
}

/// The weights of another shape that count, in words; what a new classifier replaces does not.
fn reshaped(fitting: &mut Fitting<'_>) -> Vec<String> {
    let mut bad = Vec::new();
    for weight in &fitting.report.reshaped {
        let Reshaped { name, expected, found, reason } = weight;
        if fitting.tensors.contains_key(name) {
            continue;
        }
        if is_classifier(name) && fitting.new_classifier {
            let (name, reason) = (name.clone(), reason.clone());
            fitting.report.initialised.push(Unfilled { name, reason });
        } else {
            bad.push(format!("{name} (expected {expected:?}, found {found:?})"));
        }
    }
    bad
}

fn is_classifier(name: &str) -> bool {
    part::of(name) == Some(Part::Classifier)
}

fn shortened(names: &[String]) -> String {
    let more = if names.len() > LISTED { ", ..." } else { "" };
    format!("{}{more}", names[..names.len().min(LISTED)].join(", "))
}
