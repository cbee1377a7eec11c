//! One probe: the walk of one target through the HTTP cycle, under one deadline.

pub mod arrival;
mod body;
mod carrier;
mod chunk_lines;
mod chunking;
mod conflict;
mod connect;
mod cookies;
mod detail;
pub mod dns;
mod echo;
mod exchange;
mod frames;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod head;
pub mod heartbeat;
mod hops;
mod json;
mod judge;
mod kernel;
mod pace;
mod permit;
mod progress;
mod proxy;
mod quic;
mod redirect;
pub mod request;
pub mod show;
mod socket;
mod stop;
pub mod tls;
mod turn;
mod validate;
mod walk;
mod wire;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use http::header;
use http_body_util::Full;
use tokio::time::Instant;
use tokio::time::error::Elapsed;
use tokio::time::timeout_at;

use crate::outcome::Attempt;
use crate::outcome::Conflict;
use crate::outcome::ConflictReason;
use crate::outcome::Failure;
use crate::outcome::Outcome;
use crate::outcome::detail::Detail;
use crate::outcome::judgement::Judgement;
use crate::outcome::reason::Reason;
use crate::outcome::skip::SkipReason;
use crate::probe::arrival::Arrival;
use crate::probe::arrival::WallClock;
use crate::probe::conflict::Evidence;
use crate::probe::dns::Resolver;
use crate::probe::heartbeat::Heartbeat;
use crate::probe::judge::judge;
use crate::probe::stop::Stop;
use crate::probe::tls::TlsClient;
use crate::probe::walk::Walk;
use crate::target::Target;
use crate::target::credentials::SecretValue;
use crate::target::module::Module;
use crate::target::secret::Secret;

/// Probes one target. Made once, when all that can be wrong with the target is known.
#[derive(Debug)]
pub struct Prober {
    target: Arc<Target>,
    resolver: Arc<Resolver>,
    tls: Option<Arc<TlsClient>>,
    request: Secret<Request<Full<Bytes>>>,
    wall_clock: WallClock,
    heartbeat: Arc<Heartbeat>,
}

/// What a probe has to keep to.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    started: Instant,
    deadline: Instant,
    /// For how long the runtime had stood still when it started.
    stalled_before: Duration,
}

impl Prober {
    /// Prepares the probing of `target`; `tls` is there if the URL is https or
    /// can become it by a redirect.
    pub fn new(target: Arc<Target>, resolver: Arc<Resolver>, tls: Option<Arc<TlsClient>>) -> Self {
        kernel::hold_stamping();
        Self {
            request: request::build(&target).into(),
            target,
            resolver,
            tls,
            wall_clock: WallClock::default(),
            heartbeat: Arc::default(),
        }
    }

    /// A prober of the same target with the module as its files have it now, and with `tls` if TLS
    /// has a part in them.
    pub fn renewed(&self, module: Arc<Module>, tls: Option<Arc<TlsClient>>) -> Self {
        let target = Arc::new(Target {
            module,
            ..Target::clone(&self.target)
        });
        let tls = self
            .tls
            .as_ref()
            .map(|old| tls.unwrap_or_else(|| old.clone()));
        Self::new(target, self.resolver.clone(), tls)
            .with_wall_clock(self.wall_clock)
            .with_heartbeat(self.heartbeat.clone())
    }

    /// A prober of another target with what this one has for its module.
    pub fn aimed_at(&self, target: impl Into<Arc<Target>>) -> Self {
        Self::new(target.into(), self.resolver.clone(), self.tls.clone())
            .with_wall_clock(self.wall_clock)
            .with_heartbeat(self.heartbeat.clone())
    }

    /// The same prober with this value of `Authorization` instead of any other, as Go's client of OAuth
    /// 2 has it. It stays with the origin of the target.
    pub fn authorized(&self, value: &SecretValue) -> Self {
        let mut request = self.request.clone();
        let headers = request.expose_mut().headers_mut();
        headers.insert(header::AUTHORIZATION, value.expose().clone());
        Self {
            target: self.target.clone(),
            resolver: self.resolver.clone(),
            tls: self.tls.clone(),
            request,
            wall_clock: self.wall_clock,
            heartbeat: self.heartbeat.clone(),
        }
    }

    /// The same prober, knowing when the runtime that it probes on stands still.
    pub fn with_heartbeat(mut self, heartbeat: Arc<Heartbeat>) -> Self {
        self.heartbeat = heartbeat;
        self
    }

    /// The same prober with another wall clock, for tests that step it.
    pub fn with_wall_clock(mut self, wall_clock: WallClock) -> Self {
        self.wall_clock = wall_clock;
        self
    }

    /// The target that it probes.
    pub fn target(&self) -> &Arc<Target> {
        &self.target
    }

    /// Walks the cycle once, for at most the target's timeout. Dropping the future ends all that
    /// the probe started.
    pub async fn probe(&self) -> Attempt {
        self.probe_until(Instant::now() + self.target.timeout).await
    }

    /// Like [`Self::probe`], but not beyond `latest`, when the next probe is due: a target that
    /// never answers would else push its slots back a little every time.
    pub async fn probe_until(&self, latest: Instant) -> Attempt {
        let bounds = self.bounds_until(latest);
        let mut walk = Walk::start(bounds.started, self.wall_clock);
        let walked = timeout_at(bounds.deadline, self.walk(None, &mut walk)).await;
        self.attempt(bounds, walk, walked, Instant::now())
    }

    /// Like [`Self::probe_until`], and tells what the loop has no use for.
    pub async fn probe_in_detail_until(&self, latest: Instant) -> (Attempt, Box<Detail>) {
        let bounds = self.bounds_until(latest);
        let mut walk = Walk::start(bounds.started, self.wall_clock);
        walk.detail = Some(Box::default());
        let walked = timeout_at(bounds.deadline, self.walk(None, &mut walk)).await;
        let detail = walk.detail.take().unwrap_or_default();
        (self.attempt(bounds, walk, walked, Instant::now()), detail)
    }

    /// Looks up the addresses of the target once and walks the rest of the cycle with each that
    /// `choose` takes of those that the module lets be probed, all at once. What failed before there
    /// was an address is of none.
    pub async fn probe_addresses_until(
        &self,
        latest: Instant,
        choose: impl FnOnce(&[IpAddr]) -> Vec<IpAddr>,
    ) -> Vec<(Option<IpAddr>, Attempt)> {
        let bounds = self.bounds_until(latest);
        let mut walk = Walk::start(bounds.started, self.wall_clock);
        let looked_up = timeout_at(bounds.deadline, async {
            let (host, module) = (self.target.url.host(), &self.target.module);
            let addresses = self.look_up(host, module.source_ip, &mut walk).await?;
            connect::candidates(&addresses, module)
        });
        let candidates = match looked_up.await {
            Ok(Ok(candidates)) => candidates,
            failed => {
                let failed = failed.map(|failed| failed.map(drop));
                return vec![(None, self.attempt(bounds, walk, failed, Instant::now()))];
            }
        };
        let probes = choose(&candidates).into_iter().map(|ip| {
            let mut walk = walk.fork();
            async move {
                let walked = timeout_at(bounds.deadline, self.walk(Some(ip), &mut walk)).await;
                (ip, walk, walked, Instant::now())
            }
        });
        // Judged when all have arrived: what takes long would hold up those under way.
        let walks = join_all(probes).await;
        let attempts = walks
            .into_iter()
            .map(|(ip, walk, walked, ended)| (Some(ip), self.attempt(bounds, walk, walked, ended)));
        attempts.collect()
    }

    fn bounds_until(&self, latest: Instant) -> Bounds {
        let started = Instant::now();
        Bounds {
            stalled_before: self.heartbeat.stalled(),
            started,
            deadline: latest.min(started + self.target.timeout),
        }
    }

    /// What came of a walk that is over since `ended`.
    fn attempt(
        &self,
        bounds: Bounds,
        mut walk: Walk,
        walked: Result<Result<(), Stop>, Elapsed>,
        ended: Instant,
    ) -> Attempt {
        let Bounds {
            stalled_before,
            started,
            deadline,
        } = bounds;
        let stop = match walked {
            Ok(Ok(())) => {
                walk.end(Arrival::by_user(ended));
                None
            }
            Ok(Err(stop)) => {
                walk.end(Arrival::by_user(ended));
                Some(stop)
            }
            Err(_) => {
                let reason = walk.timeout_reason();
                // The phase was cut at the deadline; what it took to notice is overhead.
                walk.end(Arrival::by_user(ended.min(deadline)));
                Some(
                    reason.map_or(Stop::Skipped(SkipReason::Overload), |reason| {
                        let granted = deadline.saturating_duration_since(started);
                        Stop::failed(reason, format!("not done after {granted:?}"))
                    }),
                )
            }
        };
        match stop {
            // A conflict that was seen counts, whatever became of its body and by whose fault.
            Some(Stop::Skipped(reason)) if walk.has_conflict() => {
                let detail = format!("the exporter could not go on: {}", reason.label());
                let failure = Failure {
                    reason: Reason::TransferOther,
                    detail,
                };
                Attempt::Finished(self.outcome(walk, Some(failure), ended))
            }
            Some(Stop::Skipped(reason)) => Attempt::Skipped(reason),
            Some(Stop::Failed(failure))
                if !walk.has_conflict()
                    && self.is_own_slowness(
                        &failure,
                        walk.lost_before_last_phase(deadline)
                            + (started + self.target.timeout).saturating_duration_since(deadline),
                        stalled_before,
                    ) =>
            {
                Attempt::Skipped(SkipReason::Overload)
            }
            Some(Stop::Failed(failure)) => {
                Attempt::Finished(self.outcome(walk, Some(failure), ended))
            }
            None => Attempt::Finished(self.outcome(walk, None, ended)),
        }
    }

    /// Whether a failure can come of the exporter's own slowness: if it `lost` more than a tenth of
    /// the timeout, by starting late, before the phase that failed or beyond the deadline, or stood
    /// still for as long while both sides had to act.
    fn is_own_slowness(&self, failure: &Failure, lost: Duration, stalled_before: Duration) -> bool {
        let tolerated = self.target.timeout / 10;
        let stalled = self.heartbeat.stalled().saturating_sub(stalled_before);
        failure.reason.may_come_of_slowness()
            && (lost > tolerated || (failure.reason.needs_both_sides() && stalled > tolerated))
    }

    /// The beginning of a text that a peer may have a part in, without the secrets of the requests.
    fn masked(&self, text: &str) -> String {
        echo::masked(text, &self.target, self.request.expose().headers())
    }

    /// Finds the reason of a conflict, if the module has a rule, and says it in words, if there is
    /// one. The phases are over, so that this is no part of them.
    fn explain(&self, conflict: &mut Conflict, evidence: &Evidence) -> Option<String> {
        /// So much of a value that is not listed is shown that an operator can list it.
        const SHOWN_CHARS: usize = 80;
        let module = &self.target.module;
        let rule = module.conflict_reason.as_ref()?;
        let value = evidence.value(&rule.source);
        conflict.reason = rule.reasons.of(value.as_deref());
        let label = module.conflict_label(conflict.reason);
        match conflict.reason {
            ConflictReason::Unspecified => None,
            ConflictReason::Listed(_) => Some(format!(", reason {label}")),
            ConflictReason::Other => {
                // Before it is cut and quoted: a piece of a secret does not look like one.
                let value = self.masked(&String::from_utf8_lossy(value.as_deref()?));
                let shown: String = value.chars().take(SHOWN_CHARS).collect();
                Some(format!(", reason {label}: {shown:?}"))
            }
        }
    }

    /// Judges what arrived. An unexpected conflict is a failure of its status whatever became of
    /// its body.
    fn outcome(&self, mut walk: Walk, failure: Option<Failure>, ended: Instant) -> Outcome {
        let began = Instant::now();
        let mut response = walk.response.take();
        let (judged, judgement) = match &response {
            Some(response) => judge(&self.target, response, &mut walk, failure.as_ref()),
            None => (failure.clone(), Judgement::default()),
        };
        let conflict = response
            .as_mut()
            .and_then(|response| response.conflict.as_mut());
        let why = conflict.and_then(|conflict| self.explain(conflict, &walk.evidence));
        let cert_expiry = walk.cert_expiry;
        let failure = match response {
            Some(response) if response.conflict.is_some_and(|conflict| !conflict.expected) => {
                let why = why.unwrap_or_default();
                let also = failure.map(|failure| format!(", then: {}", failure.detail));
                let also = also.unwrap_or_default();
                Some(Failure {
                    reason: Reason::ValidateStatus,
                    detail: format!("status {}{why}{also}", response.code),
                })
            }
            _ => judged,
        };
        let failure = failure.map(|failure| Failure {
            detail: self.masked(&failure.detail),
            ..failure
        });
        Outcome {
            started: walk.started_at(),
            connection: walk.connection,
            // The judging is overhead; the wait for other addresses is not of this probe.
            timeline: walk.finish(ended + began.elapsed()),
            response,
            cert_expiry,
            judgement,
            failure,
        }
    }
}

#[cfg(test)]
mod tests;
