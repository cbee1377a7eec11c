//! What stays over a reload and what goes.

use httpcycle_exporter::metrics::format::Format;
use httpcycle_exporter::outcome::skip::SkipReason;

use super::*;

const PROBES: &str = "httpcycle_probes_total{target=\"a\"}";
const DURATIONS: &str = "httpcycle_probe_duration_seconds_count{target=\"a\",outcome=\"success\"}";

#[test]
fn counts_stay_with_new_labels_and_a_probe_in_flight() {
    let before = listing(target("a", "https://api.example/"), &[200, 204], &[409]);
    let bounds = bounds(&[1.0]);
    let store = store(vec![before.clone(), target("b", "http://b/")], &bounds);
    let in_flight = store.series("a").unwrap();
    in_flight.record(&answer(&before, 409, 1));
    in_flight.record(&answer(&before, 500, 1));

    let mut after = listing(target("a", "http://127.0.0.1/"), &[409, 201], &[409]);
    after.labels.insert("team", "x").unwrap();
    reconcile(&store, vec![after], &bounds);
    in_flight.record(&answer(&before, 200, 1));
    in_flight.record(&answer(&before, 204, 1));
    in_flight.skip(SkipReason::Overrun, 1);
    store.series("a").unwrap().skip(SkipReason::Overrun, 1);

    let page = page(&store, Format::Text);
    for (family, labels, expected) in [
        ("probes_total", "", Some(4.0)),
        ("probes_skipped_total", ",reason=\"overrun\"", Some(2.0)),
        ("responses_total", ",code=\"200\"", Some(1.0)),
        ("responses_total", ",code=\"201\"", Some(0.0)),
        ("responses_total", ",code=\"204\"", Some(1.0)),
        ("responses_total", ",code=\"409\"", Some(1.0)),
        ("responses_total", ",code=\"500\"", Some(1.0)),
        (
            "conflicts_total",
            ",expected=\"false\",reason=\"unspecified\"",
            Some(1.0),
        ),
        (
            "conflicts_total",
            ",expected=\"false\",reason=\"other\"",
            None,
        ),
        (
            "conflicts_total",
            ",expected=\"true\",reason=\"unspecified\"",
            Some(0.0),
        ),
        (
            "conflicts_total",
            ",expected=\"true\",reason=\"other\"",
            Some(0.0),
        ),
        // It cannot run any more, but it has.
        ("phase_duration_seconds_count", ",phase=\"tls\"", Some(4.0)),
        (
            "phase_duration_seconds_count",
            ",phase=\"connect\"",
            Some(4.0),
        ),
        (
            "probe_duration_seconds_count",
            ",outcome=\"success\"",
            Some(2.0),
        ),
        (
            "probe_duration_seconds_count",
            ",outcome=\"conflict\"",
            Some(1.0),
        ),
    ] {
        let series = format!("httpcycle_{family}{{target=\"a\",team=\"x\"{labels}}}");
        assert_eq!(value(&page, &series), expected, "{series}");
    }
    assert!(!page.contains("target=\"b\""));
    assert!(
        !page.contains("target=\"a\"}"),
        "nothing with the old labels"
    );
}

#[test]
fn new_bounds_start_histograms_anew_and_counters_stay() {
    let target = target("a", "http://127.0.0.1/");
    let store = store(vec![target.clone()], &bounds(&[1.0]));
    let in_flight = store.series("a").unwrap();
    in_flight.record(&answer(&target, 200, 1));
    reconcile(&store, vec![target.clone()], &bounds(&[0.5, 1.0]));
    assert_eq!(value(&page(&store, Format::Text), DURATIONS), Some(0.0));
    in_flight.record(&answer(&target, 200, 1));
    reconcile(&store, vec![target.clone()], &bounds(&[0.5, 1.0]));
    in_flight.record(&answer(&target, 200, 1));
    let page = page(&store, Format::Text);
    assert_eq!(value(&page, PROBES), Some(3.0));
    assert_eq!(value(&page, DURATIONS), Some(2.0));
    assert_eq!(page.matches("outcome=\"success\",le=").count(), 3);
}

#[test]
fn a_target_that_went_and_came_back_starts_at_0() {
    let target = target("a", "http://127.0.0.1/");
    let bounds = bounds(&[1.0]);
    let store = store(vec![target.clone()], &bounds);
    let in_flight = store.series("a").unwrap();
    reconcile(&store, Vec::new(), &bounds);
    assert!(store.series("a").is_none());
    in_flight.record(&answer(&target, 200, 1));
    assert!(!page(&store, Format::Text).contains("target=\"a\""));
    reconcile(&store, vec![target], &bounds);
    assert_eq!(value(&page(&store, Format::Text), PROBES), Some(0.0));
}

#[test]
fn a_name_that_stands_twice_is_one_target() {
    let twice = vec![target("a", "http://first/"), target("a", "http://second/")];
    let store = store(twice, &bounds(&[1.0]));
    let page = page(&store, Format::Text);
    assert_eq!(page.matches(PROBES).count(), 1);
    assert!(page.contains("url=\"http://first/\""));
}
