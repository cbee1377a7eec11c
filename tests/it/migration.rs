//! `docs/migration.md`: its queries are PromQL, its metrics and keys are there.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::process::Command;

use httpcycle_exporter::config;
use httpcycle_exporter::metrics::catalogue;

use crate::config::{check_tls, folder};
use crate::support::real_parts;

fn document() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/migration.md");
    fs::read_to_string(path).unwrap()
}

/// The first code of each cell of the rows of tables.
fn rows(document: &str) -> impl Iterator<Item = Vec<String>> {
    document
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            // A bar within a cell is written with a backslash.
            let line = line.replace("\\|", "\u{1}");
            let cells = line.trim_matches('|').split('|');
            cells
                .map(|cell| cell.split('`').nth(1).unwrap_or_default())
                .map(|code| code.replace('\u{1}', "|"))
                .collect()
        })
}

/// The queries of the tables that have one before and one after.
fn queries() -> Vec<String> {
    let document = document();
    let tables = document.split("| before | after |").skip(1);
    tables
        .flat_map(|table| {
            rows(table.split("\n\n").next().unwrap())
                .flatten()
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn every_query_is_promql() {
    let queries = queries();
    assert!(queries.len() > 70, "{queries:#?}");
    let is_there = real_parts::is_installed("promtool", Command::new("promtool").arg("--version"));
    if !is_there {
        return;
    }
    let mut rules = "groups:\n- name: queries\n  rules:\n".to_owned();
    for (number, query) in queries.iter().enumerate() {
        let query = serde_json::Value::from(query.as_str());
        writeln!(rules, "  - {{record: 'query:{number}', expr: {query}}}").unwrap();
    }
    let file = tempfile::NamedTempFile::with_suffix(".yml").unwrap();
    fs::write(file.path(), rules).unwrap();
    let mut promtool = Command::new("promtool");
    let checked = real_parts::run(promtool.args(["check", "rules"]).arg(file.path()), b"");
    assert_eq!(
        checked
            .map_err(|said| format!("{said}\n{queries:#?}"))
            .err(),
        None
    );
}

#[test]
fn every_metric_of_ours_is_exposed() {
    let exposed: BTreeSet<&str> = catalogue::OWN
        .iter()
        .chain(catalogue::OF_TARGETS)
        .map(|family| family.name)
        .collect();
    let document = document();
    let mut n_found = 0;
    for behind in document.split("httpcycle_").skip(1) {
        let end = behind.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let name = format!("httpcycle_{}", &behind[..end.unwrap_or(behind.len())]);
        // The program has the same beginning, and so have all of its metrics.
        if name == "httpcycle_exporter" || name == "httpcycle_" {
            continue;
        }
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .unwrap_or(&name);
        assert!(exposed.contains(family), "{name}");
        n_found += 1;
    }
    assert!(n_found > 50);
}

#[test]
fn every_key_of_blackbox_exporter_is_told_of() {
    let document = document();
    let (_, keys) = document.split_once("#### Keys").unwrap();
    let (keys, _) = keys.split_once("#### What differs").unwrap();
    let path = folder("good").join("blackbox_every_key.yml");
    let file = fs::read_to_string(&path).unwrap();
    assert!(config::load(&path, &check_tls).is_ok());
    let mut n_keys = 0;
    for line in file.lines() {
        let Some(key) = line.strip_prefix("      ") else {
            continue;
        };
        if let Some((key, _)) = key.split_once(':')
            && key
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        {
            assert!(keys.contains(&format!("`{key}`")), "{key}");
            n_keys += 1;
        }
    }
    assert!(n_keys > 30, "{n_keys}");
}

#[test]
fn the_files_that_it_shows_load() {
    let document = document();
    let files: Vec<&str> = document
        .split("\n```yaml\n")
        .skip(1)
        .map(|behind| behind.split("\n```").next().unwrap())
        .filter(|file| file.contains("\ntargets:"))
        .collect();
    assert_eq!(files.len(), 2);
    for file in files {
        let loaded = config::parse("f.yml", &folder("good"), file, &check_tls);
        assert_eq!(
            loaded.err().map(|problems| problems.to_string()),
            None,
            "{file}"
        );
    }
}
