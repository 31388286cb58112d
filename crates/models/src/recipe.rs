//! Reproducible weights and inputs for comparisons between programs.
//!
//! A weight is computed from its name, its shape and a seed with integer arithmetic and two
//! rounded float32 operations, so every program that follows the recipe gets the same bits and
//! a comparison needs no weight files. The values are chosen so that activations keep a usable
//! scale; they are not meant for training.

use tch::nn::VarStore;
use tch::{Kind, TchError, Tensor};

/// 2^64 divided by the golden ratio, the step of SplitMix64.
const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// The number `centre + amplitude * t` with `t` in `[-1, 1)`: how one weight is spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Middle of the values.
    pub centre: f32,
    /// Half the width of the values.
    pub amplitude: f32,
}

/// FNV-1a, 64 bits, of the UTF-8 bytes of `text`.
pub fn fnv1a64(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

/// The state that the stream called `name` starts from.
pub fn state(seed: u64, name: &str) -> u64 {
    mix(fnv1a64(name).wrapping_add(seed.wrapping_mul(GAMMA)))
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The first `count` numbers of the stream called `name`, in `[-1, 1)`.
fn stream(seed: u64, name: &str, count: usize) -> impl Iterator<Item = f32> + use<> {
    let mut state = state(seed, name);
    (0..count).map(move |_| {
        state = state.wrapping_add(GAMMA);
        // 24 bits around zero are exact in float32.
        let whole = (mix(state) >> 40) as i64 - (1 << 23);
        whole as f32 / 8_388_608.0
    })
}

/// How the values of the weight called `name` are spread; the first rule that fits decides.
pub fn spread(name: &str, shape: &[i64]) -> Spread {
    let fan_in: i64 = shape.iter().skip(1).product();
    let by_inputs = |numerator: f64| Spread {
        centre: 0.0,
        amplitude: (numerator / fan_in as f64).sqrt() as f32,
    };
    let fixed = |centre, amplitude| Spread { centre, amplitude };
    match shape {
        _ if name.ends_with("num_batches_tracked") => fixed(0.0, 0.0),
        _ if name.ends_with("running_mean") => fixed(0.0, 0.1),
        _ if name.ends_with("running_var") => fixed(1.0, 0.25),
        _ if name.ends_with("bias") => fixed(0.0, 0.1),
        [_] => fixed(0.8, 0.2),
        [_, 1, 1, 1] => fixed(0.25, 1.0),
        [_, inputs] if *inputs >= 256 => by_inputs(0.375),
        [_, _, _] => by_inputs(0.093_75),
        _ => by_inputs(6.0),
    }
}

/// The values of the weight called `name`, row by row.
pub fn values(seed: u64, name: &str, shape: &[i64]) -> Vec<f32> {
    let Spread { centre, amplitude } = spread(name, shape);
    let count = shape.iter().product::<i64>() as usize;
    // Adding a zero centre is not the identity for -0.0, so it is left out.
    stream(seed, name, count)
        .map(|t| if centre == 0.0 { amplitude * t } else { centre + amplitude * t })
        .collect()
}

/// Overwrites every variable of `vs` by its recipe.
///
/// # Errors
/// When libtorch cannot copy the values.
pub fn fill(vs: &VarStore, seed: u64) -> Result<(), TchError> {
    let _guard = tch::no_grad_guard();
    for (name, mut variable) in vs.variables() {
        let shape = variable.size();
        let source = Tensor::f_from_slice(&values(seed, &name, &shape))?.f_view(&shape[..])?;
        variable.f_copy_(&source)?;
    }
    Ok(())
}

/// The input clip called `name`, float32 `[n, t, c, h, w]`: a coarse pattern of 16-pixel squares
/// with fine noise on it.
///
/// # Errors
/// When libtorch cannot make the tensor.
pub fn clip(seed: u64, name: &str, shape: [i64; 5]) -> Result<Tensor, TchError> {
    let [n, t, c, h, w] = shape.map(|length| length as usize);
    let (rows, columns) = (h.div_ceil(16), w.div_ceil(16));
    let planes = n * t * c;
    let coarse: Vec<f32> =
        stream(seed, &format!("{name}.coarse"), planes * rows * columns).collect();
    let fine = stream(seed, &format!("{name}.fine"), planes * h * w);
    let pixels: Vec<f32> = fine
        .enumerate()
        .map(|(index, fine)| {
            let (plane, y, x) = (index / (h * w), index / w % h, index % w);
            2.0 * coarse[(plane * rows + y / 16) * columns + x / 16] + 0.5 * fine
        })
        .collect();
    Tensor::f_from_slice(&pixels)?.f_view(shape)?.f_to_kind(Kind::Float)
}
