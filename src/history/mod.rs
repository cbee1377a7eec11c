//! The last probes of each target, in full: what the metrics sum up can be looked at here.
//!
//! ```text
//! store     the histories of all targets
//! kept      which probes are kept: the newest, and failures for longer
//! glance    what is told of a target at a glance, whatever is kept
//! unprobed  when it was probed last, and what has been skipped since
//! record    one probe in as few bytes as hold it ── bytes
//! ```
//!
//! A probe records under a lock that only the readers of that one target share, and those hold it
//! no longer than it takes to copy a handful of pointers.

mod bytes;
pub mod glance;
mod kept;
pub mod record;
pub mod store;
pub mod unprobed;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use crate::history::glance::Glance;
use crate::history::glance::Words;
use crate::history::kept::Kept;
use crate::history::record::ProbeRecord;
use crate::history::record::nanoseconds;
use crate::outcome::Outcome;
use crate::outcome::skip::SkipReason;
use crate::target::Target;

/// The history of one target. A reload makes a new one that has the new target and shares the
/// cells, so that a probe that holds the old one still records.
#[derive(Debug)]
pub struct History {
    target: Arc<Target>,
    cells: Arc<Cells>,
}

/// What stays over a reload.
#[derive(Debug)]
struct Cells {
    /// `None` if nothing is to be kept.
    kept: Option<Mutex<Kept>>,
    /// How many probes were recorded, which numbers them.
    recorded: AtomicU32,
    /// In nanoseconds since 1970, 0 for unknown.
    next_probe: AtomicU64,
    /// What shows even if nothing is kept.
    words: Words,
    /// Whether it is probed at all.
    unprobed: unprobed::Word,
}

impl History {
    /// An empty history that will keep at most `limit` probes.
    pub fn new(target: &Arc<Target>, limit: usize) -> Self {
        let cells = Cells {
            kept: NonZeroUsize::new(limit).map(|limit| Mutex::new(Kept::new(limit))),
            recorded: AtomicU32::new(0),
            next_probe: AtomicU64::new(0),
            words: Words::default(),
            unprobed: unprobed::Word::default(),
        };
        Self {
            target: Arc::clone(target),
            cells: Arc::new(cells),
        }
    }

    /// The history that follows this one when the configuration changes.
    pub fn renewed(&self, target: &Arc<Target>) -> Self {
        Self {
            target: Arc::clone(target),
            cells: Arc::clone(&self.cells),
        }
    }

    /// The target.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Keeps a probe that started `lag` after it was meant to.
    pub fn record(&self, outcome: &Outcome, lag: Duration) {
        self.cells.words.record(outcome);
        let since_1970 = outcome.started.duration_since(UNIX_EPOCH);
        self.cells.unprobed.probed(since_1970.unwrap_or_default());
        let Some(kept) = &self.cells.kept else {
            return;
        };
        let number = self.cells.recorded.fetch_add(1, Ordering::Relaxed);
        let record = ProbeRecord::new(number, outcome, &self.target.module, lag);
        let dropped = lock(kept).push(record);
        // Freed only here, where no reader waits for it.
        drop(dropped);
    }

    /// Notes that slots passed without a probe.
    pub fn skip(&self, reason: SkipReason) {
        self.cells.unprobed.skipped(reason);
    }

    /// The probes that were kept, newest first.
    pub fn probes(&self) -> Vec<ProbeRecord> {
        let kept = self.cells.kept.as_ref();
        kept.map_or_else(Vec::new, |kept| lock(kept).newest_first())
    }

    /// The newest of the probes that were kept.
    pub fn newest(&self) -> Option<ProbeRecord> {
        lock(self.cells.kept.as_ref()?).newest()
    }

    /// What there is to see of the target at a glance.
    pub fn glance(&self, now: SystemTime) -> Glance {
        Glance {
            unprobed: self.cells.unprobed.unprobed(),
            ..self.cells.words.glance(now, self.next_probe())
        }
    }

    /// Notes when the next probe is meant to start.
    pub fn set_next_probe(&self, at: SystemTime) {
        let at = nanoseconds(at.duration_since(UNIX_EPOCH).unwrap_or_default());
        self.cells.next_probe.store(at, Ordering::Relaxed);
    }

    /// When the next probe is meant to start, `None` before that is known.
    pub fn next_probe(&self) -> Option<SystemTime> {
        let at = self.cells.next_probe.load(Ordering::Relaxed);
        (at > 0).then(|| UNIX_EPOCH + Duration::from_nanos(at))
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    // Whatever a panic left in the queues is whole probes.
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
