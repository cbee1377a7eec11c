//! The documents against the code: what they list is what there is.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use httpcycle_exporter::config;
use httpcycle_exporter::metrics::catalogue;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// The part of a document below a heading, up to the next one of any level.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let start = format!("\n{heading}\n");
    let (_, behind) = text.split_once(&start).unwrap();
    behind.split("\n#").next().unwrap()
}

/// What stands in backticks in a line.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// All of them are in `docs/metrics.md`.
#[test]
fn the_readme_has_metrics_that_there_are() {
    let families = catalogue::OWN.iter().chain(catalogue::OF_TARGETS);
    let kinds: BTreeMap<&str, &str> = families
        .map(|family| (family.name, family.kind.label()))
        .collect();
    let readme = read("README.md");
    let metrics = section(&readme, "## Metrics");
    let rows: Vec<&str> = metrics
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    assert!(rows.len() > 8, "{rows:?}");
    for row in rows {
        let name = quoted(row).next().unwrap();
        let kind = row.split('|').nth(2).unwrap().trim();
        assert_eq!(Some(&kind), kinds.get(name), "{name}");
    }
}

#[test]
fn the_mistakes_that_the_readme_shows_are_told_as_it_shows_them() {
    let text = "modules:\n  checkout:\n    prober: http\n    http:\n      method: GET\n      \
                headers:\n        Accept: text/plain\n      methd: GET\ntargets:\n  \
                - url: http://a.example/\n    module: chekout\n";
    let said = config::parse("httpcycle.yml", Path::new(""), text, &|_| Ok(()))
        .map_err(|problems| problems.to_string());
    let readme = read("README.md");
    assert!(readme.contains(&format!("\n```\n{}\n```\n", said.unwrap_err())));
}

#[test]
fn the_example_loads_and_leaves_nothing_to_warn_of() {
    let config = config::load(&root().join("example.yml"), &|_| Ok(())).unwrap();
    let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, [""; 0]);
    assert!(!config.targets.is_empty());
}

/// The headings of a document as links name them.
fn headings(text: &str) -> impl Iterator<Item = String> {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim().to_lowercase())
        .map(|heading| {
            heading
                .chars()
                .filter(|c| c.is_alphanumeric() || "_- ".contains(*c))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut n_links = 0;
    for document in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "alerts/README.md",
        "docs/addresses.md",
        "docs/configuration.md",
        "docs/conflicts.md",
        "docs/demo.md",
        "docs/discovery.md",
        "docs/flags.md",
        "docs/hostile.md",
        "docs/kubernetes.md",
        "docs/measured.md",
        "docs/metrics.md",
        "docs/migration.md",
        "docs/modules.md",
        "docs/operating.md",
        "docs/phases.md",
        "docs/status.md",
        "docs/web.md",
    ] {
        let text = read(document);
        let folder = root().join(document).parent().unwrap().to_owned();
        for behind in text.split("](").skip(1) {
            let link = behind.split(')').next().unwrap();
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            if link.contains("://") {
                continue;
            }
            n_links += 1;
            let path = match file {
                "" => root().join(document),
                file => folder.join(file),
            };
            assert!(path.exists(), "{document}: {link}");
            let is_there = heading.is_empty()
                || headings(&fs::read_to_string(path).unwrap()).any(|known| known == heading);
            assert!(is_there, "{document}: {link}");
        }
    }
    assert!(n_links > 4);
}

#[test]
fn the_code_map_has_every_file_and_no_other() {
    let architecture = read("ARCHITECTURE.md");
    let mapped: BTreeSet<PathBuf> = section(&architecture, "## Code map")
        .lines()
        .flat_map(quoted)
        .filter(|word| word.starts_with("src/"))
        .map(PathBuf::from)
        .collect();
    let modules: BTreeSet<PathBuf> = fs::read_dir(root().join("src"))
        .unwrap()
        .map(|entry| Path::new("src").join(entry.unwrap().file_name()))
        .collect();
    assert_eq!(mapped, modules);
}

#[test]
fn the_code_map_names_every_module_of_the_tests_once() {
    let architecture = read("ARCHITECTURE.md");
    let (_, paragraph) = architecture.split_once("\n**`tests/it`** ").unwrap();
    let paragraph = paragraph.split("\n\n").next().unwrap();
    let main = read("tests/it/main.rs");
    let modules: Vec<&str> = main
        .lines()
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    assert!(modules.len() > 20, "{modules:?}");
    for module in modules {
        let named = quoted(paragraph).filter(|word| *word == module);
        assert_eq!(named.count(), 1, "{module}");
    }
}
