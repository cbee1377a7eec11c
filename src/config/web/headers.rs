//! The section `http_server_config`: HTTP/2, and the headers that every response has.

use http::{HeaderName, HeaderValue, header};

use crate::config::field::Field;
use crate::config::fields::Fields;
use crate::config::problem::Report;
use crate::config::web::schema;

/// The headers that exporter-toolkit lets be set, with the values that it allows, all if there is
/// none.
const HEADERS: [(&str, HeaderName, &[&str]); 5] = [
    (
        "Strict-Transport-Security",
        header::STRICT_TRANSPORT_SECURITY,
        &[],
    ),
    (
        "X-Content-Type-Options",
        header::X_CONTENT_TYPE_OPTIONS,
        &["nosniff"],
    ),
    (
        "X-Frame-Options",
        header::X_FRAME_OPTIONS,
        &["deny", "sameorigin"],
    ),
    ("X-XSS-Protection", header::X_XSS_PROTECTION, &[]),
    (
        "Content-Security-Policy",
        header::CONTENT_SECURITY_POLICY,
        &[],
    ),
];

/// Reads the section: whether HTTP/2 is offered, and the headers.
pub fn read(field: Field<'_>, report: &mut Report) -> (bool, Vec<(HeaderName, HeaderValue)>) {
    let mut headers = Vec::new();
    let Some(mut fields) = Fields::open(field.node, &schema::HTTP_SERVER, report) else {
        return (true, headers);
    };
    let http2 = fields.take("http2");
    let http2 = http2.and_then(|field| field.boolean(report));
    if let Some(field) = fields.take("headers")
        && let Some(mut fields) = Fields::open(field.node, &schema::SERVER_HEADERS, report)
    {
        for (key, name, allowed) in HEADERS {
            let value = fields.take(key);
            let value = value.and_then(|field| value_of(field, allowed, report));
            headers.extend(value.map(|value| (name, value)));
        }
        fields.finish(report);
    }
    fields.finish(report);
    (http2.unwrap_or(true), headers)
}

/// The value of a header; one that is left blank is not set.
fn value_of(field: Field<'_>, allowed: &[&str], report: &mut Report) -> Option<HeaderValue> {
    let text = field.text(report)?;
    if !allowed.is_empty() && !allowed.contains(&text) {
        return field.expected(&allowed.join(" or "), "", report);
    }
    if text.is_empty() {
        return None;
    }
    match HeaderValue::from_str(text) {
        Ok(value) => Some(value),
        Err(_) => field.expected("text that a header can hold, on one line", "", report),
    }
}
