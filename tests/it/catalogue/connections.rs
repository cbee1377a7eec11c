//! Connections that do not come about.

use std::time::Duration;

use httpcycle_exporter::outcome::reason::Reason as R;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::catalogue::{Behaviour, Stage};
use crate::support::peer;
use crate::support::peer::Then::{self, Close, Hold, Reset};
use crate::support::pki::Authority;

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
        Behaviour::new("connection: an address of all hosts", || async {
            Stage::at("http://127.255.255.255:9/")
        })
        .fails(R::ConnectUnreachable),
        at_once("reset before anybody looks", "http", Reset)
            .unasked()
            .fails(R::FirstByteReset),
        at_once("reset at once, with TLS", "https", Reset).fails(R::TlsClosed),
        at_once("closed at once, with TLS", "https", Close).fails(R::TlsClosed),
        accepted("closed at once", Close).fails(R::FirstByteClosed),
        accepted("reset at once", Reset).fails(R::FirstByteReset),
        accepted("never read", Hold).fails(R::FirstByteTimeout),
    ]
}

/// A connection that is taken, and on which nothing is ever read or written.
fn at_once(name: &str, scheme: &'static str, then: Then) -> Behaviour {
    Behaviour::new(format!("connection: {name}"), move || async move {
        let peer = peer::serve(move |stream| async move {
            match then {
                Reset => {
                    #[allow(deprecated, reason = "a linger of zero never blocks: it resets")]
                    stream.set_linger(Some(Duration::ZERO)).unwrap();
                }
                Close => {}
                Hold => std::future::pending().await,
            }
        });
        let peer = peer.await;
        Stage::at(format!("{scheme}://{}/", peer.address))
            .held_by(peer)
            .trusting(&[Authority::new().certificate()])
    })
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
