//! One network of the fixtures: its description, input and reference numbers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tch::{Device, Tensor};
use timeweave_models::{Model, ModelSpec, recipe};

/// A network case.
pub struct Case {
    pub name: String,
    pub json: Value,
    pub spec: ModelSpec,
    pub numbers: HashMap<String, Tensor>,
    /// Calibrated running statistics, when the case has some.
    pub calibrated: Option<HashMap<String, Tensor>>,
}

/// What this version makes of a case.
pub enum Sorted {
    Supported(Box<Case>),
    NotYet(String),
}

/// Families that are known but not built yet, by the beginning of the case's name.
const NOT_YET: [&str; 7] =
    ["blresnet", "r2plus1d", "resnet3d", "slowfast", "slowonly", "fastonly", "tam_resnet"];

/// Every case of a fixtures folder, sorted by name.
pub fn all(fixtures: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = ["models", "models_scaled"]
        .iter()
        .filter_map(|folder| std::fs::read_dir(fixtures.join(folder)).ok())
        .flatten()
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    paths
}

/// Reads a case; panics when its family is unknown or its settings fit no spec.
pub fn read(path: &Path) -> Sorted {
    let json = super::json(path);
    let name = json["name"].as_str().expect("a name").to_owned();
    let config = &json["config"];
    let later = NOT_YET.iter().any(|family| name.starts_with(family))
        || config["arch"] == "mobilenetv2"
        || config["non_local"] == true
        || config["online"] == true;
    if later {
        return Sorted::NotYet(name);
    }
    let classes = &json["num_classes"];
    let description = description(&name, config, classes);
    let spec: ModelSpec = serde_json::from_value(description.clone())
        .unwrap_or_else(|error| panic!("{name}: {description}: {error}"));
    spec.validate().unwrap_or_else(|error| panic!("{name}: {error}"));
    let numbers = super::tensors(&path.with_extension("safetensors"));
    let statistics = path.with_extension("bn.safetensors");
    let calibrated = statistics.exists().then(|| super::tensors(&statistics));
    Sorted::Supported(Box::new(Case { name, json, spec, numbers, calibrated }))
}

/// Puts a case's settings into our own spec (contract.md of the project's reference pages).
fn description(name: &str, config: &Value, classes: &Value) -> Value {
    let mut spec = json!({ "numClasses": classes });
    let mut set = |key: &str, value: &Value| {
        if !value.is_null() {
            spec[key] = value.clone();
        }
    };
    set("dropout", &config["dropout"]);
    if name.starts_with("blvnet") {
        set("arch", &json!("blvnet-tam"));
        set("numFrames", &config["groups"]);
        set("depth", &config["depth"]);
        set("alpha", &config["alpha"]);
        set("beta", &config["beta"]);
        set("blendingFrames", &config["blending_frames"]);
        let without = name.contains("no_tam") || config.get("tam").is_some_and(Value::is_null);
        set("tam", &json!(!without));
        return spec;
    }
    let family = ["tin", "tsm", "tsn"].into_iter().find(|family| name.starts_with(family));
    let family = family.unwrap_or_else(|| panic!("{name} is of no known family"));
    set("arch", &json!(family));
    set("numFrames", &config["num_segments"]);
    let depth = config["arch"].as_str().and_then(|arch| arch.strip_prefix("resnet"));
    let depth = depth.unwrap_or_else(|| panic!("{name}: unknown backbone {}", config["arch"]));
    set("depth", &depth.parse::<i64>().map_or_else(|_| json!(depth), |number| json!(number)));
    match config["modality"].as_str() {
        Some("Flow") => set("modality", &json!("flow")),
        Some("RGBDiff") => set("modality", &json!("rgb-diff")),
        _ => {}
    }
    if family != "tsn" {
        set("shiftDiv", &config["shift_div"]);
    }
    if family == "tsm" {
        set("shiftPlace", &config["shift_place"]);
        if config["two_path"] == true {
            set("shiftPlace", &json!("two-path"));
        }
        if name.ends_with("_xtemporal") {
            set("nRound", &json!(1));
        }
    }
    spec
}

impl Case {
    /// The seed of the recipe.
    pub fn seed(&self) -> u64 {
        self.json["recipe_seed"].as_u64().expect("a seed")
    }

    /// The network with the recipe's weights.
    pub fn model(&self) -> Model {
        let model = Model::new(self.spec.clone(), Device::Cpu, None).expect("a network");
        recipe::fill(&model.vs, self.seed()).expect("the recipe's weights");
        model
    }

    /// The recipe's clip in its own layout.
    pub fn recipe_clip(&self) -> Tensor {
        let shape = self.json["input"]["recipe_shape_ntchw"].as_array().expect("a shape");
        let shape: Vec<i64> =
            shape.iter().map(|length| length.as_i64().expect("a length")).collect();
        let stream = self.json["input"]["stream"].as_str().expect("a stream");
        recipe::clip(self.seed(), stream, shape.try_into().expect("five lengths")).expect("a clip")
    }

    /// The recipe's clip as this network takes it; two modalities see the same bytes in another
    /// shape.
    pub fn as_input(&self, recipe_clip: &Tensor) -> Tensor {
        let size = recipe_clip.size();
        let (t, c) = (self.spec.num_frames(), self.spec.input_channels());
        recipe_clip.contiguous().view([size[0], t, c, size[3], size[4]])
    }

    /// The labels of the clips.
    pub fn labels(&self) -> Tensor {
        let labels = self.json["labels"].as_array().expect("labels");
        let labels: Vec<i64> =
            labels.iter().map(|label| label.as_i64().expect("a label")).collect();
        Tensor::from_slice(&labels)
    }

    /// Names and shapes of the state dict, without the counters that we do not keep.
    pub fn params(&self) -> Vec<(String, Vec<i64>)> {
        let list = self.json["params"].as_array().expect("params");
        list.iter()
            .map(|row| {
                let shape = row[1].as_array().expect("a shape");
                let shape = shape.iter().map(|length| length.as_i64().expect("a length"));
                (row[0].as_str().expect("a name").to_owned(), shape.collect())
            })
            .filter(|(name, _)| !name.ends_with("num_batches_tracked"))
            .collect()
    }

    /// A reference tensor.
    pub fn number(&self, key: &str) -> Option<&Tensor> {
        self.numbers.get(key)
    }
}
