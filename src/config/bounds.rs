//! The section `histogram_bounds`: the upper bounds of the buckets, in seconds.

use std::time::Duration;

use crate::config::field::Field;
use crate::config::problem::Report;

/// 0.5 ms to 10 s, as dense as a page of a thousand targets can bear.
const DEFAULT_MICROS: [u64; 14] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];

/// How many there may be: every bound is a series of every histogram of every target.
pub const MAX_BOUNDS: usize = 64;

const MAX_SECONDS: f64 = 1e9;

/// Reads the section; without it, the default bounds.
pub fn read(section: Option<Field<'_>>, report: &mut Report) -> Vec<Duration> {
    let Some(field) = section else {
        return DEFAULT_MICROS.map(Duration::from_micros).to_vec();
    };
    let Some(items) = field.list("a list of seconds like [0.01, 0.1, 1]", report) else {
        return Vec::new();
    };
    if items.len() > MAX_BOUNDS {
        field.mistake::<()>(
            &format!("lists {} bounds; at most {MAX_BOUNDS} will do", items.len()),
            report,
        );
        return Vec::new();
    }
    if items.is_empty() {
        field.mistake::<()>("is empty; list at least one bound", report);
    }
    let mut bounds: Vec<Duration> = Vec::new();
    for node in items {
        let item = Field { node, ..field };
        let Some(bound) = read_bound(item, report) else {
            continue;
        };
        if bounds.last().is_some_and(|last| *last >= bound) {
            item.mistake::<()>("must be ascending, each once", report);
        }
        bounds.push(bound);
    }
    bounds
}

fn read_bound(item: Field<'_>, report: &mut Report) -> Option<Duration> {
    const WANTED: &str = "a list of numbers of seconds above 0, without quotes or units";
    let seconds = item.positive_number(WANTED, report)?;
    if seconds > MAX_SECONDS {
        return item.mistake("holds a bound beyond 1e9 seconds", report);
    }
    // Rounds to the nearest nanosecond.
    match Duration::try_from_secs_f64(seconds) {
        Ok(bound) if !bound.is_zero() => Some(bound),
        _ => item.mistake("holds a bound below a nanosecond", report),
    }
}
