//! Random draws that depend on (seed, epoch, sample) alone, never on the thread or the order of work.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of draws. The draws are defined here, so that they stay the same when a random number crate changes its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draws(ChaCha8Rng);

impl Draws {
    /// The stream of one sample in one epoch.
    pub fn new(seed: u64, epoch: u64, sample: u64) -> Self {
        Self::tagged(seed, epoch, sample, 0)
    }

    /// The stream of an epoch's order, apart from those of its samples.
    pub(crate) fn order(seed: u64, epoch: u64) -> Self {
        Self::tagged(seed, epoch, 0, 1)
    }

    /// The stream of one step's batch, apart from those of its samples.
    pub fn batch(seed: u64, epoch: u64, step: u64) -> Self {
        Self::tagged(seed, epoch, step, 4)
    }

    /// A stream for one clip of the drawn motion data.
    pub(crate) fn motion(seed: u64, split: u64, clip: u64) -> Self {
        Self::tagged(seed, split, clip, 2)
    }

    /// A stream for the parting of one class's videos into lists.
    pub(crate) fn parting(seed: u64, class: u64) -> Self {
        Self::tagged(seed, class, 0, 3)
    }

    fn tagged(seed: u64, epoch: u64, sample: u64, tag: u64) -> Self {
        let mut key = [0; 32];
        for (bytes, word) in key.chunks_exact_mut(8).zip([seed, epoch, sample, tag]) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A number from 0 to `bound - 1`, each equally likely (up to 2^-64 `bound`); 0 when `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.0.next_u64()) * bound as u128) >> 64) as usize
    }

    /// A number in [0, 1) with 53 random bits.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with the given probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Puts the items in a random order, each order equally likely.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Draws;

    #[test]
    fn streams_differ_by_every_part_of_the_key_and_repeat() {
        let first = |mut draws: Draws| draws.below(1 << 40);
        let all = [
            first(Draws::new(1, 2, 3)),
            first(Draws::new(2, 2, 3)),
            first(Draws::new(1, 3, 3)),
            first(Draws::new(1, 2, 4)),
            first(Draws::order(1, 2)),
            first(Draws::motion(1, 2, 3)),
            first(Draws::batch(1, 2, 3)),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b), "{all:?}");
        }
        assert_eq!(all[0], first(Draws::new(1, 2, 3)));
    }

    #[test]
    fn draws_below_a_bound_reach_every_number_evenly() {
        let mut draws = Draws::new(0, 0, 0);
        let mut counts = [0_usize; 7];
        for _ in 0..70_000 {
            counts[draws.below(7)] += 1;
        }
        assert!(counts.iter().all(|&n| (9_500..10_500).contains(&n)), "{counts:?}");
        assert_eq!(draws.below(0), 0);
        assert_eq!(draws.below(1), 0);
    }

    #[test]
    fn a_shuffle_keeps_the_items_and_moves_them() {
        let mut items: Vec<_> = (0..100).collect();
        Draws::order(5, 0).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
