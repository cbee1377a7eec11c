//! Requests with a body that nobody takes.

use std::time::Duration;

use bytes::Bytes;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason as R;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::catalogue::{Behaviour, Stage};
use crate::support::peer;
use crate::support::peer::Then::{self, Close, Hold, Reset};

const OPEN_ENDED: &[u8] = b"HTTP/1.1 413 Large\r\n\r\nlarge";
const GO_ON: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
const LARGE: &[u8] = b"HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n";
const FAILED: &[u8] = b"HTTP/1.1 417 Failed\r\nContent-Length: 0\r\n\r\n";
const CONFLICT: &[u8] = b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n";

pub fn all() -> Vec<Behaviour> {
    vec![
        upload("reset", b"", Reset).fails(R::SendReset),
        upload("not read", b"", Hold).fails(R::SendTimeout),
        // A server may answer before it has read the request, and need not read the rest.
        upload("answered early, not read", LARGE, Hold)
            .fails(R::ValidateStatus)
            .counts(413),
        upload("answered early, then reset", LARGE, Reset)
            .fails(R::ValidateStatus)
            .counts(413),
        upload("answered 417, not read", FAILED, Hold)
            .fails(R::ValidateStatus)
            .counts(417),
        upload("a conflict early, then reset", CONFLICT, Reset)
            .fails(R::ValidateStatus)
            .counts(409),
        upload("answered early, then closed", LARGE, Close)
            .fails(R::ValidateStatus)
            .counts(413),
        upload(
            "answered early without a length, then closed",
            OPEN_ENDED,
            Close,
        )
        .fails(R::ValidateStatus)
        .counts(413),
        upload("told to go on, not read", GO_ON, Hold).fails(R::SendTimeout),
        half_closed(),
    ]
}

/// The server ends its side of the connection and reads nothing more.
fn half_closed() -> Behaviour {
    uploading("half closed, not read", move || async move {
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
            module.body = Bytes::from(vec![b'x'; 24 << 20]).into();
        })
        .also("it was being sent", |outcome| {
            outcome.timeline.phase(Phase::Send).is_some()
        })
        .also("nobody waited for an answer", |outcome| {
            // A server that reads fast may have all of it go out in one piece.
            let sent = outcome.timeline.phase(Phase::Send);
            outcome.timeline.phase(Phase::FirstByte).is_none() || sent == Some(Duration::ZERO)
        })
}
