//! The grid of shapes, element types, layouts and instruction sets that the kernels are tested over.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tch::{Kind, Tensor};
use timeweave_kernels::cpu::Isa;
use timeweave_kernels::{KernelError, reference};

/// Clips, frames, channels, height and width; odd ones, single ones, empty ones, and one for each
/// way in which the loops cut a frame.
pub const SHAPES: [[i64; 5]; 16] = [
    [2, 4, 16, 6, 6],
    [1, 1, 4, 3, 3],
    [3, 8, 6, 5, 3],
    [1, 3, 5, 7, 7],
    [2, 2, 3, 2, 5],
    [1, 16, 10, 7, 5],
    [1, 4, 1, 9, 9],
    [2, 5, 1, 1, 1],
    [1, 3, 64, 17, 17],
    [1, 2, 2, 70, 71],
    [1, 4, 200, 2, 3],
    [2, 3, 64, 8, 8],
    [1, 2, 4100, 1, 2],
    [1, 9, 40, 16, 20],
    [0, 4, 8, 3, 3],
    [2, 3, 8, 0, 3],
];

pub const KINDS: [Kind; 4] = [Kind::Float, Kind::Double, Kind::BFloat16, Kind::Half];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    Channels,
    Positions,
    Strided,
}

pub const LAYOUTS: [Layout; 3] = [Layout::Channels, Layout::Positions, Layout::Strided];

/// The forced instruction set is one for the whole process: whoever forces it holds this.
static FORCED: Mutex<()> = Mutex::new(());

/// Runs `body` in every instruction set that this processor has.
pub fn in_every_isa(mut body: impl FnMut(Isa)) {
    let _guard: MutexGuard<()> = FORCED.lock().unwrap_or_else(PoisonError::into_inner);
    let supported: Vec<_> = match std::env::var("TIMEWEAVE_CPU") {
        Ok(_) => vec![Isa::detect()],
        Err(_) => Isa::ALL.into_iter().filter(|isa| isa.is_supported()).collect(),
    };
    for isa in &supported {
        assert!(isa.force());
        body(*isa);
    }
    assert!(Isa::detect().force());
    println!("checked: instruction sets {supported:?}");
}

thread_local! {
    /// Numbers of this thread: libtorch's own generator is shared by all tests that run at a time.
    static STATE: Cell<u64> = const { Cell::new(1) };
}

/// Starts this thread's numbers anew.
pub fn seed(seed: u64) {
    STATE.set(seed);
}

/// The next number in `0..1` (Steele, Lea and Flood, SplitMix).
fn uniform() -> f64 {
    let state = STATE.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    STATE.set(state);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// Normal numbers that the element type holds exactly, in a layout.
pub fn map(size: &[i64], kind: Kind, layout: Layout) -> Tensor {
    let count = size.iter().product::<i64>();
    let values: Vec<f32> = (0..count)
        .map(|_| {
            let radius = (-2.0 * (1.0 - uniform()).ln()).sqrt();
            (radius * (std::f64::consts::TAU * uniform()).cos()) as f32
        })
        .collect();
    lay_out(&Tensor::from_slice(&values).view(size).to_kind(kind), layout)
}

/// `upstream`, but zero where two results of a ReLU do not agree whether they are zero: so near to
/// zero rounding decides, and neither gradient is wrong.
pub fn where_decided(upstream: &Tensor, y: &Tensor, y64: &Tensor, what: &str) -> Tensor {
    let agree = y.gt(0.0).eq_tensor(&y64.gt(0.0));
    let undecided = agree.logical_not().sum(Kind::Int64).int64_value(&[]);
    assert!(undecided <= 2 + y.numel() as i64 / 10_000, "{what}: {undecided} signs differ");
    upstream * agree.to_kind(upstream.kind())
}

pub fn lay_out(values: &Tensor, layout: Layout) -> Tensor {
    match layout {
        Layout::Positions if values.dim() == 4 => {
            // The memory format flag itself is not in tch: the permuted copy has the same strides.
            values.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
        }
        Layout::Channels | Layout::Positions => values.contiguous(),
        Layout::Strided => {
            let last = values.dim() as i64 - 1;
            Tensor::stack(&[values, values], last + 1).select(last + 1, 0)
        }
    }
}

unsafe extern "C" {
    fn timeweave_probe_meta(x: *const std::ffi::c_void) -> *mut std::ffi::c_void;
}

/// A tensor with the shape, type and strides of `x` and no memory.
pub fn meta(x: &Tensor) -> Tensor {
    // SAFETY: `x` lives through the call, which returns a new tensor or null.
    unsafe {
        let tensor = timeweave_probe_meta(x.as_ptr().cast());
        assert!(!tensor.is_null());
        Tensor::from_ptr(tensor.cast())
    }
}

/// A leaf in float64 with the numbers of `values`.
pub fn leaf64(values: &Tensor) -> Tensor {
    values.detach().to_kind(Kind::Double).contiguous().set_requires_grad(true)
}

/// A leaf with the numbers, type and layout of `values`.
pub fn leaf(values: &Tensor) -> Tensor {
    values.detach().set_requires_grad(true)
}

/// The gradients of `sum(y * upstream)`.
pub fn gradients(pairs: &[(&Tensor, &Tensor)], leaves: &[&Tensor]) -> Vec<Tensor> {
    let total = pairs
        .iter()
        .map(|(y, upstream)| (*y * *upstream).sum(y.kind()))
        .reduce(|a, b| a + b)
        .expect("at least one result");
    Tensor::run_backward(&[total], leaves, false, false)
}

/// Relative and absolute tolerance of an element type: float32 as the fixtures' README says, the
/// narrow types one rounding of the result.
pub fn tolerance(kind: Kind) -> (f64, f64) {
    match kind {
        Kind::Double => (1e-12, 1e-14),
        Kind::Float => (1e-5, 1e-6),
        Kind::Half => (1e-3, 1e-3),
        _ => (6e-3, 6e-3),
    }
}

/// Panics unless `actual` equals `expected` (float64) within the tolerance of its type.
pub fn assert_close(actual: &Tensor, expected: &Tensor, what: &str) {
    assert_sum(actual, expected, 0, what);
}

/// [`assert_close`] for sums of `terms` products of normal numbers.
///
/// Even where they cancel, each product that is rounded to float32 leaves an error of at most half
/// a unit in its last place (6e-8), of random sign: `terms` of them about `6e-8 sqrt(terms)`. The
/// aggregation adds the frames of an element (at most sixteen here) in float32, the interlacing up
/// to 128 vectors of a piece; both go on in float64. The factor of three covers those additions by
/// estimate, not by proof. One product left out changes a sum by about 1.
pub fn assert_sum(actual: &Tensor, expected: &Tensor, terms: usize, what: &str) {
    assert_eq!(actual.size(), expected.size(), "{what}: shape");
    if expected.numel() == 0 {
        return;
    }
    let (relative, absolute) = tolerance(actual.kind());
    let worst = (actual.to_kind(Kind::Double) - expected).abs().max().double_value(&[]);
    let bound = relative * expected.abs().max().double_value(&[]) + absolute;
    let rounding = if actual.kind() == Kind::Double { 0.0 } else { 2e-7 };
    let bound = bound + rounding * (terms as f64).sqrt();
    assert!(worst <= bound, "{what}: differs by {worst:e}, more than {bound:e}");
}

/// An interlacing of `x`, offsets and weights, and its gradients of them, against the reference.
pub fn assert_interlaced(
    y: &Tensor,
    actual: &[Tensor],
    upstream: &Tensor,
    leaves: [&Tensor; 3],
    fold: i64,
    name: &str,
) {
    let [x64, o64, w64] = leaves.map(leaf64);
    let t = w64.size()[1];
    let y64 = reference::temporal_interlace(&x64, &o64, &w64, t, fold).expect("valid");
    assert_close(y, &y64, name);
    let upstream = upstream.to_kind(Kind::Double);
    let expected = gradients(&[(&y64, &upstream)], &[&x64, &o64, &w64]);
    assert_close(&actual[0], &expected[0], name);
    assert_sum(&actual[1], &expected[1], x64.numel(), name);
    assert_sum(&actual[2], &expected[2], x64.numel(), name);
}

/// Results of one case, for the comparison between instruction sets.
pub type Bits = Vec<(String, Tensor)>;

/// The first instruction set fills `first`; the others must give the same bits.
pub fn same_bits(first: &mut Bits, index: &mut usize, name: &str, results: &[&Tensor]) {
    for result in results {
        match first.get(*index) {
            None => first.push((name.into(), result.detach().copy())),
            Some((_, bits)) => {
                assert!(bits.equal(&result.detach()), "{name}: instruction sets disagree");
            }
        }
        *index += 1;
    }
}

/// Asserts that a call is refused with a code and a text that has all parts.
pub fn refused<T>(result: Result<T, KernelError>, code: &str, parts: &[&str]) {
    let Err(error) = result else { panic!("expected a refusal of {parts:?}") };
    let text = error.to_string();
    assert_eq!(error.code(), code, "{text}");
    for part in parts {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
}
