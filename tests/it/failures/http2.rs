//! Uploads over HTTP/2 to servers that read little or nothing.

use std::time::Duration;

use bytes::Bytes;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::target::module::Module;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::failures::{PATIENCE, SHORT, reason};
use crate::support::http2::{
    END_STREAM, PING, control, goaway, head, read_request, settings, wide_open,
};
use crate::support::peer::Then;
use crate::support::{http2, peer, pki, probing};

/// A server may answer and not read the rest, though it granted all of it; that it also wants signs
/// of life, which cannot reach it, must not keep its answer from being read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_counts_though_nothing_is_read() {
    let authority = pki::Authority::new();
    let acceptor = authority.server_of("127.0.0.1", &["h2"]);
    for over_tls in [false, true] {
        let acceptor = acceptor.clone();
        let peer = peer::serve(move |mut stream| {
            let acceptor = acceptor.clone();
            async move {
                let late = [
                    [control(PING, 0, &[0; 8]), settings()].concat().repeat(10),
                    head("409", &[], END_STREAM),
                ]
                .concat();
                if over_tls {
                    let mut stream = acceptor.accept(stream).await.unwrap();
                    peer::write(&mut stream, &wide_open()).await;
                    tokio::time::sleep(SHORT / 5).await;
                    peer::write(&mut stream, &late).await;
                    std::future::pending().await
                } else {
                    peer::write(&mut stream, &wide_open()).await;
                    tokio::time::sleep(SHORT / 5).await;
                    peer::write(&mut stream, &late).await;
                    std::future::pending().await
                }
            }
        })
        .await;
        let module = Module {
            method: http::Method::PUT,
            body: Bytes::from(vec![b'x'; 64 << 20]).into(),
            tls: authority.trusted(),
            ..http2::module()
        };
        let scheme = if over_tls { "https" } else { "http" };
        let url = format!("{scheme}://{}/", peer.address);
        let outcome = probing::probe(&probing::prober(&url, module, SHORT)).await;
        let code = outcome.response.map(|response| response.code);
        assert_eq!(code, Some(409), "{scheme}: {:?}", outcome.failure);
        assert_eq!(outcome.timeline.phase(Phase::FirstByte), None, "{scheme}");
    }
}

/// An upload that is granted piece by piece goes out whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_waits_for_its_window() {
    const BODY_BYTES: usize = 1 << 20;
    let peer = peer::serve(|mut stream| async move {
        stream.write_all(&wide_open()).await.unwrap();
        assert_eq!(read_request(&mut stream).await, Some(BODY_BYTES));
        stream
            .write_all(&head("204", &[], END_STREAM))
            .await
            .unwrap();
        stream.read_u8().await.ok();
    })
    .await;
    let module = Module {
        method: http::Method::PUT,
        body: Bytes::from(vec![b'x'; BODY_BYTES]).into(),
        ..http2::module()
    };
    let url = http2::url(peer.address);
    let outcome = probing::probe(&probing::prober(&url, module, PATIENCE)).await;
    assert_eq!(outcome.failure, None);
    assert!(outcome.timeline.phase(Phase::Send) > Some(Duration::ZERO));
}

/// Who is going away for an error will not answer; who merely goes away may, and did not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_left_and_did_not_answer_is_told_so() {
    for code in [0, 11] {
        let bytes = [settings(), goaway(1, code, "")].concat();
        let peer = http2::answering(bytes, Then::Hold).await;
        let prober = probing::prober(&http2::url(peer.address), http2::module(), SHORT);
        let outcome = probing::probe(&prober).await;
        let expected = Some(Reason::TransferH2Goaway);
        assert_eq!(reason(&outcome), expected, "code {code}");
    }
}
