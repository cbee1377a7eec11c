//! One target's work: the prober, the series and the history it records in, and the log of its
//! changes of state.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::SystemTime;

use tokio::time::Instant;

use crate::app::current::Current;
use crate::app::places::Places;
use crate::app::states::State;
use crate::app::states::States;
use crate::history::History;
use crate::metrics::own::Own;
use crate::metrics::series::Series;
use crate::outcome::Attempt;
use crate::outcome::Failure;
use crate::outcome::Verdict;
use crate::outcome::skip::SkipReason;
use crate::scheduler::Job;
use crate::target::Target;
use crate::target::module::IpStrategy;

/// For how long a slot waits for a token that is being fetched, unless the interval is short: less than
/// it may be late.
const TOKEN_PATIENCE: Duration = Duration::from_millis(500);

/// Ties one target's prober to its series and its history.
#[derive(Debug)]
pub struct TargetJob {
    target: Arc<Target>,
    prober: Current,
    series: Arc<Series>,
    history: Arc<History>,
    own: Arc<Own>,
    places: Arc<Places>,
    states: Arc<States>,
    skipping: AtomicBool,
}

/// What came of a slot.
#[derive(Debug)]
pub enum Found {
    /// The attempt at the target.
    Target(Attempt),
    /// The attempts at the addresses of the target.
    Addresses {
        /// By the address, or by none if there was none to probe.
        found: Vec<(Option<IpAddr>, Attempt)>,
        /// The series of the addresses, as they were when the probes began.
        taken_in: Vec<(IpAddr, Arc<Series>)>,
    },
}

impl TargetJob {
    /// A job that goes on where `before`, the job of the same target, was.
    pub fn new(
        target: Arc<Target>,
        prober: Current,
        series: Arc<Series>,
        history: Arc<History>,
        own: Arc<Own>,
        places: Arc<Places>,
        before: Option<&Arc<Self>>,
    ) -> Self {
        Self {
            target,
            prober,
            series,
            history,
            own,
            places,
            states: before.map_or_else(Arc::default, |job| job.states.clone()),
            skipping: AtomicBool::new(false),
        }
    }

    /// Logs a change of the state of the target, or of one of its addresses.
    fn log(&self, ip: Option<IpAddr>, verdict: Verdict, failure: Option<&Failure>) {
        let name = &*self.target.name;
        let state = match verdict {
            Verdict::Success => State::Up,
            Verdict::Failure => State::Down,
            Verdict::Conflict => State::Conflicting,
        };
        let Some(before) = self.states.change(ip, state) else {
            return;
        };
        let was_unknown = before == State::Unknown;
        let ip = ip.map(tracing::field::display);
        let Some(failure) = failure else {
            if !was_unknown {
                tracing::info!(target = name, ip, "the target is as wanted again");
            }
            return;
        };
        let (phase, reason) = (failure.reason.place().label(), failure.reason.label());
        let detail = failure.printable_detail();
        if reason == "other" {
            tracing::error!(
                target = name,
                ip,
                phase,
                detail,
                "unforeseen failure, please report it"
            );
        } else if state == State::Conflicting {
            tracing::warn!(
                target = name,
                ip,
                detail,
                "the target answers with a conflict"
            );
        } else {
            tracing::warn!(target = name, ip, phase, reason, detail, "the target fails");
        }
    }

    fn record(&self, ip: Option<IpAddr>, series: &Series, attempt: Attempt, lag: Duration) {
        match attempt {
            Attempt::Finished(outcome) => {
                self.own.observe_probe(&outcome.timeline);
                series.record(&outcome);
                self.history.record(&outcome, lag);
                self.skipping.store(false, Ordering::Relaxed);
                self.log(ip, outcome.verdict(), outcome.failure.as_ref());
            }
            Attempt::Skipped(reason) => self.skip(series, reason, 1),
        }
    }

    fn skip(&self, series: &Series, reason: SkipReason, count: u64) {
        series.skip(reason, count);
        self.history.skip(reason);
        if reason == SkipReason::TokenUnavailable {
            // The log has that of the module, once for all its targets.
            return;
        }
        // The state of the target stays as it is: nothing was learnt of it.
        if !self.skipping.swap(true, Ordering::Relaxed) {
            let name = &*self.target.name;
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

impl Job for TargetJob {
    type Found = Found;

    fn target(&self) -> &Arc<Target> {
        &self.target
    }

    async fn prepare(&self) -> Duration {
        if self.prober.needs_no_wait() {
            return Duration::ZERO;
        }
        let patience = (self.target.interval / 4).min(TOKEN_PATIENCE);
        let began = Instant::now();
        // Who finds none says so.
        self.prober.wait(patience).await.ok();
        // What it took to notice that is our own lateness.
        began.elapsed().min(patience)
    }

    async fn probe(&self, latest: Instant) -> Found {
        let Some(mut place) = self.places.take() else {
            return Found::Target(Attempt::Skipped(SkipReason::FdLimit));
        };
        let _in_flight = self.own.probe_started();
        let ready = match self.prober.ready() {
            Ok(ready) => ready,
            Err(reason) => return Found::Target(Attempt::Skipped(reason)),
        };
        let learn = |attempt: &Attempt| match attempt {
            Attempt::Finished(outcome) => ready.learn(outcome),
            Attempt::Skipped(_) => {}
        };
        match self.target.module.ip_strategy {
            IpStrategy::First => {
                let attempt = ready.prober.probe_until(latest).await;
                learn(&attempt);
                Found::Target(attempt)
            }
            IpStrategy::All => {
                let mut taken_in = Vec::new();
                let mut n_places = 1;
                let probing = ready.prober.probe_addresses_until(latest, |ips| {
                    taken_in = self.series.take_in(ips, Instant::now());
                    n_places += place.add_up_to(taken_in.len().saturating_sub(1));
                    let probed = taken_in.iter().take(n_places);
                    probed.map(|(ip, _)| *ip).collect()
                });
                let mut found = probing.await;
                found.iter().for_each(|(_, attempt)| learn(attempt));
                let without_place = taken_in.iter().skip(n_places);
                found.extend(
                    without_place.map(|(ip, _)| (Some(*ip), Attempt::Skipped(SkipReason::FdLimit))),
                );
                Found::Addresses { found, taken_in }
            }
        }
    }

    fn waiting(&self, due: Instant) {
        let left = due.saturating_duration_since(Instant::now());
        self.history.set_next_probe(SystemTime::now() + left);
    }

    fn starting(&self, lag: Duration, waited: Duration) {
        self.own.observe_lag(lag.saturating_sub(waited));
        // The slot after this one, unless this probe fills it as well.
        let left = self.target().interval.saturating_sub(lag);
        self.history.set_next_probe(SystemTime::now() + left);
    }

    fn finished(&self, found: Found, lag: Duration) {
        match found {
            Found::Target(attempt) => self.record(None, &self.series, attempt, lag),
            Found::Addresses {
                mut found,
                taken_in,
            } => {
                // The worst comes last: the newest probe is what is shown of the target.
                found.sort_by_key(|(_, attempt)| match attempt {
                    Attempt::Skipped(_) => None,
                    Attempt::Finished(outcome) => Some(outcome.verdict()),
                });
                if !taken_in.is_empty() {
                    // The look-up worked: when it fails again that is news.
                    self.states.change(None, State::Up);
                    self.series.leave_to_addresses();
                }
                for (ip, attempt) in found {
                    let series = taken_in.iter().find(|(taken, _)| Some(*taken) == ip);
                    let series = series.map_or(&self.series, |(_, series)| series);
                    self.record(ip, series, attempt, lag);
                }
            }
        }
    }

    fn missed(&self, reason: SkipReason, count: u64) {
        self.skip(&self.series, reason, count);
    }
}
