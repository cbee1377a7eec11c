//! A real Prometheus and the exporter read the same sources and agree on targets and labels.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::discovery::{Folder, wait_for_targets};
use crate::support::exporter::Exporter;
use crate::support::peer;
use crate::support::prometheus::{self, Prometheus};
use crate::support::surroundings::wait_until;

type Labels = BTreeMap<String, String>;

/// What stands in the discovered labels that is Prometheus's own.
const OWN: [&str; 5] = [
    "__address__",
    "__meta_filepath",
    "__meta_url",
    "job",
    "instance",
];

fn labels(value: &Value, is_wanted: impl Fn(&str) -> bool) -> Labels {
    let labels = value.as_object().unwrap().iter();
    let labels = labels.filter(|(name, _)| is_wanted(name));
    labels
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect()
}

/// By URL what Prometheus shows of the targets of a job: labels, path, scheme, interval and timeout.
fn theirs(prometheus: &Prometheus, job: &str) -> BTreeSet<(String, Labels, String)> {
    let Some(data) = prometheus.ask("targets", &[("state", "active")]) else {
        return BTreeSet::new();
    };
    let active = data["activeTargets"].as_array().unwrap().iter();
    let active = active.filter(|target| target["scrapePool"] == job);
    active
        .map(|target| {
            let url = target["scrapeUrl"]
                .as_str()
                .unwrap()
                .split('?')
                .next()
                .unwrap()
                .to_owned();
            let shown = labels(&target["labels"], |name| !OWN.contains(&name));
            let listed = labels(&target["discoveredLabels"], |name| {
                !name.starts_with("__") && !OWN.contains(&name)
            });
            assert_eq!(shown, listed, "{url}");
            (
                url,
                shown,
                target["scrapeInterval"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

fn ours(exporter: &Exporter) -> BTreeSet<(String, Labels, String)> {
    let page = exporter.get_text("GET /api/v1/targets");
    let (_, body) = page.split_once("\r\n\r\n").unwrap();
    let page: Value = serde_json::from_str(body.trim()).unwrap_or_else(|_| {
        // In chunks.
        let lines = body
            .lines()
            .filter(|line| usize::from_str_radix(line.trim(), 16).is_err());
        serde_json::from_str(&lines.collect::<String>()).unwrap()
    });
    let targets = page["targets"].as_array().unwrap().iter();
    targets
        .map(|target| {
            let labels = labels(&target["labels"], |_| true);
            let url = target["url"].as_str().unwrap().to_owned();
            (url, labels, format!("{}s", target["interval_seconds"]))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_finds_the_same_targets_with_the_same_labels() {
    if !prometheus::is_installed() {
        return;
    }
    let folder = Folder::new();
    let common = "\"__scrape_interval__\": \"7s\", \"__metrics_path__\": \"/health\"";
    folder.write(
        "a.json",
        &format!(
            "[{{\"targets\": [\"127.0.0.1:9\", \"localhost:9\", \"[::1]:9\"], \"labels\": {{\"team\": \"pay\\u00e4\\\"\\\\\", \
             \"empty\": \"\", \"__meta_x\": \"y\", {common}}}}},\n{{\"targets\": [\"127.0.0.1:10\"], \
             \"labels\": {{\"__scheme__\": \"https\", \"__param_module\": \"http_2xx\", {common}}}}},\n\
             {{\"targets\": []}}, {{\"targets\": null, \"labels\": {{\"a\": \"b\"}}}}]"
        ),
    );
    folder.write(
        "b.yml",
        "# as people write them\n- targets:\n  - 127.0.0.1:11\n  - '127.0.0.1:12'\n  labels: &l\n    zone: 1.10\n    \
         on: yes\n    number: 0x1F\n    long: |\n      two\n      lines\n    __scrape_interval__: 7s\n    __metrics_path__: /health\n\
         - targets: [127.0.0.1:13]\n  labels: *l\n",
    );
    folder.write("c.yaml", "");
    let listed = format!(
        "[{{\"targets\": [\"127.0.0.1:14\"], \"labels\": {{\"from\": \"http\", {common}}}}}, \
         {{\"targets\": [\"127.0.0.1:15\"], \"labels\": {{{common}}}}}]"
    );
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\n\r\n{listed}",
        listed.len()
    );
    let server = peer::answering(answer.into_bytes(), peer::Then::Close).await;
    let here = folder.path().display();
    let sections = |indent: &str| {
        format!(
            "{indent}file_sd_configs: [{{files: ['{here}/*.json', '{here}/b*.yml', '{here}/c.yaml']}}]\n\
             {indent}http_sd_configs: [{{url: 'http://{}/sd', refresh_interval: 1s}}]\n",
            server.address
        )
    };
    let exporter = Exporter::start(&sections(""));
    let job = format!(
        "- job_name: found\n  scrape_timeout: 1s\n{}",
        sections("  ")
    );
    let prometheus = Prometheus::start_scraping(exporter.address, &job);
    wait_for_targets(&exporter, 9);
    wait_until("it finds as many", || {
        theirs(&prometheus, "found").len() == 9
    });
    assert_eq!(ours(&exporter), theirs(&prometheus, "found"));

    // A change, and a file that is gone.
    std::fs::remove_file(folder.path().join("b.yml")).unwrap();
    folder.replace(
        "a.json",
        &format!("[{{\"targets\": [\"127.0.0.1:9\", \"127.0.0.1:20\"], \"labels\": {{\"team\": \"other\", {common}}}}}]"),
    );
    wait_for_targets(&exporter, 4);
    wait_until("it finds as few", || {
        theirs(&prometheus, "found").len() == 4
    });
    assert_eq!(ours(&exporter), theirs(&prometheus, "found"));
}
