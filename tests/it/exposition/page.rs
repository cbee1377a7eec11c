//! Whole pages, to the byte.

use std::collections::BTreeSet;

use httpcycle_exporter::metrics::catalogue;
use httpcycle_exporter::metrics::format::Format;
use httpcycle_exporter::metrics::store::Store;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::skip::SkipReason;
use httpcycle_exporter::outcome::timeline::{Clock, Span, Timeline};
use httpcycle_exporter::target::shard::Shard;

use super::*;

const TEXT: &str = include_str!("page.txt");
const OPEN_METRICS: &str = include_str!("page.openmetrics.txt");

/// Two targets: one that was probed thrice, one that was not yet.
fn small_store() -> Store {
    let mut orders = target("orders", "http://u:p@127.0.0.1:8080/orders/42?token=s");
    orders.labels.insert("team", "payments").unwrap();
    let orders = listing(orders, &[200, 204], &[409]);
    let outcomes = [
        answer(&orders, 200, 100),
        answer(&orders, 409, 1),
        refused(),
    ];
    let idle = labelled("idle", &[]);
    let store = store(vec![orders, idle], &bounds(&[0.1, 1.0]));
    let series = store.series("orders").unwrap();
    for outcome in outcomes {
        series.record(&outcome);
    }
    series.skip(SkipReason::NoRoute, 1);
    store
}

#[test]
fn a_small_store_in_both_formats() {
    let store = small_store();
    assert_eq!(page_of_targets(&store, Format::Text), TEXT);
    assert_eq!(page_of_targets(&store, Format::OpenMetrics), OPEN_METRICS);
}

#[test]
fn gauges_of_the_last_response_vanish_with_it() {
    let orders = target("orders", "https://api.example/");
    let store = store(vec![orders.clone()], &bounds(&[1.0]));
    let series = store.series("orders").unwrap();
    let families = |gauges: &[&str]| {
        let page = page(&store, Format::Text);
        let found = |name: &&str| value(&page, &format!("httpcycle_{name}{{target=\"orders\"}}"));
        gauges.iter().map(found).collect::<Vec<_>>()
    };
    let of_response = ["redirects", "response_body_bytes", "http_version"];
    let of_probe = [
        "probe_success",
        "last_probe_timestamp_seconds",
        "last_success_timestamp_seconds",
        "tls_earliest_cert_expiry_timestamp_seconds",
    ];
    assert_eq!(families(&of_response), [None; 3]);
    assert_eq!(families(&of_probe), [None; 4]);
    series.record(&answer(&orders, 200, 1));
    let (success, expiry) = (Some(1_700_000_000.5), Some(1_800_000_000.0));
    assert_eq!(families(&of_response), [Some(1.0), Some(1234.0), Some(1.1)]);
    assert_eq!(families(&of_probe), [Some(1.0), success, success, expiry]);
    series.record(&refused());
    assert_eq!(families(&of_response), [None; 3]);
    assert_eq!(
        families(&of_probe),
        [Some(0.0), Some(1_700_000_001.25), success, expiry]
    );
}

#[test]
fn the_exporter_tells_about_itself() {
    let own = Own::new(at(1_600_000_000.5));
    own.set_targets(3);
    own.set_shard(Shard::new(2, 5).unwrap());
    own.set_sources(&["gone".to_owned()]);
    own.set_sources(&["a/*.yml".to_owned(), "http://b/?c=xxxxx".to_owned()]);
    own.source_failed("http://b/?c=xxxxx");
    own.reload_failed();
    own.observe_lag(Duration::from_micros(20));
    let mut timeline = Timeline::new();
    let instant = Span::new(Phase::Connect, Duration::ZERO, Duration::ZERO);
    timeline.push(Span {
        clock: Clock::Fallback,
        ..instant
    });
    timeline.push(instant);
    timeline.finish(Duration::from_secs(60));
    own.observe_probe(&timeline);
    let running = own.probe_started();
    drop(own.probe_started());
    let mut text = Vec::new();
    Page::new(Format::OpenMetrics, &own, &Store::new()).next_chunk(&mut text);
    drop(running);
    let page = String::from_utf8(text).unwrap();
    for (series, expected) in [
        ("httpcycle_config_last_reload_successful", 0.0),
        (
            "httpcycle_config_last_reload_success_timestamp_seconds",
            1_600_000_000.5,
        ),
        ("httpcycle_targets", 3.0),
        ("httpcycle_shard_ordinal", 2.0),
        ("httpcycle_shards", 5.0),
        (
            "httpcycle_discovery_failures_total{source=\"a/*.yml\"}",
            0.0,
        ),
        (
            "httpcycle_discovery_failures_total{source=\"http://b/?c=xxxxx\"}",
            1.0,
        ),
        ("httpcycle_clock_fallbacks_total{phase=\"connect\"}", 1.0),
        ("httpcycle_clock_fallbacks_total{phase=\"dns\"}", 0.0),
        ("httpcycle_probes_in_flight", 1.0),
        ("httpcycle_schedule_lag_seconds_bucket{le=\"0.00001\"}", 0.0),
        (
            "httpcycle_schedule_lag_seconds_bucket{le=\"0.000025\"}",
            1.0,
        ),
        ("httpcycle_schedule_lag_seconds_bucket{le=\"10.0\"}", 1.0),
        ("httpcycle_schedule_lag_seconds_sum", 0.00002),
        ("httpcycle_probe_overhead_seconds_bucket{le=\"10.0\"}", 0.0),
        ("httpcycle_probe_overhead_seconds_bucket{le=\"+Inf\"}", 1.0),
        ("httpcycle_probe_overhead_seconds_count", 1.0),
    ] {
        assert_eq!(value(&page, series), Some(expected), "{series}");
    }
    assert!(value(&page, "process_resident_memory_bytes").unwrap() > 1e6);
    assert!(page.contains(concat!(
        "httpcycle_exporter_build_info{revision=\"unknown\",rustversion=\"",
        env!("CARGO_PKG_RUST_VERSION"),
        "\",version=\"",
        env!("CARGO_PKG_VERSION"),
        "\"} 1\n"
    )));
    assert!(page.contains("# TYPE process_cpu_seconds counter\n# UNIT process_cpu_seconds"));
    assert!(page.ends_with("# EOF\n"));
    assert!(!page.contains("httpcycle_target_info"));
    assert!(!page.contains("\"gone\""));
}

#[test]
fn the_page_has_the_families_of_the_catalogue_in_its_order() {
    let store = small_store();
    let idle = store.series("idle").unwrap();
    idle.record(&answer(&labelled("idle", &[]), 200, 1));
    let page = page(&store, Format::Text);
    let headers = |prefix: &str| {
        page.lines()
            .filter_map(|line| line.strip_prefix(prefix)?.split(' ').next())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let catalogue: Vec<_> = catalogue::OWN
        .iter()
        .chain(catalogue::OF_TARGETS)
        .map(|family| family.name.to_owned())
        .collect();
    assert_eq!(headers("# HELP "), catalogue);
    assert_eq!(headers("# TYPE "), catalogue);
    let samples: BTreeSet<_> = page
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .map(|name| {
            let base = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix));
            base.unwrap_or(name).to_owned()
        })
        .collect();
    assert_eq!(samples, catalogue.into_iter().collect());
}

#[test]
fn chunks_stay_small_and_make_the_page() {
    let targets = |names: std::ops::Range<u32>| {
        let name = |index| format!("https://shop-{index}.example/checkout");
        names
            .map(|index| labelled(&name(index), &[("team", "payments")]))
            .collect::<Vec<_>>()
    };
    let store = store(targets(0..5_000), &Arc::default());
    let chunks = chunks(&store, Format::OpenMetrics);
    let largest = chunks.iter().map(Vec::len).max().unwrap();
    assert!(largest <= 32 * 1024, "{largest} bytes");
    let smallest = chunks.iter().rev().skip(1).map(Vec::len).min().unwrap();
    assert!(smallest >= 16 * 1024, "{smallest} bytes");

    let whole = String::from_utf8(chunks.concat()).unwrap();
    let n_probes = |text: &str| text.matches("\nhttpcycle_probes_total{").count();
    assert_eq!(n_probes(&whole), 5_000);
    assert_eq!(
        whole.matches("# TYPE ").count(),
        16 + 10,
        "each header once"
    );
    assert_eq!(whole.matches("# EOF").count(), 1);
    // What one page has, another has: byte for byte but for the process itself.
    assert!(whole.ends_with(&page_of_targets(&store, Format::OpenMetrics)));
}

#[test]
fn a_page_keeps_the_list_with_which_it_began() {
    let store = small_store();
    let own = Own::new(at(0.0));
    let mut page = Page::new(Format::Text, &own, &store);
    reconcile(&store, Vec::new(), &bounds(&[1.0]));
    let mut text = Vec::new();
    while page.next_chunk(&mut text) {}
    assert!(String::from_utf8(text).unwrap().ends_with(TEXT));
    assert_eq!(
        super::page(&store, Format::Text).matches("target=").count(),
        0
    );
}

#[test]
fn label_values_that_join_to_the_same_text_stay_apart() {
    let store = store(
        vec![
            labelled(".example", &[("team", "team-ab")]),
            labelled("b.example", &[("team", "team-a")]),
        ],
        &bounds(&[1.0]),
    );
    store
        .series(".example")
        .unwrap()
        .skip(SkipReason::Overrun, 1);
    let page = page(&store, Format::Text);
    for (labels, count) in [
        ("target=\".example\",team=\"team-ab\"", 1.0),
        ("target=\"b.example\",team=\"team-a\"", 0.0),
    ] {
        let series = format!("httpcycle_probes_skipped_total{{{labels},reason=\"overrun\"}}");
        assert_eq!(value(&page, &series), Some(count));
    }
}
