//! Targets that come and go: the others lose nothing.

use std::collections::HashMap;
use std::thread;
use std::time::Duration;

use crate::discovery::{Folder, json, wait_for_targets};
use crate::support::exporter::Exporter;
use crate::support::peer;

const N_TARGETS: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_rounds_of_ten_percent_disturb_no_counter_of_the_others() {
    let (peer, counts) = peer::counting("200 OK").await;
    let address = peer.address;
    let folder = Folder::new();
    // The first nine tenths stay; of the others each round has its own.
    let list = |round: usize, interval: &str| {
        let stays = (0..N_TARGETS * 9 / 10).map(|n| format!("{address}/stays{n}"));
        let goes = (0..N_TARGETS / 10).map(|n| format!("{address}/round{round}-{n}"));
        let targets: Vec<String> = stays.chain(goes).collect();
        // Other labels each time: a target that changes them keeps its counters as well.
        let labels = format!(
            "\"__scrape_interval__\": \"{interval}\", \"round\": \"{}\"",
            round / 5
        );
        json(&targets, &labels)
    };
    folder.write("a.json", &list(0, "250ms"));
    let exporter = Exporter::start(&folder.config("a.json"));
    wait_for_targets(&exporter, N_TARGETS);
    let mut before: HashMap<String, f64> = HashMap::new();
    for round in 1..=10 {
        folder.replace("a.json", &list(round, "250ms"));
        let new = format!("httpcycle_probes_total{{target=\"http://{address}/round{round}-0\"");
        exporter.wait_for(&new, |value| value > Some(0.0));
        let page = exporter.get_text("GET /metrics");
        let old = format!("/round{}-0\"", round - 1);
        assert!(!page.contains(&old), "{old} is gone in round {round}");
        for line in page
            .lines()
            .filter(|line| line.starts_with("httpcycle_probes_total{") && line.contains("/stays"))
        {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('"').nth(1).unwrap().to_owned();
            let value: f64 = value.parse().unwrap();
            let last = before.insert(name, value).unwrap_or_default();
            assert!(value >= last, "{line} was {last} in round {}", round - 1);
        }
    }
    assert_eq!(before.len(), N_TARGETS * 9 / 10);
    // From here on nothing starts, so that both sides can be compared at rest.
    folder.replace("a.json", &list(11, "1h"));
    exporter.wait_for(
        &format!("httpcycle_probes_total{{target=\"http://{address}/round11-0\""),
        |value| value.is_some(),
    );
    // Each target fills the slot that was due, and then rests.
    let n_served = || counts.lock().unwrap().values().sum::<u64>();
    let mut last = 0;
    while last != n_served() {
        last = n_served();
        thread::sleep(Duration::from_millis(600));
    }
    exporter.wait_for("httpcycle_probes_in_flight", |value| value == Some(0.0));
    let page = exporter.get_text("GET /metrics");
    let sum = |family: &str, name: &str| -> u64 {
        let prefix = format!("{family}{{target=\"http://{address}/{name}\"");
        let lines = page.lines().filter(|line| line.starts_with(&prefix));
        lines
            .map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap())
            .sum()
    };
    for n in 0..N_TARGETS * 9 / 10 {
        let name = format!("stays{n}");
        let served = counts.lock().unwrap()[&format!("/{name}")];
        let probes = sum("httpcycle_probes_total", &name);
        let skipped = sum("httpcycle_probes_skipped_total", &name);
        assert!(served > 3, "{name} was probed {served} times");
        assert!(
            (probes..=probes + skipped).contains(&served),
            "{name}: {probes} counted, {skipped} skipped, {served} served"
        );
        assert_eq!(
            sum("httpcycle_probe_duration_seconds_count", &name),
            probes,
            "{name}"
        );
    }
}
