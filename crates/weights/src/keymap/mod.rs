//! The names that different projects give to the weights of one network.
//!
//! A [`KeyMap`] belongs to one network, known by the list of its native names, and one [`Source`]
//! of foreign names. It is made in two steps for every native name: into a common name (that of a
//! torchvision ResNet, with `slow.` or `fast.` before it in networks of two paths) and from there
//! into the foreign one. The way back is the table of what came out.

mod detect;
mod pattern;
mod scheme;
mod source;
mod tables;

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;

use self::scheme::Scheme;
use crate::error::quoted;
use crate::{StateDict, WeightsError};

pub use detect::detect;
pub use source::Source;

/// The names of one network in two spellings.
#[derive(Debug, Clone)]
pub struct KeyMap {
    source: Source,
    foreign_by_native: IndexMap<String, String>,
    native_by_foreign: HashMap<String, String>,
    /// Native names by their common name without the words that temporal modules add.
    native_by_plain: HashMap<String, String>,
    scheme: Scheme,
}

/// A state dict whose names were changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Renamed {
    /// The tensors that have a name on the other side, under that name.
    pub state: StateDict,
    /// The other names of the file, in its order.
    pub unexpected: Vec<String>,
}

impl KeyMap {
    /// The map between the native names of a network (contract: IBM's for bLVNet-TAM and
    /// TAM-ResNet, X-Temporal's, pytorchvideo's or mmaction2's for the others) and those of a
    /// source.
    ///
    /// Names without a counterpart are left out: offset nets have none in a plain ResNet. Between
    /// the variants of SlowFast the classifier is left out, too, since they disagree about the
    /// order of its features.
    ///
    /// # Errors
    /// When the names are no network's of ours, or the source has no network like it.
    pub fn new<'a>(
        source: Source,
        native_names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, WeightsError> {
        let natives: Vec<&str> = native_names.into_iter().collect();
        let scheme = Scheme::of(&natives).ok_or_else(|| WeightsError::UnknownNames {
            expected: "a network of timeweave".into(),
            received: some_names(natives.iter().copied()),
        })?;
        if !source.fits(scheme, &natives) {
            return Err(WeightsError::UnknownNames {
                expected: format!("a network that {} has", source.id()),
                received: some_names(natives.iter().copied()),
            });
        }
        let commons = scheme.commons(&natives);
        let is_joint = commons.values().any(|common| scheme::is_joint_classifier(common));
        let drops_classifier = is_joint && source.variant() != scheme.variant();
        let mut map = Self {
            source,
            foreign_by_native: IndexMap::new(),
            native_by_foreign: HashMap::new(),
            native_by_plain: HashMap::new(),
            scheme,
        };
        for (&native, common) in &commons {
            if drops_classifier && scheme::is_joint_classifier(common) {
                continue;
            }
            map.native_by_plain.insert(scheme::plain(common), native.to_owned());
            if let Some(foreign) = source.spell(scheme, native, common) {
                map.native_by_foreign.insert(foreign.clone(), native.to_owned());
                map.foreign_by_native.insert(native.to_owned(), foreign);
            }
        }
        Ok(map)
    }

    /// Whose names the foreign ones are.
    pub fn source(&self) -> Source {
        self.source
    }

    /// The native name of a foreign one.
    ///
    /// A temporal module around a layer is no difference: the weights of a TSN find their places
    /// in a TSM or TIN and the other way round, and a classifier is found under both of its names.
    pub fn native(&self, foreign: &str) -> Option<&str> {
        self.native_by_foreign.get(foreign).map(String::as_str).or_else(|| self.plain(foreign))
    }

    /// The foreign name of a native one.
    pub fn foreign(&self, native: &str) -> Option<&str> {
        self.foreign_by_native.get(native).map(String::as_str)
    }

    /// Native names with their foreign ones, in the network's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.foreign_by_native.iter().map(|(native, foreign)| (native.as_str(), foreign.as_str()))
    }

    /// A file of the source with native names.
    pub fn to_native(&self, state: StateDict) -> Renamed {
        // An exact name goes before one that only stands for the same layer.
        let exact: HashSet<String> =
            state.names().filter_map(|name| self.native_by_foreign.get(name)).cloned().collect();
        let name = |name: &str| match self.native_by_foreign.get(name) {
            Some(native) => Some(native.as_str()),
            None => self.plain(name).filter(|&native| !exact.contains(native)),
        };
        rename(state, name)
    }

    /// As [`KeyMap::to_native`], but a temporal module around a layer is a difference: what a file
    /// of another network has is unexpected. A classifier is still found under both of its names.
    pub fn to_native_exactly(&self, state: StateDict) -> Renamed {
        rename(state, |name| {
            let exact = self.native_by_foreign.get(name).map(String::as_str);
            exact.or_else(|| self.plain(name).filter(|_| self.is_classifier(name)))
        })
    }

    fn is_classifier(&self, foreign: &str) -> bool {
        let common = self.source.scheme(self.scheme).and_then(|scheme| scheme.common(foreign));
        common.is_some_and(|common| scheme::classifier_leaf(&common).is_some())
    }

    /// Native weights with the names of the source.
    pub fn to_foreign(&self, state: StateDict) -> Renamed {
        rename(state, |name| self.foreign(name))
    }

    fn plain(&self, foreign: &str) -> Option<&str> {
        let common = self.source.scheme(self.scheme)?.common(foreign)?;
        self.native_by_plain.get(&scheme::plain(&common)).map(String::as_str)
    }
}

fn rename<'m>(mut state: StateDict, name: impl Fn(&str) -> Option<&'m str>) -> Renamed {
    let mut unexpected = Vec::new();
    for (old, tensor) in std::mem::take(&mut state.tensors) {
        match name(&old).filter(|new| !state.tensors.contains_key(*new)) {
            Some(new) => drop(state.tensors.insert(new.to_owned(), tensor)),
            None => unexpected.push(old),
        }
    }
    Renamed { state, unexpected }
}

/// The first few names, for a message.
fn some_names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let shown: Vec<String> = names.take(3).map(quoted).collect();
    if shown.is_empty() { "none".into() } else { format!("{}, ...", shown.join(", ")) }
}
