//! Moments by two clocks: that of timers, which stands still while the system is suspended, and one that
//! goes on. What a server gave ends by whichever comes first.

use std::time::Duration;

use nix::time::ClockId;
use nix::time::clock_gettime;
use tokio::time::Instant;

/// Tells what time it is.
pub type Clock = fn() -> Moment;

/// A moment by both clocks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moment {
    /// By the clock that timers go by.
    pub timer: Instant,
    /// Since the system was started, suspended or not.
    pub since_boot: Duration,
}

impl Moment {
    /// The present.
    pub fn now() -> Self {
        let timer = Instant::now();
        Self {
            timer,
            since_boot: since_boot().unwrap_or_default(),
        }
    }

    /// Whether this is over at `now`.
    pub fn is_over(&self, now: Self) -> bool {
        self.left(now).is_zero()
    }

    /// How long it is until this, by the clock that is nearer to it; nothing if it is over.
    pub fn left(&self, now: Self) -> Duration {
        let left = self.timer.saturating_duration_since(now.timer);
        left.min(self.since_boot.saturating_sub(now.since_boot))
    }
}

impl std::ops::Add<Duration> for Moment {
    type Output = Self;

    fn add(self, after: Duration) -> Self {
        Self {
            timer: self.timer + after,
            since_boot: self.since_boot + after,
        }
    }
}

/// `CLOCK_BOOTTIME` of Linux; elsewhere the clock of timers may count suspension or not.
#[cfg(target_os = "linux")]
fn since_boot() -> nix::Result<Duration> {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from)
}

#[cfg(not(target_os = "linux"))]
fn since_boot() -> nix::Result<Duration> {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from)
}
