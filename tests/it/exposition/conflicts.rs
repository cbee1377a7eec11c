//! The series of conflicts: which exist at 0, and what a reload makes of them.

use httpcycle_exporter::metrics::format::Format;
use httpcycle_exporter::outcome::ConflictReason::{self, Listed, Other, Unspecified};
use httpcycle_exporter::target::conflict::{ReasonRule, Reasons, Source};
use httpcycle_exporter::target::pointer::JsonPointer;

use super::*;

/// The target `a` whose conflicts have these reasons.
fn ruled(names: &[&str]) -> Target {
    let mut reasons = Reasons::default();
    for name in names {
        reasons.insert(name, name).unwrap();
    }
    let module = Module {
        conflict_reason: Some(ReasonRule {
            source: Source::Json(JsonPointer::parse("").unwrap()),
            reasons,
        }),
        ..Module::http_2xx()
    };
    Target {
        module: Arc::new(module),
        ..target("a", "http://127.0.0.1/")
    }
}

fn conflict(target: &Target, reason: ConflictReason) -> Outcome {
    let mut outcome = answer(target, 409, 1);
    let response = outcome.response.as_mut().unwrap();
    response.conflict.as_mut().unwrap().reason = reason;
    outcome
}

/// The samples of conflicts without what is the same in all.
fn conflicts(store: &Store) -> Vec<String> {
    let page = page(store, Format::Text);
    let start = "httpcycle_conflicts_total{target=\"a\",expected=";
    let samples = page.lines().filter_map(|line| line.strip_prefix(start));
    samples.map(|line| line.replace("reason=", "")).collect()
}

#[test]
fn every_reason_stands_at_0_for_what_the_module_allows() {
    let bounds = bounds(&[1.0]);
    let names = ["already-exists", "two words", "\"\\"];
    for (valid, codes, expected) in [
        (&[][..], &[409][..], &["false"][..]),
        (&[200, 409], &[409], &["true"]),
        (&[200, 409], &[409, 412], &["false", "true"]),
        (&[200, 409], &[], &[]),
    ] {
        let store = store(vec![listing(ruled(&names), valid, codes)], &bounds);
        let mut lines = Vec::new();
        for expected in expected {
            for name in [
                "unspecified",
                "other",
                "already-exists",
                "two words",
                r#"\"\\"#,
            ] {
                lines.push(format!("\"{expected}\",\"{name}\"}} 0"));
            }
        }
        assert_eq!(conflicts(&store), lines, "{valid:?} {codes:?}");
    }
    let twenty: Vec<String> = (0..20).map(|n| format!("n{n}")).collect();
    let twenty: Vec<&str> = twenty.iter().map(String::as_str).collect();
    let store = store(vec![ruled(&twenty)], &bounds);
    assert_eq!(conflicts(&store).len(), 22);
}

#[test]
fn a_reload_follows_reasons_by_name() {
    let (bounds, before) = (bounds(&[1.0]), ruled(&["a", "b"]));
    let store = store(vec![before.clone()], &bounds);
    let in_flight = store.series("a").unwrap();
    for reason in [Listed(0), Listed(1), Listed(1), Other, Unspecified] {
        in_flight.record(&conflict(&before, reason));
    }
    let after = ruled(&["c", "b"]);
    reconcile(&store, vec![after.clone()], &bounds);
    let shown = |counts: [(&str, u64); 4]| {
        counts.map(|(name, count)| format!("\"false\",\"{name}\"}} {count}"))
    };
    let expected = [("unspecified", 1), ("other", 1), ("c", 0), ("b", 2)];
    assert_eq!(conflicts(&store), shown(expected));
    // A probe with the old list counts where its reason is now, or nowhere.
    in_flight.record(&conflict(&before, Listed(1)));
    in_flight.record(&conflict(&before, Listed(0)));
    let series = store.series("a").unwrap();
    series.record(&conflict(&after, Listed(0)));
    let expected = [("unspecified", 1), ("other", 1), ("c", 1), ("b", 3)];
    assert_eq!(conflicts(&store), shown(expected));
    // What comes back begins anew.
    reconcile(&store, vec![before], &bounds);
    let expected = [("unspecified", 1), ("other", 1), ("a", 0), ("b", 3)];
    assert_eq!(conflicts(&store), shown(expected));
    reconcile(&store, vec![target("a", "http://127.0.0.1/")], &bounds);
    assert_eq!(conflicts(&store), shown(expected)[..2]);
}
