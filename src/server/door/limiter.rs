//! How often may be asked: a bucket of tokens, kept as the time at which it is full again.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

/// Counts requests.
#[derive(Debug)]
pub struct Limiter {
    interval: Duration,
    /// How far ahead of now the bucket may be full again for one more to be taken.
    slack: Duration,
    full_at: Mutex<Instant>,
}

impl Limiter {
    /// Admits one request an `interval`, and `burst` at once after a pause.
    pub fn new(interval: Duration, burst: u32) -> Self {
        Self {
            interval,
            slack: interval.saturating_mul(burst.saturating_sub(1)),
            full_at: Mutex::new(Instant::now()),
        }
    }

    /// Whether one more request is admitted now; it then counts.
    pub fn admits(&self) -> bool {
        self.admits_at(Instant::now())
    }

    fn admits_at(&self, now: Instant) -> bool {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let from = now.max(*full_at);
        if from - now > self.slack {
            return false;
        }
        // An interval that no clock can count is one that never ends.
        *full_at = from.checked_add(self.interval).unwrap_or(from);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_admitted_and_then_one_an_interval() {
        let second = Duration::from_secs(1);
        let limiter = Limiter::new(second, 3);
        let start = Instant::now() + second;
        let admitted = |at: f64, n: usize| {
            let now = start + Duration::from_secs_f64(at);
            (0..n).filter(|_| limiter.admits_at(now)).count()
        };
        assert_eq!(admitted(0.0, 5), 3);
        assert_eq!(admitted(0.9, 2), 0);
        assert_eq!(admitted(1.0, 2), 1);
        assert_eq!(admitted(3.5, 5), 2);
        assert_eq!(admitted(3.9, 1), 0);
        assert_eq!(admitted(60.0, 9), 3);
    }
}
