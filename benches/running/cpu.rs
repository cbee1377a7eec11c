//! The CPU time of a probe, beside a loop of bare sockets and beside blackbox_exporter.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio_rustls::TlsAcceptor;

use crate::process::cpu_seconds;
use crate::report;
use crate::report::median;
use crate::server::Server;
use crate::setting;
use crate::subjects;
use crate::subjects::Asked;
use crate::subjects::Blackbox;
use crate::subjects::Exporter;
use crate::subjects::total;
use crate::tls::server_config;
use crate::write;

/// How much of the CPU time of others a probe may take.
const BOUND_BARE: f64 = 1.3;
const BOUND_BLACKBOX: f64 = 0.067;
const BOUND_BLACKBOX_TLS: f64 = 0.25;
/// The same of a probe on request.
const BOUND_ASKED: f64 = 0.1;

/// How many targets are probed how often.
struct Pace {
    n_targets: u32,
    interval_ms: u32,
}

const PACED: Pace = Pace {
    n_targets: 200,
    interval_ms: 100,
};
const PACED_TLS: Pace = Pace {
    n_targets: 100,
    interval_ms: 200,
};
/// Near to what two cores can do that also have the server to run.
const FLAT_OUT: Pace = Pace {
    n_targets: 1_000,
    interval_ms: 100,
};

impl Pace {
    /// How many probes that are in a second.
    const fn rate(&self) -> u32 {
        self.n_targets * 1_000 / self.interval_ms
    }
}

/// Programs are measured once they have settled.
const WARM_UP: Duration = Duration::from_secs(1);

/// How often each is measured, and for how long.
struct Plan<'a> {
    folder: &'a Path,
    n_rounds: u32,
    window: Duration,
    blackbox: Option<&'static str>,
}

/// Measures and prints all.
pub fn run(folder: &Path) {
    let plan = Plan {
        folder,
        n_rounds: setting("BENCH_PAIRS", 5),
        window: Duration::from_secs(setting("BENCH_SECONDS", 3).into()),
        blackbox: Blackbox::program(),
    };
    plan.plain();
    let (config, authority) = server_config();
    let server = Server::start(1, Some(TlsAcceptor::from(Arc::new(config))));
    let ca_file = write(folder, "ca.pem", authority);
    let skipping = "{insecure_skip_verify: true, min_version: TLS13}";
    let verifying = format!("{{ca_file: {}, min_version: TLS13}}", ca_file.display());
    plan.https(&server, "https, insecure_skip_verify", skipping);
    plan.https(&server, "https, verified with ca_file", &verifying);
}

impl Plan<'_> {
    fn plain(&self) {
        let server = Server::start(1, None);
        let address = server.addresses[0];
        let mut figures: [Vec<f64>; 6] = Default::default();
        let [bare, ours, asked, theirs, bare_flat_out, ours_flat_out] = &mut figures;
        let bare_loop = |rate| {
            let process = subjects::bare_loop(address, rate);
            self.microseconds(process.id(), &server)
        };
        for _ in 0..self.n_rounds {
            bare.push(bare_loop(PACED.rate()));
            ours.push(self.ours(&server, "http", "{}", &PACED));
            asked.push(self.ours_asked(&server, "http", "{}", &PACED));
            theirs.extend(self.theirs(&server, "http", "{}", &PACED));
            bare_flat_out.push(bare_loop(0));
            ours_flat_out.push(self.ours(&server, "http", "{}", &FLAT_OUT));
        }
        let what = format!("CPU a probe, http, {} a second", PACED.rate());
        compare(&what, ours, "bare loop", bare, BOUND_BARE);
        self.compare_with_blackbox(&what, ours, theirs, BOUND_BLACKBOX);
        let what = format!("CPU a /probe, http, {} a second", PACED.rate());
        self.compare_with_blackbox(&what, asked, theirs, BOUND_ASKED);
        let what = format!("CPU a probe, http, flat out ({} a second)", FLAT_OUT.rate());
        compare(&what, ours_flat_out, "bare loop", bare_flat_out, BOUND_BARE);
    }

    fn https(&self, server: &Server, how: &str, tls_config: &str) {
        let (mut ours, mut asked, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.n_rounds {
            ours.push(self.ours(server, "https", tls_config, &PACED_TLS));
            asked.push(self.ours_asked(server, "https", tls_config, &PACED_TLS));
            theirs.extend(self.theirs(server, "https", tls_config, &PACED_TLS));
        }
        let what = format!("CPU a probe, {how}, {} a second", PACED_TLS.rate());
        self.compare_with_blackbox(&what, &ours, &theirs, BOUND_BLACKBOX_TLS);
        let what = format!("CPU a /probe, {how}, {} a second", PACED_TLS.rate());
        self.compare_with_blackbox(&what, &asked, &theirs, BOUND_BLACKBOX_TLS);
    }

    /// Microseconds of CPU time for each request that the server gets.
    fn microseconds(&self, pid: u32, server: &Server) -> f64 {
        thread::sleep(WARM_UP);
        let (cpu, requests) = (cpu_seconds(pid), server.n_requests());
        thread::sleep(self.window);
        let (cpu, requests) = (cpu_seconds(pid) - cpu, server.n_requests() - requests);
        let microseconds = cpu * 1e6 / requests as f64;
        println!("process {pid}: {requests} probes, {microseconds:.1} us each");
        microseconds
    }

    fn ours(&self, server: &Server, scheme: &str, tls: &str, pace: &Pace) -> f64 {
        let mut config = subjects::module(tls) + "targets:\n";
        let (address, interval) = (server.addresses[0], pace.interval_ms);
        for index in 0..pace.n_targets {
            config += &format!(
                "  - {{name: t{index}, url: '{scheme}://{address}/', module: bench, \
                 interval: {interval}ms}}\n"
            );
        }
        // A timeout must not be longer than the interval.
        let config = config.replace("timeout: 1s", &format!("timeout: {interval}ms"));
        let before = server.n_requests();
        let exporter = Exporter::start(self.folder, &config);
        let microseconds = self.microseconds(exporter.process.id(), server);
        let requests = (server.n_requests() - before) as f64;
        let page = exporter.metrics();
        let probes = total(&page, "httpcycle_probes_total");
        let failures = total(&page, "httpcycle_probe_failures_total");
        println!("{failures} of {probes} probes failed");
        // On a busy machine some take longer than their interval.
        assert!(failures <= 0.1 * probes, "these figures say nothing");
        // Both count the same: what differs is what happened between the two looks.
        assert!(
            (probes - requests).abs() <= 0.1 * probes,
            "{probes} {requests}"
        );
        microseconds
    }

    fn theirs(&self, server: &Server, scheme: &str, tls: &str, pace: &Pace) -> Option<f64> {
        let url = format!("{scheme}://{}/", server.addresses[0]);
        let program = self.blackbox?;
        let config = subjects::module(tls);
        let (process, address) = Blackbox::launch(program, self.folder, &config);
        let blackbox = Asked::start(process, address, &url, pace.rate());
        let microseconds = self.microseconds(blackbox.process.id(), server);
        blackbox.stop();
        Some(microseconds)
    }

    /// Like [`Self::theirs`], by this exporter.
    fn ours_asked(&self, server: &Server, scheme: &str, tls: &str, pace: &Pace) -> f64 {
        let url = format!("{scheme}://{}/", server.addresses[0]);
        let config = subjects::module(tls);
        let flags = ["--web.enable-probe-endpoint"];
        let exporter = Exporter::start_with(self.folder, &config, &flags);
        let asked = Asked::start(exporter.process, exporter.address, &url, pace.rate());
        let microseconds = self.microseconds(asked.process.id(), server);
        asked.stop();
        microseconds
    }

    fn compare_with_blackbox(&self, what: &str, ours: &[f64], theirs: &[f64], bound: f64) {
        if self.blackbox.is_none() {
            let ratio = format!("{what}: ours / blackbox_exporter");
            return report::skip(&ratio, "blackbox_exporter is not installed");
        }
        compare(what, ours, "blackbox_exporter", theirs, bound);
    }
}

/// The median of the ratios within each round, in which both ran one after the other.
fn compare(what: &str, ours: &[f64], name: &str, theirs: &[f64], bound: f64) {
    let pairs = ours.iter().zip(theirs);
    let mut ratios: Vec<f64> = pairs.map(|(ours, theirs)| ours / theirs).collect();
    let ratio = median(&ratios);
    ratios.sort_by(f64::total_cmp);
    let figure = format!(
        "{ratio:.3} ({:.3} to {:.3}); {} / {} us",
        ratios[0],
        ratios[ratios.len() - 1],
        report::spread(ours),
        report::spread(theirs),
    );
    report::judge(&format!("{what}: ours / {name}"), ratio, &figure, bound);
}
