//! Every operator case of the fixtures folder is read by a test.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use support::operators::LISTS;

/// The files whose tests read operator cases. Each of their calls `each("OP", ...)` runs over all
/// cases of an operator and fails when there is none.
const READERS: [&str; 6] = [
    "kernels/tests/fixtures.rs",
    "models/src/backbones/resnet_test.rs",
    "models/src/temporal/blend_test.rs",
    "models/src/temporal/interlace_test.rs",
    "models/src/temporal/non_local_test.rs",
    "models/tests/online.rs",
];

/// The operators that a reader's calls name.
fn read_by(reader: &str) -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(reader);
    let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{reader}: {e}"));
    assert!(!text.contains("#[ignore"), "{reader} has tests that are not run");
    let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix("each(\""));
    let ops: Vec<_> = lines.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect();
    assert!(!ops.is_empty(), "{reader} reads no operator");
    ops
}

/// How many cases the lists hold of each operator; every file of the folder is one of them.
fn listed() -> BTreeMap<String, usize> {
    let root = support::fixtures();
    let (mut counts, mut files) = (BTreeMap::new(), BTreeSet::from(LISTS.map(str::to_owned)));
    for list in LISTS {
        for entry in support::json(&root.join(list)).as_array().expect("a list of cases") {
            let text = |key: &str| entry[key].as_str().expect("a text").to_owned();
            assert!(files.insert(text("file")), "{list}: {} stands twice", text("file"));
            *counts.entry(text("op")).or_insert(0) += 1;
        }
    }
    let found: BTreeSet<_> = std::fs::read_dir(root.join("ops"))
        .expect("a folder")
        .map(|entry| format!("ops/{}", entry.expect("an entry").file_name().to_string_lossy()))
        .collect();
    let strange: Vec<_> = found.symmetric_difference(&files).collect();
    assert!(strange.is_empty(), "in the folder or in its lists, not in both: {strange:?}");
    counts
}

#[test]
fn every_operator_case_has_a_reader() {
    let counts = listed();
    let mut readers: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for reader in READERS {
        for op in read_by(reader) {
            readers.entry(op).or_default().push(reader);
        }
    }
    for (op, count) in &counts {
        let found = readers.get(op);
        let found = found.unwrap_or_else(|| panic!("no test reads the {count} cases of {op}"));
        println!("{count:3} {op}: {}", found.join(", "));
    }
    let strange: Vec<_> = readers.keys().filter(|op| !counts.contains_key(*op)).collect();
    assert!(strange.is_empty(), "no case of {strange:?} in the folder");
    let total: usize = counts.values().sum();
    println!("checked: {total} operator cases ({} operators), every one read", counts.len());
}
