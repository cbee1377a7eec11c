//! Files: which are read, what becomes of changes, and what stays when one cannot be used.

use std::fs;
use std::os::unix::fs::symlink;

use crate::discovery::{Folder, json, wait_for_targets};
use crate::support::exporter::{Exporter, program};
use crate::support::peer;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn targets_of_files_are_probed_as_their_labels_say() {
    let (peer, counts) = peer::counting("200 OK").await;
    let address = peer.address;
    let folder = Folder::new();
    folder.write(
        "one.json",
        &format!(
            r#"[{{"targets": ["{address}", "http://u:s3cret@{address}/a?key=s3cret"],
                "labels": {{"team": "payments", "job": "clashes", "9": "invalid", "empty": "",
                "__meta_x": "gone", "__scrape_interval__": "200ms", "link": "http://u:s3cret@h/"}}}}]"#
        ),
    );
    folder.write(
        "two.yml",
        &format!(
            "- targets: ['{address}']\n  labels: {{__param_module: put, __metrics_path__: /deep, \
             __scrape_interval__: 250ms, __scrape_timeout__: 100ms, zone: 1.10}}\n\
             - targets: [no good, '{address}/b']\n\
             - targets: ['{address}/c']\n  labels: {{__param_module: putt}}\n\
             - targets: ['{address}/d']\n  labels: {{__scrape_interval__: 1s, __scrape_timeout__: 2s}}\n"
        ),
    );
    folder.write("three.txt", "not looked at");
    let config = folder.config("*.json")
        + "modules: {put: {prober: http, http: {method: PUT}}}\n"
        + "targets: [{name: own, url: 'http://127.0.0.1:9/', interval: 1h}]\n";
    let two = folder.path().join("two.yml");
    let config = config.replace(
        "*.json']",
        &format!("*.json', '{}', nothing/*.yaml]", two.display()),
    );
    let exporter = Exporter::start(
        &config
            .replace("two.yml', ", "two.yml', '")
            .replace("yaml]", "yaml']"),
    );

    // The targets are there before it is ready.
    while !exporter
        .get_text("GET /-/ready")
        .starts_with("HTTP/1.1 200")
    {}
    wait_for_targets(&exporter, 5);
    let root = format!("target=\"http://{address}/\",link=\"http://h/\",team=\"payments\"");
    for series in [
        format!("httpcycle_probes_total{{{root}}}"),
        format!("httpcycle_probes_total{{target=\"http://{address}/a?key=xxxxx\",link"),
        format!("httpcycle_probes_total{{target=\"http://{address}/deep\",zone=\"1.10\"}}"),
    ] {
        exporter.wait_for(&series, |value| value > Some(2.0));
    }
    let page = exporter.get_text("GET /metrics");
    let info = format!(
        "httpcycle_target_info{{target=\"http://{address}/deep\",zone=\"1.10\",\
         url=\"http://{address}/deep\",module=\"put\",method=\"PUT\",interval=\"250ms\"}} 1"
    );
    assert!(page.contains(&info), "{info}");
    assert!(page.contains(&format!("httpcycle_probe_interval_seconds{{{root}}} 0.2\n")));
    assert!(!page.contains("s3cret") && !page.contains("__"));
    for pattern in ["*.json", "two.yml"] {
        assert!(
            page.contains(&format!("{} 0\n", folder.failures(pattern))),
            "{pattern}"
        );
    }
    assert!(page.contains("httpcycle_discovery_failures_total{source=\"nothing/*.yaml\"} 0\n"));
    assert!(counts.lock().unwrap()["/deep"] > 2);

    let shown = exporter.get_text("GET /api/v1/targets");
    assert!(shown.contains("\"team\":\"payments\"") && !shown.contains("s3cret"));
    let overview = exporter.get_text("GET /");
    assert!(overview.contains(&format!("{address}/deep")));
    let shown = exporter.get_text("GET /config");
    assert!(
        shown.contains("file_sd_configs:") && shown.contains("/*.json\"]"),
        "{shown}"
    );
    assert!(!shown.contains("payments"), "{shown}");

    let log = exporter.rest_of_log().join("\n");
    for said in [
        "label name \\\"job\\\" is reserved",
        "label name \\\"9\\\" is invalid",
        "label \\\"link\\\" holds the user and password of a URL",
        "two.yml:3: group 2, target 1: the URL is invalid",
        "group 3: module \\\"putt\\\" of __param_module cannot be had; did you mean",
        "group 4: __scrape_timeout__ is 2s, longer than the interval 1s",
        "there is no file of that name",
    ] {
        assert_eq!(log.matches(said).count(), 1, "{said}: {log}");
    }
    assert!(!log.contains("s3cret"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_files_count_however_they_are_made() {
    let (peer, _) = peer::counting("200 OK").await;
    let address = peer.address;
    let folder = Folder::new();
    let list = |names: &[&str]| {
        let targets: Vec<String> = names
            .iter()
            .map(|name| format!("{address}/{name}"))
            .collect();
        json(&targets, "\"__scrape_interval__\": \"100ms\"")
    };
    let series = |name: &str| format!("httpcycle_probes_total{{target=\"http://{address}/{name}\"");
    folder.write("a.json", &list(&["stays", "goes"]));
    let exporter = Exporter::start(&folder.config("a.json"));
    let failures = folder.failures("a.json");
    let mut so_far = exporter.wait_for(&series("stays"), |value| value > Some(3.0));
    let mut goes_on = |what: &str| {
        let now = exporter.wait_for(&series("stays"), |value| value > so_far);
        assert!(now > so_far, "{what}");
        so_far = now;
    };

    // Written in place.
    folder.write("a.json", &list(&["stays", "written"]));
    exporter.wait_for(&series("written"), |value| value > Some(0.0));
    assert_eq!(exporter.value(&series("goes")), None);
    goes_on("written");

    // Replaced by another file.
    folder.replace("a.json", &list(&["stays", "replaced"]));
    exporter.wait_for(&series("replaced"), |value| value > Some(0.0));
    goes_on("replaced");

    // Half written, which fails, and then whole.
    let whole = list(&["stays", "replaced", "whole"]);
    folder.write("a.json", &whole[..whole.len() / 2]);
    exporter.wait_for(&failures, |value| value == Some(1.0));
    exporter.wait_for_log("the JSON ends in its midst");
    goes_on("half");
    assert!(
        exporter.value(&series("replaced")).is_some(),
        "the last good answer stays"
    );
    folder.write("a.json", &whole);
    exporter.wait_for(&series("whole"), |value| value > Some(0.0));
    exporter.wait_for_log("can be used again");
    goes_on("whole");
    assert_eq!(exporter.value(&failures), Some(1.0));

    // A link within a link, as Kubernetes swaps them.
    for (name, text) in [
        ("v1", list(&["stays", "v1"])),
        ("v2", list(&["stays", "v2"])),
    ] {
        fs::create_dir(folder.path().join(name)).unwrap();
        folder.write(&format!("{name}/a.json"), &text);
    }
    symlink("v1", folder.path().join("data")).unwrap();
    symlink("data/a.json", folder.path().join("link")).unwrap();
    fs::rename(folder.path().join("link"), folder.path().join("a.json")).unwrap();
    exporter.wait_for(&series("v1"), |value| value > Some(0.0));
    symlink("v2", folder.path().join("other")).unwrap();
    fs::rename(folder.path().join("other"), folder.path().join("data")).unwrap();
    exporter.wait_for(&series("v2"), |value| value > Some(0.0));
    goes_on("links");

    // A link that leads nowhere fails, ...
    fs::remove_file(folder.path().join("data")).unwrap();
    exporter.wait_for(&failures, |value| value == Some(2.0));
    goes_on("nowhere");
    // ... and a file that is gone takes its targets along, as in Prometheus.
    fs::remove_file(folder.path().join("a.json")).unwrap();
    wait_for_targets(&exporter, 0);
    exporter.wait_for_log("is gone");
    folder.write("a.json", &list(&["stays"]));
    exporter.wait_for(&series("stays"), |value| value > Some(0.0));
    assert_eq!(exporter.value(&failures), Some(2.0));
}

#[test]
fn a_file_that_is_written_slowly_takes_nothing_away() {
    let folder = Folder::new();
    let list = |n: usize| -> String {
        (0..n)
            .map(|n| {
                format!("- targets: ['127.0.0.1:9/{n}']\n  labels: {{__scrape_interval__: 1h}}\n")
            })
            .collect()
    };
    folder.write("a.yml", &list(20));
    let exporter = Exporter::start(&folder.config("*.yml"));
    wait_for_targets(&exporter, 20);
    // However long the writer is held up in between.
    for _ in 0..2 {
        for n in [0, 5, 10, 15] {
            let begun = if n == 0 { "" } else { "- targets: ['127.0" };
            folder.write("a.yml", &(list(n) + begun));
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        folder.write("a.yml", &list(21));
        wait_for_targets(&exporter, 21);
        folder.write("a.yml", &list(20));
        wait_for_targets(&exporter, 20);
    }
    let counts: Vec<String> = exporter
        .rest_of_log()
        .into_iter()
        .filter(|line| line.contains("targets discovered"))
        .collect();
    let wrong = counts.iter().find(|line| {
        !["discovered=20", "discovered=21"]
            .iter()
            .any(|fine| line.contains(fine))
    });
    assert_eq!(wrong, None, "{counts:#?}");
}

#[test]
fn what_is_listed_twice_is_probed_once_and_what_differs_has_two_names() {
    let folder = Folder::new();
    let group = |labels: &str| {
        json(
            &["127.0.0.1:9/a".to_owned(), "127.0.0.1:9/own".to_owned()],
            labels,
        )
    };
    folder.write("a.json", &group("\"from\": \"a\""));
    folder.write("b.json", &group("\"from\": \"b\""));
    folder.write("again.json", &group("\"from\": \"a\""));
    let own = "targets: [{url: 'http://127.0.0.1:9/own', interval: 1h, labels: {from: own}}]\n";
    let exporter = Exporter::start(&(folder.config("*.json") + own));
    wait_for_targets(&exporter, 3);
    let page = exporter.get_text("GET /metrics");
    for (name, from) in [("a", "a"), ("own", "own")] {
        let series =
            format!("httpcycle_probe_interval_seconds{{target=\"http://127.0.0.1:9/{name}\"");
        assert_eq!(page.matches(&series).count(), 1, "{name}");
        assert!(
            page.contains(&format!("{series},from=\"{from}\"}}")),
            "{name}"
        );
    }
    for n in 0..3 {
        folder.write("c.json", &json(&[format!("127.0.0.1:9/c{n}")], ""));
        exporter.wait_for(
            &format!("httpcycle_probes_total{{target=\"http://127.0.0.1:9/c{n}\""),
            |value| value.is_some(),
        );
    }
    let from_b = |page: &str| {
        let mut lines = page.lines().filter(|line| {
            line.starts_with("httpcycle_probe_interval_seconds{target=\"http://127.0.0.1:9/a#")
        });
        let line = lines.find(|line| line.contains("from=\"b\""));
        line.map(str::to_owned)
    };
    assert!(from_b(&page).is_some(), "{page}");
    // The other is gone, and this one stays what it was.
    fs::remove_file(folder.path().join("a.json")).unwrap();
    fs::remove_file(folder.path().join("again.json")).unwrap();
    wait_for_targets(&exporter, 3);
    let now = exporter.get_text("GET /metrics");
    assert_eq!(from_b(&now), from_b(&page));
    assert!(!now.contains("target=\"http://127.0.0.1:9/a\""), "{now}");
    let log = exporter.rest_of_log().join("\n");
    assert_eq!(log.matches("it is called").count(), 1, "{log}");
    assert_eq!(
        log.matches("/a\\\" is left out: it is listed twice")
            .count(),
        1,
        "{log}"
    );
    assert_eq!(
        log.matches("/own\\\" is left out: the configuration has")
            .count(),
        3,
        "{log}"
    );
}

#[test]
fn a_reload_changes_where_targets_are_found() {
    let folder = Folder::new();
    folder.write(
        "a.json",
        &json(
            &["127.0.0.1:9/a".to_owned()],
            "\"__scrape_interval__\": \"100ms\"",
        ),
    );
    folder.write("b.json", &json(&["127.0.0.1:9/b".to_owned()], ""));
    let exporter = Exporter::start(&folder.config("a.json"));
    let of_a = "httpcycle_probes_total{target=\"http://127.0.0.1:9/a\"";
    exporter.wait_for(of_a, |value| value > Some(2.0));
    // What can no longer be read stays over a reload.
    folder.write("a.json", "[");
    exporter.wait_for(&folder.failures("a.json"), |value| value == Some(1.0));
    let before = exporter.value(of_a);
    let both = folder.config("a.json").replace(
        "]}]",
        &format!(
            ", '{}'], refresh_interval: 1h}}]",
            folder.path().join("b.json").display()
        ),
    );
    exporter.reload(&both);
    exporter.wait_for_log("configuration reloaded");
    wait_for_targets(&exporter, 2);
    assert!(exporter.wait_for(of_a, |value| value > before) > before);
    exporter.reload(&folder.config("b.json"));
    wait_for_targets(&exporter, 1);
    let page = exporter.get_text("GET /metrics");
    assert!(!page.contains("9/a\"") && page.contains("9/b\""));
    assert!(!page.contains(&folder.failures("a.json")));
    exporter.reload("targets: []");
    wait_for_targets(&exporter, 0);
    assert!(
        !exporter
            .get_text("GET /metrics")
            .contains("httpcycle_discovery")
    );
}

#[test]
fn checking_reads_files_and_asks_nobody() {
    let folder = Folder::new();
    folder.write("bad.json", "[{\"targets\": [\n1]}]");
    folder.write(
        "good.yml",
        "- targets: ['127.0.0.1:9', 'http://']\n  labels: {le: x}\n",
    );
    let config = "file_sd_configs: [{files: ['*.json', '*.yml']}]\n\
                  http_sd_configs: [{url: 'http://127.0.0.1:9/'}]\n";
    folder.write("httpcycle.yml", config);
    let output = program()
        .args(["--config.check"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    for part in [
        "bad.json: a target must be text, at line 2",
        "good.yml:1: group 1, target 2: the URL is invalid",
        "good.yml: group 1: label name \"le\" is reserved",
    ] {
        assert_eq!(said.matches(part).count(), 1, "{part}: {said}");
    }
    assert!(!said.contains("127.0.0.1:9/"), "{said}");
}
