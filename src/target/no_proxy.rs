//! Which hosts are reached without the proxy, as `NO_PROXY` has them.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::target::address::{Hostname, TargetUrl};

/// A list as Go's clients read it (golang.org/x/net/http/httpproxy), entries separated by commas:
/// `*`, an address, a range of addresses, a domain (with its subdomains), `.domain` or `*.domain`
/// (only those), each but a range with a port if it is to count for that port alone.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NoProxy {
    entries: Vec<Entry>,
    /// The entries as they are written, without those that look like the secrets of a URL.
    shown: String,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Entry {
    Everything,
    Range(IpNet),
    Address(IpAddr, Option<u16>),
    Domain {
        /// With a dot before it.
        suffix: String,
        /// Whether the domain itself is meant too.
        itself: bool,
        port: Option<u16>,
    },
}

impl NoProxy {
    /// Reads a list; what can be no host is left out, as there.
    pub fn parse(text: &str) -> Self {
        let entries = text.split(',').filter_map(|entry| {
            let entry = entry.trim().to_lowercase();
            Entry::parse(&entry)
        });
        let shown = text.split(',').map(str::trim);
        let shown: Vec<&str> = shown.filter(|entry| !entry.contains('@')).collect();
        Self {
            entries: entries.collect(),
            shown: shown.join(","),
        }
    }

    /// Whether `url` is reached without the proxy. Whatever the list says, this machine is.
    pub fn excepts(&self, url: &TargetUrl) -> bool {
        let (name, ip) = match url.host() {
            Hostname::Ip(ip) => (ip.to_string(), Some(ip.to_canonical())),
            Hostname::Name(name) => (name.clone(), None),
        };
        let is_here = name == "localhost" || ip.is_some_and(|ip| ip.is_loopback());
        is_here
            || self
                .entries
                .iter()
                .any(|entry| entry.matches(&name, ip, url.port()))
    }
}

impl fmt::Display for NoProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Everything);
        }
        if let Ok(range) = text.parse() {
            return Some(Self::Range(range));
        }
        let (host, port) = split_port(text);
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Some(Self::Address(ip.to_canonical(), port));
        }
        // Names of URLs are in ASCII.
        let ascii = url::Host::parse(host);
        let host = match &ascii {
            Ok(url::Host::Domain(name)) if !host.is_ascii() => name,
            _ => host,
        };
        let host = host
            .strip_prefix('*')
            .filter(|rest| rest.starts_with('.'))
            .unwrap_or(host);
        match host.strip_prefix('.') {
            _ if host.is_empty() => None,
            Some(_) => Some(Self::Domain {
                suffix: host.to_owned(),
                itself: false,
                port,
            }),
            None => Some(Self::Domain {
                suffix: format!(".{host}"),
                itself: true,
                port,
            }),
        }
    }

    fn matches(&self, name: &str, ip: Option<IpAddr>, port: u16) -> bool {
        let fits = |only: &Option<u16>| only.is_none_or(|only| only == port);
        match self {
            Self::Everything => true,
            Self::Range(range) => ip.is_some_and(|ip| range.contains(&ip)),
            Self::Address(address, only) => ip == Some(*address) && fits(only),
            Self::Domain {
                suffix,
                itself,
                port: only,
            } => {
                let is_it = *itself && suffix.strip_prefix('.') == Some(name);
                (name.ends_with(suffix) || is_it) && fits(only)
            }
        }
    }
}

/// Takes a port off the end; an IPv6 address without brackets has none.
fn split_port(text: &str) -> (&str, Option<u16>) {
    match text.rsplit_once(':') {
        Some((host, "")) if !host.contains(':') => (host, None),
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (text, None),
        },
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_excepted_as_go_does() {
        for (list, url, expected) in [
            ("", "http://a.test/", false),
            ("", "http://localhost:80/", true),
            ("", "http://127.0.0.9/", true),
            ("", "http://[::1]/", true),
            ("", "http://10.0.0.1/", false),
            ("*", "http://a.test/", true),
            (" b.test , A.test", "http://a.test/", true),
            ("a.test", "http://sub.a.test/", true),
            ("a.test", "http://nota.test/", false),
            (".a.test", "http://a.test/", false),
            (".a.test", "http://sub.a.test/", true),
            ("*.a.test", "http://a.test/", false),
            ("*.a.test", "http://sub.a.test/", true),
            ("a.test:80", "http://a.test/", true),
            ("a.test:81", "http://a.test/", false),
            ("a.test:443", "https://a.test/", true),
            ("10.0.0.1", "http://10.0.0.1/", true),
            ("10.0.0.1:81", "http://10.0.0.1/", false),
            ("10.0.0.0/8", "http://10.1.2.3/", true),
            ("10.0.0.0/8", "http://11.1.2.3/", false),
            ("10.0.0.0/8", "http://10.test/", false),
            ("fd00::/8", "http://[fd00::1]/", true),
            ("fd00::1", "http://[fd00::1]/", true),
            ("[fd00::1]:80", "http://[fd00::1]/", true),
            ("[fd00::1]:81", "http://[fd00::1]/", false),
            (",,", "http://a.test/", false),
            ("*a.test", "http://sub.a.test/", false),
            ("", "http://[::ffff:127.0.0.1]/", true),
            ("::ffff:192.0.2.1", "http://192.0.2.1/", true),
            ("a.test:", "http://a.test/", true),
            ("bücher.test", "http://a.bücher.test/", true),
        ] {
            let url = TargetUrl::parse(url).expect("valid");
            assert_eq!(NoProxy::parse(list).excepts(&url), expected, "{list} {url}");
        }
    }
}
