//! The loop of one target.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::sleep_until;

use crate::outcome::skip::SkipReason;
use crate::scheduler::Job;
use crate::scheduler::slots::Missed;
use crate::scheduler::slots::Slots;

/// Probes in every slot, each time with the newest job, until there is none any more.
pub async fn run<J: Job>(mut jobs: watch::Receiver<Option<Arc<J>>>, mut slots: Slots) {
    let mut busy_until = None;
    let Some(mut job) = jobs.borrow_and_update().clone() else {
        return;
    };
    loop {
        // Looked at before the wait and after it: the exporter may have been stopped meanwhile.
        let missed = slots.catch_up(Instant::now(), busy_until);
        report(&*job, missed);
        job.waiting(slots.due());
        tokio::select! {
            biased;
            changed = jobs.changed() => {
                let newest = match changed {
                    Ok(()) => jobs.borrow_and_update().clone(),
                    Err(_) => None,
                };
                let Some(newest) = newest else {
                    return;
                };
                job = newest;
                slots.set_interval(job.target().interval, Instant::now());
                continue;
            }
            () = sleep_until(slots.due()) => {}
        }
        let waited = job.prepare().await;
        // There may be another job meanwhile, or none.
        if jobs.has_changed().unwrap_or(true) {
            continue;
        }
        let started = Instant::now();
        let missed = slots.catch_up(started, busy_until);
        if missed != Missed::default() {
            report(&*job, missed);
            continue;
        }
        let lag = started.saturating_duration_since(slots.due());
        job.starting(lag, waited);
        // Boxed, so that a target that waits does not hold the memory of a probe.
        let probe = AssertUnwindSafe(Box::pin(job.probe(slots.after_due())));
        let cut = CutOnDrop(&*job);
        let probed = probe.catch_unwind().await;
        std::mem::forget(cut);
        match probed {
            Ok(found) => job.finished(found, lag),
            Err(_) => job.missed(SkipReason::Internal, 1),
        }
        slots.advance();
        busy_until = Some(Instant::now());
    }
}

/// Counts a probe that is cut because the exporter stops, as the loop is then dropped in its midst.
struct CutOnDrop<'j, J: Job>(&'j J);

impl<J: Job> Drop for CutOnDrop<'_, J> {
    fn drop(&mut self) {
        self.0.missed(SkipReason::Shutdown, 1);
    }
}

fn report(job: &impl Job, missed: Missed) {
    for (reason, count) in [
        (SkipReason::Overrun, missed.overrun),
        (SkipReason::Overload, missed.overload),
    ] {
        if count > 0 {
            job.missed(reason, count);
        }
    }
}
