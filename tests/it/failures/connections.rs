//! Connections that break whenever they like.

use bytes::Bytes;
use httpcycle_exporter::outcome::Verdict;
use httpcycle_exporter::target::module::Module;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::failures::PATIENCE;
use crate::support::{peer, probing};

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
