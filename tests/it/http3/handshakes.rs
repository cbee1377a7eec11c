//! What can go wrong before there is a connection.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::outcome::skip::SkipReason;
use httpcycle_exporter::outcome::{Attempt, Outcome};
use httpcycle_exporter::target::module::{IpFamily, Module};
use httpcycle_exporter::target::reach::{Range, Rules};
use quinn::TransportConfig;
use rcgen::date_time_ymd;
use rustls::ServerConfig;
use tokio::sync::mpsc;

use crate::http3::{PATIENCE, probe, probe_with, reason};
use crate::support::http3::{NAME, Server};
use crate::support::pki::{self, Authority};
use crate::support::{http3, probing};

/// The failure has its time in the handshake, and nothing came after it.
fn assert_only_handshake(outcome: &Outcome, what: &str) {
    for phase in Phase::ALL {
        let runs = phase == Phase::Tls;
        let found = outcome.timeline.phase(phase).is_some();
        assert_eq!(found, runs, "{what}: {phase:?} of {:?}", outcome.timeline);
    }
}

fn module() -> Module {
    Module {
        enable_http2: false,
        enable_http3: true,
        preferred_family: IpFamily::V4,
        ..Module::http_2xx()
    }
}

async fn probe_at(address: SocketAddr, timeout: Duration) -> Outcome {
    let url = format!("https://{address}/");
    probing::probe(&probing::prober(&url, module(), timeout)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_shut_refuses() {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let address = socket.local_addr().unwrap();
    drop(socket);
    let outcome = probe_at(address, PATIENCE).await;
    assert_eq!(
        reason(&outcome),
        Some(Reason::ConnectRefused),
        "{outcome:?}"
    );
    assert_only_handshake(&outcome, "shut");
    assert!(outcome.timeline.total() < PATIENCE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_answers_times_out_in_the_handshake() {
    let silent = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let address = silent.local_addr().unwrap();
    let outcome = probe_at(address, Duration::from_secs(1)).await;
    assert_eq!(reason(&outcome), Some(Reason::TlsTimeout));
    assert_only_handshake(&outcome, "silent");
    // What is not QUIC is as good as nothing, however much of it comes.
    let noisy = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let address = noisy.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        let (_, client) = noisy.recv_from(&mut buffer).unwrap();
        for number in 0..2_000_u32 {
            let garbage = [&number.to_be_bytes()[..], &[0x40; 200]].concat();
            if noisy.send_to(&garbage, client).is_err() {
                break;
            }
        }
        // A port that is shut would refuse.
        noisy
    });
    let outcome = probe_at(address, Duration::from_secs(1)).await;
    assert_eq!(reason(&outcome), Some(Reason::TlsTimeout));
    thread.join().unwrap();
}

/// A server whose answer to the ClientHello comes, and nothing after it: what it sends behind the
/// first datagram is lost on the way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_that_stalls_times_out() {
    // More than one datagram holds.
    let names: Vec<_> = (0..200)
        .map(|number| format!("name-{number}.orders.test"))
        .collect();
    let server = showing(|params| {
        let names = names.iter().map(|name| name.as_str().try_into().unwrap());
        params
            .subject_alt_names
            .extend(names.map(rcgen::SanType::DnsName));
    });
    let between = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let address = between.local_addr().unwrap();
    let behind = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    behind.connect(server.address).unwrap();
    let thread = std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        let (length, client) = between.recv_from(&mut buffer).unwrap();
        behind.send(&buffer[..length]).unwrap();
        let length = behind.recv(&mut buffer).unwrap();
        between.send_to(&buffer[..length], client).unwrap();
        (between, behind)
    });
    let url = format!("https://{address}/");
    let prober = probing::prober(&url, http3::module(&server), Duration::from_secs(1));
    let outcome = probing::probe(&prober).await;
    assert_eq!(reason(&outcome), Some(Reason::TlsTimeout));
    assert_only_handshake(&outcome, "stalled");
    thread.join().unwrap();
}

/// A Version Negotiation packet (RFC 9000, 17.2.1) with versions that nobody speaks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_other_versions_is_told() {
    let server = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let address = server.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        let (_, client) = server.recv_from(&mut buffer).unwrap();
        let id = |at: usize| {
            let length = usize::from(buffer[at]);
            buffer[at..=at + length].to_vec()
        };
        let theirs = id(5);
        let ours = id(5 + theirs.len());
        let versions = [0x0a1a_2a3a_u32, 0x5130_3530]
            .map(u32::to_be_bytes)
            .concat();
        let answer = [&[0x80, 0, 0, 0, 0][..], &ours, &theirs, &versions].concat();
        server.send_to(&answer, client).unwrap();
        server
    });
    let outcome = probe_at(address, PATIENCE).await;
    assert_eq!(reason(&outcome), Some(Reason::TlsVersion), "{outcome:?}");
    assert_only_handshake(&outcome, "versions");
    thread.join().unwrap();
}

fn server_of(authority: Authority, tls: ServerConfig) -> Server {
    http3::serve(
        authority,
        tls,
        TransportConfig::default(),
        |incoming| async {
            if let Ok(connection) = incoming.await {
                connection.closed().await;
            }
        },
    )
}

fn showing(change: impl FnOnce(&mut rcgen::CertificateParams)) -> Server {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(NAME, change);
    let mut tls = ServerConfig::clone(pki::acceptor(certificate, key).config());
    tls.alpn_protocols = vec![b"h3".to_vec()];
    server_of(authority, tls)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_judged_as_over_tcp() {
    let expired = showing(|params| params.not_after = date_time_ymd(2020, 1, 1));
    let early = showing(|params| params.not_before = date_time_ymd(4000, 1, 1));
    let fine = showing(|_| {});
    let unknown = Authority::new().trusted();
    for (what, server, name, settings, expected) in [
        (
            "expired",
            &expired,
            NAME,
            None,
            Some(Reason::TlsCertExpired),
        ),
        (
            "early",
            &early,
            NAME,
            None,
            Some(Reason::TlsCertNotYetValid),
        ),
        ("name", &fine, "other.test", None, Some(Reason::TlsCertName)),
        (
            "issuer",
            &fine,
            NAME,
            Some(unknown),
            Some(Reason::TlsCertUnknownIssuer),
        ),
    ] {
        let outcome = probe_with(server, PATIENCE, |module| {
            if let Some(settings) = settings {
                module.tls = settings;
            }
            module.tls.server_name = Some(name.to_owned());
        })
        .await;
        assert_eq!(reason(&outcome), expected, "{what}: {:?}", outcome.failure);
        assert!(outcome.cert_expiry.is_some(), "{what}");
        assert_only_handshake(&outcome, what);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn protocols_and_clients_are_agreed_on_or_told() {
    let authority = Authority::new();
    let acceptor = authority.server_of(NAME, &["doq"]);
    let tls = ServerConfig::clone(acceptor.config());
    let outcome = probe(&server_of(authority, tls)).await;
    assert_eq!(reason(&outcome), Some(Reason::TlsAlpn), "{outcome:?}");

    let authority = Authority::new();
    let acceptor = authority.server_for_clients(NAME);
    let mut tls = ServerConfig::clone(acceptor.config());
    tls.alpn_protocols = vec![b"h3".to_vec()];
    let identity = authority.client();
    let server = server_of(authority, tls);
    let outcome = probe(&server).await;
    let expected = Some(Reason::TlsClientCertRequired);
    assert_eq!(reason(&outcome), expected, "{:?}", outcome.failure);
    // With one it is let in, where nobody answers.
    let let_in = probe_with(&server, Duration::from_secs(1), |module| {
        module.tls.identity = Some(identity);
    });
    let outcome = let_in.await;
    assert_eq!(reason(&outcome), Some(Reason::FirstByteTimeout));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_refuses_closes() {
    let authority = Authority::new();
    let tls = http3::tls(&authority);
    let transport = TransportConfig::default();
    let server = http3::serve(authority, tls, transport, |incoming| async {
        incoming.refuse();
    });
    let outcome = probe(&server).await;
    assert_eq!(reason(&outcome), Some(Reason::TlsClosed), "{outcome:?}");
    assert_only_handshake(&outcome, "refused");
}

/// The rules of connections over TCP hold.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_there_is_chosen_as_over_tcp() {
    let (send, mut seen) = mpsc::unbounded_channel();
    let authority = Authority::new();
    let tls = http3::tls(&authority);
    let transport = TransportConfig::default();
    let server = http3::serve(authority, tls, transport, move |incoming| {
        send.send(incoming.remote_address()).unwrap();
        async move { incoming.refuse() }
    });
    let outcome = probe_with(&server, PATIENCE, |module| {
        module.source_ip = Some([127, 0, 0, 3].into());
    })
    .await;
    let from = seen.recv().await.unwrap();
    assert_eq!(from.ip(), IpAddr::from([127, 0, 0, 3]));
    assert_eq!(outcome.connection.unwrap().local, Some(from));

    // The address of a documentation net belongs to no machine.
    let mut module = http3::module(&server);
    module.source_ip = Some([192, 0, 2, 1].into());
    let attempt = probing::prober(&http3::url(&server), module, PATIENCE)
        .probe()
        .await;
    let is_skipped = matches!(attempt, Attempt::Skipped(SkipReason::NoRoute));
    assert!(is_skipped, "{attempt:?}");

    let outcome = probe_with(&server, PATIENCE, |module| {
        let deny = vec![Range::parse("127.0.0.0/8").unwrap()];
        module.reach.own = Arc::new(Rules {
            deny,
            ..Rules::default()
        });
    })
    .await;
    assert_eq!(reason(&outcome), Some(Reason::ConnectBlocked));
    assert_eq!(outcome.timeline.spans(), []);
    assert_eq!(seen.try_recv().ok(), None, "nothing was sent");
}
