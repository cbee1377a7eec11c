//! What the exporter tells of its probes, and whether that can be.

use std::ops::AddAssign;
use std::time::UNIX_EPOCH;

use serde_json::Value;

use crate::truth::connection::Durations;
use crate::truth::connection::PHASES;

/// The phases in their order.
const ORDER: [&str; 6] = ["dns", "connect", "tls", "send", "first_byte", "transfer"];

/// One probe as the API shows it.
#[derive(Debug)]
pub struct Probe {
    /// When it started, in nanoseconds since 1970.
    pub start: u64,
    /// How long it took.
    pub duration: u64,
    /// The local port of its connection.
    pub port: Option<u64>,
    /// Where and why it failed.
    pub failure: Option<String>,
    /// `None` if it is not a natural number.
    overhead: Option<u64>,
    spans: Vec<Span>,
}

#[derive(Debug)]
struct Span {
    phase: String,
    start: u64,
    end: u64,
    by_kernel: bool,
}

/// How many probes break what must hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct Breaches {
    /// Phases in another order, or ending before they start.
    pub order: u32,
    /// Phases that begin before the one before ended.
    pub overlap: u32,
    /// Phases that end after the probe.
    pub outside: u32,
    /// Overhead that is no natural number.
    pub overhead: u32,
    /// Phases and overhead do not make the duration.
    pub sum: u32,
}

impl AddAssign for Breaches {
    fn add_assign(&mut self, other: Self) {
        self.order += other.order;
        self.overlap += other.overlap;
        self.outside += other.outside;
        self.overhead += other.overhead;
        self.sum += other.sum;
    }
}

/// The probes of all targets on the page.
pub fn read(page: &str) -> Vec<Probe> {
    let page: Value = serde_json::from_str(page).unwrap();
    let targets = page["targets"].as_array().unwrap();
    let probes = targets.iter().flat_map(|target| {
        let probes = target["probes"].as_array().unwrap();
        probes.iter().map(Probe::read)
    });
    probes.collect()
}

impl Probe {
    fn read(probe: &Value) -> Self {
        let start = humantime::parse_rfc3339(probe["start"].as_str().unwrap()).unwrap();
        let start = start.duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let local = probe["local"].as_str();
        let spans = probe["phases"].as_array().unwrap().iter().map(|span| Span {
            phase: span["phase"].as_str().unwrap().to_owned(),
            start: span["start_ns"].as_u64().unwrap(),
            end: span["end_ns"].as_u64().unwrap(),
            by_kernel: span["clock"] == "kernel",
        });
        Self {
            start: u64::try_from(start).unwrap(),
            duration: probe["duration_ns"].as_u64().unwrap(),
            overhead: probe["overhead_ns"].as_u64(),
            port: local.map(|local| local.rsplit_once(':').unwrap().1.parse().unwrap()),
            failure: probe["failure"]["reason"].as_str().map(|reason| {
                let phase = probe["failure"]["phase"].as_str().unwrap();
                format!("{phase}/{reason}")
            }),
            spans: spans.collect(),
        }
    }

    /// How long its phases took.
    pub fn durations(&self) -> Durations {
        PHASES.map(|phase| {
            let span = self.spans.iter().find(|span| span.phase == phase)?;
            Some((span.end as f64 - span.start as f64) / 1e3)
        })
    }

    /// How many of its bounds the kernel told.
    pub fn n_by_kernel(&self) -> usize {
        self.spans.iter().filter(|span| span.by_kernel).count()
    }

    /// The time before the end of the last phase that belongs to none, in nanoseconds.
    pub fn between_phases(&self) -> u64 {
        let end = self.spans.last().map_or(0, |span| span.end);
        let spans = self.spans.iter();
        end - spans.map(|span| span.end - span.start).sum::<u64>()
    }

    /// What it breaks.
    pub fn breaches(&self) -> Breaches {
        let place = |span: &Span| ORDER.iter().position(|phase| *phase == span.phase);
        let (mut ordered, mut disjoint, mut sum) = (true, true, self.overhead.unwrap_or_default());
        for span in &self.spans {
            ordered &= span.start <= span.end && place(span).is_some();
            sum += span.end.saturating_sub(span.start);
        }
        for pair in self.spans.windows(2) {
            ordered &= place(&pair[0]) < place(&pair[1]);
            disjoint &= pair[0].end <= pair[1].start;
        }
        Breaches {
            order: u32::from(!ordered),
            overlap: u32::from(!disjoint),
            outside: u32::from(self.spans.iter().any(|span| span.end > self.duration)),
            overhead: u32::from(self.overhead.is_none()),
            sum: u32::from(sum != self.duration),
        }
    }

    /// Its phases in a line each, in microseconds since `origin`.
    pub fn drawn(&self, origin: u64) -> String {
        let lines = self.spans.iter().map(|span| {
            let at = |offset: u64| ((self.start + offset) as f64 - origin as f64) / 1e3;
            let clock = if span.by_kernel { "kernel" } else { "user" };
            let (start, end) = (at(span.start), at(span.end));
            format!("    {start:9.1} to {end:9.1} {} ({clock})\n", span.phase)
        });
        lines.collect()
    }
}
