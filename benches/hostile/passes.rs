//! Passes over the catalogue with a deadline that is too short for many: panics, what the deadline is
//! overshot by, and what is left of descriptors and memory.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures_util::FutureExt;
use httpcycle_exporter::app;
use httpcycle_exporter::outcome::Attempt;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::probe::Prober;
use httpcycle_exporter::probe::heartbeat::Heartbeat;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::catalogue::Behaviour;
use crate::figures;
use crate::figures::memory_kb;
use crate::figures::ms;
use crate::figures::n_descriptors;
use crate::figures::percentile;
use crate::floods;
use crate::isolation;
use crate::lists::List;
use crate::peers::Cores;
use crate::peers::Peers;
use crate::setting;
use crate::support::cut::may_be;

const TIMEOUT: Duration = Duration::from_millis(200);

/// How many probes are in flight at once.
const AT_ONCE: usize = 24;

/// How soon after its end nothing may be left of a pass.
const LEFT_BEHIND: Duration = Duration::from_millis(100);

/// The bounds of the deadline's overshoot and of the growth of memory.
const MAX_OVERSHOOT: Duration = Duration::from_millis(50);
const MAX_GROWTH: f64 = 0.05;

/// From which pass on memory is not to grow.
const SETTLED: u32 = 10;

/// What came of some passes.
#[derive(Default)]
struct Found {
    probes: usize,
    panics: usize,
    as_expected: usize,
    cut: usize,
    skipped: usize,
    unforeseen: BTreeMap<String, usize>,
    /// Of those that lasted until their deadline.
    overshoots: Vec<Duration>,
    worst: (Duration, String),
}

/// Runs all and prints the table.
pub fn run() {
    let n_passes = setting("HOSTILE_PASSES", 100);
    let peers = Peers::start(List::Catalogue, Cores::Less);
    let flooding = Peers::start(List::Floods, Cores::Spare);
    let runtime = app::probing_runtime().unwrap();
    let heartbeat = Arc::<Heartbeat>::default();
    let beating = heartbeat.clone();
    runtime.spawn(async move { beating.beat().await });
    let probers = peers.staged.iter().map(|staged| {
        let prober = Arc::new(staged.prober(TIMEOUT, &heartbeat));
        let Behaviour {
            name,
            expected,
            last_phase,
            ..
        } = &staged.behaviour;
        Row {
            name: name.clone(),
            expected: *expected,
            last_phase: *last_phase,
            prober,
        }
    });
    let rows: Vec<Row> = probers.collect();
    // The bodies of uploads are the modules', and would make what grows look small.
    let bodies = probers_bodies(&rows) / 1024;
    let baseline = n_descriptors();
    let (mut found, mut slowest, mut left) = (Found::default(), Duration::ZERO, 0);
    let (mut settled, mut last) = (0, 0);
    for pass in 1..=n_passes {
        runtime.block_on(one_pass(&rows, &mut found));
        let ended = Instant::now();
        while n_descriptors() > baseline && ended.elapsed() < LEFT_BEHIND {
            thread::sleep(Duration::from_millis(1));
        }
        slowest = slowest.max(ended.elapsed());
        left = left.max(n_descriptors().saturating_sub(baseline));
        last = memory_kb("VmRSS").saturating_sub(bodies);
        if pass == SETTLED.min(n_passes) {
            settled = last;
        }
        if pass % 10 == 0 {
            eprintln!("pass {pass}: {last} kB, {} descriptors", n_descriptors());
        }
    }
    let mut beside = Found::default();
    let floods = [
        floods::CRUMBS,
        floods::DATA_CRUMBS,
        floods::FAST_BODY,
        floods::PINGS,
    ];
    let running = floods.map(|name| isolation::start(&runtime, flooding.named(name), &heartbeat));
    for _ in 0..(n_passes / 5).max(1) {
        runtime.block_on(one_pass(&rows, &mut beside));
    }
    drop(running);
    print(&found, &beside, n_passes, rows.len());
    figures::judge(
        "most descriptors above the baseline, 100 ms after a pass",
        left,
        "0",
        left == 0,
    );
    figures::judge(
        "longest until descriptors were back, ms",
        ms(slowest),
        "<= 100",
        slowest <= LEFT_BEHIND,
    );
    let growth = last as f64 / settled as f64 - 1.0;
    figures::judge(
        &format!(
            "resident memory without the bodies of uploads, pass {SETTLED} and {n_passes}, kB"
        ),
        format!("{settled}, {last} ({:+.1} %)", growth * 100.0),
        "<= +5 %",
        growth <= MAX_GROWTH,
    );
    runtime.shutdown_background();
}

struct Row {
    name: String,
    expected: Option<Reason>,
    last_phase: Option<Phase>,
    prober: Arc<Prober>,
}

fn probers_bodies(rows: &[Row]) -> u64 {
    let bodies = rows.iter().map(|row| &row.prober.target().module.body);
    bodies.map(|body| body.expose().len() as u64).sum()
}

async fn one_pass(rows: &[Row], found: &mut Found) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut probes = JoinSet::new();
    for (index, row) in rows.iter().enumerate() {
        let (prober, places) = (row.prober.clone(), places.clone());
        probes.spawn(async move {
            let _place = places.acquire().await;
            let began = Instant::now();
            let probe = AssertUnwindSafe(Box::pin(prober.probe()));
            let attempt = probe.catch_unwind().await;
            (index, attempt.ok(), began.elapsed())
        });
    }
    while let Some(done) = probes.join_next().await {
        let (index, attempt, took) = done.unwrap();
        let Row {
            name,
            expected,
            last_phase,
            ..
        } = &rows[index];
        found.probes += 1;
        if took >= TIMEOUT {
            let over = took - TIMEOUT;
            found.overshoots.push(over);
            if over > found.worst.0 {
                found.worst = (over, name.clone());
            }
        }
        let Some(attempt) = attempt else {
            found.panics += 1;
            continue;
        };
        let reason = match &attempt {
            Attempt::Finished(outcome) => outcome.failure.as_ref().map(|failure| failure.reason),
            Attempt::Skipped(reason) => {
                found.skipped += 1;
                if !may_be(*expected, *last_phase, &attempt) {
                    let what = format!("{name}: skipped, {}", reason.label());
                    *found.unforeseen.entry(what).or_default() += 1;
                }
                continue;
            }
        };
        if reason == *expected {
            found.as_expected += 1;
        } else if may_be(*expected, *last_phase, &attempt) {
            found.cut += 1;
        } else {
            let what = format!("{name}: {reason:?} instead of {expected:?}");
            *found.unforeseen.entry(what).or_default() += 1;
        }
    }
}

fn print(found: &Found, beside: &Found, n_passes: u32, n_rows: usize) {
    println!(
        "\n{n_passes} passes over {n_rows} behaviours at a deadline of {} ms, {AT_ONCE} at once; load {}.",
        TIMEOUT.as_millis(),
        figures::load()
    );
    figures::head(&["what", "figure", "wanted", "reached"]);
    for (when, found) in [("", found), (" beside four floods", beside)] {
        let Found {
            probes,
            as_expected,
            cut,
            skipped,
            ..
        } = found;
        let figure = format!("{as_expected}, {cut}, {skipped} of {probes}");
        figures::row(&[
            &format!("as expected, cut before that, skipped{when}"),
            &figure,
            &"-",
            &"-",
        ]);
        let n_unforeseen: usize = found.unforeseen.values().sum();
        figures::judge(
            &format!("anything else{when}"),
            n_unforeseen,
            "0",
            n_unforeseen == 0,
        );
        figures::judge(
            &format!("panics{when}"),
            found.panics,
            "0",
            found.panics == 0,
        );
        let mut sorted = found.overshoots.clone();
        sorted.sort();
        let at = |share| ms(percentile(&sorted, share));
        let p999 = percentile(&sorted, 0.999);
        figures::judge(
            &format!("overshoot of {} deadlines{when}, ms", sorted.len()),
            format!(
                "p50 {}, p99 {}, p99.9 {}, worst {} ({})",
                at(0.5),
                at(0.99),
                ms(p999),
                ms(found.worst.0),
                found.worst.1
            ),
            "p99.9 <= 50",
            p999 <= MAX_OVERSHOOT,
        );
    }
    for (what, n) in found.unforeseen.iter().chain(&beside.unforeseen) {
        eprintln!("unforeseen, {n} times: {what}");
    }
}
