//! The reference cases of the fixtures folder: where they lie, what a case holds, how numbers
//! are compared.
#![allow(dead_code, reason = "each test file is its own crate and uses a part of this")]

pub mod case;
pub mod compare;
#[path = "../../../weights/tests/support/limit.rs"]
pub mod limit;
pub mod plain;
pub mod volume;
pub mod volume_reference;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tch::Tensor;

/// The folder that `TIMEWEAVE_FIXTURES` names, else the project's own.
pub fn fixtures() -> PathBuf {
    std::env::var_os("TIMEWEAVE_FIXTURES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures"), PathBuf::from)
}

/// Parses a JSON file.
pub fn json(path: &Path) -> serde_json::Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// All tensors of a safetensors file.
pub fn tensors(path: &Path) -> HashMap<String, Tensor> {
    let list = Tensor::read_safetensors(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    list.into_iter().collect()
}

/// Lower-case hexadecimal SHA-256.
pub fn sha256<'a>(parts: impl IntoIterator<Item = &'a [f32]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        for value in part {
            hash.update(value.to_le_bytes());
        }
    }
    hash.finalize().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
