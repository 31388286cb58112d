//! Checks of configured values, with the path of the value in every error.

use crate::EngineError;

/// Checks fields of the object at one path.
pub(crate) struct Check<'a> {
    path: &'a str,
}

/// Whether a number is neither infinite nor NaN.
pub(crate) fn finite(value: f64) -> bool {
    value.is_finite()
}

impl<'a> Check<'a> {
    /// Fields below `path`.
    pub(crate) fn at(path: &'a str) -> Self {
        Self { path }
    }

    /// Takes a finite number for which `holds` is true.
    pub(crate) fn number(
        &self,
        field: &str,
        value: f64,
        expected: &str,
        holds: impl Fn(f64) -> bool,
    ) -> Result<(), EngineError> {
        self.fact(field, finite(value) && holds(value), expected, || value.to_string())
    }

    /// Takes whatever made `holds` true.
    pub(crate) fn fact(
        &self,
        field: &str,
        holds: bool,
        expected: &str,
        received: impl Fn() -> String,
    ) -> Result<(), EngineError> {
        if holds {
            return Ok(());
        }
        Err(EngineError::config(format!("{}.{field}", self.path), expected, received()))
    }
}
