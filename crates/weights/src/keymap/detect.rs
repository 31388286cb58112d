//! Whose names a file has.

use super::{Source, some_names};
use crate::{StateDict, WeightsError};

/// Finds out whose names a file has.
///
/// X-Temporal, TIN and TSM give the same names to their 2-D networks; the answer is then the
/// project whose module is in the names. A plain ResNet without any prefix is torchvision's when
/// its kernels are flat and X-Temporal's ResNet-3D when they are not.
///
/// # Errors
/// When nobody that we know gives such names.
pub fn detect(state: &StateDict) -> Result<Source, WeightsError> {
    let starts = |start: &str| state.names().any(|name| name.starts_with(start));
    let has = |part: &str| state.names().any(|name| name.contains(part));
    let axes = state.get("conv1.weight").map(|tensor| tensor.shape.len());
    let source = if starts("baseline_model.") {
        Source::BlvnetTam
    } else if starts("base_model.") {
        if has(".net1.biasnet.") {
            Source::Tin
        } else if has(".net.") {
            Source::Tsm
        } else {
            Source::XTemporal
        }
    } else if starts("backbone.") || starts("cls_head.") {
        Source::Mmaction2
    } else if starts("s1.pathway") {
        Source::PySlowFast
    } else if starts("blocks.0.multipathway_blocks.") || starts("blocks.1.res_blocks.") {
        Source::Pytorchvideo
    } else if has(".little_e.") {
        Source::BigLittleNet
    } else if has(".tam.") && axes == Some(4) {
        Source::ActionRecognition
    } else if starts("slow_conv1.") || starts("fast_conv1.") || starts("conv1.spatial_conv.") {
        Source::XTemporal
    } else if starts("features.1.conv.0.0.") {
        Source::Torchvision
    } else if starts("features.1.conv.0.") {
        Source::Tsm
    } else if starts("layer1.0.conv1.") && axes == Some(5) {
        Source::XTemporal
    } else if starts("layer1.0.conv1.") && axes == Some(4) {
        Source::Torchvision
    } else {
        return Err(WeightsError::UnknownNames {
            expected: format!("one of {}", Source::ALL.map(Source::id).join(", ")),
            received: some_names(state.names()),
        });
    };
    Ok(source)
}
