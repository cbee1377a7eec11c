//! One probe: the walk of one target through the HTTP cycle, under one deadline.

pub mod arrival;
mod conflict;
mod connect;
mod detail;
pub mod dns;
mod exchange;
mod head;
pub mod heartbeat;
mod json;
mod kernel;
mod request;
mod socket;
mod stop;
pub mod tls;
mod validate;
mod walk;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::time::Instant;
use tokio::time::timeout_at;

use crate::outcome::Attempt;
use crate::outcome::Conflict;
use crate::outcome::ConflictReason;
use crate::outcome::Failure;
use crate::outcome::Outcome;
use crate::outcome::detail::Detail;
use crate::outcome::phase::Phase;
use crate::outcome::reason::Reason;
use crate::outcome::skip::SkipReason;
use crate::probe::arrival::Arrival;
use crate::probe::arrival::WallClock;
use crate::probe::conflict::Evidence;
use crate::probe::dns::Addresses;
use crate::probe::dns::Resolver;
use crate::probe::exchange::Stream;
use crate::probe::exchange::exchange;
use crate::probe::heartbeat::Heartbeat;
use crate::probe::socket::ProbeSocket;
use crate::probe::stop::Stop;
use crate::probe::tls::TlsClient;
use crate::probe::validate::validate;
use crate::probe::walk::Walk;
use crate::target::Target;
use crate::target::address::Hostname;

/// Probes one target. Made once, when all that can be wrong with the target is known.
#[derive(Debug)]
pub struct Prober {
    target: Arc<Target>,
    resolver: Arc<Resolver>,
    tls: Option<Arc<TlsClient>>,
    request: Request<Full<Bytes>>,
    wall_clock: WallClock,
    heartbeat: Arc<Heartbeat>,
}

impl Prober {
    /// Prepares the probing of `target`; `tls` is there if the URL is https.
    pub fn new(target: Arc<Target>, resolver: Arc<Resolver>, tls: Option<Arc<TlsClient>>) -> Self {
        kernel::hold_stamping();
        Self {
            request: request::build(&target),
            target,
            resolver,
            tls,
            wall_clock: WallClock::default(),
            heartbeat: Arc::default(),
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
        let (attempt, _) = self.attempt(latest, None).await;
        attempt
    }

    /// Like [`Self::probe`], and tells what the loop has no use for.
    pub async fn probe_in_detail(&self) -> (Attempt, Box<Detail>) {
        let latest = Instant::now() + self.target.timeout;
        let (attempt, detail) = self.attempt(latest, Some(Box::default())).await;
        let mut detail = detail.unwrap_or_default();
        detail.judge(&attempt);
        (attempt, detail)
    }

    async fn attempt(
        &self,
        latest: Instant,
        detail: Option<Box<Detail>>,
    ) -> (Attempt, Option<Box<Detail>>) {
        let stalled_before = self.heartbeat.stalled();
        let started = Instant::now();
        let deadline = latest.min(started + self.target.timeout);
        let mut walk = Walk::start(started, self.wall_clock);
        walk.detail = detail;
        let walked = timeout_at(deadline, self.walk(&mut walk)).await;
        let now = Instant::now();
        let stop = match walked {
            Ok(Ok(())) => {
                walk.end(Arrival::by_user(now));
                None
            }
            Ok(Err(stop)) => {
                walk.end(Arrival::by_user(now));
                Some(stop)
            }
            Err(_) => {
                let reason = walk.timeout_reason();
                // The phase was cut at the deadline; what it took to notice is overhead.
                walk.end(Arrival::by_user(now.min(deadline)));
                Some(
                    reason.map_or(Stop::Skipped(SkipReason::Overload), |reason| {
                        let granted = deadline.saturating_duration_since(started);
                        Stop::failed(reason, format!("not done after {granted:?}"))
                    }),
                )
            }
        };
        let detail = walk.detail.take();
        let attempt = match stop {
            Some(Stop::Skipped(reason)) => Attempt::Skipped(reason),
            // A conflict that was seen counts, whatever became of its body and by whose fault.
            Some(Stop::Failed(failure))
                if !walk.has_conflict()
                    && self.is_own_slowness(
                        &failure,
                        walk.lost_before_last_phase()
                            + (started + self.target.timeout).saturating_duration_since(deadline),
                        stalled_before,
                    ) =>
            {
                Attempt::Skipped(SkipReason::Overload)
            }
            Some(Stop::Failed(failure)) => Attempt::Finished(self.outcome(walk, Some(failure))),
            None => Attempt::Finished(self.outcome(walk, None)),
        };
        (attempt, detail)
    }

    /// Whether a failure can come of the exporter's own slowness: if it `lost` more than a tenth of
    /// the timeout, by starting late or before the phase that failed, or stood still for as long
    /// while both sides had to act.
    fn is_own_slowness(&self, failure: &Failure, lost: Duration, stalled_before: Duration) -> bool {
        let tolerated = self.target.timeout / 10;
        let stalled = self.heartbeat.stalled().saturating_sub(stalled_before);
        failure.reason.may_come_of_slowness()
            && (lost > tolerated || (failure.reason.needs_both_sides() && stalled > tolerated))
    }

    async fn walk(&self, walk: &mut Walk) -> Result<(), Stop> {
        let url = &self.target.url;
        let module = &self.target.module;
        let addresses = self.look_up(walk).await?;
        let choice = connect::choose(&addresses, module)?;
        let stream = connect::connect(choice, url.port(), walk).await?;
        let stream = match &self.tls {
            None => Stream::Plain(ProbeSocket::new(stream, walk.wire.clone())),
            Some(tls) => {
                let host = self.server_name();
                Stream::Tls(Box::new(tls.handshake(stream, &host, walk).await?))
            }
        };
        exchange(stream, self.request.clone(), module, walk).await
    }

    async fn look_up(&self, walk: &mut Walk) -> Result<Addresses, Stop> {
        let name = match self.target.url.host() {
            Hostname::Ip(ip) => return Ok(Addresses::literal(*ip)),
            Hostname::Name(name) => name,
        };
        walk.begin(Phase::Dns, Instant::now());
        let looked_up = self.resolver.lookup(name, self.wall_clock).await;
        match looked_up.addresses {
            Err(Stop::Skipped(_)) => walk.forget_phase(),
            Ok(_) | Err(Stop::Failed(_)) => walk.end(looked_up.known),
        }
        looked_up.addresses
    }

    /// The name to ask for in TLS: as in blackbox_exporter a `Host` header wins over the URL.
    fn server_name(&self) -> String {
        let header = self.request.headers().get(http::header::HOST);
        let authority = header.and_then(|value| value.to_str().ok()?.parse().ok());
        authority.map_or_else(
            || self.target.url.host().to_string(),
            |authority: http::uri::Authority| {
                let host = authority.host();
                host.trim_matches(['[', ']']).to_owned()
            },
        )
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
                let value = String::from_utf8_lossy(value.as_deref()?);
                let shown: String = value.chars().take(SHOWN_CHARS).collect();
                Some(format!(", reason {label}: {shown:?}"))
            }
        }
    }

    /// Judges what arrived. An unexpected conflict is a failure of its status whatever became of
    /// its body.
    fn outcome(&self, mut walk: Walk, failure: Option<Failure>) -> Outcome {
        let mut response = walk.response.take();
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
            Some(response) if failure.is_none() => validate(&self.target, &response, &walk.headers),
            _ => failure,
        };
        Outcome {
            started: walk.started_at(),
            connection: walk.connection,
            timeline: walk.finish(Instant::now()),
            response,
            cert_expiry,
            failure,
        }
    }
}
