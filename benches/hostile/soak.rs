//! The built program for half an hour at 500 probes a second, a fifth of them of hostile targets: does
//! anything grow?

use std::collections::BTreeMap;
use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use crate::children::Running;
use crate::figures;
use crate::healthy;
use crate::http;
use crate::lists::List;
use crate::peers::Cores;
use crate::peers::Peers;
use crate::peers::Staged;
use crate::process::cpu_seconds;
use crate::process::memory_mb;
use crate::setting;
use crate::yaml;

const SAMPLE_INTERVAL: Duration = Duration::from_secs(10);

/// How often the healthy targets are probed.
const HEALTHY_INTERVAL_MS: u32 = 1_000;

/// How long a hostile target may hold a probe.
const HOSTILE_TIMEOUT: Duration = Duration::from_millis(500);

/// The bounds of what may grow: memory in MB an hour, descriptors from the first quarter to the last.
const MAX_MB_AN_HOUR: f64 = 1.0;
const MAX_MORE_DESCRIPTORS: f64 = 3.0;

/// What was seen at one moment.
struct Sample {
    at: Duration,
    memory_mb: f64,
    descriptors: f64,
    threads: usize,
    probes: f64,
    /// Skipped slots and failures by their reasons so far.
    skipped: BTreeMap<String, f64>,
    failures: BTreeMap<String, f64>,
}

/// Runs all and prints the tables.
pub fn run() {
    let minutes = setting("SOAK_MINUTES", 30);
    let warm_up = setting("SOAK_WARM_UP_MINUTES", 10.min(minutes / 2));
    let rate = setting("SOAK_RATE", 500);
    let folder = tempfile::tempdir().unwrap();
    let healthy = Peers::start(List::Healthy, Cores::Equal);
    let hostile = Peers::start(List::Catalogue, Cores::Less);
    let (config, n_hostile, n_healthy) = config(&healthy, &hostile, rate);
    let (exporter, address) = start(folder.path(), &config);
    let pid = exporter.id();
    println!(
        "\n{n_healthy} healthy and {n_hostile} hostile targets, {rate} probes a second, {minutes} \
         minutes of which {warm_up} are for warming up; load {}.",
        figures::load()
    );
    let started = Instant::now();
    let mut samples = Vec::new();
    let n_samples = minutes * 60 / SAMPLE_INTERVAL.as_secs() as u32;
    for index in 0..=n_samples {
        let due = started + SAMPLE_INTERVAL * index;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        samples.push(sample(pid, address, started.elapsed()));
        let sample = &samples[samples.len() - 1];
        eprintln!(
            "{:4} s: {:.2} MB, {} descriptors, {} threads, {} probes, skipped {:?}",
            sample.at.as_secs(),
            sample.memory_mb,
            sample.descriptors,
            sample.threads,
            sample.probes,
            sample.skipped
        );
    }
    let cpu = cpu_seconds(pid);
    drop(exporter);
    print(
        &samples,
        Duration::from_secs(u64::from(warm_up) * 60),
        f64::from(rate),
        cpu,
    );
}

/// The configuration file, and how many hostile and healthy targets it has.
fn config(healthy: &Peers, hostile: &Peers, rate: u32) -> (String, u32, u32) {
    let mut modules = String::new();
    let mut targets = String::new();
    let mut add = |name: &str, staged: &Staged, timeout: Duration| {
        let written = yaml::module(name, staged, timeout);
        if let Some(written) = &written {
            modules += written;
        }
        written.is_some()
    };
    let known: Vec<(String, &Staged)> = hostile
        .staged
        .iter()
        .enumerate()
        .map(|(index, staged)| (format!("hostile_{index}"), staged))
        .filter(|(name, staged)| add(name, staged, HOSTILE_TIMEOUT))
        .collect();
    let left_out = hostile.staged.len() - known.len();
    eprintln!("{left_out} behaviours are left out: their modules cannot be written as they are");
    let kinds = [
        healthy::PLAIN,
        healthy::NAMED,
        healthy::PLAIN,
        healthy::TLS,
        healthy::HTTP2,
    ];
    let kinds = kinds.map(|name| healthy.named(name));
    for (index, staged) in kinds.iter().enumerate() {
        let is_known = add(&format!("healthy_{index}"), staged, HOSTILE_TIMEOUT);
        assert!(is_known, "{}", staged.behaviour.name);
    }
    let mut target = |name: &str, url: &str, module: &str, interval_ms: u32| {
        targets += &format!(
            "  - {{name: {name}, url: \"{url}\", module: {module}, interval: {interval_ms}ms}}\n"
        );
    };
    let n_hostile = known.len() as u32;
    let interval_ms = n_hostile * 5_000 / rate;
    for (name, staged) in &known {
        target(name, &staged.place.url, name, interval_ms.max(500));
    }
    let n_healthy = rate * 4 / 5 * HEALTHY_INTERVAL_MS / 1_000;
    for index in 0..n_healthy {
        let kind = index as usize % kinds.len();
        let (name, module) = (format!("target_{index}"), format!("healthy_{kind}"));
        target(&name, &kinds[kind].place.url, &module, HEALTHY_INTERVAL_MS);
    }
    let text = format!("modules:\n{modules}targets:\n{targets}");
    (text, n_hostile, n_healthy)
}

fn start(folder: &Path, config: &str) -> (Running, SocketAddr) {
    let file = folder.join("httpcycle.yml");
    fs::write(&file, config).unwrap();
    let process = Running::start(
        Command::new(env!("CARGO_BIN_EXE_httpcycle_exporter"))
            .arg(format!("--config.file={}", file.display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdin(Stdio::null())
            .stderr(Stdio::piped()),
    );
    let log = process.child().stderr.take().unwrap();
    let mut lines = BufReader::new(log).lines().map_while(Result::ok);
    let address = lines.by_ref().find_map(|line| {
        let (_, address) = line.split_once("message=listening address=")?;
        address.split(" ").next()?.parse().ok()
    });
    // Read on, so that the pipe does not fill; that targets fail is counted, that we do is told.
    thread::spawn(move || {
        for line in lines.filter(|line| line.contains("panic") || line.contains("report it")) {
            eprintln!("{line}");
        }
    });
    (
        process,
        address.expect("the exporter says where it listens"),
    )
}

fn sample(pid: u32, address: SocketAddr, at: Duration) -> Sample {
    let response = http::get(address, "/metrics", "").unwrap();
    let page = String::from_utf8(http::body_of(&response).to_vec()).unwrap();
    let count = |folder: &str| {
        fs::read_dir(format!("/proc/{pid}/{folder}"))
            .unwrap()
            .count()
    };
    Sample {
        at,
        memory_mb: memory_mb(pid, "VmRSS"),
        descriptors: count("fd") as f64,
        threads: count("task"),
        // The sum of nothing would be -0.
        probes: 0.0
            + sums(&page, "httpcycle_probes_total", &[])
                .values()
                .sum::<f64>(),
        skipped: sums(&page, "httpcycle_probes_skipped_total", &["reason"]),
        failures: sums(
            &page,
            "httpcycle_probe_failures_total",
            &["phase", "reason"],
        ),
    }
}

/// The samples of a family that are not 0, summed by the values of some labels.
fn sums(page: &str, family: &str, labels: &[&str]) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for line in page.lines() {
        let Some(rest) = line.strip_prefix(family) else {
            continue;
        };
        if !rest.starts_with('{') {
            continue;
        }
        let value: f64 = rest.rsplit_once(' ').unwrap().1.parse().unwrap();
        let of_label = |label: &&str| {
            let (_, value) = rest.split_once(&format!("{label}=\"")).unwrap();
            value.split_once('"').unwrap().0
        };
        if value > 0.0 {
            let key: Vec<&str> = labels.iter().map(of_label).collect();
            *sums.entry(key.join("/")).or_default() += value;
        }
    }
    sums
}

fn print_samples(samples: &[Sample]) {
    figures::head(&[
        "minute",
        "probes a second",
        "resident, MB",
        "descriptors",
        "threads",
        "skipped",
    ]);
    let mut before = &samples[0];
    let an_eighth = (samples.len() / 8).max(1);
    for sample in samples.iter().skip(an_eighth).step_by(an_eighth) {
        let seconds = (sample.at - before.at).as_secs_f64();
        figures::row(&[
            &format!("{:.1}", sample.at.as_secs_f64() / 60.0),
            &format!("{:.0}", (sample.probes - before.probes) / seconds),
            &format!("{:.2}", sample.memory_mb),
            &sample.descriptors,
            &sample.threads,
            &(0.0 + sample.skipped.values().sum::<f64>()),
        ]);
        before = sample;
    }
}

fn print(samples: &[Sample], warm_up: Duration, rate: f64, cpu: f64) {
    print_samples(samples);
    let warm: Vec<&Sample> = samples.iter().filter(|s| s.at >= warm_up).collect();
    let (first, last) = (warm[0], warm[warm.len() - 1]);
    figures::head(&["what", "figure", "wanted", "reached"]);
    let seconds = (last.at - first.at).as_secs_f64();
    let probes = last.probes - first.probes;
    let (all, skipped) = (last.probes, 0.0 + last.skipped.values().sum::<f64>());
    figures::judge(
        "probes a second",
        format!("{:.1}", probes / seconds),
        &format!(">= {:.0}", 0.95 * rate),
        probes / seconds >= 0.95 * rate,
    );
    let slope = slope(
        warm.iter()
            .map(|s| (s.at.as_secs_f64() / 3600.0, s.memory_mb)),
    );
    figures::judge(
        "memory after the warm-up, MB an hour",
        format!("{slope:+.2}"),
        "< 1",
        slope < MAX_MB_AN_HOUR,
    );
    let quarter = (warm.len() / 4).max(1);
    let mean =
        |some: &[&Sample]| some.iter().map(|s| s.descriptors).sum::<f64>() / some.len() as f64;
    let (early, late) = (mean(&warm[..quarter]), mean(&warm[warm.len() - quarter..]));
    figures::judge(
        "descriptors, mean of the first and the last quarter after it",
        format!("{early:.1}, {late:.1}"),
        "flat",
        late - early <= MAX_MORE_DESCRIPTORS,
    );
    let internal = last.skipped.get("internal").copied().unwrap_or_default();
    figures::judge("slots skipped as internal", internal, "0", internal == 0.0);
    let why: Vec<String> = last
        .skipped
        .iter()
        .map(|(why, n)| format!("{why} {n}"))
        .collect();
    let share = 100.0 * skipped / (all + skipped);
    figures::row(&[
        &"slots skipped",
        &format!(
            "{skipped} of {:.0}, {share:.2} % ({})",
            all + skipped,
            why.join(", ")
        ),
        &"-",
        &"-",
    ]);
    let per_probe = cpu / all * 1e6;
    figures::row(&[&"CPU a probe, µs", &format!("{per_probe:.0}"), &"-", &"-"]);
    let unforeseen = 0.0
        + last
            .failures
            .iter()
            .filter(|(reason, _)| reason.ends_with("/other"))
            .map(|(_, n)| n)
            .sum::<f64>();
    figures::judge(
        "failures that nobody foresaw",
        unforeseen,
        "0",
        unforeseen == 0.0,
    );
    println!("\nFailures: {} reasons, at the end:", last.failures.len());
    figures::head(&["phase/reason", "probes"]);
    for (reason, n) in &last.failures {
        figures::row(&[reason, n]);
    }
}

/// The slope of the line that fits best.
fn slope(points: impl Iterator<Item = (f64, f64)>) -> f64 {
    let points: Vec<(f64, f64)> = points.collect();
    let n = points.len() as f64;
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / n;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / n;
    let both: f64 = points
        .iter()
        .map(|(x, y)| (x - mean_x) * (y - mean_y))
        .sum();
    let squares: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    both / squares
}
