//! What servers do with a session of TLS once hands are shaken.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason as R;
use httpcycle_exporter::target::tls::TlsVersion;
use rustls::ServerConfig;
use rustls::version::TLS12;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::catalogue::{Behaviour, Stage};
use crate::support::peer::Then;
use crate::support::pki::Authority;
use crate::support::{http2, peer, pki};

const OPEN_ENDED: &[u8] = b"HTTP/1.1 200 OK\r\n\r\nhalf";
const WHOLE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhalf";

type Session = TlsStream<TcpStream>;

pub fn all() -> Vec<Behaviour> {
    let mut rows = ends();
    rows.extend(breaches());
    rows.extend(behind_a_response());
    rows
}

/// How sessions end.
fn ends() -> Vec<Behaviour> {
    vec![
        then("closed", |mut session| {
            async move {
                session.shutdown().await.ok();
                session.read_to_end(&mut Vec::new()).await.ok();
            }
            .boxed()
        })
        .unasked()
        .fails(R::FirstByteClosed),
        then("closed by TCP alone", |session| {
            ended(session, b"", Then::Close)
        })
        .fails(R::FirstByteClosed),
        then("reset", |session| ended(session, b"", Then::Reset)).fails(R::FirstByteReset),
        then("a body until it is closed by TCP alone", |session| {
            ended(session, OPEN_ENDED, Then::Close)
        })
        .fails(R::TransferBodyTruncated)
        .counts(200),
        then(
            "a body of known length, then closed by TCP alone",
            |session| ended(session, WHOLE, Then::Close),
        )
        .counts(200),
        then("a body of known length, then reset", |session| {
            ended(session, WHOLE, Then::Reset)
        })
        .counts(200),
        then("a body until it is reset", |session| {
            ended(session, OPEN_ENDED, Then::Reset)
        })
        .fails(R::TransferBodyReset)
        .counts(200),
        then("a body until it is closed", |mut session| {
            async move {
                peer::read_request(&mut session).await;
                peer::write(&mut session, OPEN_ENDED).await;
                session.shutdown().await.ok();
                session.read_to_end(&mut Vec::new()).await.ok();
            }
            .boxed()
        })
        .counts(200),
    ]
}

/// What breaks the rules of TLS, or uses them without end.
fn breaches() -> Vec<Behaviour> {
    vec![
        then("HTTP without TLS", |mut session| {
            async move {
                peer::read_request(&mut session).await;
                let (mut tcp, _) = session.into_inner();
                peer::write(&mut tcp, WHOLE).await;
                std::future::pending().await
            }
            .boxed()
        })
        .fails(R::TlsMalformed)
        .cut_in(Phase::FirstByte),
        then("new keys without end", |mut session| {
            async move {
                peer::read_request(&mut session).await;
                for _ in 0..200 {
                    session.get_mut().1.refresh_traffic_keys().unwrap();
                    session.flush().await.ok();
                }
                std::future::pending().await
            }
            .boxed()
        })
        .fails(R::TlsMalformed)
        .cut_in(Phase::FirstByte),
        with(
            "tickets without end",
            |config| config.send_tls13_tickets = 800,
            &[],
        )
        .fails(R::TlsMalformed)
        .cut_in(Phase::FirstByte),
        with(
            "answered before it was asked",
            |config| config.send_half_rtt_data = true,
            WHOLE,
        )
        .unasked()
        .fails(R::TransferNotHttp),
        only_old(),
    ]
}

/// What ends a session together with a response: that came first, whether both are read at once or not.
fn behind_a_response() -> Vec<Behaviour> {
    const CONFLICT: &[u8] = b"HTTP/1.1 409 Conflict\r\nContent-Length: 4\r\n\r\n";
    const BEGINNING: &[u8] = b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 409 Con";
    const END: &[u8] = b"flict\r\nContent-Length: 4\r\n\r\n";
    // Neither of them can be decrypted.
    const GARBAGE: &[u8] = &[
        23, 3, 3, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0,
    ];
    const ALERT: &[u8] = &[21, 3, 3, 0, 2, 2, 40];
    let mut rows = Vec::new();
    for (name, behind) in [("garbage", GARBAGE), ("an alert", ALERT)] {
        let over_http2 = || [http2::settings(), http2::head("409", &[], 0)];
        for (head, protocol, records) in [
            ("a conflict", "http/1.1", vec![CONFLICT.to_vec()]),
            (
                "a conflict over two records",
                "http/1.1",
                vec![BEGINNING.to_vec(), END.to_vec()],
            ),
            ("a conflict over HTTP/2", "h2", over_http2().to_vec()),
        ] {
            let row = at_once(&format!("{head}, with {name}"), protocol, records, behind);
            rows.push(row.fails(R::ValidateStatus).counts(409));
        }
        let head = &WHOLE[..WHOLE.len() - 2];
        let records = vec![head.to_vec(), WHOLE[head.len()..].to_vec()];
        let row = at_once(
            &format!("a whole body, with {name}"),
            "http/1.1",
            records,
            behind,
        );
        rows.push(row.counts(200));
        let over_http2 = vec![
            http2::settings(),
            http2::head("200", &[], 0),
            http2::on_stream(http2::DATA, http2::END_STREAM, b"whole"),
        ];
        let row = at_once(
            &format!("a whole body over HTTP/2, with {name}"),
            "h2",
            over_http2,
            behind,
        );
        rows.push(row.counts(200));
    }
    rows
}

/// A server that answers with these records and writes `behind` in the same segment.
pub fn at_once(
    name: &str,
    protocol: &'static str,
    records: Vec<Vec<u8>>,
    behind: &'static [u8],
) -> Behaviour {
    Behaviour::new(format!("session: {name}"), move || {
        let records = records.clone();
        async move {
            let authority = Authority::new();
            let acceptor = authority.server_of("127.0.0.1", &[protocol]);
            let peer = peer::serve(move |stream| {
                let (acceptor, records) = (acceptor.clone(), records.clone());
                async move {
                    let Ok(mut session) = acceptor.accept(stream).await else {
                        return;
                    };
                    match protocol {
                        "h2" => drop(http2::read_request(&mut session).await),
                        _ => drop(peer::read_request(&mut session).await),
                    }
                    let (mut tcp, mut session) = session.into_inner();
                    let mut segment = Vec::new();
                    for record in records {
                        session.writer().write_all(&record).unwrap();
                        session.write_tls(&mut segment).unwrap();
                    }
                    segment.extend_from_slice(behind);
                    peer::write(&mut tcp, &segment).await;
                    std::future::pending().await
                }
            })
            .await;
            let url = format!("https://{}/", peer.address);
            Stage::at(url)
                .held_by(peer)
                .trusting(&[authority.certificate()])
        }
    })
}

/// Sends `answer` for a request and ends the connection without a word of TLS.
fn ended(mut session: Session, answer: &'static [u8], then: Then) -> BoxFuture<'static, ()> {
    async move {
        peer::read_request(&mut session).await;
        peer::write(&mut session, answer).await;
        peer::finish(session.into_inner().0, then).await;
    }
    .boxed()
}

/// A server that does this with every session.
fn then(name: &str, handle: fn(Session) -> BoxFuture<'static, ()>) -> Behaviour {
    Behaviour::new(format!("session: {name}"), move || async move {
        let authority = Authority::new();
        let acceptor = authority.server("127.0.0.1");
        let peer = peer::serve(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                if let Ok(session) = acceptor.accept(stream).await {
                    handle(session).await;
                }
            }
        })
        .await;
        let url = format!("https://{}/", peer.address);
        Stage::at(url)
            .held_by(peer)
            .trusting(&[authority.certificate()])
    })
}

/// A server that is set up like this, has said `early` before it was asked and says nothing then.
fn with(name: &str, change: fn(&mut ServerConfig), early: &'static [u8]) -> Behaviour {
    Behaviour::new(format!("session: {name}"), move || async move {
        let authority = Authority::new();
        let mut config = ServerConfig::clone(authority.server("127.0.0.1").config());
        change(&mut config);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let peer = peer::serve(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let accepting = acceptor.accept_with(stream, |session| {
                    session.writer().write_all(early).unwrap();
                });
                if let Ok(mut session) = accepting.await {
                    session.flush().await.ok();
                    session.read_to_end(&mut Vec::new()).await.ok();
                }
            }
        })
        .await;
        let url = format!("https://{}/", peer.address);
        Stage::at(url)
            .held_by(peer)
            .trusting(&[authority.certificate()])
    })
}

/// A server of TLS 1.2, asked for TLS 1.3.
fn only_old() -> Behaviour {
    Behaviour::new("handshake: no version in common", || async {
        let authority = Authority::new();
        let (certificate, key) = authority.issue("127.0.0.1", |_| {});
        let acceptor = pki::acceptor_of(&[&TLS12], certificate, key);
        let peer = peer::slow_in(None, Duration::ZERO, acceptor).await;
        let url = format!("https://{}/", peer.address);
        Stage::at(url)
            .held_by(peer)
            .trusting(&[authority.certificate()])
    })
    .probed(|module| module.tls.min_version = TlsVersion::Tls13)
    .fails(R::TlsVersion)
}
