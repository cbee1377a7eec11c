//! The rules of the layout that no compiler checks: who may import whom, where external crates
//! have their home, and how long a file may be.

use std::fs;
use std::path::{Path, PathBuf};

/// Which top-level modules each module may import. The order is the reading order.
const IMPORTS: [(&str, &[&str]); 16] = [
    ("outcome", &[]),
    ("target", &["outcome"]),
    ("config", &["target"]),
    ("probe", &["target", "outcome"]),
    ("auth", &["probe", "target"]),
    ("metrics", &["target", "outcome"]),
    ("history", &["target", "outcome"]),
    ("scheduler", &["target", "outcome"]),
    ("discovery", &["probe", "auth", "config", "target"]),
    ("assets", &[]),
    (
        "server",
        &[
            "metrics", "history", "config", "target", "outcome", "assets",
        ],
    ),
    ("demo", &["config", "server"]),
    (
        "fuzzing",
        &[
            "outcome",
            "target",
            "config",
            "probe",
            "metrics",
            "discovery",
            "server",
        ],
    ),
    (
        "app",
        &[
            "outcome",
            "target",
            "config",
            "probe",
            "auth",
            "metrics",
            "history",
            "scheduler",
            "discovery",
            "server",
        ],
    ),
    (
        "cli",
        &[
            "outcome",
            "target",
            "config",
            "probe",
            "metrics",
            "history",
            "scheduler",
            "server",
            "assets",
            "demo",
            "app",
        ],
    ),
    ("main", &["cli"]),
];

/// Where each external crate has its home.
const HOMES: &[(&str, &[&str])] = &[
    ("granit_parser", &["config"]),
    ("hyper", &["probe", "server"]),
    ("hyper_util", &["server"]),
    ("h2", &["probe"]),
    ("h3", &["probe"]),
    ("quinn_proto", &["probe"]),
    ("http_body_util", &["probe"]),
    ("httparse", &["probe"]),
    ("reqwest", &["auth"]),
    ("rustls", &["probe", "auth", "server"]),
    ("tokio_rustls", &["probe", "server"]),
    ("rustls_native_certs", &["probe"]),
    ("webpki", &["probe"]),
    ("x509_parser", &["probe", "server"]),
    ("base64", &["probe", "config", "server"]),
    ("ring", &["probe", "config", "server", "target"]),
    ("httpdate", &["probe"]),
    ("cookie_store", &["probe"]),
    ("tokio_socks", &["probe"]),
    ("ipnet", &["target"]),
    ("hickory_resolver", &["probe"]),
    ("prometheus", &["metrics"]),
    ("regex", &["target"]),
    ("serde", &["probe", "config", "server", "demo", "cli"]),
    (
        "serde_json",
        &[
            "probe", "auth", "config", "server", "demo", "cli", "fuzzing",
        ],
    ),
    ("humantime", &["server", "cli"]),
    ("flate2", &["probe", "server"]),
    ("brotli_decompressor", &["probe"]),
    ("cel", &["target", "probe"]),
    ("askama", &["server"]),
    ("axum", &["server", "demo"]),
    ("bcrypt", &["server"]),
    ("listenfd", &["server"]),
    ("clap", &["cli", "main"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("rustix", &["config", "cli"]),
    ("tracing_subscriber", &["cli"]),
    ("tracing_logfmt", &["cli"]),
    ("tracing_appender", &["cli"]),
];

const MAX_LINES: usize = 400;

/// Every source file below `src`, with the top-level module it belongs to.
fn sources() -> Vec<(String, PathBuf, String)> {
    files_below("src")
}

/// Every file of Rust below a folder, with the first part of its path in there.
fn files_below(folder: &str) -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut folders = vec![root.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let first = path
                    .strip_prefix(&root)
                    .unwrap()
                    .components()
                    .next()
                    .unwrap();
                let module = first
                    .as_os_str()
                    .to_str()
                    .unwrap()
                    .trim_end_matches(".rs")
                    .to_owned();
                let text = fs::read_to_string(&path).unwrap();
                files.push((module, path, text));
            }
        }
    }
    assert!(files.len() > 5, "the walk found the tree");
    files
}

/// What is wrong with one line of a file of `module`, by the tables above.
fn misplaced(module: &str, line: &str) -> Option<String> {
    let code = line.split("//").next().unwrap_or_default();
    if let Some(rest) = code.split("crate::").nth(1) {
        let imported: String = rest
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        if rest.starts_with('{') {
            return Some("write one path a line, so that imports can be read".to_owned());
        }
        let allowed = IMPORTS
            .iter()
            .find(|(name, _)| *name == module)
            .map_or(&[][..], |row| row.1);
        if imported != module && !allowed.contains(&imported.as_str()) {
            return Some(format!("{module} must not import {imported}"));
        }
    }
    if code.contains("super::") && !code.contains("use super::*;") {
        return Some("write crate:: instead of super::".to_owned());
    }
    HOMES.iter().find_map(|(name, homes)| {
        let used = code.match_indices(&format!("{name}::")).any(|(at, _)| {
            !code[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':')
        });
        (used && !homes.contains(&module)).then(|| format!("{name} has its home in {homes:?}"))
    })
}

#[test]
fn imports_form_the_dag_and_crates_stay_at_home() {
    let mut wrong = Vec::new();
    for (module, path, text) in sources() {
        if module != "lib" && !IMPORTS.iter().any(|(name, _)| *name == module) {
            wrong.push(format!(
                "{}: module {module} is not in the table",
                path.display()
            ));
        }
        for (number, line) in text.lines().enumerate() {
            if let Some(what) = misplaced(&module, line) {
                wrong.push(format!("{}:{}: {what}", path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_of_imports_is_a_dag() {
    for (index, (module, imports)) in IMPORTS.iter().enumerate() {
        for import in *imports {
            let at = IMPORTS.iter().position(|(name, _)| name == import);
            assert!(at.is_some_and(|at| at < index), "{module} imports {import}");
        }
    }
}

#[test]
fn breaches_are_found() {
    for (module, line) in [
        ("outcome", "use crate::target::Target;"),
        ("metrics", "use crate::probe::Prober;"),
        ("probe", "    let x = crate::scheduler::run();"),
        ("config", "use crate::{target, outcome};"),
        ("server", "use h2::client::Builder;"),
        ("probe", "fn f() -> axum::Router {"),
        ("probe", "use super::dns;"),
    ] {
        assert!(misplaced(module, line).is_some(), "{module}: {line}");
    }
    for (module, line) in [
        ("probe", "use crate::probe::dns;"),
        ("probe", "use hyper::body::Body; // not axum::Router"),
        ("server", "use axum::http::HeaderMap;"),
        ("probe", "    use super::*;"),
    ] {
        assert_eq!(misplaced(module, line), None, "{module}: {line}");
    }
}

/// A step of the wall clock moves no slot, since whatever knows of slots does not know that clock.
#[test]
fn the_wall_clock_stays_out_of_the_schedule() {
    let scheduler = sources()
        .into_iter()
        .filter(|(module, path, _)| module == "scheduler" && !path.ends_with("tests.rs"));
    let mut n_files = 0;
    for (_, path, text) in scheduler {
        n_files += 1;
        for clock in ["SystemTime", "UNIX_EPOCH", "std::time::*", "Utc"] {
            assert!(!text.contains(clock), "{clock} in {}", path.display());
        }
    }
    assert!(n_files >= 3, "only {n_files} files of the scheduler");
}

#[test]
fn no_file_is_too_long() {
    let everywhere = ["src", "tests", "benches"].map(files_below);
    for (_, path, text) in everywhere.into_iter().flatten() {
        let lines = text.lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines", path.display());
    }
}
