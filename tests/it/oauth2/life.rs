//! The life of a token in the running exporter.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::oauth2::api::Api;
use crate::oauth2::server::{PATIENCE, Reply, TokenServer};
use crate::oauth2::{client, config, n_refused};
use crate::support::exporter::Exporter;

const PROBES: &str = "httpcycle_probes_total";
const WITHOUT: &str = "httpcycle_probes_skipped_total{target=\"t0\",reason=\"token_unavailable\"}";

/// Scrapes until the sum of a family is as wanted.
fn wait_for_sum(exporter: &Exporter, family: &str, least: f64) {
    let deadline = Instant::now() + PATIENCE;
    while exporter.sum(family) < least {
        assert!(Instant::now() < deadline, "{family} stays below {least}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_probes_take_one_token() {
    let tokens = TokenServer::start(|n, _| Reply::token(&format!("token-{n}"), 3600)).await;
    let api = Api::open().await;
    let url = format!("http://{}/", api.address);
    let exporter = Exporter::start(&config(&client(&tokens.url()), 100, &url, "250ms"));
    wait_for_sum(&exporter, PROBES, 1000.0);
    assert_eq!(tokens.seen.count(), 1);
    assert_eq!(n_refused(&exporter), 0.0);
    let shown = api.shown();
    assert!(shown.len() >= 1000);
    assert!(shown.iter().all(|value| value == "Bearer token-0"));
}

/// No slot is lost for a token that comes at once: not in most of nine starts, as a machine under load may
/// be late now and then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_slot_waits_for_the_first_token() {
    let api = Api::open().await;
    let url = format!("http://{}/", api.address);
    let is_whole = async || {
        let tokens = TokenServer::start(|_, _| Reply::token("t", 3600)).await;
        let exporter = Exporter::start(&config(&client(&tokens.url()), 1, &url, "1h"));
        wait_for_sum(&exporter, "httpcycle_probes", 1.0);
        exporter.value(WITHOUT) == Some(0.0)
    };
    let (mut whole, mut lost) = (0, 0);
    while whole < 5 {
        match is_whole().await {
            true => whole += 1,
            false => lost += 1,
        }
        assert!(
            lost < 5,
            "{lost} starts of {} lost their first slot",
            whole + lost
        );
    }
}

/// Tokens that live for sixteen seconds and are renewed after eight: a request would have to be as late
/// as that to show one after its end. None is, and each probe has one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_renewed_before_it_ends() {
    const LIFE: u64 = 16;
    let began = Instant::now();
    let tokens = TokenServer::start(move |_, asked| {
        let at = asked.at.duration_since(began).as_millis();
        Reply::token(&format!("issued-{at}"), LIFE)
    })
    .await;
    let late = Arc::new(AtomicBool::new(false));
    let was_late = late.clone();
    let api = Api::start(Arc::new(move |value: &str| {
        let issued: u64 = value["Bearer issued-".len()..].parse().unwrap();
        let ends = began + Duration::from_millis(issued) + Duration::from_secs(LIFE);
        was_late.fetch_or(Instant::now() >= ends, Ordering::SeqCst);
        "204 No Content".to_owned()
    }))
    .await;
    let url = format!("http://{}/", api.address);
    let exporter = Exporter::start(&config(&client(&tokens.url()), 5, &url, "200ms"));
    tokens.seen.wait_for(3).await;
    assert!(!late.load(Ordering::SeqCst), "an expired token was shown");
    let asked = tokens.seen.asked();
    for two in asked.windows(2) {
        let apart = two[1].at - two[0].at;
        assert!(apart >= Duration::from_secs(LIFE / 3), "{apart:?}");
    }
    assert_eq!(n_refused(&exporter), 0.0);
    assert_eq!(tokens.seen.most_at_once(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_server_of_tokens_nobody_is_charged_and_it_recovers() {
    let is_up = Arc::new(AtomicBool::new(false));
    let up = is_up.clone();
    let tokens = TokenServer::start(move |_, _| match up.load(Ordering::SeqCst) {
        true => Reply::token("t", 3600),
        false => Reply::Json("503 Service Unavailable", "{}".to_owned()),
    })
    .await;
    let api = Api::open().await;
    let url = format!("http://{}/", api.address);
    let exporter = Exporter::start(&config(&client(&tokens.url()), 2, &url, "50ms"));
    exporter.wait_for(WITHOUT, |skipped| skipped >= Some(5.0));
    let said = exporter.wait_for_log("no token can be had");
    assert!(said.contains("status 503"), "{said}");
    let failures = exporter.sum("httpcycle_probe_failures_total");
    assert_eq!((exporter.sum(PROBES), failures), (0.0, 0.0));
    assert!(api.shown().is_empty());
    is_up.store(true, Ordering::SeqCst);
    wait_for_sum(&exporter, PROBES, 2.0);
    exporter.wait_for_log("tokens can be had again");
    let rest = exporter.rest_of_log();
    let repeated = rest.iter().filter(|line| line.contains("no token"));
    assert_eq!(repeated.count(), 0, "{rest:?}");
    assert_eq!(n_refused(&exporter), 0.0);
}
