//! The reference cases of the fixtures folder: where they lie, what a case holds, how numbers
//! are compared.
#![allow(dead_code, reason = "each test file is its own crate and uses a part of this")]

pub mod case;
pub mod compare;
#[path = "../../../weights/tests/support/limit.rs"]
pub mod limit;
pub mod operators;
pub mod plain;
pub mod volume;
pub mod volume_reference;

#[allow(unused_imports, reason = "each test file uses a part of this")]
pub use operators::{fixtures, json, tensors};
use sha2::{Digest, Sha256};

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
