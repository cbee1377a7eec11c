//! A module as YAML, fit to be shown: nothing in it lets anybody in anywhere.

use std::fmt::Display;
use std::fmt::Write as _;
use std::time::Duration;

use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::header;

use crate::target::body::BodyChecks;
use crate::target::body::Compression;
use crate::target::checks::Checks;
use crate::target::checks::HeaderMatch;
use crate::target::credentials::Credentials;
use crate::target::module::IpFamily;
use crate::target::module::IpStrategy;
use crate::target::module::Module;
use crate::target::proxy::Proxies;
use crate::target::proxy::ProxySettings;
use crate::target::reach::Reach;
use crate::target::reach::Rules;
use crate::target::tls::TlsSettings;
use crate::target::tls::TlsVersion;

const SECRET: &str = "<secret>";

/// The headers whose values are shown. Any other may be a key to something.
const PUBLIC: [HeaderName; 9] = [
    header::ACCEPT,
    header::ACCEPT_CHARSET,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::CACHE_CONTROL,
    header::CONTENT_TYPE,
    header::HOST,
    header::ORIGIN,
    header::USER_AGENT,
];

/// Writes a module with its defaults. What came from files is masked as if it
/// stood there, and the files are named in comments.
pub fn written(module: &Module, timeout: Option<Duration>) -> String {
    // Taken apart without a rest, so that no field is forgotten.
    let Module {
        name: _,
        method,
        headers,
        http_headers,
        credentials,
        body,
        valid_status_codes,
        follow_redirects,
        enable_http2,
        checks,
        conflict_codes,
        conflict_reason,
        preferred_family,
        family_fallback,
        ip_strategy,
        proxy,
        resolver,
        source_ip,
        reach,
        tls,
        files,
    } = module;
    let mut yaml = Yaml(String::new());
    yaml.entry(0, "prober", "http");
    if let Some(timeout) = timeout {
        yaml.entry(0, "timeout", format_args!("{}ms", timeout.as_millis()));
    }
    yaml.section(0, "http");
    yaml.list(1, "valid_status_codes", valid_status_codes);
    yaml.entry(1, "method", quoted(method.as_str()));
    yaml.headers(headers, http_headers);
    yaml.credentials(credentials.as_ref());
    if !body.is_empty() {
        yaml.entry(1, "body", SECRET);
    }
    yaml.entry(1, "follow_redirects", follow_redirects);
    yaml.entry(1, "enable_http2", enable_http2);
    yaml.checks(checks);
    yaml.entry(
        1,
        "preferred_ip_protocol",
        match preferred_family {
            IpFamily::V4 => "ip4",
            IpFamily::V6 => "ip6",
        },
    );
    yaml.entry(1, "ip_protocol_fallback", family_fallback);
    yaml.entry(
        1,
        "ip_strategy",
        match ip_strategy {
            IpStrategy::First => "first",
            IpStrategy::All => "all",
        },
    );
    yaml.proxy(proxy.as_deref());
    if let Some(resolver) = resolver {
        yaml.entry(1, "resolver", quoted(&resolver.to_string()));
    }
    if let Some(ip) = source_ip {
        yaml.entry(1, "source_ip_address", quoted(&ip.to_string()));
    }
    yaml.reach(reach);
    yaml.section(1, "conflict");
    yaml.list(2, "codes", conflict_codes);
    if let Some(rule) = conflict_reason {
        let names: Vec<_> = rule.reasons.names().map(quoted).collect();
        yaml.comment(2, format_args!("reasons: {}", names.join(", ")));
    }
    yaml.tls(tls);
    for file in files {
        yaml.comment(1, format_args!("from {:?}", file.path));
    }
    yaml.0
}

/// Text in double quotes; what JSON reads, YAML reads too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

struct Yaml(String);

impl Yaml {
    fn line(&mut self, depth: usize, text: impl Display) {
        writeln!(self.0, "{:1$}{text}", "", 2 * depth).expect("a String takes whatever is written");
    }

    fn section(&mut self, depth: usize, name: &str) {
        self.line(depth, format_args!("{name}:"));
    }

    fn entry(&mut self, depth: usize, key: impl Display, value: impl Display) {
        self.line(depth, format_args!("{key}: {value}"));
    }

    fn list<T: ToString>(&mut self, depth: usize, key: &str, items: &[T]) {
        let items: Vec<_> = items.iter().map(ToString::to_string).collect();
        self.entry(depth, key, format_args!("[{}]", items.join(", ")));
    }

    fn comment(&mut self, depth: usize, text: impl Display) {
        self.line(depth, format_args!("# {text}"));
    }

    fn headers(
        &mut self,
        headers: &[(HeaderName, HeaderValue)],
        http_headers: &[(HeaderName, HeaderValue)],
    ) {
        if !headers.is_empty() {
            self.section(1, "headers");
        }
        for (name, value) in headers {
            let shown = value.to_str().ok().filter(|_| PUBLIC.contains(name));
            let shown = shown.map_or_else(|| SECRET.to_owned(), quoted);
            self.entry(2, quoted(name.as_str()), shown);
        }
        if !http_headers.is_empty() {
            self.section(1, "http_headers");
        }
        let mut before = None;
        for (name, _) in http_headers {
            if before != Some(name) {
                let count = http_headers.iter().filter(|(other, _)| other == name);
                self.section(2, &quoted(name.as_str()));
                self.list(3, "secrets", &vec![SECRET; count.count()]);
            }
            before = Some(name);
        }
    }

    fn credentials(&mut self, credentials: Option<&Credentials>) {
        match credentials {
            None => {}
            Some(Credentials::Basic { username, .. }) => {
                self.section(1, "basic_auth");
                self.entry(2, "username", quoted(&String::from_utf8_lossy(username)));
                self.entry(2, "password", SECRET);
            }
            Some(Credentials::Authorization(value)) => {
                self.section(1, "authorization");
                let scheme = value.as_bytes().split(|byte| *byte == b' ').next();
                let scheme = String::from_utf8_lossy(scheme.unwrap_or_default());
                self.entry(2, "type", quoted(&scheme));
                self.entry(2, "credentials", SECRET);
            }
        }
    }

    fn checks(&mut self, checks: &Checks) {
        let Checks {
            http_versions,
            fail_if_ssl,
            fail_if_not_ssl,
            fail_if_header_matches,
            fail_if_header_not_matches,
            body,
        } = checks;
        let versions: Vec<_> = http_versions.iter().map(|text| quoted(text)).collect();
        self.list(1, "valid_http_versions", &versions);
        self.entry(1, "fail_if_ssl", fail_if_ssl);
        self.entry(1, "fail_if_not_ssl", fail_if_not_ssl);
        self.header_matches("fail_if_header_matches", fail_if_header_matches);
        self.header_matches("fail_if_header_not_matches", fail_if_header_not_matches);
        self.body(body);
    }

    fn body(&mut self, body: &BodyChecks) {
        let BodyChecks {
            matches,
            not_matches,
            json_matches,
            json_not_matches,
            compression,
            size_limit,
        } = body;
        for (key, expressions) in [
            ("fail_if_body_matches_regexp", matches),
            ("fail_if_body_not_matches_regexp", not_matches),
        ] {
            let texts = expressions.iter().map(|each| quoted(&each.to_string()));
            self.list(1, key, &texts.collect::<Vec<_>>());
        }
        for (key, expression) in [
            ("fail_if_body_json_matches_cel", json_matches),
            ("fail_if_body_json_not_matches_cel", json_not_matches),
        ] {
            if let Some(expression) = expression {
                self.entry(1, key, quoted(&expression.to_string()));
            }
        }
        if let Some(compression) = compression {
            let name = match compression {
                Compression::Gzip => "gzip",
                Compression::Br => "br",
                Compression::Deflate => "deflate",
            };
            self.entry(1, "compression", name);
        }
        if let Some(size_limit) = size_limit {
            self.entry(1, "body_size_limit", format_args!("{size_limit}B"));
        }
    }

    fn header_matches(&mut self, key: &str, matches: &[HeaderMatch]) {
        if !matches.is_empty() {
            self.section(1, key);
        }
        for each in matches {
            let regexp = quoted(&each.regexp.to_string());
            self.entry(1, "- header", quoted(each.header.as_str()));
            self.entry(2, "regexp", regexp);
            self.entry(2, "allow_missing", each.allow_missing);
        }
    }

    /// The rules of the whole configuration hold for every module, and are no key of it.
    fn reach(&mut self, reach: &Reach) {
        let Reach { everywhere, own } = reach;
        let keys = |rules: &Rules| {
            let Rules { allow, deny } = rules;
            [("allow_addresses", allow), ("deny_addresses", deny)].map(|(key, ranges)| {
                let texts = ranges.iter().map(|range| quoted(&range.to_string()));
                (key, texts.collect::<Vec<_>>())
            })
        };
        for (key, texts) in keys(own) {
            if !texts.is_empty() {
                self.list(1, key, &texts);
            }
        }
        for (key, texts) in keys(everywhere) {
            if !texts.is_empty() {
                let texts = texts.join(", ");
                self.comment(1, format_args!("and for all modules {key}: [{texts}]"));
            }
        }
    }

    /// Proxies that differ by scheme come from the environment.
    fn proxy(&mut self, proxy: Option<&ProxySettings>) {
        let Some(ProxySettings {
            proxies,
            connect_headers,
            skips_look_up,
        }) = proxy
        else {
            return;
        };
        let Proxies {
            http,
            https,
            no_proxy,
        } = proxies;
        match (http, https) {
            (Some(url), Some(other)) if url == other => {
                self.entry(1, "proxy_url", quoted(&url.to_string()));
            }
            _ => self.entry(1, "proxy_from_environment", true),
        }
        if no_proxy.is_some() {
            self.comment(1, "with exceptions");
        }
        if !connect_headers.is_empty() {
            self.section(1, "proxy_connect_header");
        }
        for (name, _) in connect_headers {
            self.entry(2, quoted(name.as_str()), format_args!("[{SECRET}]"));
        }
        self.entry(1, "skip_resolve_phase_with_proxy", skips_look_up);
    }

    fn tls(&mut self, tls: &TlsSettings) {
        let TlsSettings {
            authorities,
            identity,
            server_name,
            verify,
            min_version,
            max_version,
        } = tls;
        let version = |version: &TlsVersion| match version {
            TlsVersion::Tls12 => "TLS12",
            TlsVersion::Tls13 => "TLS13",
        };
        self.section(1, "tls_config");
        if let Some(authorities) = authorities {
            let count = authorities.len();
            self.comment(2, format_args!("ca_file: {count} certificates"));
        }
        if let Some(identity) = identity {
            let count = identity.chain.len();
            self.comment(2, format_args!("cert_file: {count} certificates"));
            self.comment(2, format_args!("key_file: {SECRET}"));
        }
        if let Some(name) = server_name {
            self.entry(2, "server_name", quoted(name));
        }
        self.entry(2, "insecure_skip_verify", !verify);
        self.entry(2, "min_version", version(min_version));
        self.entry(2, "max_version", version(max_version));
    }
}
