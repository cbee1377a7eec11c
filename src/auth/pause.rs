//! How long a server is left alone after failures.

use std::hash::BuildHasher;
use std::hash::RandomState;
use std::time::Duration;

/// The pause after a failure, at most, and what the following ones grow to.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

/// How long to leave the server alone after so many failures in a row before the last. Between half of
/// it and the whole is chance, so that many exporters do not come back at once.
pub fn pause(n_failures: u32) -> Duration {
    let (first, most) = PAUSES;
    let whole = first.saturating_mul(1 << n_failures.min(16)).min(most);
    let [chance, ..] = RandomState::new().hash_one(n_failures).to_ne_bytes();
    whole / 2 + whole * u32::from(chance) / 512
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_spread() {
        let (first, most) = PAUSES;
        let mut seen = std::collections::HashSet::new();
        for n in [0, 1, 2, 3, 4, 5, 6, 20, u32::MAX] {
            let whole = first.saturating_mul(1 << n.min(10)).min(most);
            for _ in 0..50 {
                let pause = pause(n);
                assert!(pause >= whole / 2 && pause <= whole, "{n}: {pause:?}");
                seen.insert(pause);
            }
        }
        assert!(seen.len() > 50, "{} pauses", seen.len());
    }
}
