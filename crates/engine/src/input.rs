//! Clips of bytes to the tensors that networks take, and logits back to numbers.

use tch::{Device, Kind, Tensor};
use timeweave_models::Model;
use timeweave_video::transform::Preprocess;

use crate::EngineError;

/// Normalised clips `[N, T, 3, H, W]`, float32, from as many bytes in the same order.
pub(crate) fn clips_to_tensor(
    clips: &[u8],
    shape: [usize; 5],
    preprocess: &Preprocess,
    device: Device,
) -> Result<Tensor, EngineError> {
    let mut values = vec![0.0_f32; clips.len()];
    preprocess.normalize_into(clips, &mut values);
    let shape = shape.map(|side| side as i64);
    let tensor = Tensor::f_from_slice(&values).and_then(|flat| flat.f_view(shape));
    tensor
        .and_then(|tensor| tensor.f_to_device(device))
        .map_err(EngineError::libtorch("make a tensor of the clips"))
}

/// Logits of each clip in eval mode, without gradients.
pub(crate) fn logits(model: &Model, clips: &Tensor) -> Result<Vec<Vec<f32>>, EngineError> {
    let _guard = tch::no_grad_guard();
    rows(&model.network.forward(clips, false)?)
}

/// The rows of a matrix `[N, K]`.
pub(crate) fn rows(matrix: &Tensor) -> Result<Vec<Vec<f32>>, EngineError> {
    let width = matrix.size().last().copied().unwrap_or(1).max(1) as usize;
    Ok(values(matrix)?.chunks(width).map(<[f32]>::to_vec).collect())
}

/// All values of a tensor, in row-major order.
pub(crate) fn values(tensor: &Tensor) -> Result<Vec<f32>, EngineError> {
    let read = || -> Result<Vec<f32>, tch::TchError> {
        let flat = tensor
            .f_detach()?
            .f_to_device(Device::Cpu)?
            .f_to_kind(Kind::Float)?
            .f_contiguous()?
            .f_view(-1)?;
        Vec::<f32>::try_from(flat)
    };
    read().map_err(EngineError::libtorch("read a tensor"))
}

/// The tensor of a caller's values in row-major order; errors call it `field`.
pub(crate) fn dense(field: &str, values: &[f32], shape: &[i64]) -> Result<Tensor, EngineError> {
    let count = shape
        .iter()
        .try_fold(1_i64, |product, &side| product.checked_mul(side).filter(|_| side >= 0));
    if count != Some(values.len() as i64) {
        return Err(EngineError::InputInvalid {
            field: field.into(),
            expected: format!("as many values as the shape {shape:?} has"),
            received: format!("{} values", values.len()),
        });
    }
    let tensor = Tensor::f_from_slice(values).and_then(|flat| flat.f_view(shape));
    tensor.map_err(EngineError::libtorch("make a tensor of the values"))
}
