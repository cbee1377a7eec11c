//! The runbook against the rules: each alert has its section, and what it has people ask is PromQL.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::real_parts;

fn alerts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("alerts")
}

fn runbook() -> String {
    fs::read_to_string(alerts().join("README.md")).unwrap()
}

/// The rules of all files, one text.
fn rules() -> String {
    let files = fs::read_dir(alerts()).unwrap();
    let paths = files.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "yml"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

#[test]
fn every_alert_has_severity_annotations_and_its_section_in_the_runbook() {
    let rules = rules();
    let runbook = runbook();
    let mut names = BTreeSet::new();
    for rule in rules.split("- alert: ").skip(1) {
        let rule = rule.split("\n      - ").next().unwrap();
        let name = rule.lines().next().unwrap();
        assert!(name.starts_with("HttpCycle"), "{name}");
        let severity = ["severity: critical\n", "severity: warning\n"];
        assert!(severity.iter().any(|line| rule.contains(line)), "{name}");
        for part in ["summary: ", "description: "] {
            assert!(rule.contains(part), "{name} lacks {part}");
        }
        let url = format!("runbook_url: alerts/README.md#{}", name.to_lowercase());
        assert!(rule.lines().any(|line| line.trim() == url), "{name}: {url}");
        names.insert(name);
    }
    let headings = runbook.lines().filter_map(|line| line.strip_prefix("## "));
    let sections: BTreeSet<_> = headings
        .filter(|heading| heading.starts_with("HttpCycle"))
        .collect();
    assert_eq!(sections, names);
    assert!(names.len() > 6);
}

#[test]
fn the_queries_of_the_runbook_are_promql() {
    let version = real_parts::is_installed("promtool", Command::new("promtool").arg("--version"));
    if !version {
        return;
    }
    let runbook = runbook();
    let queries = runbook.split("```promql\n").skip(1);
    let mut rules = "groups:\n- name: runbook\n  rules:\n".to_owned();
    for (n, query) in queries.enumerate() {
        let query = query
            .split("\n```")
            .next()
            .unwrap()
            .replace('\n', "\n      ");
        writeln!(rules, "  - record: query{n}\n    expr: |\n      {query}").unwrap();
    }
    assert!(rules.contains("query9"), "the queries were found");
    let mut promtool = Command::new("promtool");
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &rules).unwrap();
    let checked = real_parts::run(promtool.args(["check", "rules"]).arg(file.path()), b"");
    assert!(checked.is_ok(), "{checked:?}");
}
