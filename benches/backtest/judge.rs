//! What an alert was worth on a history: spikes that it found, and alarms for nothing.

use crate::class::Baseline;
use crate::class::Pace;
use crate::firing::Episode;
use crate::history::History;
use crate::rules::Holds;
use crate::spikes::Shape;
use crate::spikes::Spike;
use crate::spikes::WARM_UP;
use crate::time::DAY;
use crate::time::HOUR;

/// What came of one spike.
pub struct Encounter {
    /// The class of the target.
    pub baseline: Baseline,
    /// How often it was probed.
    pub pace: Pace,
    /// What the spike was like.
    pub shape: Shape,
    /// If it was found, how.
    pub found: Option<Found>,
}

/// How a spike was found.
#[derive(Clone, Copy)]
pub struct Found {
    /// Probes from its start until the alert fired, without the time that `for` asks for.
    pub n_probes: f64,
    /// Milliseconds from its start until the alert fired.
    pub delay: i64,
    /// Conflicts among the probes until the alert fired.
    pub n_conflicts: usize,
}

/// What came of the rest of a history.
pub struct Watch {
    /// The class of the target.
    pub baseline: Baseline,
    /// How often it was probed.
    pub pace: Pace,
    /// Milliseconds behind the warm-up.
    pub watched: i64,
    /// Milliseconds of them outside of spikes and their tails.
    pub calm: i64,
    /// Alarms that began in that time.
    pub n_false: u32,
    /// Those among them that began within a day of the end of a spike.
    pub n_echoes: u32,
    /// Milliseconds of that time with an alarm.
    pub falsely_firing: i64,
    /// Alarms that began in the warm-up.
    pub n_early: u32,
}

/// What an alert was worth on all histories.
#[derive(Default)]
pub struct Verdict {
    /// The spikes.
    pub encounters: Vec<Encounter>,
    /// The rest.
    pub watches: Vec<Watch>,
}

/// How long after a spike an alarm is no false one: windows have to empty.
fn tail(pace: Pace) -> i64 {
    HOUR.max(30 * pace.interval)
}

impl Verdict {
    /// Adds a history and the alarms on it, which are in order.
    pub fn add(&mut self, history: &History, alarms: &[Episode], holds: Holds) {
        for spike in &history.spikes {
            self.encounters.push(Encounter {
                baseline: history.baseline,
                pace: history.pace,
                shape: spike.shape,
                found: find(spike, alarms, history.pace, holds),
            });
        }
        self.watches.push(watch(history, alarms));
    }

    /// Adds what another one holds.
    pub fn extend(&mut self, other: Self) {
        self.encounters.extend(other.encounters);
        self.watches.extend(other.watches);
    }
}

/// An alarm that fired before the spike told nobody of it.
fn find(spike: &Spike, alarms: &[Episode], pace: Pace, holds: Holds) -> Option<Found> {
    // A scrape and an evaluation to see the last probe, and as much again for the ones in between.
    let end = spike.end + holds.before + 4 * pace.scrape;
    let alarm = alarms
        .iter()
        .find(|alarm| (spike.start..=end).contains(&alarm.start))?;
    let delay = alarm.start - spike.start;
    let seen = spike.conflicts.iter();
    Some(Found {
        n_probes: (delay - holds.before).max(0) as f64 / pace.interval as f64,
        delay,
        n_conflicts: seen.filter(|time| **time <= alarm.start).count(),
    })
}

fn watch(history: &History, alarms: &[Episode]) -> Watch {
    let pace = history.pace;
    let spikes = history.spikes.iter();
    let excused: Vec<(i64, i64)> = spikes
        .map(|spike| (spike.start, pace.length.min(spike.end + tail(pace))))
        .collect();
    let excused_length: i64 = excused.iter().map(|(start, end)| end - start).sum();
    let mut watch = Watch {
        baseline: history.baseline,
        pace,
        watched: pace.length - WARM_UP,
        calm: pace.length - WARM_UP - excused_length,
        n_false: 0,
        n_echoes: 0,
        falsely_firing: 0,
        n_early: 0,
    };
    for alarm in alarms {
        let is_excused = |(start, end): &(i64, i64)| (*start..=*end).contains(&alarm.start);
        if alarm.start < WARM_UP {
            watch.n_early += 1;
        } else if !excused.iter().any(is_excused) {
            watch.n_false += 1;
            let is_echo = |end: i64| (end..end + DAY).contains(&alarm.start);
            if history.spikes.iter().any(|spike| is_echo(spike.end)) {
                watch.n_echoes += 1;
            }
        }
        let start = alarm.start.max(WARM_UP);
        let overlaps = excused.iter();
        let overlap: i64 = overlaps
            .map(|(from, to)| ((*to).min(alarm.end) - start.max(*from)).max(0))
            .sum();
        watch.falsely_firing += (alarm.end - start).max(0) - overlap;
    }
    watch
}
