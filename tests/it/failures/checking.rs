//! What an outcome must be like for a behaviour of the catalogue.

use std::time::Duration;

use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::{Place, Reason};
use httpcycle_exporter::outcome::{Outcome, Verdict};
use httpcycle_exporter::target::address::{Hostname, TargetUrl};

use crate::catalogue::Behaviour;
use crate::failures::reason;

/// What is not as it should be.
pub fn wrong(
    row: &Behaviour,
    url: &TargetUrl,
    uploads: bool,
    timeout: Duration,
    outcome: &Outcome,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let found = reason(outcome);
    if found != row.expected {
        wrong.push(format!("{found:?} instead of {:?}", row.expected));
    }
    let code = outcome.response.map(|response| response.code);
    if code != row.code {
        wrong.push(format!("code {code:?} instead of {:?}", row.code));
    }
    let verdict = match (code, found) {
        (Some(409), _) => Verdict::Conflict,
        (_, Some(_)) => Verdict::Failure,
        (_, None) => Verdict::Success,
    };
    if outcome.verdict() != verdict {
        wrong.push(format!("{:?} instead of {verdict:?}", outcome.verdict()));
    }
    wrong.extend(wrong_phases(row, url, uploads, outcome));
    wrong.extend(wrong_times(row, timeout, outcome));
    for (words, holds) in &row.also {
        if !holds(outcome) {
            wrong.push(format!("not so: {words}"));
        }
    }
    wrong
}

/// Every phase that was reached has a time, in its order, and none behind the one that was cut.
fn wrong_phases(
    row: &Behaviour,
    url: &TargetUrl,
    uploads: bool,
    outcome: &Outcome,
) -> Option<String> {
    let spans = outcome.timeline.spans();
    let last = spans.last().map(|span| span.phase)?;
    if !last_phases(row).contains(&last) {
        return Some(format!("{last:?} was the last phase"));
    }
    let n_hops = spans.last().map_or(0, |span| span.hop);
    for hop in 0..=n_hops {
        let ran: Vec<Phase> = spans
            .iter()
            .filter(|span| span.hop == hop)
            .map(|span| span.phase)
            .collect();
        if !ran.is_sorted() {
            return Some(format!("the phases of hop {hop} are in disorder"));
        }
        let end = if hop == n_hops { last } else { Phase::Transfer };
        for phase in Phase::ALL {
            let may_lack = match phase {
                Phase::Dns => hop > 0 || matches!(url.host(), Hostname::Ip(_)),
                Phase::Tls => hop > 0 || !url.is_tls(),
                Phase::Send => row.unasked,
                Phase::FirstByte => uploads || row.unasked,
                _ => false,
            };
            if phase <= end && !may_lack && !ran.contains(&phase) {
                return Some(format!("{phase:?} of hop {hop} has no time"));
            }
        }
    }
    None
}

/// The phases of which one must be the last that ran.
fn last_phases(row: &Behaviour) -> &'static [Phase] {
    use Phase::{Connect, Dns, FirstByte, Send, Tls, Transfer};
    let of = |phase| match phase {
        Dns => &[Dns][..],
        Connect => &[Connect],
        Tls => &[Tls],
        Send => &[Send],
        FirstByte => &[FirstByte],
        Transfer => &[Transfer],
    };
    if let Some(phase) = row.last_phase {
        return of(phase);
    }
    match (row.expected, row.expected.map(Reason::place)) {
        // What is wrong with a connection of HTTP/2 may be found at any time.
        (Some(Reason::TransferInterimFlood), _) => &[FirstByte],
        // With TLS 1.3 the server says so when the client takes the handshake for done.
        (Some(Reason::TlsClientCertRequired), _) => &[Tls, Send, FirstByte],
        (Some(reason), _) if reason.label().starts_with("h2_") => &[Send, FirstByte, Transfer],
        (_, Some(Place::During(phase))) => of(phase),
        _ => &[Transfer],
    }
}

/// A probe that is cut by its deadline ran until then, and so did the phase that was cut; one that is
/// not ends long before it, however busy the machine is.
fn wrong_times(row: &Behaviour, timeout: Duration, outcome: &Outcome) -> Option<String> {
    let total = outcome.timeline.total();
    // Name servers have timeouts of their own.
    if row.expected == Some(Reason::DnsTimeout) {
        return None;
    }
    if !row.lasts() {
        let in_time = row.takes.max(timeout / 2);
        return (total >= in_time).then(|| format!("it lasted {total:?}"));
    }
    let cut = outcome.timeline.spans().last()?.end;
    if total < timeout {
        return Some("it ended before the deadline".to_owned());
    }
    // The deadline is counted from a moment before the first phase.
    (cut < timeout - timeout / 100).then(|| "the phase that was cut ended before".to_owned())
}
