//! Answers that are early, large, or cut off by a server that goes.

use httpcycle_exporter::outcome::reason::Reason as R;
use quinn::VarInt;

use crate::http3::{PATIENCE, probe, probe_with, reason};
use crate::support::http3;
use crate::support::http3::{DATA, frame, head};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_is_the_answer() {
    let server = http3::answering(|_, mut stream| async move {
        stream.stop_sending(h3::error::Code::H3_NO_ERROR);
        let head = http::Response::builder().status(413).body(()).unwrap();
        stream.send_response(head).await.ok();
        stream.finish().await.ok();
    });
    let outcome = probe_with(&server, PATIENCE, |module| {
        module.method = http::Method::PUT;
        module.body = bytes::Bytes::from(vec![b'x'; 4 << 20]).into();
    })
    .await;
    assert_eq!(
        outcome.response.map(|response| response.code),
        Some(413),
        "{outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_body_comes_whole_and_within_its_bound() {
    let server = http3::by_hand(|mut asked| async move {
        let piece = vec![b'x'; 1 << 20];
        asked.sending.write_all(&head("200", &[])).await.ok();
        for _ in 0..8 {
            asked.sending.write_all(&frame(DATA, &piece)).await.ok();
        }
        asked.sending.finish().ok();
        asked.connection.closed().await;
    });
    let outcome = probe(&server).await;
    assert_eq!(outcome.failure, None);
    assert_eq!(outcome.response.unwrap().body_bytes, 8 << 20);
    let outcome = probe_with(&server, PATIENCE, |module| {
        module.checks.body.size_limit = std::num::NonZeroU64::new(1 << 20);
    })
    .await;
    assert_eq!(reason(&outcome), Some(R::TransferBodyTooLarge));
}

/// A server that goes away tells it by a close that is of QUIC, not of HTTP/3.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_gone_refuses_or_closes() {
    let server = http3::by_hand(|asked| async move {
        asked.connection.close(VarInt::from_u32(0), b"gone");
    });
    let outcome = probe(&server).await;
    assert_eq!(reason(&outcome), Some(R::FirstByteClosed), "{outcome:?}");
}
