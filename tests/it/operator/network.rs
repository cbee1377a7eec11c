//! What this machine lacks of a network is skipped and charged to no target.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::operator::alone::is_alone;
use crate::operator::{slow, targets};
use crate::support::dns::{self, Script};
use crate::support::exporter::{Exporter, get};
use crate::support::surroundings::wait_until;

const FAILURES: &str = "httpcycle_probe_failures_total";

fn skipped(target: &str, reason: &str) -> String {
    format!("httpcycle_probes_skipped_total{{target=\"{target}\",reason=\"{reason}\"")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ports_that_run_out_are_no_fault_of_a_target() {
    const RANGE: &str = "/proc/sys/net/ipv4/ip_local_port_range";
    if !is_alone(
        "network::ports_that_run_out_are_no_fault_of_a_target",
        &format!("echo 32768 60999 > {RANGE}"),
    ) {
        return;
    }
    let peer = slow(Duration::from_millis(300)).await;
    let ip: IpAddr = [127, 0, 0, 1].into();
    // It takes one question after the other.
    let server = dns::serve(Script::Addresses(vec![ip], Duration::from_millis(80))).await;
    let module = format!(
        "modules: {{m: {{prober: http, http: {{resolver: '{}', preferred_ip_protocol: ip4}}}}}}\n",
        server.address
    );
    let port = peer.address.port();
    // Half of them by address: they use up the ports of connections, the names those of questions.
    let text = targets(120, |n| {
        let (host, by) = match n % 2 {
            0 => ("127.0.0.1".to_owned(), "address"),
            _ => (format!("n{n}.test."), "name"),
        };
        format!("url: 'http://{host}:{port}/', module: m, interval: 3s, labels: {{by: {by}}}")
    });
    let exporter = Exporter::start(&format!("{module}{text}"));
    fs::write(RANGE, "40000 40007").unwrap();
    let sum = |family: &str, parts: [&str; 2]| {
        let page = exporter.get_text("GET /metrics");
        let lines = page.lines().filter(|line| {
            line.starts_with(family) && parts.iter().all(|part| line.contains(part))
        });
        let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
        values.sum::<f64>()
    };
    for by in ["by=\"address\"", "by=\"name\""] {
        let skipped = || {
            let reason = "reason=\"port_exhausted\"";
            sum("httpcycle_probes_skipped_total", [by, reason])
        };
        wait_until("ports run out", || skipped() > 5.0);
        let before = sum("httpcycle_probes_total", [by, ""]);
        wait_until("others find one", || {
            sum("httpcycle_probes_total", [by, ""]) > before
        });
    }
    assert_eq!(
        sum(FAILURES, ["", ""]),
        0.0,
        "{}",
        exporter.get_text("GET /metrics")
    );
}

#[test]
fn every_address_means_ipv4_as_well_whatever_the_system_likes() {
    if !is_alone(
        "network::every_address_means_ipv4_as_well_whatever_the_system_likes",
        "echo 1 > /proc/sys/net/ipv6/bindv6only",
    ) {
        return;
    }
    let exporter = Exporter::start_with("", &["--web.listen-address=:10409"]);
    exporter.wait_for_log("[::]:10409");
    for address in ["127.0.0.1:10409", "[::1]:10409"] {
        let address: SocketAddr = address.parse().unwrap();
        let page = get(address, "GET /-/healthy", "");
        assert!(page.starts_with(b"HTTP/1.1 200 "), "{address}");
    }
}

#[test]
fn a_network_without_routes_is_no_fault_of_a_target() {
    if !is_alone(
        "network::a_network_without_routes_is_no_fault_of_a_target",
        "ip route add unreachable 192.0.2.1 && ip route add blackhole 192.0.2.2",
    ) {
        return;
    }
    let without_route = [
        "192.0.2.3",
        "[2001:db8::1]",
        "asks1.test.",
        "asks2.test.",
        "asks3.test.",
        "asks4.test.",
    ];
    let mut text = "modules:\n".to_owned();
    for (n, server) in ["192.0.2.1", "192.0.2.2", "192.0.2.3", "[2001:db8::1]"]
        .iter()
        .enumerate()
    {
        let n = n + 1;
        text += &format!("  asks{n}: {{prober: http, http: {{resolver: '{server}:53'}}}}\n");
    }
    text += &targets(without_route.len(), |n| {
        let host = without_route[n];
        let module = host.strip_suffix(".test.").unwrap_or("http_2xx");
        format!("url: 'http://{host}/', module: {module}, interval: 100ms")
    });
    let exporter = Exporter::start(&text);
    for n in 0..without_route.len() {
        let series = skipped(&format!("t{n}"), "no_route");
        exporter.wait_for(&series, |value| value > Some(2.0));
    }
    assert_eq!(
        exporter.sum(FAILURES),
        0.0,
        "{}",
        exporter.get_text("GET /metrics")
    );
    assert_eq!(exporter.sum("httpcycle_probes_total"), 0.0);
}
