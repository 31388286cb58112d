//! A tensor as bytes.

use crate::WeightsError;

/// Type of a tensor's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dtype {
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// IEEE half precision.
    F16,
    /// Brain float: the upper half of a 32-bit float.
    BF16,
    /// Signed 64-bit integer.
    I64,
    /// Signed 32-bit integer.
    I32,
    /// Signed 16-bit integer.
    I16,
    /// Signed byte.
    I8,
    /// Unsigned byte.
    U8,
    /// A byte that is 0 or 1.
    Bool,
}

impl Dtype {
    /// Every type.
    pub const ALL: [Self; 10] = [
        Self::F32,
        Self::F64,
        Self::F16,
        Self::BF16,
        Self::I64,
        Self::I32,
        Self::I16,
        Self::I8,
        Self::U8,
        Self::Bool,
    ];

    /// Bytes of one element.
    pub fn size(self) -> u64 {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::BF16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// The name, e.g. `float32`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::F16 => "float16",
            Self::BF16 => "bfloat16",
            Self::I64 => "int64",
            Self::I32 => "int32",
            Self::I16 => "int16",
            Self::I8 => "int8",
            Self::U8 => "uint8",
            Self::Bool => "bool",
        }
    }

    /// The class of PyTorch's that stores this type, without its module `torch`.
    pub(crate) fn storage_class(self) -> &'static str {
        match self {
            Self::F32 => "FloatStorage",
            Self::F64 => "DoubleStorage",
            Self::F16 => "HalfStorage",
            Self::BF16 => "BFloat16Storage",
            Self::I64 => "LongStorage",
            Self::I32 => "IntStorage",
            Self::I16 => "ShortStorage",
            Self::I8 => "CharStorage",
            Self::U8 => "ByteStorage",
            Self::Bool => "BoolStorage",
        }
    }
}

/// A tensor as contiguous bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawTensor {
    /// Type of the elements.
    pub dtype: Dtype,
    /// Shape; empty for a scalar.
    pub shape: Vec<u64>,
    /// The elements in row-major order, little-endian.
    pub data: Vec<u8>,
}

impl RawTensor {
    /// A tensor whose bytes fit its shape.
    ///
    /// # Errors
    /// When the number of bytes is not that of the shape.
    pub fn new(dtype: Dtype, shape: Vec<u64>, data: Vec<u8>) -> Result<Self, WeightsError> {
        let tensor = Self { dtype, shape, data };
        tensor.check("tensor")?;
        Ok(tensor)
    }

    /// A float32 tensor.
    ///
    /// # Errors
    /// When the number of values is not that of the shape.
    pub fn from_f32(shape: Vec<u64>, values: &[f32]) -> Result<Self, WeightsError> {
        Self::new(Dtype::F32, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    /// Number of elements.
    pub fn len(&self) -> u64 {
        self.data.len() as u64 / self.dtype.size()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The fields are public, so a writer looks whether they still fit each other.
    pub(crate) fn check(&self, name: &str) -> Result<(), WeightsError> {
        if bytes(&self.shape, self.dtype) == Some(self.data.len() as u64) {
            return Ok(());
        }
        Err(WeightsError::Shape {
            tensor: name.to_owned(),
            expected: format!("that holds {} bytes of {}", self.data.len(), self.dtype.name()),
            actual: self.shape.clone(),
        })
    }
}

/// Bytes of a tensor, or nothing when 64 bits do not hold their number.
pub(crate) fn bytes(shape: &[u64], dtype: Dtype) -> Option<u64> {
    // A zero anywhere makes the product zero, however large the others are.
    if shape.contains(&0) {
        return Some(0);
    }
    shape.iter().try_fold(dtype.size(), |product, &size| product.checked_mul(size))
}
