//! Servers that say something, or nothing more, before they are asked.

use std::time::Duration;

use httpcycle_exporter::outcome::reason::Reason as R;
use httpcycle_exporter::target::tls::TlsVersion;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex, split};
use tokio::time::{sleep, timeout};

use crate::catalogue::{Behaviour, Stage};
use crate::support::peer;
use crate::support::pki::Authority;

pub fn all() -> Vec<Behaviour> {
    vec![
        behind_the_handshake(
            "a response",
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        )
        .fails(R::TransferNotHttp),
        behind_the_handshake("half a response", b"HTTP/1.1 200 OK\r\n").fails(R::TransferNotHttp),
        behind_the_handshake("a banner", b"220 mail ESMTP\r\n").fails(R::TransferNotHttp),
        behind_the_handshake("the end", b"").fails(R::FirstByteClosed),
    ]
}

/// A server whose last message of the handshake, which in TLS 1.2 is the last one of all, comes in
/// one segment with `bytes`; without any, with the end of the connection.
fn behind_the_handshake(name: &str, bytes: &'static [u8]) -> Behaviour {
    Behaviour::new(format!("unsolicited: {name}"), move || async move {
        let authority = Authority::new();
        let acceptor = authority.server_of("127.0.0.1", &["http/1.1"]);
        let peer = peer::serve(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                stream.set_nodelay(true).unwrap();
                let (near, far) = duplex(64 * 1024);
                let serve = async {
                    let Ok(mut stream) = acceptor.accept(near).await else {
                        return;
                    };
                    peer::write(&mut stream, bytes).await;
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
    })
    .unasked()
    .probed(|module| module.tls.max_version = TlsVersion::Tls12)
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
