//! The keys about proxies, with the rules of Prometheus's own clients about what goes together.

use http::HeaderName;

use crate::config::field::Field;
use crate::config::fields::Fields;
use crate::config::headers;
use crate::config::problem::Report;
use crate::target::credentials::SecretValue;
use crate::target::no_proxy::NoProxy;
use crate::target::proxy::{Proxies, ProxySettings, ProxyUrl, ProxyVariables};

/// Reads the keys; `None` if requests go straight to the target.
pub fn read(fields: &mut Fields<'_>, report: &mut Report) -> Option<Box<ProxySettings>> {
    let skip_field = fields.take("skip_resolve_phase_with_proxy");
    let skips_look_up = skip_field
        .and_then(|field| field.boolean(report))
        .unwrap_or_default();
    read_keys(fields, skips_look_up, report)
}

/// Reads the keys that Prometheus's own clients have as well.
pub fn read_keys(
    fields: &mut Fields<'_>,
    skips_look_up: bool,
    report: &mut Report,
) -> Option<Box<ProxySettings>> {
    let url_field = fields.take_given("proxy_url");
    let no_proxy_field = fields.take_given("no_proxy");
    let environment_field = fields.take("proxy_from_environment");
    let headers_field = fields.take("proxy_connect_header");

    let url = url_field.and_then(|field| proxy_url(field, report));
    let no_proxy = no_proxy_field
        .and_then(|field| field.text(report))
        .map(NoProxy::parse);
    let from_environment = environment_field
        .and_then(|field| field.boolean(report))
        .unwrap_or_default();
    let connect_headers =
        headers_field.map_or_else(Vec::new, |field| connect_headers(field, report));

    if let (true, Some(field)) = (from_environment, url_field) {
        field.mistake::<()>(
            "and proxy_from_environment are both given; keep one",
            report,
        );
    }
    if let Some(field) = no_proxy_field {
        if from_environment {
            let what =
                "has no effect with proxy_from_environment, which reads NO_PROXY; leave it out";
            field.mistake::<()>(what, report);
        } else if url_field.is_none() {
            field.mistake::<()>("needs a proxy_url to make exceptions from", report);
        }
    }
    if let (Some(field), None, false) = (headers_field, url_field, from_environment)
        && !connect_headers.is_empty()
    {
        let what = "needs a proxy_url or proxy_from_environment to send it to";
        field.mistake::<()>(what, report);
    }
    let proxies = match (url, environment_field) {
        (Some(url), _) => Proxies {
            http: Some(url.clone()),
            https: Some(url),
            no_proxy,
        },
        (None, Some(field)) if from_environment => of_environment(field, report)?,
        (None, _) => return None,
    };
    Some(Box::new(ProxySettings {
        proxies,
        connect_headers,
        skips_look_up,
    }))
}

fn proxy_url(field: Field<'_>, report: &mut Report) -> Option<ProxyUrl> {
    match ProxyUrl::parse(field.text(report)?) {
        Ok(url) => Some(url),
        Err(what) => field.mistake(&format!("is invalid: {what}"), report),
    }
}

fn of_environment(field: Field<'_>, report: &mut Report) -> Option<Proxies> {
    let variables = ProxyVariables::read(|name| std::env::var(name).ok());
    match variables.proxies() {
        Ok(proxies) => Some(proxies),
        Err(what) => field.mistake(&format!("finds {what}"), report),
    }
}

/// Each header has a list of values.
fn connect_headers(field: Field<'_>, report: &mut Report) -> Vec<(HeaderName, SecretValue)> {
    let mut headers = Vec::new();
    let entries = field.mapping("a mapping of names to lists of values", report);
    for entry in entries.unwrap_or_default() {
        let Some(name) = headers::name(entry, report) else {
            continue;
        };
        let shown = headers::quote_name(&entry.key);
        let header = Field {
            name: shown.trim_matches('"'),
            ..Field::of(entry)
        };
        let values = header.list("a list of values", report);
        for node in values.unwrap_or_default() {
            let item = Field { node, ..header };
            let value = item.text(report);
            let value = value.and_then(|text| headers::value_of(item, text.as_bytes(), report));
            headers.extend(value.map(|value| (name.clone(), value)));
        }
    }
    headers
}
