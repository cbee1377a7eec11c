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

/// promtool takes groups in another order each time unless a test names one: what a group reads of
/// another is then of this evaluation or of the one before, and now and then a figure is another.
#[test]
fn tests_of_rules_name_the_order_of_all_their_groups() {
    let mut n_with_several = 0;
    for entry in fs::read_dir(alerts().join("tests")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let (head, _) = text.split_once("\ntests:").unwrap();
        let (files, order) = head.split_once("group_eval_order:").unwrap_or((head, ""));
        let files = files.split("../").skip(1).map(|rest| {
            let name = rest.split_inclusive(".yml").next().unwrap();
            fs::read_to_string(alerts().join(name)).unwrap()
        });
        let rules: String = files.collect();
        let groups = rules
            .lines()
            .filter_map(|line| line.strip_prefix("  - name: "));
        let groups: BTreeSet<_> = groups.collect();
        assert!(!groups.is_empty(), "{}", path.display());
        if groups.len() > 1 {
            n_with_several += 1;
            let is_of_a_name = |letter: char| letter.is_ascii_lowercase() || letter == '_';
            let ordered = order.split(|letter| !is_of_a_name(letter));
            let ordered: BTreeSet<_> = ordered.filter(|name| !name.is_empty()).collect();
            assert_eq!(ordered, groups, "{}", path.display());
        }
    }
    assert!(n_with_several > 5);
}
