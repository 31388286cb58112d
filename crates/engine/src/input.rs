//! Clips of bytes to the tensors that networks take, and logits back to numbers.

use tch::{Device, Kind, Tensor};
use timeweave_models::Model;
use timeweave_video::transform::{Preprocess, Stack, normalize_channels};

use crate::EngineError;

/// Makes tensors of clips. The CPU normalises by a table; another device gets the bytes and normalises them itself.
pub(crate) struct ClipInput {
    scaling: Vec<(f32, f32)>,
    device: Device,
    /// Kept from batch to batch.
    values: Vec<f32>,
    /// Mean and standard deviation of every channel, and 255, on the device.
    constants: Option<[Tensor; 3]>,
}

impl ClipInput {
    pub(crate) fn new(preprocess: &Preprocess, stack: Stack, device: Device) -> Self {
        let scaling = stack.scaling(preprocess);
        Self { scaling, device, values: Vec::new(), constants: None }
    }

    /// Normalised clips `[N, T, C, H, W]`, float32, from as many bytes in the same order.
    pub(crate) fn tensor(
        &mut self,
        clips: &[u8],
        shape: [usize; 5],
    ) -> Result<Tensor, EngineError> {
        let tensor = if self.device == Device::Cpu {
            self.by_table(clips, shape)
        } else {
            self.on_device(clips, shape)
        };
        tensor.map_err(EngineError::libtorch("make a tensor of the clips"))
    }

    fn by_table(&mut self, clips: &[u8], shape: [usize; 5]) -> Result<Tensor, tch::TchError> {
        self.values.resize(clips.len(), 0.0);
        normalize_channels(clips, shape[3] * shape[4], &self.scaling, &mut self.values);
        Tensor::f_from_slice(&self.values)?.f_view(shape.map(|side| side as i64))
    }

    fn on_device(&mut self, clips: &[u8], shape: [usize; 5]) -> Result<Tensor, tch::TchError> {
        let channels = shape[2];
        let [mean, std, most] = if let Some(constants) = &self.constants {
            constants
        } else {
            // As tensors: libtorch turns a division by a plain number into a multiplication on a GPU, which rounds
            // otherwise than the CPU does.
            let constant = |values: Vec<f32>| {
                Tensor::f_from_slice(&values)?.f_view([1, 1, -1, 1, 1])?.f_to_device(self.device)
            };
            let every = || self.scaling.iter().cycle().take(channels);
            self.constants.insert([
                constant(every().map(|scaling| scaling.0).collect())?,
                constant(every().map(|scaling| scaling.1).collect())?,
                constant(vec![255.0])?,
            ])
        };
        let bytes = Tensor::f_from_slice(clips)?.f_view(shape.map(|side| side as i64))?;
        let values = bytes.f_to_device(self.device)?.f_to_kind(Kind::Float)?;
        values.f_div(most)?.f_sub(mean)?.f_div(std)
    }
}

/// Targets `[N, K]` of 0 and 1, a 1 for each of the classes that a sample shows.
pub(crate) fn multi_hot(
    labels: &[Vec<usize>],
    classes: usize,
    device: Device,
) -> Result<Tensor, EngineError> {
    let mut values = vec![0.0_f32; labels.len() * classes];
    for (labels, row) in labels.iter().zip(values.chunks_exact_mut(classes)) {
        for &label in labels {
            row[label] = 1.0;
        }
    }
    let tensor = Tensor::f_from_slice(&values).and_then(|flat| flat.f_view([-1, classes as i64]));
    tensor
        .and_then(|tensor| tensor.f_to_device(device))
        .map_err(EngineError::libtorch("make a tensor of the labels"))
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

    #[test]
    fn both_ways_of_normalising_give_the_same_bits() {
        for stack in [Stack::Rgb, Stack::Flow, Stack::RgbDiff] {
            let shape = [2, 3, stack.channels(), 4, 8];
            let clips: Vec<u8> =
                (0..shape.iter().product::<usize>()).map(|i| (i * 37 % 256) as u8).collect();
            let mut input = ClipInput::new(&Preprocess::default(), stack, Device::Cpu);
            let table = input.by_table(&clips, shape).expect("a tensor");
            let device = input.on_device(&clips, shape).expect("a tensor");
            let again = input.on_device(&clips, shape).expect("a tensor");
            assert_eq!(table.size(), shape.map(|side| side as i64));
            assert!(table == device && device == again, "{stack:?}");
        }
    }

    #[test]
    fn targets_have_a_one_for_every_class() {
        let targets = multi_hot(&[vec![2, 0], vec![], vec![1]], 3, Device::Cpu).expect("targets");
        let expected = [1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        assert_eq!(values(&targets).expect("numbers"), expected);
    }
}
