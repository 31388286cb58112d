//! The fixtures folder and small checkpoints that tests build byte by byte.

#![allow(dead_code, reason = "each test file uses its part of this module")]

pub mod first_form;
pub mod limit;

use std::path::{Path, PathBuf};

/// The folder of golden numbers: that of `TIMEWEAVE_FIXTURES`, else the project's own.
pub fn fixtures() -> PathBuf {
    std::env::var_os("TIMEWEAVE_FIXTURES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures"), PathBuf::from)
}

/// One JSON file.
pub fn json(path: &Path) -> serde_json::Value {
    let text = std::fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Names and shapes of a network's weights, in its order.
pub type Network = Vec<(String, Vec<u64>)>;

/// The names and shapes of every network case whose description lies in the fixtures.
pub fn networks() -> Vec<(String, Network)> {
    let mut networks = Vec::new();
    for folder in ["models", "models_scaled"] {
        let Ok(files) = std::fs::read_dir(fixtures().join(folder)) else { continue };
        for file in files {
            let path = file.expect("a folder that was just opened").path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                networks.push((name, params(&json(&path))));
            }
        }
    }
    networks.sort();
    networks
}

fn params(case: &serde_json::Value) -> Network {
    let rows = case["params"].as_array().expect("a list of parameters");
    let row = |row: &serde_json::Value| {
        let shape = row[1].as_array().expect("a shape").iter();
        let shape = shape.map(|size| size.as_u64().expect("a size")).collect();
        (row[0].as_str().expect("a name").to_owned(), shape)
    };
    rows.iter().map(row).collect()
}

/// A zip archive of stored entries.
pub fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let entries: Vec<_> = entries.iter().map(|&(name, data)| (name, data, 0, data.len())).collect();
    zip_claiming(&entries)
}

/// A zip archive of stored entries with a method and a size that may be lies.
pub fn zip_claiming(entries: &[(&str, &[u8], u16, usize)]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut directory = Vec::new();
    for &(name, data, method, size) in entries {
        let start = file.len() as u32;
        let mut common = Vec::new();
        for value in [20, 0, method, 0, 0x21] {
            common.extend(u16::to_le_bytes(value));
        }
        // No checksum; the size in the archive, the size that it claims to unpack to.
        common.extend([0; 4]);
        common.extend((if method == 0 { size } else { data.len() } as u32).to_le_bytes());
        common.extend((size as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        file.extend(b"PK\x03\x04");
        file.extend(&common);
        file.extend(name.bytes());
        file.extend(data);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(start.to_le_bytes());
        directory.extend(name.bytes());
    }
    let (start, size) = (file.len() as u32, directory.len() as u32);
    file.extend(directory);
    file.extend(b"PK\x05\x06\x00\x00\x00\x00");
    file.extend([(entries.len() as u16).to_le_bytes(); 2].concat());
    file.extend(size.to_le_bytes());
    file.extend(start.to_le_bytes());
    file.extend([0, 0]);
    file
}
