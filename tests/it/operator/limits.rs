//! Few file descriptors: probes that find none are skipped, and the exporter is there all the time.

use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use httpcycle_exporter::outcome::Attempt;
use httpcycle_exporter::outcome::skip::SkipReason;
use httpcycle_exporter::target::module::{IpFamily, Module};
use tokio::io::AsyncWriteExt;

use crate::operator::alone::is_alone;
use crate::operator::{slow, targets};
use crate::support::dns::{self, Script};
use crate::support::exporter::{Exporter, program};
use crate::support::surroundings::wait_until;
use crate::support::{peer, probing, real_parts};

const FAILURES: &str = "httpcycle_probe_failures_total";
const SKIPPED: &str = "httpcycle_probes_skipped_total{";

/// The exporter with so many open files at most.
fn limited(n_files: usize) -> Option<Command> {
    let mut prlimit = Command::new("prlimit");
    if !real_parts::is_installed("prlimit", prlimit.arg("--version")) {
        return None;
    }
    let mut command = Command::new("prlimit");
    command.arg(format!("--nofile={n_files}:{n_files}"));
    command.arg("--").arg(program().get_program());
    Some(command)
}

fn n_skipped(exporter: &Exporter, reason: &str) -> f64 {
    let page = exporter.get_text("GET /metrics");
    let reason = format!("reason=\"{reason}\"");
    let lines = page.lines();
    let lines = lines.filter(|line| line.starts_with(SKIPPED) && line.contains(&reason));
    let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    values.sum()
}

/// Many more probes want to be in flight than there are descriptors: targets by name and by address,
/// all of whose peers are slow and none of which fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_without_a_descriptor_are_skipped_and_the_exporter_is_there() {
    let peer = slow(Duration::from_secs(2)).await;
    let ip: IpAddr = [127, 0, 0, 1].into();
    let server = dns::serve(Script::Addresses(vec![ip], Duration::ZERO)).await;
    let port = peer.address.port();
    let text = targets(200, |n| {
        let host = match n % 2 {
            0 => "127.0.0.1".to_owned(),
            _ => format!("n{n}.test."),
        };
        format!("url: 'http://{host}:{port}/', module: m, interval: 8s")
    });
    let module = format!(
        "modules: {{m: {{prober: http, http: {{resolver: '{}', preferred_ip_protocol: ip4}}}}}}\n",
        server.address
    );
    for n_files in [32, 64, 128] {
        let Some(command) = limited(n_files) else {
            return;
        };
        let exporter = Exporter::start_by(
            command,
            &format!("{module}{text}"),
            &["--web.enable-lifecycle"],
        );
        wait_until("some are probed and some skipped", || {
            for page in ["/-/healthy", "/-/ready", "/api/v1/targets/t0"] {
                let answer = exporter.get_text(&format!("GET {page}"));
                assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
            }
            exporter.sum("httpcycle_probes_total") > 3.0 && n_skipped(&exporter, "fd_limit") > 20.0
        });
        let nobody_failed = || {
            let page = exporter.get_text("GET /metrics");
            let failed: Vec<_> = page
                .lines()
                .filter(|line| line.starts_with(FAILURES))
                .collect();
            assert!(failed.is_empty(), "{n_files}: {failed:#?}");
        };
        nobody_failed();
        let open = exporter.value("process_open_fds");
        assert!(open <= Some(n_files as f64), "{open:?} of {n_files}");
        let answer = exporter.get_text("POST /-/reload");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        nobody_failed();
    }
}

/// What a request has probed shares the places with the loop, and is told that there was none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_on_request_find_no_place_beside_the_loop() {
    let peer = peer::answering(Vec::new(), peer::Then::Hold).await;
    let url = format!("http://{}/", peer.address);
    let Some(command) = limited(64) else {
        return;
    };
    let text = targets(40, |_| format!("url: '{url}', interval: 20s"));
    let exporter = Exporter::start_by(command, &text, &["--web.enable-probe-endpoint"]);
    exporter.wait_for(SKIPPED, |_| n_skipped(&exporter, "fd_limit") > 0.0);
    let in_flight = exporter.value("httpcycle_probes_in_flight");
    let answer = exporter.get_text(&format!("GET /probe?target={url}"));
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("fd_limit"), "{answer}");
    assert!(in_flight < Some(32.0), "{in_flight:?}");
}

/// The addresses of a target are probed at once, and each of them needs a place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_without_a_place_are_skipped() {
    let answering = |mut stream: tokio::net::TcpStream| async move {
        if !peer::read_request(&mut stream).await.is_empty() {
            let response = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(response).await.ok();
        }
    };
    let listener = tokio::net::TcpListener::bind(("0.0.0.0", 0)).await.unwrap();
    let peer = peer::serve_on(listener, Duration::ZERO, answering);
    let ips: Vec<IpAddr> = (1..=8).map(|n| [127, 0, 0, n].into()).collect();
    let server = dns::serve(Script::Addresses(ips, Duration::ZERO)).await;
    let Some(command) = limited(50) else {
        return;
    };
    let exporter = Exporter::start_by(
        command,
        &format!(
            "modules: {{m: {{prober: http, http: {{ip_strategy: all, resolver: '{}', \
             preferred_ip_protocol: ip4}}}}}}\n\
             targets: [{{name: a, url: 'http://a.test.:{}/', module: m, interval: 100ms}}]\n",
            server.address,
            peer.address.port()
        ),
        &[],
    );
    exporter.wait_for(SKIPPED, |_| {
        n_skipped(&exporter, "fd_limit") > 3.0 && exporter.sum("httpcycle_probes_total") > 3.0
    });
    assert_eq!(
        exporter.sum(FAILURES),
        0.0,
        "{}",
        exporter.get_text("GET /metrics")
    );
}

/// A probe that loses its descriptors to somebody else half-way: with none left it cannot ask or
/// connect, and with one left it can ask for one family of two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn descriptors_that_run_out_within_a_probe_are_no_fault_of_its_target() {
    if !is_alone(
        "limits::descriptors_that_run_out_within_a_probe_are_no_fault_of_its_target",
        "ulimit -n 200",
    ) {
        return;
    }
    let ip: IpAddr = [127, 0, 0, 1].into();
    let server = dns::serve(Script::Addresses(vec![ip], Duration::from_millis(20))).await;
    let peer = slow(Duration::ZERO).await;
    let module = Module {
        resolver: Some(server.address),
        preferred_family: IpFamily::V4,
        ..Module::http_2xx()
    };
    let port = peer.address.port();
    let patience = Duration::from_secs(20);
    let probers = ["127.0.0.1", "a.test."].map(|host| {
        let url = format!("http://{host}:{port}/");
        probing::prober(&url, module.clone(), patience)
    });
    for n_left in [0, 1] {
        let mut taken = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            taken.push(file);
        }
        taken.truncate(taken.len() - n_left);
        for prober in &probers[n_left..] {
            let attempt = prober.probe().await;
            assert!(
                matches!(attempt, Attempt::Skipped(SkipReason::FdLimit)),
                "{n_left}: {attempt:?}"
            );
        }
        drop(taken);
        for prober in &probers {
            assert_eq!(probing::probe(prober).await.failure, None);
        }
    }
}
