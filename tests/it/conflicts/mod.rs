//! Why a response is a conflict: rules as users write them, against real sockets.

mod hostile;
mod http2;
mod reload;
mod rules;

use std::path::Path;
use std::time::Duration;

use httpcycle_exporter::config;
use httpcycle_exporter::outcome::Outcome;
use httpcycle_exporter::probe::Prober;
use httpcycle_exporter::target::module::Module;

use crate::support::peer::{self, Peer, Then};
use crate::support::probing;

/// Longer than any probe takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The module `m` of a configuration that has these keys under `http`.
fn module(http: &str) -> Module {
    let text = format!("modules: {{m: {{prober: http, http: {{{http}}}}}}}\n");
    let config = config::parse("f.yml", Path::new(""), &text, &|_| Ok(()));
    let config = config.unwrap_or_else(|problems| panic!("{text}{problems}"));
    Module::clone(&config.modules["m"].module)
}

/// A conflict with this body, and headers that end with their line breaks.
fn answer(headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 409 Conflict\r\n{headers}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn prober(peer: &Peer, module: Module, timeout: Duration) -> Prober {
    probing::prober(&format!("http://{}/", peer.address), module, timeout)
}

/// Probes once with `module` what answers with `bytes` and then does `then`.
async fn outcome(module: &Module, bytes: Vec<u8>, then: Then, timeout: Duration) -> Outcome {
    let peer = peer::answering(bytes, then).await;
    probing::probe(&prober(&peer, module.clone(), timeout)).await
}

/// The name of the reason of a conflict, `None` if it is no conflict.
fn reason<'m>(module: &'m Module, outcome: &Outcome) -> Option<&'m str> {
    let conflict = outcome.response.as_ref()?.conflict?;
    Some(module.conflict_label(conflict.reason))
}
