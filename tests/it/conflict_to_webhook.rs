//! A conflict from end to end between real parts: nginx, the program, Prometheus with the shipped
//! rules, Alertmanager with the shipped routes, and a receiver of its notifications.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::exporter::Exporter;
use crate::support::real_parts;
use crate::support::surroundings::{
    alertmanager, free_address, nginx, prometheus, query, wait_for,
};
use crate::support::webhook::{Notification, Webhook};

const SPIKE: &str = "HttpCycleConflictSpike";

/// How long the targets are probed before the spike.
const QUIET: Duration = Duration::from_secs(60);

/// How long after its beginning a spike may go untold.
const TOLD_WITHIN: Duration = Duration::from_secs(180);

/// How long after its end it may: until its window is over, and the alert has stopped firing.
const RESOLVED_WITHIN: Duration = Duration::from_secs(20 * 60);

/// Every second: writes of an order, and a resource that answers one request in ten with 409.
fn configuration(nginx: SocketAddr) -> String {
    format!(
        "modules:\n  put: {{prober: http, http: {{method: PUT, body: paid, valid_status_codes: [201, 204]}}}}\n\
         targets:\n\
         - {{name: order, url: 'http://{nginx}/orders/42', module: put, interval: 1s, labels: {{team: shop}}}}\n\
         - {{name: steady, url: 'http://{nginx}/steady', interval: 1s}}\n"
    )
}

/// What Prometheus is told of the shipped rules and of Alertmanager.
fn alerting(alertmanager: SocketAddr) -> String {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts/*.yml");
    format!(
        "rule_files: ['{}']\nalerting:\n  alertmanagers: [{{static_configs: [{{targets: ['{alertmanager}']}}]}}]\n",
        rules.display()
    )
}

/// The shipped configuration of Alertmanager with another receiver and less patience.
fn routes(webhook: SocketAddr) -> String {
    let shipped =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/alertmanager/alertmanager.yml");
    let mut text = fs::read_to_string(shipped).unwrap();
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
    let installed = [
        ("nginx", "-v"),
        ("prometheus", "--version"),
        ("prometheus-alertmanager", "--version"),
    ]
    .map(|(name, flag)| real_parts::is_installed(name, Command::new(name).arg(flag)));
    if installed != [true; 3] {
        return;
    }
    let folder = TempDir::new().unwrap();
    let orders = folder.path().join("files/orders");
    fs::create_dir_all(&orders).unwrap();
    let [target, database, alerts] = [(); 3].map(|()| free_address());
    let _nginx = nginx(
        folder.path(),
        target,
        "split_clients $request_id $code { 10% 409; * 200; }",
        "location /steady { if ($code = 409) { return 409; } return 200; }",
    );
    let exporter = Exporter::start(&configuration(target));
    let webhook = Webhook::start();
    let _alertmanager = alertmanager(folder.path(), alerts, &routes(webhook.address));
    let _prometheus = prometheus(folder.path(), database, exporter.address, &alerting(alerts));
    let told = |status| {
        let is_spike = |told: &Notification| told.status == status && told.name == SPIKE;
        webhook.told().iter().any(is_spike)
    };

    let conflicts = "httpcycle_conflicts_total{target=\"order\",reason=\"unspecified\"}";
    wait_for(TOLD_WITHIN, "the target is scraped", || {
        query(database, conflicts) == Some(0.0)
    });
    thread::sleep(QUIET);
    assert_eq!(query(database, conflicts), Some(0.0));
    assert!(webhook.told().is_empty(), "{:?}", webhook.told());

    // Without its folder, nginx has no place to put the order: 409.
    fs::remove_dir_all(&orders).unwrap();
    let told_after = wait_for(TOLD_WITHIN, "the spike is told", || told("firing"));
    fs::create_dir(&orders).unwrap();
    let resolved_after = wait_for(RESOLVED_WITHIN, "its end is told", || told("resolved"));
    fs::write(
        "/tmp/e2e-times",
        format!("{told_after:?} {resolved_after:?} {:?}", webhook.told()),
    )
    .unwrap();

    for told in webhook.told() {
        assert_eq!(told.label("target"), "order", "{told:?}");
        assert_eq!(told.label("team"), "shop", "{told:?}");
        assert!(told.name.starts_with("HttpCycleConflict"), "{told:?}");
    }
    let steady = "httpcycle_conflicts_total{target=\"steady\",reason=\"unspecified\"}";
    assert!(query(database, steady) > Some(5.0), "it had conflicts");
}
