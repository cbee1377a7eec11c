//! 10,000 targets every 10 seconds, while Prometheus scrapes: is every slot used, how late do
//! probes start, and what does it take.

use std::io::Read;
use std::path::Path;
use std::thread;
use std::time::Duration;

use flate2::read::GzDecoder;
use tokio::time::Instant;

use crate::http;
use crate::process::cpu_seconds;
use crate::process::memory_mb;
use crate::report;
use crate::server::Server;
use crate::setting;
use crate::subjects;
use crate::subjects::Exporter;
use crate::subjects::total;

const INTERVAL: u32 = 10;
const SCRAPE_INTERVAL: u32 = 15;
const N_ADDRESSES: u8 = 16;

/// The bounds: how late 99 of 100 probes may start, and how much memory may be resident.
const MAX_LAG_MS: f64 = 10.0;
const MAX_MEMORY_MB: f64 = 100.0;

/// Measures and prints all.
pub fn run(folder: &Path) {
    let n_targets = setting("BENCH_TARGETS", 10_000);
    let seconds = setting("BENCH_SCALE_SECONDS", 60);
    let server = Server::start(N_ADDRESSES, None);
    let mut config = subjects::module("{}") + "targets:\n";
    for (index, address) in (0..n_targets).zip(server.addresses.iter().cycle()) {
        config += &format!(
            "  - {{url: 'http://{address}/orders/{index}', module: bench, interval: {INTERVAL}s}}\n"
        );
    }
    let exporter = Exporter::start(folder, &config);
    let pid = exporter.process.id();
    // Until every target has been probed once.
    thread::sleep(Duration::from_secs((INTERVAL + 1).into()));
    let cpu = cpu_seconds(pid);
    let started = Instant::now();
    let mut scrapes = Vec::new();
    for elapsed in (0..=seconds).step_by(SCRAPE_INTERVAL as usize) {
        let due = started + Duration::from_secs(elapsed.into());
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let asked = Instant::now();
        let page = http::get(exporter.address, "/metrics", "Accept-Encoding: gzip\r\n").unwrap();
        let (took, megabytes) = (asked.elapsed(), page.len() as f64 / 1e6);
        println!("scrape: {megabytes:.1} MB of gzip in {took:.2?}");
        scrapes.push((page, took));
    }
    let cpu = cpu_seconds(pid) - cpu;
    let elapsed = started.elapsed().as_secs_f64();
    let (resident, peak) = (memory_mb(pid, "VmRSS"), memory_mb(pid, "VmHWM"));
    drop(exporter);
    let (first, _) = &scrapes[0];
    let (last, took) = &scrapes[scrapes.len() - 1];
    let (first, last) = (text_of(first), text_of(last));

    let what = format!("{n_targets} targets every {INTERVAL} s");
    let grown = |family: &str| total(&last, family) - total(&first, family);
    let probes = grown("httpcycle_probes_total");
    report::tell(
        &format!("{what}: probes"),
        &format!("{probes} in {elapsed:.0} s"),
    );
    let failed = grown("httpcycle_probe_failures_total");
    report::judge(
        &format!("{what}: probes failed"),
        failed,
        &failed.to_string(),
        0.0,
    );
    let skipped = total(&last, "httpcycle_probes_skipped_total");
    report::judge(
        &format!("{what}: slots skipped"),
        skipped,
        &skipped.to_string(),
        0.0,
    );
    lag(&what, &first, &last);
    let told = total(&last, "process_resident_memory_bytes") / 1e6;
    report::judge(
        &format!("{what}: memory, peak, MB"),
        peak,
        &format!("{peak:.0} (now {resident:.0}, by the last scrape {told:.0})"),
        MAX_MEMORY_MB,
    );
    let percent = 100.0 * cpu / elapsed;
    report::tell(
        &format!("{what}: CPU, s"),
        &format!("{cpu:.1} in {elapsed:.0} s, {percent:.0} % of a core, scrapes included"),
    );
    let megabytes = last.len() as f64 / 1e6;
    report::tell(
        &format!("{what}: scrape"),
        &format!("{megabytes:.0} MB, as gzip in {took:.2?}"),
    );
}

/// The page of a scrape, unpacked.
fn text_of(response: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(http::body_of(response))
        .read_to_string(&mut text)
        .unwrap();
    text
}

/// Between which bounds the lag of the probes lies that started between two scrapes.
fn lag(what: &str, first: &str, last: &str) {
    let before = buckets(first);
    let grown: Vec<(f64, f64)> = buckets(last)
        .into_iter()
        .zip(before)
        .map(|((bound, after), (_, before))| (bound * 1e3, after - before))
        .collect();
    let all = grown[grown.len() - 1].1;
    let below = |share: f64| {
        let bucket = grown.iter().find(|(_, count)| *count >= share * all);
        bucket.unwrap().0
    };
    let (p50, p99, max) = (below(0.5), below(0.99), below(1.0));
    report::tell(
        &format!("{what}: lag, ms"),
        &format!("p50 <= {p50}, all <= {max}"),
    );
    report::judge(
        &format!("{what}: lag, p99, ms"),
        p99,
        &format!("<= {p99}"),
        MAX_LAG_MS,
    );
}

/// The upper bounds and cumulative counts of the lag.
fn buckets(page: &str) -> Vec<(f64, f64)> {
    let buckets = page.lines().filter_map(|line| {
        let rest = line.strip_prefix("httpcycle_schedule_lag_seconds_bucket{le=\"")?;
        let (bound, count) = rest.split_once("\"} ")?;
        Some((bound.parse().unwrap(), count.parse().unwrap()))
    });
    buckets.collect()
}
