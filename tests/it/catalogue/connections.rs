//! Connections that do not come about.

use httpcycle_exporter::outcome::reason::Reason as R;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::catalogue::{Behaviour, Stage};
use crate::support::peer;
use crate::support::peer::Then::{self, Close, Hold, Reset};

pub fn all() -> Vec<Behaviour> {
    vec![
        Behaviour::new("connection: a shut port", || async {
            // An address of its own, so that nothing else takes the port meanwhile.
            let listener = TcpListener::bind(("127.0.0.77", 0)).await.unwrap();
            Stage::at(format!("http://{}/", listener.local_addr().unwrap()))
        })
        .fails(R::ConnectRefused),
        Behaviour::new("connection: every SYN is dropped", || async {
            let (listener, filling) = peer::full_listener().await;
            Stage::at(format!("http://{}/", listener.local_addr().unwrap()))
                .held_by(listener)
                .held_by(filling)
        })
        .fails(R::ConnectTimeout),
        accepted("closed at once", Close).fails(R::FirstByteClosed),
        accepted("reset at once", Reset).fails(R::FirstByteReset),
        accepted("never read", Hold).fails(R::FirstByteTimeout),
    ]
}

/// A peer that reads nothing.
fn accepted(name: &str, then: Then) -> Behaviour {
    Behaviour::new(format!("connection: {name}"), move || async move {
        let peer = peer::serve(move |mut stream| async move {
            if matches!(then, Close) {
                stream.shutdown().await.ok();
                std::future::pending::<()>().await;
            }
            peer::finish(stream, then).await;
        });
        Stage::of(peer.await)
    })
    .unasked()
}
