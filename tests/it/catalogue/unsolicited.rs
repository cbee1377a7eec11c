//! Servers that say something, or nothing more, before they are asked.

use std::sync::Arc;
use std::time::Duration;

use httpcycle_exporter::outcome::reason::Reason as R;
use httpcycle_exporter::target::tls::TlsVersion;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex, split};
use tokio::time::{sleep, timeout};

use crate::catalogue::{Behaviour, Stage};
use crate::support::http2::{END_STREAM, WINDOW_UPDATE, frame, head, settings};
use crate::support::peer;
use crate::support::pki::Authority;

const HTTP1: &str = "http/1.1";

pub fn all() -> Vec<Behaviour> {
    let of_http2 = |code| [settings(), head(code, &[], END_STREAM)].concat();
    let breach = frame(WINDOW_UPDATE, 0, 3, &[0, 0, 0, 1]);
    let breached = [of_http2("409"), breach].concat();
    vec![
        behind_the_handshake("an answer of HTTP/2", "h2", of_http2("200"))
            .fails(R::TransferNotHttp),
        behind_the_handshake("a conflict of HTTP/2", "h2", of_http2("409"))
            .fails(R::TransferNotHttp),
        behind_the_handshake("a conflict of HTTP/2 and a breach", "h2", breached)
            .fails(R::TransferNotHttp),
        behind_the_handshake(
            "a conflict of HTTP/2 alone",
            "h2",
            head("409", &[], END_STREAM),
        )
        .fails(R::TransferNotHttp),
        behind_the_handshake(
            "a response",
            HTTP1,
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        )
        .fails(R::TransferNotHttp),
        behind_the_handshake("half a response", HTTP1, b"HTTP/1.1 200 OK\r\n")
            .fails(R::TransferNotHttp),
        behind_the_handshake("a banner", HTTP1, b"220 mail ESMTP\r\n").fails(R::TransferNotHttp),
        behind_the_handshake("the end", HTTP1, b"").fails(R::FirstByteClosed),
    ]
}

/// A server whose last message of the handshake, which in TLS 1.2 is the last one of all, comes in
/// one segment with `bytes`; without any, with the end of the connection.
fn behind_the_handshake(
    name: &str,
    protocol: &'static str,
    bytes: impl Into<Vec<u8>>,
) -> Behaviour {
    let bytes: Arc<[u8]> = bytes.into().into();
    Behaviour::new(format!("unsolicited: {name}"), move || {
        answering(protocol, bytes.clone())
    })
    .unasked()
    .probed(|module| module.tls.max_version = TlsVersion::Tls12)
}

async fn answering(protocol: &str, bytes: Arc<[u8]>) -> Stage {
    let authority = Authority::new();
    let acceptor = authority.server_of("127.0.0.1", &[protocol]);
    let peer = peer::serve(move |stream| {
        let (acceptor, bytes) = (acceptor.clone(), bytes.clone());
        async move {
            stream.set_nodelay(true).unwrap();
            let (near, far) = duplex(64 * 1024);
            let serve = async {
                let Ok(mut stream) = acceptor.accept(near).await else {
                    return;
                };
                peer::write(&mut stream, &bytes).await;
                if bytes.is_empty() {
                    stream.shutdown().await.ok();
                }
                std::future::pending::<()>().await;
            };
            let (from_client, to_client) = stream.into_split();
            let (from_server, to_server) = split(far);
            tokio::join!(
                serve,
                in_batches(from_client, to_server),
                in_batches(from_server, to_client)
            );
        }
    })
    .await;
    let url = format!("https://{}/", peer.address);
    Stage::at(url)
        .held_by(peer)
        .trusting(&[authority.certificate()])
}

/// Carries bytes over, always all that came within a moment at once.
async fn in_batches(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    const MOMENT: Duration = Duration::from_millis(50);
    let mut batch = Vec::new();
    while let Ok(1..) = from.read_buf(&mut batch).await {
        sleep(MOMENT).await;
        while let Ok(Ok(1..)) = timeout(MOMENT, from.read_buf(&mut batch)).await {}
        if to.write_all(&batch).await.is_err() {
            return;
        }
        batch.clear();
    }
}
