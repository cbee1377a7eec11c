//! When a target's slots are: pure arithmetic on its interval.

use std::time::Duration;

use tokio::time::Instant;

/// The golden ratio's fraction. Its multiples, modulo one, are spread evenly however many there
/// are, so that each new target falls into the widest gap.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// How late a slot may start, at most; later than that it is skipped.
const MAX_LATENESS: Duration = Duration::from_secs(1);

/// The slots of one target: the one that is due, and one every interval after it.
#[derive(Clone, Copy, Debug)]
pub struct Slots {
    due: Instant,
    interval: Duration,
}

/// How many slots passed without a probe.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Missed {
    /// Those that passed while the probe before them ran.
    pub overrun: u64,
    /// Those to which the exporter came too late.
    pub overload: u64,
}

impl Slots {
    /// The slots of the `index`th target that the scheduler took in, from `start` on.
    pub fn spread(start: Instant, index: u32, interval: Duration) -> Self {
        let offset = interval.mul_f64((f64::from(index) * GOLDEN).fract());
        Self {
            due: start + offset,
            interval,
        }
    }

    /// When the next probe is meant to start.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// When the slot after the one that is due is.
    pub fn after_due(&self) -> Instant {
        self.due + self.interval
    }

    /// Moves on to the slot after the one that is due.
    pub fn advance(&mut self) {
        self.due += self.interval;
    }

    /// Takes another interval. The slot that is due stays, or comes nearer by whole intervals if it
    /// is further away than one: the targets of a reload stay spread.
    pub fn set_interval(&mut self, interval: Duration, now: Instant) {
        if self.interval != interval {
            self.interval = interval;
            let away = self.due.saturating_duration_since(now);
            self.due -= interval.saturating_mul(periods(away, interval));
        }
    }

    /// Passes over the slots that are too late to start at `now`, the probe before them having
    /// ended at `busy_until`.
    ///
    /// A slot that has passed still starts if that is at most half an interval and one second ago:
    /// a late start is seen in the lag, while a skipped one would be lost.
    pub fn catch_up(&mut self, now: Instant, busy_until: Option<Instant>) -> Missed {
        let late = now.saturating_duration_since(self.due);
        let mut missed = periods(late, self.interval);
        let lateness = late.saturating_sub(self.interval.saturating_mul(missed));
        if lateness > (self.interval / 2).min(MAX_LATENESS) {
            missed += 1;
        }
        let overrun = busy_until
            .and_then(|end| end.checked_duration_since(self.due))
            .map_or(0, |busy| periods(busy, self.interval) + 1)
            .min(missed);
        self.due += self.interval.saturating_mul(missed);
        Missed {
            overrun: overrun.into(),
            overload: (missed - overrun).into(),
        }
    }
}

fn periods(span: Duration, interval: Duration) -> u32 {
    // Past u32 the exporter would have slept for years.
    u32::try_from(span.as_nanos() / interval.as_nanos().max(1)).unwrap_or(u32::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_slots_start_or_are_skipped() {
        let start = Instant::now();
        let ms = |milliseconds| start + Duration::from_millis(milliseconds);
        for (interval, now, busy_until, due, overrun, overload) in [
            (100, 0, None, 100, 0, 0),
            (100, 30, Some(30), 100, 0, 0),
            (100, 100, Some(100), 100, 0, 0),
            (100, 150, Some(150), 100, 0, 0),
            (100, 151, Some(151), 200, 1, 0),
            (100, 251, Some(251), 300, 2, 0),
            (100, 250, Some(10), 200, 0, 1),
            (100, 3_030, Some(20), 3_000, 0, 29),
            (100, 3_060, None, 3_100, 0, 30),
            // Stopped for a minute, between two probes and within one.
            (500, 60_730, None, 60_500, 0, 120),
            (500, 60_800, None, 61_000, 0, 121),
            (500, 60_800, Some(60_800), 61_000, 121, 0),
            (7_000, 60_000, Some(3), 63_000, 0, 8),
            (100, 460, Some(210), 500, 2, 2),
            // Of a long interval at most a second may be missed.
            (60_000, 60_900, None, 60_000, 0, 0),
            (60_000, 61_100, None, 120_000, 0, 1),
        ] {
            let interval = Duration::from_millis(interval);
            let mut slots = Slots {
                due: start + interval,
                interval,
            };
            let missed = slots.catch_up(ms(now), busy_until.map(ms));
            assert_eq!(
                missed,
                Missed { overrun, overload },
                "{interval:?} at {now}"
            );
            assert_eq!(slots.due(), ms(due), "{interval:?} at {now}");
        }
    }

    #[test]
    fn a_shorter_interval_keeps_the_spread() {
        let now = Instant::now();
        let (long, short) = (Duration::from_secs(60), Duration::from_secs(5));
        let mut offsets: Vec<Duration> = (0..300)
            .map(|index| {
                let mut slots = Slots::spread(now, index, long);
                slots.set_interval(short, now);
                slots.due() - now
            })
            .collect();
        offsets.sort();
        assert!(offsets[299] < short);
        let widest = offsets.windows(2).map(|two| two[1] - two[0]).max();
        assert!(widest <= Some(short / 300 * 10), "{widest:?}");
    }

    #[test]
    fn starts_are_spread_over_the_interval() {
        let start = Instant::now();
        let interval = Duration::from_secs(10);
        for count in [1_u32, 2, 3, 10, 100, 10_000] {
            let mut offsets: Vec<Duration> = (0..count)
                .map(|index| Slots::spread(start, index, interval).due() - start)
                .collect();
            offsets.sort();
            offsets.push(interval + offsets[0]);
            let widest = offsets.windows(2).map(|two| two[1] - two[0]).max();
            // An even spread would have gaps of interval / count; the golden ratio's are at most
            // 1 + phi times as wide.
            assert!(
                widest <= Some(interval / count * 27 / 10),
                "{count}: {widest:?}"
            );
        }
    }
}
