//! Requests with a body that nobody takes.

use bytes::Bytes;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason as R;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::catalogue::{Behaviour, Stage};
use crate::support::peer;
use crate::support::peer::Then::{self, Hold, Reset};

const ANSWER: &[u8] = b"HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n";

pub fn all() -> Vec<Behaviour> {
    vec![
        upload("reset", b"", Reset).fails(R::SendReset),
        upload("not read", b"", Hold).fails(R::SendTimeout),
        // A server may answer before it has read the request, and need not read the rest.
        upload("answered early, not read", ANSWER, Hold)
            .fails(R::ValidateStatus)
            .counts(413),
    ]
}

/// An upload of 24 MB of which a kilobyte is read.
fn upload(name: &str, answer: &'static [u8], then: Then) -> Behaviour {
    Behaviour::new(format!("upload: {name}"), move || async move {
        let peer = peer::serve(move |mut stream| async move {
            let mut some = vec![0; 1000];
            if stream.read_exact(&mut some).await.is_ok() {
                stream.write_all(answer).await.ok();
                peer::finish(stream, then).await;
            }
        });
        Stage::of(peer.await)
    })
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
