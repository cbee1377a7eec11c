//! The history of one target: its probes drawn one by one, as the counters that scrapes see.

use std::io::Result;
use std::io::Write;

use crate::class::Baseline;
use crate::class::Level;
use crate::class::Pace;
use crate::random::Random;
use crate::spikes::Spike;
use crate::time::ORIGIN;
use crate::time::in_seconds;

/// Labels that all series of the histories have.
const LABELS: &str = r#"job="httpcycle",instance="127.0.0.1:9999""#;

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

    /// Writes its series as OpenMetrics, without the end of the file.
    pub fn write(&self, file: &mut impl Write) -> Result<()> {
        let target = &self.target;
        let responses = |code| {
            format!(r#"httpcycle_responses_total{{{LABELS},target="{target}",code="{code}"}}"#)
        };
        let unexpected = format!(
            r#"httpcycle_conflicts_total{{{LABELS},target="{target}",expected="false",reason="unspecified"}}"#
        );
        for (series, is_conflict) in [
            (responses(200), false),
            (responses(409), true),
            (unexpected, true),
        ] {
            let mut time = ORIGIN + self.scrape_offset;
            for (others, conflicts) in &self.counters {
                let value = if is_conflict { conflicts } else { others };
                writeln!(file, "{series} {value} {}", in_seconds(time))?;
                time += self.pace.scrape;
            }
        }
        Ok(())
    }

    /// The series as the input of `promtool test rules`.
    pub fn write_test_input(&self, file: &mut impl Write) -> Result<()> {
        let target = &self.target;
        for (name, labels, is_conflict) in [
            ("httpcycle_responses_total", r#"code="200""#, false),
            ("httpcycle_responses_total", r#"code="409""#, true),
            (
                "httpcycle_conflicts_total",
                r#"expected="false",reason="unspecified""#,
                true,
            ),
        ] {
            writeln!(
                file,
                "  - series: '{name}{{{LABELS},target=\"{target}\",{labels}}}'"
            )?;
            write!(file, "    values: '")?;
            for (others, conflicts) in &self.counters {
                let value = if is_conflict { conflicts } else { others };
                write!(file, " {value}")?;
            }
            writeln!(file, "'")?;
        }
        Ok(())
    }
}
