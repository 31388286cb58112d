//! The part of numpy's legacy generator (MT19937) that decides bLVNet's frames of short videos.

const WORDS: usize = 624;
const SHIFT: usize = 397;

/// `numpy.random.RandomState(seed)`.
pub struct Mt19937 {
    state: [u32; WORDS],
    next: usize,
}

impl Mt19937 {
    /// The state that `numpy.random.seed(seed)` makes.
    pub fn new(seed: u32) -> Self {
        let mut state = [seed; WORDS];
        for i in 1..WORDS {
            let previous = state[i - 1];
            state[i] =
                1_812_433_253_u32.wrapping_mul(previous ^ (previous >> 30)).wrapping_add(i as u32);
        }
        Self { state, next: WORDS }
    }

    /// The next 32-bit word.
    pub fn next_word(&mut self) -> u32 {
        if self.next == WORDS {
            self.renew();
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn renew(&mut self) {
        for i in 0..WORDS {
            let mixed = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % WORDS] & 0x7fff_ffff);
            let odd = if mixed & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + SHIFT) % WORDS] ^ (mixed >> 1) ^ odd;
        }
        self.next = 0;
    }

    /// `numpy.random.choice(n, count)` with replacement: words masked to the bits of `n - 1`, too large ones rejected.
    pub fn choice(&mut self, n: u32, count: usize) -> Vec<usize> {
        let largest = n.saturating_sub(1);
        let mask = u32::MAX >> largest.leading_zeros().min(31);
        let mut draw = || {
            loop {
                // numpy draws nothing when there is one number to choose.
                let word = if largest == 0 { 0 } else { self.next_word() & mask };
                if word <= largest {
                    return word as usize;
                }
            }
        };
        (0..count).map(|_| draw()).collect()
    }
}
