//! Names that lead to several addresses, or to others the next time, and requests that say one thing
//! and mean another.

use httpcycle_exporter::outcome::Attempt;
use httpcycle_exporter::outcome::Outcome;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason;
use tokio::time::Instant;

use crate::reach::notations::{ALLOWING, DENYING};
use crate::reach::scene::{self, Scene};
use crate::support::exporter::Exporter;

fn reason(outcome: &Outcome) -> Option<Reason> {
    outcome.failure.as_ref().map(|failure| failure.reason)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_judged_by_the_address_that_it_has_each_time() {
    let scene = Scene::new(false).await;
    // The second look-up of the name, for the redirect, gives another address.
    scene.redirect_to("/again");
    let port = scene.fill("REDIRECTING");
    let port = port.rsplit_once(':').unwrap().1;
    let url = format!("http://rebound.test:{port}/");
    let outcome = scene
        .probe(&url, DENYING, "preferred_ip_protocol: ip4")
        .await
        .unwrap();
    assert_eq!(reason(&outcome), Some(Reason::RedirectBlocked));
    assert_eq!(
        outcome.connection.unwrap().remote.ip().to_string(),
        "127.0.0.77"
    );
    let spans = outcome.timeline.spans();
    let of_hop = |hop: u8| {
        let spans = spans.iter().filter(|span| span.hop == hop);
        spans.map(|span| span.phase.label()).collect::<Vec<_>>()
    };
    assert_eq!(
        of_hop(0),
        ["dns", "connect", "send", "first_byte", "transfer"]
    );
    assert_eq!(of_hop(1), ["dns"]);
    assert_eq!(outcome.response, None, "only the final one would count");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_address_that_is_connected_to_counts() {
    let scene = Scene::new(false).await;
    let port = scene.fill("REDIRECTING");
    let port = port.rsplit_once(':').unwrap().1;
    let url = format!("http://allowed.test:{port}/");
    let http = "preferred_ip_protocol: ip4, follow_redirects: false, valid_status_codes: [302]";
    let outcome = scene.probe(&url, DENYING, http).await.unwrap();
    assert_eq!(reason(&outcome), None);
    // All of them count where all of them are probed.
    let http = format!("{http}, ip_strategy: all, {DENYING}");
    let prober = scene::prober(scene.target(&url, "", &http).unwrap());
    let latest = Instant::now() + prober.target().timeout;
    let found = prober.probe_addresses_until(latest, <[_]>::to_vec).await;
    let found = found.into_iter().map(|(ip, attempt)| {
        let Attempt::Finished(outcome) = attempt else {
            panic!("skipped");
        };
        assert!(outcome.timeline.phase(Phase::Dns).is_some());
        (ip.unwrap().to_string(), reason(&outcome))
    });
    let expected = [
        ("127.0.0.77".to_owned(), None),
        ("127.0.0.2".to_owned(), Some(Reason::ConnectBlocked)),
    ];
    assert_eq!(found.collect::<Vec<_>>(), expected);
    assert_eq!(scene.n_caught().await, 0);
}

/// A proxy that forwards takes the header `Host` of the module for the target.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_header_is_no_way_around() {
    let scene = Scene::new(false).await;
    for (host, blocked) in [
        ("127.0.0.1", true),
        ("0x7f.1:80", true),
        ("[::ffff:127.0.0.1]:80", true),
        ("169.254.169.254", true),
        ("169.254.169.25%34", true),
        ("user@169.254.169.254", true),
        // What cannot be told is not passed on.
        ("[fe80::1%25eth0]", true),
        ("1.2.3.4.5", true),
        ("127.0.0.77", false),
        ("other.test", false),
        ("under_score.test:80", false),
        ("１２７.0.0.1", true),
        ("", false),
    ] {
        let http = format!(
            "headers: {{Host: '{host}'}}, proxy_url: 'http://PROXY', follow_redirects: false"
        );
        let outcome = scene
            .probe("http://127.0.0.77/", DENYING, &http)
            .await
            .unwrap();
        let expected = blocked.then_some(Reason::ConnectBlocked);
        assert_eq!(reason(&outcome), expected, "{host}");
        assert_eq!(scene.n_proxied().await > 0, !blocked, "{host}");
    }
    // Without a proxy it is a name like any other.
    let http = "headers: {Host: 127.0.0.1}, valid_status_codes: [302], follow_redirects: false";
    let outcome = scene
        .probe("http://REDIRECTING/", DENYING, http)
        .await
        .unwrap();
    assert_eq!(reason(&outcome), None);
}

/// The unspecified address means the one that the socket has, if it has one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_to_send_from_is_no_way_around() {
    let scene = Scene::new(false).await;
    let http = "source_ip_address: 127.0.0.2, preferred_ip_protocol: ip4";
    for (rules, blocked) in [("deny_addresses: [127.0.0.2]", true), ("", false)] {
        let outcome = scene
            .probe("http://0.0.0.0:PORT/", rules, http)
            .await
            .unwrap();
        let expected = blocked.then_some(Reason::ConnectBlocked);
        assert_eq!(reason(&outcome), expected, "{rules}");
        assert_eq!(scene.n_caught().await > 0, !blocked, "{rules}");
        if !blocked {
            let remote = outcome.connection.unwrap().remote;
            assert_eq!(remote.ip().to_string(), "0.0.0.0");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_changes_what_may_be_reached() {
    let scene = Scene::new(false).await;
    let config = |rules: &str| {
        let targets = "targets: [{name: t, url: 'http://127.0.0.1:PORT/', interval: 50ms}]";
        format!("{rules}\n{}\n", scene.fill(targets))
    };
    let blocked =
        "httpcycle_probe_failures_total{target=\"t\",phase=\"connect\",reason=\"blocked\"";
    let exporter = Exporter::start(&config(DENYING));
    let wait_for_success = |wanted: f64| {
        tokio::task::block_in_place(|| {
            let series = "httpcycle_probe_success{target=\"t\"";
            exporter.wait_for(series, |value| value == Some(wanted));
        });
    };
    wait_for_success(0.0);
    let line = tokio::task::block_in_place(|| exporter.wait_for_log("the target fails"));
    let why = "127.0.0.1 may not be probed: deny_addresses has 127.0.0.0/29";
    assert!(line.contains(why), "{line}");
    assert_eq!(scene.n_caught().await, 0);
    exporter.reload(&config(ALLOWING));
    wait_for_success(1.0);
    assert!(scene.n_caught().await > 0);
    exporter.reload(&config(DENYING));
    wait_for_success(0.0);
    let n_blocked = tokio::task::block_in_place(|| exporter.value(blocked));
    assert!(n_blocked > Some(1.0), "{n_blocked:?}");
}
