//! Connections that do not come about.

use httpcycle_exporter::outcome::reason::Reason as R;
use tokio::net::TcpListener;

use crate::catalogue::{Behaviour, Stage};
use crate::support::peer;

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
    ]
}
