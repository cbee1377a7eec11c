//! The program between the parts that users have: nginx as the target, Prometheus as the scraper.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::exporter::Exporter;
use crate::support::prometheus::{self, Prometheus};
use crate::support::real_parts;
use crate::support::surroundings::{nginx, wait_until};

fn configuration(nginx: SocketAddr, interval: &str) -> String {
    format!(
        "modules:\n  mkcol: {{prober: http, http: {{method: MKCOL, valid_status_codes: [201, 405]}}}}\n\
         targets:\n\
         - {{name: page, url: 'http://{nginx}/', interval: {interval}}}\n\
         - {{name: nothing, url: 'http://{nginx}/nothing', interval: {interval}}}\n\
         - {{name: orphan, url: 'http://{nginx}/no/parent/', module: mkcol, interval: {interval}}}\n\
         - {{name: late, url: 'http://{nginx}/late/child/', module: mkcol, interval: {interval}}}\n"
    )
}

#[test]
fn nginx_and_the_exporter_count_alike_and_prometheus_sees_the_first_conflict() {
    let nginx_is_installed = real_parts::is_installed("nginx", Command::new("nginx").arg("-v"));
    if !nginx_is_installed || !prometheus::is_installed() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let target = real_parts::free_address();
    fs::create_dir_all(folder.path().join("files/late")).unwrap();
    fs::write(folder.path().join("files/index.html"), "hello").unwrap();
    let _nginx = nginx(folder.path(), target, "", "");
    let exporter = Exporter::start(&configuration(target, "500ms"));
    let prometheus = Prometheus::start(exporter.address, &[]);

    // A collection that exists becomes an orphan: the conflict is the first of its target.
    let series = "httpcycle_responses_total{target=\"late\",code=\"409\"}";
    wait_until("the series stands at 0", || {
        prometheus.value(series) == Some(0.0)
    });
    let increase = format!("increase({series}[1m])");
    wait_until("a rate of zero", || {
        prometheus.value(&increase) == Some(0.0)
    });
    fs::remove_dir_all(folder.path().join("files/late")).unwrap();
    wait_until("an increase", || prometheus.value(&increase) > Some(0.0));

    exporter.wait_for("httpcycle_probes_total{target=\"orphan\"", |value| {
        value > Some(10.0)
    });
    exporter.reload(&configuration(target, "1h"));
    exporter.wait_for_log("configuration reloaded");
    let page = at_rest(&exporter);
    let mut counted: HashMap<String, u64> = HashMap::new();
    for line in page.lines() {
        let Some(labels) = line.strip_prefix("httpcycle_responses_total{target=\"") else {
            continue;
        };
        let method = if labels.starts_with("page") || labels.starts_with("nothing") {
            "GET"
        } else {
            "MKCOL"
        };
        let code = labels.split("code=\"").nth(1).unwrap().get(..3).unwrap();
        let count: u64 = line.rsplit_once(' ').unwrap().1.parse().unwrap();
        *counted.entry(format!("{method} {code}")).or_default() += count;
    }
    counted.retain(|_, count| *count > 0);
    let mut logged: HashMap<String, u64> = HashMap::new();
    for line in fs::read_to_string(folder.path().join("access.log"))
        .unwrap()
        .lines()
    {
        *logged.entry(line.to_owned()).or_default() += 1;
    }
    assert_eq!(counted, logged);
    for seen in ["GET 200", "GET 404", "MKCOL 409", "MKCOL 405"] {
        assert!(logged.contains_key(seen), "{seen} is missing in {logged:?}");
    }
}

/// A page once no probe runs any more and nothing is counted between two looks.
fn at_rest(exporter: &Exporter) -> String {
    let of_targets = |page: String| -> String {
        let lines = page.lines().filter(|line| line.contains("{target="));
        lines.collect::<Vec<_>>().join("\n")
    };
    let mut last = String::new();
    wait_until("the counters rest", || {
        thread::sleep(Duration::from_millis(300));
        let page = of_targets(exporter.get_text("GET /metrics"));
        let rests = page == last;
        last = page;
        rests
    });
    last
}
