//! What a redirect must not take along: whatever could let somebody in stays with its origin.

use std::time::Duration;

use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::target::module::Module;
use httpcycle_exporter::target::tls::TlsSettings;
use tokio::io::AsyncWriteExt;

use crate::redirects::site::{Site, values};
use crate::support::peer::{self, Then};
use crate::support::{dns, pki, probing};

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

/// The origins of a chain of redirects, and how many requests of it have the secrets: what was left
/// behind does not come back.
const CHAINS: &[(&str, usize)] = &[
    ("aaa", 3),
    ("aab", 2),
    ("aba", 1),
    ("abb", 1),
    ("aca", 1),
    ("asa", 1),
    ("ass", 1),
    ("sss", 3),
    ("sa", 1),
    ("sas", 1),
    ("ssa", 2),
    ("abaca", 1),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_left_behind_does_not_come_back() {
    let site = Site::start().await;
    for status in ["302", "307"] {
        for (chain, n_with_secrets) in CHAINS {
            let origins: Vec<char> = chain.chars().collect();
            let hops = origins.windows(2).enumerate();
            let script: Vec<(String, String)> = hops
                .map(|(n, hop)| {
                    let answer = format!("{status} F\r\nLocation: {{{}}}/{}", hop[1], n + 1);
                    (format!("{} /{n}", hop[0]), answer)
                })
                .collect();
            let script: Vec<_> = script.iter().map(|(at, to)| (&**at, &**to)).collect();
            let first = format!("{{{}}}/0", origins[0]);
            let (outcome, requests) = site.probe(&first, HTTP, &script).await;
            assert!(outcome.failure.is_none(), "{chain}: {:?}", outcome.failure);
            let reached: String = requests.iter().map(|(origin, _)| *origin).collect();
            assert_eq!(reached, *chain);
            let found: Vec<usize> = requests.iter().map(|(_, head)| n_secrets(head)).collect();
            let mut expected = vec![N_SECRETS; *n_with_secrets];
            expected.resize(chain.len(), 0);
            assert_eq!(found, expected, "{status} {chain}");
        }
    }
}

/// Names of one address are origins of their own, a name in other letters is the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_name_is_another_origin() {
    let site = Site::start().await;
    let here = vec![[127, 0, 0, 1].into()];
    let names = dns::serve(dns::Script::Addresses(here, Duration::ZERO)).await;
    let http = format!("{HTTP}, resolver: '{}'", names.address);
    let address = site.fill("{a:}");
    let (_, port) = address.rsplit_once(':').unwrap();
    for (host, stays) in [
        ("site.test", true),
        ("SITE.Test", true),
        ("u:p@site.test", true),
        ("s%69te.test", true),
        ("sub.site.test", false),
        ("test", false),
        ("site.test.", false),
        ("site.test.other.test", false),
        ("other-site.test", false),
        ("site.test@other.test", false),
        ("127.0.0.1", false),
    ] {
        let answer = format!("307 R\r\nLocation: http://{host}:{port}/b");
        let first = format!("http://site.test:{port}/");
        let (outcome, requests) = site.probe(&first, &http, &[("a /", &answer)]).await;
        assert!(outcome.failure.is_none(), "{host}: {:?}", outcome.failure);
        let [(_, first), (_, second)] = &*requests else {
            panic!("{host}: {requests:?}")
        };
        assert_eq!(n_secrets(first), N_SECRETS, "{host}: {first}");
        let expected = if stays { N_SECRETS } else { 0 };
        assert_eq!(n_secrets(second), expected, "{host}: {second}");
    }
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
        "/\\{b:}/b",
        "\\\\{b:}/b",
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
