//! Checkpoints: safetensors files with a model card, written whole or not at all and read
//! strictly.

mod card;
mod load;
mod save;

pub use card::{FORMAT_VERSION, METADATA_KEY, ModelCard, read_card};
pub use load::{CheckpointReport, LoadOptions, Reshaped, load_into};
pub use save::save;

use safetensors::Dtype;
use tch::Kind;

/// The element types that libtorch and safetensors share, with their names.
const DTYPES: [(Kind, Dtype, &str); 10] = [
    (Kind::Float, Dtype::F32, "float32"),
    (Kind::Double, Dtype::F64, "float64"),
    (Kind::Half, Dtype::F16, "float16"),
    (Kind::BFloat16, Dtype::BF16, "bfloat16"),
    (Kind::Int64, Dtype::I64, "int64"),
    (Kind::Int, Dtype::I32, "int32"),
    (Kind::Int16, Dtype::I16, "int16"),
    (Kind::Int8, Dtype::I8, "int8"),
    (Kind::Uint8, Dtype::U8, "uint8"),
    (Kind::Bool, Dtype::BOOL, "bool"),
];

/// The name of an element type, e.g. `float32`.
pub fn dtype_name(kind: Kind) -> &'static str {
    DTYPES.iter().find(|row| row.0 == kind).map_or("unknown", |row| row.2)
}
