//! What a shard shows: its own targets, and that there are others.

use crate::shards::{quoted, start};
use crate::support::exporter::Exporter;

/// Where four targets are when there are two shards, by the vectors of `docs/scaling.md`.
const OF_0: [&str; 2] = ["orders", "日本語/🦀"];
const OF_1: [&str; 2] = ["http://127.0.0.1:8080/a?b=c", "ü \"<&"];

fn configuration(names: &[&str], interval: &str) -> String {
    let targets = names.iter().map(|name| {
        let name = quoted(name);
        format!("- {{name: {name}, url: 'http://127.0.0.1:1/', interval: {interval}}}\n")
    });
    format!("targets:\n{}", targets.collect::<String>())
}

/// The names of the targets in the answer of the API.
fn names(exporter: &Exporter) -> Vec<String> {
    let page = exporter.get_text("GET /api/v1/targets");
    let (_, body) = page.split_once("\r\n\r\n").unwrap();
    let body = body.lines().find(|line| line.starts_with('{')).unwrap();
    let said: serde_json::Value = serde_json::from_str(body).unwrap();
    let targets = said["targets"].as_array().unwrap().iter();
    let names = targets.map(|target| target["name"].as_str().unwrap().to_owned());
    names.collect()
}

#[test]
fn a_shard_shows_its_own_targets_and_says_so() {
    let all = [OF_0, OF_1].concat();
    for (ordinal, own, others) in [(0, OF_0, OF_1), (1, OF_1, OF_0)] {
        let exporter = start(&configuration(&all, "1h"), ordinal, 2, &[]);
        let is = format!("shard {ordinal} of 2");
        assert_eq!(names(&exporter), own, "{is}");
        for (series, value) in [
            ("httpcycle_shard_ordinal", ordinal as f64),
            ("httpcycle_shards", 2.0),
            ("httpcycle_targets", 2.0),
        ] {
            assert_eq!(exporter.value(series), Some(value), "{is}: {series}");
        }
        let overview = exporter.get_text("GET /");
        assert!(overview.contains(&format!("This is {is}")), "{overview}");
        assert!(overview.contains("2 targets: "), "{overview}");
        let config = exporter.get_text("GET /config");
        assert!(config.contains(&format!("# targets of {is}\n")), "{config}");
        for (names, are_shown) in [(own, true), (others, false)] {
            for name in names {
                let is_shown = config.contains(&format!("- name: {}", quoted(name)));
                assert_eq!(is_shown, are_shown, "{name} in {config}");
            }
        }
        for (name, status, part) in [
            (own[0], "200", "<h1>"),
            (others[0], "404", &*format!("shard {} has it", 1 - ordinal)),
        ] {
            let name = percent_encoded(name);
            let page = exporter.get_text(&format!("GET /targets/{name}"));
            assert!(page.contains(&format!("HTTP/1.1 {status} ")), "{page}");
            assert!(page.contains(part), "{page}");
        }
    }
}

fn percent_encoded(name: &str) -> String {
    name.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn one_exporter_alone_is_the_only_shard() {
    for arguments in [&[][..], &["--shard.ordinal=0", "--shard.total=1"]] {
        let exporter = Exporter::start_with(&configuration(&OF_1, "1h"), arguments);
        assert_eq!(names(&exporter), OF_1);
        assert_eq!(exporter.value("httpcycle_shard_ordinal"), Some(0.0));
        assert_eq!(exporter.value("httpcycle_shards"), Some(1.0));
        for path in ["GET /", "GET /config", "GET /targets/none"] {
            let page = exporter.get_text(path);
            assert!(!page.contains("hard 0"), "{page}");
        }
    }
}

#[test]
fn a_reload_keeps_the_shard_and_its_counters() {
    let exporter = start(&configuration(&[OF_0[0], OF_1[0]], "50ms"), 1, 2, &[]);
    let series = "httpcycle_probes_total";
    let before = exporter.wait_for(series, |probes| probes > Some(2.0));
    exporter.reload(&configuration(&[OF_0, OF_1].concat(), "50ms"));
    exporter.wait_for("httpcycle_targets", |targets| targets == Some(2.0));
    assert_eq!(names(&exporter), OF_1);
    assert!(exporter.value(series) >= before);
    assert_eq!(exporter.value("httpcycle_shards"), Some(2.0));
    // One whose last target goes stays there, and so does its shard.
    exporter.reload(&configuration(&OF_0, "50ms"));
    exporter.wait_for("httpcycle_targets", |targets| targets == Some(0.0));
    assert!(exporter.get_text("GET /").contains("This is shard 1 of 2"));
}

#[test]
fn whatever_is_asked_for_is_probed() {
    let exporter = start(
        &configuration(&[], "1h").replace("targets:\n", ""),
        1,
        2,
        &["--web.enable-probe-endpoint"],
    );
    let own = exporter.address;
    for n in 0..4 {
        let path = format!("GET /probe?target=http://{own}/-/healthy?{n}");
        let page = exporter.get_text(&path);
        assert!(page.contains("probe_success 1\n"), "{page}");
    }
}
