//! Conflict storms: when they are, and the batch job that makes them.

use std::ops::Range;
use std::time::Duration;

use tokio::time::Instant;
use tokio::time::sleep;
use tokio::time::sleep_until;

use crate::demo::chance::Chance;
use crate::demo::orders::Orders;

/// For how long the batch job has everything saved before it fails, at least and at most, ...
const SAVED: (Duration, Duration) = (Duration::from_millis(400), Duration::from_millis(1_000));

/// ... and for how long it then waits before it tries again. No multiple of a second, so that probes
/// now win and now lose.
const ROLLED_BACK: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(400));

/// When storms are, counted from the start.
#[derive(Clone, Copy, Debug)]
pub struct Storms {
    /// When the first one begins.
    pub first: Duration,
    /// How long each lasts.
    pub lasts: Duration,
    /// How long it is calm then.
    pub calm: Duration,
}

impl Storms {
    /// One every two minutes, the first of them soon enough for who has just a moment.
    pub const USUAL: Self = Self {
        first: Duration::from_secs(75),
        lasts: Duration::from_secs(25),
        calm: Duration::from_secs(95),
    };

    /// The storm that is under way so long after the start, or else the next one.
    pub fn next(&self, since_start: Duration) -> Range<Duration> {
        let every = self.every();
        let over = since_start.checked_sub(self.first + self.lasts);
        let n_over = over.map_or(0, |over| over.as_nanos() / every.as_nanos() + 1);
        let begins = self.first + every * u32::try_from(n_over).unwrap_or(u32::MAX);
        begins..begins + self.lasts
    }

    /// The time from one to the next.
    pub fn every(&self) -> Duration {
        (self.lasts + self.calm).max(Duration::from_secs(1))
    }
}

/// Has a batch job save all orders over and over again for as long as each storm lasts. It never
/// gets anywhere, and in the end everything is as it was at first.
pub async fn rage(orders: &Orders, storms: Storms, started: Instant) {
    let chance = Chance::default();
    loop {
        let storm = storms.next(started.elapsed());
        sleep_until(started + storm.start).await;
        while started.elapsed() < storm.end {
            orders.batch_saves();
            sleep(chance.between(SAVED.0, SAVED.1)).await;
            orders.batch_rolls_back();
            sleep(chance.between(ROLLED_BACK.0, ROLLED_BACK.1)).await;
        }
        orders.restore();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::orders::Change;
    use crate::demo::orders::State;

    #[test]
    fn storms_come_every_two_minutes() {
        let storms = Storms::USUAL;
        assert_eq!(storms.every(), Duration::from_secs(120));
        for (since_start, begins) in [
            (0, 75),
            (75, 75),
            (99, 75),
            (100, 195),
            (195, 195),
            (219, 195),
            (220, 315),
            (1_000_000, 1_000_035),
        ] {
            let storm = storms.next(Duration::from_secs(since_start));
            assert_eq!(storm.start.as_secs(), begins, "{since_start}");
            assert_eq!(storm.end.as_secs(), begins + 25, "{since_start}");
        }
    }

    /// The conflicts of `n` probes, one a second from this second on.
    async fn conflicts(orders: &Orders, started: Instant, from: u64, n: u64) -> u64 {
        let mut n_conflicts = 0;
        for second in from..from + n {
            sleep_until(started + Duration::from_millis(second * 1_000 + 137)).await;
            let state = State::Paid;
            n_conflicts += u64::from(orders.save(42, &Change { version: 7, state }).is_err());
        }
        n_conflicts
    }

    #[tokio::test(start_paused = true)]
    async fn probes_lose_mostly_in_storms_and_never_between_them() {
        let started = Instant::now();
        let orders = Orders::new();
        let look = async {
            for begins in [75, 195, 315] {
                let calm = conflicts(&orders, started, begins - 50, 50).await;
                assert_eq!(calm, 0, "before {begins}");
                let n = conflicts(&orders, started, begins, 25).await;
                assert!((12..25).contains(&n), "{n} of 25 from {begins}");
                // The last attempt of the batch job may outlast the storm by one turn.
                sleep(Duration::from_secs(2)).await;
            }
        };
        tokio::select! {
            () = look => {}
            () = rage(&orders, Storms::USUAL, started) => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_clients_have_saved_is_gone_after_a_storm() {
        let started = Instant::now();
        let orders = Orders::new();
        let state = State::Shipped;
        orders
            .save(42, &Change { version: 7, state })
            .expect("current");
        let look = async {
            sleep_until(started + Duration::from_secs(102)).await;
            assert_eq!(orders.all(), Orders::new().all());
        };
        tokio::select! {
            () = look => {}
            () = rage(&orders, Storms::USUAL, started) => {}
        }
    }
}
