//! The results as tables in Markdown.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::time::SystemTime;

use crate::truth::Plan;
use crate::truth::cell::Cell;
use crate::truth::connection::PHASES;
use crate::truth::load::cores;
use crate::truth::pairs::Errors;
use crate::truth::pairs::Pair;
use crate::truth::pairs::errors;
use crate::truth::probes::Breaches;
use crate::truth::responder::Scheme;

/// The bounds on a busy machine, in microseconds; with TLS twice as much.
const MAX_MEAN: f64 = 30.0;
const MAX_P99: f64 = 150.0;
/// The bounds of the rest, in per cent.
const MAX_SKIPPED: f64 = 5.0;
const MAX_FALLBACKS: f64 = 2.0;

/// Prints all.
pub fn print(cells: &[Cell], plan: &Plan<'_>) {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    println!(
        "\n# Phases beside the wire\n\nLinux {}, {} cores, {date}. Busy: {} threads that never \
         sleep. Loopback.",
        release.trim(),
        cores(),
        2 * cores()
    );
    if let Some(nice) = &plan.nice {
        println!("This exporter has a nice of {nice} there.");
    }
    print_errors(cells, plan.blackbox.is_some());
    print_probes(cells);
    print_breaches(cells);
    print_verdicts(cells);
}

fn print_errors(cells: &[Cell], with_blackbox: bool) {
    println!("\n## |told - true|, in microseconds: mean / p50 / p99 / max\n");
    println!("| machine | scheme | phase | ours | blackbox_exporter |\n|---|---|---|---|---|");
    for cell in cells {
        for (phase, name) in PHASES.iter().enumerate() {
            let Some(ours) = errors(&cell.ours, phase) else {
                continue;
            };
            let theirs = match errors(&cell.theirs, phase) {
                Some(theirs) => in_words(&theirs),
                None if with_blackbox => "-".to_owned(),
                None => "skipped: not installed".to_owned(),
            };
            println!(
                "| {} | {name} | {} | {theirs} |",
                place(cell),
                in_words(&ours)
            );
        }
    }
}

fn in_words(errors: &Errors) -> String {
    let Errors {
        mean,
        p50,
        p99,
        max,
    } = errors;
    format!("{mean:.1} / {p50:.1} / {p99:.0} / {max:.0}")
}

fn place(cell: &Cell) -> String {
    let load = if cell.busy { "busy" } else { "idle" };
    format!("{load} | {}", cell.scheme.words())
}

fn print_probes(cells: &[Cell]) {
    println!(
        "\n## What was looked at\n\n| machine | scheme | probes | failed | though answered \
         in time | though delayed by us | paired | not paired | merged | slots skipped | clock fallbacks | \
         blackbox_exporter: probes | paired | segments | dropped |\n|{}",
        "---|".repeat(15)
    );
    for cell in cells {
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} ({:.2} %) | {} ({:.2} %) | {} | {} | {} | {} |",
            place(cell),
            cell.n_probes,
            counts(&cell.failed.reasons),
            cell.failed.in_time,
            cell.failed.delayed,
            cell.ours.len(),
            counts(&cell.unpaired),
            cell.n_merged(),
            cell.n_skipped,
            cell.skipped(),
            cell.n_fallbacks,
            cell.fallbacks(),
            cell.n_theirs,
            cell.theirs.len(),
            cell.n_captured,
            cell.n_dropped,
        );
    }
}

/// Each count with what it counts.
fn counts<K: Display>(counts: &BTreeMap<K, usize>) -> String {
    if counts.is_empty() {
        return "0".to_owned();
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(what, count)| format!("{count} {what}"))
        .collect();
    counts.join(", ")
}

fn print_breaches(cells: &[Cell]) {
    let mut all = Breaches::default();
    for cell in cells {
        all += cell.breaches;
    }
    let n_probes: usize = cells.iter().map(|cell| cell.n_probes).sum();
    println!("\n## Every probe of ours\n\n| breaks | of {n_probes} probes |\n|---|---|");
    for (what, count) in [
        ("phases in order, none ends before it starts", all.order),
        ("phases do not overlap", all.overlap),
        ("phases lie inside the probe", all.outside),
        ("overhead is not negative", all.overhead),
        (
            "phases and overhead are the duration, to the nanosecond",
            all.sum,
        ),
    ] {
        println!("| {what} | {count} |");
    }
}

fn print_verdicts(cells: &[Cell]) {
    println!(
        "\n## Bounds\n\n| what, on the busy machine | figure | bound | met |\n|---|---|---|---|"
    );
    for cell in cells.iter().filter(|cell| cell.busy) {
        let scheme = cell.scheme.words();
        let plain = cell.scheme == Scheme::Plain;
        let factor = if plain { 1.0 } else { 2.0 };
        for phase in ["connect", "tls", "first_byte"] {
            let Some(errors) = errors_of(&cell.ours, phase) else {
                continue;
            };
            let mean = format!("{scheme}: {phase}, mean, us");
            judge(&mean, errors.mean, MAX_MEAN * factor);
            let p99 = format!("{scheme}: {phase}, p99, us");
            judge(&p99, errors.p99, MAX_P99 * factor);
        }
        print_without_merged(cell);
        judge(
            &format!("{scheme}: slots skipped, %"),
            cell.skipped(),
            MAX_SKIPPED,
        );
        judge(
            &format!("{scheme}: clock fallbacks, %"),
            cell.fallbacks(),
            MAX_FALLBACKS,
        );
    }
}

/// The same without the probes whose only stamp was that of the last piece.
fn print_without_merged(cell: &Cell) {
    let others = || cell.ours.iter().filter(|pair| !pair.is_merged());
    if let Some(errors) = errors_of(others(), "first_byte")
        && cell.n_merged() > 0
    {
        let of = format!("{} of {}", others().count(), cell.ours.len());
        let what = format!("{}: first_byte, {of} not merged", cell.scheme.words());
        println!("| {what} | {} | - | - |", in_words(&errors));
    }
}

fn errors_of<'a>(pairs: impl IntoIterator<Item = &'a Pair>, phase: &str) -> Option<Errors> {
    let index = PHASES.iter().position(|name| *name == phase)?;
    errors(pairs, index)
}

fn judge(what: &str, figure: f64, at_most: f64) {
    let met = if figure <= at_most { "yes" } else { "NO" };
    println!("| {what} | {figure:.2} | <= {at_most} | {met} |");
}

impl Cell {
    /// Probes that found the pieces of the response merged.
    fn n_merged(&self) -> usize {
        self.ours.iter().filter(|pair| pair.is_merged()).count()
    }

    /// Slots skipped, in per cent.
    fn skipped(&self) -> f64 {
        100.0 * self.n_skipped / self.n_slots
    }

    /// Bounds that the kernel should have told and did not, in per cent.
    fn fallbacks(&self) -> f64 {
        100.0 * self.n_fallbacks / (self.n_by_kernel as f64 + self.n_fallbacks)
    }
}
