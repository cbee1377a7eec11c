//! One probe in as few bytes as hold it: twenty each of ten thousand targets are in memory.

use std::net::SocketAddr;
use std::net::SocketAddrV4;
use std::num::NonZeroU16;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use crate::outcome::ConflictReason;
use crate::outcome::Endpoints;
use crate::outcome::Failure;
use crate::outcome::Outcome;
use crate::outcome::Verdict;
use crate::outcome::phase::Phase;
use crate::outcome::reason::Reason;
use crate::outcome::timeline::Clock;
use crate::outcome::timeline::Span;

/// A probe that finished.
#[derive(Debug)]
pub struct ProbeRecord {
    /// How many probes of the target were before it; begins anew after 2^32.
    pub number: u32,
    /// How it ended.
    pub verdict: Verdict,
    /// The reason of the conflict, if the response was one, expected or not.
    pub conflict: Option<ConflictReason>,
    /// Where and why it failed.
    pub failure: Option<Box<FailureRecord>>,
    // Never 0, which saves the space that an `Option` would take.
    code: Option<NonZeroU16>,
    started: u64,
    lag: u64,
    duration: u64,
    ends: Ends,
    spans: Box<[SmallSpan]>,
}

/// Where and why a probe failed.
#[derive(Debug)]
pub struct FailureRecord {
    /// The reason, which also says where.
    pub reason: Reason,
    /// The same in words, fit to be shown.
    pub detail: Box<str>,
}

impl ProbeRecord {
    /// Records probe `number` of its target, which started `lag` after it was meant to.
    pub fn new(number: u32, outcome: &Outcome, lag: Duration) -> Self {
        let response = outcome.response.as_ref();
        let since_1970 = outcome.started.duration_since(UNIX_EPOCH);
        Self {
            number,
            code: response.and_then(|response| NonZeroU16::new(response.code)),
            verdict: outcome.verdict(),
            conflict: response
                .and_then(|response| response.conflict)
                .map(|conflict| conflict.reason),
            failure: outcome.failure.as_ref().map(FailureRecord::boxed),
            started: nanoseconds(since_1970.unwrap_or_default()),
            lag: nanoseconds(lag),
            duration: nanoseconds(outcome.timeline.total()),
            ends: Ends::new(outcome.connection),
            spans: outcome.timeline.spans().iter().map(SmallSpan::of).collect(),
        }
    }

    /// The status code as sent, `None` without a response.
    pub fn code(&self) -> Option<u16> {
        self.code.map(NonZeroU16::get)
    }

    /// The wall clock at its start.
    pub fn started(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(self.started)
    }

    /// The wall clock when it was meant to start.
    pub fn intended(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(self.started.saturating_sub(self.lag))
    }

    /// How long the whole probe took.
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.duration)
    }

    /// The time inside the probe that belongs to no phase.
    pub fn overhead(&self) -> Duration {
        let in_phases = self.spans().map(|span| span.duration()).sum();
        self.duration().saturating_sub(in_phases)
    }

    /// The phases that ran, in order.
    pub fn spans(&self) -> impl Iterator<Item = Span> {
        self.spans.iter().map(SmallSpan::span)
    }

    /// Both ends of the last connection, once there was one.
    pub fn connection(&self) -> Option<Endpoints> {
        match &self.ends {
            Ends::None => None,
            Ends::V4(local, remote) => Some(Endpoints {
                local: SocketAddr::V4(*local),
                remote: SocketAddr::V4(*remote),
            }),
            Ends::Other(endpoints) => Some(**endpoints),
        }
    }
}

impl FailureRecord {
    fn boxed(failure: &Failure) -> Box<Self> {
        Box::new(Self {
            reason: failure.reason,
            detail: failure.printable_detail().into(),
        })
    }
}

/// The nanoseconds in a duration; five centuries are as good as more.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Both ends of a connection. Those of IPv6 take more than all the rest, so they stand elsewhere.
#[derive(Debug)]
enum Ends {
    None,
    V4(SocketAddrV4, SocketAddrV4),
    Other(Box<Endpoints>),
}

impl Ends {
    fn new(connection: Option<Endpoints>) -> Self {
        match connection {
            None => Self::None,
            Some(Endpoints {
                local: SocketAddr::V4(local),
                remote: SocketAddr::V4(remote),
            }) => Self::V4(local, remote),
            Some(endpoints) => Self::Other(Box::new(endpoints)),
        }
    }
}

/// A span of 17 bytes instead of 40.
#[derive(Debug)]
struct SmallSpan {
    start: Offset,
    end: Offset,
    phase: Phase,
    hop: u8,
    clock: Clock,
}

impl SmallSpan {
    fn of(span: &Span) -> Self {
        Self {
            start: Offset::of(span.start),
            end: Offset::of(span.end),
            phase: span.phase,
            hop: span.hop,
            clock: span.clock,
        }
    }

    fn span(&self) -> Span {
        Span {
            phase: self.phase,
            start: self.start.duration(),
            end: self.end.duration(),
            hop: self.hop,
            clock: self.clock,
        }
    }
}

/// Nanoseconds since the start of a probe in seven bytes, which last for 833 days.
#[derive(Debug)]
struct Offset([u8; 7]);

impl Offset {
    fn of(duration: Duration) -> Self {
        const MAX: u64 = (1 << 56) - 1;
        let [bytes @ .., _] = nanoseconds(duration).min(MAX).to_le_bytes();
        Self(bytes)
    }

    fn duration(&self) -> Duration {
        let [a, b, c, d, e, f, g] = self.0;
        Duration::from_nanos(u64::from_le_bytes([a, b, c, d, e, f, g, 0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Conflict;
    use crate::outcome::HttpVersion;
    use crate::outcome::Response;
    use crate::outcome::timeline::Timeline;

    fn outcome() -> Outcome {
        let mut timeline = Timeline::new();
        let mut end = Duration::from_nanos(7);
        for (hop, phase) in (0..).zip(Phase::ALL) {
            let start = end + Duration::from_nanos(3);
            end = start + Duration::from_nanos(1 << (8 * hop));
            timeline.push(Span {
                hop,
                clock: Clock::Kernel,
                ..Span::new(phase, start, end)
            });
        }
        timeline.finish(end + Duration::from_nanos(11));
        Outcome {
            started: UNIX_EPOCH + Duration::new(1_800_000_000, 123_456_789),
            timeline,
            connection: None,
            response: Some(Response {
                code: 409,
                version: HttpVersion::Http11,
                conflict: Some(Conflict {
                    expected: false,
                    reason: ConflictReason::Other,
                }),
                body_bytes: 5,
                redirects: 1,
            }),
            cert_expiry: None,
            failure: Some(Failure {
                reason: Reason::ValidateStatus,
                detail: "status 409\r\n".to_owned(),
            }),
        }
    }

    #[test]
    fn what_goes_in_comes_out() {
        let mut outcome = outcome();
        let lag = Duration::from_nanos(456_789);
        for connection in [
            None,
            Some(("127.0.0.1:1", "192.0.2.255:65535")),
            Some(("[::1]:1", "[fe80::1%3]:443")),
        ] {
            outcome.connection = connection.map(|(local, remote)| Endpoints {
                local: local.parse().unwrap(),
                remote: remote.parse().unwrap(),
            });
            let record = ProbeRecord::new(3, &outcome, lag);
            assert_eq!(record.connection(), outcome.connection);
            assert_eq!(record.started(), outcome.started);
            assert_eq!(record.intended() + lag, outcome.started);
            assert_eq!(record.duration(), outcome.timeline.total());
            assert_eq!(record.overhead(), outcome.timeline.overhead());
            assert!(record.spans().eq(outcome.timeline.spans().iter().copied()));
            assert_eq!(record.code(), Some(409));
            assert_eq!(record.verdict, Verdict::Conflict);
            assert_eq!(record.conflict, Some(ConflictReason::Other));
            let failure = record.failure.unwrap();
            assert_eq!(failure.reason, Reason::ValidateStatus);
            assert_eq!(&*failure.detail, "status 409\u{fffd}\u{fffd}");
        }
    }

    #[test]
    fn times_out_of_range_are_cut() {
        let mut outcome = outcome();
        outcome.started = UNIX_EPOCH - Duration::from_secs(1);
        let record = ProbeRecord::new(0, &outcome, Duration::MAX);
        assert_eq!(record.started(), UNIX_EPOCH);
        assert_eq!(record.intended(), UNIX_EPOCH);
    }

    #[test]
    fn a_record_is_small() {
        assert!(
            size_of::<ProbeRecord>() <= 72,
            "{}",
            size_of::<ProbeRecord>()
        );
        assert_eq!(size_of::<SmallSpan>(), 17);
        assert_eq!(size_of::<Ends>(), 16);
    }
}
