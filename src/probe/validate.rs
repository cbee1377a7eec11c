//! What can be wrong with a response besides its body.

use http::HeaderMap;

use crate::outcome::Failure;
use crate::outcome::Response;
use crate::outcome::reason::Reason;
use crate::probe::redirect;
use crate::target::checks::Checks;
use crate::target::checks::HeaderMatch;
use crate::target::module::Module;

/// A status that is not valid.
pub fn status_failure(module: &Module, response: &Response) -> Option<Failure> {
    if module.is_valid(response.code) {
        return None;
    }
    let (reason, detail) = match leads_nowhere(module, response) {
        true => (
            Reason::RedirectLocation,
            format!("status {} without a Location", response.code),
        ),
        false => (Reason::ValidateStatus, format!("status {}", response.code)),
    };
    Some(failure(reason, detail))
}

/// Whether a response that is not valid would be followed, and says not where to.
pub fn leads_nowhere(module: &Module, response: &Response) -> bool {
    let is_redirect = redirect::is_redirect(response.code);
    let would_be_followed = module.follow_redirects && !module.is_valid(response.code);
    is_redirect && would_be_followed && !response.is_redirect
}

/// The first header that is not as wanted. Values may be secrets of the target, so that only their
/// headers are named.
pub fn header_failure(checks: &Checks, headers: &HeaderMap) -> Option<Failure> {
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

/// Another version of HTTP than those that are valid.
pub fn version_failure(checks: &Checks, response: &Response) -> Option<Failure> {
    let version = response.version.name();
    let valid = &checks.http_versions;
    if valid.is_empty() || valid.iter().any(|valid| valid == version) {
        return None;
    }
    let detail = format!("{version} instead of {}", valid.join(" or "));
    Some(failure(Reason::ValidateHttpVersion, detail))
}

/// TLS where it is forbidden, or none where it is required.
pub fn tls_failure(checks: &Checks, is_tls: bool) -> Option<Failure> {
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

fn failure(reason: Reason, detail: impl Into<String>) -> Failure {
    Failure {
        reason,
        detail: detail.into(),
    }
}
