//! Lines that were understood but whose videos are not placed yet.

use std::path::Path;

use super::classes::ClassNames;
use super::{Extent, Record};
use crate::VideoError;

/// A list's text and what is needed to read it.
pub(super) struct Source<'a> {
    pub text: &'a str,
    /// Names the list in errors.
    pub file: &'a Path,
    /// The folder that paths start from.
    pub root: &'a Path,
    pub classes: Option<&'a ClassNames>,
    /// Labels must be smaller.
    pub num_classes: Option<usize>,
}

/// A line that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draft {
    pub line: usize,
    pub input: String,
    pub labels: Vec<usize>,
    pub extent: Extent,
}

/// The lines of a list, and the ways in which its videos may be laid out on disk, the usual one first.
pub(super) struct Drafts {
    pub drafts: Vec<Result<Draft, VideoError>>,
    pub places: Vec<fn(&Draft) -> String>,
}

/// Records whose files are looked for.
const LOOKED_AT: usize = 64;

impl Drafts {
    /// Lines whose paths are complete.
    pub fn placed(drafts: Vec<Result<Draft, VideoError>>) -> Self {
        Self { drafts, places: Vec::new() }
    }

    /// The records, their paths in the layout that most of the first files are found with.
    pub fn into_records(self, source: &Source<'_>) -> Vec<Result<Record, VideoError>> {
        let first: Vec<&Draft> = self.drafts.iter().flatten().take(LOOKED_AT).collect();
        let there = |place: &fn(&Draft) -> String| {
            first.iter().filter(|draft| source.root.join(place(draft)).exists()).count()
        };
        // Of equal counts the last is taken by `max_by_key`, hence the reversed order.
        let place = self.places.iter().rev().max_by_key(|place| there(place)).copied();
        let record = |draft: Draft| {
            let input = place.map_or_else(|| draft.input.clone(), |place| place(&draft));
            let label = draft.labels.iter().find(|&&l| source.num_classes.is_some_and(|n| l >= n));
            if let (Some(&label), Some(num_classes)) = (label, source.num_classes) {
                return Err(VideoError::LabelOutOfRange {
                    file: source.file.to_owned(),
                    line: draft.line,
                    label,
                    num_classes,
                });
            }
            Ok(Record {
                path: source.root.join(&input),
                input,
                labels: draft.labels,
                extent: draft.extent,
                line: draft.line,
            })
        };
        self.drafts.into_iter().map(|draft| draft.and_then(record)).collect()
    }
}

impl Source<'_> {
    /// The error for a line.
    pub fn invalid(
        &self,
        line: usize,
        field: &str,
        expected: String,
        received: &str,
    ) -> VideoError {
        VideoError::ListInvalid {
            file: self.file.to_owned(),
            line,
            field: field.to_owned(),
            expected,
            received: format!("`{received}`"),
        }
    }
}
