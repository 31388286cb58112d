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
    scores(&model.network.forward(clips, false)?)
}

/// The scores of each clip; frames that kept logits of their own, `[N, T, K]`, are averaged.
pub(crate) fn scores(logits: &Tensor) -> Result<Vec<Vec<f32>>, EngineError> {
    if logits.dim() < 3 {
        return rows(logits);
    }
    let mean = logits.f_mean_dim([1_i64].as_slice(), false, None);
    rows(&mean.map_err(EngineError::libtorch("average the logits of the frames"))?)
}

/// What the loss compares: logits `[N, K]` and labels `[N]`; frames that kept logits of their own
/// are rows with the label of their clip.
pub(crate) fn targets(logits: &Tensor, labels: &Tensor) -> Result<(Tensor, Tensor), EngineError> {
    if logits.dim() < 3 {
        return Ok((logits.shallow_clone(), labels.shallow_clone()));
    }
    let frames = logits.size()[1];
    let pair = logits
        .f_flatten(0, 1)
        .and_then(|logits| Ok((logits, labels.f_repeat_interleave_self_int(frames, 0, None)?)));
    pair.map_err(EngineError::libtorch("give every frame its clip's label"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_with_logits_of_their_own_are_averaged_and_share_their_label() {
        let logits = Tensor::from_slice(&[1_f32, 2.0, 3.0, 6.0, 0.0, 4.0, 2.0, 0.0]);
        let frames = logits.view([2, 2, 2]);
        assert_eq!(scores(&frames).expect("scores"), [[2.0, 4.0], [1.0, 2.0]]);
        let labels = Tensor::from_slice(&[1_i64, 0]);
        let (rows, labels) = targets(&frames, &labels).expect("rows");
        assert_eq!(rows.size(), [4, 2]);
        assert_eq!(Vec::<i64>::try_from(labels).expect("labels"), [1, 1, 0, 0]);
        let clips = logits.view([4, 2]);
        let (same, labels) = targets(&clips, &Tensor::from_slice(&[0_i64; 4])).expect("rows");
        assert_eq!((same.size(), labels.size()), (vec![4, 2], vec![4]));
        assert_eq!(scores(&clips).expect("scores").len(), 4);
    }
}
