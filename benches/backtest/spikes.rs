//! Which spikes a history has, and when.

use crate::class::Pace;
use crate::random::Random;
use crate::time::DAY;
use crate::time::HOUR;

/// Percentage points over the baseline; the last one stands for all that is left up to 100 %.
pub const HEIGHTS: [u32; 6] = [5, 10, 20, 50, 70, 100];
/// Probes that a spike lasts.
pub const LENGTHS: [u32; 7] = [5, 10, 20, 40, 100, 250, 1000];

/// How long a target is watched before alarms are held against a rule.
pub const WARM_UP: i64 = 2 * DAY;
/// Quiet between two spikes, beside the length of the first: until the baseline of a day has
/// forgotten it.
const REST: i64 = 2 * DAY;
/// The rest varies by as much, so that spikes come at all hours.
const JITTER: i64 = 12 * HOUR;
/// The longest spike: a target that conflicts for longer has a new normal.
const LONGEST: i64 = DAY;

/// What a spike is like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// One of `HEIGHTS`.
    pub height: u32,
    /// One of `LENGTHS`.
    pub n_probes: u32,
}

impl Shape {
    /// Whether it is among the high ones of which nearly all have to be found.
    pub const fn is_high(self) -> bool {
        self.height >= 50 && self.n_probes >= 40
    }

    /// Whether it is among the long ones of which nearly all have to be found.
    pub const fn is_long(self) -> bool {
        self.height >= 20 && self.n_probes >= 250
    }

    /// The share of conflicts while it lasts.
    pub fn share(self, baseline: f64) -> f64 {
        if self.height >= 100 {
            1.0
        } else {
            (baseline + f64::from(self.height) / 100.0).min(1.0)
        }
    }
}

/// A stretch of time with more conflicts than normal.
#[derive(Clone)]
pub struct Spike {
    /// What it is like.
    pub shape: Shape,
    /// When it begins.
    pub start: i64,
    /// When it is over.
    pub end: i64,
    /// When its probes conflicted.
    pub conflicts: Vec<i64>,
}

/// The shapes that targets of one class meet in turn. Those that have to be found come twice as
/// often as others.
pub struct Deck {
    shapes: Vec<Shape>,
    dealt: usize,
}

impl Deck {
    /// One in a random order.
    pub fn new(pace: &Pace, random: &mut Random) -> Self {
        let mut shapes = Vec::new();
        for height in HEIGHTS {
            for n_probes in LENGTHS {
                let shape = Shape { height, n_probes };
                if i64::from(n_probes) * pace.interval <= LONGEST {
                    shapes.push(shape);
                    if shape.is_high() || shape.is_long() {
                        shapes.push(shape);
                    }
                }
            }
        }
        random.shuffle(&mut shapes);
        Self { shapes, dealt: 0 }
    }

    fn next(&mut self) -> Shape {
        self.dealt += 1;
        self.shapes[(self.dealt - 1) % self.shapes.len()]
    }

    /// As many spikes as fit between the warm-up and the end of a history.
    pub fn deal(&mut self, pace: &Pace, random: &mut Random) -> Vec<Spike> {
        let mut spikes = Vec::new();
        let mut free = WARM_UP;
        loop {
            let shape = self.next();
            let start = free + random.below(JITTER);
            let length = i64::from(shape.n_probes) * pace.interval;
            let end = start + length;
            free = end + length + REST;
            // What comes after the last one is watched too.
            if end + DAY / 2 > pace.length {
                return spikes;
            }
            spikes.push(Spike {
                shape,
                start,
                end,
                conflicts: Vec::new(),
            });
        }
    }
}
