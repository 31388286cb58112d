//! Converted networks in the hands of Python's torch, where it is at hand.

use std::process::Command;

use serde_json::json;
use tch::Device;
use timeweave_models::checkpoint::{ConvertOptions, FileForm, convert};
use timeweave_models::{Model, ModelCard, Source, recipe};

/// Builds modules of these names, batch norms as batch norms, and loads the file into them as the
/// official codes do: by `load_state_dict`, strictly. Batch norms want a counter that our files do
/// not have.
const LOAD: &str = r"
import sys, torch
state = torch.load(sys.argv[1], weights_only=True)
assert type(state).__name__ == 'OrderedDict' and len(state) == int(sys.argv[2])
root = torch.nn.Module()
def module(path):
    place = root
    for word in path.split('.') if path else []:
        if word not in place._modules:
            place.add_module(word, torch.nn.Module())
        place = place._modules[word]
    return place
norms = {name.rsplit('.', 1)[0] for name in state if name.endswith('.running_mean')}
for norm in norms:
    parent, _, word = norm.rpartition('.')
    module(parent).add_module(word, torch.nn.BatchNorm2d(state[norm + '.weight'].numel()))
for name, tensor in state.items():
    layer, word = name.rsplit('.', 1)
    if layer not in norms:
        module(layer).register_parameter(word, torch.nn.Parameter(torch.zeros_like(tensor)))
root.load_state_dict(state, strict=True)
loaded = root.state_dict()
assert all(torch.equal(loaded[name], tensor) for name, tensor in state.items())
";

#[test]
fn official_modules_load_converted_networks_strictly() {
    let python = std::env::var("TIMEWEAVE_PYTHON").unwrap_or_else(|_| "python3".into());
    let torch = Command::new(&python).args(["-c", "import torch"]).output();
    if !torch.is_ok_and(|output| output.status.success()) {
        println!("checked: 0 converted networks with Python's torch ({python} has none)");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (own, path) = (folder.path().join("own.safetensors"), folder.path().join("out.pth"));
    let cases = [
        ("tsn", Some(Source::Torchvision)),
        ("tsm", Some(Source::Mmaction2)),
        ("tin", Some(Source::Tin)),
        ("blvnet-tam", None),
    ];
    for (arch, names) in cases {
        let spec = json!({ "arch": arch, "numClasses": 3, "numFrames": 4 });
        let spec = serde_json::from_value(spec).expect("a spec");
        let model = Model::new(spec, Device::Cpu, None).expect("a network");
        recipe::fill(&model.vs, 5).expect("weights");
        model.save(&own, &ModelCard::new(model.spec.clone())).expect("a file");
        let spec = Some(model.spec.clone());
        let options = ConvertOptions { spec, source: None, names, to: FileForm::Pytorch };
        let report = convert(&own, &path, &options).expect("a file");
        let count = report.tensors.to_string();
        let output = Command::new(&python).args(["-c", LOAD]).arg(&path).arg(count).output();
        let output = output.expect("a Python that just ran");
        assert!(output.status.success(), "{arch}: {}", String::from_utf8_lossy(&output.stderr));
    }
    println!("checked: {} converted networks with Python's torch", cases.len());
}
