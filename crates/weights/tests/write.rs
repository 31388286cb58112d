//! What is written can be read: by this crate, and by Python's torch where it is at hand.

mod support;

use std::path::PathBuf;
use std::process::Command;

use indexmap::IndexMap;
use timeweave_weights::{
    Dtype, PytorchLayout, RawTensor, StateDict, read, write_pytorch, write_safetensors,
};

/// Every dtype, a scalar, an empty tensor and the weights of a small network.
fn sample() -> StateDict {
    let checkpoints = support::fixtures().join("checkpoints");
    let mut tensors = read(checkpoints.join("dtype_zoo.pth")).expect("a fixture").tensors;
    tensors.extend(read(checkpoints.join("tiny_plain.pth")).expect("a fixture").tensors);
    StateDict::new(tensors)
}

#[test]
fn safetensors_come_back_equal_with_their_texts() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("weights.safetensors");
    let mut state = sample();
    state.metadata =
        IndexMap::from([("a".into(), "{\"b\": 1}".into()), ("timeweave".into(), "ä\n".into())]);
    write_safetensors(&path, &state).expect("a writable folder");
    let back = read(&path).expect("what was just written");
    assert_eq!(back.tensors, state.tensors);
    assert_eq!(back.metadata, state.metadata);
    let first = std::fs::read(&path).expect("the file");
    write_safetensors(&path, &state).expect("a writable folder");
    assert_eq!(std::fs::read(&path).expect("the file"), first, "equal contents, equal bytes");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "no part is left");
}

#[test]
fn the_format_s_own_crate_reads_our_safetensors() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("weights.safetensors");
    let state = sample();
    write_safetensors(&path, &state).expect("a writable folder");
    let bytes = std::fs::read(&path).expect("the file");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("a valid file");
    assert_eq!(file.len(), state.len());
    for (name, tensor) in &state {
        assert_eq!(file.tensor(name).expect(name).data(), tensor.data, "{name}");
    }
}

#[test]
fn pytorch_files_come_back_equal_in_every_layout() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let state = sample();
    for (index, container) in
        [None, Some("state_dict"), Some("model_state"), Some("model")].into_iter().enumerate()
    {
        for module in [false, true] {
            let path = folder.path().join(format!("{index}{module}.pth"));
            write_pytorch(&path, &state, &PytorchLayout { container, module }).expect("writable");
            let back = read(&path).expect("what was just written");
            assert_eq!(back.tensors, state.tensors);
            assert_eq!((back.container, back.module_removed), (container, module));
        }
    }
}

#[test]
fn bytes_that_do_not_fit_the_shape_are_not_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tensor = RawTensor { dtype: Dtype::F32, shape: vec![2, 3], data: vec![0; 20] };
    let state = StateDict::new(IndexMap::from([("w".to_owned(), tensor)]));
    let path = folder.path().join("w");
    let error = write_safetensors(&path, &state).expect_err("20 bytes are not 6 floats");
    assert_eq!(error.code(), "SHAPE_MISMATCH");
    let error = write_pytorch(&path, &state, &PytorchLayout::default()).expect_err("the same");
    assert!(error.to_string().contains("expected w of shape"), "{error}");
    assert!(!path.exists());
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let error = write_safetensors("/nonexistent/w.safetensors", &sample()).expect_err("no folder");
    assert_eq!(error.code(), "CHECKPOINT_UNWRITABLE");
}

/// Loads both files as users of PyTorch do and compares them; torch alone, no other package.
const COMPARE: &str = r"
import json, struct, sys, torch
state = torch.load(sys.argv[1], weights_only=True)
nested = torch.load(sys.argv[2], weights_only=True)['state_dict']
raw = open(sys.argv[3], 'rb').read()
size = struct.unpack('<Q', raw[:8])[0]
header = json.loads(raw[8:8 + size]); data = raw[8 + size:]
header.pop('__metadata__', None)
types = {'F32': torch.float32, 'F64': torch.float64, 'F16': torch.float16, 'BF16': torch.bfloat16,
         'I64': torch.int64, 'I32': torch.int32, 'I16': torch.int16, 'I8': torch.int8,
         'U8': torch.uint8, 'BOOL': torch.bool}
assert type(state).__name__ == 'OrderedDict'
assert set(state) == set(header), set(state) ^ set(header)
assert list(nested) == ['module.' + name for name in state]
for name, info in header.items():
    tensor = state[name]
    assert tensor.dtype == types[info['dtype']], name
    assert list(tensor.shape) == info['shape'], name
    assert tensor.is_contiguous() and nested['module.' + name].shape == tensor.shape
    start, end = info['data_offsets']
    found = bytes(tensor.reshape(-1).view(torch.uint8).tolist()) if tensor.numel() else b''
    assert found == data[start:end], name
print('loaded', len(header))
";

/// A training checkpoint as programs save it, in the two forms of PyTorch and without checksums.
const SAVE: &str = r"
import sys, torch
torch.manual_seed(0)
net = torch.nn.Sequential(*[
    torch.nn.Sequential(torch.nn.Conv2d(4, 4, 3), torch.nn.BatchNorm2d(4)) for _ in range(60)])
adam = torch.optim.Adam(net.parameters(), lr=0.1)
net(torch.randn(2, 4, 121, 121)).sum().backward(); adam.step()
state = torch.nn.DataParallel(net).state_dict()
state['module.tied'] = state['module.0.0.weight']
state['module.turned'] = torch.randn(3, 5).t()
whole = {'epoch': 3, 'arch': 'net', 'state_dict': state, 'best': torch.tensor(0.5),
         'optimizer': adam.state_dict(), 'args': (1, 2.5, None, True, [2 ** 40, -7])}
torch.save(whole, sys.argv[1])
torch.save(whole, sys.argv[2], _use_new_zipfile_serialization=False)
if hasattr(torch.serialization, 'set_crc32_options'):
    torch.serialization.set_crc32_options(False)
torch.save(whole, sys.argv[3])
";

/// Compares what came through us with what went in.
const SAME: &str = r"
import sys, torch
before = torch.load(sys.argv[1], weights_only=True)['state_dict']
after = torch.load(sys.argv[2], weights_only=True)
assert list(before) == ['module.' + name for name in after]
for name, tensor in after.items():
    assert torch.equal(before['module.' + name], tensor), name
";

/// Python with torch, if there is one: `TIMEWEAVE_PYTHON` or the first `python3`.
fn python() -> Option<String> {
    let python = std::env::var("TIMEWEAVE_PYTHON").unwrap_or_else(|_| "python3".into());
    let torch = Command::new(&python).args(["-c", "import torch"]).output();
    if torch.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    println!("checked: 0 files with Python's torch ({python} has none)");
    None
}

fn run(python: &str, program: &str, paths: &[PathBuf]) {
    let output = Command::new(python).args(["-c", program]).args(paths).output();
    let output = output.expect("a Python that just ran");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn python_s_torch_loads_our_files_with_weights_only() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let state = sample();
    let paths =
        ["bare.pth", "nested.pth.tar", "w.safetensors"].map(|name| folder.path().join(name));
    write_pytorch(&paths[0], &state, &PytorchLayout::default()).expect("writable");
    let layout = PytorchLayout { container: Some("state_dict"), module: true };
    write_pytorch(&paths[1], &state, &layout).expect("writable");
    write_safetensors(&paths[2], &state).expect("writable");
    run(&python, COMPARE, &paths);
    println!("checked: 2 files with Python's torch, {} tensors each", state.len());
}

#[test]
fn files_of_python_s_torch_come_through_us_unchanged() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let paths = ["zip.pth", "legacy.pth", "unchecked.pth"].map(|name| folder.path().join(name));
    run(&python, SAVE, &paths);
    let states = paths.each_ref().map(|path| read(path).expect("a file of torch's"));
    assert_eq!(states.each_ref().map(|state| state.format.name()), ["zip", "legacy", "zip"]);
    for state in &states {
        assert_eq!((state.container, state.module_removed), (Some("state_dict"), true));
        assert_eq!(state.tensors, states[0].tensors);
    }
    assert_eq!(states[0].len(), 60 * 7 + 2);
    let ours = folder.path().join("ours.pth");
    write_pytorch(&ours, &states[0], &PytorchLayout::default()).expect("writable");
    run(&python, SAME, &[paths[0].clone(), ours]);
    println!("checked: 3 files of Python's torch, {} tensors each", states[0].len());
}
