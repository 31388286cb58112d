//! Names of classes, from a file or a known data set, and which of them change places in a mirror.

use std::path::Path;

use timeweave_video::datasets::{Flip, Preset, preset};
use timeweave_video::transform::flip::{self, directional};

use crate::EngineError;
use crate::config::{TrainConfig, option_as_config};

/// The names in `path`, which must be as many as the network has classes; those of the data set when there is no file, and
/// the numbers where nothing has names.
///
/// # Errors
/// `FILE_NOT_FOUND`, `FILE_ACCESS`, and `CONFIG_INVALID` for another number of names.
pub fn read_classes(
    path: Option<&Path>,
    known: Option<&Preset>,
    classes: usize,
) -> Result<Vec<String>, EngineError> {
    let Some(path) = path else {
        let names = known.and_then(Preset::class_names).filter(|names| names.len() == classes);
        return Ok(names.map_or_else(
            || (0..classes).map(|class| class.to_string()).collect(),
            |names| names.into_iter().map(str::to_owned).collect(),
        ));
    };
    let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            EngineError::FileNotFound { field: "data.classes".into(), path: path.to_owned() }
        }
        _ => EngineError::file("read", path)(error),
    })?;
    let names: Vec<String> =
        text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
    if names.len() == classes {
        return Ok(names);
    }
    let expected = format!("{} (the number of names in {})", names.len(), path.display());
    Err(EngineError::config("model.numClasses", &expected, classes.to_string()))
}

/// The data set that a configuration names.
///
/// # Errors
/// `CONFIG_INVALID` for one that is not known, and for a network with another number of classes.
pub fn known_dataset(config: &TrainConfig) -> Result<Option<&'static Preset>, EngineError> {
    let Some(id) = &config.data.dataset else { return Ok(None) };
    let known = preset(id).map_err(|error| option_as_config("data", error))?;
    let classes = config.model.num_classes() as usize;
    if known.num_classes == classes || known.other_num_classes.contains(&classes) {
        return Ok(Some(known));
    }
    let expected = format!("{} (the classes of {})", known.num_classes, known.title);
    Err(EngineError::config("model.numClasses", &expected, classes.to_string()))
}

/// The pairs of classes that change places in mirrored clips: those of the configuration, else those of its data set.
///
/// # Errors
/// `CONFIG_INVALID` naming `data.preprocess.flipLabels` for a training that mirrors classes with a direction and knows no
/// pairs for them.
pub fn flip_labels(
    config: &TrainConfig,
    known: Option<&Preset>,
    names: &[String],
) -> Result<Option<Vec<[usize; 2]>>, EngineError> {
    let preprocess = &config.data.preprocess;
    let mut pairs = preprocess.flip_labels.clone();
    if let Some(known) = known.filter(|_| preprocess.flip && pairs.is_none()) {
        pairs = pairs_of(config, known, names)?;
    }
    flip::check(preprocess.flip, pairs.as_deref(), names.len(), names)
        .map_err(|error| option_as_config("data.preprocess", error))?;
    Ok(pairs)
}

/// The pairs of a data set: by the names of a file where there is one, because a file may number the classes otherwise.
fn pairs_of(
    config: &TrainConfig,
    known: &Preset,
    names: &[String],
) -> Result<Option<Vec<[usize; 2]>>, EngineError> {
    if config.data.classes.is_some() {
        let found = directional(names);
        // A class whose mirror image is no class is left to the check, which refuses it by name.
        return Ok((found.classes.len() == 2 * found.pairs.len()).then_some(found.pairs));
    }
    match &known.flip {
        Flip::Harmless => Ok(None),
        Flip::Pairs(pairs) => Ok(Some(pairs.clone())),
        Flip::ByName => {
            let files = known.classes_files.join(" or ");
            let expected = format!(
                "the pairs of classes that change places in a mirrored clip, the class names as data.classes ({files}), or flip: false, because classes of {} have a direction and lists number them in several ways",
                known.title
            );
            Err(EngineError::config("data.preprocess.flipLabels", &expected, "nothing"))
        }
    }
}
