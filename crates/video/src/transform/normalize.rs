//! 8-bit planes to the floating-point numbers a network takes.

/// Mean of ImageNet's red, green and blue, of 1.
pub const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Standard deviation of ImageNet's red, green and blue, of 1.
pub const IMAGENET_STD: [f32; 3] = [0.229, 0.224, 0.225];

/// Writes (value / 255 - mean) / std of planes `[.., 3, plane]`; `plane` is the number of pixels, H * W.
///
/// Every operation rounds to float32 in this order, as the peers' tensors do. `out` takes as many numbers as there are
/// bytes; what goes beyond the shorter of the two stays untouched.
pub fn normalize_into(planes: &[u8], plane: usize, mean: [f32; 3], std: [f32; 3], out: &mut [f32]) {
    let scaling: Vec<_> = mean.into_iter().zip(std).collect();
    normalize_channels(planes, plane, &scaling, out);
}

/// As [`normalize_into`], for channels that take the (mean, std) of `scaling` in turn.
pub fn normalize_channels(planes: &[u8], plane: usize, scaling: &[(f32, f32)], out: &mut [f32]) {
    let table = |&(mean, std): &(f32, f32)| -> [f32; 256] {
        std::array::from_fn(|value| (value as f32 / 255.0 - mean) / std)
    };
    let tables: Vec<_> = scaling.iter().map(table).collect();
    let plane = plane.max(1);
    for ((values, out), table) in
        planes.chunks(plane).zip(out.chunks_mut(plane)).zip(tables.iter().cycle())
    {
        for (out, &value) in out.iter_mut().zip(values) {
            *out = table[usize::from(value)];
        }
    }
}
