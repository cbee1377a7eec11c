//! What a target says of a token, and which token it says that of.

use std::sync::Arc;
use std::time::Duration;

use httpcycle_exporter::auth::source::Source;
use httpcycle_exporter::auth::token::Token;
use tokio::time::sleep;

use crate::oauth2::api::Api;
use crate::oauth2::server::{PATIENCE, Reply, TokenServer};
use crate::oauth2::{client, config, settings, source};
use crate::support::exporter::Exporter;

/// A server whose tokens come after a while, as those of any other do.
async fn server() -> TokenServer {
    TokenServer::start(|n, _| {
        let token = Reply::token(&format!("token-{n}"), 3600);
        Reply::Late(Duration::from_millis(200), Box::new(token))
    })
    .await
}

/// Other settings, by which another token is fetched.
fn change(source: &Source, tokens: &TokenServer) {
    let other = format!(
        "client_id: me, client_secret: b, token_url: '{}'",
        tokens.url()
    );
    source.change(&settings(&other));
}

/// Waits until there is another token than this one.
async fn next(source: &Source, before: &Arc<Token>) -> Arc<Token> {
    loop {
        let token = source.wait(PATIENCE).await.unwrap();
        if !Arc::ptr_eq(&token, before) {
            return token;
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// Watches for a while that nobody asks.
async fn stays_at(tokens: &TokenServer, count: usize) {
    for _ in 0..30 {
        assert_eq!(tokens.seen.count(), count);
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_doubt_about_a_token_that_is_gone_says_nothing_of_the_next() {
    let tokens = server().await;
    let source = source(settings(&client(&tokens.url())));
    let first = source.wait(PATIENCE).await.unwrap();
    change(&source, &tokens);
    let second = next(&source, &first).await;
    source.doubt(&first);
    stays_at(&tokens, 2).await;
    source.doubt(&second);
    // A late one does not take it back.
    source.doubt(&first);
    let third = next(&source, &second).await;
    source.doubt(&third);
    stays_at(&tokens, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_doubt_during_a_renewal_is_settled_by_it() {
    let tokens = server().await;
    let source = source(settings(&client(&tokens.url())));
    let first = source.wait(PATIENCE).await.unwrap();
    change(&source, &tokens);
    tokens.seen.wait_for(2).await;
    source.doubt(&first);
    let second = next(&source, &first).await;
    stays_at(&tokens, 2).await;
    source.doubt(&second);
    tokens.seen.wait_for(3).await;
}

/// A redirect to another origin, which has not seen the token, refuses something else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_401_of_who_has_not_seen_the_token_is_no_doubt() {
    let tokens = TokenServer::start(|n, _| Reply::token(&format!("token-{n}"), 3600)).await;
    let other = Api::start(Arc::new(|_: &str| "401 Unauthorized".to_owned())).await;
    let away = format!("302 Away\r\nLocation: http://{}/", other.address);
    let api = Api::start(Arc::new(move |_: &str| away.clone())).await;
    let url = format!("http://{}/", api.address);
    let exporter = Exporter::start(&config(&client(&tokens.url()), 1, &url, "50ms"));
    let refused = "httpcycle_responses_total{target=\"t0\",code=\"401\"}";
    exporter.wait_for(refused, |count| count >= Some(5.0));
    assert_eq!(tokens.seen.count(), 1);
    assert!(other.shown().iter().all(|shown| shown == "none"));
}

/// One within the origin has seen it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_401_behind_a_redirect_within_the_origin_is_a_doubt() {
    let tokens = TokenServer::start(|n, _| Reply::token(&format!("token-{n}"), 3600)).await;
    let n_asked = std::sync::atomic::AtomicUsize::new(0);
    let api = Api::start(Arc::new(move |_: &str| {
        match n_asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) % 2 {
            0 => "302 Here\r\nLocation: /".to_owned(),
            _ => "401 Unauthorized".to_owned(),
        }
    }))
    .await;
    let url = format!("http://{}/", api.address);
    let _exporter = Exporter::start(&config(&client(&tokens.url()), 1, &url, "500ms"));
    api.wait_for("Bearer token-1").await;
}
