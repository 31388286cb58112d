//! Every checkpoint of the fixtures, good and bad, does what its index says, and no code of any
//! of them runs.

mod support;

use std::path::Path;

use timeweave_weights::{Format, StateDict, WeightsError, read};

/// What a crafted pickle would write if it were executed.
const TRACE: &str = "PICKLE_EXECUTED.txt";

#[test]
fn every_checkpoint_of_the_fixtures_does_what_its_index_says() {
    let fixtures = support::fixtures();
    let index = support::json(&fixtures.join("checkpoints/index.json"));
    let index = index.as_array().expect("a list of checkpoints");
    let mut failures = Vec::new();
    for case in index {
        let file = case["file"].as_str().expect("a file");
        let result = support::limit::in_a_second(file, || read(fixtures.join(file)));
        if let Some(failure) = judge(&fixtures, case, result) {
            failures.push(format!("{file}: {failure}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(!Path::new(TRACE).exists(), "a pickle was executed");
    assert!(!index.is_empty());
    println!("checked: {} checkpoints", index.len());
}

/// What is wrong with the result of a case.
fn judge(
    fixtures: &Path,
    case: &serde_json::Value,
    result: Result<StateDict, WeightsError>,
) -> Option<String> {
    let expect = case["expect"].as_str().unwrap_or_default();
    match result {
        Ok(state) => match case["expected"].as_str() {
            Some(expected) => {
                let expected = read(fixtures.join(expected)).expect("the expected tensors");
                difference(&state, &expected)
            }
            // No expected tensors: a bad file, one of other names or shapes, or an empty one.
            None if expect.starts_with("error") => Some(format!("{} tensors", state.len())),
            None if expect.starts_with("loads as an empty map") && !state.is_empty() => {
                Some("expected no tensors".into())
            }
            None => None,
        },
        Err(error) if expect.starts_with("error") => {
            let text = error.to_string();
            (!error.code().starts_with("CHECKPOINT_")).then_some(text)
        }
        Err(error) => Some(error.to_string()),
    }
}

fn difference(state: &StateDict, expected: &StateDict) -> Option<String> {
    let names = |state: &StateDict| {
        let mut names: Vec<String> = state.names().map(str::to_owned).collect();
        names.sort();
        names
    };
    if names(state) != names(expected) {
        return Some(format!("names {:?}", names(state)));
    }
    let differs = |&(name, tensor): &(&String, _)| expected.get(name) != Some(tensor);
    state.iter().find(differs).map(|(name, _)| format!("{name} differs"))
}

#[test]
fn the_way_to_the_tensors_is_told() {
    let checkpoints = support::fixtures().join("checkpoints");
    for (file, format, container, module) in [
        ("tiny_dataparallel.pth.tar", Format::Zip, Some("state_dict"), true),
        ("tiny_dataparallel_legacy.pth.tar", Format::Legacy, Some("state_dict"), true),
        ("tiny_xtemporal.pth", Format::Zip, Some("model"), true),
        ("tiny_fair.pyth", Format::Zip, Some("model_state"), false),
        ("tiny_plain.pth", Format::Zip, None, false),
        ("tiny_module_prefix.safetensors", Format::Safetensors, None, true),
    ] {
        let state = read(checkpoints.join(file)).expect(file);
        let told = (state.format, state.container, state.module_removed);
        assert_eq!(told, (format, container, module), "{file}");
    }
}

#[test]
fn a_refused_file_names_what_was_refused() {
    let bad = support::fixtures().join("checkpoints/bad");
    for (file, code, text) in [
        ("os_system.pth", "CHECKPOINT_REFUSED", "'posix.system'"),
        ("os_system_nested.pth", "CHECKPOINT_REFUSED", "'posix.system'"),
        ("os_system_legacy.pth", "CHECKPOINT_REFUSED", "'posix.system'"),
        ("bare_pickle_os_system.pkl", "CHECKPOINT_REFUSED", "'posix.system'"),
        ("eval_builtin.pth", "CHECKPOINT_REFUSED", "__builtin__."),
        ("getattr_chain.pth", "CHECKPOINT_REFUSED", "__builtin__."),
        ("whole_module.pth", "CHECKPOINT_REFUSED", "save model.state_dict()"),
        ("truncated_half.pth", "CHECKPOINT_TRUNCATED", "no zip directory"),
        ("truncated_legacy.pth", "CHECKPOINT_TRUNCATED", "ends inside storage"),
        ("truncated_legacy_early.pth", "CHECKPOINT_TRUNCATED", "ends inside its pickle"),
        ("st_truncated.safetensors", "CHECKPOINT_TRUNCATED", "ends too early"),
        ("missing_storage.pth", "CHECKPOINT_TRUNCATED", "'conv1.weight'"),
        ("short_storage.pth", "CHECKPOINT_TRUNCATED", "'conv1.weight'"),
        ("corrupt_pickle.pth", "CHECKPOINT_UNREADABLE", "checksum"),
        ("crafted_negative_stride.pth", "CHECKPOINT_UNREADABLE", "negative stride"),
        ("crafted_overflow_size.pth", "CHECKPOINT_UNREADABLE", "does not fit"),
        ("html_error_page.pth", "CHECKPOINT_UNREADABLE", "web page"),
        ("zero_byte.pth", "CHECKPOINT_UNREADABLE", "empty"),
        ("zip_without_data_pkl.pth", "CHECKPOINT_UNREADABLE", "without data.pkl"),
    ] {
        let error = read(bad.join(file)).expect_err(file);
        assert!(error.code() == code && error.to_string().contains(text), "{file}: {error}");
    }
}

#[test]
fn a_path_without_a_file_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let missing = read(folder.path().join("none.pth")).expect_err("no such file");
    assert_eq!(missing.code(), "CHECKPOINT_NOT_FOUND");
    let directory = read(folder.path()).expect_err("a directory");
    assert!(directory.to_string().contains("is a directory"), "{directory}");
    let device = read("/dev/null").expect_err("a device");
    assert!(device.to_string().contains("no regular file"), "{device}");
}
