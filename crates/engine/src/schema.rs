//! JSON Schemas of everything that crosses the binding as a configuration.

use serde_json::{Map, Value};

use crate::config::{EvalConfig, PredictOptions, TrainConfig};

/// Schemas by name: `ModelSpec`, `TrainConfig`, `EvalConfig`, `PredictOptions`.
pub fn config_schemas() -> Value {
    let schemas = [
        ("ModelSpec", schemars::schema_for!(timeweave_models::ModelSpec)),
        ("TrainConfig", schemars::schema_for!(TrainConfig)),
        ("EvalConfig", schemars::schema_for!(EvalConfig)),
        ("PredictOptions", schemars::schema_for!(PredictOptions)),
    ];
    let named = schemas.into_iter().map(|(name, schema)| (name.to_owned(), schema.to_value()));
    Value::Object(named.collect::<Map<_, _>>())
}
