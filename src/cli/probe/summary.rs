//! What several probes were like, one by one and together, as `ping` tells it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::cli::probe::look::Look;
use crate::cli::probe::report::colour_of;
use crate::cli::probe::report::so_many;
use crate::cli::probe::spread::Spread;
use crate::cli::probe::waterfall::LABEL;
use crate::cli::probe::waterfall::milliseconds;
use crate::outcome::Attempt;
use crate::outcome::Outcome;
use crate::outcome::Verdict;
use crate::outcome::phase::Phase;
use crate::probe::show::Unfinished;
use crate::target::Target;

/// What was counted so far.
#[derive(Debug, Default)]
pub struct Summary {
    total: Spread,
    phases: [Spread; Phase::COUNT],
    overhead: Spread,
    codes: BTreeMap<u16, u64>,
    failures: BTreeMap<Pair, u64>,
    /// By their reason.
    expected_conflicts: BTreeMap<String, u64>,
    unexpected_conflicts: BTreeMap<String, u64>,
    n_ok: u64,
    n_failed: u64,
    n_skipped: u64,
}

/// Where and why a probe failed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Pair(&'static str, &'static str);

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

/// A probe among others: when, what came of it, how long everything took.
pub fn line(attempt: &Attempt, target: &Target, look: Look) -> String {
    let outcome = match attempt {
        Attempt::Finished(outcome) => outcome,
        Attempt::Skipped(reason) => {
            return format!("not probed: {}, {}", reason.label(), reason.sentence());
        }
    };
    let time = humantime::format_rfc3339_seconds(outcome.started).to_string();
    let time = time.get(11..).unwrap_or_default();
    let what = look.paint(colour_of(outcome.verdict()), &what(outcome, target));
    let mut line = format!("{time} {:>13}", milliseconds(outcome.timeline.total()));
    for phase in Phase::ALL {
        if let Some(took) = outcome.timeline.phase(phase) {
            let took = took.as_secs_f64() * 1e3;
            line.push_str(&format!("  {} {took:.1}", phase.label()));
        }
    }
    format!("{line}  {what}")
}

fn what(outcome: &Outcome, target: &Target) -> String {
    let mut words = Vec::new();
    if let Some(response) = &outcome.response {
        words.push(response.code.to_string());
        if let Some(conflict) = response.conflict {
            let kind = match conflict.expected {
                true => "expected conflict",
                false => "unexpected conflict",
            };
            let reason = target.module.conflict_label(conflict.reason);
            words.push(format!("{kind}, {reason}"));
        }
    }
    // Of an unexpected conflict that is all there is to say.
    let failure = outcome.failure.as_ref();
    let failure = failure.filter(|_| outcome.verdict() != Verdict::Conflict);
    words.extend(failure.map(|failure| {
        let reason = failure.reason;
        Pair(reason.place().label(), reason.label()).to_string()
    }));
    words.join(" ")
}

impl Summary {
    /// Counts a probe of `target`.
    pub fn add(&mut self, attempt: &Attempt, target: &Target) {
        let Attempt::Finished(outcome) = attempt else {
            self.n_skipped += 1;
            return;
        };
        self.total.add(outcome.timeline.total());
        self.overhead.add(outcome.timeline.overhead());
        for (phase, spread) in Phase::ALL.into_iter().zip(&mut self.phases) {
            if let Some(took) = outcome.timeline.phase(phase) {
                spread.add(took);
            }
        }
        if let Some(response) = &outcome.response {
            *self.codes.entry(response.code).or_default() += 1;
            if let Some(conflict) = response.conflict {
                let reasons = match conflict.expected {
                    true => &mut self.expected_conflicts,
                    false => &mut self.unexpected_conflicts,
                };
                let reason = target.module.conflict_label(conflict.reason);
                *reasons.entry(reason.to_owned()).or_default() += 1;
            }
        }
        match &outcome.failure {
            None => self.n_ok += 1,
            Some(failure) => {
                self.n_failed += 1;
                let pair = Pair(failure.reason.place().label(), failure.reason.label());
                *self.failures.entry(pair).or_default() += 1;
            }
        }
    }

    /// How many slots there were, those included that could not be probed.
    pub fn n_slots(&self) -> u64 {
        self.n_ok + self.n_failed + self.n_skipped
    }

    /// Whether there was a probe and each was as wanted.
    pub fn is_all_ok(&self) -> bool {
        self.n_ok > 0 && self.n_ok == self.n_slots()
    }

    /// In a line of so many columns. What matters more comes first, and what does not fit is left out
    /// whole: half a number would be another one.
    pub fn line(&self, width: usize) -> String {
        let (ok, failed) = (self.n_ok, self.n_failed);
        let mut parts = vec![
            format!("{} sent", ok + failed),
            format!("{ok} ok"),
            format!("{failed} failed"),
        ];
        if self.n_skipped > 0 {
            parts.push(format!("{} not made", self.n_skipped));
        }
        for (name, percent) in [("p50", 50), ("p99", 99)] {
            let quantile = self.total.quantile(percent);
            parts.extend(quantile.map(|took| format!("{name} {}", milliseconds(took))));
        }
        let codes = self.codes.iter();
        parts.extend(codes.map(|(code, n)| format!("{code}: {n}")));
        for (kind, reasons) in self.conflicts() {
            let n: u64 = reasons.values().sum();
            parts.push(so_many(n, &format!("{kind} conflict")));
        }
        let mut line = String::new();
        for part in parts {
            let comma = if line.is_empty() { "" } else { ", " };
            if line.len() + comma.len() + part.len() > width {
                break;
            }
            line.push_str(comma);
            line.push_str(&part);
        }
        line
    }

    /// In full, with what was interrupted.
    pub fn page(&self, under_way: Option<Unfinished>) -> String {
        let (ok, failed) = (self.n_ok, self.n_failed);
        let mut page = fact(
            "probes",
            &format!("{} sent, {ok} ok, {failed} failed", ok + failed),
        );
        if self.n_skipped > 0 {
            let what = format!("{}, of which nothing was learnt", self.n_skipped);
            page.push_str(&fact("not made", &what));
        }
        if let Some(unfinished) = under_way {
            let what = format!("1 {}, not counted", where_it_was(unfinished));
            page.push_str(&fact("interrupted", &what));
        }
        for (label, listed) in [
            ("codes", listed(&self.codes)),
            ("conflicts", self.conflicts_in_words()),
            ("failures", listed(&self.failures)),
        ] {
            if !listed.is_empty() {
                page.push_str(&fact(label, &listed));
            }
        }
        if let Some(rows) = self.table() {
            page.push('\n');
            page.push_str(&rows);
        }
        page
    }

    /// Those that there were, of either kind, by their reasons.
    fn conflicts(&self) -> impl Iterator<Item = (&'static str, &BTreeMap<String, u64>)> {
        let kinds = [
            ("unexpected", &self.unexpected_conflicts),
            ("expected", &self.expected_conflicts),
        ];
        kinds.into_iter().filter(|(_, reasons)| !reasons.is_empty())
    }

    fn conflicts_in_words(&self) -> String {
        let kinds = self.conflicts().map(|(kind, reasons)| {
            let n: u64 = reasons.values().sum();
            format!("{n} {kind} ({})", listed(reasons))
        });
        kinds.collect::<Vec<_>>().join(", ")
    }

    /// A row for whatever took time.
    fn table(&self) -> Option<String> {
        self.total.quantile(50)?;
        let mut rows = format!("{:<LABEL$}{:>14}{:>14}{:>14}\n", "", "p50", "p99", "max");
        let phases = Phase::ALL.into_iter().map(Phase::label).zip(&self.phases);
        let all = phases.chain([("total", &self.total), ("overhead", &self.overhead)]);
        for (label, spread) in all {
            let (Some(half), Some(nearly_all)) = (spread.quantile(50), spread.quantile(99)) else {
                continue;
            };
            let [half, nearly_all, max] =
                [half, nearly_all, spread.max()].map(|took: Duration| milliseconds(took));
            rows.push_str(&format!(
                "{label:<LABEL$}{half:>14}{nearly_all:>14}{max:>14}\n"
            ));
        }
        Some(rows)
    }
}

/// Where a probe was that is not over, and for how long it had been under way.
pub fn where_it_was(unfinished: Unfinished) -> String {
    let phase = unfinished.phase.map_or("no phase", Phase::label);
    format!("in {phase}, after {}", milliseconds(unfinished.age))
}

fn fact(label: &str, text: &str) -> String {
    format!("{label:<LABEL$}{text}\n")
}

/// What there was and how often.
fn listed<T: fmt::Display>(counts: &BTreeMap<T, u64>) -> String {
    let counts = counts.iter().map(|(what, n)| format!("{what}: {n}"));
    counts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_whole_parts_alone() {
        let mut summary = Summary {
            n_ok: 1,
            n_failed: 30,
            codes: BTreeMap::from([(200, 1), (409, 30)]),
            expected_conflicts: BTreeMap::from([("other".to_owned(), 1)]),
            unexpected_conflicts: BTreeMap::from([("a".to_owned(), 20), ("b".to_owned(), 9)]),
            ..Summary::default()
        };
        summary.total.add(Duration::from_millis(1));
        summary.total.add(Duration::from_millis(12));
        let whole = "31 sent, 1 ok, 30 failed, p50 1.000 ms, p99 12.000 ms, 200: 1, 409: 30, \
                     29 unexpected conflicts, 1 expected conflict";
        assert_eq!(summary.line(200), whole);
        let mut seen = Vec::new();
        for width in 0..=whole.len() {
            let line = summary.line(width);
            let behind = whole.strip_prefix(&*line).expect("a beginning of it");
            assert!(line.len() <= width, "{line}");
            let is_between = behind.is_empty() || behind.starts_with(", ") || line.is_empty();
            assert!(is_between, "{line}");
            seen.push(line);
        }
        seen.dedup();
        assert_eq!(seen.len(), 10, "{seen:?}");
        assert!(seen.last().is_some_and(|line| line == whole));
        summary.n_skipped = 2;
        assert!(summary.line(40).ends_with("30 failed, 2 not made"));
    }
}
