//! `demo`: what it serves, what it probes, and how it ends.

mod orders;
mod said;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use httpcycle_exporter::demo::Demo;
use httpcycle_exporter::demo::storm::Storms;
use serde_json::Value;

use crate::reach::alone;
use crate::support::exporter::Exporter;

/// Its targets that are well while it is calm.
const WELL: [&str; 8] = [
    "orders",
    "order",
    "latest-order",
    "save-order",
    "place-order",
    "stock-lock",
    "export",
    "health-by-name",
];

/// A demo on a port of its own.
fn demo() -> Exporter {
    // A file that nobody is to read.
    Exporter::start_with("no configuration", &["demo", "--log.level=info"])
}

fn of(family: &str, target: &str) -> String {
    format!("httpcycle_{family}{{target=\"{target}\"")
}

/// The status, the head and the body of an answer.
fn ask(address: SocketAddr, request_line: &str, body: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let head = format!("{request_line} HTTP/1.0\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
    stream
        .write_all(format!("{head}{body}").as_bytes())
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_ascii_lowercase(), body.to_owned())
}

/// Storms that are longer than any test, from now on or never.
fn weather(is_stormy: bool) -> Storms {
    let day = Duration::from_secs(86_400);
    Storms {
        first: if is_stormy { Duration::ZERO } else { day },
        lasts: day,
        calm: day,
    }
}

#[test]
fn every_target_lives_without_a_file() {
    let exporter = demo();
    for target in WELL {
        exporter.wait_for(&of("last_success_timestamp_seconds", target), |value| {
            value.is_some()
        });
    }
    exporter.wait_for(&of("probe_failures_total", "shut-port"), |value| {
        value > Some(0.0)
    });
    let page = exporter.get_text("GET /metrics");
    for line in [
        "target=\"shut-port\",team=\"platform\",phase=\"connect\",reason=\"refused\"",
        "target=\"health-by-name\",team=\"platform\",phase=\"dns\"",
        "target=\"save-order\",team=\"fulfilment\",expected=\"false\",reason=\"stale_version\"} 0",
    ] {
        assert!(page.contains(line), "{line}");
    }
    assert_eq!(exporter.value("httpcycle_targets"), Some(9.0));
    let document = include_str!("../../../docs/demo.md");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut documented: Vec<_> = rows.map(|row| row.split('`').next().unwrap()).collect();
    documented.sort_unstable();
    let mut probed: Vec<&str> = WELL.into_iter().chain(["shut-port"]).collect();
    probed.sort_unstable();
    assert_eq!(documented, probed);
    let expected = format!(
        "{},team=\"warehouse\",expected=\"true\",reason=\"locked\"",
        of("conflicts_total", "stock-lock")
    );
    exporter.wait_for(&expected, |value| value > Some(0.0));
    let config = exporter.get_text("GET /config");
    assert!(config.contains("/orders/42"), "{config}");

    // There is nothing that could have changed, and nothing is lost.
    let probes = of("probes_total", "orders");
    let before = exporter.value(&probes);
    exporter.signal("HUP");
    exporter.wait_for_log("configuration reloaded");
    assert!(exporter.value(&probes) >= before);
}

#[test]
fn it_needs_no_network_and_connects_to_this_machine_alone() {
    let test = "demo::it_needs_no_network_and_connects_to_this_machine_alone";
    if !alone::is_here() {
        return alone::run(test, &[]);
    }
    let exporter = demo();
    for target in WELL {
        exporter.wait_for(&of("last_success_timestamp_seconds", target), |value| {
            value.is_some()
        });
    }
    let (_, _, page) = ask(exporter.address, "GET /api/v1/targets", "");
    let page: Value = serde_json::from_str(&page).unwrap();
    let targets = page["targets"].as_array().unwrap().iter();
    let probes = targets.flat_map(|target| target["probes"].as_array().unwrap());
    let remotes: Vec<&str> = probes
        .filter_map(|probe| probe["remote"].as_str())
        .collect();
    assert!(remotes.len() >= WELL.len(), "{remotes:?}");
    assert!(
        remotes
            .iter()
            .all(|remote| remote.starts_with("127.0.0.1:")),
        "{remotes:?}"
    );
    let config = exporter.get_text("GET /config");
    assert!(config.contains("deny_addresses"), "{config}");
}

#[test]
fn a_storm_is_seen_where_it_rages_and_nowhere_else() {
    let api = Demo::start(weather(true)).unwrap();
    let exporter = Exporter::start(&api.configuration().unwrap());
    for (target, reason) in [
        ("save-order", "stale_version"),
        ("place-order", "name_taken"),
    ] {
        let conflicts = of("conflicts_total", target);
        let reason =
            format!("{conflicts},team=\"fulfilment\",expected=\"false\",reason=\"{reason}\"");
        exporter.wait_for(&reason, |value| value > Some(2.0));
        // Some are in time.
        exporter.wait_for(
            &format!(
                "{},team=\"fulfilment\",code=\"200\"",
                of("responses_total", target)
            ),
            |value| value > Some(0.0),
        );
    }
    let page = exporter.get_text("GET /metrics");
    let unexpected = page.lines().filter(|line| {
        line.starts_with("httpcycle_conflicts_total") && line.contains("expected=\"false\"")
    });
    let elsewhere = unexpected.filter(|line| !line.contains("fulfilment"));
    let elsewhere: Vec<&str> = elsewhere.filter(|line| !line.ends_with(" 0")).collect();
    assert_eq!(elsewhere, [""; 0]);
    // Nothing is missing meanwhile that is there when it is calm.
    for target in WELL {
        let missing = of("responses_total", target);
        let missing = page
            .lines()
            .find(|line| line.starts_with(&missing) && line.contains("\"404\""));
        assert_eq!(missing, None);
    }
    drop(exporter);
    api.stop();
}

#[test]
fn its_end_is_no_failure_of_a_target() {
    let mut exporter = demo();
    exporter.wait_for(&of("probes_total", "export"), |value| value > Some(1.0));
    exporter.signal("TERM");
    exporter.wait_for_log("stopping");
    assert!(exporter.wait().success());
    let log = exporter.log_to_the_end();
    assert!(log.iter().any(|line| line.contains("stopped")), "{log:?}");
    // On a machine that is busy with other things one may be late.
    let faults = log.iter().filter(|line| line.contains("the target fails"));
    let faults: Vec<&String> = faults.filter(|line| !line.contains("timeout")).collect();
    assert!(faults.is_empty(), "{faults:?}");
}
