//! Whose names a file has, and the way from them to a network's own.

use indexmap::IndexMap;

use super::Params;
use crate::keymap::{KeyMap, Renamed, Source, detect};
use crate::{RawTensor, StateDict, WeightsError};

/// How the names of a file become native.
pub(super) enum Naming {
    /// They are.
    Own,
    Mapped(Box<KeyMap>),
}

impl Naming {
    /// The naming under which the most names of the file find a place.
    pub(super) fn find(
        params: &Params,
        state: &StateDict,
        source: Option<Source>,
    ) -> Result<Self, WeightsError> {
        let map = |source| KeyMap::new(source, params.keys().map(String::as_str));
        if let Some(source) = source {
            return Ok(Self::Mapped(Box::new(map(source)?)));
        }
        let is_own = |(name, shape): (&String, &Vec<u64>)| {
            state.get(name).is_some_and(|tensor| tensor.shape == *shape)
        };
        if params.iter().all(is_own) {
            return Ok(Self::Own);
        }
        let own = state.names().filter(|name| params.contains_key(*name)).count();
        let source = match detect(state) {
            Ok(source) => source,
            Err(_) if own > 0 => return Ok(Self::Own),
            Err(error) => return Err(error),
        };
        // A source without such a network: the comparison will say what is missing.
        let Ok(map) = map(source) else { return Ok(Self::Own) };
        let mapped = state.names().filter(|name| map.native(name).is_some()).count();
        // Some of our networks have the names of an image network; what counts then is whose file
        // it is.
        Ok(if mapped >= own { Self::Mapped(Box::new(map)) } else { Self::Own })
    }

    /// Whose names they are, unless the network's own.
    pub(super) fn source(&self) -> Option<Source> {
        match self {
            Self::Own => None,
            Self::Mapped(map) => Some(map.source()),
        }
    }

    /// The native name of a name in the file.
    pub(super) fn native(&self, name: &str) -> Option<String> {
        match self {
            Self::Own => Some(name.to_owned()),
            Self::Mapped(map) => map.native(name).map(str::to_owned),
        }
    }

    /// The file with native names, and its names that have no place. With `adapt` a layer keeps its
    /// place whatever temporal module is around it.
    pub(super) fn to_native(
        &self,
        params: &Params,
        mut state: StateDict,
        adapt: bool,
    ) -> (StateDict, Vec<String>) {
        let Self::Mapped(map) = self else {
            let (known, unknown) =
                state.tensors.into_iter().partition(|(name, _)| params.contains_key(name));
            state.tensors = known;
            let unknown: IndexMap<String, RawTensor> = unknown;
            return (state, unknown.into_keys().collect());
        };
        let renamed = if adapt { map.to_native(state) } else { map.to_native_exactly(state) };
        let Renamed { state, unexpected } = renamed;
        (state, unexpected)
    }
}
