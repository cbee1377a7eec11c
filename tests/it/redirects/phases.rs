//! The phases of a probe that was redirected: those of all requests, disjoint, in order.

use std::time::Duration;

use httpcycle_exporter::outcome::phase::Phase;

use crate::redirects::site::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_phases_of_all_requests_add_up() {
    let site = Site::start().await;
    let script = [
        ("a /", "302 F\r\nLocation: {s}/"),
        ("s /", "302 F\r\nLocation: {b}/"),
    ];
    let (outcome, _) = site.probe("{a}/", "", &script).await;
    let plain = [
        Phase::Connect,
        Phase::Send,
        Phase::FirstByte,
        Phase::Transfer,
    ];
    let over_tls = [
        Phase::Connect,
        Phase::Tls,
        Phase::Send,
        Phase::FirstByte,
        Phase::Transfer,
    ];
    let expected: Vec<(u8, Phase)> = [(0, &plain[..]), (1, &over_tls[..]), (2, &plain[..])]
        .into_iter()
        .flat_map(|(hop, phases)| phases.iter().map(move |phase| (hop, *phase)))
        .collect();
    let spans = outcome.timeline.spans();
    let ran: Vec<(u8, Phase)> = spans.iter().map(|span| (span.hop, span.phase)).collect();
    assert_eq!(ran, expected);
    for pair in spans.windows(2) {
        assert!(pair[0].end <= pair[1].start, "{pair:?}");
    }
    let sum: Duration = Phase::ALL
        .iter()
        .filter_map(|phase| outcome.timeline.phase(*phase))
        .sum();
    let apart: Duration = spans.iter().map(|span| span.duration()).sum();
    assert_eq!(sum, apart);
    assert!(sum <= outcome.timeline.total());
    assert!(outcome.cert_expiry.is_some());
    assert!(!outcome.response.unwrap().over_tls);
}
