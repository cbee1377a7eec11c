//! The walk of one probe through the cycle: which phase runs, and what to make of an early end.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use http::HeaderMap;
use tokio::time::Instant;

use crate::outcome::Endpoints;
use crate::outcome::Response;
use crate::outcome::detail::Detail;
use crate::outcome::detail::Way;
use crate::outcome::phase::Phase;
use crate::outcome::reason::Reason;
use crate::outcome::timeline::Span;
use crate::outcome::timeline::Timeline;
use crate::probe::arrival::Arrival;
use crate::probe::arrival::WallClock;
use crate::probe::body::RawBody;
use crate::probe::conflict::Evidence;
use crate::probe::wire::Wire;

/// The state of one probe, kept outside the future that walks, so that it survives the cutting of
/// that future at the deadline.
#[derive(Debug)]
pub struct Walk {
    started: Instant,
    started_at: SystemTime,
    stage: Stage,
    hop: u8,
    timeline: Timeline,
    wall_clock: WallClock,
    /// The marks of the connection.
    pub wire: Arc<Wire>,
    /// Both ends of the connection.
    pub connection: Option<Endpoints>,
    /// When the first certificate of the presented chain expires, in seconds since 1970.
    pub cert_expiry: Option<i64>,
    /// Whether a redirect led to another origin.
    pub left_origin: bool,
    /// Whether the connection is one of TLS with the target.
    pub over_tls: bool,
    /// The final response, from the moment that its head is complete.
    pub response: Option<Response>,
    /// The headers of the final response, if the module has checks for them.
    pub headers: HeaderMap,
    /// The body of the final response.
    pub body: RawBody,
    /// What of a conflict may tell its reason.
    pub evidence: Evidence,
    /// What else is to be told, if anybody asked.
    pub detail: Option<Box<Detail>>,
}

/// Where the walk stands.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// In no phase: the exporter's own work.
    Between,
    /// In a phase that began then.
    Phase(Phase, Instant),
    /// Between request and response, where the marks tell the phase.
    Exchange,
}

impl Walk {
    /// Starts the walk.
    pub fn start(now: Instant, wall_clock: WallClock) -> Self {
        Self {
            started: now,
            started_at: (wall_clock.0)(),
            stage: Stage::Between,
            hop: 0,
            timeline: Timeline::new(),
            wall_clock,
            wire: Arc::new(Wire::new(wall_clock)),
            connection: None,
            cert_expiry: None,
            left_origin: false,
            over_tls: false,
            response: None,
            headers: HeaderMap::new(),
            body: RawBody::default(),
            evidence: Evidence::default(),
            detail: None,
        }
    }

    /// The same walk so far, on another connection: where one look-up leads to several addresses.
    pub fn fork(&self) -> Self {
        Self {
            timeline: self.timeline.clone(),
            started_at: self.started_at,
            ..Self::start(self.started, self.wall_clock)
        }
    }

    /// The wall clock at the start.
    pub fn started_at(&self) -> SystemTime {
        self.started_at
    }

    /// Notes the address that is about to be tried.
    pub fn note_address(&mut self, ip: IpAddr) {
        if let Some(detail) = &mut self.detail {
            detail.connecting_to(ip, self.hop);
        }
    }

    /// Notes that the first request goes through a proxy, and what is known of where it leads.
    pub fn note_proxy(&mut self, ip: Option<IpAddr>, skips_look_up: bool) {
        if let Some(detail) = self.detail.as_mut().filter(|_| self.hop == 0) {
            detail.way = Way::Proxy { skips_look_up };
            detail.ip = ip;
        }
    }

    /// Begins the request that a redirect asks for, on a connection of its own. What the response
    /// before it left is forgotten: only the final one counts.
    pub fn begin_hop(&mut self) {
        self.hop = self.hop.saturating_add(1);
        self.wire = Arc::new(Wire::new(self.wall_clock));
        self.response = None;
        self.headers = HeaderMap::new();
        self.evidence = Evidence::default();
    }

    /// How many redirects led to the request under way.
    pub fn n_redirects(&self) -> u8 {
        self.hop
    }

    /// Begins a phase.
    pub fn begin(&mut self, phase: Phase, at: Instant) {
        self.stage = Stage::Phase(phase, at);
    }

    /// Begins the exchange, whose three phases are made from the marks of the wire.
    pub fn begin_exchange(&mut self) {
        self.forget_writes();
        self.stage = Stage::Exchange;
    }

    /// Forgets what was written before, so that the next write begins what comes next.
    pub fn forget_writes(&self) {
        let mut marks = self.wire.marks();
        (marks.first_write, marks.last_write) = (None, None);
    }

    /// Ends whatever runs: a phase at `at`, the phases of an exchange where the marks say, and the
    /// one of them that is not over at `at`.
    pub fn end(&mut self, at: Arrival) {
        match std::mem::replace(&mut self.stage, Stage::Between) {
            Stage::Between => {}
            Stage::Phase(phase, from) => self.push(phase, from, at),
            Stage::Exchange => self.end_exchange(at),
        }
    }

    /// Leaves the phase that runs as if it had never begun.
    pub fn forget_phase(&mut self) {
        self.stage = Stage::Between;
    }

    fn push(&mut self, phase: Phase, from: Instant, to: Arrival) {
        let since_start = |at: Instant| at.saturating_duration_since(self.started);
        self.timeline.push(Span {
            phase,
            start: since_start(from),
            end: since_start(to.at),
            hop: self.hop,
            clock: to.clock,
        });
    }

    fn end_exchange(&mut self, at: Arrival) {
        let wire = self.wire.clone();
        let marks = wire.marks();
        let first_byte = marks.head.first_byte();
        let Some(first_write) = marks.first_write else {
            // Over before the request could be written: where it failed has a sample, of no time.
            match first_byte {
                Some(first_byte) => self.push(Phase::Transfer, first_byte.at, at),
                None => self.push(Phase::FirstByte, at.at, at),
            }
            return;
        };
        // A server may answer what it has not read to its end: nobody waited for that answer.
        let early = first_byte.filter(|byte| marks.request_out.is_none_or(|out| byte.at < out));
        let in_one_piece = marks.request_out == Some(first_write);
        let waiting_from = match early.filter(|_| !in_one_piece) {
            Some(early) => {
                self.push(Phase::Send, first_write, early);
                None
            }
            None if marks.last_write.is_some() => {
                let sent = marks.request_out.map_or(at, Arrival::by_user);
                self.push(Phase::Send, first_write, sent);
                marks.request_out
            }
            // The kernel took nothing, which counts as a failure to get a first byte.
            None => Some(first_write),
        };
        if let Some(from) = waiting_from {
            self.push(Phase::FirstByte, from, first_byte.unwrap_or(at));
        }
        if let Some(first_byte) = first_byte {
            self.push(Phase::Transfer, first_byte.at, at);
        }
    }

    /// The reason of a walk that was cut at its deadline; `None` if no phase ran, so that the time
    /// was spent by the exporter.
    pub fn timeout_reason(&self) -> Option<Reason> {
        match self.stage {
            Stage::Between => None,
            Stage::Phase(Phase::Dns, _) => Some(Reason::DnsTimeout),
            Stage::Phase(Phase::Connect, _) => Some(Reason::ConnectTimeout),
            Stage::Phase(Phase::Tls, _) => Some(Reason::TlsTimeout),
            Stage::Phase(Phase::Send | Phase::FirstByte | Phase::Transfer, _) | Stage::Exchange => {
                let marks = self.wire.marks();
                Some(if marks.head.is_complete() {
                    Reason::TransferBodyTimeout
                } else if marks.head.first_byte().is_some() {
                    marks.head.timeout_reason()
                } else if let Some(reason) = marks.head.why_silent() {
                    reason
                } else if marks.last_write.is_some() && marks.request_out.is_none() {
                    Reason::SendTimeout
                } else {
                    Reason::FirstByteTimeout
                })
            }
        }
    }

    /// Whether the head of a conflict has arrived.
    pub fn has_conflict(&self) -> bool {
        self.response
            .is_some_and(|response| response.conflict.is_some())
    }

    /// How much of the probe had gone to the exporter's own work when its last phase began, or by how
    /// much that was after `deadline`, so that nobody had looked when the probe was to be cut.
    pub fn lost_before_last_phase(&self, deadline: Instant) -> Duration {
        let last = self.timeline.spans().last();
        let began = self.started + last.map_or(Duration::ZERO, |span| span.start);
        let late = began.saturating_duration_since(deadline);
        self.timeline.lost_before_last().max(late)
    }

    /// Ends the probe and hands over its timeline.
    pub fn finish(mut self, now: Instant) -> Timeline {
        self.timeline
            .finish(now.saturating_duration_since(self.started));
        self.timeline
    }
}
