//! One row, one behaviour of a peer, one expected place and reason.

mod connections;
mod handshakes;
mod http2;
mod look_ups;
mod responses;
mod trust;

use std::time::Duration;

use httpcycle_exporter::outcome::Outcome;
use httpcycle_exporter::outcome::reason::Reason;

/// Longer than any probe takes that is not meant to be cut.
const PATIENCE: Duration = Duration::from_secs(10);

/// The timeout of probes that are meant to be cut, and of those that share a table with them.
const SHORT: Duration = Duration::from_millis(1_500);

fn reason(outcome: &Outcome) -> Option<Reason> {
    outcome.failure.as_ref().map(|failure| failure.reason)
}
