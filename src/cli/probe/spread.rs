//! How durations spread, in a memory that does not grow with their number.

use std::collections::BTreeMap;
use std::time::Duration;

/// Bits of a duration that are kept, which is one part in a thousand.
const KEPT_BITS: u32 = 11;

/// Durations by their number of nanoseconds, which is rounded up.
#[derive(Debug, Default)]
pub struct Spread {
    counts: BTreeMap<u64, u64>,
    n: u64,
    max: Duration,
}

impl Spread {
    /// Adds one.
    pub fn add(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        *self.counts.entry(rounded(nanos)).or_default() += 1;
        self.n += 1;
        self.max = self.max.max(duration);
    }

    /// The longest.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The shortest duration that this share of them did not exceed, in percent, as it was rounded;
    /// `None` without any.
    pub fn quantile(&self, percent: u64) -> Option<Duration> {
        let rank = (self.n * percent).div_ceil(100);
        let mut n_up_to = 0;
        let found = self.counts.iter().find(|(_, count)| {
            n_up_to += **count;
            n_up_to >= rank
        });
        found.map(|(nanos, _)| Duration::from_nanos(*nanos).min(self.max))
    }
}

fn rounded(nanos: u64) -> u64 {
    let dropped = (u64::BITS - nanos.leading_zeros()).saturating_sub(KEPT_BITS);
    let unit = 1 << dropped;
    nanos.checked_next_multiple_of(unit).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_what_was_added() {
        let micros = |n: u64| Duration::from_nanos(n * 1_000);
        for (n, half, nearly_all) in [
            (1, 1, 1),
            (2, 1, 2),
            (3, 2, 3),
            (100, 50, 99),
            (1_000, 500, 990),
            (20_000, 10_000, 19_800),
        ] {
            let mut spread = Spread::default();
            (1..=n).rev().for_each(|n| spread.add(micros(n)));
            for (percent, exact) in [(50, half), (99, nearly_all)] {
                let found = spread.quantile(percent).unwrap();
                let (exact, over) = (micros(exact), found.saturating_sub(micros(exact)));
                assert!(found >= exact && over <= exact / 1_000, "{n}: {found:?}");
            }
            assert_eq!(spread.max(), micros(n));
        }
        assert_eq!(Spread::default().quantile(50), None);
    }

    #[test]
    fn one_duration_is_told_as_it_is() {
        for duration in [
            Duration::ZERO,
            Duration::from_nanos(123_456_789),
            Duration::MAX,
        ] {
            let mut spread = Spread::default();
            spread.add(duration);
            let told = spread.quantile(99).unwrap();
            let most = Duration::from_nanos(u64::MAX);
            assert_eq!(told, duration.min(most));
        }
    }

    #[test]
    fn memory_has_an_end() {
        let mut spread = Spread::default();
        (0..50_000).for_each(|n| spread.add(Duration::from_nanos(1_000_000_000 + n * 20_000)));
        assert!(
            spread.counts.len() <= 1 << KEPT_BITS,
            "{}",
            spread.counts.len()
        );
    }
}
