//! One probe in as few bytes as hold it: twenty each of ten thousand targets are in memory.

use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use crate::history::bytes::Reader;
use crate::history::bytes::put;
use crate::history::bytes::put_address;
use crate::outcome::ConflictReason;
use crate::outcome::Endpoints;
use crate::outcome::Failure;
use crate::outcome::Outcome;
use crate::outcome::Verdict;
use crate::outcome::phase::Phase;
use crate::outcome::reason::Reason;
use crate::outcome::timeline::Clock;
use crate::outcome::timeline::Span;
use crate::target::conflict::OTHER;
use crate::target::conflict::UNSPECIFIED;
use crate::target::module::Module;

const CLOCKS: [Clock; 3] = [Clock::Kernel, Clock::User, Clock::Fallback];

/// A probe that finished, packed. Copies share the bytes.
#[derive(Clone, Debug)]
pub struct ProbeRecord(Arc<[u8]>);

/// A probe that finished, unpacked.
#[derive(Clone, Debug)]
pub struct Probe {
    /// How it ended.
    pub verdict: Verdict,
    /// How many probes of the target were before it; begins anew after 2^32.
    pub number: u32,
    /// The wall clock when it was meant to start.
    pub intended: SystemTime,
    /// The wall clock at its start.
    pub started: SystemTime,
    /// How long the whole probe took.
    pub duration: Duration,
    /// Both ends of the last connection, once there was one.
    pub connection: Option<Endpoints>,
    /// The status code as sent, `None` without a response.
    pub code: Option<u16>,
    /// The reason of the conflict by its name, if the response was one, expected or not.
    pub conflict: Option<String>,
    /// The phases that ran, in order.
    pub spans: Vec<Span>,
    /// Where and why it failed, in words that are fit to be shown.
    pub failure: Option<Failure>,
}

impl Probe {
    /// The time inside the probe that belongs to no phase.
    pub fn overhead(&self) -> Duration {
        let in_phases = self.spans.iter().map(Span::duration).sum();
        self.duration.saturating_sub(in_phases)
    }
}

impl ProbeRecord {
    /// Packs probe `number` of a target with this module, which started `lag` after it was meant to.
    pub fn new(number: u32, outcome: &Outcome, module: &Module, lag: Duration) -> Self {
        let out = &mut Vec::with_capacity(128);
        put(out, outcome.verdict() as u64);
        put(out, number.into());
        let since_1970 = outcome.started.duration_since(UNIX_EPOCH);
        put(out, nanoseconds(since_1970.unwrap_or_default()));
        put(out, nanoseconds(lag));
        put(out, nanoseconds(outcome.timeline.total()));
        put(
            out,
            match outcome.connection {
                None => 0,
                Some(Endpoints { local: None, .. }) => 1,
                Some(Endpoints { local: Some(_), .. }) => 2,
            },
        );
        if let Some(ends) = outcome.connection {
            put_address(out, ends.remote);
            if let Some(local) = ends.local {
                put_address(out, local);
            }
        }
        let response = outcome.response.as_ref();
        put(out, response.map_or(0, |response| response.code.into()));
        let conflict = response.and_then(|response| response.conflict);
        put_reason(out, conflict.map(|conflict| conflict.reason), module);
        put_spans(out, outcome.timeline.spans());
        let failure = outcome.failure.as_ref();
        put(out, failure.map_or(0, |failure| failure.reason as u64 + 1));
        if let Some(failure) = failure {
            out.extend(failure.printable_detail().as_bytes());
        }
        Self(Arc::from(out.as_slice()))
    }

    /// How it ended and its number, without the rest.
    pub fn verdict_and_number(&self) -> (Verdict, u32) {
        let reader = &mut Reader(&self.0);
        let front = reader.one_of(&Verdict::ALL).zip(reader.small());
        front.expect("a record begins with them")
    }

    /// Unpacks it.
    pub fn probe(&self) -> Probe {
        read(&mut Reader(&self.0)).expect("a record is read as it was written")
    }
}

/// Appends a reason. One of the module's own goes in as its name, of which 2 and its length tell:
/// the module may have other reasons when it is read.
fn put_reason(out: &mut Vec<u8>, reason: Option<ConflictReason>, module: &Module) {
    match reason {
        None => put(out, 0),
        Some(ConflictReason::Unspecified) => put(out, 1),
        Some(ConflictReason::Other) => put(out, 2),
        Some(reason @ ConflictReason::Listed(_)) => {
            let name = module.conflict_label(reason);
            put(out, name.len() as u64 + 2);
            out.extend(name.as_bytes());
        }
    }
}

/// Reads a reason that may not be there.
fn read_reason(reader: &mut Reader<'_>) -> Option<Option<String>> {
    Some(match reader.small::<usize>()? {
        0 => None,
        1 => Some(UNSPECIFIED.to_owned()),
        2 => Some(OTHER.to_owned()),
        length => {
            let name = reader.bytes(length - 2)?;
            Some(str::from_utf8(name).ok()?.to_owned())
        }
    })
}

/// Appends the phases, each with the time since the one before.
fn put_spans(out: &mut Vec<u8>, spans: &[Span]) {
    put(out, spans.len() as u64);
    let mut end = Duration::ZERO;
    for span in spans {
        // One number, for the first requests of a probe one byte.
        put(
            out,
            u64::from(span.hop) << 5 | (span.clock as u64) << 3 | span.phase as u64,
        );
        put(out, nanoseconds(span.start.saturating_sub(end)));
        put(out, nanoseconds(span.duration()));
        end = span.end;
    }
}

fn read(reader: &mut Reader<'_>) -> Option<Probe> {
    let verdict = reader.one_of(&Verdict::ALL)?;
    let number = reader.small()?;
    let started = reader.number()?;
    let intended = started.saturating_sub(reader.number()?);
    let duration = reader.number()?;
    let connection = match reader.number()? {
        0 => None,
        ends => Some(Endpoints {
            remote: reader.address()?,
            local: match ends {
                1 => None,
                _ => Some(reader.address()?),
            },
        }),
    };
    let code = Some(reader.small()?).filter(|code| *code != 0);
    let conflict = read_reason(reader)?;
    let mut spans = Vec::with_capacity(Phase::COUNT);
    let mut end = Duration::ZERO;
    for _ in 0..reader.number()? {
        let span = read_span(reader, end)?;
        end = span.end;
        spans.push(span);
    }
    let failure = match reader.small::<usize>()? {
        0 => None,
        index => Some(Failure {
            reason: *Reason::ALL.get(index - 1)?,
            detail: str::from_utf8(reader.0).ok()?.to_owned(),
        }),
    };
    Some(Probe {
        verdict,
        number,
        intended: UNIX_EPOCH + Duration::from_nanos(intended),
        started: UNIX_EPOCH + Duration::from_nanos(started),
        duration: Duration::from_nanos(duration),
        connection,
        code,
        conflict,
        spans,
        failure,
    })
}

/// Reads a phase that began not before `earliest`.
fn read_span(reader: &mut Reader<'_>, earliest: Duration) -> Option<Span> {
    let kind = reader.small::<usize>()?;
    let start = earliest + Duration::from_nanos(reader.number()?);
    Some(Span {
        phase: *Phase::ALL.get(kind & 0b111)?,
        clock: *CLOCKS.get(kind >> 3 & 0b11)?,
        hop: u8::try_from(kind >> 5).ok()?,
        start,
        end: start + Duration::from_nanos(reader.number()?),
    })
}

/// The nanoseconds in a duration; five centuries are as good as more.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Conflict;
    use crate::outcome::HttpVersion;
    use crate::outcome::Response;
    use crate::outcome::judgement::Judgement;
    use crate::outcome::timeline::Timeline;
    use crate::target::conflict::ReasonRule;
    use crate::target::conflict::Reasons;
    use crate::target::conflict::Source;
    use crate::target::pointer::JsonPointer;

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
                is_redirect: false,
                left_origin: false,
                over_tls: false,
            }),
            cert_expiry: None,
            judgement: Judgement::default(),
            failure: Some(Failure {
                reason: Reason::ValidateStatus,
                detail: "status 409\r\n".to_owned(),
            }),
        }
    }

    #[test]
    fn what_goes_in_comes_out() {
        let mut outcome = outcome();
        let module = Module::http_2xx();
        let lag = Duration::from_nanos(456_789);
        for connection in [
            None,
            Some((None, "192.0.2.255:1")),
            Some((Some("127.0.0.1:1"), "192.0.2.255:65535")),
            Some((Some("[::1]:1"), "[fe80::1%3]:443")),
        ] {
            outcome.connection = connection.map(|(local, remote)| Endpoints {
                local: local.map(|local: &str| local.parse().unwrap()),
                remote: remote.parse().unwrap(),
            });
            let record = ProbeRecord::new(300, &outcome, &module, lag);
            assert_eq!(record.verdict_and_number(), (Verdict::Conflict, 300));
            let probe = record.probe();
            assert_eq!((probe.verdict, probe.number), (Verdict::Conflict, 300));
            assert_eq!(probe.connection, outcome.connection);
            assert_eq!(probe.started, outcome.started);
            assert_eq!(probe.intended + lag, outcome.started);
            assert_eq!(probe.duration, outcome.timeline.total());
            assert_eq!(probe.overhead(), outcome.timeline.overhead());
            assert_eq!(probe.spans, outcome.timeline.spans());
            assert_eq!(probe.code, Some(409));
            assert_eq!(probe.conflict.as_deref(), Some("other"));
            let failure = probe.failure.unwrap();
            assert_eq!(failure.reason, Reason::ValidateStatus);
            assert_eq!(failure.detail, "status 409\u{fffd}\u{fffd}");
        }
    }

    #[test]
    fn reasons_of_conflicts_keep_their_names() {
        let mut reasons = Reasons::default();
        let long = "ü".repeat(32);
        for name in ["a", "already_exists", &long] {
            reasons.insert(name, name).unwrap();
        }
        let module = Module {
            conflict_reason: Some(ReasonRule {
                source: Source::Json(JsonPointer::parse("/a").unwrap()),
                reasons,
            }),
            ..Module::http_2xx()
        };
        let names: Vec<_> = module.conflict_reasons().collect();
        assert_eq!(names.len(), 5);
        for (reason, name) in names {
            let mut outcome = outcome();
            let response = outcome.response.as_mut().unwrap();
            response.conflict.as_mut().unwrap().reason = reason;
            let probe = ProbeRecord::new(0, &outcome, &module, Duration::ZERO).probe();
            assert_eq!(probe.conflict.as_deref(), Some(name));
            assert_eq!(probe.failure.unwrap().reason, Reason::ValidateStatus);
        }
    }

    #[test]
    fn every_clock_and_reason_comes_back() {
        for clock in CLOCKS {
            assert_eq!(CLOCKS[clock as usize], clock);
        }
        for &reason in Reason::ALL {
            let mut outcome = outcome();
            outcome.failure = Some(Failure {
                reason,
                detail: String::new(),
            });
            outcome.response = None;
            let probe = ProbeRecord::new(0, &outcome, &Module::http_2xx(), Duration::ZERO).probe();
            assert_eq!(probe.failure, outcome.failure);
            assert_eq!((probe.code, probe.conflict), (None, None));
        }
    }

    #[test]
    fn times_out_of_range_are_cut() {
        let mut outcome = outcome();
        outcome.started = UNIX_EPOCH - Duration::from_secs(1);
        let probe = ProbeRecord::new(0, &outcome, &Module::http_2xx(), Duration::MAX).probe();
        assert_eq!(probe.started, UNIX_EPOCH);
        assert_eq!(probe.intended, UNIX_EPOCH);
    }

    #[test]
    fn a_record_is_small() {
        let mut timeline = Timeline::new();
        for (n, phase) in (0..).zip(&Phase::ALL[1..]) {
            let start = Duration::from_millis(30 * n);
            timeline.push(Span::new(*phase, start, start + Duration::from_millis(29)));
        }
        timeline.finish(Duration::from_millis(150));
        let outcome = Outcome {
            timeline,
            connection: Some(Endpoints {
                local: Some("127.0.0.1:1".parse().unwrap()),
                remote: "192.0.2.255:65535".parse().unwrap(),
            }),
            failure: None,
            ..outcome()
        };
        let record = ProbeRecord::new(
            10_000,
            &outcome,
            &Module::http_2xx(),
            Duration::from_micros(100),
        );
        // With the two counts of the `Arc` and what malloc adds, 112 bytes.
        assert!(record.0.len() <= 88, "{}", record.0.len());
    }
}
