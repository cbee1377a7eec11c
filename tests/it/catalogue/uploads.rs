//! Requests with a body that nobody takes.

use bytes::Bytes;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason as R;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::catalogue::{Behaviour, Stage};
use crate::support::peer;
use crate::support::peer::Then::{self, Close, Hold, Reset};

const OPEN_ENDED: &[u8] = b"HTTP/1.1 413 Large\r\n\r\nlarge";
const ANSWER: &[u8] = b"HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n";

pub fn all() -> Vec<Behaviour> {
    vec![
        upload("reset", b"", Reset).fails(R::SendReset),
        upload("not read", b"", Hold).fails(R::SendTimeout),
        // A server may answer before it has read the request, and need not read the rest.
        upload("answered early, not read", ANSWER, Hold)
            .fails(R::ValidateStatus)
            .counts(413),
        upload("answered early, then closed", ANSWER, Close)
            .fails(R::ValidateStatus)
            .counts(413),
        upload(
            "answered early without a length, then closed",
            OPEN_ENDED,
            Close,
        )
        .fails(R::ValidateStatus)
        .counts(413),
        upload(
            "expected too much",
            b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n",
            Hold,
        )
        .fails(R::ValidateStatus)
        .counts(417),
        upload(
            "told to go on, not read",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            Hold,
        )
        .fails(R::SendTimeout),
        half_closed(),
    ]
}

/// The server ends its side of the connection and reads nothing more.
fn half_closed() -> Behaviour {
    uploading("half closed", move || async move {
        let peer = peer::serve(move |mut stream| async move {
            if stream.read_exact(&mut [0; 1000]).await.is_ok() {
                stream.shutdown().await.ok();
                std::future::pending().await
            }
        });
        Stage::of(peer.await)
    })
    .fails(R::SendReset)
}

/// An upload of 24 MB of which a kilobyte is read.
fn upload(name: &str, answer: &'static [u8], then: Then) -> Behaviour {
    uploading(name, move || async move {
        let peer = peer::serve(move |mut stream| async move {
            let mut some = vec![0; 1000];
            if stream.read_exact(&mut some).await.is_ok() {
                stream.write_all(answer).await.ok();
                peer::finish(stream, then).await;
            }
        });
        Stage::of(peer.await)
    })
}

fn uploading<Fut: Future<Output = Stage> + Send + 'static>(
    name: &str,
    start: impl Fn() -> Fut + Send + Sync + 'static,
) -> Behaviour {
    Behaviour::new(format!("upload: {name}"), start)
        .probed(|module| {
            module.method = http::Method::PUT;
            module.body = Bytes::from(vec![b'x'; 24 << 20]);
        })
        .also("it was being sent", |outcome| {
            outcome.timeline.phase(Phase::Send).is_some()
        })
        .also("nobody waited for an answer", |outcome| {
            outcome.timeline.phase(Phase::FirstByte).is_none()
        })
}
