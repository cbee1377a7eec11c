//! What a redirect must not take along: whatever could let somebody in stays with its origin.

use std::time::Duration;

use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::target::module::Module;
use httpcycle_exporter::target::tls::TlsSettings;
use tokio::io::AsyncWriteExt;

use crate::redirects::site::{Site, values};
use crate::support::peer::{self, Then};
use crate::support::{pki, probing};

/// Longer than any probe takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is secret in it ends in `secret`.
const HTTP: &str = "headers: {X-Mine: x-secret, Cookie: c=c-secret, Accept: text/plain, \
                    User-Agent: probe, Content-Type: a/b, Proxy-Authorization: p-secret}, \
                    http_headers: {X-Value: {values: [v-secret]}, X-Hidden: {secrets: [s-secret]}}, \
                    basic_auth: {username: u, password: b-secret}";

/// How `basic_auth` looks on the wire.
const BASIC: &str = "Basic dTpiLXNlY3JldA==";

const N_SECRETS: usize = 6;

fn n_secrets(head: &str) -> usize {
    head.matches("-secret").count() + head.matches(BASIC).count()
}

/// Where the first redirect leads, and whether secrets go there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_stay_with_the_origin() {
    let site = Site::start().await;
    for (to, stays) in [
        ("/b", true),
        ("{a}/b", true),
        ("{b}/b", false),
        ("{c}/b", false),
        ("{s}/b", false),
        ("//{b:}/b", false),
    ] {
        for status in ["301", "302", "303", "307", "308"] {
            let answer = format!("{status} R\r\nLocation: {to}");
            let (outcome, requests) = site.probe("{a}/", HTTP, &[("a /", &answer)]).await;
            let case = format!("{status} to {to}");
            assert!(outcome.failure.is_none(), "{case}: {:?}", outcome.failure);
            let [(_, first), (_, second)] = &*requests else {
                panic!("{case}: {requests:?}")
            };
            assert_eq!(n_secrets(first), N_SECRETS, "{case}: {first}");
            let expected = if stays { N_SECRETS } else { 0 };
            assert_eq!(n_secrets(second), expected, "{case}: {second}");
            assert_eq!(values(second, "accept"), ["text/plain"], "{case}");
            assert_eq!(values(second, "user-agent"), ["probe"], "{case}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_left_behind_does_not_come_back() {
    let site = Site::start().await;
    let script = [
        ("a /", "302 F\r\nLocation: {b}/"),
        ("b /", "302 F\r\nLocation: {a}/back"),
    ];
    let (_, requests) = site.probe("{a}/", HTTP, &script).await;
    let origins: String = requests.iter().map(|(origin, _)| *origin).collect();
    assert_eq!(origins, "aba");
    assert_eq!(n_secrets(&requests[2].1), 0, "{}", requests[2].1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_of_a_url_go_with_that_url() {
    let site = Site::start().await;
    let with = |place: &str| site.fill(place).replace("http://", "http://u:b-secret@");
    let own = format!("302 F\r\nLocation: {}/b", with("{b}"));
    for (script, expected) in [
        ([("a /", "302 F\r\nLocation: /b")], vec![BASIC]),
        ([("a /", "302 F\r\nLocation: {b}/b")], vec![]),
        ([("a /", own.as_str())], vec![BASIC]),
    ] {
        let (_, requests) = site.probe(&format!("{}/", with("{a}")), "", &script).await;
        let (_, last) = requests.last().unwrap();
        assert_eq!(values(last, "authorization"), expected, "{script:?}");
        assert!(values(last, "referer").is_empty(), "{last}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cookies_go_to_the_origin_that_set_them() {
    let site = Site::start().await;
    let set = |to: &str| format!("302 F\r\nSet-Cookie: s=1; Path=/\r\nLocation: {to}");
    let (to_a, to_b, to_c, to_s) = (set("/b"), set("{b}/b"), set("{c}/b"), set("{s}/b"));
    for (answer, expected) in [
        (&to_a, vec!["s=1"]),
        (&to_b, vec![]),
        (&to_c, vec![]),
        (&to_s, vec![]),
    ] {
        let (_, requests) = site.probe("{a}/", "", &[("a /", answer)]).await;
        let (_, last) = requests.last().unwrap();
        assert_eq!(values(last, "cookie"), expected, "{answer}");
    }
    // A log-in that goes by way of another origin, and the next probe, which knows nothing of it.
    let script = [
        ("a /", to_b.as_str()),
        ("b /b", "302 F\r\nLocation: {a}/back"),
    ];
    for _ in 0..2 {
        let (_, requests) = site.probe("{a}/", "", &script).await;
        let cookies: Vec<_> = requests
            .iter()
            .map(|(_, head)| values(head, "cookie"))
            .collect();
        assert_eq!(cookies, [vec![], vec![], vec!["s=1"]]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cookie_of_the_module_goes_on_within_its_origin() {
    let site = Site::start().await;
    let http = "headers: {Cookie: a=1}, http_headers: {Cookie: {values: [b=2, c=3]}}";
    for (to, expected) in [("/b", vec!["a=1; b=2; c=3"]), ("{b}/b", vec![])] {
        let answer = format!("302 F\r\nLocation: {to}");
        let (_, requests) = site.probe("{a}/", http, &[("a /", &answer)]).await;
        let (_, last) = requests.last().unwrap();
        assert_eq!(values(last, "cookie"), expected, "{to}");
    }
}

/// What a browser reads as another host is another host.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_notation_of_another_origin_gets_secrets() {
    let site = Site::start().await;
    for to in [
        "http:\\\\{b:}/b",
        "/\\{b:}/b",
        "\\\\{b:}/b",
        "http:///{b:}/b",
        "HTTP://{b:}/b",
        "http://u@{b:}/b",
        "http://u:p@{b:}/b",
    ] {
        let answer = format!("302 F\r\nLocation: {to}");
        let (_, requests) = site.probe("{a}/", HTTP, &[("a /", &answer)]).await;
        let [_, (origin, second)] = &*requests else {
            panic!("{to}: {requests:?}")
        };
        assert_eq!(*origin, 'b', "{to}");
        assert_eq!(n_secrets(second), 0, "{to}: {second}");
    }
}

/// A certificate lets in as a password does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_certificate_stays_with_its_origin() {
    let authority = pki::Authority::new();
    let acceptor = authority.server_for_clients("127.0.0.1");
    let guarded = peer::serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                peer::read_request(&mut stream).await;
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                stream.write_all(answer).await.ok();
                stream.shutdown().await.ok();
            }
        }
    })
    .await;
    let there = format!("https://{}/", guarded.address);
    let answer = format!("HTTP/1.1 302 F\r\nLocation: {there}\r\n\r\n");
    let elsewhere = peer::answering(answer.into_bytes(), Then::Close).await;
    let from = format!("http://{}/", elsewhere.address);
    for (url, expected) in [(there, None), (from, Some(Reason::TlsClientCertRequired))] {
        let module = Module {
            tls: TlsSettings {
                identity: Some(authority.client()),
                ..authority.trusted()
            },
            ..Module::http_2xx()
        };
        let outcome = probing::probe(&probing::prober(&url, module, PATIENCE)).await;
        let reason = outcome.failure.as_ref().map(|failure| failure.reason);
        assert_eq!(reason, expected, "{url}: {:?}", outcome.failure);
    }
}
