//! The way to a server of tokens: its TLS, and the proxies before it.

use std::sync::{Arc, Mutex};

use httpcycle_exporter::target::oauth2::OAuth2;
use httpcycle_exporter::target::tls::{TlsSettings, TlsVersion};
use rustls::ProtocolVersion;
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::oauth2::server::{PATIENCE, Reply, Seen, TokenServer, converse};
use crate::oauth2::{client, settings, source};
use crate::proxies::peer::{self as proxy, Manner};
use crate::support::peer::{self, Peer};
use crate::support::pki;

/// What a handshake was about: the name that was asked for, and the version.
type Handshakes = Arc<Mutex<Vec<(Option<String>, Option<ProtocolVersion>)>>>;

async fn over_tls(acceptor: TlsAcceptor) -> (Peer, Handshakes) {
    let handshakes = Handshakes::default();
    let known = handshakes.clone();
    let peer = peer::serve(move |stream| {
        let (acceptor, known) = (acceptor.clone(), known.clone());
        async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let connection = stream.get_ref().1;
            let name = connection.server_name().map(str::to_owned);
            let version = connection.protocol_version();
            known.lock().unwrap().push((name, version));
            converse(stream, &Seen::default(), |_, _| Reply::token("t", 60)).await;
        }
    })
    .await;
    (peer, handshakes)
}

/// Settings for a server with TLS on this machine.
fn with_tls(peer: &Peer, tls: TlsSettings) -> Arc<OAuth2> {
    let mut settings = settings(&client(&format!("https://{}/token", peer.address)));
    Arc::make_mut(&mut settings).tls = tls;
    settings
}

/// Asks a server for a token: the name that it was asked for in TLS, or a part of why there is none.
async fn meets(
    case: &str,
    acceptor: TlsAcceptor,
    tls: TlsSettings,
    expected: Result<Option<&str>, &[&str]>,
) {
    let (peer, handshakes) = over_tls(acceptor).await;
    let found = source(with_tls(&peer, tls)).wait(PATIENCE).await;
    match expected {
        Ok(name) => {
            assert!(found.is_ok(), "{case}: {found:?}");
            let asked_for = handshakes.lock().unwrap()[0].0.clone();
            assert_eq!(asked_for.as_deref(), name, "{case}");
        }
        Err(parts) => {
            let error = found.expect_err(case);
            let is_told = parts.iter().any(|part| error.contains(part));
            assert!(is_told, "{case}: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_name_in_certificates_is_that_of_the_section() {
    const OTHER: &[&str] = &["not valid for"];
    let authority = pki::Authority::new();
    let trusted = authority.trusted();
    let by_address = || authority.server("127.0.0.1");
    let by_name = || authority.server("tokens.test");
    let named = |name: &str| TlsSettings {
        server_name: Some(name.to_owned()),
        ..trusted.clone()
    };
    for (case, acceptor, tls, expected) in [
        ("no name", by_address(), trusted.clone(), Ok(None)),
        ("the wrong name", by_name(), trusted.clone(), Err(OTHER)),
        (
            "the name of the settings",
            by_name(),
            named("tokens.test"),
            Ok(Some("tokens.test")),
        ),
        (
            "another name than the settings have",
            by_address(),
            named("tokens.test"),
            Err(OTHER),
        ),
        ("an address", by_address(), named("127.0.0.1"), Ok(None)),
        (
            "another address",
            by_address(),
            named("127.0.0.2"),
            Err(OTHER),
        ),
    ] {
        meets(case, acceptor, tls, expected).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_those_of_the_section() {
    let authority = pki::Authority::new();
    let trusted = authority.trusted();
    let other = pki::Authority::new().trusted();
    let unverified = TlsSettings {
        verify: false,
        ..TlsSettings::default()
    };
    let with_identity = TlsSettings {
        identity: Some(authority.client()),
        ..trusted.clone()
    };
    let server = || authority.server("127.0.0.1");
    let for_clients = || authority.server_for_clients("127.0.0.1");
    // The refusal of TLS 1.3 may come behind the request, and with it the end of the connection.
    let refused: &[&str] = &["CertificateRequired", "no whole answer"];
    for (case, acceptor, tls, expected) in [
        ("trusted", server(), trusted.clone(), Ok(None)),
        ("not trusted", server(), other, Err(&["UnknownIssuer"][..])),
        ("not verified", server(), unverified, Ok(None)),
        ("nothing to show", for_clients(), trusted, Err(refused)),
        ("something to show", for_clients(), with_identity, Ok(None)),
    ] {
        meets(case, acceptor, tls, expected).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_version_of_tls_is_that_of_the_section() {
    let authority = pki::Authority::new();
    for (settings, protocol) in [
        (TlsVersion::Tls12, ProtocolVersion::TLSv1_2),
        (TlsVersion::Tls13, ProtocolVersion::TLSv1_3),
    ] {
        let (peer, handshakes) = over_tls(authority.server("127.0.0.1")).await;
        let tls = TlsSettings {
            min_version: settings,
            max_version: settings,
            ..authority.trusted()
        };
        source(with_tls(&peer, tls)).wait(PATIENCE).await.unwrap();
        assert_eq!(handshakes.lock().unwrap()[0].1, Some(protocol));
    }
}

/// A proxy that opens tunnels, and the heads by which it was asked for them.
async fn tunnels() -> (Peer, Arc<Mutex<Vec<String>>>) {
    let heads = Arc::<Mutex<Vec<String>>>::default();
    let known = heads.clone();
    let peer = peer::serve(move |mut stream| {
        let known = known.clone();
        async move {
            let head = peer::read_request(&mut stream).await;
            let port = head.split([' ', ':']).nth(2).unwrap_or_default().to_owned();
            known.lock().unwrap().push(head);
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok();
            if let Ok(mut target) = TcpStream::connect(format!("127.0.0.1:{port}")).await {
                copy_bidirectional(&mut stream, &mut target).await.ok();
            }
        }
    })
    .await;
    (peer, heads)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxies_are_those_of_the_section() {
    let authority = pki::Authority::new();
    let (peer, _) = over_tls(authority.server("127.0.0.1")).await;
    let by = |keys: &str| {
        let url = format!("https://{}/token", peer.address);
        let mut settings = settings(&format!("{}, {keys}", client(&url)));
        Arc::make_mut(&mut settings).tls = authority.trusted();
        source(settings)
    };

    let (tunnel, heads) = tunnels().await;
    let keys = format!(
        "proxy_url: 'http://u:p@{}', proxy_connect_header: {{X-Tenant: [a, b]}}",
        tunnel.address
    );
    by(&keys).wait(PATIENCE).await.unwrap();
    let head = heads.lock().unwrap()[0].to_ascii_lowercase();
    let line = format!("connect {} http/1.1\r\n", peer.address);
    assert!(head.starts_with(&line), "{head}");
    assert!(
        head.contains("\r\nproxy-authorization: basic dtpw\r\n"),
        "{head}"
    );
    assert!(head.contains("\r\nx-tenant: a\r\n"), "{head}");
    assert!(!head.contains("\r\nauthorization:"), "{head}");

    let excepted = format!("{keys}, no_proxy: 127.0.0.0/8");
    by(&excepted).wait(PATIENCE).await.unwrap();
    assert_eq!(heads.lock().unwrap().len(), 1, "no more than before");

    let socks = proxy::start(Manner {
        socks_login: Some(("u:", "p@")),
        ..Manner::default()
    })
    .await;
    let keys = format!("proxy_url: 'socks5://u%3A:p%40@{}'", socks.address);
    by(&keys).wait(PATIENCE).await.unwrap();
    assert_eq!(*socks.asked.lock().unwrap(), [peer.address.to_string()]);
}

/// Plain HTTP is asked for in absolute form, and headers for tunnels stay away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_forwards_plain_http() {
    let forward = TokenServer::start(|_, _| Reply::token("t", 60)).await;
    let keys = format!(
        "{}, proxy_url: 'http://u:p@{}', proxy_connect_header: {{X-Tenant: [a]}}",
        client("http://tokens.test/token"),
        forward.address
    );
    source(settings(&keys)).wait(PATIENCE).await.unwrap();
    let asked = forward.seen.asked();
    let head = &asked[0].head;
    assert!(
        head.starts_with("POST http://tokens.test/token HTTP/1.1\r\n"),
        "{head}"
    );
    assert_eq!(asked[0].header("proxy-authorization"), Some("Basic dTpw"));
    assert_eq!(asked[0].header("host"), Some("tokens.test"));
    assert_eq!(asked[0].header("x-tenant"), None);
}
