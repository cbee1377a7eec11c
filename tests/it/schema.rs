//! `schema`: what it says of a file is what the readers say, as far as a schema can tell, by the
//! validator of others that editors and checks of repositories use.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use httpcycle_exporter::config::schema::{CONFIGURATION, Holds, Section};
use httpcycle_exporter::config::shape::Shape;
use httpcycle_exporter::demo::Demo;
use httpcycle_exporter::demo::storm::Storms;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::reference::configuration::{file_with, loaded, sections};
use crate::support::exporter::program;
use crate::support::real_parts;

const FILE: &str = "httpcycle.yml";

/// Values that keys are tried with, besides the words of those that take some.
const VALUES: &[&str] = &[
    "text",
    "''",
    "7",
    "0",
    "0s",
    "s",
    ".s",
    "...B",
    "1.2.3MB",
    "0.5",
    "true",
    "yes",
    "'7'",
    "'true'",
    "5s",
    "1m30s",
    "1.5s",
    "300us",
    "30s1m",
    "5",
    "1.5MB",
    "10XB",
    "http://a.test/",
    "ftp://a.test/",
    "~",
    "[]",
    "{}",
    "[text]",
    "[7, true]",
    "[200]",
    "[99]",
    "[200, 200]",
    "[0.5, 1]",
    "[[text]]",
    "[~]",
    "[{a: b}]",
    "{a: b}",
    "{a: 7}",
    "{a: [b]}",
    "{a: ~}",
    "{a: {b: c}}",
    "GZIP",
    "[HTTP/1.1]",
    "[HTTP/9]",
    "problem",
    "TLS13",
];

/// What readers say of mistakes that a schema can tell.
const STRUCTURAL: &[&str] = &[
    "unknown key",
    "must be text, found",
    "must be true or false",
    "must be a duration",
    "must be a size",
    "must be one of",
    "must be first or all",
    "must be ip4 or ip6",
    "must be http, found",
    "must be TLS12 or TLS13",
    "must be gzip",
    "a list of status codes from",
    "numbers of seconds",
    "found a list",
    "found a mapping",
    "found a single value",
    "is not supported yet",
    "has no prober",
    "has no url",
    "has no files",
    "oauth2 needs",
    "needs a header",
    "needs a regexp",
];

/// Of those, what only the meaning of a value tells.
const BEYOND: &[&str] = &[
    // Quotes and spellings are gone when a schema sees the value.
    "in quotes",
    // Units in another order are refused for intervals; of Go's a sum is made.
    "at most 292 years",
    "; the units are",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn is_structural(said: &str) -> bool {
    said.lines().any(|line| {
        let tells = |parts: &[&str]| parts.iter().any(|part| line.contains(part));
        tells(STRUCTURAL) && !tells(BEYOND)
    })
}

fn schema() -> Value {
    let output = program().arg("schema").output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Whether there is the validator on this machine.
fn is_installed() -> bool {
    let mut command = Command::new("check-jsonschema");
    real_parts::is_installed("check-jsonschema of PyPI", command.arg("--version"))
}

/// What is wrong with each document by the schema.
fn wrong_with(documents: &[String]) -> Vec<Vec<String>> {
    let asked = json!({"schema": schema(), "documents": documents}).to_string();
    let mut python = Command::new("python3");
    python.arg(root().join("tests/check_schema.py"));
    let told = real_parts::run(&mut python, asked.as_bytes());
    serde_json::from_str(&told.unwrap()).unwrap()
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "yml"))
        .collect();
    paths.sort();
    paths
}

/// Runs the program that people run, which knows no more than the files.
fn check_jsonschema(arguments: &[&str], paths: &[PathBuf]) -> (bool, String) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("schema.json");
    fs::write(&path, schema().to_string()).unwrap();
    let mut command = Command::new("check-jsonschema");
    command
        .arg("--schemafile")
        .arg(&path)
        .args(arguments)
        .args(paths);
    let output = command.output().unwrap();
    (
        output.status.success(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

#[test]
fn every_good_configuration_is_accepted() {
    if !is_installed() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let demo = Demo::start(Storms::USUAL).unwrap();
    let of_demo = folder.path().join("demo.yml");
    fs::write(&of_demo, demo.configuration().unwrap()).unwrap();
    demo.stop();
    let mut paths = files("tests/config/good");
    assert!(paths.len() > 7, "{paths:?}");
    paths.extend(["example.yml", "deploy/httpcycle.yml"].map(|name| root().join(name)));
    paths.push(of_demo);
    let (is_fine, said) = check_jsonschema(&[], &paths);
    assert!(is_fine, "{said}");
}

#[test]
fn bad_configurations_are_refused_for_what_a_schema_can_tell() {
    if !is_installed() {
        return;
    }
    let paths = files("tests/config/bad");
    // What is said of each stands beside it, and tells which of them are structural.
    let said = |path: &Path| fs::read_to_string(path.with_extension("txt")).unwrap();
    let structural: Vec<PathBuf> = paths
        .into_iter()
        .filter(|path| is_structural(&said(path)))
        .collect();
    assert!(structural.len() > 60, "{structural:?}");
    let (is_fine, told) = check_jsonschema(&["--output-format=json"], &structural);
    assert!(!is_fine);
    let told: Value = serde_json::from_str(&told).unwrap();
    let lists = ["errors", "parse_errors"].map(|list| told[list].as_array().unwrap());
    let refused: Vec<&str> = lists
        .into_iter()
        .flatten()
        .filter_map(|error| error["filename"].as_str())
        .collect();
    for path in structural {
        assert!(
            refused.contains(&path.to_str().unwrap()),
            "{} is accepted",
            path.display()
        );
    }
}

/// Every key with every value: what is read is accepted, and what is of another shape is refused.
#[test]
fn each_key_takes_what_its_reader_takes() {
    if !is_installed() {
        return;
    }
    let mut tried = Vec::new();
    let mut known: Vec<&Section> = Vec::new();
    for (path, section) in sections(FILE, &CONFIGURATION) {
        // Some stand in several places, and once is enough.
        if known.iter().any(|known| std::ptr::eq(*known, section)) {
            continue;
        }
        known.push(section);
        for key in section.keys {
            let words = match key.holds {
                Holds::Shaped(Shape::OneOf(words)) => words,
                _ => &[],
            };
            let values = VALUES.iter().chain(words);
            tried.extend(values.map(|value| file_with(&path, &format!("{}: {value}", key.name))));
        }
    }
    assert!(tried.len() > 2_000, "{}", tried.len());
    let mut wrong = Vec::new();
    let (mut n_read, mut n_refused) = (0, 0);
    for (text, told) in tried.iter().zip(wrong_with(&tried)) {
        match loaded(FILE, text) {
            Ok(_) => {
                n_read += 1;
                if !told.is_empty() {
                    wrong.push(format!("{text}\n  is read, and refused: {told:?}"));
                }
            }
            Err(said) if is_structural(&said) => {
                n_refused += 1;
                if told.is_empty() {
                    wrong.push(format!("{text}\n  is accepted: {said}"));
                }
            }
            Err(_) => {}
        }
    }
    assert!(n_read > 300 && n_refused > 1_000, "{n_read} {n_refused}");
    let advice =
        "say in src/config/schema.rs what the key holds: text(..), boolean(..), shaped(..)";
    let some = wrong
        .iter()
        .take(10)
        .cloned()
        .collect::<Vec<_>>()
        .join("\n");
    assert!(
        wrong.is_empty(),
        "{} of them:\n{some}\n{advice}",
        wrong.len()
    );
}

/// What has the right shape and can never be right all the same.
#[test]
fn what_can_never_be_right_is_refused() {
    if !is_installed() {
        return;
    }
    let bounds = |n: u32| {
        let bounds: Vec<String> = (1..=n).map(|bound| bound.to_string()).collect();
        format!("histogram_bounds: [{}]", bounds.join(", "))
    };
    let target = |interval: &str| {
        format!("targets: [{{name: a, url: http://a.test/, interval: {interval}}}]")
    };
    let module = |keys: &str| format!("modules: {{m: {{{keys}}}}}");
    let source =
        |every: &str| format!("file_sd_configs: [{{files: [a.yml], refresh_interval: {every}}}]");
    let limit = |size: &str| module(&format!("prober: http, http: {{body_size_limit: {size}}}"));
    let documents = [
        (bounds(1), true),
        (bounds(64), true),
        (bounds(65), false),
        (bounds(0), false),
        (target("10s"), true),
        (target("0"), false),
        (target("0s"), false),
        (target("0m0s"), false),
        (source("5m"), true),
        (source("0s"), false),
        (module("prober: http, timeout: .5s"), true),
        (module("prober: http, timeout: 1.s"), true),
        (module("prober: http, timeout: 0"), false),
        (module("prober: http, timeout: 0.0s"), false),
        (module("prober: http, timeout: s"), false),
        (module("prober: http, timeout: .s"), false),
        (module("prober: ~"), false),
        (module("prober: ''"), false),
        ("modules: {'': {prober: http}}".to_owned(), false),
        (limit("0"), true),
        (limit("'0'"), true),
        (limit("2.KB"), true),
        (limit(".5KB"), true),
        (limit("1MB512KB"), true),
        (limit("...B"), false),
        (limit(".B"), false),
        (limit("1.2.3MB"), false),
    ];
    let (texts, expected): (Vec<String>, Vec<bool>) = documents.into_iter().unzip();
    for ((text, is_fine), told) in texts.iter().zip(expected).zip(wrong_with(&texts)) {
        assert_eq!(told.is_empty(), is_fine, "{text}: {told:?}");
        // Sources want more of a file than a schema knows.
        let is_read = loaded(FILE, text).is_ok() || text.starts_with("file_sd");
        assert!(
            is_read || !is_fine,
            "{text}: {:?}",
            loaded(FILE, text).err()
        );
    }
}

/// What an editor shows of a key, and what it can offer.
#[test]
fn each_key_is_described_and_has_a_shape() {
    let schema = schema().to_string();
    let described = schema.matches("\"description\"").count();
    let mut n_keys = 0;
    for (path, section) in sections(FILE, &CONFIGURATION) {
        for key in section.keys {
            n_keys += 1;
            assert!(
                !matches!(key.holds, Holds::Value),
                "{} of {path} may hold anything: say in src/config/schema.rs what it holds, by \
                 text(..), boolean(..) or shaped(..)",
                key.name
            );
        }
    }
    // And one of the whole.
    assert_eq!(
        described,
        n_keys + 1,
        "a row of docs/configuration.md is missing"
    );
}

#[test]
fn modules_of_other_probers_may_hold_anything() {
    if !is_installed() {
        return;
    }
    let documents: BTreeMap<String, bool> = [
        ("{prober: tcp, timeout: [], tcp: {a: 1}, whatever: 2}", true),
        ("{prober: http, tcp: {a: 1}}", true),
        ("{prober: http, whatever: 2}", false),
        ("{prober: ftp}", false),
        ("{timeout: 5s}", false),
        ("text", false),
    ]
    .map(|(module, is_fine)| (format!("modules: {{m: {module}}}"), is_fine))
    .into();
    let texts: Vec<String> = documents.keys().cloned().collect();
    for ((text, is_fine), told) in documents.iter().zip(wrong_with(&texts)) {
        assert_eq!(told.is_empty(), *is_fine, "{text}: {told:?}");
    }
}
