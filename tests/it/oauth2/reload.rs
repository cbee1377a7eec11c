//! What a reload, a file and a target have to say about a token.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::oauth2::api::Api;
use crate::oauth2::server::{Reply, TokenServer};
use crate::oauth2::{client, config, n_refused};
use crate::support::exporter::Exporter;

const PROBES: &str = "httpcycle_probes_total{target=\"t0\"";
const SKIPPED: &str = "httpcycle_probes_skipped_total{target=\"t0\",reason=";

fn one_more(exporter: &Exporter) {
    let before = exporter.value(PROBES);
    exporter.wait_for(PROBES, |now| now > before.map(|before| before + 2.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_keeps_the_token_unless_its_settings_change() {
    let tokens = TokenServer::start(|n, _| Reply::token(&format!("token-{n}"), 3600)).await;
    let api = Api::open().await;
    let url = format!("http://{}/", api.address);
    let oauth2 = client(&tokens.url());
    let exporter = Exporter::start(&config(&oauth2, 1, &url, "50ms"));
    api.wait_for("Bearer token-0").await;
    exporter.reload(&config(&oauth2, 2, &url, "50ms"));
    exporter.wait_for_log("configuration reloaded");
    exporter.wait_for("httpcycle_probes_total{target=\"t1\"", |probes| {
        probes >= Some(3.0)
    });
    assert_eq!(tokens.seen.count(), 1);
    exporter.reload(&config(
        &format!("{oauth2}, scopes: [more]"),
        2,
        &url,
        "50ms",
    ));
    api.wait_for("Bearer token-1").await;
    assert!(tokens.seen.asked()[1].body.contains("scope=more"));
    exporter.reload("");
    exporter.wait_for_log("configuration reloaded");
    exporter.reload(&config(&oauth2, 1, &url, "50ms"));
    api.wait_for("Bearer token-2").await;
    assert_eq!(tokens.seen.count(), 3);
}

/// The file of the secret: another content has another token fetched, and until then the old one is
/// shown; without the file slots are skipped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_of_the_secret_counts_while_it_runs() {
    let tokens = TokenServer::start(|n, asked| match asked.header("authorization") {
        // The client is "me", its secret "two".
        Some("Basic bWU6dHdv") if n < 4 => Reply::refusal("401 No", "invalid_client"),
        None => Reply::refusal("401 No", "invalid_client"),
        Some(who) => Reply::token(&format!("of-{who}").replace(' ', "-"), 3600),
    })
    .await;
    let api = Api::open().await;
    let url = format!("http://{}/", api.address);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    fs::write(&file, "one\n").unwrap();
    let oauth2 = format!(
        "client_id: me, client_secret_file: '{}', token_url: '{}'",
        file.display(),
        tokens.url()
    );
    let exporter = Exporter::start(&config(&oauth2, 1, &url, "50ms"));
    api.wait_for("Bearer of-Basic-bWU6b25l").await;
    let beside = folder.path().join("new");
    fs::write(&beside, "two\n").unwrap();
    fs::rename(&beside, &file).unwrap();
    exporter.wait_for_log("no other token can be had");
    one_more(&exporter);
    assert_eq!(api.shown().last().unwrap(), "Bearer of-Basic-bWU6b25l");
    exporter.wait_for_log("tokens can be had again");
    api.wait_for("Bearer of-Basic-bWU6dHdv").await;
    assert_eq!(n_refused(&exporter), 0.0);
    fs::remove_file(&file).unwrap();
    let skipped = format!("{SKIPPED}\"secret_unreadable\"");
    exporter.wait_for(&skipped, |skipped| skipped >= Some(3.0));
    fs::write(&file, "two\n").unwrap();
    one_more(&exporter);
    assert_eq!(n_refused(&exporter), 0.0);
}

/// A token that was revoked is renewed, but not again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_401_leads_to_another_token_once() {
    let tokens = TokenServer::start(|n, _| Reply::token(&format!("token-{n}"), 3600)).await;
    let is_revoked = Arc::new(AtomicBool::new(false));
    let revoked = is_revoked.clone();
    let api = Api::start(Arc::new(move |_: &str| {
        match revoked.load(Ordering::SeqCst) {
            true => "401 Unauthorized".to_owned(),
            false => "204 No Content".to_owned(),
        }
    }))
    .await;
    let url = format!("http://{}/", api.address);
    let exporter = Exporter::start(&config(&client(&tokens.url()), 3, &url, "50ms"));
    api.wait_for("Bearer token-0").await;
    assert_eq!(n_refused(&exporter), 0.0);
    is_revoked.store(true, Ordering::SeqCst);
    api.wait_for("Bearer token-1").await;
    for _ in 0..10 {
        one_more(&exporter);
    }
    assert_eq!(tokens.seen.count(), 2, "once a minute");
    let responses = "httpcycle_responses_total{target=\"t0\",code=\"401\"}";
    assert!(exporter.value(responses) > Some(1.0));
    assert!(n_refused(&exporter) > 1.0, "a 401 counts");
}

/// A token is shown while it is valid though no other can be had, and not any longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_old_token_is_used_while_it_is_valid() {
    let tokens = TokenServer::start(|n, _| match n {
        0 => Reply::token("old", 8),
        _ => Reply::Json("503 Service Unavailable", String::new()),
    })
    .await;
    let api = Api::open().await;
    let url = format!("http://{}/", api.address);
    let exporter = Exporter::start(&config(&client(&tokens.url()), 1, &url, "50ms"));
    let said = exporter.wait_for_log("no other token can be had");
    assert!(
        said.contains("module=m") && said.contains("status 503"),
        "{said}"
    );
    one_more(&exporter);
    exporter.wait_for_log("no token can be had");
    let skipped = format!("{SKIPPED}\"token_unavailable\"");
    let before = exporter.value(&skipped);
    exporter.wait_for(&skipped, |now| now > before.map(|before| before + 3.0));
    let probes = exporter.value(PROBES);
    exporter.wait_for(&skipped, |now| now > before.map(|before| before + 6.0));
    assert_eq!(exporter.value(PROBES), probes);
    assert_eq!(n_refused(&exporter), 0.0);
    assert!(api.shown().iter().all(|shown| shown == "Bearer old"));
}

/// The token goes no further than the target, whatever that answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_of_the_target_takes_the_token_nowhere_else() {
    let tokens = TokenServer::start(|_, _| {
        Reply::Late(Duration::from_millis(1), Box::new(Reply::token("t", 3600)))
    })
    .await;
    let other = Api::start(Arc::new(|_: &str| "204 No Content".to_owned())).await;
    let away = format!("307 Away\r\nLocation: http://{}/", other.address);
    let api = Api::start(Arc::new(move |_: &str| away.clone())).await;
    let url = format!("http://u:p@{}/", api.address);
    let exporter = Exporter::start(&config(&client(&tokens.url()), 1, &url, "50ms"));
    exporter.wait_for(PROBES, |probes| probes >= Some(3.0));
    assert!(api.shown().iter().all(|shown| shown == "Bearer t"));
    let shown = other.shown();
    assert!(
        !shown.is_empty() && shown.iter().all(|shown| shown == "none"),
        "{shown:?}"
    );
}
