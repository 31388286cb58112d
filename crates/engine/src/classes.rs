//! Names of classes, one per line of a file.

use std::path::Path;

use timeweave_video::transform::flip;

use crate::EngineError;
use crate::config::{TrainConfig, option_as_config};

/// The names in `path`, which must be as many as the network has classes; the numbers when there is no file.
///
/// # Errors
/// `FILE_NOT_FOUND`, `FILE_ACCESS`, and `CONFIG_INVALID` for another number of names.
pub fn read_classes(path: Option<&Path>, classes: usize) -> Result<Vec<String>, EngineError> {
    let Some(path) = path else {
        return Ok((0..classes).map(|class| class.to_string()).collect());
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

/// Checks that a training that mirrors knows which classes change places.
///
/// # Errors
/// `CONFIG_INVALID` naming `data.preprocess.flipLabels`.
pub fn check_flip(config: &TrainConfig, names: &[String]) -> Result<(), EngineError> {
    let preprocess = &config.data.preprocess;
    flip::check(preprocess.flip, preprocess.flip_labels.as_deref(), names.len(), names)
        .map_err(|error| option_as_config("data.preprocess", error))
}
