//! Writing PyTorch's zip form, as `torch.load(..., weights_only=True)` reads it.

use std::path::Path;

use super::archive::Archive;
use super::pickle::Pickle;
use super::replace;
use crate::{StateDict, WeightsError};

/// How the official code of a network wants to find the weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PytorchLayout {
    /// Entry of an outer dict that holds the weights, e.g. `state_dict`.
    ///
    /// Without one the file holds the bare state dict.
    pub container: Option<&'static str>,
    /// Whether names begin with `module.`, as `torch.nn.DataParallel` has them.
    pub module: bool,
}

/// Writes a PyTorch checkpoint: a plain state dict in a zip archive (PyTorch 1.6 and later).
///
/// # Errors
/// When the file cannot be written or a tensor's bytes do not fit its shape.
pub fn write_pytorch(
    path: impl AsRef<Path>,
    state: &StateDict,
    layout: &PytorchLayout,
) -> Result<(), WeightsError> {
    for (name, tensor) in state {
        tensor.check(name)?;
    }
    let prefix = if layout.module { StateDict::MODULE } else { "" };
    let mut pickle = Pickle::new();
    if let Some(container) = layout.container {
        pickle.begin_entry(container);
    }
    pickle.state_dict(state.iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)));
    if layout.container.is_some() {
        pickle.end_entry();
    }
    let pickle = pickle.finish();
    replace(path.as_ref(), |writer| {
        let mut archive = Archive::new(writer);
        archive.add("archive/data.pkl", &pickle)?;
        archive.add("archive/byteorder", b"little")?;
        for (key, tensor) in state.tensors.values().enumerate() {
            archive.add(&format!("archive/data/{key}"), &tensor.data)?;
        }
        archive.add("archive/version", b"3\n")?;
        archive.finish()
    })
}
