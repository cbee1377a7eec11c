//! Every probe walks the whole cycle by itself: nothing is kept, shared, repeated or left behind.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::target::Target;
use httpcycle_exporter::target::address::TargetUrl;
use httpcycle_exporter::target::labels::Labels;
use httpcycle_exporter::target::module::{IpFamily, Module};
use rustls::HandshakeKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::support::dns::Script;
use crate::support::peer::Then;
use crate::support::{dns, peer, pki, probing};

const PATIENCE: Duration = Duration::from_secs(10);
const NO_CONTENT: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_in_the_hosts_file_has_what_stands_there_and_no_more() {
    let peer = peer::answering(NO_CONTENT.to_vec(), Then::Hold).await;
    let resolver = dns::serve(Script::Addresses(
        vec!["127.0.0.9".parse().unwrap()],
        Duration::ZERO,
    ))
    .await;
    // hickory gives `localhost` ::1 besides, where nobody listens.
    for (name, hosts) in [
        ("localhost", "127.0.0.1 localhost\n"),
        ("Orders.Test", "127.0.0.1\tother orders.test # a comment\n"),
    ] {
        let target = Target {
            name: name.to_owned(),
            url: TargetUrl::parse(&format!("http://{name}:{}/", peer.address.port())).unwrap(),
            module: Arc::new(Module {
                preferred_family: IpFamily::V6,
                resolver: Some(resolver.address),
                ..Module::http_2xx()
            }),
            interval: PATIENCE,
            timeout: PATIENCE,
            labels: Labels::default(),
        };
        let outcome = probing::probe(&probing::prober_with_hosts(target, hosts)).await;
        assert_eq!(outcome.failure, None, "{name}");
        assert!(
            outcome.timeline.phase(Phase::Dns).is_some(),
            "a look-up, though a short one"
        );
    }
    assert_eq!(resolver.questions.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn localhost_needs_neither_hosts_file_nor_name_server() {
    let peer = peer::answering(NO_CONTENT.to_vec(), Then::Hold).await;
    let module = Module {
        preferred_family: IpFamily::V4,
        ..Module::http_2xx()
    };
    let url = format!("http://localhost:{}/", peer.address.port());
    let outcome = probing::probe(&probing::prober(&url, module, PATIENCE)).await;
    assert_eq!(outcome.failure, None);
}

/// hickory's resolver answers look-ups of one name that run at once with one query, and a pool of
/// connections would give the second probe the connection of the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_at_once_share_neither_look_up_nor_connection() {
    let (connections, requests) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let seen = (connections.clone(), requests.clone());
    let peer = peer::serve(move |mut stream| {
        let (connections, requests) = seen.clone();
        async move {
            connections.fetch_add(1, Ordering::Relaxed);
            while !peer::read_request(&mut stream).await.is_empty() {
                requests.fetch_add(1, Ordering::Relaxed);
                if stream.write_all(NO_CONTENT).await.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    let here: IpAddr = peer.address.ip();
    let server = dns::serve(Script::Addresses(vec![here], Duration::from_millis(100))).await;
    let module = Module {
        resolver: Some(server.address),
        ..Module::http_2xx()
    };
    let url = format!("http://orders.test:{}/", peer.address.port());
    let prober = probing::prober(&url, module, PATIENCE);
    let (one, two, three) = tokio::join!(
        probing::probe(&prober),
        probing::probe(&prober),
        probing::probe(&prober)
    );
    for outcome in [one, two, three] {
        assert_eq!(outcome.failure, None);
    }
    probing::probe(&prober).await;
    assert_eq!(connections.load(Ordering::Relaxed), 4);
    assert_eq!(requests.load(Ordering::Relaxed), 4);
    assert_eq!(
        server.questions.load(Ordering::Relaxed),
        8,
        "A and AAAA of each"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_handshake_is_a_full_one() {
    let authority = pki::Authority::new();
    let acceptor = authority.server("127.0.0.1");
    let (sender, mut kinds) = mpsc::unbounded_channel();
    let peer = peer::serve(move |stream| {
        let (acceptor, sender) = (acceptor.clone(), sender.clone());
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            sender.send(stream.get_ref().1.handshake_kind()).unwrap();
            peer::read_request(&mut stream).await;
            stream.write_all(NO_CONTENT).await.unwrap();
            stream.flush().await.unwrap();
            stream.read_u8().await.ok();
        }
    })
    .await;
    let module = Module {
        tls: authority.trusted(),
        ..Module::http_2xx()
    };
    let prober = probing::prober(&format!("https://{}/", peer.address), module, PATIENCE);
    for _ in 0..3 {
        assert_eq!(probing::probe(&prober).await.failure, None);
        assert_eq!(kinds.recv().await.unwrap(), Some(HandshakeKind::Full));
    }
}

/// Sockets of a probe that was cut are gone with it, not when the peer tires.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_that_was_cut_leaves_no_connection() {
    let (sender, mut ended) = mpsc::unbounded_channel();
    let peer = peer::serve(move |mut stream| {
        let sender = sender.clone();
        async move {
            peer::read_request(&mut stream).await;
            let end = stream.read(&mut [0; 16]).await;
            sender.send(matches!(end, Ok(0) | Err(_))).unwrap();
        }
    })
    .await;
    let outcome = probing::probe_plain(peer.address, Duration::from_millis(200)).await;
    assert!(outcome.failure.is_some());
    let closed = tokio::time::timeout(PATIENCE, ended.recv()).await;
    assert_eq!(closed.unwrap(), Some(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_request_is_as_the_module_says() {
    let (sender, mut heads) = mpsc::unbounded_channel();
    let peer = peer::serve(move |mut stream| {
        let sender = sender.clone();
        async move {
            sender.send(peer::read_request(&mut stream).await).unwrap();
            stream.write_all(NO_CONTENT).await.unwrap();
        }
    })
    .await;
    let authority = peer.address;
    let header = |name: &str, value: &str| {
        let value: http::HeaderValue = value.parse().unwrap();
        (name.parse().unwrap(), value.into())
    };
    let with_headers = |headers| Module {
        method: http::Method::PATCH,
        body: Bytes::from("{}").into(),
        headers,
        ..Module::http_2xx()
    };
    for (path, module, expected, absent) in [
        (
            format!("http://{authority}"),
            Module::http_2xx(),
            vec![
                "GET / HTTP/1.1",
                "user-agent: httpcycle_exporter/",
                &format!("host: {authority}"),
            ],
            "content-length",
        ),
        (
            format!("http://u%40:p@{authority}/a%20b?c=d"),
            with_headers(vec![
                header("host", "orders.test"),
                header("x-a", "1"),
                header("x-a", "2"),
            ]),
            vec![
                "PATCH /a%20b?c=d HTTP/1.1",
                "host: orders.test",
                "x-a: 1\r\nx-a: 2",
                "content-length: 2",
                "authorization: Basic dUA6cA==",
            ],
            "connection:",
        ),
        (
            format!("http://u:p@{authority}/"),
            with_headers(vec![
                header("authorization", "Bearer x"),
                header("user-agent", "me"),
            ]),
            vec!["authorization: Bearer x", "user-agent: me"],
            "Basic",
        ),
    ] {
        let outcome = probing::probe(&probing::prober(&path, module, PATIENCE)).await;
        assert_eq!(outcome.failure, None);
        let head = heads.recv().await.unwrap();
        for part in expected {
            assert!(head.contains(part), "{part:?} is missing in {head}");
        }
        assert!(!head.contains(absent), "{absent:?} is in {head}");
    }
}
