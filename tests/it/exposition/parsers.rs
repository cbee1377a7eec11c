//! Pages before the parsers of others.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::process::Command;

use httpcycle_exporter::metrics::format::Format;
use httpcycle_exporter::metrics::store::Store;

use super::*;
use crate::support::real_parts;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parse_exposition.py");

/// Names and label values that try to break out of their quotes.
fn hostile() -> Vec<String> {
    let mut values: Vec<_> = [
        "a\"} 1\nx{",
        "\"",
        "\\",
        "\\\\n",
        "\n",
        "\\\"\n\"\\",
        "a\u{2028}b\u{2029}c\u{85}d",
        "\r\n\t\u{b}\u{c}",
        "# HELP x y",
        "# EOF",
        " {a=\"b\",} 5 # {} 1",
        "😀 ü é",
    ]
    .map(str::to_owned)
    .to_vec();
    values.push("ü\"\\\n😀".repeat(1000));
    values
}

fn hostile_store() -> Store {
    let targets: Vec<_> = hostile()
        .iter()
        .map(|value| labelled(value, &[("team", value)]))
        .collect();
    let store = store(targets.clone(), &Arc::default());
    for target in &targets {
        let series = store.series(&target.name).unwrap();
        series.record(&answer(target, 409, 30));
        series.record(&answer(target, 200, 20));
    }
    store
}

#[test]
fn promtool_finds_nothing_wrong() {
    if !real_parts::is_installed("promtool", Command::new("promtool").arg("--version")) {
        return;
    }
    let page = page(&hostile_store(), Format::Text);
    let verdict = real_parts::run(
        Command::new("promtool").args(["check", "metrics"]),
        page.as_bytes(),
    );
    assert_eq!(verdict, Ok(String::new()));
}

#[test]
fn hostile_labels_come_back_as_they_were() {
    let mut import = Command::new("python3");
    import.args(["-c", "import prometheus_client"]);
    if !real_parts::is_installed("prometheus_client of PyPI", &mut import) {
        return;
    }
    let hex = |value: &str| {
        value.bytes().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    };
    let expected: BTreeSet<_> = hostile()
        .iter()
        .map(|value| {
            let value = hex(value);
            format!("httpcycle_probes_total\ttarget={value},team={value}\t2.0")
        })
        .collect();
    let store = hostile_store();
    for (format, name) in [(Format::Text, "text"), (Format::OpenMetrics, "openmetrics")] {
        let page = page(&store, format);
        let parsed = real_parts::run(
            Command::new("python3").args([SCRIPT, name]),
            page.as_bytes(),
        )
        .unwrap();
        let found: BTreeSet<_> = parsed
            .lines()
            .filter(|line| line.starts_with("httpcycle_probes_total\t"))
            .map(str::to_owned)
            .collect();
        assert_eq!(found, expected, "{name}");
        let n_samples = page.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(parsed.lines().count(), n_samples, "{name}");
    }
}
