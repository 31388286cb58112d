//! What PyTorch wrote in its first years: tar archives, texts of Python 2, ordered dicts as lists,
//! tensors without gradients and parameters that are told their tensor. Where Python's torch is at
//! hand, it reads the same files.

mod support;

use std::process::Command;

use support::first_form::{archive, floats, integer, pickle, tar, text};
use timeweave_weights::{Format, RawTensor, StateDict, WeightsError, read_bytes};

fn get(state: &StateDict, name: &str) -> RawTensor {
    state.get(name).unwrap_or_else(|| panic!("no tensor {name}")).clone()
}

fn values(shape: &[u64], values: &[f32]) -> RawTensor {
    RawTensor::from_f32(shape.to_vec(), values).expect("a tensor")
}

#[test]
fn tar_archives_of_the_first_months_are_read() {
    let state = read_bytes("resnet18.pth", &archive(6)).expect("a checkpoint");
    assert_eq!(state.format, Format::Tar);
    assert_eq!(
        state.names().collect::<Vec<_>>(),
        ["conv.weight", "conv.bias", "bn.running_mean", "tied"]
    );
    let weight = values(&[2, 3], &[1., 2., 3., 4., 5., 6.]);
    assert_eq!(get(&state, "conv.weight"), weight);
    assert_eq!(get(&state, "tied"), weight);
    // The view begins at the third element.
    assert_eq!(get(&state, "conv.bias"), values(&[2], &[3., 5.]));
    assert_eq!(get(&state, "bn.running_mean"), values(&[2], &[3., 5.]));
}

#[test]
fn tar_archives_that_lie_are_refused() {
    let whole = archive(6);
    for (file, code, words) in [
        (archive(7), "CHECKPOINT_", ""),
        (archive(i64::MAX), "CHECKPOINT_UNREADABLE", "a storage"),
        (archive(1 << 40), "CHECKPOINT_TRUNCATED", "a storage"),
        (whole[..1600].to_vec(), "CHECKPOINT_TRUNCATED", "the tar member"),
        (tar(&[("readme", b"text")]), "CHECKPOINT_UNREADABLE", "without storages"),
    ] {
        let error = read_bytes("bad.pth", &file).expect_err(words);
        assert!(error.code().starts_with(code) && error.to_string().contains(words), "{error}");
    }
}

/// A checkpoint in today's archive whose tensor is made by these instructions.
fn zip(instructions: &[u8]) -> Result<StateDict, WeightsError> {
    let file = pickle(&[b"}".as_slice(), &text("w"), instructions, b"s"].concat());
    read_bytes("old.pth", &support::zip(&[("a/data.pkl", &file), ("a/data/0", &floats(&[1., 2.]))]))
}

#[test]
fn old_ways_to_write_a_tensor_are_read() {
    let storage = [
        b"((".as_slice(),
        &text("storage"),
        b"ctorch.cuda\nFloatStorage\n",
        &text("0"),
        &text("cuda:0"),
        &integer(2),
        b"tQ",
        &integer(0),
        b"(",
        &integer(2),
        b"t(",
        &integer(1),
        b"tt",
    ]
    .concat();
    let tensor = [b"ctorch._utils\n_rebuild_tensor\n".as_slice(), &storage, b"R"].concat();
    let state = zip(&tensor).expect("a tensor");
    assert_eq!(get(&state, "w"), values(&[2], &[1., 2.]));
    let parameter =
        [b"ctorch.nn.parameter\nParameter\n".as_slice(), &tensor, b"\x88\x86R"].concat();
    assert_eq!(get(&zip(&parameter).expect("a tensor"), "w"), values(&[2], &[1., 2.]));
    // A parameter that is never told its tensor is none.
    let empty = b"ctorch.nn.parameter\nParameter\n)\x81";
    assert!(zip(empty).expect("no tensor").is_empty());
    for (instructions, words) in [
        (&b"ctorch.nn.parameter\nParameter\nN\x85R"[..], "Parameter"),
        (b"ctorch\nFloatTensor\n)R", "TensorType"),
        (b"ccollections\nOrderedDict\n]N\x86R", "OrderedDict"),
        (b"ccollections\nOrderedDict\n]Na\x85R", "OrderedDict"),
    ] {
        let error = zip(instructions).expect_err(words);
        assert_eq!(error.code(), "CHECKPOINT_REFUSED", "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

/// Reads the archive as PyTorch itself does and compares it with what we read.
const LOAD: &str = r"
import sys, torch
state = torch.load(sys.argv[1], weights_only=False)
assert list(state) == ['conv.weight', 'conv.bias', 'bn.running_mean', 'tied'], list(state)
assert state['conv.weight'].tolist() == [[1, 2, 3], [4, 5, 6]]
assert state['conv.bias'].tolist() == [3, 5] == state['bn.running_mean'].tolist()
assert isinstance(state['conv.weight'], torch.nn.Parameter)
";

#[test]
fn python_s_torch_reads_the_same_archive() {
    let python = std::env::var("TIMEWEAVE_PYTHON").unwrap_or_else(|_| "python3".into());
    let torch = Command::new(&python).args(["-c", "import torch"]).output();
    if !torch.is_ok_and(|output| output.status.success()) {
        println!("checked: 0 tar archives with Python's torch ({python} has none)");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("archive.pth");
    std::fs::write(&path, archive(6)).expect("a writable folder");
    let output = Command::new(&python).args(["-c", LOAD]).arg(&path).output();
    let output = output.expect("a Python that just ran");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    println!("checked: 1 tar archive with Python's torch");
}
