//! Connections that do not come about.

use std::time::Duration;

use httpcycle_exporter::outcome::reason::Reason as R;
use tokio::net::TcpListener;

use crate::catalogue::{Behaviour, Stage};
use crate::support::peer;
use crate::support::peer::Then;
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
        at_once("reset", "http", Then::Reset).fails(R::FirstByteReset),
        at_once("closed", "http", Then::Close).fails(R::FirstByteClosed),
        at_once("held", "http", Then::Hold).fails(R::FirstByteTimeout),
        at_once("reset, with TLS", "https", Then::Reset).fails(R::TlsClosed),
        at_once("closed, with TLS", "https", Then::Close).fails(R::TlsClosed),
    ]
}

/// A connection that is taken, and on which nothing is ever read or written.
fn at_once(name: &str, scheme: &'static str, then: Then) -> Behaviour {
    Behaviour::new(format!("connection: {name} at once"), move || async move {
        let peer = peer::serve(move |stream| async move {
            match then {
                Then::Reset => {
                    #[allow(deprecated, reason = "a linger of zero never blocks: it resets")]
                    stream.set_linger(Some(Duration::ZERO)).unwrap();
                }
                Then::Close => {}
                Then::Hold => std::future::pending().await,
            }
        });
        let peer = peer.await;
        Stage::at(format!("{scheme}://{}/", peer.address))
            .held_by(peer)
            .trusting(&[Authority::new().certificate()])
    })
}
