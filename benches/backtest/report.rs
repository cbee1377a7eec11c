//! The tables of a run.

use crate::class::BASELINES;
use crate::class::PACES;
use crate::judge::Encounter;
use crate::judge::Found;
use crate::judge::Verdict;
use crate::judge::Watch;
use crate::plan::Plan;
use crate::settings::Settings;
use crate::spikes::HEIGHTS;
use crate::spikes::LENGTHS;
use crate::table;
use crate::table::share;
use crate::table::spread;
use crate::time::DAY;
use crate::time::MINUTE;
use crate::time::MONTH;
use crate::time::SECOND;

/// A row beside one of all classes.
const STEADY: &str = "… where the share of conflicts does not move of itself";

/// Prints all tables. The first verdict is that of the judged alert.
pub fn print(settings: &Settings, plan: &Plan, verdicts: &[Verdict]) {
    let judged = &verdicts[0];
    let (query, holds) = &plan.alerts[0];
    let watched: i64 = judged.watches.iter().map(|watch| watch.watched).sum();
    println!(
        "### Back-test of `{}`, seed {}\n",
        query.name, settings.seed
    );
    println!(
        "{} spikes, {} targets, {:.0} target-months behind a warm-up of two days.",
        judged.encounters.len(),
        judged.watches.len(),
        watched as f64 / MONTH as f64
    );
    println!(
        "The alert has `for: {} s` and `keep_firing_for: {} s`; delays in probes are without `for`.",
        holds.before / SECOND,
        holds.after / SECOND
    );
    println!(
        "A spike is found if the alert begins to fire before it is over, or within `for` and two \
         scrapes and two evaluations afterwards."
    );
    println!(
        "A false alarm begins neither in a spike nor in the hour or 30 probes behind it, whichever \
         is longer.\n"
    );
    required(judged);
    println!("Found, and probes until the alert fired (median / ninth decile):\n");
    by_class(judged);
    println!("Found by height over the baseline and by length in probes, all classes together:\n");
    by_shape(judged, |_| true);
    println!("The same on quiet baselines:\n");
    by_shape(judged, |encounter| encounter.baseline.is_quiet);
    println!("False alarms:\n");
    false_alarms(judged);
    println!("Beside naive rules:\n");
    naive(verdicts);
}

/// The spikes that pass a filter: how many, and how those were found that were.
fn of(verdict: &Verdict, filter: impl Fn(&Encounter) -> bool) -> (usize, Vec<Found>) {
    let chosen = verdict.encounters.iter().filter(|one| filter(one));
    let all: Vec<Option<Found>> = chosen.map(|one| one.found).collect();
    (all.len(), all.into_iter().flatten().collect())
}

fn found(verdict: &Verdict, filter: impl Fn(&Encounter) -> bool) -> String {
    let (n, found) = of(verdict, filter);
    share(found.len(), n)
}

fn probes(found: &[Found]) -> Vec<f64> {
    found.iter().map(|found| found.n_probes).collect()
}

fn minutes(found: &[Found]) -> Vec<f64> {
    let delays = found.iter().map(|found| found.delay as f64);
    delays.map(|delay| delay / MINUTE as f64).collect()
}

fn must_be_found(encounter: &Encounter) -> bool {
    encounter.shape.is_high() || encounter.shape.is_long()
}

fn required(verdict: &Verdict) {
    let mut rows = Vec::new();
    let mut row = |what: &str, wanted: &str, figure: String| {
        rows.push(vec![what.to_owned(), wanted.to_owned(), figure]);
    };
    let high = |one: &Encounter| one.shape.is_high();
    let long = |one: &Encounter| one.shape.is_long();
    let steady = |one: &Encounter| !one.baseline.moves();
    let what = "found: ≥ 50 points, ≥ 40 probes";
    row(what, "≥ 99 %", found(verdict, high));
    row(STEADY, "", found(verdict, |one| steady(one) && high(one)));
    let what = "found: ≥ 20 points, ≥ 250 probes";
    row(what, "≥ 99 %", found(verdict, long));
    row(STEADY, "", found(verdict, |one| steady(one) && long(one)));
    let quiet = |one: &Encounter| one.baseline.is_quiet && must_be_found(one);
    let (_, in_quiet) = of(verdict, quiet);
    row(
        "those on a quiet baseline: median probes until it fires, besides `for`",
        "≤ 10",
        median(&in_quiet),
    );
    for pace in PACES {
        let (_, found) = of(verdict, |one| {
            quiet(one) && one.pace.interval == pace.interval
        });
        let name = format!("… probed every {} s", pace.interval / SECOND);
        row(&name, "", median(&found));
    }
    let slow = |one: &Encounter| one.pace.interval == 5 * MINUTE && one.shape.is_high();
    for (what, wanted, is_quiet) in [
        (
            "found within 6 conflicts, 5-minute targets, ≥ 50 points, quiet baseline",
            "all",
            true,
        ),
        ("… other baselines", "", false),
    ] {
        let (n, found) = of(verdict, |one| {
            slow(one) && one.baseline.is_quiet == is_quiet
        });
        let soon = found.iter().filter(|found| found.n_conflicts <= 6).count();
        let most = found.iter().map(|found| found.n_conflicts).max();
        let figure = format!("{}, at most {}", share(soon, n), most.unwrap_or_default());
        row(what, wanted, figure);
    }
    let all: Vec<&Watch> = verdict.watches.iter().collect();
    row("false alarms a target and month", "≤ 1", a_month(&all));
    let all_steady = all.iter().copied().filter(|watch| !watch.baseline.moves());
    row(STEADY, "", a_month(&all_steady.collect::<Vec<_>>()));
    let months = all
        .iter()
        .map(|watch| a_month(&[watch]).parse().unwrap_or(0.0));
    let worst = months.fold(0.0, f64::max);
    row("… of the worst target", "", format!("{worst:.2}"));
    table::print(&["what", "wanted", "figure (of)"], &rows);
}

fn median(found: &[Found]) -> String {
    let values = probes(found);
    table::quantile(&values, 0.5).map_or_else(
        || "-".to_owned(),
        |median| format!("{median:.1} ({})", found.len()),
    )
}

fn by_class(verdict: &Verdict) {
    let mut rows = Vec::new();
    let mut row = |name: String, filter: &dyn Fn(&Encounter) -> bool| {
        let (n, all) = of(verdict, filter);
        if n > 0 {
            let (_, in_time) = of(verdict, |one| filter(one) && must_be_found(one));
            rows.push(vec![
                name,
                found(verdict, |one| filter(one) && one.shape.is_high()),
                found(verdict, |one| filter(one) && one.shape.is_long()),
                spread(&probes(&in_time)),
                spread(&minutes(&in_time)),
                share(all.len(), n),
                spread(&probes(&all)),
            ]);
        }
    };
    for baseline in BASELINES {
        row(baseline.name.to_owned(), &|one| {
            one.baseline.name == baseline.name
        });
    }
    for pace in PACES {
        row(format!("every {} s", pace.interval / SECOND), &|one| {
            one.pace.interval == pace.interval
        });
    }
    row("all".to_owned(), &|_| true);
    let head = [
        "class",
        "≥ 50 points, ≥ 40 probes",
        "≥ 20 points, ≥ 250 probes",
        "probes until these were found",
        "minutes, `for` included",
        "any spike",
        "probes",
    ];
    table::print(&head, &rows);
}

fn by_shape(verdict: &Verdict, filter: impl Fn(&Encounter) -> bool) {
    let lengths = LENGTHS.map(|length| length.to_string());
    let mut head = vec!["points"];
    head.extend(lengths.iter().map(String::as_str));
    let rows = HEIGHTS.map(|height| {
        let name = if height == 100 {
            "to 100 %".to_owned()
        } else {
            height.to_string()
        };
        let cells = LENGTHS.map(|length| {
            found(verdict, |one| {
                filter(one) && one.shape.height == height && one.shape.n_probes == length
            })
        });
        [vec![name], cells.to_vec()].concat()
    });
    table::print(&head, &rows);
}

/// False alarms a target and month.
fn a_month(watches: &[&Watch]) -> String {
    let n_false: u32 = watches.iter().map(|watch| watch.n_false).sum();
    let calm: i64 = watches.iter().map(|watch| watch.calm).sum();
    format!("{:.2}", f64::from(n_false) * MONTH as f64 / calm as f64)
}

fn falsely_firing(watches: &[&Watch]) -> String {
    let firing: i64 = watches.iter().map(|watch| watch.falsely_firing).sum();
    let calm: i64 = watches.iter().map(|watch| watch.calm).sum();
    format!("{:.2} %", 100.0 * firing as f64 / calm as f64)
}

fn false_alarms(verdict: &Verdict) {
    let mut rows = Vec::new();
    let mut row = |name: String, filter: &dyn Fn(&Watch) -> bool| {
        let watches = verdict.watches.iter().filter(|watch| filter(watch));
        let watches: Vec<&Watch> = watches.collect();
        if watches.is_empty() {
            return;
        }
        let calm: i64 = watches.iter().map(|watch| watch.calm).sum();
        let n_false = watches.iter().map(|watch| watch.n_false as usize).sum();
        let n_echoes = watches.iter().map(|watch| watch.n_echoes as usize).sum();
        let n_early: u32 = watches.iter().map(|watch| watch.n_early).sum();
        rows.push(vec![
            name,
            format!("{:.0}", calm as f64 / DAY as f64),
            a_month(&watches),
            share(n_echoes, n_false),
            falsely_firing(&watches),
            format!("{:.2}", f64::from(n_early) / watches.len() as f64),
        ]);
    };
    for baseline in BASELINES {
        row(baseline.name.to_owned(), &|one| {
            one.baseline.name == baseline.name
        });
    }
    for pace in PACES {
        row(format!("every {} s", pace.interval / SECOND), &|one| {
            one.pace.interval == pace.interval
        });
    }
    row("all".to_owned(), &|_| true);
    let head = [
        "class",
        "target-days without a spike",
        "a target and month",
        "of them in the day behind a spike",
        "time firing without a spike",
        "a target in its first two days",
    ];
    table::print(&head, &rows);
}

fn naive(verdicts: &[Verdict]) {
    let names = [
        "the shipped rules",
        "more than 3 conflicts in 10 m",
        "ratio over 10 m > 5 %",
        "ratio over 10 m > 3 × that of the last day",
    ];
    let rows: Vec<Vec<String>> = verdicts
        .iter()
        .zip(names)
        .map(|(verdict, name)| {
            let all: Vec<&Watch> = verdict.watches.iter().collect();
            let (_, in_time) = of(verdict, must_be_found);
            vec![
                name.to_owned(),
                found(verdict, |one| one.shape.is_high()),
                found(verdict, |one| one.shape.is_long()),
                found(verdict, |_| true),
                spread(&probes(&in_time)),
                a_month(&all),
                falsely_firing(&all),
            ]
        })
        .collect();
    let head = [
        "rule",
        "≥ 50 points, ≥ 40 probes",
        "≥ 20 points, ≥ 250 probes",
        "any spike",
        "probes until found",
        "false alarms a target and month",
        "time firing without a spike",
    ];
    table::print(&head, &rows);
}
