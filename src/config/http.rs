//! The section `http` of a module: blackbox_exporter's keys, and ours besides.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;

use crate::config::body_checks;
use crate::config::checks;
use crate::config::conflict;
use crate::config::credentials;
use crate::config::field::Field;
use crate::config::fields::Fields;
use crate::config::headers;
use crate::config::http_headers;
use crate::config::http3;
use crate::config::problem::{Pos, Report};
use crate::config::proxy;
use crate::config::reach;
use crate::config::schema;
use crate::config::source::{Files, Source};
use crate::config::text::quote;
use crate::config::tls;
use crate::target::files::Part;
use crate::target::module::{IpFamily, IpStrategy, Module};
use crate::target::secret::Secret;

/// Where `tls_config` stands, and whether it can be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TlsConfig {
    /// Where its key stands, or the one that asks for TLS.
    pub pos: Pos,
    /// Whether there is such a section.
    pub is_written: bool,
    /// Whether it was read without a mistake.
    pub is_fine: bool,
}

/// The TLS settings of a module, where it has some.
#[derive(Clone, Copy, Debug, Default)]
pub struct TlsConfigs {
    /// Those of its requests.
    pub own: Option<TlsConfig>,
    /// Those of the requests for tokens.
    pub tokens: Option<TlsConfig>,
}

/// Reads the section into a module of the given name; what is wrong in it is left at its default.
pub fn read(
    section: Option<Field<'_>>,
    name: &str,
    base_dir: &Path,
    report: &mut Report,
) -> (Module, TlsConfigs) {
    let mut module = Module {
        name: name.to_owned(),
        ..Module::http_2xx()
    };
    let Some(mut fields) =
        section.and_then(|field| Fields::open(field.node, &schema::HTTP, report))
    else {
        return (module, TlsConfigs::default());
    };
    let mut files = Files::new(base_dir);
    let http3 = fields.take("enable_http3");
    module.enable_http3 = http3.and_then(|field| field.boolean(report)) == Some(true);
    if let Some(method) = fields
        .take_given("method")
        .and_then(|field| method(field, report))
    {
        module.method = method;
    }
    if let Some(field) = fields.take("headers") {
        module.headers = headers::read(field, report);
    }
    if let Some(field) = fields.take("http_headers") {
        module.http_headers = http_headers::read(field, &mut files, report);
    }
    let (credentials, tokens) = credentials::read(&mut fields, &mut files, report);
    module.credentials = credentials;
    module.pass_user_agent_on();
    module.body = body(&mut fields, &mut files, report);
    if let Some(field) = fields.take("valid_status_codes") {
        module.valid_status_codes = field.status_codes(report).unwrap_or_default();
    }
    module.follow_redirects = follow_redirects(&mut fields, report);
    module.checks = checks::read(&mut fields, module.enable_http3, report);
    body_checks::read(&mut fields, &mut module, report);
    if let Some(field) = fields.take_given("preferred_ip_protocol") {
        module.preferred_family = family(field, report).unwrap_or(IpFamily::V6);
    }
    if let Some(field) = fields.take("ip_protocol_fallback") {
        module.family_fallback = field.boolean(report).unwrap_or(true);
    }
    if let Some(field) = fields.take("resolver") {
        module.resolver = resolver(field, report);
    }
    module.proxy = proxy::read(&mut fields, report);
    if let Some(field) = fields.take("ip_strategy") {
        module.ip_strategy = ip_strategy(field, report).unwrap_or(IpStrategy::First);
        if module.proxy.is_some() && module.ip_strategy == IpStrategy::All {
            let what = "is all, and a proxy chooses the address itself; leave one of them out";
            field.mistake::<()>(what, report);
        }
    }
    let (allowed, denied) = (fields.take(reach::ALLOW), fields.take(reach::DENY));
    module.reach.own = Arc::new(reach::read(allowed, denied, report));
    if let Some(field) = fields.take("conflict") {
        conflict::read(field, &mut module, report);
    }
    if let Some(field) = fields.take_given("source_ip_address") {
        module.source_ip = source_ip(field, &module, report);
    }
    let own = fields.take("tls_config").map(|field| {
        let n_before = report.n_mistakes();
        module.tls = tls::read(field, &mut files, report);
        TlsConfig {
            pos: field.key_pos,
            is_written: true,
            is_fine: report.n_mistakes() == n_before,
        }
    });
    if let Some(field) = fields.take("enable_http2") {
        module.enable_http2 = field.boolean(report).unwrap_or(true);
    }
    module.files = files.found;
    if let Some(field) = http3.filter(|_| module.enable_http3) {
        http3::check(&module, field, own.map(|config| config.pos), report);
    }
    fields.belong(["timeout", "prober"], "to the module, beside http");
    fields.finish(report);
    (module, TlsConfigs { own, tokens })
}

fn method(field: Field<'_>, report: &mut Report) -> Option<Method> {
    let text = field.text(report)?;
    match Method::from_bytes(text.as_bytes()) {
        Ok(Method::CONNECT) => field.mistake(
            "CONNECT opens a tunnel and asks for nothing; use another method",
            report,
        ),
        Ok(method) => Some(method),
        Err(_) => field.expected("a method like GET or PUT", "", report),
    }
}

/// The old key wins, as in blackbox_exporter.
fn follow_redirects(fields: &mut Fields<'_>, report: &mut Report) -> bool {
    let follow = fields.take("follow_redirects");
    let follow = follow.and_then(|field| field.boolean(report));
    let not = fields.take("no_follow_redirects");
    if let Some(field) = not {
        let message = "no_follow_redirects is deprecated; write follow_redirects instead";
        report.warning(field.key_pos, message.to_owned());
    }
    match not.and_then(|field| field.boolean(report)) {
        Some(not) => !not,
        None => follow.unwrap_or(true),
    }
}

fn body(fields: &mut Fields<'_>, files: &mut Files<'_>, report: &mut Report) -> Secret<Bytes> {
    let text = fields.take_given("body");
    let file = fields.take_given("body_file");
    if let (Some(_), Some(field)) = (text, file) {
        field.mistake::<()>("and body are both given; keep one", report);
    }
    let source = Source::of(text, file);
    let bytes = source.and_then(|source| source.bytes(Part::Body, files, report));
    Secret::new(bytes.unwrap_or_default().into())
}

fn family(field: Field<'_>, report: &mut Report) -> Option<IpFamily> {
    match field.text(report)? {
        "ip4" => Some(IpFamily::V4),
        "ip6" => Some(IpFamily::V6),
        _ => field.expected("ip4 or ip6", "", report),
    }
}

fn ip_strategy(field: Field<'_>, report: &mut Report) -> Option<IpStrategy> {
    match field.text(report)? {
        "first" => Some(IpStrategy::First),
        "all" => Some(IpStrategy::All),
        _ => field.expected("first or all", "", report),
    }
}

/// The address to send from. Its family is the only one that can then be probed.
fn source_ip(field: Field<'_>, module: &Module, report: &mut Report) -> Option<IpAddr> {
    let Ok(ip) = field.text(report)?.parse::<IpAddr>() else {
        return field.expected("an IP address of this machine like 192.0.2.7", "", report);
    };
    let family = IpFamily::of(ip);
    if !module.family_fallback && family != module.preferred_family {
        let (own, other) = match family {
            IpFamily::V4 => ("ip4", "ip6"),
            IpFamily::V6 => ("ip6", "ip4"),
        };
        return field.mistake(
            &format!(
                "is of {own}, and only {other} is probed; use preferred_ip_protocol: {own} or \
                 ip_protocol_fallback: true"
            ),
            report,
        );
    }
    Some(ip)
}

fn resolver(field: Field<'_>, report: &mut Report) -> Option<SocketAddr> {
    let text = field.text(report)?;
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let address = text
        .parse::<SocketAddr>()
        .or_else(|_| bare.parse::<IpAddr>().map(|ip| (ip, 53).into()));
    match address {
        Ok(address) if address.port() > 0 => Some(address),
        Ok(_) => field.mistake(
            &format!("{} has port 0; use 1 to 65535", quote(text)),
            report,
        ),
        Err(_) => {
            let is_name = text.contains(|c: char| c.is_alphabetic() && !c.is_ascii_hexdigit());
            let hint = if is_name {
                "; a name would need a name server itself"
            } else {
                ""
            };
            let wanted = "an IP address like 127.0.0.1, 127.0.0.1:5353 or [::1]:5353";
            field.expected(wanted, hint, report)
        }
    }
}
