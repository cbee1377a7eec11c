//! Whether the exporter itself stands still: a task that ought to run every few milliseconds.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use tokio::time::sleep_until;

/// The time between two beats.
const BEAT: Duration = Duration::from_millis(20);

/// How late a beat may be; what a busy but working machine needs to give a thread its turn.
const TOLERATED: Duration = Duration::from_millis(50);

/// Counts the time for which the runtime did not run tasks that were due.
#[derive(Debug)]
pub struct Heartbeat {
    base: Instant,
    /// Nanoseconds stood still so far.
    stalled: AtomicU64,
    /// When the next beat is due, in nanoseconds since `base`; 0 as long as nothing beats.
    due: AtomicU64,
}

impl Default for Heartbeat {
    /// A heart that does not beat yet, and so never seems late.
    fn default() -> Self {
        Self {
            base: Instant::now(),
            stalled: AtomicU64::new(0),
            due: AtomicU64::new(0),
        }
    }
}

impl Heartbeat {
    /// Beats for as long as it is awaited, on the runtime that is to be watched.
    pub async fn beat(&self) {
        loop {
            let due = Instant::now() + BEAT;
            self.due.store(self.since_base(due), Ordering::Relaxed);
            sleep_until(due).await;
            let late = self.late(Instant::now());
            self.stalled.fetch_add(late, Ordering::Relaxed);
        }
    }

    /// How long the runtime has stood still altogether, a beat that is overdue included.
    pub fn stalled(&self) -> Duration {
        let before = self.stalled.load(Ordering::Relaxed);
        Duration::from_nanos(before + self.late(Instant::now()))
    }

    fn late(&self, now: Instant) -> u64 {
        let due = self.due.load(Ordering::Relaxed);
        let late = Duration::from_nanos(self.since_base(now).saturating_sub(due));
        match late > TOLERATED && due > 0 {
            true => u64::try_from(late.as_nanos()).unwrap_or(u64::MAX),
            false => 0,
        }
    }

    fn since_base(&self, at: Instant) -> u64 {
        // 64 bits of nanoseconds last for 584 years.
        u64::try_from(at.saturating_duration_since(self.base).as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_a_runtime_that_stands_still_is_counted() {
        let heart = Arc::new(Heartbeat::default());
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(heart.stalled(), Duration::ZERO, "it does not beat yet");
        let beating = heart.clone();
        let task = tokio::spawn(async move { beating.beat().await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(heart.stalled(), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(3)).await;
        let overdue = heart.stalled();
        assert!(overdue >= Duration::from_millis(2_900), "{overdue:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
        let counted = heart.stalled();
        assert!(
            counted >= overdue && counted < Duration::from_secs(4),
            "{counted:?}"
        );
        task.abort();
    }
}
