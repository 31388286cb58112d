//! The folder of a training run: where it lies, and the small files in it.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use crate::EngineError;
use crate::config::TrainConfig;

/// Numbered run folders of one architecture.
const MOST_RUNS: u64 = 100_000;

/// A run's folder.
pub(crate) struct RunFolder {
    dir: PathBuf,
}

/// Where a run begins.
pub(crate) struct Place {
    pub(crate) folder: RunFolder,
    /// Whether the folder holds a state to go on from.
    pub(crate) is_resumed: bool,
}

impl RunFolder {
    /// Finds or makes the folder that the configuration means.
    ///
    /// # Errors
    /// `CONFIG_INVALID` when a finished run would be overwritten, `RESUME_INVALID` without a state, `FILE_ACCESS`.
    pub(crate) fn place(config: &TrainConfig) -> Result<Place, EngineError> {
        let dir = config.output.dir.as_deref();
        match config.resume.as_deref() {
            None => Self::fresh(dir, config.model.arch()),
            Some("auto") => {
                let found = match dir {
                    Some(dir) => Some(Self { dir: dir.to_owned() }),
                    None => Self::latest(config.model.arch()),
                };
                match found.filter(|folder| folder.state().is_file()) {
                    Some(folder) => Ok(Place { folder, is_resumed: true }),
                    None => Self::fresh(dir, config.model.arch()),
                }
            }
            Some(path) => Self::resumed(Path::new(path), dir),
        }
    }

    fn resumed(path: &Path, dir: Option<&Path>) -> Result<Place, EngineError> {
        let folder = Self { dir: path.to_owned() };
        if !folder.state().is_file() {
            let reason = "expected a run folder with state/state.safetensors".to_owned();
            return Err(EngineError::ResumeInvalid { path: path.to_owned(), reason });
        }
        if let Some(dir) = dir.filter(|dir| *dir != path) {
            let expected = format!("the folder of resume ({}) or nothing", path.display());
            return Err(EngineError::config("output.dir", &expected, dir.display().to_string()));
        }
        Ok(Place { folder, is_resumed: true })
    }

    fn fresh(dir: Option<&Path>, arch: &str) -> Result<Place, EngineError> {
        let folder = match dir {
            Some(dir) => Self { dir: dir.to_owned() },
            None => Self::free(arch)?,
        };
        if folder.state().exists() || folder.last().exists() {
            let expected = "a new folder, or resume: auto to go on with the run in it";
            return Err(EngineError::config(
                "output.dir",
                expected,
                folder.dir.display().to_string(),
            ));
        }
        fs::create_dir_all(folder.dir.join("state"))
            .map_err(EngineError::file("make", &folder.dir))?;
        Ok(Place { folder, is_resumed: false })
    }

    fn free(arch: &str) -> Result<Self, EngineError> {
        let free =
            (1..=MOST_RUNS).map(|n| Self::numbered(arch, n)).find(|folder| !folder.dir.exists());
        free.ok_or_else(|| {
            let expected =
                format!("a folder (runs/{arch}-1 to runs/{arch}-{MOST_RUNS} are all taken)");
            EngineError::config("output.dir", &expected, "nothing")
        })
    }

    fn latest(arch: &str) -> Option<Self> {
        (1..=MOST_RUNS)
            .map(|n| Self::numbered(arch, n))
            .take_while(|folder| folder.dir.exists())
            .last()
    }

    fn numbered(arch: &str, n: u64) -> Self {
        Self { dir: Path::new("runs").join(format!("{arch}-{n}")) }
    }

    /// The folder itself.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What resuming needs.
    pub(crate) fn state(&self) -> PathBuf {
        self.dir.join("state").join("state.safetensors")
    }

    /// The checkpoint of the last epoch.
    pub(crate) fn last(&self) -> PathBuf {
        self.dir.join("last.safetensors")
    }

    /// The checkpoint of the best epoch.
    pub(crate) fn best(&self) -> PathBuf {
        self.dir.join("best.safetensors")
    }

    fn log(&self) -> PathBuf {
        self.dir.join("log.jsonl")
    }

    /// Writes the resolved configuration.
    pub(crate) fn write_config(&self, config: &TrainConfig) -> Result<(), EngineError> {
        let path = self.dir.join("config.yaml");
        let yaml = serde_saphyr::to_string(config).map_err(|error| EngineError::FileAccess {
            action: "write",
            path: path.clone(),
            reason: error.to_string(),
        })?;
        fs::write(&path, yaml).map_err(EngineError::file("write", &path))
    }

    /// What training samples were made of.
    fn samples(&self) -> PathBuf {
        self.dir.join("samples.jsonl")
    }

    /// Adds a line to the log.
    pub(crate) fn append_log(&self, entry: &impl Serialize) -> Result<(), EngineError> {
        append(&self.log(), std::slice::from_ref(entry))
    }

    /// Adds lines to the list of training samples.
    pub(crate) fn append_samples(&self, samples: &[impl Serialize]) -> Result<(), EngineError> {
        append(&self.samples(), samples)
    }

    /// Takes the lines of epochs after `epoch` out of the log and the list of samples: a resumed run writes them again.
    pub(crate) fn cut_log(&self, epoch: u64) -> Result<(), EngineError> {
        for path in [self.log(), self.samples()] {
            Self::cut(&path, epoch)?;
        }
        Ok(())
    }

    fn cut(path: &Path, epoch: u64) -> Result<(), EngineError> {
        let Ok(file) = File::open(path) else {
            return Ok(());
        };
        let mut kept = String::new();
        for line in BufReader::new(file).lines() {
            let line = line.map_err(EngineError::file("read", path))?;
            let entry: Value = serde_json::from_str(&line).unwrap_or_default();
            if entry.get("epoch").and_then(Value::as_u64).is_some_and(|of| of <= epoch) {
                kept.push_str(&line);
                kept.push('\n');
            }
        }
        fs::write(path, kept).map_err(EngineError::file("write", path))
    }
}

/// Adds a line of JSON for each entry.
fn append(path: &Path, entries: &[impl Serialize]) -> Result<(), EngineError> {
    let mut lines = String::new();
    for entry in entries {
        lines += &serde_json::to_string(entry).unwrap_or_default();
        lines.push('\n');
    }
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(EngineError::file("write", path))?;
    file.write_all(lines.as_bytes()).map_err(EngineError::file("write", path))
}
