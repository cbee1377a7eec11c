//! Numbers that look like chance and need no source of it: a demo is the same every time.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// SplitMix64, by Steele, Lea and Flood ("Fast splittable pseudorandom number generators").
#[derive(Debug, Default)]
pub struct Chance(AtomicU64);

impl Chance {
    /// The next number, at least 0 and less than 1.
    pub fn number(&self) -> f64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        let [a, b, c, d, ..] = z.to_be_bytes();
        f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
    }

    /// A time between two others, short ones more often than long ones, as with most servers.
    pub fn between(&self, least: Duration, most: Duration) -> Duration {
        let number = self.number();
        least + most.saturating_sub(least).mul_f64(number * number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spread() {
        let chance = Chance::default();
        let numbers: Vec<f64> = (0..1_000).map(|_| chance.number()).collect();
        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        for tenth in 0..10 {
            let from = f64::from(tenth) / 10.0;
            let n = numbers.iter().filter(|n| (from..from + 0.1).contains(*n));
            assert!(n.count() > 50, "from {from}");
        }
    }

    #[test]
    fn times_stay_within_their_bounds() {
        let chance = Chance::default();
        let (least, most) = (Duration::from_millis(20), Duration::from_millis(80));
        let times: Vec<Duration> = (0..1_000).map(|_| chance.between(least, most)).collect();
        assert!(times.iter().all(|time| (least..=most).contains(time)));
        assert!(times.iter().any(|time| *time > Duration::from_millis(75)));
        let short = times
            .iter()
            .filter(|time| **time < Duration::from_millis(50));
        assert!(short.count() > 500);
        assert_eq!(chance.between(most, least), most);
    }
}
