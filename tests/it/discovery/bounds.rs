//! A lot of targets in one source.

use std::fmt::Write as _;

use crate::discovery::{Folder, wait_for_targets};
use crate::support::exporter::Exporter;
use crate::support::peer;

/// Groups of one target each, with labels, as discovery by a cloud has them.
fn groups(n: usize) -> String {
    let mut text = String::from("[\n");
    for n in 0..n {
        let comma = if n == 0 { "" } else { ",\n" };
        let line = "{\"targets\": [\"127.0.0.1:9/";
        write!(text, "{comma}{line}{n}\"], \"labels\": {{\"node\": \"n{n}\", \"__scrape_interval__\": \"10h\"}}}}").unwrap();
    }
    text + "\n]"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_targets_come_and_change_without_holding_up_others() {
    let (peer, _) = peer::counting("200 OK").await;
    let folder = Folder::new();
    folder.write("a.json", "[]");
    let own = format!(
        "targets: [{{name: own, url: 'http://{}/', interval: 200ms}}]\n",
        peer.address
    );
    let exporter = Exporter::start(&(folder.config("a.json") + &own));
    exporter.wait_for("httpcycle_probes_total{target=\"own\"", |value| {
        value > Some(1.0)
    });
    folder.replace("a.json", &groups(20_000));
    wait_for_targets(&exporter, 20_001);
    folder.replace("a.json", &groups(18_000));
    wait_for_targets(&exporter, 18_001);
    folder.replace("a.json", "[]");
    wait_for_targets(&exporter, 1);
    let skipped = "httpcycle_probes_skipped_total{target=\"own\",reason=\"overload\"}";
    let probes = exporter.value("httpcycle_probes_total{target=\"own\"");
    let missed = exporter.value(skipped).unwrap_or_default();
    assert!(probes > Some(5.0), "{probes:?} probes");
    assert!(
        Some(missed) < probes,
        "{missed} slots were missed, {probes:?} probes made"
    );
}
