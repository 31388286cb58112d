//! Converting files of weights: from what is asked for to a network and a form.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};
use timeweave_models::checkpoint::{self, ConvertOptions, ConvertReport, FileForm, Traits};
use timeweave_models::{ModelSpec, Source};

use crate::EngineError;
use crate::config::parse_value;

/// Endings of file names by form.
const ENDINGS: [(FileForm, &[&str]); 2] = [
    (FileForm::Safetensors, &[".safetensors"]),
    (FileForm::Pytorch, &[".pth", ".pt", ".pyth", ".pth.tar", ".bin", ".ckpt"]),
];

/// What to convert.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConvertConfig {
    /// The file to read.
    pub input: PathBuf,
    /// The file to write.
    pub output: PathBuf,
    /// The network: a value of `arch`, or an id such as `tsm-50`. Without one every tensor keeps
    /// its name.
    #[serde(default)]
    pub arch: Option<String>,
    /// Fields of the network's spec; what is left out is taken from the file where it tells.
    #[serde(default)]
    pub spec: Map<String, Value>,
    /// Whose names the file has; found in the names when left out.
    #[serde(default)]
    pub from: Option<Source>,
    /// Whose names the new file gets; the network's own when left out.
    #[serde(default)]
    pub names: Option<Source>,
    /// The new file's form; by its ending when left out.
    #[serde(default)]
    pub to: Option<FileForm>,
}

/// Converts a file of weights.
///
/// # Errors
/// `INPUT_INVALID` for requests that cannot be meant, `CONFIG_INVALID` for fields of the spec, and
/// what checkpoints give.
pub fn convert(config: &ConvertConfig) -> Result<ConvertReport, EngineError> {
    let ConvertConfig { input, output, .. } = config;
    if is_same_file(input, output) {
        return Err(invalid("output", "another file than the input", output.display().to_string()));
    }
    if output.is_dir() {
        let received = format!("the folder {}", output.display());
        return Err(invalid("output", "the name of a file", received));
    }
    let to = config.to.or_else(|| form_of(output)).ok_or_else(|| {
        let received = output.display().to_string();
        invalid("output", "an ending such as .safetensors or .pth, or a form (to)", received)
    })?;
    let spec = spec(config)?;
    if spec.is_none() && (config.names.is_some() || config.from.is_some()) {
        let expected = "a network to give or read other names for (or a file with a model card)";
        return Err(invalid("arch", expected, "none".to_owned()));
    }
    let options = ConvertOptions { spec, source: config.from, names: config.names, to };
    Ok(checkpoint::convert(input, output, &options)?)
}

/// The network, completed by what the file tells.
fn spec(config: &ConvertConfig) -> Result<Option<ModelSpec>, EngineError> {
    let Some(name) = &config.arch else {
        if let Some((field, _)) = config.spec.iter().next() {
            let received = format!("none, but a value for {field}");
            return Err(invalid("arch", "a network whose fields are set", received));
        }
        // Without a request for names nothing has to be known of the network.
        let wanted = config.names.is_some() || config.from.is_some();
        let card = if wanted { checkpoint::read_card(&config.input)? } else { None };
        return Ok(card.map(|card| card.spec));
    };
    let (arch, depth) = arch_and_depth(name)?;
    let mut fields = Map::from_iter([("arch".to_owned(), Value::from(arch))]);
    for (field, value) in told(arch, &checkpoint::traits(&config.input)?) {
        fields.insert(field.to_owned(), value);
    }
    if let Some(depth) = depth {
        fields.insert("depth".to_owned(), depth);
    }
    fields.extend(config.spec.clone());
    let model: ModelSpec = parse_value(&Value::Object(fields))?;
    model.validate().map_err(EngineError::from)?;
    Ok(Some(model))
}

/// `tsm-50` as `tsm` and 50, `tsm` as itself.
fn arch_and_depth(name: &str) -> Result<(&'static str, Option<Value>), EngineError> {
    let mut known: Vec<&'static str> = ModelSpec::ARCHS.to_vec();
    // The longest first: a name may begin with another one.
    known.sort_by_key(|arch| std::cmp::Reverse(arch.len()));
    for arch in known {
        let Some(rest) = name.strip_prefix(arch) else { continue };
        if rest.is_empty() {
            return Ok((arch, None));
        }
        if let Some(depth) = rest.strip_prefix('-') {
            return Ok((arch, Some(depth_value(depth))));
        }
    }
    let expected = format!("one of {}, alone or with a depth", ModelSpec::ARCHS.join(", "));
    Err(EngineError::InputInvalid { field: "arch".into(), expected, received: name.to_owned() })
}

fn depth_value(depth: &str) -> Value {
    depth.parse::<u64>().map_or_else(|_| depth.into(), Into::into)
}

/// What a file tells about the network of its weights, as fields of a spec.
fn told(arch: &str, traits: &Traits) -> Vec<(&'static str, Value)> {
    let mut told = Vec::new();
    if let Some(classes) = traits.classes {
        told.push(("numClasses", classes.into()));
    }
    if let Some(depth) = traits.depth {
        told.push(("depth", depth_value(depth)));
    }
    if let Some(frames) = traits.frames.filter(|_| arch == "tin") {
        told.push(("numFrames", frames.into()));
    }
    match traits.channels {
        Some(10) => told.push(("modality", "flow".into())),
        Some(15) => told.push(("modality", "rgb-diff".into())),
        _ => {}
    }
    let variant = match traits.source {
        Some(Source::Mmaction2) => Some("mmaction2"),
        Some(Source::Pytorchvideo | Source::PySlowFast) => Some("fair"),
        _ => None,
    };
    if let Some(variant) =
        variant.filter(|_| ["slowfast", "slow-only", "fast-only"].contains(&arch))
    {
        told.push(("variant", variant.into()));
    }
    told
}

fn form_of(path: &Path) -> Option<FileForm> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    let fits = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    ENDINGS.into_iter().find(|(_, endings)| fits(endings)).map(|(form, _)| form)
}

fn is_same_file(input: &Path, output: &Path) -> bool {
    match (input.canonicalize(), output.canonicalize()) {
        (Ok(input), Ok(output)) => input == output,
        _ => false,
    }
}

fn invalid(field: &str, expected: &str, received: String) -> EngineError {
    EngineError::InputInvalid { field: field.to_owned(), expected: expected.to_owned(), received }
}
