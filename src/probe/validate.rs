//! Judges a response that arrived whole, in the order in which blackbox_exporter does.

use http::HeaderMap;

use crate::outcome::Failure;
use crate::outcome::Response;
use crate::outcome::reason::Reason;
use crate::probe::redirect;
use crate::target::Target;
use crate::target::checks::Checks;
use crate::target::checks::HeaderMatch;

/// The first thing about the response that is not as the module of the target wants it.
pub fn validate(target: &Target, response: &Response, headers: &HeaderMap) -> Option<Failure> {
    let module = &target.module;
    if !module.is_valid(response.code) {
        let leads_nowhere = module.follow_redirects
            && redirect::is_redirect(response.code)
            && !response.is_redirect;
        let (reason, detail) = match leads_nowhere {
            true => (
                Reason::RedirectLocation,
                format!("status {} without a Location", response.code),
            ),
            false => (Reason::ValidateStatus, format!("status {}", response.code)),
        };
        return Some(failure(reason, detail));
    }
    let checks = &module.checks;
    header_failure(checks, headers)
        .or_else(|| version_failure(checks, response))
        .or_else(|| tls_failure(checks, response.over_tls))
}

fn failure(reason: Reason, detail: impl Into<String>) -> Failure {
    Failure {
        reason,
        detail: detail.into(),
    }
}

/// Values may be secrets of the target, so that only their headers are named.
fn header_failure(checks: &Checks, headers: &HeaderMap) -> Option<Failure> {
    let wrong = |check: &HeaderMatch, matches_are_wrong: bool| {
        let HeaderMatch { header, regexp, .. } = check;
        let mut values = headers.get_all(header).iter().peekable();
        if values.peek().is_none() {
            return (!check.allow_missing).then(|| format!("header {header} is missing"));
        }
        let matches = values.any(|value| regexp.is_match(value.as_bytes().trim_ascii()));
        match (matches, matches_are_wrong) {
            (true, true) => Some(format!("header {header} matches {regexp:?}")),
            (false, false) => Some(format!("header {header} does not match {regexp:?}")),
            _ => None,
        }
    };
    let matching = &checks.fail_if_header_matches;
    let not_matching = &checks.fail_if_header_not_matches;
    let detail = matching
        .iter()
        .find_map(|check| wrong(check, true))
        .or_else(|| not_matching.iter().find_map(|check| wrong(check, false)))?;
    Some(failure(Reason::ValidateHeader, detail))
}

fn version_failure(checks: &Checks, response: &Response) -> Option<Failure> {
    let version = response.version.name();
    let valid = &checks.http_versions;
    if valid.is_empty() || valid.iter().any(|valid| valid == version) {
        return None;
    }
    let detail = format!("{version} instead of {}", valid.join(" or "));
    Some(failure(Reason::ValidateHttpVersion, detail))
}

fn tls_failure(checks: &Checks, is_tls: bool) -> Option<Failure> {
    match is_tls {
        true if checks.fail_if_ssl => Some(failure(
            Reason::ValidateTlsForbidden,
            "the response came over TLS",
        )),
        false if checks.fail_if_not_ssl => Some(failure(
            Reason::ValidateTlsRequired,
            "the response came without TLS",
        )),
        _ => None,
    }
}
