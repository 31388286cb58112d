//! Checkpoints: our safetensors files with a model card, and those of other projects, read
//! strictly or fitted where that was asked for.

mod card;
mod convert;
mod load;
mod save;

pub use card::{FORMAT_VERSION, METADATA_KEY, ModelCard, card_or_error, read_card};
pub use convert::{ConvertOptions, ConvertReport, FileForm, ReadAs, convert};
pub use load::{LoadOptions, load_into};
pub use save::save;
pub use timeweave_weights::fit::Traits;

use std::path::Path;

use tch::Kind;
use timeweave_weights::Dtype;

use crate::ModelError;

/// What the names and shapes of a file tell about its network.
///
/// # Errors
/// When the file cannot be read.
pub fn traits(path: &Path) -> Result<Traits, ModelError> {
    Ok(timeweave_weights::fit::traits(&timeweave_weights::read(path)?))
}

/// The element types that libtorch and checkpoints share.
const DTYPES: [(Kind, Dtype); 10] = [
    (Kind::Float, Dtype::F32),
    (Kind::Double, Dtype::F64),
    (Kind::Half, Dtype::F16),
    (Kind::BFloat16, Dtype::BF16),
    (Kind::Int64, Dtype::I64),
    (Kind::Int, Dtype::I32),
    (Kind::Int16, Dtype::I16),
    (Kind::Int8, Dtype::I8),
    (Kind::Uint8, Dtype::U8),
    (Kind::Bool, Dtype::Bool),
];

/// The name of an element type, e.g. `float32`.
pub fn dtype_name(kind: Kind) -> &'static str {
    DTYPES.iter().find(|row| row.0 == kind).map_or("unknown", |row| row.1.name())
}

/// libtorch's word for an element type of a checkpoint.
fn kind_of(dtype: Dtype) -> Kind {
    match dtype {
        Dtype::F32 => Kind::Float,
        Dtype::F64 => Kind::Double,
        Dtype::F16 => Kind::Half,
        Dtype::BF16 => Kind::BFloat16,
        Dtype::I64 => Kind::Int64,
        Dtype::I32 => Kind::Int,
        Dtype::I16 => Kind::Int16,
        Dtype::I8 => Kind::Int8,
        Dtype::U8 => Kind::Uint8,
        Dtype::Bool => Kind::Bool,
    }
}
