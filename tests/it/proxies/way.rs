//! Which way a request takes, and what is measured of it.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use httpcycle_exporter::config;
use httpcycle_exporter::outcome::Outcome;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::target::Target;
use httpcycle_exporter::target::address::TargetUrl;
use httpcycle_exporter::target::labels::Labels;
use httpcycle_exporter::target::module::Module;
use httpcycle_exporter::target::tls::TlsSettings;
use tokio::io::AsyncWriteExt;

use super::peer::{Manner, Proxy, start};
use crate::support::exporter::program;
use crate::support::peer::{self, Peer};
use crate::support::{pki, probing};

/// Longer than any probe takes.
pub const PATIENCE: Duration = Duration::from_secs(30);

const HOSTS: &str = "127.0.0.1 target.test proxy.test\n";

pub struct World {
    authority: pki::Authority,
    plain: Peer,
    tls: Peer,
}

impl World {
    pub async fn new() -> Self {
        const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        let authority = pki::Authority::new();
        let acceptor = authority.server("target.test");
        let tls = peer::serve(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    peer::read_request(&mut stream).await;
                    stream.write_all(ANSWER).await.ok();
                    stream.shutdown().await.ok();
                }
            }
        })
        .await;
        Self {
            authority,
            plain: peer::answering(ANSWER.to_vec(), peer::Then::Close).await,
            tls,
        }
    }

    pub async fn probe(&self, url: &str, proxy: &Proxy, http: &str) -> Outcome {
        let url = url
            .replace("PLAIN", &self.plain.address.port().to_string())
            .replace("TLS", &self.tls.address.port().to_string());
        let http = http.replace("PROXY", &proxy.address.port().to_string());
        let text = format!("modules: {{m: {{prober: http, http: {{{http}}}}}}}\n");
        let config = config::parse("f.yml", Path::new(""), &text, &|_| Ok(()));
        let config = config.unwrap_or_else(|problems| panic!("{text}{problems}"));
        let module = Module {
            tls: TlsSettings {
                verify: true,
                ..self.authority.trusted()
            },
            ..Module::clone(&config.modules["m"].module)
        };
        let target = Target {
            name: "test".to_owned(),
            url: TargetUrl::parse(&url).unwrap(),
            interval: PATIENCE,
            timeout: PATIENCE,
            labels: Labels::default(),
            module: Arc::new(module),
        };
        proxy.asked.lock().unwrap().clear();
        probing::probe(&probing::prober_with_hosts(target, HOSTS)).await
    }
}

fn phases(outcome: &Outcome) -> Vec<&'static str> {
    let spans = outcome.timeline.spans();
    spans.iter().map(|span| span.phase.label()).collect()
}

const BASIC: &str = "Basic dTpw";

/// The URL, keys under `http`, the first line that the proxy was asked (`-` if it was not), and the
/// phases that ran.
type Row<'a> = (&'a str, &'a str, &'a str, &'a str);

#[rustfmt::skip]
const ROWS: &[Row<'_>] = &[
    // Forwarded.
    ("http://127.0.0.1:PLAIN/a?b", "proxy_url: 'http://127.0.0.1:PROXY'", "GET http://127.0.0.1:PLAIN/a?b HTTP/1.1", "connect send first_byte transfer"),
    ("http://target.test:PLAIN/", "proxy_url: 'http://127.0.0.1:PROXY'", "GET http://target.test:PLAIN/ HTTP/1.1", "dns connect send first_byte transfer"),
    ("http://target.test:PLAIN/", "proxy_url: 'http://proxy.test:PROXY'", "GET http://target.test:PLAIN/ HTTP/1.1", "dns dns connect send first_byte transfer"),
    ("http://unknown.test/", "proxy_url: 'http://127.0.0.1:PROXY', skip_resolve_phase_with_proxy: true", "GET http://unknown.test/ HTTP/1.1", "connect send first_byte transfer"),
    ("http://127.0.0.1:PLAIN/", "proxy_url: 'http://127.0.0.1:PROXY', headers: {Host: virtual.test}", "GET http://virtual.test/ HTTP/1.1", "connect send first_byte transfer"),
    // Through a tunnel.
    ("https://target.test:TLS/", "proxy_url: 'http://127.0.0.1:PROXY'", "CONNECT 127.0.0.1:TLS HTTP/1.1", "dns connect connect tls send first_byte transfer"),
    ("https://target.test:TLS/", "proxy_url: 'http://proxy.test:PROXY', skip_resolve_phase_with_proxy: true", "CONNECT target.test:TLS HTTP/1.1", "dns connect connect tls send first_byte transfer"),
    // By SOCKS, whatever the scheme.
    ("http://127.0.0.1:PLAIN/", "proxy_url: 'socks5://127.0.0.1:PROXY'", "127.0.0.1:PLAIN", "connect connect send first_byte transfer"),
    ("https://target.test:TLS/", "proxy_url: 'socks5h://127.0.0.1:PROXY', skip_resolve_phase_with_proxy: true", "target.test:TLS", "connect connect tls send first_byte transfer"),
    // Past it.
    ("http://127.0.0.1:PLAIN/", "proxy_url: 'http://127.0.0.1:PROXY', no_proxy: a.test", "-", "connect send first_byte transfer"),
    ("http://target.test:PLAIN/", "proxy_url: 'http://127.0.0.1:PROXY', no_proxy: 'b.test,.test'", "-", "dns connect send first_byte transfer"),
    ("http://target.test:PLAIN/", "proxy_url: ''", "-", "dns connect send first_byte transfer"),
    ("http://target.test:PLAIN/", "skip_resolve_phase_with_proxy: true", "-", "dns connect send first_byte transfer"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_take_the_way_that_the_module_says() {
    let world = World::new().await;
    let proxy = start(Manner::default()).await;
    for (url, http, asked, ran) in ROWS {
        let outcome = world.probe(url, &proxy, http).await;
        let case = format!("{url} {http}");
        assert!(outcome.failure.is_none(), "{case}: {:?}", outcome.failure);
        let expected = asked
            .replace("PLAIN", &world.plain.address.port().to_string())
            .replace("TLS", &world.tls.address.port().to_string());
        let requests = proxy.asked.lock().unwrap().clone();
        let first = requests
            .first()
            .map_or("-", |head| head.lines().next().unwrap());
        assert_eq!(first, expected, "{case}");
        assert_eq!(phases(&outcome).join(" "), *ran, "{case}");
        let remote = outcome.connection.unwrap().remote;
        assert_eq!(remote.ip(), IpAddr::from(Ipv4Addr::LOCALHOST));
        assert_eq!(remote == proxy.address, *asked != "-", "{case}");
    }
}

#[test]
fn the_environment_may_name_the_proxy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f.yml");
    let text = "modules: {m: {prober: http, http: {proxy_from_environment: true}}}\n";
    std::fs::write(&file, text).unwrap();
    let check = |proxy: &str| {
        let mut program = program();
        program.arg("--config.check").env("HTTPS_PROXY", proxy);
        program.arg(format!("--config.file={}", file.display()));
        program.output().unwrap()
    };
    assert!(check("p.test:3128").status.success());
    let refused = check("ftp://p.test");
    assert_eq!(refused.status.code(), Some(2));
    let words = String::from_utf8(refused.stderr).unwrap();
    assert!(
        words.contains("finds HTTPS_PROXY: scheme \"ftp\""),
        "{words}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lets_in_goes_to_the_proxy_alone() {
    let world = World::new().await;
    let proxy = start(Manner::default()).await;
    let http = "proxy_url: 'http://u:p@127.0.0.1:PROXY', proxy_connect_header: {X-A: [b, c]}, \
                basic_auth: {username: target, password: x}";
    for (url, tunnelled) in [
        ("https://target.test:TLS/", true),
        ("http://target.test:PLAIN/", false),
    ] {
        let outcome = world.probe(url, &proxy, http).await;
        assert!(outcome.failure.is_none(), "{url}: {:?}", outcome.failure);
        let requests = proxy.asked.lock().unwrap().clone();
        let head = requests[0].to_lowercase();
        assert!(
            head.contains(&format!("proxy-authorization: {}", BASIC.to_lowercase())),
            "{head}"
        );
        assert_eq!(head.contains("x-a: b\r\nx-a: c\r\n"), tunnelled, "{head}");
        assert_eq!(head.contains("\r\nauthorization:"), !tunnelled, "{head}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_may_want_tls_itself() {
    let world = World::new().await;
    let good = start(Manner {
        tls: Some(world.authority.server("127.0.0.1")),
        ..Manner::default()
    })
    .await;
    let unknown = start(Manner {
        tls: Some(pki::Authority::new().server("127.0.0.1")),
        ..Manner::default()
    })
    .await;
    let http = "proxy_url: 'https://127.0.0.1:PROXY'";
    for (url, ran) in [
        (
            "https://target.test:TLS/",
            "dns connect connect tls send first_byte transfer",
        ),
        (
            "http://target.test:PLAIN/",
            "dns connect connect send first_byte transfer",
        ),
    ] {
        let outcome = world.probe(url, &good, http).await;
        assert!(outcome.failure.is_none(), "{url}: {:?}", outcome.failure);
        assert_eq!(phases(&outcome).join(" "), ran, "{url}");
        assert_eq!(outcome.response.unwrap().over_tls, url.starts_with("https"));
        let failed = world.probe(url, &unknown, http).await;
        let reason = failed.failure.unwrap().reason;
        assert_eq!(reason, Reason::TlsCertUnknownIssuer, "{url}");
        assert!(failed.cert_expiry.is_none(), "it is not the target's");
    }
}

/// A proxy, and a target behind one, that goes on with TLS and never comes to the point.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_without_data_ends_on_either_side_of_a_proxy() {
    let world = World::new().await;
    let endless = {
        let acceptor = world.authority.server("127.0.0.1");
        let mut config = rustls::ServerConfig::clone(acceptor.config());
        config.send_tls13_tickets = 800;
        tokio_rustls::TlsAcceptor::from(Arc::new(config))
    };
    let proxy = start(Manner {
        tls: Some(endless.clone()),
        ..Manner::default()
    })
    .await;
    let good = start(Manner {
        tls: Some(world.authority.server("127.0.0.1")),
        ..Manner::default()
    })
    .await;
    let target = peer::slow_in(None, Duration::ZERO, endless).await;
    let behind = format!("https://{}/", target.address);
    let http = "proxy_url: 'https://127.0.0.1:PROXY'";
    for (url, proxy, reason) in [
        (
            "https://target.test:TLS/",
            &proxy,
            Reason::ConnectProxyRefused,
        ),
        (&behind, &good, Reason::TlsMalformed),
    ] {
        let outcome = world.probe(url, proxy, http).await;
        let failure = outcome.failure.expect("it never ends");
        assert_eq!(failure.reason, reason, "{url}: {}", failure.detail);
        assert!(failure.detail.contains("no data"), "{}", failure.detail);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_are_told_apart() {
    let line = [&b"A: "[..], &[b'x'; 1_000], b"\r\n"].concat();
    let long = Vec::leak([&b"HTTP/1.1 200 OK\r\n"[..], &line.repeat(40)].concat());
    let interim = [&b"HTTP/1.1 103 E\r\n"[..], &line, b"\r\n"].concat();
    let interims = Vec::leak(interim.repeat(40));
    let world = World::new().await;
    let tunnel = "https://target.test:TLS/";
    let http = "proxy_url: 'http://127.0.0.1:PROXY'";
    let socks = "proxy_url: 'socks5://127.0.0.1:PROXY'";
    let login = "proxy_url: 'socks5://u:p@127.0.0.1:PROXY'";
    for (refusal, socks_login, http, reason) in [
        (
            &b"HTTP/1.1 403 Forbidden\r\n\r\n"[..],
            None,
            http,
            Reason::ConnectProxyRefused,
        ),
        (
            b"HTTP/1.1 301 M\r\nLocation: /\r\n\r\n",
            None,
            http,
            Reason::ConnectProxyRefused,
        ),
        (
            b"HTTP/1.1 407 Who\r\n\r\n",
            None,
            http,
            Reason::ConnectProxyAuth,
        ),
        (b"SSH-2.0\r\n\r\n", None, http, Reason::ConnectProxyRefused),
        (
            b"HTTP/1.1 200 OK\r\n",
            None,
            http,
            Reason::ConnectProxyRefused,
        ),
        (long, None, http, Reason::ConnectProxyRefused),
        (interims, None, http, Reason::ConnectProxyRefused),
        (b"", None, socks, Reason::ConnectProxyRefused),
        (b"", Some(("u", "p")), socks, Reason::ConnectProxyAuth),
        (b"", Some(("u", "other")), login, Reason::ConnectProxyAuth),
    ] {
        let proxy = start(Manner {
            refusal: Some(refusal),
            socks_login,
            ..Manner::default()
        })
        .await;
        let outcome = world.probe(tunnel, &proxy, http).await;
        let case = String::from_utf8_lossy(&refusal[..refusal.len().min(40)]);
        let failure = outcome.failure.as_ref().unwrap();
        assert_eq!(failure.reason, reason, "{case} {http}: {}", failure.detail);
        // What has no end is given up before the proxy does.
        let is_endless = refusal.len() > 30_000;
        let gave_up = failure.detail.contains("without an end");
        assert_eq!(gave_up, is_endless, "{case}: {}", failure.detail);
        assert_eq!(phases(&outcome).last(), Some(&"connect"), "{case}");
        assert!(outcome.response.is_none());
    }
    let proxy = start(Manner {
        socks_login: Some(("u", "p")),
        ..Manner::default()
    })
    .await;
    let outcome = world.probe(tunnel, &proxy, login).await;
    assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_opening_of_a_tunnel_is_connect() {
    const DELAY: Duration = Duration::from_millis(300);
    let world = World::new().await;
    let proxy = start(Manner {
        delay: DELAY,
        ..Manner::default()
    })
    .await;
    for scheme in ["http", "socks5"] {
        let http = format!("proxy_url: '{scheme}://127.0.0.1:PROXY'");
        let outcome = world.probe("https://127.0.0.1:TLS/", &proxy, &http).await;
        // The name of the certificate is another, which does not matter here.
        let took = outcome.timeline.phase(Phase::Connect).unwrap();
        assert!(took >= DELAY, "{scheme}: {took:?}");
        let rest: Duration = Phase::ALL
            .into_iter()
            .filter(|phase| *phase != Phase::Connect)
            .filter_map(|phase| outcome.timeline.phase(phase))
            .sum();
        assert!(rest < took, "{scheme}: {rest:?} beside {took:?}");
    }
}

/// Who waits for a proxy that says no more waits for the connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_silence_of_a_proxy_is_connect() {
    const SILENCE: Duration = Duration::from_millis(300);
    let world = World::new().await;
    let proxy = start(Manner {
        refusal: Some(b"HTTP/1.1 100 Continue\r\n\r\n"),
        silence: SILENCE,
        ..Manner::default()
    })
    .await;
    let http = "proxy_url: 'http://127.0.0.1:PROXY'";
    let outcome = world.probe("https://127.0.0.1:TLS/", &proxy, http).await;
    let reason = outcome.failure.as_ref().unwrap().reason;
    assert_eq!(reason, Reason::ConnectProxyRefused);
    let took = outcome.timeline.phase(Phase::Connect).unwrap();
    assert!(took >= SILENCE, "{took:?}");
}
