//! Long sums: short chains in the type of sums, which are then added up in float64.

use super::vector::Accumulator;

/// How many numbers are added up in their own type before float64 takes over.
pub(super) const CHAIN: usize = 128;

/// The sum of some numbers, in chains of at most [`CHAIN`] of their own type.
#[inline(always)]
pub(super) fn total_of<A: Accumulator>(values: &[A]) -> f64 {
    const LANES: usize = 16;
    let mut total = 0.0;
    for values in values.chunks(LANES * CHAIN) {
        let mut lanes = [A::ZERO; LANES];
        let chunks = values.chunks_exact(LANES);
        let rest: f64 = chunks.remainder().iter().map(|value| value.to_f64()).sum();
        for chunk in chunks {
            for (lane, value) in lanes.iter_mut().zip(chunk) {
                *lane = lane.plus(*value);
            }
        }
        let mut halves = [0.0; LANES / 2];
        for (index, half) in halves.iter_mut().enumerate() {
            *half = lanes[index].to_f64() + lanes[index + LANES / 2].to_f64();
        }
        total += halves.iter().sum::<f64>() + rest;
    }
    total
}
