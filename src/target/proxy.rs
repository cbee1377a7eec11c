//! Which proxy a request goes through, if any.

use std::fmt;

use http::HeaderName;
use url::{Host, Url};

use crate::target::address::{Hostname, TargetUrl, check_name};
use crate::target::credentials::SecretValue;
use crate::target::no_proxy::NoProxy;
use crate::target::secret::{MASK, Secret};

/// What a module says about proxies.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProxySettings {
    /// The proxies to go through.
    pub proxies: Proxies,
    /// Headers of the request `CONNECT`, by which a tunnel is asked for.
    pub connect_headers: Vec<(HeaderName, SecretValue)>,
    /// Whether the proxy looks up the name of the target, and nobody else.
    pub skips_look_up: bool,
}

/// Proxies by the scheme of the target.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Proxies {
    /// For targets without TLS.
    pub http: Option<ProxyUrl>,
    /// For targets with TLS.
    pub https: Option<ProxyUrl>,
    /// Which targets are excepted. Without a list none is, this machine neither.
    pub no_proxy: Option<NoProxy>,
}

/// A proxy: how to speak to it, where it is, and what lets the probe in.
#[derive(Clone, Eq, PartialEq)]
pub struct ProxyUrl {
    /// How to speak to it.
    pub scheme: ProxyScheme,
    /// Its host.
    pub host: Hostname,
    /// Its port.
    pub port: u16,
    /// User name and password, decoded.
    pub userinfo: Option<Secret<(Vec<u8>, Vec<u8>)>>,
}

/// How to speak to a proxy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProxyScheme {
    /// HTTP: requests in absolute form, tunnels by `CONNECT` (RFC 9110, 9.3.6).
    Http,
    /// The same over TLS.
    Https,
    /// SOCKS 5 (RFC 1928); as in Go names are given to it like addresses, so that `socks5h` means
    /// the same.
    Socks5,
}

impl ProxySettings {
    /// The proxy for requests to `url`.
    pub fn of(&self, url: &TargetUrl) -> Option<&ProxyUrl> {
        let proxies = &self.proxies;
        let proxy = match url.is_tls() {
            true => proxies.https.as_ref(),
            false => proxies.http.as_ref(),
        };
        let excepted = |list: &NoProxy| list.excepts(url);
        proxy.filter(|_| !proxies.no_proxy.as_ref().is_some_and(excepted))
    }

    /// Whether some proxy is spoken to over TLS.
    pub fn needs_tls(&self) -> bool {
        let proxies = [&self.proxies.http, &self.proxies.https];
        let mut proxies = proxies.into_iter().flatten();
        proxies.any(|proxy| proxy.scheme == ProxyScheme::Https)
    }
}

impl ProxyUrl {
    /// Parses a URL. The error says what was found and what would do, and shows no password.
    pub fn parse(text: &str) -> Result<Self, String> {
        const WANTED: &str = "write it like http://host:3128";
        let url = Url::parse(text).map_err(|error| format!("{error}; {WANTED}"))?;
        let (scheme, default_port) = match url.scheme() {
            "http" => (ProxyScheme::Http, 80),
            "https" => (ProxyScheme::Https, 443),
            "socks5" | "socks5h" => (ProxyScheme::Socks5, 1080),
            // What stands before the colon may be a user name.
            _ if !text.contains("://") => return Err(format!("it has no scheme; {WANTED}")),
            other => {
                return Err(format!(
                    "scheme {other:?} is not spoken; use http, https or socks5"
                ));
            }
        };
        let host = match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() => Hostname::of_text(name),
            Some(Host::Ipv4(ip)) => Hostname::Ip(ip.into()),
            Some(Host::Ipv6(ip)) => Hostname::Ip(ip.into()),
            Some(Host::Domain(_)) | None => return Err(format!("it has no host; {WANTED}")),
        };
        if let Hostname::Name(name) = &host {
            check_name(name)?;
        }
        let port = url.port().unwrap_or(default_port);
        if port == 0 {
            return Err("port 0 cannot be connected to; use 1 to 65535".to_owned());
        }
        let decoded = |text| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
        let has_userinfo = !url.username().is_empty() || url.password().is_some();
        let userinfo = has_userinfo.then(|| {
            let password = url.password().unwrap_or_default();
            (decoded(url.username()), decoded(password))
        });
        let fits = |text: &[u8]| (1..=255).contains(&text.len()) && str::from_utf8(text).is_ok();
        if let (ProxyScheme::Socks5, Some((user, password))) = (scheme, &userinfo)
            && !(fits(user) && fits(password))
        {
            let what = "user and password of SOCKS 5 have 1 to 255 bytes of UTF-8 each (RFC 1929)";
            return Err(what.to_owned());
        }
        Ok(Self {
            scheme,
            host,
            port,
            userinfo: userinfo.map(Secret::new),
        })
    }
}

impl ProxyUrl {
    /// The URL as a configuration could have it, with a mask for user name and password.
    pub fn masked(&self) -> impl fmt::Display {
        let userinfo = match self.userinfo {
            Some(_) => format!("{MASK}:{MASK}@"),
            None => String::new(),
        };
        fmt::from_fn(move |f| self.write(&userinfo, f))
    }

    fn write(&self, userinfo: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            ProxyScheme::Http => "http",
            ProxyScheme::Https => "https",
            ProxyScheme::Socks5 => "socks5",
        };
        match &self.host {
            Hostname::Ip(ip) if ip.is_ipv6() => {
                write!(f, "{scheme}://{userinfo}[{ip}]:{}", self.port)
            }
            host => write!(f, "{scheme}://{userinfo}{host}:{}", self.port),
        }
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write("", f)
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the environment of a program says about proxies, in the variables that Go's clients read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ProxyVariables {
    /// `HTTP_PROXY` or `http_proxy`.
    pub http: Option<Secret<String>>,
    /// `HTTPS_PROXY` or `https_proxy`.
    pub https: Option<Secret<String>>,
    /// `NO_PROXY` or `no_proxy`.
    pub no_proxy: Option<String>,
}

impl ProxyVariables {
    /// Reads them with `read`; capitals win, and an empty one is none. A program that serves CGI
    /// would have the header `Proxy` of any request as `HTTP_PROXY`, so that it is left out there.
    pub fn read(read: impl Fn(&str) -> Option<String>) -> Self {
        let either = |name: &str| {
            let set = |name: &str| read(name).filter(|value| !value.is_empty());
            set(name).or_else(|| set(&name.to_lowercase()))
        };
        let is_cgi = read("REQUEST_METHOD").is_some_and(|value| !value.is_empty());
        Self {
            http: either("HTTP_PROXY").filter(|_| !is_cgi).map(Secret::new),
            https: either("HTTPS_PROXY").map(Secret::new),
            no_proxy: either("NO_PROXY"),
        }
    }

    /// The proxies that they mean. The error names the variable.
    pub fn proxies(&self) -> Result<Proxies, String> {
        let parse = |name: &str, value: &Option<Secret<String>>| {
            let Some(text) = value.as_ref().map(Secret::expose) else {
                return Ok(None);
            };
            // A bare host and port will do here.
            let parsed = match text.contains("://") {
                true => ProxyUrl::parse(text),
                false => ProxyUrl::parse(&format!("http://{text}")),
            };
            parsed.map(Some).map_err(|what| format!("{name}: {what}"))
        };
        Ok(Proxies {
            http: parse("HTTP_PROXY", &self.http)?,
            https: parse("HTTPS_PROXY", &self.https)?,
            no_proxy: Some(NoProxy::parse(self.no_proxy.as_deref().unwrap_or_default())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_proxies() {
        for (text, expected) in [
            ("http://p.test", Ok("http://p.test:80")),
            ("https://u:s3cret@p.test", Ok("https://p.test:443")),
            ("socks5://p.test", Ok("socks5://p.test:1080")),
            ("socks5h://[::1]:9", Ok("socks5://[::1]:9")),
            ("socks5://127.0.0.1:9", Ok("socks5://127.0.0.1:9")),
            ("ftp://p.test", Err("scheme \"ftp\" is not spoken")),
            ("p.test:3128", Err("it has no scheme")),
            ("user:s3cret@p.test:3128", Err("it has no scheme")),
            ("127.0.0.1:3128", Err("relative URL without a base")),
            ("http://", Err("empty host")),
            ("socks5://:p@p.test", Err("1 to 255 bytes")),
            ("socks5://u:%ff@p.test", Err("1 to 255 bytes")),
            ("http://p.test:0", Err("port 0")),
        ] {
            match (ProxyUrl::parse(text), expected) {
                (Ok(proxy), Ok(expected)) => assert_eq!(format!("{proxy:?}"), expected),
                (Err(error), Err(part)) => assert!(error.contains(part), "{text}: {error}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
    }

    #[test]
    fn the_environment_is_read_as_go_does() {
        let of = |set: &[(&str, &str)]| {
            let variables = ProxyVariables::read(|name| {
                let found = set.iter().find(|(other, _)| *other == name)?;
                Some(found.1.to_owned())
            });
            let settings = ProxySettings {
                proxies: variables.proxies().expect("valid"),
                connect_headers: Vec::new(),
                skips_look_up: false,
            };
            ["http://a.test/", "https://a.test/", "http://localhost/"].map(|url| {
                let url = TargetUrl::parse(url).expect("valid");
                settings.of(&url).map(ToString::to_string)
            })
        };
        let proxy = |text: &str| Some(text.to_owned());
        for (set, expected) in [
            (&[][..], [None, None, None]),
            (
                &[("HTTP_PROXY", "p.test:3128"), ("http_proxy", "other")],
                [proxy("http://p.test:3128"), None, None],
            ),
            (
                &[("http_proxy", "http://p.test"), ("HTTP_PROXY", "")],
                [proxy("http://p.test:80"), None, None],
            ),
            (
                &[("HTTPS_PROXY", "https://p.test")],
                [None, proxy("https://p.test:443"), None],
            ),
            (
                &[("HTTP_PROXY", "p.test"), ("NO_PROXY", "a.test")],
                [None, None, None],
            ),
            (
                &[("HTTP_PROXY", "p.test"), ("REQUEST_METHOD", "GET")],
                [None, None, None],
            ),
        ] {
            assert_eq!(of(set), expected, "{set:?}");
        }
        let wrong = ProxyVariables {
            http: Some("ftp://p.test".to_owned().into()),
            ..ProxyVariables::default()
        };
        assert!(
            wrong
                .proxies()
                .expect_err("ftp")
                .starts_with("HTTP_PROXY: scheme")
        );
    }
}
