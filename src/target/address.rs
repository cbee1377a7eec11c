//! The URL of a target, taken apart once.

use std::fmt;
use std::net::IpAddr;

use http::HeaderValue;
use http::uri::PathAndQuery;
use url::Host;
use url::Position;
use url::Url;

use crate::target::secret::MASK;

/// An http or https URL with a host. Its `Display` hides credentials and the values of the query.
#[derive(Clone, Eq, PartialEq)]
pub struct TargetUrl {
    url: Url,
    host: Hostname,
    request_target: PathAndQuery,
    host_header: HeaderValue,
}

/// The host of a URL: a name to look up, or an address that needs no look-up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Hostname {
    /// A name, in lower case and punycode.
    Name(String),
    /// An address.
    Ip(IpAddr),
}

impl Hostname {
    /// The host that a text names; an address is one only if it is written as such.
    pub fn of_text(text: &str) -> Self {
        match text.parse() {
            Ok(ip) => Self::Ip(ip),
            Err(_) => Self::Name(text.to_lowercase()),
        }
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(ip) => ip.fmt(f),
        }
    }
}

/// Why a redirect leads nowhere. Its words are of the peer, and for the log only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum JoinError {
    /// It is no URL that could be probed.
    Unusable(String),
    /// Its scheme is not that of HTTP.
    Scheme(String),
}

impl TargetUrl {
    /// Parses a URL. The error says what was found and what would do.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text)
            .map_err(|error| format!("{error}; write it like http://host:port/path"))?;
        match url.scheme() {
            "http" | "https" => {}
            // What stands before the colon may be a user name.
            _ if !text.contains("://") => {
                return Err("it has no scheme; write it like http://host:port/path".to_owned());
            }
            other => {
                return Err(format!(
                    "scheme \"{other}\" is not probed; use http or https"
                ));
            }
        }
        Self::from_url(url)
    }

    /// Parses what stands for a target where Prometheus would have host and port: a URL, or one without
    /// its scheme, which is then `scheme`.
    pub fn of_target(text: &str, scheme: &str) -> Result<Self, String> {
        match has_scheme(text) {
            true => Self::parse(text),
            false => Self::parse(&format!("{scheme}://{text}")),
        }
    }

    /// Takes apart a URL whose scheme is one of the two.
    fn from_url(url: Url) -> Result<Self, String> {
        let host = match url.host() {
            Some(Host::Domain(name)) => {
                check_name(name)?;
                Hostname::Name(name.to_owned())
            }
            Some(Host::Ipv4(ip)) => Hostname::Ip(ip.into()),
            Some(Host::Ipv6(ip)) => Hostname::Ip(ip.into()),
            None => return Err("it has no host; write it like http://host:port/path".to_owned()),
        };
        if url.port() == Some(0) {
            return Err("port 0 cannot be connected to; use 1 to 65535".to_owned());
        }
        let path = &url[Position::BeforePath..Position::AfterQuery];
        let request_target = PathAndQuery::try_from(path)
            .map_err(|error| format!("its path cannot be sent: {error}"))?;
        let authority = &url[Position::BeforeHost..Position::AfterPort];
        let host_header = HeaderValue::try_from(authority)
            .map_err(|error| format!("its host cannot be sent: {error}"))?;
        Ok(Self {
            host,
            request_target,
            host_header,
            url,
        })
    }

    /// Where this machine itself is: a place for what has no target yet.
    pub fn loopback() -> Self {
        Self::parse("http://127.0.0.1/").expect("it is a URL with a host that is an address")
    }

    /// The host.
    pub fn host(&self) -> &Hostname {
        &self.host
    }

    /// The port, by default that of the scheme.
    pub fn port(&self) -> u16 {
        // Both schemes that `parse` lets through have a default.
        self.url.port_or_known_default().unwrap_or(80)
    }

    /// Whether the scheme is https.
    pub fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The path and query, as the request line has them.
    pub fn request_target(&self) -> &PathAndQuery {
        &self.request_target
    }

    /// The host and, unless it is the scheme's own, the port, as the `Host` header has them.
    pub fn host_header(&self) -> &HeaderValue {
        &self.host_header
    }

    /// Whether `other` is of the same origin: scheme, host and port (RFC 6454, 5).
    pub fn is_same_origin(&self, other: &Self) -> bool {
        self.url.origin() == other.url.origin()
    }

    /// The URL that `reference` names, seen from this one (RFC 3986, 5), without its fragment.
    pub fn join(&self, reference: &str) -> Result<Self, JoinError> {
        let mut url = self
            .url
            .join(reference)
            .map_err(|error| JoinError::Unusable(error.to_string()))?;
        url.set_fragment(None);
        if !matches!(url.scheme(), "http" | "https") {
            return Err(JoinError::Scheme(url.scheme().to_owned()));
        }
        Self::from_url(url).map_err(JoinError::Unusable)
    }

    /// The URL as a cookie jar wants it.
    pub fn as_url(&self) -> &Url {
        &self.url
    }

    /// User name and password, percent-encoded as in the URL, if it has any.
    pub fn userinfo(&self) -> Option<(&str, &str)> {
        let user = self.url.username();
        let password = self.url.password();
        (!user.is_empty() || password.is_some()).then(|| (user, password.unwrap_or_default()))
    }
}

/// Whether a text begins with one of the two schemes.
pub fn has_scheme(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        let start = text.as_bytes().get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme.as_bytes()))
    })
}

/// Checks that a name is one that resolvers look up: by the limits of DNS (RFC 1035, 2.3.4), and by its
/// letters. A hyphen may stand anywhere, and underscores do in practice; what else DNS could carry is
/// told by Go and libc not to exist before anybody is asked.
pub fn check_name(name: &str) -> Result<(), String> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    if bare.len() > 253 {
        return Err(format!(
            "the host name has {} bytes; at most 253 will do",
            bare.len()
        ));
    }
    let is_usual = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if let Some(other) = bare.chars().find(|c| !is_usual(*c)) {
        return Err(format!(
            "the host name has {other:?}; letters, digits, hyphens, underscores and dots will do"
        ));
    }
    match bare
        .split('.')
        .find(|label| label.is_empty() || label.len() > 63)
    {
        Some(label) => Err(format!(
            "the host name has a label of {} bytes; 1 to 63 will do",
            label.len()
        )),
        None => Ok(()),
    }
}

impl TargetUrl {
    /// The URL as a configuration could have it, with a mask for each secret.
    pub fn masked(&self) -> impl fmt::Display {
        let userinfo = match self.userinfo() {
            Some(_) => format!("{MASK}:{MASK}@"),
            None => String::new(),
        };
        fmt::from_fn(move |f| self.write(&userinfo, MASK, f))
    }

    /// Writes the URL with `userinfo` before the host and `mask` for the values of the query. What
    /// has no name there is a value.
    fn write(&self, userinfo: &str, mask: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = &self.url[Position::BeforeHost..Position::AfterPort];
        let (scheme, path) = (self.url.scheme(), self.url.path());
        write!(f, "{scheme}://{userinfo}{authority}{path}")?;
        let written = self.url.query().unwrap_or_default().split('&');
        let written = written.filter(|pair| !pair.is_empty());
        for (index, (pair, (key, _))) in written.zip(self.url.query_pairs()).enumerate() {
            f.write_str(if index == 0 { "?" } else { "&" })?;
            if pair.contains('=') {
                let key: String = url::form_urlencoded::byte_serialize(key.as_bytes()).collect();
                write!(f, "{key}=")?;
            }
            f.write_str(mask)?;
        }
        Ok(())
    }
}

impl fmt::Display for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write("", "xxxxx", f)
    }
}

impl fmt::Debug for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_without_secrets() {
        for (text, shown) in [
            ("http://a.example", "http://a.example/"),
            ("https://u:p@a.example:443/x", "https://a.example/x"),
            (
                "http://a.example/x?token=s&v=1#f",
                "http://a.example/x?token=xxxxx&v=xxxxx",
            ),
            (
                "http://a.example/?&bare&%74=%3D&a+b=c=d&",
                "http://a.example/?xxxxx&t=xxxxx&a+b=xxxxx",
            ),
            ("http://[::1]:8080/", "http://[::1]:8080/"),
            ("http://0177.0.0.1/", "http://127.0.0.1/"),
        ] {
            let url = TargetUrl::parse(text).expect(text);
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), shown);
        }
        let url = TargetUrl::parse("http://u:p@a.example/x?k=s&t").expect("valid");
        let masked = "http://<secret>:<secret>@a.example/x?k=<secret>&<secret>";
        assert_eq!(url.masked().to_string(), masked);
        assert!(TargetUrl::parse(masked).is_ok());
    }

    #[test]
    fn parts_are_as_the_request_needs_them() {
        let url = TargetUrl::parse("https://u:p@A.example:8443/x/y?z=1#f").expect("valid");
        assert_eq!(url.host(), &Hostname::Name("a.example".to_owned()));
        assert_eq!((url.port(), url.is_tls()), (8443, true));
        assert_eq!(url.request_target(), "/x/y?z=1");
        assert_eq!(url.host_header(), "a.example:8443");
        assert_eq!(url.userinfo(), Some(("u", "p")));
        assert_eq!(
            TargetUrl::parse("http://h")
                .expect("valid")
                .request_target(),
            "/"
        );
    }

    #[test]
    fn what_cannot_be_probed_is_refused() {
        let long = format!("http://{}.example/", "a".repeat(64));
        for (text, part) in [
            ("", "relative URL without a base"),
            ("ftp://h/", "scheme \"ftp\""),
            ("hunter2:x@h", "it has no scheme"),
            ("localhost:80", "it has no scheme"),
            ("http://", "empty host"),
            ("http://h:0/", "port 0"),
            ("http://h:99999/", "invalid port"),
            ("http://a..b/", "label of 0 bytes"),
            (&long, "label of 64 bytes"),
            ("http://$x/", "has '$'"),
            ("http://a.b+c.example/", "has '+'"),
            ("http://*.example/", "has '*'"),
            ("http://%22a%22/", "has '\"'"),
        ] {
            let error = TargetUrl::parse(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
