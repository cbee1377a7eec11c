//! One target's work: the prober, the series and the history it records in, and the log of its
//! changes of state.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::SystemTime;

use tokio::time::Instant;

use crate::history::History;
use crate::metrics::own::Own;
use crate::metrics::series::Series;
use crate::outcome::Attempt;
use crate::outcome::Failure;
use crate::outcome::Verdict;
use crate::outcome::skip::SkipReason;
use crate::probe::Prober;
use crate::scheduler::Job;
use crate::target::Target;

/// Ties one target's prober to its series and its history.
#[derive(Debug)]
pub struct TargetJob {
    prober: Prober,
    series: Arc<Series>,
    history: Arc<History>,
    own: Arc<Own>,
    state: Arc<AtomicU8>,
    skipping: AtomicBool,
}

/// What the log last said of a target.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
enum State {
    Unknown,
    Up,
    Down,
    Conflicting,
}

impl TargetJob {
    /// A job that goes on where `before`, the job of the same target, was.
    pub fn new(
        prober: Prober,
        series: Arc<Series>,
        history: Arc<History>,
        own: Arc<Own>,
        before: Option<&Arc<Self>>,
    ) -> Self {
        Self {
            prober,
            series,
            history,
            own,
            state: before.map_or_else(Arc::default, |job| job.state.clone()),
            skipping: AtomicBool::new(false),
        }
    }

    /// Notes a state and says whether it is another than before.
    fn changed_to(&self, state: State) -> bool {
        self.state.swap(state as u8, Ordering::Relaxed) != state as u8
    }

    fn log(&self, verdict: Verdict, failure: Option<&Failure>) {
        let name = &*self.prober.target().name;
        let was_unknown = self.state.load(Ordering::Relaxed) == State::Unknown as u8;
        let state = match verdict {
            Verdict::Success => State::Up,
            Verdict::Failure => State::Down,
            Verdict::Conflict => State::Conflicting,
        };
        if !self.changed_to(state) {
            return;
        }
        let Some(failure) = failure else {
            if !was_unknown {
                tracing::info!(target = name, "the target is as wanted again");
            }
            return;
        };
        let (phase, reason) = (failure.reason.place().label(), failure.reason.label());
        let detail = failure.printable_detail();
        if reason == "other" {
            tracing::error!(
                target = name,
                phase,
                detail,
                "unforeseen failure, please report it"
            );
        } else if state == State::Conflicting {
            tracing::warn!(target = name, detail, "the target answers with a conflict");
        } else {
            tracing::warn!(target = name, phase, reason, detail, "the target fails");
        }
    }
}

impl Job for TargetJob {
    fn target(&self) -> &Arc<Target> {
        self.prober.target()
    }

    async fn probe(&self, latest: Instant) -> Attempt {
        let _in_flight = self.own.probe_started();
        self.prober.probe_until(latest).await
    }

    fn waiting(&self, due: Instant) {
        let left = due.saturating_duration_since(Instant::now());
        self.history.set_next_probe(SystemTime::now() + left);
    }

    fn starting(&self, lag: Duration) {
        self.own.observe_lag(lag);
        // The slot after this one, unless this probe fills it as well.
        let left = self.target().interval.saturating_sub(lag);
        self.history.set_next_probe(SystemTime::now() + left);
    }

    fn finished(&self, attempt: Attempt, lag: Duration) {
        match attempt {
            Attempt::Finished(outcome) => {
                self.own.observe_probe(&outcome.timeline);
                self.series.record(&outcome);
                self.history.record(&outcome, lag);
                self.skipping.store(false, Ordering::Relaxed);
                self.log(outcome.verdict(), outcome.failure.as_ref());
            }
            Attempt::Skipped(reason) => self.missed(reason, 1),
        }
    }

    fn missed(&self, reason: SkipReason, count: u64) {
        self.series.skip(reason, count);
        // The state of the target stays as it is: nothing was learnt of it.
        if !self.skipping.swap(true, Ordering::Relaxed) {
            let name = &*self.prober.target().name;
            let reason = reason.label();
            tracing::warn!(
                target = name,
                reason,
                count,
                "slots skipped by the exporter"
            );
        }
    }
}
