//! Reloads of the built program: what stays is neither lost nor doubled, what goes is gone.

use std::thread;
use std::time::Duration;

use crate::support::exporter::Exporter;
use crate::support::peer;

/// The nth configuration of a long day: targets stay, come, go and change.
fn configuration(n: usize, address: &str, interval: &str) -> String {
    let mut text = format!(
        "modules:\n  m:\n    prober: http\n    timeout: {interval}\n    http:\n      headers: {{X-Round: '{n}'}}\n      \
         valid_status_codes: [{}]\ntargets:\n",
        if n.is_multiple_of(3) {
            "200"
        } else {
            "200, 409"
        }
    );
    for stays in 0..8 {
        let labels = if n.is_multiple_of(2) {
            ", labels: {round: even}"
        } else {
            ""
        };
        let module = if n % 4 < 2 { "m" } else { "http_2xx" };
        text += &format!(
            "- {{name: stays{stays}, url: 'http://{address}/stays{stays}', module: {module}, interval: {interval}{labels}}}\n"
        );
    }
    for comes_and_goes in 0..n % 5 {
        text += &format!(
            "- {{name: goes{comes_and_goes}, url: 'http://{address}/goes', interval: {interval}}}\n"
        );
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_reloads_under_load_lose_and_double_nothing() {
    let (peer, counts) = peer::counting("409 Conflict").await;
    let address = peer.address.to_string();
    let exporter = Exporter::start(&configuration(0, &address, "100ms"));
    for n in 1..=100 {
        if n % 10 == 0 {
            exporter.reload("targets: [{url: nonsense}]");
            exporter.wait_for_log("not reloaded");
            assert_eq!(
                exporter.value("httpcycle_config_last_reload_successful"),
                Some(0.0)
            );
        }
        exporter.reload(&configuration(n, &address, "100ms"));
        exporter.wait_for_log("configuration reloaded");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // From here on nothing starts, so that both sides can be compared at rest.
    exporter.reload(&configuration(0, &address, "1h"));
    exporter.wait_for_log("configuration reloaded");
    exporter.wait_for("httpcycle_probes_in_flight", |value| value == Some(0.0));
    thread::sleep(Duration::from_millis(100));
    let page = exporter.get_text("GET /metrics");
    let sum = |family: &str, target: &str| -> u64 {
        let prefix = format!("{family}{{target=\"{target}\"");
        let lines = page.lines().filter(|line| line.starts_with(&prefix));
        lines
            .map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap())
            .sum()
    };
    for stays in 0..8 {
        let name = format!("stays{stays}");
        let served = counts.lock().unwrap()[&format!("/{name}")];
        assert!(served > 10, "{name} was probed {served} times");
        // On a busy machine some probes are cut by their timeout after the server has seen them,
        // and count as skipped where the exporter had no time for them.
        let answered = sum("httpcycle_responses_total", &name);
        let probes = sum("httpcycle_probes_total", &name);
        let skipped = sum("httpcycle_probes_skipped_total", &name);
        assert!(answered > 0 && answered <= probes, "{name}");
        assert!(
            (probes..=probes + skipped).contains(&served),
            "{name}: {probes} counted, {skipped} skipped, {served} served"
        );
        for (family, expected) in [
            ("httpcycle_probe_duration_seconds_count", probes),
            ("httpcycle_conflicts_total", answered),
        ] {
            assert_eq!(sum(family, &name), expected, "{family} of {name}");
        }
    }
    assert!(
        !page.contains("target=\"goes"),
        "series of removed targets are gone"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_file_changes_nothing_and_shows() {
    let (peer, _) = peer::counting("409 Conflict").await;
    let good = configuration(0, &peer.address.to_string(), "100ms");
    let exporter = Exporter::start(&good);
    let before = exporter.value("httpcycle_config_last_reload_success_timestamp_seconds");
    exporter.reload("targets: [{url: 'http://127.0.0.1:1/', intervall: 5s}]");
    let line = exporter.wait_for_log("not reloaded");
    assert!(line.contains("intervall") && line.contains(":1:"), "{line}");
    let probes = "httpcycle_probes_total{target=\"stays0\"";
    let so_far = exporter.value(probes);
    assert!(exporter.wait_for(probes, |value| value > so_far).is_some());
    let after = exporter.value("httpcycle_config_last_reload_success_timestamp_seconds");
    assert_eq!(
        (before, exporter.value("httpcycle_targets")),
        (after, Some(8.0))
    );
    assert_eq!(
        exporter.value("httpcycle_config_last_reload_successful"),
        Some(0.0)
    );
    exporter.reload(&good);
    exporter.wait_for("httpcycle_config_last_reload_successful", |value| {
        value == Some(1.0)
    });
}
