//! What a checkpoint holds once it is read.

use indexmap::IndexMap;
use indexmap::map::Iter;

use crate::RawTensor;

/// Form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// PyTorch's zip archive (since 1.6).
    Zip,
    /// PyTorch's row of pickles (before 1.6).
    Legacy,
    /// PyTorch's tar archive (before 0.1.10).
    Tar,
    /// safetensors.
    Safetensors,
}

impl Format {
    /// The name of the form: `zip`, `legacy`, `tar` or `safetensors`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::Legacy => "legacy",
            Self::Tar => "tar",
            Self::Safetensors => "safetensors",
        }
    }
}

/// Named tensors in the order of their file.
#[derive(Debug, Clone, PartialEq)]
pub struct StateDict {
    /// The tensors by name.
    pub tensors: IndexMap<String, RawTensor>,
    /// Form of the file they came from.
    pub format: Format,
    /// The entry of the file's outer dict that held them, if they did not lie on top.
    pub container: Option<&'static str>,
    /// Whether every name began with `module.`, which was removed.
    pub module_removed: bool,
    /// Texts beside the tensors; only safetensors has them.
    pub metadata: IndexMap<String, String>,
}

impl StateDict {
    /// Prefix that `torch.nn.DataParallel` gives to every name.
    pub(crate) const MODULE: &'static str = "module.";

    /// The tensors as they would stand in a file of their own.
    pub fn new(tensors: IndexMap<String, RawTensor>) -> Self {
        Self {
            tensors,
            format: Format::Safetensors,
            container: None,
            module_removed: false,
            metadata: IndexMap::new(),
        }
    }

    /// The tensor of a name.
    pub fn get(&self, name: &str) -> Option<&RawTensor> {
        self.tensors.get(name)
    }

    /// Number of tensors.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there are no tensors.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// The names in the file's order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Names and tensors in the file's order.
    pub fn iter(&self) -> Iter<'_, String, RawTensor> {
        self.tensors.iter()
    }

    /// Removes `module.` when every name has it.
    pub(crate) fn without_module(mut self) -> Self {
        let all = self.tensors.keys().all(|name| name.starts_with(Self::MODULE));
        if all && !self.tensors.is_empty() {
            self.tensors = self
                .tensors
                .into_iter()
                .map(|(name, tensor)| (name[Self::MODULE.len()..].to_owned(), tensor))
                .collect();
            self.module_removed = true;
        }
        self
    }
}

impl<'a> IntoIterator for &'a StateDict {
    type Item = (&'a String, &'a RawTensor);
    type IntoIter = Iter<'a, String, RawTensor>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
