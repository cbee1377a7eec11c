//! How to probe: the request, and what counts as success and as conflict.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, Method};

use crate::outcome::{Conflict, ConflictReason};
use crate::target::checks::Checks;
use crate::target::conflict::{OTHER, ReasonRule, UNSPECIFIED};
use crate::target::credentials::{Credentials, SecretValue};
use crate::target::files::PartFile;
use crate::target::oauth2::OAuth2;
use crate::target::proxy::ProxySettings;
use crate::target::reach::{Reach, Rules};
use crate::target::secret::Secret;
use crate::target::tls::TlsSettings;

/// A module whose prober is HTTP.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Module {
    /// The name by which targets refer to it.
    pub name: String,
    /// The method of the request.
    pub method: Method,
    /// The headers of the request, those that the probe adds by itself not among them.
    pub headers: Vec<(HeaderName, SecretValue)>,
    /// More headers, which add to those of the same name.
    pub http_headers: Vec<(HeaderName, SecretValue)>,
    /// What the request shows to be let in, unless its headers or the URL have something.
    pub credentials: Option<Credentials>,
    /// The body of the request, empty for none.
    pub body: Secret<Bytes>,
    /// The codes that mean success; none listed means 200 to 299.
    pub valid_status_codes: Vec<u16>,
    /// Whether redirects are followed.
    pub follow_redirects: bool,
    /// What else a response must be like.
    pub checks: Checks,
    /// The codes that are conflicts.
    pub conflict_codes: Vec<u16>,
    /// How a conflict tells its reason.
    pub conflict_reason: Option<ReasonRule>,
    /// The family of addresses to probe first.
    pub preferred_family: IpFamily,
    /// Whether the other family will do.
    pub family_fallback: bool,
    /// Which of the addresses of a name are probed.
    pub ip_strategy: IpStrategy,
    /// The proxies to go through.
    pub proxy: Option<Box<ProxySettings>>,
    /// The name server to ask instead of the system's.
    pub resolver: Option<SocketAddr>,
    /// The address of this machine to send from, instead of the one that the system takes.
    pub source_ip: Option<IpAddr>,
    /// Which addresses may be connected to.
    pub reach: Reach,
    /// What TLS must be like.
    pub tls: TlsSettings,
    /// Whether HTTP/2 may be spoken.
    pub enable_http2: bool,
    /// Whether HTTP/3 is spoken, and nothing else.
    pub enable_http3: bool,
    /// Which parts of all this come from files.
    pub files: Vec<PartFile>,
}

impl Module {
    /// The module that exists unwritten: GET, any 2xx, 409 as an unexpected conflict.
    pub fn http_2xx() -> Self {
        Self {
            name: "http_2xx".to_owned(),
            method: Method::GET,
            headers: Vec::new(),
            http_headers: Vec::new(),
            credentials: None,
            body: Secret::new(Bytes::new()),
            valid_status_codes: Vec::new(),
            follow_redirects: true,
            checks: Checks::default(),
            conflict_codes: vec![409],
            conflict_reason: None,
            preferred_family: IpFamily::V6,
            family_fallback: true,
            ip_strategy: IpStrategy::First,
            proxy: None,
            resolver: None,
            source_ip: None,
            reach: Reach::default(),
            tls: TlsSettings::default(),
            enable_http2: true,
            enable_http3: false,
            files: Vec::new(),
        }
    }

    /// Has tokens asked for with the `User-Agent` of the module, if it has one.
    pub fn pass_user_agent_on(&mut self) {
        if let Some(Credentials::OAuth2(oauth2)) = &mut self.credentials {
            let mut headers = self.headers.iter();
            let own = headers.find(|(name, _)| name == http::header::USER_AGENT);
            Arc::make_mut(oauth2).user_agent = own.map(|(_, value)| value.clone());
        }
    }

    /// Has the rules of the whole configuration count for probes, and for where the server of tokens
    /// redirects to.
    pub fn put_within(&mut self, everywhere: &Arc<Rules>) {
        self.reach.everywhere = everywhere.clone();
        if let Some(Credentials::OAuth2(oauth2)) = &mut self.credentials {
            Arc::make_mut(oauth2).reach.everywhere = everywhere.clone();
        }
    }

    /// How the module gets tokens, if it does.
    pub fn oauth2(&self) -> Option<&Arc<OAuth2>> {
        match &self.credentials {
            Some(Credentials::OAuth2(oauth2)) => Some(oauth2),
            _ => None,
        }
    }

    /// Whether the request asks for another protocol, with which a 101 is answered (RFC 9110, 7.8).
    pub fn asks_for_upgrade(&self) -> bool {
        let mut all = self.headers.iter().chain(&self.http_headers);
        all.any(|(name, _)| name == http::header::UPGRADE)
    }

    /// Whether a response with `code` is as wanted.
    pub fn is_valid(&self, code: u16) -> bool {
        match self.valid_status_codes.as_slice() {
            [] => (200..300).contains(&code),
            listed => listed.contains(&code),
        }
    }

    /// Whether servers without TLS are known to speak HTTP/2 (RFC 9113, 3.3): there is nothing to
    /// negotiate it with, no other version would be valid, and none may come by a redirect to https.
    pub fn knows_http2(&self) -> bool {
        let only_http2 = self.checks.http_versions == ["HTTP/2.0"];
        self.enable_http2 && only_http2 && !self.follow_redirects
    }

    /// The conflict that a response with `code` is, if it is one. Its reason is for the rest of the
    /// response to tell.
    pub fn conflict(&self, code: u16) -> Option<Conflict> {
        self.conflict_codes.contains(&code).then(|| Conflict {
            expected: self.valid_status_codes.contains(&code),
            reason: ConflictReason::Unspecified,
        })
    }

    /// Every reason that a conflict can have, with the value of the label `reason`.
    pub fn conflict_reasons(&self) -> impl Iterator<Item = (ConflictReason, &str)> {
        let names = self
            .conflict_reason
            .iter()
            .flat_map(|rule| rule.reasons.names());
        let listed = (0..).map(ConflictReason::Listed).zip(names);
        [
            (ConflictReason::Unspecified, UNSPECIFIED),
            (ConflictReason::Other, OTHER),
        ]
        .into_iter()
        .chain(listed)
    }

    /// The value of the label `reason`.
    pub fn conflict_label(&self, reason: ConflictReason) -> &str {
        let mut reasons = self.conflict_reasons();
        let found = reasons.find_map(|(listed, name)| (listed == reason).then_some(name));
        found.unwrap_or(OTHER)
    }
}

/// A family of IP addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IpFamily {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl IpFamily {
    /// The family of an address.
    pub fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// Which of the addresses of a name are probed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IpStrategy {
    /// The one that the families choose.
    First,
    /// Every one of the families that are allowed, as a probe of its own.
    All,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http2_is_known_only_where_nothing_else_will_do() {
        for (enable_http2, follow_redirects, versions, expected) in [
            (true, false, &["HTTP/2.0"][..], true),
            (true, true, &["HTTP/2.0"], false),
            (true, false, &["HTTP/1.1", "HTTP/2.0"], false),
            (true, false, &[], false),
            (false, false, &["HTTP/2.0"], false),
        ] {
            let module = Module {
                enable_http2,
                follow_redirects,
                checks: Checks {
                    http_versions: versions.iter().map(ToString::to_string).collect(),
                    ..Checks::default()
                },
                ..Module::http_2xx()
            };
            assert_eq!(
                module.knows_http2(),
                expected,
                "{enable_http2}: {versions:?}"
            );
        }
    }

    #[test]
    fn codes_are_judged_by_the_lists() {
        let listed = |valid: &[u16], conflict: &[u16]| Module {
            valid_status_codes: valid.to_vec(),
            conflict_codes: conflict.to_vec(),
            ..Module::http_2xx()
        };
        for (module, code, valid, expected) in [
            (Module::http_2xx(), 204, true, None),
            (Module::http_2xx(), 301, false, None),
            (Module::http_2xx(), 409, false, Some(false)),
            (listed(&[200, 409], &[409, 412]), 409, true, Some(true)),
            (listed(&[200, 409], &[409, 412]), 412, false, Some(false)),
            (listed(&[200], &[]), 409, false, None),
            (listed(&[], &[200]), 200, true, Some(false)),
        ] {
            assert_eq!(module.is_valid(code), valid, "{code}");
            assert_eq!(
                module.conflict(code).map(|conflict| conflict.expected),
                expected,
                "{code}"
            );
        }
    }
}
