//! Connections that are refused, and uploads that break.

use bytes::Bytes;
use httpcycle_exporter::outcome::Verdict;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason;
use httpcycle_exporter::target::module::Module;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::failures::{PATIENCE, SHORT, reason};
use crate::support::peer::Then;
use crate::support::{peer, probing};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shut_port_is_refused() {
    // An address of its own, so that no other test takes the port meanwhile.
    let listener = TcpListener::bind(("127.0.0.77", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let outcome = probing::probe_plain(address, PATIENCE).await;
    assert_eq!(reason(&outcome), Some(Reason::ConnectRefused));
    assert!(outcome.timeline.phase(Phase::Connect).is_some());
}

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_that_break_are_told_from_answers_that_break() {
    let large = || Module {
        body: Bytes::from(vec![b'x'; 24 << 20]).into(),
        method: http::Method::PUT,
        ..Module::http_2xx()
    };
    for (read, answer, then, expected, code) in [
        (1000, &b""[..], Then::Reset, Some(Reason::SendReset), None),
        (1000, b"", Then::Hold, Some(Reason::SendTimeout), None),
        // A server may answer before it has read the request, and need not read the rest.
        (
            1000,
            b"HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n",
            Then::Hold,
            Some(Reason::ValidateStatus),
            Some(413),
        ),
    ] {
        let peer = peer::serve(move |mut stream| async move {
            let mut some = vec![0; read];
            stream.read_exact(&mut some).await.unwrap();
            stream.write_all(answer).await.unwrap();
            peer::finish(stream, then).await;
        })
        .await;
        let url = format!("http://{}/", peer.address);
        let outcome = probing::probe(&probing::prober(&url, large(), SHORT)).await;
        assert_eq!(
            reason(&outcome),
            expected,
            "{then:?}: {:?}",
            outcome.failure
        );
        assert_eq!(outcome.response.map(|response| response.code), code);
        assert!(outcome.timeline.phase(Phase::Send).is_some());
        // The response came before the request was out, so nobody waited for it.
        assert_eq!(outcome.timeline.phase(Phase::FirstByte), None, "{then:?}");
    }
}
