//! The JSON of one target, borrowed from its history. The fields stand in the order of the page.

use std::net::SocketAddr;
use std::time::Duration;
use std::time::SystemTime;

use humantime::format_rfc3339_nanos;
use serde::Serialize;
use serde::Serializer;

use crate::history::History;
use crate::history::record::Probe;
use crate::history::record::ProbeRecord;
use crate::outcome::Failure;
use crate::outcome::timeline::Span;
use crate::target::labels::Labels;

/// Appends `view` as JSON.
pub fn write(view: &impl Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(out, view).expect("a vector takes all bytes and every key is a string");
}

/// Why there is no answer.
#[derive(Debug, Serialize)]
pub struct ErrorView {
    /// In words.
    pub error: &'static str,
}

/// A target without its probes.
#[derive(Serialize)]
struct TargetView<'a> {
    name: &'a str,
    url: String,
    module: &'a str,
    interval_seconds: Seconds,
    #[serde(serialize_with = "labels")]
    labels: &'a Labels,
    next_probe: Option<Rfc3339>,
}

impl<'a> TargetView<'a> {
    /// The view of the target that a history is of.
    fn new(history: &'a History) -> Self {
        let target = history.target();
        Self {
            name: &target.name,
            url: target.url.to_string(),
            module: &target.module.name,
            interval_seconds: Seconds(target.interval),
            labels: &target.labels,
            next_probe: history.next_probe().map(Rfc3339),
        }
    }
}

/// Appends `history` up to its probes, which are the last of its fields.
pub fn begin(history: &History, out: &mut Vec<u8>) {
    write(&TargetView::new(history), out);
    // Instead of the brace that ends the object.
    out.pop();
    out.extend_from_slice(b",\"probes\":[");
}

/// Appends one probe.
pub fn write_probe(record: &ProbeRecord, out: &mut Vec<u8>) {
    write(&ProbeView::of(&record.probe()), out);
}

/// Appends what ends a target.
pub fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"]}");
}

#[derive(Serialize)]
struct ProbeView<'a> {
    intended: Rfc3339,
    start: Rfc3339,
    duration_ns: u128,
    overhead_ns: u128,
    local: Option<SocketAddr>,
    remote: Option<SocketAddr>,
    #[serde(serialize_with = "phases")]
    phases: &'a [Span],
    code: Option<u16>,
    outcome: &'static str,
    conflict_reason: Option<&'a str>,
    failure: Option<FailureView<'a>>,
}

impl<'a> ProbeView<'a> {
    fn of(probe: &'a Probe) -> Self {
        let connection = probe.connection;
        Self {
            intended: Rfc3339(probe.intended),
            start: Rfc3339(probe.started),
            duration_ns: probe.duration.as_nanos(),
            overhead_ns: probe.overhead().as_nanos(),
            local: connection.and_then(|ends| ends.local),
            remote: connection.map(|ends| ends.remote),
            phases: &probe.spans,
            code: probe.code,
            outcome: probe.verdict.label(),
            conflict_reason: probe.conflict.as_deref(),
            failure: probe.failure.as_ref().map(FailureView::of),
        }
    }
}

/// When a phase ran.
#[derive(Debug, Serialize)]
pub struct PhaseView {
    phase: &'static str,
    start_ns: u128,
    end_ns: u128,
    clock: &'static str,
    hop: u8,
}

impl PhaseView {
    /// The view of a span.
    pub fn of(span: &Span) -> Self {
        Self {
            phase: span.phase.label(),
            start_ns: span.start.as_nanos(),
            end_ns: span.end.as_nanos(),
            clock: span.clock.label(),
            hop: span.hop,
        }
    }
}

/// Where and why a probe failed.
#[derive(Debug, Serialize)]
pub struct FailureView<'a> {
    phase: &'static str,
    reason: &'static str,
    detail: &'a str,
}

impl<'a> FailureView<'a> {
    fn of(failure: &'a Failure) -> Self {
        Self::in_words(failure, &failure.detail)
    }

    /// The view of a failure with a detail that is fit to be shown.
    pub fn in_words(failure: &Failure, detail: &'a str) -> Self {
        Self {
            phase: failure.reason.place().label(),
            reason: failure.reason.label(),
            detail,
        }
    }
}

/// A point in time, to the nanosecond and in UTC.
#[derive(Clone, Copy, Debug)]
pub struct Rfc3339(pub SystemTime);

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_rfc3339_nanos(self.0))
    }
}

/// A number of seconds, with a point only where it needs one.
struct Seconds(Duration);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.subsec_nanos() {
            0 => serializer.serialize_u64(self.0.as_secs()),
            _ => serializer.serialize_f64(self.0.as_secs_f64()),
        }
    }
}

fn labels<S: Serializer>(labels: &Labels, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(labels.iter())
}

fn phases<S: Serializer>(spans: &[Span], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(spans.iter().map(PhaseView::of))
}
