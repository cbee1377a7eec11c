//! Connections that break whenever they like.

use std::time::Duration;

use bytes::Bytes;
use httpcycle_exporter::outcome::Verdict;
use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::target::module::Module;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::failures::{PATIENCE, reason};
use crate::support::pki::Authority;
use crate::support::{peer, pki, probing};

/// A server may answer before it has read the request, and go: what it said counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_counts_though_the_upload_breaks() {
    let answer = b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n";
    for megabytes in [1, 24] {
        let peer = peer::serve(move |mut stream| async move {
            stream.read_exact(&mut [0; 1000]).await.unwrap();
            stream.write_all(answer).await.unwrap();
            // Dropped with the upload unread, so that the connection is reset.
        })
        .await;
        let url = format!("http://{}/", peer.address);
        let module = Module {
            body: Bytes::from(vec![b'x'; megabytes << 20]).into(),
            method: http::Method::PUT,
            ..Module::http_2xx()
        };
        let prober = probing::prober(&url, module, PATIENCE);
        for _ in 0..20 {
            let outcome = probing::probe(&prober).await;
            let code = outcome.response.map(|response| response.code);
            assert_eq!(code, Some(409), "{megabytes} MB: {:?}", outcome.failure);
            assert_eq!(outcome.verdict(), Verdict::Conflict);
        }
    }
}

/// Whether the handshake's last read, the request or the wait for its answer meets the reset is a
/// race, and the reason is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_behind_a_handshake_is_one_whoever_notices_it() {
    for version in [&TLS12, &TLS13] {
        let authority = Authority::new();
        let (certificate, key) = authority.issue("127.0.0.1", |_| {});
        let acceptor = pki::acceptor_of(&[version], certificate, key);
        let peer = peer::serve(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let (stream, _) = acceptor.accept(stream).await.unwrap().into_inner();
                #[allow(deprecated, reason = "a linger of zero never blocks: it resets")]
                stream.set_linger(Some(Duration::ZERO)).unwrap();
            }
        })
        .await;
        let module = Module {
            tls: authority.trusted(),
            ..Module::http_2xx()
        };
        let prober = probing::prober(&format!("https://{}/", peer.address), module, PATIENCE);
        for _ in 0..100 {
            let outcome = probing::probe(&prober).await;
            let told = reason(&outcome);
            let reset = Some(Reason::FirstByteReset);
            assert_eq!(told, reset, "{:?}: {outcome:?}", version.version);
        }
    }
}
