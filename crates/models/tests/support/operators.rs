//! The operator cases of the fixtures folder: where they lie, what a case holds, how numbers are
//! compared. The tests beside private modules use it too.
#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tch::nn::VarStore;
use tch::{Kind, Tensor};

/// The lists that hold every operator case.
pub const LISTS: [&str; 2] = ["ops/index.json", "ops/index_more.json"];

/// The folder that `TIMEWEAVE_FIXTURES` names, else the project's own.
pub fn fixtures() -> PathBuf {
    std::env::var_os("TIMEWEAVE_FIXTURES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures"), PathBuf::from)
}

/// Parses a JSON file.
pub fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// All tensors of a safetensors file.
pub fn tensors(path: &Path) -> HashMap<String, Tensor> {
    let list = Tensor::read_safetensors(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    list.into_iter().collect()
}

/// One case of an operator.
pub struct Case {
    pub entry: Value,
    pub tensors: HashMap<String, Tensor>,
}

/// Calls `body` for every case of an operator; there must be one.
pub fn each(op: &str, mut body: impl FnMut(&Case)) {
    let (root, mut count) = (fixtures(), 0);
    for list in LISTS {
        let entries = json(&root.join(list));
        for entry in entries.as_array().expect("a list of cases") {
            if entry["op"] == op {
                let file = root.join(entry["file"].as_str().expect("every entry names its file"));
                body(&Case { entry: entry.clone(), tensors: tensors(&file) });
                count += 1;
            }
        }
    }
    assert!(count > 0, "no case of {op} in {}", root.display());
    println!("checked: {count} operators ({op})");
}

impl Case {
    fn what(&self, name: &str) -> String {
        format!("{} {name}", self.entry["file"])
    }

    pub fn number(&self, key: &str) -> i64 {
        self.entry[key].as_i64().unwrap_or_else(|| panic!("{}: no such number", self.what(key)))
    }

    pub fn get(&self, name: &str) -> Tensor {
        let found = self.tensors.get(name);
        found.unwrap_or_else(|| panic!("{}: no such tensor", self.what(name))).shallow_clone()
    }

    /// The names behind `prefix` of the tensors whose names start with it, sorted.
    pub fn names(&self, prefix: &str) -> Vec<&str> {
        let mut names: Vec<_> =
            self.tensors.keys().filter_map(|name| name.strip_prefix(prefix)).collect();
        names.sort_unstable();
        names
    }

    /// Gives the variables the values and the type of the case; each is `prefix` and its name.
    /// Neither side may have one that the other has not.
    pub fn fill(&self, vs: &mut VarStore, prefix: &str) {
        vs.set_kind(self.get("x").kind());
        let variables = vs.variables();
        let mut names: Vec<_> = variables.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, self.names(prefix), "{}", self.what("weights"));
        let _guard = tch::no_grad_guard();
        for (name, mut variable) in variables {
            variable.copy_(&self.get(&format!("{prefix}{name}")));
        }
    }

    /// Compares with the tensor `name`, which may be narrower than `actual`.
    pub fn check(&self, actual: &Tensor, name: &str) {
        let (what, expected) = (self.what(name), self.get(name));
        assert_eq!(actual.size(), expected.size(), "{what}");
        let kinds = (actual.kind(), expected.kind());
        assert!(kinds.0 == Kind::Double || kinds.0 == kinds.1, "{what}: {kinds:?}");
        let (error, bound) = (largest(&(actual.detach() - &expected)), bound(&expected));
        assert!(error <= bound, "{what}: off by {error:e}, allowed {bound:e}");
    }

    /// The same to the bit.
    pub fn equal(&self, actual: &Tensor, name: &str) {
        let (what, expected) = (self.what(name), self.get(name));
        assert_eq!(actual.size(), expected.size(), "{what}");
        assert!(actual.detach().equal(&expected), "{what} differs");
    }
}

fn largest(x: &Tensor) -> f64 {
    x.abs().max().double_value(&[])
}

/// What an element may be off by, as the fixtures' README says for operators: in float32 1e-5 of
/// the largest value and 1e-6, in float64 1e-12 of the largest value.
fn bound(expected: &Tensor) -> f64 {
    match expected.kind() {
        Kind::Double => 1e-12 * largest(expected),
        _ => 1e-5 * largest(expected) + 1e-6,
    }
}

/// Leaves with the values of frames `[N*T, C, H, W]`, channels first and channels last.
pub fn leaves(frames: &Tensor) -> [Tensor; 2] {
    // The memory format flag itself is not in tch: the permuted copy has the same strides.
    let last = frames.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
    [frames.copy(), last].map(|x| x.detach().set_requires_grad(true))
}
