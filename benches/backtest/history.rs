//! The history of one target: its probes drawn one by one, as the counters that scrapes see.

use std::io::Result;
use std::io::Write;

use crate::class::Baseline;
use crate::class::Level;
use crate::class::Pace;
use crate::random::Random;
use crate::spikes::Spike;
use crate::time::ORIGIN;
use crate::tsdb::Block;
use crate::tsdb::Labels;

/// Labels that all series of the histories have.
const LABELS: [(&str, &str); 2] = [("job", "httpcycle"), ("instance", "127.0.0.1:9999")];
/// What a series counts.
#[derive(Clone, Copy)]
enum Counts {
    Conflicts,
    Others,
    Both,
}

/// A series of a target.
struct Counter {
    name: &'static str,
    labels: &'static [(&'static str, &'static str)],
    counts: Counts,
}

/// All series of a target that rules read.
const SERIES: [Counter; 4] = [
    Counter {
        name: "httpcycle_probes_total",
        labels: &[],
        counts: Counts::Both,
    },
    Counter {
        name: "httpcycle_responses_total",
        labels: &[("code", "200")],
        counts: Counts::Others,
    },
    Counter {
        name: "httpcycle_responses_total",
        labels: &[("code", "409")],
        counts: Counts::Conflicts,
    },
    Counter {
        name: "httpcycle_conflicts_total",
        labels: &[("expected", "false"), ("reason", "unspecified")],
        counts: Counts::Conflicts,
    },
];

/// One target from its first scrape on. Times count from there.
pub struct History {
    /// Its label.
    pub target: String,
    /// What is normal.
    pub baseline: Baseline,
    /// How often it is probed.
    pub pace: Pace,
    /// What is not, in order.
    pub spikes: Vec<Spike>,
    /// When it was scraped first; the rest follows at the pace.
    scrape_offset: i64,
    /// At each scrape: responses without a conflict, and conflicts.
    counters: Vec<(u32, u32)>,
}

impl History {
    /// Draws all probes of a target. The scrapes come at any time between two evaluations, unless
    /// `scrape_offset` says when.
    pub fn draw(
        target: String,
        baseline: Baseline,
        pace: Pace,
        spikes: Vec<Spike>,
        scrape_offset: Option<i64>,
        random: &mut Random,
    ) -> Self {
        let chosen = random.below(pace.scrape);
        let mut history = Self {
            target,
            baseline,
            pace,
            spikes,
            scrape_offset: scrape_offset.unwrap_or(chosen),
            counters: Vec::new(),
        };
        history.probe(random);
        history
    }

    fn probe(&mut self, random: &mut Random) {
        let mut level = Level::new(self.baseline.kind, self.pace.interval, random);
        let mut time = random.below(self.pace.interval);
        let mut scrape = self.scrape_offset;
        let (mut others, mut conflicts) = (0, 0);
        let mut spikes = self.spikes.iter_mut().peekable();
        while scrape < self.pace.length {
            if time > scrape {
                self.counters.push((others, conflicts));
                scrape += self.pace.scrape;
                continue;
            }
            while spikes.next_if(|spike| spike.end <= time).is_some() {}
            let mut share = level.next(time, random);
            let mut spike = spikes.peek_mut().filter(|spike| spike.start <= time);
            if let Some(spike) = &spike {
                share = spike.shape.share(share);
            }
            if random.fraction() < share {
                conflicts += 1;
                if let Some(spike) = &mut spike {
                    spike.conflicts.push(time);
                }
            } else {
                others += 1;
            }
            time += self.pace.interval;
        }
    }

    /// Adds its series to a block.
    pub fn write(&self, block: &mut Block) -> Result<()> {
        for Counter {
            name,
            labels,
            counts,
        } in SERIES
        {
            let all = LABELS.iter().chain(labels);
            let mut all: Labels = all
                .map(|(label, value)| ((*label).to_owned(), (*value).to_owned()))
                .collect();
            all.insert("__name__".to_owned(), name.to_owned());
            all.insert("target".to_owned(), self.target.clone());
            let series = block.series(all);
            for (time, value) in self.samples(counts) {
                block.append(series, ORIGIN + time, f64::from(value))?;
            }
        }
        Ok(())
    }

    fn samples(&self, counts: Counts) -> impl Iterator<Item = (i64, u32)> {
        let mut time = self.scrape_offset - self.pace.scrape;
        self.counters.iter().map(move |(others, conflicts)| {
            time += self.pace.scrape;
            let value = match counts {
                Counts::Conflicts => *conflicts,
                Counts::Others => *others,
                Counts::Both => conflicts + others,
            };
            (time, value)
        })
    }

    /// Writes its series as the input of `promtool test rules`.
    pub fn write_test_input(&self, file: &mut impl Write) -> Result<()> {
        for Counter {
            name,
            labels,
            counts,
        } in SERIES
        {
            write!(file, "  - series: '{name}{{target={:?}", self.target)?;
            for (label, value) in LABELS.iter().chain(labels) {
                write!(file, ",{label}={value:?}")?;
            }
            write!(file, "}}'\n    values: '")?;
            for (_, value) in self.samples(counts) {
                write!(file, " {value}")?;
            }
            writeln!(file, "'")?;
        }
        Ok(())
    }
}
