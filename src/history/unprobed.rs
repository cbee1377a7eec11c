//! When a target was probed last, and what has been skipped since, in one word: a probe that ends sets
//! it, and a skip adds to it.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use crate::outcome::skip::SkipReason;

/// How often in a row a busy exporter comes too late before its target counts as not probed. Once it may
/// happen between any two probes.
const OFTEN: u64 = 3;

/// How many bits the reason has, and how many the count.
const REASON_BITS: u32 = 4;
const COUNT_BITS: u32 = 4;
const TIME_AT: u32 = REASON_BITS + COUNT_BITS;
const REASON: u64 = (1 << REASON_BITS) - 1;
const COUNT: u64 = (1 << COUNT_BITS) - 1;

/// Why a target is not probed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unprobed {
    /// Why it was skipped last.
    pub reason: SkipReason,
    /// When its last probe started, to the millisecond; `None` if there was none.
    pub last_probe: Option<SystemTime>,
}

/// Milliseconds since 1970 of the last probe, how often there was a skip since, and its reason.
#[derive(Debug, Default)]
pub(crate) struct Word(AtomicU64);

impl Word {
    /// Notes a probe that has ended.
    pub fn probed(&self, since_1970: Duration) {
        let milliseconds = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
        let word = milliseconds.min(u64::MAX >> TIME_AT) << TIME_AT;
        self.0.store(word, Ordering::Relaxed);
    }

    /// Notes that slots were skipped, however many at once: a standstill is one.
    pub fn skipped(&self, reason: SkipReason) {
        let changed = |word: u64| {
            let time = word >> TIME_AT << TIME_AT;
            let count = (word >> REASON_BITS & COUNT) + 1;
            Some(time | count.min(COUNT) << REASON_BITS | (reason as u64 + 1))
        };
        // A change is always wanted, so that there is no error.
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, changed)
            .ok();
    }

    /// Why the target is not probed, if it is not.
    pub fn unprobed(&self) -> Option<Unprobed> {
        let word = self.0.load(Ordering::Relaxed);
        let index = usize::try_from(word & REASON).ok()?.checked_sub(1)?;
        let reason = *SkipReason::ALL.get(index)?;
        let count = word >> REASON_BITS & COUNT;
        let counts = match reason {
            SkipReason::Overrun | SkipReason::Overload => count >= OFTEN,
            _ => true,
        };
        let milliseconds = word >> TIME_AT;
        counts.then(|| Unprobed {
            reason,
            last_probe: (milliseconds > 0)
                .then(|| UNIX_EPOCH + Duration::from_millis(milliseconds)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_not_probed_once_its_skips_say_so() {
        use SkipReason::FdLimit;
        use SkipReason::Internal;
        use SkipReason::NoRoute;
        use SkipReason::Overload;
        use SkipReason::Overrun;
        for (skips, expected) in [
            (&[][..], None),
            (&[NoRoute][..], Some(NoRoute)),
            (&[Internal], Some(Internal)),
            (&[NoRoute, FdLimit], Some(FdLimit)),
            // A busy exporter that is late now and then still probes.
            (&[Overload], None),
            (&[Overrun, Overload], None),
            (&[Overload, Overload, Overload], Some(Overload)),
            (&[Overrun, Overload, Overrun], Some(Overrun)),
            (&[Overload; 100], Some(Overload)),
        ] {
            let word = Word::default();
            let reason = || word.unprobed().map(|unprobed| unprobed.reason);
            let probed = Duration::from_millis(1_800_000_000_123);
            for last_probe in [None, Some(UNIX_EPOCH + probed)] {
                for skip in skips {
                    word.skipped(*skip);
                }
                assert_eq!(reason(), expected, "{skips:?}");
                if let Some(unprobed) = word.unprobed() {
                    assert_eq!(unprobed.last_probe, last_probe);
                }
                word.probed(probed);
                assert_eq!(reason(), None);
            }
        }
    }

    #[test]
    fn every_reason_has_room() {
        for reason in SkipReason::ALL {
            let word = Word::default();
            word.probed(Duration::MAX);
            for _ in 0..100 {
                word.skipped(reason);
            }
            assert_eq!(
                word.unprobed().map(|unprobed| unprobed.reason),
                Some(reason)
            );
        }
    }
}
