//! When bytes arrived: the kernel's stamp, moved from its wall clock to the clock of the probe.

use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use tokio::time::Instant;

use crate::outcome::timeline::Clock;

/// How many times the two clocks are read together until nothing came between.
const TRIES: usize = 5;

/// How far apart two readings of one clock may be for the other, read between them, to be paired.
const CLOSE: Duration = Duration::from_micros(1);

/// By how much a translated stamp may be too early and still be one.
const NOISE: Duration = Duration::from_micros(20);

/// A moment, and whose clock told it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Arrival {
    /// When it was.
    pub at: Instant,
    /// Whose clock told it.
    pub clock: Clock,
}

impl Arrival {
    /// A moment that the kernel told; if it did not, the exporter's clock stands in with `now`.
    pub fn by_kernel(told: Option<Instant>, now: Instant) -> Self {
        match told {
            Some(at) => Self {
                at,
                clock: Clock::Kernel,
            },
            None => Self {
                at: now,
                clock: Clock::Fallback,
            },
        }
    }

    /// A moment by the exporter's own clock, at which no stamp can be had.
    pub fn by_user(at: Instant) -> Self {
        Self {
            at,
            clock: Clock::User,
        }
    }
}

/// How the wall clock is read: by the system, unless a test steps it.
#[derive(Clone, Copy, Debug)]
pub struct WallClock(pub fn() -> SystemTime);

impl Default for WallClock {
    fn default() -> Self {
        Self(SystemTime::now)
    }
}

impl WallClock {
    /// When the bytes of a read that has just returned arrived: not before `earliest`, when nothing
    /// can have been there, and not after now. Where no such moment is known no stamp is believed.
    ///
    /// The stamp is translated by its age, so that no step of the wall clock before the read can
    /// move it; one between stamp and read makes an age out of range, and the own clock stands in.
    pub fn arrival(self, stamp: Option<Duration>, earliest: Option<Instant>) -> Arrival {
        let (now, wall) = self.read_together();
        let at = stamp
            .and_then(|stamp| wall.checked_sub(stamp))
            .and_then(|age| now.checked_sub(age))
            .and_then(|at| {
                let earliest = earliest?;
                // The same stamp, translated twice, differs by what the clocks are read apart.
                let is_noise = earliest.saturating_duration_since(at) < NOISE;
                is_noise.then_some(at.max(earliest))
            });
        Arrival::by_kernel(at, now)
    }

    /// Both clocks at one moment, the wall clock in time since 1970.
    fn read_together(self) -> (Instant, Duration) {
        let mut before = Instant::now();
        let mut best: Option<(Duration, Instant, SystemTime)> = None;
        for _ in 0..TRIES {
            let wall = (self.0)();
            let after = Instant::now();
            let apart = after - before;
            if best.is_none_or(|(least, ..)| apart < least) {
                best = Some((apart, before + apart / 2, wall));
            }
            if apart < CLOSE {
                break;
            }
            before = after;
        }
        let (now, wall) = best.map_or_else(|| (before, (self.0)()), |(_, now, wall)| (now, wall));
        (now, wall.duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGE: Duration = Duration::from_millis(50);

    fn wall() -> Duration {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
    }

    #[test]
    fn a_stamp_is_moved_by_its_age() {
        let earliest = Some(
            Instant::now()
                .checked_sub(AGE * 2)
                .expect("the clock runs longer"),
        );
        let before = Instant::now();
        let arrival = WallClock::default().arrival(Some(wall() - AGE), earliest);
        assert_eq!(arrival.clock, Clock::Kernel);
        assert!(arrival.at + AGE >= before && arrival.at + AGE <= Instant::now());
    }

    #[test]
    fn what_cannot_be_is_replaced_and_counted() {
        let now = Instant::now();
        for (what, stamp, earliest) in [
            ("no stamp", None, None),
            ("from the future", Some(wall() + AGE), Some(now - AGE)),
            ("no moment before it", Some(wall() - AGE), None),
            ("before anything was sent", Some(wall() - AGE), Some(now)),
            ("long ago", Some(Duration::ZERO), Some(now)),
        ] {
            let arrival = WallClock::default().arrival(stamp, earliest);
            assert_eq!(arrival.clock, Clock::Fallback, "{what}");
            assert!(arrival.at >= now, "{what}");
        }
    }

    #[test]
    fn a_step_of_the_wall_clock_moves_no_arrival() {
        for stepped in [
            WallClock(|| SystemTime::now() + Duration::from_secs(3600)),
            WallClock(|| SystemTime::now() - Duration::from_secs(3600)),
        ] {
            let earliest = Instant::now();
            let arrival = stepped.arrival(Some(wall()), Some(earliest));
            assert_eq!(arrival.clock, Clock::Fallback);
            assert!(arrival.at >= earliest && arrival.at <= Instant::now());
        }
    }
}
