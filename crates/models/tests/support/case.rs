//! One network of the fixtures: its description, input and reference numbers.

use super::volume;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tch::{Device, Tensor};
use timeweave_models::{BigLittleDepth, BlresnetSpec, Model, ModelSpec, recipe};

/// A network case.
pub struct Case {
    pub name: String,
    pub json: Value,
    pub spec: ModelSpec,
    pub numbers: HashMap<String, Tensor>,
    /// Calibrated running statistics, when the case has some.
    pub calibrated: Option<HashMap<String, Tensor>>,
}

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
pub fn read(path: &Path) -> Case {
    let json = super::json(path);
    let name = json["name"].as_str().expect("a name").to_owned();
    let config = &json["config"];
    let classes = &json["num_classes"];
    let spec: ModelSpec = if name.starts_with("blresnet") {
        image_network(config, classes)
    } else {
        let description = volume::description(&name, &json)
            .unwrap_or_else(|| description(&name, config, classes));
        serde_json::from_value(description.clone())
            .unwrap_or_else(|error| panic!("{name}: {description}: {error}"))
    };
    spec.validate().unwrap_or_else(|error| panic!("{name}: {error}"));
    let numbers = super::tensors(&path.with_extension("safetensors"));
    let statistics = path.with_extension("bn.safetensors");
    let calibrated = statistics.exists().then(|| super::tensors(&statistics));
    Case { name, json, spec, numbers, calibrated }
}

/// The image network, which has no JSON form.
fn image_network(config: &Value, classes: &Value) -> ModelSpec {
    let depth: BigLittleDepth = serde_json::from_value(config["depth"].clone()).expect("a depth");
    let number = |value: &Value| value.as_i64().expect("a number");
    ModelSpec::Blresnet(BlresnetSpec {
        alpha: number(&config["alpha"]),
        beta: number(&config["beta"]),
        ..BlresnetSpec::new(number(classes), depth)
    })
}

/// Puts a case's settings into our own spec.
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
    if name.starts_with("tam_resnet") {
        set("arch", &json!("tam-resnet"));
        set("numFrames", &config["groups"]);
        set("depth", &config["depth"]);
        set("blendingFrames", &config["blending_frames"]);
        set("blending", &config["blending_method"]);
        set("depthwise", &config["dw_conv"]);
        let pools = config["without_t_stride"] == false;
        set("temporalPooling", if pools { &config["pooling_method"] } else { &Value::Null });
        return spec;
    }
    let family = ["tin", "tsm", "tsn"].into_iter().find(|family| name.starts_with(family));
    let family = family.unwrap_or_else(|| panic!("{name} is of no known family"));
    set("arch", &json!(family));
    set("numFrames", &config["num_segments"]);
    let depth = match config["arch"].as_str() {
        Some("mobilenetv2") => Some("mobilenet-v2"),
        arch => arch.and_then(|arch| arch.strip_prefix("resnet")),
    };
    let depth = depth.unwrap_or_else(|| panic!("{name}: unknown backbone {}", config["arch"]));
    set("depth", &depth.parse::<i64>().map_or_else(|_| json!(depth), |number| json!(number)));
    match config["modality"].as_str() {
        Some("Flow") => set("modality", &json!("flow")),
        Some("RGBDiff") => set("modality", &json!("rgb-diff")),
        _ => {}
    }
    set("nonLocal", &config["non_local"]);
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

    /// The network, its weights not yet the recipe's.
    pub fn model(&self) -> Model {
        Model::new(self.spec.clone(), Device::Cpu, None).expect("a network")
    }

    /// Gives the network the weights of the case: the recipe's, some of them scaled.
    pub fn fill(&self, model: &Model) {
        recipe::fill(&model.vs, self.seed()).expect("the recipe's weights");
        let _guard = tch::no_grad_guard();
        for (name, mut variable) in model.vs.variables() {
            if let Some(factor) = self.scale(&name) {
                let _ = variable.g_mul_scalar_(factor);
            }
        }
    }

    /// The value of one weight of the case.
    pub fn values(&self, name: &str, shape: &[i64]) -> Vec<f32> {
        let factor = self.scale(name).unwrap_or(1.0) as f32;
        recipe::values(self.seed(), name, shape).into_iter().map(|v| factor * v).collect()
    }

    /// What the recipe's values of a weight are multiplied by, when not by 1.
    fn scale(&self, name: &str) -> Option<f64> {
        let factors = self.json["recipe_scale"].as_object()?;
        let (_, factor) = factors.iter().find(|(ending, _)| name.ends_with(ending.as_str()))?;
        factor.as_f64()
    }

    /// Whether float32 is too badly conditioned for gradients, as the fixtures' README says of
    /// the cases with scaled weights.
    pub fn is_double_only(&self) -> bool {
        self.json["recipe_scale"].is_object()
    }

    /// Whether the gradient of a weight is zero but for rounding.
    pub fn has_no_gradient(&self, name: &str, train: bool) -> bool {
        let list = if train { "train_grad" } else { "evalgrad" };
        let list = self.json[format!("{list}_zero_up_to_rounding")].as_array();
        list.is_some_and(|names| names.iter().any(|found| found == name))
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
