//! A conflict from end to end between real parts: nginx, the program, Prometheus with the shipped
//! rules, Alertmanager with the shipped routes, and a receiver of its notifications.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

use crate::support::exporter::Exporter;
use crate::support::prometheus::{self, Prometheus};
use crate::support::real_parts;
use crate::support::surroundings::{alertmanager, nginx, wait_for};
use crate::support::webhook::{Notification, Webhook};

const SPIKE: &str = "HttpCycleConflictSpike";

/// How long the targets are probed before the spike.
const QUIET: Duration = Duration::from_secs(60);

/// How long after its beginning a spike may go untold.
const TOLD_WITHIN: Duration = Duration::from_secs(180);

/// How long after its end it may: the windows that hold it must have passed.
const RESOLVED_WITHIN: Duration = Duration::from_secs(8 * 60);

fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Every second: a collection that is there already, which is fine (405), and a resource that
/// answers one request in ten with 409.
fn configuration(nginx: SocketAddr) -> String {
    format!(
        "modules:\n  mkcol: {{prober: http, http: {{method: MKCOL, valid_status_codes: [201, 405]}}}}\n\
         targets:\n\
         - {{name: order, url: 'http://{nginx}/orders/42/', module: mkcol, interval: 1s, labels: {{team: shop}}}}\n\
         - {{name: steady, url: 'http://{nginx}/steady', interval: 1s}}\n"
    )
}

/// The shipped rules, with the names of their files, but that the alert does not go on for ten minutes
/// once it is over.
fn rules() -> Vec<(String, String)> {
    let impatient = |text: String| text.replace("keep_firing_for: 10m", "keep_firing_for: 1m");
    let files = fs::read_dir(shipped("alerts")).unwrap();
    let paths = files.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "yml"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            (name.to_owned(), fs::read_to_string(&path).unwrap())
        })
        .map(|(name, text)| (name, impatient(text)))
        .collect()
}

/// The shipped configuration of Alertmanager with another receiver and less patience.
fn routes(webhook: SocketAddr) -> String {
    let file = shipped("deploy/alertmanager/alertmanager.yml");
    let mut text = fs::read_to_string(file).unwrap();
    for (shipped, here) in [
        (
            "http://webhook.example/alerts",
            format!("http://{webhook}/"),
        ),
        ("group_wait: 30s", "group_wait: 1s".to_owned()),
        ("group_interval: 5m", "group_interval: 1s".to_owned()),
    ] {
        assert!(text.contains(shipped), "{shipped}");
        text = text.replace(shipped, &here);
    }
    text
}

#[test]
fn a_spike_of_conflicts_reaches_the_webhook_and_ends_while_a_steady_target_stays_silent() {
    let others = [("nginx", "-v"), ("prometheus-alertmanager", "--version")]
        .map(|(name, flag)| real_parts::is_installed(name, Command::new(name).arg(flag)));
    if others != [true; 2] || !prometheus::is_installed() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let orders = folder.path().join("files/orders");
    fs::create_dir_all(&orders).unwrap();
    let [target, alerts] = [(); 2].map(|()| real_parts::free_address());
    let _nginx = nginx(
        folder.path(),
        target,
        "split_clients $request_id $code { 10% 409; * 200; }",
        "location /steady { if ($code = 409) { return 409; } return 200; }",
    );
    let exporter = Exporter::start(&configuration(target));
    let webhook = Webhook::start();
    let _alertmanager = alertmanager(folder.path(), alerts, &routes(webhook.address));
    let prometheus = Prometheus::start_alerting(exporter.address, &rules(), alerts);
    let told = |status| {
        let is_spike = |told: &Notification| told.status == status && told.name == SPIKE;
        webhook.told().iter().any(is_spike)
    };

    let conflicts = "httpcycle_conflicts_total{target=\"order\",reason=\"unspecified\"}";
    wait_for(TOLD_WITHIN, "the target is scraped", || {
        prometheus.value(conflicts) == Some(0.0)
    });
    thread::sleep(QUIET);
    assert_eq!(prometheus.value(conflicts), Some(0.0));
    assert!(webhook.told().is_empty(), "{:?}", webhook.told());

    // Without the folder above it the order has no place: 409.
    let away = folder.path().join("away");
    fs::rename(&orders, &away).unwrap();
    let seen = || {
        let of = |promql| prometheus.ask("query", &[("query", promql)]);
        format!(
            "{:?}\n{:?}\n{:?}\n{:?}",
            prometheus.ask("alerts", &[]),
            of("target:httpcycle_conflicts_per_responses:ratio"),
            of("target_window:httpcycle_conflicts:zscore"),
            of("ALERTS"),
        )
    };
    let start = Instant::now();
    while !told("firing") {
        assert!(
            start.elapsed() < TOLD_WITHIN,
            "the spike was not told: {}",
            seen()
        );
        thread::sleep(Duration::from_millis(100));
    }
    fs::rename(&away, &orders).unwrap();
    wait_for(RESOLVED_WITHIN, "its end is told", || told("resolved"));

    for told in webhook.told() {
        assert_eq!(told.label("target"), "order", "{told:?}");
        assert_eq!(told.label("team"), "shop", "{told:?}");
        assert!(told.name.starts_with("HttpCycleConflict"), "{told:?}");
    }
    let steady = "httpcycle_conflicts_total{target=\"steady\",reason=\"unspecified\"}";
    wait_for(TOLD_WITHIN, "the steady target had conflicts", || {
        prometheus.value(steady) > Some(5.0)
    });
}
