//! Handshakes, by what the server sends or does.

use std::time::Duration;

use httpcycle_exporter::outcome::HttpVersion;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason as R;
use httpcycle_exporter::target::tls::{ClientIdentity, TlsVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::catalogue::{Behaviour, Stage};
use crate::support::peer;
use crate::support::peer::Then::{self, Close, Hold, Reset};
use crate::support::pki::Authority;

pub fn all() -> Vec<Behaviour> {
    let mut rows = vec![
        scripted("closed", vec![], Close).fails(R::TlsClosed),
        scripted("reset", vec![], Reset).fails(R::TlsClosed),
        scripted("silent", vec![], Hold).fails(R::TlsTimeout),
        scripted("HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), Close).fails(R::TlsNotTls),
        scripted("SSH", b"SSH-2.0-OpenSSH_9\r\n".to_vec(), Hold).fails(R::TlsNotTls),
        scripted("alert about the version", alert(70), Close).fails(R::TlsVersion),
        scripted("alert of failure", alert(40), Close).fails(R::TlsNoCommonCipher),
        scripted("alert about the name", alert(112), Close).fails(R::TlsAlert),
        scripted("alert about the protocol", alert(120), Close).fails(R::TlsAlpn),
        scripted(
            "a protocol not offered",
            server_hello_with_alpn("spdy/3"),
            Hold,
        )
        .fails(R::TlsAlpn),
        scripted(
            "a message of a client",
            vec![0x16, 3, 3, 0, 4, 1, 0, 0, 0],
            Close,
        )
        .fails(R::TlsMalformed),
        a_choice_that_is_not_kept(),
    ];
    rows.extend(versions_of_http());
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let row = for_clients(version, false).fails(R::TlsClientCertRequired);
        rows.push(row.unasked());
        rows.push(for_clients(version, true).counts(200));
    }
    rows
}

/// A server that sends `bytes` when a client has begun.
pub fn scripted(name: &str, bytes: Vec<u8>, then: Then) -> Behaviour {
    Behaviour::new(format!("handshake: {name}"), move || {
        let bytes = bytes.clone();
        async move {
            let peer = peer::serve(move |mut stream| {
                let bytes = bytes.clone();
                async move {
                    if stream.read(&mut [0; 4096]).await.is_ok() {
                        stream.write_all(&bytes).await.ok();
                        peer::finish(stream, then).await;
                    }
                }
            })
            .await;
            let url = format!("https://{}/", peer.address);
            Stage::at(url)
                .held_by(peer)
                .trusting(&[Authority::new().certificate()])
        }
    })
    .also("nothing was sent", |outcome| {
        outcome.timeline.phase(Phase::Send).is_none()
    })
}

fn alert(description: u8) -> Vec<u8> {
    vec![0x15, 3, 3, 0, 2, 2, description]
}

/// A ServerHello of TLS 1.2 that chooses a protocol which nobody offered.
fn server_hello_with_alpn(protocol: &str) -> Vec<u8> {
    let length = u8::try_from(protocol.len()).unwrap();
    let list = [&[0, length + 1, length], protocol.as_bytes()].concat();
    let alpn = [&[0, 16, 0, length + 3][..], &list].concat();
    let extensions = [&[0, length + 7][..], &alpn].concat();
    // Version, random, no session, ECDHE_RSA_WITH_AES_128_GCM_SHA256, no compression.
    let hello = [&[3, 3][..], &[7; 32], &[0, 0xc0, 0x2f, 0], &extensions].concat();
    let sized = |kind: &[u8], body: &[u8]| {
        let size = u16::try_from(body.len()).unwrap().to_be_bytes();
        [kind, &size, body].concat()
    };
    sized(&[0x16, 3, 3], &sized(&[2, 0], &hello))
}

/// The server's choice is spoken, and one that has nothing in common refuses.
fn versions_of_http() -> Vec<Behaviour> {
    use HttpVersion::{Http2, Http11};
    let row = |offered: &'static [&str], enable_http2: bool, spoken: Option<HttpVersion>| {
        let name = format!("handshake: offers {offered:?}, HTTP/2 enabled: {enable_http2}");
        Behaviour::new(name, move || async move {
            let authority = Authority::new();
            let acceptor = authority.server_of("127.0.0.1", offered);
            let peer = peer::slow_in(None, Duration::ZERO, acceptor).await;
            let url = format!("https://{}/", peer.address);
            Stage::at(url)
                .held_by(peer)
                .trusting(&[authority.certificate()])
        })
        .probed(move |module| module.enable_http2 = enable_http2)
        .fails(spoken.is_none().then_some(R::TlsAlpn))
        .counts(spoken.is_some().then_some(200))
        .also("the version that was agreed on", move |outcome| {
            outcome.response.map(|response| response.version) == spoken
        })
    };
    vec![
        row(&["h2", "http/1.1"], true, Some(Http2)),
        row(&["http/1.1", "h2"], true, Some(Http11)),
        row(&["h2"], true, Some(Http2)),
        row(&["http/1.1"], true, Some(Http11)),
        row(&[], true, Some(Http11)),
        row(&["http/0.9"], true, None),
        row(&["h2", "http/1.1"], false, Some(Http11)),
        row(&["h2"], false, Some(Http11)),
    ]
}

/// A server may choose HTTP/2 and not speak it.
fn a_choice_that_is_not_kept() -> Behaviour {
    Behaviour::new("handshake: chooses h2 and speaks HTTP/1.1", || async {
        let authority = Authority::new();
        let acceptor = authority.server_of("127.0.0.1", &["h2"]);
        let peer = peer::serve(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                peer::write(&mut stream, answer).await;
                stream.read_to_end(&mut Vec::new()).await.ok();
            }
        })
        .await;
        let url = format!("https://{}/", peer.address);
        Stage::at(url)
            .held_by(peer)
            .trusting(&[authority.certificate()])
    })
    .fails(R::TlsAlpn)
    .cut_in(Phase::FirstByte)
    .unasked()
}

/// A server that lets in only who shows a certificate of its authority.
fn for_clients(version: TlsVersion, has_certificate: bool) -> Behaviour {
    let shows = if has_certificate { "one" } else { "none" };
    let name = format!("handshake: wants a client certificate over {version:?}, has {shows}");
    Behaviour::new(name, move || async move {
        let authority = Authority::new();
        let acceptor = authority.server_for_clients("127.0.0.1");
        let peer = peer::slow_in(None, Duration::ZERO, acceptor).await;
        let url = format!("https://{}/", peer.address);
        let mut stage = Stage::at(url)
            .held_by(peer)
            .trusting(&[authority.certificate()]);
        if has_certificate {
            let ClientIdentity { chain, key } = authority.client();
            stage.place.identity = Some((chain[0].to_vec(), key.expose().secret_der().to_vec()));
        }
        stage
    })
    .probed(move |module| {
        module.tls.min_version = version;
        module.tls.max_version = version;
    })
}
