//! One probe as a line of JSON, with the names that `/api/v1/targets` has.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::SystemTime;

use serde::Serialize;

use crate::cli::probe::report::date_of;
use crate::cli::probe::report::days_left;
use crate::outcome::Attempt;
use crate::outcome::Failure;
use crate::outcome::Outcome;
use crate::outcome::detail::Chain;
use crate::outcome::detail::Detail;
use crate::outcome::printable;
use crate::server::api::view;
use crate::server::api::view::FailureView;
use crate::server::api::view::PhaseView;
use crate::server::api::view::Rfc3339;
use crate::target::Target;

/// Appends the probe and the end of its line.
pub fn write(attempt: &Attempt, detail: &Detail, target: &Target, out: &mut Vec<u8>) {
    let (skipped, outcome) = match attempt {
        Attempt::Skipped(reason) => (Some(reason.label()), None),
        Attempt::Finished(outcome) => (None, Some(outcome)),
    };
    let words = outcome.and_then(|outcome| outcome.failure.as_ref());
    let words = words.map(Failure::printable_detail);
    let line = LineView {
        url: target.url.to_string(),
        module: &target.module.name,
        skipped,
        probe: outcome.map(|outcome| ProbeView::of(outcome, words.as_deref(), detail, target)),
    };
    view::write(&line, out);
    out.push(b'\n');
}

#[derive(Serialize)]
struct LineView<'a> {
    url: String,
    module: &'a str,
    /// Why the exporter itself could not probe; nothing else is known then.
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<&'static str>,
    #[serde(flatten)]
    probe: Option<ProbeView<'a>>,
}

#[derive(Serialize)]
struct ProbeView<'a> {
    start: Rfc3339,
    duration_ns: u128,
    overhead_ns: u128,
    local: Option<SocketAddr>,
    remote: Option<SocketAddr>,
    phases: Vec<PhaseView>,
    code: Option<u16>,
    outcome: &'static str,
    conflict_reason: Option<&'a str>,
    conflict_expected: Option<bool>,
    failure: Option<FailureView<'a>>,
    http_version: Option<&'static str>,
    body_bytes: Option<u64>,
    redirected_to: &'a [String],
    headers: BTreeMap<&'static str, &'a str>,
    tls: Option<TlsView>,
    certificate: Option<CertificateView>,
}

impl<'a> ProbeView<'a> {
    fn of(
        outcome: &'a Outcome,
        words: Option<&'a str>,
        detail: &'a Detail,
        target: &'a Target,
    ) -> Self {
        let connection = outcome.connection;
        let response = outcome.response.as_ref();
        let conflict = response.and_then(|response| response.conflict);
        let headers = detail.headers.iter().flatten();
        let tls = detail.tls.as_ref();
        let chain = tls.map(|tls| &tls.chain);
        let chain = chain.filter(|chain| !chain.fingerprint.is_empty());
        Self {
            start: Rfc3339(outcome.started),
            duration_ns: outcome.timeline.total().as_nanos(),
            overhead_ns: outcome.timeline.overhead().as_nanos(),
            local: connection.and_then(|ends| ends.local),
            remote: connection.map(|ends| ends.remote),
            phases: outcome.timeline.spans().iter().map(PhaseView::of).collect(),
            code: response.map(|response| response.code),
            outcome: outcome.verdict().label(),
            conflict_reason: conflict.map(|found| target.module.conflict_label(found.reason)),
            conflict_expected: conflict.map(|found| found.expected),
            failure: outcome
                .failure
                .as_ref()
                .zip(words)
                .map(|(failure, words)| FailureView::in_words(failure, words)),
            http_version: response.map(|response| response.version.name()),
            body_bytes: response.map(|response| response.body_bytes),
            redirected_to: &detail.redirected_to,
            headers: headers
                .map(|(name, value)| (*name, value.as_str()))
                .collect(),
            tls: tls.and_then(|tls| tls.agreed).map(|agreed| TlsView {
                version: agreed.version,
                cipher: agreed.cipher,
            }),
            certificate: chain.map(|chain| CertificateView::of(chain)),
        }
    }
}

#[derive(Serialize)]
struct TlsView {
    version: &'static str,
    cipher: &'static str,
}

#[derive(Serialize)]
struct CertificateView {
    subject: String,
    issuer: String,
    names: String,
    serial_number: String,
    fingerprint_sha256: String,
    expires: Option<String>,
    days_left: Option<i64>,
    /// When the first certificate of the chain expires.
    chain_expires: Option<String>,
}

impl CertificateView {
    fn of(chain: &Chain) -> Self {
        // It is text of the network, and readers of JSON print it.
        let whole = |text: &str| printable(text, usize::MAX);
        Self {
            subject: whole(&chain.subject),
            issuer: whole(&chain.issuer),
            names: whole(&chain.alternative_names),
            serial_number: chain.serial_number.clone(),
            fingerprint_sha256: chain.fingerprint.clone(),
            expires: chain.expiry.and_then(date_of),
            days_left: chain
                .expiry
                .map(|expiry| days_left(expiry, SystemTime::now())),
            chain_expires: chain.earliest_expiry.and_then(date_of),
        }
    }
}
