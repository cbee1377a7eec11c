//! A module as YAML, fit to be shown: nothing in it lets anybody in anywhere.

use std::fmt;
use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use axum::http::HeaderName;
use axum::http::header;

use crate::server::yaml::Yaml;
use crate::server::yaml::quoted;
use crate::target::body::BodyChecks;
use crate::target::body::Compression;
use crate::target::checks::Checks;
use crate::target::checks::HeaderMatch;
use crate::target::conflict::ReasonRule;
use crate::target::conflict::Source;
use crate::target::credentials::Credentials;
use crate::target::credentials::SecretValue;
use crate::target::files::Part;
use crate::target::module::IpFamily;
use crate::target::module::IpStrategy;
use crate::target::module::Module;
use crate::target::reach::Reach;
use crate::target::reach::Rules;
use crate::target::secret::MASK;

/// The headers whose values are shown: the name of a host is no secret, and the other has to fit the
/// key `compression`. Any other may be a key to something.
const PUBLIC: [HeaderName; 2] = [header::ACCEPT_ENCODING, header::HOST];

/// Appends a module with its defaults, so many levels deep. What came from files is named by them.
pub fn write(module: &Module, timeout: Option<Duration>, indent: usize, out: &mut String) {
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
        enable_http3,
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
        files: _,
    } = module;
    let mut yaml = Yaml::new(out, indent);
    yaml.entry(0, "prober", "http");
    if let Some(timeout) = timeout {
        yaml.entry(0, "timeout", duration(timeout));
    }
    yaml.section(0, "http");
    let mut writer = Writer { yaml, module };
    writer
        .yaml
        .list(1, "valid_status_codes", valid_status_codes);
    writer.yaml.entry(1, "method", quoted(method));
    writer.headers(headers);
    writer.http_headers(http_headers);
    writer.credentials(credentials.as_ref());
    writer.secret("body", &Part::Body, 1, body.expose().is_empty());
    writer.yaml.entry(1, "follow_redirects", follow_redirects);
    writer.yaml.entry(1, "enable_http2", enable_http2);
    writer.yaml.entry(1, "enable_http3", enable_http3);
    writer.checks(checks);
    let family = match preferred_family {
        IpFamily::V4 => "ip4",
        IpFamily::V6 => "ip6",
    };
    writer.yaml.entry(1, "preferred_ip_protocol", family);
    writer
        .yaml
        .entry(1, "ip_protocol_fallback", family_fallback);
    let strategy = match ip_strategy {
        IpStrategy::First => "first",
        IpStrategy::All => "all",
    };
    writer.yaml.entry(1, "ip_strategy", strategy);
    writer.proxy(proxy.as_deref(), 1);
    if let Some(proxy) = proxy {
        let skips = proxy.skips_look_up;
        writer.yaml.entry(1, "skip_resolve_phase_with_proxy", skips);
    }
    if let Some(resolver) = resolver {
        writer.yaml.entry(1, "resolver", quoted(resolver));
    }
    if let Some(ip) = source_ip {
        writer.yaml.entry(1, "source_ip_address", quoted(ip));
    }
    writer.reach(reach);
    writer.yaml.section(1, "conflict");
    writer.yaml.list(2, "codes", conflict_codes);
    writer.conflict_reason(conflict_reason.as_ref());
    writer.tls(tls, 1, &|part| part);
}

/// Appends what a source of targets is asked with, so many levels less deep than its keys.
pub fn write_asking(module: &Module, indent: usize, out: &mut String) {
    let yaml = Yaml::new(out, indent);
    let mut writer = Writer { yaml, module };
    writer.http_headers(&module.http_headers);
    writer.credentials(module.credentials.as_ref());
    writer
        .yaml
        .entry(1, "follow_redirects", module.follow_redirects);
    writer.proxy(module.proxy.as_deref(), 1);
    writer.tls(&module.tls, 1, &|part| part);
}

/// A duration as a configuration has it.
pub fn duration(duration: Duration) -> impl Display {
    fmt::from_fn(move |f| match duration.subsec_nanos() % 1_000_000 {
        0 => write!(f, "{}ms", duration.as_millis()),
        _ => write!(f, "{}ns", duration.as_nanos()),
    })
}

/// The addresses that may and may not be reached, where some are listed, as keys with their values.
pub fn reach_keys(rules: &Rules) -> impl Iterator<Item = (&'static str, String)> {
    let Rules { allow, deny } = rules;
    let keys = [("allow_addresses", allow), ("deny_addresses", deny)];
    let given = keys.into_iter().filter(|(_, ranges)| !ranges.is_empty());
    given.map(|(key, ranges)| {
        let texts: Vec<_> = ranges.iter().map(quoted).collect();
        (key, format!("[{}]", texts.join(", ")))
    })
}

/// The places of the values of each header.
pub(super) fn by_name(headers: &[(HeaderName, SecretValue)]) -> Vec<(&HeaderName, Vec<usize>)> {
    let mut names: Vec<(&HeaderName, Vec<usize>)> = Vec::new();
    for (place, (name, _)) in headers.iter().enumerate() {
        match names.iter_mut().find(|(known, _)| *known == name) {
            Some((_, places)) => places.push(place),
            None => names.push((name, vec![place])),
        }
    }
    names
}

/// Writes the section `http` of a module.
pub(super) struct Writer<'m, 'o> {
    pub(super) yaml: Yaml<'o>,
    module: &'m Module,
}

impl Writer<'_, '_> {
    /// The file that holds a part of the module.
    pub(super) fn file_of(&self, is_wanted: impl Fn(&Part) -> bool) -> Option<&Path> {
        let mut files = self.module.files.iter();
        files.find_map(|file| is_wanted(&file.part).then_some(file.path.as_path()))
    }

    /// The key of a secret, or of its file; nothing if there is none.
    pub(super) fn secret(&mut self, key: &str, part: &Part, depth: usize, is_absent: bool) {
        let path = self.file_of(|other| other == part);
        if let Some(path) = path.map(|path| quoted(path.display())) {
            self.yaml.entry(depth, format_args!("{key}_file"), path);
        } else if !is_absent {
            self.yaml.entry(depth, key, MASK);
        }
    }

    fn headers(&mut self, headers: &[(HeaderName, SecretValue)]) {
        if !headers.is_empty() {
            self.yaml.section(1, "headers");
        }
        for (name, value) in headers {
            let shown = value.expose().to_str().ok();
            let shown = shown.filter(|_| PUBLIC.contains(name)).map(quoted);
            let shown = shown.unwrap_or_else(|| MASK.to_owned());
            self.yaml.entry(2, quoted(name), shown);
        }
    }

    fn http_headers(&mut self, headers: &[(HeaderName, SecretValue)]) {
        if !headers.is_empty() {
            self.yaml.section(1, "http_headers");
        }
        for (name, places) in by_name(headers) {
            let (mut secrets, mut files) = (Vec::new(), Vec::new());
            for place in places {
                match self.file_of(|part| *part == Part::HttpHeader(place)) {
                    Some(path) => files.push(quoted(path.display())),
                    None => secrets.push(MASK),
                }
            }
            self.yaml.section(2, quoted(name));
            self.yaml.list(3, "secrets", &secrets);
            self.yaml.list(3, "files", &files);
        }
    }

    fn credentials(&mut self, credentials: Option<&Credentials>) {
        match credentials {
            None => {}
            Some(Credentials::Basic { .. }) => {
                self.yaml.section(1, "basic_auth");
                self.secret("username", &Part::Username, 2, false);
                self.secret("password", &Part::Password, 2, false);
            }
            Some(Credentials::Authorization { scheme, .. }) => {
                self.yaml.section(1, "authorization");
                self.yaml.entry(2, "type", quoted(scheme));
                let part = Part::Authorization {
                    scheme: scheme.clone(),
                };
                self.secret("credentials", &part, 2, false);
            }
            Some(Credentials::OAuth2(oauth2)) => self.oauth2(oauth2),
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
        let versions: Vec<_> = http_versions.iter().map(quoted).collect();
        self.yaml.list(1, "valid_http_versions", &versions);
        self.yaml.entry(1, "fail_if_ssl", fail_if_ssl);
        self.yaml.entry(1, "fail_if_not_ssl", fail_if_not_ssl);
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
            let texts = expressions.iter().map(quoted);
            self.yaml.list(1, key, &texts.collect::<Vec<_>>());
        }
        for (key, expression) in [
            ("fail_if_body_json_matches_cel", json_matches),
            ("fail_if_body_json_not_matches_cel", json_not_matches),
        ] {
            if let Some(expression) = expression {
                self.yaml.entry(1, key, quoted(expression));
            }
        }
        if let Some(compression) = compression {
            let name = match compression {
                Compression::Gzip => "gzip",
                Compression::Br => "br",
                Compression::Deflate => "deflate",
            };
            self.yaml.entry(1, "compression", name);
        }
        if let Some(size_limit) = size_limit {
            self.yaml
                .entry(1, "body_size_limit", format_args!("{size_limit}B"));
        }
    }

    fn header_matches(&mut self, key: &str, matches: &[HeaderMatch]) {
        if !matches.is_empty() {
            self.yaml.section(1, key);
        }
        for each in matches {
            let regexp = quoted(&each.regexp);
            self.yaml.entry(1, "- header", quoted(&each.header));
            self.yaml.entry(2, "regexp", regexp);
            self.yaml.entry(2, "allow_missing", each.allow_missing);
        }
    }

    fn conflict_reason(&mut self, rule: Option<&ReasonRule>) {
        let Some(ReasonRule { source, reasons }) = rule else {
            return;
        };
        self.yaml.section(2, "reason");
        let (key, value) = match source {
            Source::Json(pointer) => ("json", quoted(pointer)),
            Source::Header(name) => ("header", quoted(name)),
            Source::Regexp(pattern) => ("regexp", quoted(pattern)),
        };
        self.yaml.entry(3, key, value);
        let values = reasons.values();
        let values = values.map(|(value, name)| format!("{}: {}", quoted(value), quoted(name)));
        let values: Vec<_> = values.collect();
        self.yaml
            .entry(3, "values", format_args!("{{{}}}", values.join(", ")));
    }

    /// The rules of the whole configuration hold for every module, and are no key of it.
    fn reach(&mut self, reach: &Reach) {
        let Reach { everywhere, own } = reach;
        for (key, ranges) in reach_keys(own) {
            self.yaml.entry(1, key, ranges);
        }
        for (key, ranges) in reach_keys(everywhere) {
            let text = format_args!("and for all modules {key}: {ranges}");
            self.yaml.comment(1, text);
        }
    }
}
