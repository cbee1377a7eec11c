//! Random numbers that are the same on every machine for the same seed (SplitMix64).

use std::f64::consts::TAU;

/// A stream of random numbers.
pub struct Random(u64);

impl Random {
    /// A stream of its own for each seed and each list of numbers that name a purpose.
    pub fn new(seed: u64, purpose: &[u64]) -> Self {
        let mut random = Self(seed);
        for number in purpose {
            random.0 = random.next() ^ number;
        }
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 1.
    pub fn fraction(&mut self) -> f64 {
        // As many bits as the fraction of a double holds.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From the standard normal distribution.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.fraction()).ln()).sqrt();
        radius * (TAU * self.fraction()).cos()
    }

    /// From 0 to below `end`. The bias of the remainder is out of sight for small ends.
    pub fn below(&mut self, end: i64) -> i64 {
        (self.next() >> 1).cast_signed() % end
    }

    /// Puts `items` into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        let mut left = items;
        while let Ok(n) = i64::try_from(left.len())
            && n > 1
        {
            let chosen = usize::try_from(self.below(n)).expect("it is below a length");
            left.swap(0, chosen);
            left = &mut left[1..];
        }
    }
}
