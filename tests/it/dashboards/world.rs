//! An exporter among peers that do all that dashboards show: 200s, conflicts that are expected and such
//! that are not, failures, TLS, single addresses.

use std::net::SocketAddr;

use crate::support::exporter::Exporter;
use crate::support::peer::{self, Peer, Then};
use crate::support::pki::Authority;

/// The targets of the exporter.
pub const TARGETS: [&str; 6] = ["calm", "clash", "expected", "broken", "secure", "each"];

/// A running exporter with its peers.
pub struct World {
    pub exporter: Exporter,
    _peers: Vec<Peer>,
}

/// Starts it; every target is probed five times a second.
pub async fn start() -> World {
    let fine = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec();
    let conflict = b"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n".to_vec();
    let calm = peer::answering(fine, Then::Close).await;
    let clash = peer::answering(conflict, Then::Close).await;
    let acceptor = Authority::new().server("localhost");
    let secure = peer::slow_in(None, std::time::Duration::ZERO, acceptor).await;
    let config = configuration(calm.address, clash.address, secure.address);
    World {
        exporter: Exporter::start(&config),
        _peers: vec![calm, clash, secure],
    }
}

/// `calm` has a name, so that there is something to look up: the hosts file knows it.
fn configuration(calm: SocketAddr, clash: SocketAddr, secure: SocketAddr) -> String {
    let calm = calm.port();
    format!(
        "modules:\n\
         \x20 ip4: {{prober: http, http: {{preferred_ip_protocol: ip4}}}}\n\
         \x20 each: {{prober: http, http: {{preferred_ip_protocol: ip4, ip_strategy: all}}}}\n\
         \x20 expects: {{prober: http, http: {{valid_status_codes: [200, 409]}}}}\n\
         \x20 trusts: {{prober: http, http: {{tls_config: {{insecure_skip_verify: true}}}}}}\n\
         targets:\n\
         - {{name: calm, url: 'http://localhost:{calm}/', module: ip4, interval: 200ms, labels: {{team: payments}}}}\n\
         - {{name: each, url: 'http://localhost:{calm}/', module: each, interval: 200ms}}\n\
         - {{name: clash, url: 'http://{clash}/', interval: 200ms, labels: {{team: payments}}}}\n\
         - {{name: expected, url: 'http://{clash}/', module: expects, interval: 200ms}}\n\
         - {{name: broken, url: 'http://127.0.0.1:1/', interval: 200ms}}\n\
         - {{name: secure, url: 'https://{secure}/', module: trusts, interval: 200ms}}\n"
    )
}
