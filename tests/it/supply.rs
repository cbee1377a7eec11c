//! What comes into the tree of dependencies, by the lists of `deny.toml`: the essence of
//! `cargo deny check bans licenses sources`, for machines that do not have it.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::real_parts;

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The lines of a section of a TOML file, comments included.
fn section<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let header = format!("[{name}]");
    let mut lines = text.lines().skip_while(|line| line.trim() != header);
    assert!(lines.next().is_some(), "no section {header}");
    lines.take_while(|line| !line.starts_with('[')).collect()
}

/// The first texts in quotes on the lines of a list.
fn list(text: &str, in_section: &str, key: &str) -> Vec<String> {
    let lines = section(text, in_section);
    let begin = format!("{key} = [");
    let mut taken = Vec::new();
    for line in lines.iter().skip_while(|line| !line.starts_with(&begin)) {
        let code = line.split('#').next().unwrap();
        if code.starts_with(&begin) && code.trim_end().ends_with(']') {
            let quoted = code.split('"').skip(1).step_by(2);
            return quoted.map(ToOwned::to_owned).collect();
        }
        if code.starts_with(']') {
            break;
        }
        taken.extend(code.split('"').nth(1).map(ToOwned::to_owned));
    }
    assert!(!taken.is_empty(), "{key} of {in_section} is empty");
    taken
}

/// What cargo knows of the dependencies on the systems that are judged, or on this one alone if
/// those of the others were never downloaded.
fn metadata() -> Value {
    let systems = list(&file("deny.toml"), "graph", "targets");
    let of_all = metadata_of(&systems);
    of_all.unwrap_or_else(|said| {
        real_parts::skip(&format!("dependencies of other systems: {said}"));
        let begin = format!("{}-", env::consts::ARCH);
        let here = systems.iter().find(|system| system.starts_with(&begin));
        metadata_of(here.map(std::slice::from_ref).unwrap()).unwrap()
    })
}

fn metadata_of(systems: &[String]) -> Result<Value, String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--locked", "--offline", "--format-version=1"]);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    for system in systems {
        cargo.args(["--filter-platform", system]);
    }
    let output = cargo.output().unwrap();
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// Whether what is written of licences (SPDX, or the older form with `/`) leaves a choice that is
/// allowed. Each AND must be, and one of each OR; an exception is part of its licence's name.
fn is_allowed(licence: &str, allowed: &[String]) -> bool {
    let spaced = licence
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let is_fine = any_of(&mut words, allowed);
    assert_eq!(words.next(), None, "the end of {licence:?}");
    is_fine
}

type Words<'w> = std::iter::Peekable<std::str::SplitWhitespace<'w>>;

fn any_of(words: &mut Words<'_>, allowed: &[String]) -> bool {
    let mut is_fine = all_of(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        is_fine |= all_of(words, allowed);
    }
    is_fine
}

fn all_of(words: &mut Words<'_>, allowed: &[String]) -> bool {
    let mut is_fine = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        is_fine &= one(words, allowed);
    }
    is_fine
}

fn one(words: &mut Words<'_>, allowed: &[String]) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let is_fine = any_of(words, allowed);
        assert_eq!(words.next(), Some(")"));
        return is_fine;
    }
    let mut name = words.next().unwrap().to_owned();
    if words.next_if_eq(&"WITH").is_some() {
        name = format!("{name} WITH {}", words.next().unwrap());
    }
    allowed.contains(&name)
}

#[test]
fn licences_are_read_as_spdx() {
    let allowed = ["MIT", "ISC", "A WITH B"].map(ToOwned::to_owned);
    for (licence, expected) in [
        ("MIT", true),
        ("Apache-2.0", false),
        ("Apache-2.0 OR MIT", true),
        ("Apache-2.0/MIT", true),
        ("Apache-2.0 AND MIT", false),
        ("ISC AND MIT", true),
        ("(Apache-2.0 OR MIT) AND GPL-3.0", false),
        ("(Apache-2.0 OR MIT) AND (ISC)", true),
        ("GPL-3.0 AND ISC OR MIT", true),
        ("GPL-3.0 OR ISC AND Apache-2.0", false),
        ("A", false),
        ("A WITH B", true),
        ("MIT WITH B", false),
    ] {
        assert_eq!(is_allowed(licence, &allowed), expected, "{licence}");
    }
}

#[test]
fn every_licence_is_allowed() {
    let allowed = list(&file("deny.toml"), "licenses", "allow");
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "the walk found the tree");
    for package in packages {
        let licence = package["license"].as_str().unwrap_or("none");
        let name = &package["name"];
        assert!(
            is_allowed(licence, &allowed),
            "{name} has the licence {licence}"
        );
    }
}

/// The packages of a lock file: for each its keys with their values.
fn locked(text: &str) -> Vec<BTreeMap<&str, &str>> {
    let packages = text.split("[[package]]").skip(1);
    packages
        .map(|package| {
            let pairs = package.lines().filter_map(|line| line.split_once(" = "));
            pairs
                .map(|(key, value)| (key, value.trim_matches('"')))
                .collect()
        })
        .collect()
}

#[test]
fn nothing_is_banned_and_all_comes_from_one_registry() {
    let deny = file("deny.toml");
    let banned = list(&deny, "bans", "deny");
    assert!(banned.iter().any(|name| name == "openssl"), "{banned:?}");
    let registries = list(&deny, "sources", "allow-registry");
    let lock = file("Cargo.lock");
    let packages = locked(&lock);
    assert!(packages.len() > 100, "the lock file was read");
    for package in packages {
        let name = package["name"];
        assert!(
            !banned.iter().any(|banned| banned == name),
            "{name} is banned"
        );
        if name == env!("CARGO_PKG_NAME") {
            continue;
        }
        let source = package
            .get("source")
            .and_then(|source| source.strip_prefix("registry+"));
        let is_known = source.is_some_and(|source| registries.iter().any(|known| known == source));
        assert!(is_known, "{name} comes from {source:?}");
        assert_eq!(
            package.get("checksum").map(|sum| sum.len()),
            Some(64),
            "{name}"
        );
    }
}

#[test]
fn there_is_one_crypto_provider() {
    const OTHERS: [&str; 10] = [
        "aws-lc-rs",
        "aws-lc-sys",
        "boring",
        "graviola",
        "mbedtls",
        "native-tls",
        "openssl",
        "openssl-sys",
        "rustls-rustcrypto",
        "symcrypt",
    ];
    let metadata = metadata();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let mut with_ring = BTreeSet::new();
    for node in nodes {
        let id = node["id"].as_str().unwrap();
        let name = id.rsplit_once('#').unwrap().1.split('@').next().unwrap();
        assert!(!OTHERS.contains(&name), "{id}");
        let features: Vec<_> = node["features"].as_array().unwrap().iter().collect();
        let has = |feature: &str| features.iter().any(|known| *known == feature);
        assert!(!has("aws_lc_rs") && !has("aws-lc-rs"), "{id}: {features:?}");
        if has("ring") {
            with_ring.insert(name.to_owned());
        }
    }
    assert!(with_ring.contains("rustls"), "{with_ring:?}");
}

/// The dependencies of a manifest, each with the line before its group: those that share a reason
/// stand together below it.
fn dependencies<'t>(manifest: &'t str, name: &str) -> Vec<(&'t str, &'t str)> {
    let mut before = "";
    let mut found = Vec::new();
    for line in section(manifest, name) {
        if line.starts_with('#') || line.is_empty() {
            before = line;
        } else {
            found.push((before, line));
        }
    }
    found
}

#[test]
fn every_dependency_has_its_reason_and_a_version() {
    for (name, sections) in [
        ("Cargo.toml", &["dependencies", "dev-dependencies"][..]),
        ("fuzz/Cargo.toml", &["dependencies"]),
    ] {
        let manifest = file(name);
        let all = sections
            .iter()
            .flat_map(|section| dependencies(&manifest, section));
        for (before, line) in all {
            assert!(before.starts_with("# "), "{name}: no reason beside {line}");
            let is_own = line.contains("path = \"..\"") && name.starts_with("fuzz");
            let has_digits = line
                .split('"')
                .nth(1)
                .unwrap()
                .contains(|c: char| c.is_ascii_digit());
            assert!(is_own || has_digits, "{name}: no version: {line}");
            for loose in ["\"*", ".*", "git =", "registry =", ">"] {
                assert!(!line.contains(loose), "{name}: {loose} in {line}");
            }
            assert!(is_own || !line.contains("path ="), "{name}: {line}");
        }
        assert!(!manifest.contains("[patch"), "{name} replaces a crate");
    }
}

#[test]
fn unsafe_code_stays_out() {
    let manifest = file("Cargo.toml");
    assert!(section(&manifest, "lints.rust").contains(&"unsafe_code = \"forbid\""));
}
