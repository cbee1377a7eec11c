//! What a response must be like besides its status, as blackbox_exporter's keys say it.

use http::HeaderName;

use crate::target::body::BodyChecks;
use crate::target::expression::Expression;

/// The checks of a module; by default any response passes them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Checks {
    /// The versions of HTTP that are valid, as a status line has them; none listed means any.
    pub http_versions: Vec<String>,
    /// Whether a response over TLS is a failure.
    pub fail_if_ssl: bool,
    /// Whether a response without TLS is a failure.
    pub fail_if_not_ssl: bool,
    /// Each fails the probe if any header of its name matches.
    pub fail_if_header_matches: Vec<HeaderMatch>,
    /// Each fails the probe if no header of its name matches.
    pub fail_if_header_not_matches: Vec<HeaderMatch>,
    /// What the body must be like.
    pub body: BodyChecks,
}

impl Checks {
    /// Whether the headers of the response are needed.
    pub fn need_headers(&self) -> bool {
        !self.fail_if_header_matches.is_empty() || !self.fail_if_header_not_matches.is_empty()
    }
}

/// A header and an expression for its values.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HeaderMatch {
    /// The name of the header.
    pub header: HeaderName,
    /// What a value may match anywhere.
    pub regexp: Expression,
    /// Whether a response without such a header passes.
    pub allow_missing: bool,
}
