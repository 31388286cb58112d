//! Architectures by name, those of one's own modules among them.

use std::sync::Arc;

use serde::de::Error;
use serde_json::Value;

use crate::spec::{Plug, PluggedSpec};
use crate::{ModelSpec, NetworkPlug, TemporalPlug};

/// What `arch` of a description may be: the architectures of this crate, a ResNet with each
/// temporal module that is added, and each network that is added. The example `plug_in` adds one
/// of each, in a file and a line.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    plugs: Vec<Plug>,
}

impl Registry {
    /// The registry with one more temporal module; its name goes before an older one's and
    /// before this crate's.
    #[must_use]
    pub fn with(mut self, plug: Arc<dyn TemporalPlug>) -> Self {
        self.plugs.insert(0, Plug::Temporal(plug));
        self
    }

    /// The registry with one more network, as [`Registry::with`].
    #[must_use]
    pub fn with_network(mut self, plug: Arc<dyn NetworkPlug>) -> Self {
        self.plugs.insert(0, Plug::Network(plug));
        self
    }

    /// The network of a description. One with an own part has the fields of a `tsn`, and an own
    /// network makes of `depth` and `nonLocal` what it likes.
    ///
    /// # Errors
    /// When `arch` is of no network, or a field is missing, unknown or of another type.
    pub fn spec(&self, description: &Value) -> Result<ModelSpec, serde_json::Error> {
        let plug = self.plugs.iter().find(|plug| description["arch"] == plug.name());
        let Some(plug) = plug else {
            return serde_json::from_value(description.clone()).map_err(|error| {
                let names: Vec<&str> = self.plugs.iter().map(Plug::name).collect();
                match names.as_slice() {
                    [] => error,
                    names => Error::custom(format!("{error} (added: {})", names.join(", "))),
                }
            });
        };
        let mut fields = description.clone();
        if let Some(fields) = fields.as_object_mut() {
            fields.shift_remove("arch");
        }
        let fields = serde_json::from_value(fields)?;
        Ok(ModelSpec::Plugged(PluggedSpec { fields, plug: plug.clone() }))
    }
}
