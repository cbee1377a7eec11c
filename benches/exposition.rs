//! What it costs to record and to scrape, beside the `prometheus` crate doing the same.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::fs;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use criterion::Criterion;
use criterion::criterion_group;
use criterion::criterion_main;
use httpcycle_exporter::metrics::bounds::Bounds;
use httpcycle_exporter::metrics::format::Format;
use httpcycle_exporter::metrics::own::Own;
use httpcycle_exporter::metrics::page::Page;
use httpcycle_exporter::metrics::store::Store;
use httpcycle_exporter::outcome::HttpVersion;
use httpcycle_exporter::outcome::Outcome;
use httpcycle_exporter::outcome::Response;
use httpcycle_exporter::outcome::judgement::Judgement;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::timeline::{Span, Timeline};
use httpcycle_exporter::target::Target;
use httpcycle_exporter::target::address::TargetUrl;
use httpcycle_exporter::target::labels::Labels;
use httpcycle_exporter::target::module::Module;
use prometheus::CounterVec;
use prometheus::Encoder;
use prometheus::HistogramOpts;
use prometheus::HistogramVec;
use prometheus::Opts;
use prometheus::Registry;
use prometheus::TextEncoder;
use tokio::time::Instant;

const N_TARGETS: usize = 2_000;

/// How much of the time of the `prometheus` crate a sample may take.
const BOUND: f64 = 0.2;

const CODES: [u16; 6] = [200, 409, 301, 404, 500, 503];

fn name(index: usize) -> String {
    format!("https://shop-{index}.example.com/checkout")
}

fn targets(n_targets: usize) -> Vec<Arc<Target>> {
    let module = Arc::new(Module::http_2xx());
    let mut labels = Labels::default();
    labels.insert("team", "payments").unwrap();
    (0..n_targets)
        .map(|index| {
            Arc::new(Target {
                name: name(index),
                url: TargetUrl::parse(&name(index)).unwrap(),
                module: Arc::clone(&module),
                interval: Duration::from_secs(5),
                timeout: Duration::from_secs(2),
                labels: labels.clone(),
            })
        })
        .collect()
}

/// The durations of the phases of probe number `index`, spread over the buckets.
fn phases(index: usize) -> impl Iterator<Item = (Phase, Duration)> {
    Phase::ALL.into_iter().map(move |phase| {
        let microseconds = (index * 7919 + phase as usize * 104_729) % 3_000_000;
        (phase, Duration::from_micros(microseconds as u64))
    })
}

fn outcome(index: usize, code: u16) -> Outcome {
    let mut timeline = Timeline::new();
    for (phase, duration) in phases(index) {
        let start = timeline.end();
        timeline.push(Span::new(phase, start, start + duration));
    }
    Outcome {
        timeline,
        started: SystemTime::now(),
        connection: None,
        response: Some(Response {
            code,
            version: HttpVersion::Http11,
            conflict: Module::http_2xx().conflict(code),
            body_bytes: 1234,
            redirects: 0,
            is_redirect: false,
            left_origin: false,
            over_tls: false,
        }),
        cert_expiry: Some(1_900_000_000),
        judgement: Judgement::default(),
        failure: None,
    }
}

fn our_store() -> Store {
    let store = Store::new();
    let series = store.reconcile(&targets(N_TARGETS), &Arc::default());
    for (index, series) in series.iter().enumerate() {
        for (probe, code) in CODES.into_iter().enumerate() {
            series.record(&outcome(index + probe, code));
        }
    }
    store
}

/// 2,000 targets with 6 phases of 17 samples and 6 codes: 216,000 samples.
fn their_registry() -> Registry {
    let labels = ["target", "team", "phase"];
    let opts = HistogramOpts::new("httpcycle_phase_duration_seconds", "Each phase that ran.");
    let histograms = HistogramVec::new(opts.buckets(Bounds::DEFAULT.to_vec()), &labels).unwrap();
    let opts = Opts::new("httpcycle_responses_total", "Final responses by code.");
    let counters = CounterVec::new(opts, &["target", "team", "code"]).unwrap();
    for index in 0..N_TARGETS {
        let name = name(index);
        for (probe, code) in CODES.into_iter().enumerate() {
            for (phase, duration) in phases(index + probe) {
                histograms
                    .with_label_values(&[&name, "payments", phase.label()])
                    .observe(duration.as_secs_f64());
            }
            counters
                .with_label_values(&[&name, "payments", &code.to_string()])
                .inc();
        }
    }
    let registry = Registry::new();
    registry.register(Box::new(histograms)).unwrap();
    registry.register(Box::new(counters)).unwrap();
    registry
}

fn our_scrape(store: &Store, own: &Own, mut chunk: impl FnMut(&[u8])) {
    let mut page = Page::new(Format::Text, own, store);
    let mut buffer = Vec::new();
    while page.next_chunk(&mut buffer) {
        chunk(&buffer);
        buffer.clear();
    }
}

fn their_scrape(registry: &Registry, buffer: &mut Vec<u8>) {
    buffer.clear();
    TextEncoder::new()
        .encode(&registry.gather(), buffer)
        .unwrap();
}

fn n_samples(text: &[u8]) -> usize {
    let starts_a_sample = |line: &&[u8]| !line.is_empty() && line[0] != b'#';
    text.split(|&byte| byte == b'\n')
        .filter(starts_a_sample)
        .count()
}

fn milliseconds(mut run: impl FnMut()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_secs_f64() * 1e3
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Both in turn, so that a busy machine is busy for both.
fn compare(store: &Store, registry: &Registry) {
    let own = Own::new(SystemTime::now());
    let mut buffer = Vec::new();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..15 {
        ours.push(milliseconds(|| {
            our_scrape(store, &own, |chunk| {
                black_box(chunk);
            })
        }));
        theirs.push(milliseconds(|| their_scrape(registry, &mut buffer)));
    }
    let their_samples = n_samples(&buffer);
    let mut our_samples = 0;
    our_scrape(store, &own, |chunk| our_samples += n_samples(chunk));
    let (ours, theirs) = (median(ours), median(theirs));
    println!("ours:   {our_samples} samples in {ours:.1} ms");
    println!("theirs: {their_samples} samples in {theirs:.1} ms");
    let ratio = (ours / our_samples as f64) / (theirs / their_samples as f64);
    println!("ratio of the times for a sample: {ratio:.3}");
    // A line of the table that scripts/bench makes.
    let reached = if ratio <= BOUND { "yes" } else { "NO" };
    println!(
        "result|encoding a sample of {their_samples}: ours / prometheus crate\
         |{ratio:.3} ({ours:.1} ms for {our_samples}, {theirs:.1} ms)|<= {BOUND}|{reached}"
    );
}

fn resident_bytes() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

fn measure_memory() {
    const N: usize = 20_000;
    let targets = targets(N);
    let store = Store::new();
    let before = resident_bytes();
    store.reconcile(&targets, &Arc::default());
    let bytes = resident_bytes() - before;
    println!(
        "memory: {} bytes for the series of a target",
        bytes / N as u64
    );
}

fn exposition(criterion: &mut Criterion) {
    measure_memory();
    let store = our_store();
    let registry = their_registry();
    compare(&store, &registry);

    let mut group = criterion.benchmark_group("scrape");
    group.sample_size(10);
    let own = Own::new(SystemTime::now());
    group.bench_function("ours", |bencher| {
        bencher.iter(|| {
            our_scrape(&store, &own, |chunk| {
                black_box(chunk);
            })
        });
    });
    let mut buffer = Vec::new();
    group.bench_function("theirs", |bencher| {
        bencher.iter(|| their_scrape(&registry, &mut buffer));
    });
    group.finish();

    let all = store.current();
    let outcome = outcome(3, 200);
    criterion.bench_function("record into one target", |bencher| {
        bencher.iter(|| all[0].record(black_box(&outcome)));
    });
    let mut index = 0;
    criterion.bench_function("record into each target in turn", |bencher| {
        bencher.iter(|| {
            index = (index + 1) % all.len();
            all[index].record(black_box(&outcome));
        });
    });
}

criterion_group!(benches, exposition);
criterion_main!(benches);
