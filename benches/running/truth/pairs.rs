//! Probes beside their connections.

use std::collections::BTreeMap;
use std::collections::HashMap;

use crate::truth::connection::Connection;
use crate::truth::connection::Durations;
use crate::truth::connection::PHASES;
use crate::truth::probes::Probe;
use crate::truth::responder::Scheme;

/// By how much the clock of a probe's start may differ from that of the capture, in nanoseconds.
const SLACK: u64 = 1_000_000;

/// What was told of a probe, and what was.
#[derive(Clone, Debug)]
pub struct Pair {
    told: Durations,
    truth: Durations,
    /// All of it, to be read.
    drawn: String,
}

/// How far off a phase was told, over many probes, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Errors {
    /// Their mean.
    pub mean: f64,
    /// The middle.
    pub p50: f64,
    /// What 99 of 100 do not exceed.
    pub p99: f64,
    /// The greatest.
    pub max: f64,
}

/// The probes that failed.
#[derive(Debug, Default)]
pub struct Failed {
    /// How many, by phase and reason.
    pub reasons: BTreeMap<String, usize>,
    /// How many had their whole response on the wire before their time was over: whoever was late,
    /// the target was not.
    pub in_time: usize,
    /// How many lost more than a tenth of their time between phases, to the exporter.
    pub delayed: usize,
}

/// Our probes and their connections.
pub struct Matched<'a> {
    scheme: Scheme,
    all: Vec<(&'a Probe, Option<&'a Connection>)>,
}

impl<'a> Matched<'a> {
    /// Finds the connection of each probe by its local port, and by time, as ports are used again.
    pub fn new(probes: &'a [Probe], connections: &'a [Connection], scheme: Scheme) -> Self {
        let mut by_port: HashMap<u64, Vec<&Connection>> = HashMap::new();
        for connection in connections {
            let port = connection.port.into();
            by_port.entry(port).or_default().push(connection);
        }
        let all = probes.iter().map(|probe| {
            let same_port = probe.port.and_then(|port| by_port.get(&port));
            let within = probe.start - SLACK..=probe.start + probe.duration + SLACK;
            let connection = same_port.and_then(|connections| {
                let mut connections = connections.iter();
                connections.find(|connection| within.contains(&connection.opened))
            });
            (probe, connection.copied())
        });
        Self {
            scheme,
            all: all.collect(),
        }
    }

    /// Pairs each probe that did not fail with what really was, or says why it cannot be.
    pub fn pairs(&self) -> (Vec<Pair>, BTreeMap<&'static str, usize>) {
        let (mut pairs, mut unpaired) = (Vec::new(), BTreeMap::new());
        for (probe, connection) in self.all.iter().filter(|(probe, _)| probe.failure.is_none()) {
            let truth = connection.map_or(Err("no connection"), |connection| {
                Ok((connection, connection.truth(self.scheme)?))
            });
            match truth {
                Ok((connection, truth)) => pairs.push(Pair {
                    told: probe.durations(),
                    truth,
                    drawn: probe.drawn(connection.opened) + &connection.drawn(),
                }),
                Err(why) => *unpaired.entry(why).or_default() += 1,
            }
        }
        (pairs, unpaired)
    }

    /// Counts the probes that failed, which had `timeout` nanoseconds, and prints so many of those
    /// whose response came in time.
    pub fn failed(&self, timeout: u64, n_shown: usize) -> Failed {
        let mut failed = Failed::default();
        for (probe, connection) in &self.all {
            let Some(failure) = &probe.failure else {
                continue;
            };
            *failed.reasons.entry(failure.clone()).or_default() += 1;
            let done = connection.and_then(|connection| connection.response_done(self.scheme));
            let in_time = done.is_some_and(|at| at < probe.start + timeout);
            let delayed = probe.between_phases() > timeout / 10;
            failed.in_time += usize::from(in_time);
            failed.delayed += usize::from(delayed);
            if (in_time || delayed) && failed.in_time + failed.delayed <= n_shown {
                let origin = connection.map_or(probe.start, |connection| connection.opened);
                let segments = connection.map(Connection::drawn).unwrap_or_default();
                let phases = probe.drawn(origin);
                println!("ours: {failure}, the exporter was late\n{phases}{segments}");
            }
        }
        failed
    }
}

/// Pairs what was told of probes made one after the other with the connections in their order;
/// `None` stands for a probe that failed.
pub fn theirs(told: &[Option<Durations>], connections: &[Connection], scheme: Scheme) -> Vec<Pair> {
    assert_eq!(told.len(), connections.len(), "each probe has a connection");
    let pairs = told
        .iter()
        .zip(connections)
        .filter_map(|(told, connection)| {
            Some(Pair {
                told: (*told)?,
                truth: connection.truth(scheme).ok()?,
                drawn: connection.drawn(),
            })
        });
    pairs.collect()
}

impl Pair {
    /// Whether the pieces of the response were told to have come as one: a read that comes late finds
    /// them merged, and the kernel keeps but the stamp of the last.
    pub fn is_merged(&self) -> bool {
        let [.., told] = self.told;
        let [.., truth] = self.truth;
        told < truth.map(|truth| truth / 2.0)
    }

    /// By how many microseconds a phase was told too long, if it was told and was.
    fn error(&self, phase: usize) -> Option<f64> {
        Some(self.told[phase]? - self.truth[phase]?)
    }
}

/// How far off a phase was told; `None` if it never ran.
pub fn errors<'a>(pairs: impl IntoIterator<Item = &'a Pair>, phase: usize) -> Option<Errors> {
    let errors = pairs.into_iter().filter_map(|pair| pair.error(phase));
    let mut errors: Vec<f64> = errors.map(f64::abs).collect();
    errors.sort_by(f64::total_cmp);
    let rank = |percent: usize| errors[(errors.len() * percent).div_ceil(100).max(1) - 1];
    let max = *errors.last()?;
    Some(Errors {
        mean: errors.iter().sum::<f64>() / errors.len() as f64,
        p50: rank(50),
        p99: rank(99),
        max,
    })
}

/// Prints the pairs that are furthest off, phase by phase.
pub fn print_worst(who: &str, pairs: &[Pair], count: usize) {
    for (phase, name) in PHASES.iter().enumerate() {
        let mut errors: Vec<(f64, &Pair)> = pairs
            .iter()
            .filter_map(|pair| Some((pair.error(phase)?, pair)))
            .collect();
        errors.sort_by(|(one, _), (other, _)| other.abs().total_cmp(&one.abs()));
        for (error, pair) in errors.iter().take(count) {
            let [told, truth] =
                [pair.told[phase], pair.truth[phase]].map(Option::unwrap_or_default);
            println!(
                "{who}: {name} {told:.1} us, was {truth:.1}: {error:+.1}\n{}",
                pair.drawn
            );
        }
    }
}
