//! Strided views of a storage.

use super::value::Tensor;

/// Whether every element of the view lies inside its storage.
pub(super) fn fits(tensor: &Tensor) -> bool {
    if tensor.sizes.contains(&0) {
        return true;
    }
    let axes = tensor.sizes.iter().zip(&tensor.strides);
    let last = axes.into_iter().try_fold(tensor.offset, |last, (&size, &stride)| {
        (size - 1).checked_mul(stride).and_then(|reach| last.checked_add(reach))
    });
    last.is_some_and(|last| last < tensor.storage.count)
}

/// Whether the view is the storage of `size` bytes as it lies.
pub(super) fn is_whole(tensor: &Tensor, size: u64) -> bool {
    let (run, axes) = run(tensor);
    tensor.offset == 0
        && axes == 0
        && !tensor.sizes.contains(&0)
        && run * tensor.storage.dtype.size() == size
}

/// The elements that lie in a row (their number), and how many axes stand outside such rows.
fn run(tensor: &Tensor) -> (u64, usize) {
    let mut run = 1;
    let mut axes = tensor.sizes.len();
    while let Some(axis) = axes.checked_sub(1) {
        let (size, stride) = (tensor.sizes[axis], tensor.strides[axis]);
        if size != 1 && stride != run {
            break;
        }
        run *= size;
        axes = axis;
    }
    (run, axes)
}

/// Copies the elements of a view that [`fits`] `elements` into rows.
pub(super) fn gather(tensor: &Tensor, elements: &[u8]) -> Vec<u8> {
    if tensor.sizes.contains(&0) {
        return Vec::new();
    }
    let item = tensor.storage.dtype.size() as usize;
    let (run, axes) = run(tensor);
    let run = run as usize * item;
    let sizes = &tensor.sizes[..axes];
    let rows = sizes.iter().product::<u64>() as usize;
    let mut data = Vec::with_capacity(rows * run);
    let mut index = vec![0; axes];
    let mut place = tensor.offset as usize;
    for _ in 0..rows {
        data.extend_from_slice(&elements[place * item..][..run]);
        for axis in (0..axes).rev() {
            let stride = tensor.strides[axis] as usize;
            index[axis] += 1;
            if index[axis] < tensor.sizes[axis] {
                place += stride;
                break;
            }
            place -= (tensor.sizes[axis] - 1) as usize * stride;
            index[axis] = 0;
        }
    }
    data
}
