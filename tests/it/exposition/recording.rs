//! Probes that record while others scrape and reload.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use httpcycle_exporter::metrics::format::Format;

use super::*;

const N_SCRAPES: usize = 20;

/// The sum of the samples whose line begins with `prefix`, and how many there are.
fn sum(page: &str, prefix: &str) -> (f64, usize) {
    let values: Vec<f64> = page
        .lines()
        .filter(|line| line.starts_with(prefix))
        .map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
        .collect();
    (values.iter().sum(), values.len())
}

/// Records pairs of probes of 1 and 10 ms a phase until `done`; returns how many pairs.
fn record(store: &Store, target: &Target, thread: u16, done: &AtomicBool) -> u32 {
    let series = store.series("a").unwrap();
    let mut n_pairs = 0;
    while n_pairs < 100 || !done.load(Relaxed) {
        for milliseconds in [1, 10] {
            // 50 codes, so that threads race for the slots and some codes find none.
            let code = 300 + (u16::try_from(n_pairs % 50).unwrap() + thread) % 50;
            series.record(&answer(target, code, milliseconds));
        }
        n_pairs += 1;
    }
    n_pairs
}

#[test]
fn counters_only_grow_and_nothing_is_lost() {
    // One target for all threads, harder than it ever gets.
    let target = target("a", "http://127.0.0.1/");
    let store = store(vec![target.clone()], &bounds(&[0.005]));
    let done = AtomicBool::new(false);
    let n_pairs: u32 = thread::scope(|scope| {
        let (store, target, done) = (&store, &target, &done);
        let threads =
            [0, 1, 2, 3].map(|thread| scope.spawn(move || record(store, target, thread, done)));
        let mut last = String::new();
        for _ in 0..N_SCRAPES {
            let page = page_of_targets(store, Format::Text);
            check_growth(&last, &page);
            last = page;
            // The threads go on with what they hold.
            reconcile(store, vec![target.clone()], &bounds(&[0.005]));
        }
        done.store(true, Relaxed);
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    let page = page(&store, Format::Text);
    let n_probes = f64::from(2 * n_pairs);
    let codes = "httpcycle_responses_total{target=\"a\",code=";
    assert_eq!(sum(&page, codes), (n_probes, 41));
    assert!(value(&page, &format!("{codes}\"other\"}}")).unwrap() > 0.0);
    assert_eq!(sum(&page, "httpcycle_probes_total{"), (n_probes, 1));
    assert_eq!(sum(&page, "httpcycle_probe_failures_total{"), (n_probes, 1));
    let conflicts = sum(&page, "httpcycle_conflicts_total{").0;
    assert_eq!(conflicts, 0.0, "none of the codes is one");
    let verdicts = sum(&page, "httpcycle_probe_duration_seconds_count{").0;
    assert_eq!(verdicts, n_probes);
    let connect = "httpcycle_phase_duration_seconds_sum{target=\"a\",phase=\"connect\"} ";
    let exact = format!(
        "{connect}{}.{:03}",
        n_pairs * 11 / 1000,
        n_pairs * 11 % 1000
    );
    let line = page.lines().find(|line| line.starts_with(connect)).unwrap();
    assert_eq!(line, exact.trim_end_matches('0').trim_end_matches('.'));
}

/// Every counter of `before` stands in `after` with at least its value, and every histogram of
/// `after` has the count of its last bucket.
fn check_growth(before: &str, after: &str) {
    let counts = |line: &str| {
        let name = line.split('{').next().unwrap();
        ["_total", "_bucket", "_sum", "_count"]
            .iter()
            .any(|suffix| name.ends_with(suffix))
    };
    for line in before.lines().filter(|line| counts(line)) {
        let (series, value_before) = line.rsplit_once(' ').unwrap();
        let value_after = value(after, series).expect(series);
        assert!(value_after >= value_before.parse().unwrap(), "{series}");
    }
    let counted = after.lines().filter_map(|line| {
        let (series, count) = line.rsplit_once(' ')?;
        series.contains("_count{").then_some((series, count))
    });
    for (series, count) in counted {
        let last_bucket = series
            .replace("_count{", "_bucket{")
            .replace('}', ",le=\"+Inf\"}");
        assert_eq!(value(after, &last_bucket), count.parse().ok(), "{series}");
    }
}
