//! The page of one target: what it is, how it is, and its last probes in full.

use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use askama::Template;

use crate::history::History;
use crate::history::glance::Mark;
use crate::history::record::Probe;
use crate::outcome::phase::Phase;
use crate::outcome::timeline::Clock;
use crate::server::status::drawing;
use crate::server::status::drawing::Svg;
use crate::server::status::links;
use crate::server::status::links::Frame;
use crate::server::status::row;
use crate::server::status::row::Rate;
use crate::server::status::row::Row;
use crate::server::status::row::State;
use crate::server::status::words;

/// The page of a target.
#[derive(Debug, Template)]
#[template(path = "target.html")]
pub struct TargetPage {
    frame: Frame,
    row: Row,
    module: String,
    interval: String,
    labels: Vec<(String, String)>,
    certificate: Option<Certificate>,
    probes: Vec<ProbeRow>,
    n_kept: usize,
    clock: String,
    json: Option<String>,
}

/// The page in place of one of a target that is not there.
#[derive(Debug, Template)]
#[template(path = "missing.html")]
pub struct MissingPage {
    /// What stands around it.
    pub frame: Frame,
    /// The shard that has the target, if any has, unless this is it.
    pub owner: Option<u16>,
}

/// When the first certificate of the chain expires.
#[derive(Debug)]
struct Certificate {
    day: String,
    left: String,
    is_close: bool,
}

impl Certificate {
    fn new(expiry: i64, now: SystemTime) -> Self {
        const DAY: i64 = 86_400;
        let since_1970 = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX);
        let seconds = expiry.saturating_sub(now);
        let days = (seconds / DAY).abs();
        let days_in_words = match days {
            1 => "1 day".to_owned(),
            days => format!("{days} days"),
        };
        Self {
            day: words::day(expiry).unwrap_or_else(|| "beyond any calendar".to_owned()),
            left: match seconds {
                ..0 => format!("expired {days_in_words} ago"),
                _ => format!("{days_in_words} left"),
            },
            is_close: seconds < 14 * DAY,
        }
    }
}

/// A probe in a row.
#[derive(Debug)]
struct ProbeRow {
    number: u32,
    state: State,
    outcome: &'static str,
    is_expected_conflict: bool,
    at: String,
    stamp: String,
    ago: String,
    code: Option<u16>,
    conflict: Option<String>,
    waterfall: Svg,
    duration: String,
    spans: Vec<SpanWords>,
    overhead: String,
    remote: Option<String>,
    local: Option<String>,
    failure: Option<ProbeFailure>,
}

/// A phase in words.
#[derive(Debug)]
struct SpanWords {
    phase: &'static str,
    hop: u8,
    time: String,
    is_of_kernel: bool,
}

/// Why a probe failed.
#[derive(Debug)]
struct ProbeFailure {
    phase: &'static str,
    reason: &'static str,
    sentence: &'static str,
    /// What usually lies behind it, unless that is said above.
    usually: Option<&'static str>,
    detail: String,
}

impl ProbeRow {
    fn new(probe: Probe, now: SystemTime) -> Self {
        let mark = Mark::new(probe.verdict, probe.conflict.is_some());
        let spans = probe.spans.iter().map(|span| SpanWords {
            phase: span.phase.label(),
            hop: span.hop,
            time: words::measured(span.duration()),
            is_of_kernel: span.clock == Clock::Kernel,
        });
        Self {
            number: probe.number,
            state: State::after(mark),
            outcome: match mark {
                Mark::Ok | Mark::Expected => "ok",
                Mark::Failure => "failed",
                Mark::Conflict => "conflict",
            },
            is_expected_conflict: mark == Mark::Expected,
            at: words::machine_stamp(probe.started),
            stamp: words::stamp(probe.started),
            ago: words::ago(probe.started, now),
            code: probe.code,
            waterfall: drawing::waterfall(&probe),
            duration: words::measured(probe.duration),
            spans: spans.collect(),
            overhead: words::measured(probe.overhead()),
            remote: probe.connection.map(|ends| ends.remote.to_string()),
            local: probe
                .connection
                .and_then(|ends| ends.local)
                .map(|local| local.to_string()),
            failure: probe.failure.map(|failure| ProbeFailure {
                phase: failure.reason.place().label(),
                reason: failure.reason.label(),
                sentence: row::sentence(failure.reason, mark == Mark::Conflict),
                usually: Some(row::usually(failure.reason, mark == Mark::Conflict)),
                detail: failure.detail,
            }),
            conflict: probe.conflict,
        }
    }
}

impl TargetPage {
    /// The page of the target that a history is of, with at most so many of its probes.
    pub fn new(frame: Frame, history: &History, at_most: usize, now: SystemTime) -> Self {
        let target = history.target();
        let glance = history.glance(now);
        let labels = target.labels.iter();
        let probes = history.probes();
        let row = Row::new(history, &glance, now);
        let mut said = row.failure.as_ref().map(|failure| failure.usually);
        let n_kept = probes.len();
        let probes = probes.iter().take(at_most).map(|record| {
            let mut probe = ProbeRow::new(record.probe(), now);
            if let Some(failure) = &mut probe.failure {
                if failure.usually == said {
                    failure.usually = None;
                } else {
                    said = failure.usually;
                }
            }
            probe
        });
        Self {
            frame,
            row: Row {
                url: target.url.to_string(),
                short_name: target.name.clone(),
                ..row
            },
            module: target.module.name.clone(),
            interval: words::exactly(target.interval),
            labels: labels
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            certificate: glance
                .cert_expiry
                .map(|expiry| Certificate::new(expiry, now)),
            probes: probes.collect(),
            n_kept,
            clock: words::clock(now),
            json: links::to_json(&target.name),
        }
    }

    fn rate(&self) -> Option<&Rate> {
        self.row.rate.as_ref()
    }

    fn phases(&self) -> [&'static str; Phase::COUNT] {
        Phase::ALL.map(Phase::label)
    }
}
