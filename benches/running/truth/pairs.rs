//! Probes beside their connections.

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

/// Pairs each probe that did not fail with its connection, or says why it cannot be.
pub fn ours(
    probes: &[Probe],
    connections: &[Connection],
    scheme: Scheme,
) -> (Vec<Pair>, HashMap<&'static str, usize>) {
    let mut by_port: HashMap<u64, Vec<&Connection>> = HashMap::new();
    for connection in connections {
        let port = connection.port.into();
        by_port.entry(port).or_default().push(connection);
    }
    let (mut pairs, mut unpaired) = (Vec::new(), HashMap::new());
    for probe in probes.iter().filter(|probe| !probe.failed) {
        let same_port = probe.port.and_then(|port| by_port.get(&port));
        let (from, to) = (probe.start - SLACK, probe.start + probe.duration + SLACK);
        let connection = same_port.and_then(|connections| {
            let mut connections = connections.iter();
            connections.find(|connection| (from..=to).contains(&connection.opened))
        });
        let truth = connection.map_or(Err("no connection"), |found| {
            Ok((found, found.truth(scheme)?))
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
    /// By how many microseconds a phase was told too long, if it was told and was.
    fn error(&self, phase: usize) -> Option<f64> {
        Some(self.told[phase]? - self.truth[phase]?)
    }
}

/// How far off a phase was told; `None` if it never ran.
pub fn errors(pairs: &[Pair], phase: usize) -> Option<Errors> {
    let errors = pairs.iter().filter_map(|pair| pair.error(phase));
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
