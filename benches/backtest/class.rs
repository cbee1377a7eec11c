//! The classes of targets: how often they conflict when all is well, and how often they are probed.

use std::f64::consts::TAU;

use crate::random::Random;
use crate::time::DAY;
use crate::time::HOUR;
use crate::time::SECOND;

/// How often a target answers with a conflict when all is well.
#[derive(Clone, Copy)]
pub enum Kind {
    /// The same share all the time.
    Steady(f64),
    /// A mean share times log-normal noise that forgets within an hour.
    Noisy { mean: f64, variation: f64 },
    /// A mean share and a sine of a day.
    Diurnal { mean: f64, amplitude: f64 },
}

/// A class of targets by what is normal for them.
#[derive(Clone, Copy)]
pub struct Baseline {
    /// What tables call it.
    pub name: &'static str,
    /// How conflicts come.
    pub kind: Kind,
    /// Whether at most one probe in a hundred conflicts.
    pub is_quiet: bool,
}

impl Baseline {
    /// Whether the share of conflicts moves of itself.
    pub const fn moves(self) -> bool {
        !matches!(self.kind, Kind::Steady(_))
    }
}

const fn steady(name: &'static str, share: f64) -> Baseline {
    Baseline {
        name,
        kind: Kind::Steady(share),
        is_quiet: share <= 0.01,
    }
}

/// All of them, in the order of tables.
pub const BASELINES: [Baseline; 10] = [
    steady("quiet, 0 %", 0.0),
    steady("rare, 0.02 %", 0.0002),
    steady("quiet, 0.1 %", 0.001),
    steady("quiet, 1 %", 0.01),
    steady("steady, 5 %", 0.05),
    Baseline {
        name: "noisy, 5 %",
        kind: Kind::Noisy {
            mean: 0.05,
            variation: 0.5,
        },
        is_quiet: false,
    },
    steady("steady, 10 %", 0.1),
    Baseline {
        name: "diurnal, 10 ± 8 %",
        kind: Kind::Diurnal {
            mean: 0.1,
            amplitude: 0.08,
        },
        is_quiet: false,
    },
    steady("steady, 20 %", 0.2),
    steady("steady, 30 %", 0.3),
];

/// How often a target is probed and scraped, and for how long it is watched.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Milliseconds between two probes.
    pub interval: i64,
    /// Milliseconds between two scrapes, and between two evaluations of the rules.
    pub scrape: i64,
    /// Milliseconds that a history is long.
    pub length: i64,
    /// Histories of each baseline.
    pub n_histories: u64,
}

const fn pace(seconds: i64, scrape_seconds: i64, days: i64, n_histories: u64) -> Pace {
    Pace {
        interval: seconds * SECOND,
        scrape: scrape_seconds * SECOND,
        length: days * DAY,
        n_histories,
    }
}

/// All of them. The slowest are watched for longest, since their long spikes take a day, and the
/// fast ones for shorter, since they are evaluated most often.
pub const PACES: [Pace; 6] = [
    pace(1, 15, 24, 1),
    pace(5, 15, 24, 1),
    pace(15, 15, 24, 1),
    pace(30, 30, 30, 2),
    pace(60, 30, 30, 2),
    pace(300, 60, 66, 2),
];

/// Those of a run that only shows that all parts work.
pub const QUICK_PACES: [Pace; 2] = [pace(60, 60, 5, 1), pace(300, 60, 5, 1)];

/// The share of conflicts of one target over time.
pub struct Level {
    kind: Kind,
    /// The part of the noise that is left from probe to probe.
    kept: f64,
    /// The logarithm of the noise, in units of its own deviation.
    noise: f64,
}

impl Level {
    /// That of a target that is probed every `interval` milliseconds.
    pub fn new(kind: Kind, interval: i64, random: &mut Random) -> Self {
        Self {
            kind,
            kept: (-(interval as f64) / HOUR as f64).exp(),
            noise: random.normal(),
        }
    }

    /// The share at the next probe, which is at `time`.
    pub fn next(&mut self, time: i64, random: &mut Random) -> f64 {
        match self.kind {
            Kind::Steady(share) => share,
            Kind::Noisy { mean, variation } => {
                self.noise =
                    self.kept * self.noise + (1.0 - self.kept * self.kept).sqrt() * random.normal();
                let variance = (variation * variation).ln_1p();
                let factor = (variance.sqrt() * self.noise - variance / 2.0).exp();
                (mean * factor).min(1.0)
            }
            Kind::Diurnal { mean, amplitude } => {
                mean + amplitude * (TAU * time as f64 / DAY as f64).sin()
            }
        }
    }
}
