//! Tokens by a clock that the test moves, as it goes on while a system is suspended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use httpcycle_exporter::auth::moment::{Clock, Moment};
use httpcycle_exporter::auth::source::Source;
use httpcycle_exporter::auth::token::Token;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use crate::oauth2::server::{PATIENCE, Reply, TokenServer};
use crate::oauth2::{client, settings};

/// A token that is there before anybody asks for it.
fn kept(tokens: &TokenServer, clock: Clock) -> Source {
    let settings = settings(&client(&tokens.url()));
    Source::by_clock("m", settings, true, &Handle::current(), clock)
}

/// So many seconds after the start of a system on which timers have hardly run.
fn at(seconds: &AtomicU64) -> Moment {
    Moment {
        since_boot: Duration::from_secs(seconds.load(Ordering::SeqCst)),
        ..Moment::now()
    }
}

fn value(token: &Arc<Token>) -> &str {
    token.value().expose().to_str().unwrap()
}

/// Waits until this is what is shown.
async fn shown(source: &Source, wanted: &str) {
    let deadline = Instant::now() + PATIENCE;
    while source.token().is_none_or(|token| value(&token) != wanted) {
        assert!(Instant::now() < deadline, "never {wanted}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_ended_in_a_suspension_is_not_shown() {
    static SECONDS: AtomicU64 = AtomicU64::new(100);
    let tokens = TokenServer::start(|n, _| Reply::token(&format!("token-{n}"), 3600)).await;
    let source = kept(&tokens, || at(&SECONDS));
    let first = source.wait(PATIENCE).await.unwrap();
    assert_eq!(value(&first), "Bearer token-0");
    SECONDS.fetch_add(3_595, Ordering::SeqCst);
    assert!(
        source
            .token()
            .is_none_or(|token| value(&token) != value(&first))
    );
    let second = source.wait(PATIENCE).await.unwrap();
    assert_eq!(value(&second), "Bearer token-1");
}

/// Nobody needs to find that it has ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_has_aged_in_a_suspension_is_renewed() {
    static SECONDS: AtomicU64 = AtomicU64::new(100);
    let tokens = TokenServer::start(|n, _| Reply::token(&format!("token-{n}"), 3600)).await;
    let source = kept(&tokens, || at(&SECONDS));
    source.wait(PATIENCE).await.unwrap();
    SECONDS.fetch_add(3_300, Ordering::SeqCst);
    tokens.seen.wait_for(2).await;
    shown(&source, "Bearer token-1").await;
}

/// Six seconds are left when the server hangs: it is asked again within them, and not when a request
/// may have taken as long as one may that nobody waits for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_hangs_is_given_up_while_there_is_a_token() {
    static SECONDS: AtomicU64 = AtomicU64::new(100);
    let tokens = TokenServer::start(|n, _| match n {
        1 => Reply::Stall,
        _ => Reply::token(&format!("token-{n}"), 3600),
    })
    .await;
    let source = kept(&tokens, || at(&SECONDS));
    source.wait(PATIENCE).await.unwrap();
    SECONDS.fetch_add(3_584, Ordering::SeqCst);
    tokens.seen.wait_for(2).await;
    let meanwhile = source.wait(PATIENCE).await.unwrap();
    assert_eq!(value(&meanwhile), "Bearer token-0");
    let deadline = Instant::now() + PATIENCE;
    while source
        .token()
        .is_some_and(|token| Arc::ptr_eq(&token, &meanwhile))
    {
        assert!(Instant::now() < deadline, "no other token");
        sleep(Duration::from_millis(10)).await;
    }
    let asked = tokens.seen.asked();
    let apart = asked[2].at - asked[1].at;
    assert!(apart < Duration::from_secs(30), "{apart:?}");
}

/// A mistake of ours ends nothing: the clock panics twice where tokens are fetched.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fetching_goes_on_after_a_panic() {
    static PANICS: AtomicU64 = AtomicU64::new(2);
    fn clock() -> Moment {
        let fewer = |left: u64| left.checked_sub(1);
        // The test itself is no task.
        if tokio::task::try_id().is_some()
            && PANICS
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer)
                .is_ok()
        {
            panic!("as asked for");
        }
        Moment::now()
    }
    let tokens = TokenServer::start(|_, _| Reply::token("t", 3600)).await;
    let source = kept(&tokens, clock);
    shown(&source, "Bearer t").await;
    assert_eq!(PANICS.load(Ordering::SeqCst), 0);
    assert_eq!(tokens.seen.count(), 1);
}
