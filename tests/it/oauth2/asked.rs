//! How a token is asked for: as golang.org/x/oauth2 does it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::oauth2::server::{PATIENCE, Reply, TokenServer};
use crate::oauth2::{client, settings, source};

/// Further settings, who asks as the header has it before base64, and the form.
const REQUESTS: &[(&str, &str, &str)] = &[
    (
        "client_id: me, client_secret: hunter2",
        "me:hunter2",
        "grant_type=client_credentials",
    ),
    ("client_id: me", "me:", "grant_type=client_credentials"),
    (
        "client_id: me, client_secret: s, scopes: [read, 'write:all']",
        "me:s",
        "grant_type=client_credentials&scope=read+write%3Aall",
    ),
    (
        "client_id: me, client_secret: s, scopes: [], endpoint_params: {z: 'a b', a: '1&2=3', scope: ü, e: ~}",
        "me:s",
        "a=1%262%3D3&e=&grant_type=client_credentials&scope=%C3%BC&z=a+b",
    ),
    (
        "client_id: me, client_secret: s, endpoint_params: {grant_type: client_creds, 'x y': '*-._~'}",
        "me:s",
        "grant_type=client_creds&x+y=%2A-._~",
    ),
    (
        "client_id: 'a b', client_secret: 'p:/ü&=+~'",
        "a+b:p%3A%2F%C3%BC%26%3D%2B~",
        "grant_type=client_credentials",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_request_is_that_of_go() {
    let tokens = TokenServer::start(|_, _| Reply::token("t", 60)).await;
    for (n, (keys, who, form)) in REQUESTS.iter().enumerate() {
        let source = source(settings(&format!("{keys}, token_url: '{}'", tokens.url())));
        let token = source.wait(PATIENCE).await.unwrap();
        assert_eq!(token.value().expose(), "Bearer t");
        let asked = tokens.seen.asked();
        let asked = &asked[n];
        assert!(
            asked.head.starts_with("POST /token HTTP/1.1\r\n"),
            "{}",
            asked.head
        );
        let basic = format!("Basic {}", BASE64.encode(who));
        assert_eq!(asked.header("authorization"), Some(&*basic), "{keys}");
        let kind = "application/x-www-form-urlencoded";
        assert_eq!(asked.header("content-type"), Some(kind));
        assert_eq!(asked.header("host"), Some(&*tokens.address.to_string()));
        let agent = asked.header("user-agent").unwrap();
        assert!(agent.starts_with("httpcycle_exporter/"), "{agent}");
        assert_eq!(asked.body, *form, "{keys}");
    }
    assert_eq!(tokens.seen.count(), REQUESTS.len());
}

/// A server that wants the secret in the form has it there, and is asked that way from then on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_that_the_server_takes_is_found_and_kept() {
    for refusal in [
        Reply::refusal("401 Unauthorized", "invalid_client"),
        Reply::refusal("200 OK", "invalid_client"),
        Reply::Json("500 Oops", "no JSON".to_owned()),
        Reply::Raw(b"no HTTP\r\n\r\n".to_vec()),
    ] {
        let tokens = TokenServer::start(move |n, asked| match asked.header("authorization") {
            Some(_) => refusal.clone(),
            None => Reply::token(&format!("token-{n}"), 60),
        })
        .await;
        let source = source(settings(&client(&tokens.url())));
        let first = source.wait(PATIENCE).await.unwrap();
        assert_eq!(first.value().expose(), "Bearer token-1");
        source.doubt(&first);
        tokens.seen.wait_for(3).await;
        let asked = tokens.seen.asked();
        assert!(asked[0].header("authorization").is_some());
        assert!(!asked[0].body.contains("hunter2"));
        for asked in &asked[1..3] {
            assert_eq!(asked.header("authorization"), None);
            assert_eq!(
                asked.body,
                "client_id=me&client_secret=hunter2&grant_type=client_credentials"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_at_once_shares_one_request() {
    let tokens = TokenServer::start(|_, _| {
        Reply::Late(
            std::time::Duration::from_millis(100),
            Box::new(Reply::token("t", 60)),
        )
    })
    .await;
    let source = source(settings(&client(&tokens.url())));
    let waits = (0..200).map(|_| source.wait(PATIENCE));
    for token in futures_util::future::join_all(waits).await {
        assert_eq!(token.unwrap().value().expose(), "Bearer t");
    }
    assert_eq!((tokens.seen.count(), tokens.seen.most_at_once()), (1, 1));
}

/// Nobody asks, nothing is fetched; and nothing is renewed that nobody uses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_kept_is_fetched_when_somebody_asks() {
    let tokens = TokenServer::start(|n, _| Reply::token(&format!("token-{n}"), 2)).await;
    let of = |who: &str| {
        let keys = format!("client_id: {who}, token_url: '{}'", tokens.url());
        source(settings(&keys))
    };
    let asked = |who: &str| {
        let who = format!("Basic {}", BASE64.encode(format!("{who}:")));
        let all = tokens.seen.asked();
        let own = all.iter();
        own.filter(|asked| asked.header("authorization") == Some(&who))
            .count()
    };
    let (idle, busy, once) = (of("idle"), of("busy"), of("once"));
    once.wait(PATIENCE).await.unwrap();
    // Long enough for a token to be renewed that is used.
    while asked("busy") < 4 {
        busy.wait(PATIENCE).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!((asked("idle"), asked("once")), (0, 1));
    drop((idle, once));
}
