//! `docs/metrics.md`: every family as it is exposed, and every value of the closed labels.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use httpcycle_exporter::metrics::catalogue;
use httpcycle_exporter::outcome::Verdict;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::outcome::skip::SkipReason;
use httpcycle_exporter::target::conflict::{OTHER, UNSPECIFIED};

use crate::reference::{Part, code, part, read};
use crate::support::exporter::Exporter;

const DOCUMENT: &str = "docs/metrics.md";

#[test]
fn every_family_has_its_row_and_no_other() {
    let document = read(DOCUMENT);
    for (heading, families) in [
        ("Of targets", catalogue::OF_TARGETS),
        ("Of the exporter", catalogue::OWN),
    ] {
        let part = part(&document, heading);
        let names: BTreeSet<&str> = families.iter().map(|family| family.name).collect();
        assert_eq!(part.names().collect::<BTreeSet<_>>(), names);
        for family in families {
            let row = part.row(family.name);
            assert_eq!(row[1], family.kind.label(), "{}", family.name);
            let unit = family.unit.map_or("", |unit| unit.label());
            assert_eq!(row[2], unit, "{}", family.name);
        }
    }
}

/// The labels of each family on a page, without those that the document tells of all.
fn labels(page: &str) -> BTreeMap<String, BTreeSet<&str>> {
    let mut found: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for line in page.lines().filter(|line| line.contains(' ')) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let is_family = |family: &&&catalogue::Family| {
            let suffixes = ["", "_bucket", "_sum", "_count"];
            let mut suffixes = suffixes.iter();
            suffixes.any(|suffix| name == format!("{}{suffix}", family.name))
        };
        let families = catalogue::OF_TARGETS.iter().chain(catalogue::OWN);
        let Some(family) = families.into_iter().find(is_family) else {
            continue;
        };
        // No value of this page has a quote in it.
        let names = labels.split('"').step_by(2);
        let names = names.filter_map(|text| text.trim_start_matches(',').strip_suffix('='));
        let names = names.filter(|name| !["target", "le"].contains(name));
        found
            .entry(family.name.to_owned())
            .or_default()
            .extend(names);
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_family_has_the_labels_of_its_row() {
    let config = "targets:\n  - {name: a, url: http://127.0.0.1:1/, interval: 50ms}\n\
                  file_sd_configs: [{files: [nothing.json]}]\n";
    let exporter = Exporter::start(config);
    let deadline = Instant::now() + Duration::from_secs(30);
    while exporter.value("httpcycle_probe_failures_total").is_none() {
        assert!(Instant::now() < deadline, "no probe failed");
        thread::sleep(Duration::from_millis(50));
    }
    let page = exporter.get_text("GET /metrics");
    let exposed = labels(&page);
    assert!(exposed.len() > 24, "{exposed:?}");
    let document = read(DOCUMENT);
    for heading in ["Of targets", "Of the exporter"] {
        let part = part(&document, heading);
        for name in part.names() {
            let listed: BTreeSet<&str> = code(&part.row(name)[3]).collect();
            // Gauges that a refused connection leaves without a value have no label of their own.
            let labels = exposed.get(name).cloned().unwrap_or_default();
            assert_eq!(listed, labels, "{name}");
        }
    }
}

/// What stands in code in the first cells, in order.
fn first(part: &Part<'_>) -> Vec<String> {
    part.names().map(str::to_owned).collect()
}

#[test]
fn closed_labels_have_all_their_values_and_no_other() {
    let document = read(DOCUMENT);
    let phases = Phase::ALL.map(Phase::label);
    assert_eq!(first(&part(&document, "Phases")), phases);
    assert_eq!(first(&part(&document, "In other tools")), phases);
    assert_eq!(
        first(&part(&document, "Outcomes")),
        Verdict::ALL.map(Verdict::label)
    );
    assert_eq!(
        first(&part(&document, "Skipped slots")),
        SkipReason::ALL.map(SkipReason::label)
    );
    let conflicts = first(&part(&document, "Responses and conflicts"));
    assert_eq!(conflicts, ["true", "false", UNSPECIFIED, OTHER]);
}

#[test]
fn every_reason_stands_with_its_place_and_sentence() {
    let document = read(DOCUMENT);
    let part = part(&document, "Failures");
    let listed: Vec<[String; 3]> = part
        .rows
        .iter()
        .filter(|row| row[0].starts_with('`'))
        .map(|row| [row[0].clone(), row[1].clone(), row[2].clone()])
        .collect();
    let known = Reason::ALL.iter().map(|reason| {
        let quoted = |label: &str| format!("`{label}`");
        let (place, label) = (quoted(reason.place().label()), quoted(reason.label()));
        [place, label, reason.sentence().to_owned()]
    });
    assert_eq!(listed, known.collect::<Vec<_>>());
}
