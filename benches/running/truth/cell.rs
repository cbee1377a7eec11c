//! One server on one machine, idle or busy, probed by both.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use crate::subjects;
use crate::subjects::Exporter;
use crate::subjects::total;
use crate::truth::Plan;
use crate::truth::capture::Capture;
use crate::truth::connection::connections;
use crate::truth::load::BusyLoops;
use crate::truth::pairs;
use crate::truth::pairs::Failed;
use crate::truth::pairs::Matched;
use crate::truth::pairs::Pair;
use crate::truth::probes;
use crate::truth::probes::Breaches;
use crate::truth::probes::Probe;
use crate::truth::responder::Responder;
use crate::truth::responder::Scheme;
use crate::truth::theirs;

/// How both look at the server's certificate.
pub const TLS_CONFIG: &str = "{insecure_skip_verify: true}";

const N_TARGETS: usize = 8;
const INTERVAL_MS: usize = 50;

/// How many times longer than planned the probes may take.
const PATIENCE: u32 = 6;

/// What was measured.
pub struct Cell {
    /// What the server spoke.
    pub scheme: Scheme,
    /// Whether the cores were taken.
    pub busy: bool,
    /// Our probes that were paired.
    pub ours: Vec<Pair>,
    /// Those of blackbox_exporter.
    pub theirs: Vec<Pair>,
    /// How many probes blackbox_exporter made.
    pub n_theirs: usize,
    /// How many probes we told of.
    pub n_probes: usize,
    /// Those of them that failed.
    pub failed: Failed,
    /// Why others have no pair.
    pub unpaired: BTreeMap<&'static str, usize>,
    /// What the probes break.
    pub breaches: Breaches,
    /// How many bounds the kernel told, and how many it should have.
    pub n_by_kernel: usize,
    /// How many it did not.
    pub n_fallbacks: f64,
    /// How many slots there were.
    pub n_slots: f64,
    /// How many were skipped.
    pub n_skipped: f64,
    /// How many packets were captured.
    pub n_captured: usize,
    /// How many were not.
    pub n_dropped: u64,
}

/// What the exporter told at the end.
struct Told {
    probes: Vec<Probe>,
    metrics: String,
}

impl Cell {
    /// Measures it.
    pub fn measure(plan: &Plan<'_>, scheme: Scheme, busy: bool) -> Self {
        let load = if busy { "busy" } else { "idle" };
        println!("measuring: {}, {load}", scheme.words());
        let server = Responder::start(scheme);
        let ports = [server.ours.port(), server.theirs.port()];
        let capture = Capture::start(plan.folder, &ports).unwrap();
        let busy_loops = busy.then(BusyLoops::start);
        let nice = plan.nice.as_deref().filter(|_| busy);
        let ours = probe(plan, scheme, &server, nice);
        let theirs = theirs::probe(plan, scheme, server.theirs);
        drop(busy_loops);
        let captured = capture.finish();

        let [our_connections, their_connections] =
            ports.map(|port| connections(&captured.segments, port));
        let matched = Matched::new(&ours.probes, &our_connections, scheme);
        let (pairs, unpaired) = matched.pairs();
        let failed = matched.failed(INTERVAL_MS as u64 * 1_000_000, plan.n_worst);
        let their_pairs = pairs::theirs(&theirs, &their_connections, scheme);
        pairs::print_worst("ours", &pairs, plan.n_worst);
        pairs::print_worst("blackbox_exporter", &their_pairs, plan.n_worst);
        let mut breaches = Breaches::default();
        for probe in &ours.probes {
            breaches += probe.breaches();
        }
        let n_skipped = total(&ours.metrics, "httpcycle_probes_skipped_total");
        Self {
            scheme,
            busy,
            ours: pairs,
            theirs: their_pairs,
            n_theirs: theirs.len(),
            n_probes: ours.probes.len(),
            failed,
            unpaired,
            breaches,
            n_by_kernel: ours.probes.iter().map(Probe::n_by_kernel).sum(),
            n_fallbacks: total(&ours.metrics, "httpcycle_clock_fallbacks_total"),
            n_slots: total(&ours.metrics, "httpcycle_probes_total") + n_skipped,
            n_skipped,
            n_captured: captured.segments.len(),
            n_dropped: captured.dropped,
        }
    }
}

/// Probes with this exporter until there are enough.
fn probe(plan: &Plan<'_>, scheme: Scheme, server: &Responder, nice: Option<&str>) -> Told {
    let mut config = subjects::module(TLS_CONFIG) + "targets:\n";
    for index in 0..N_TARGETS {
        config += &format!(
            "  - {{name: t{index}, url: '{}://{}/', module: bench, interval: {INTERVAL_MS}ms}}\n",
            scheme.of_url(),
            server.ours
        );
    }
    // A timeout must not be longer than the interval.
    let config = config.replace("timeout: 1s", &format!("timeout: {INTERVAL_MS}ms"));
    let flags = ["--history.limit=10000"];
    let exporter = Exporter::start_with(plan.folder, &config, &flags);
    if let Some(nice) = nice {
        renice(exporter.process.id(), nice);
    }
    let planned = Duration::from_millis((plan.n_ours * INTERVAL_MS / N_TARGETS) as u64);
    let started = Instant::now();
    loop {
        thread::sleep((planned / 4).max(Duration::from_millis(500)));
        let metrics = exporter.metrics();
        if total(&metrics, "httpcycle_probes_total") >= plan.n_ours as f64 {
            let probes = probes::read(&exporter.page("/api/v1/targets"));
            return Told { probes, metrics };
        }
        assert!(started.elapsed() < planned * PATIENCE, "too few probes");
    }
}

/// Gives all threads of a process another priority.
fn renice(pid: u32, nice: &str) {
    for task in fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let task = task.unwrap().file_name();
        let mut command = Command::new("renice");
        command.args(["-n", nice, "-p"]).arg(task);
        let done = command.output().unwrap();
        assert!(done.status.success(), "{command:?}: {done:?}");
    }
}
