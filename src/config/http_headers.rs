//! The section `http_headers`: headers of a request in the form that Prometheus has for them, with
//! several values, secrets and files to each name.

use http::HeaderName;

use crate::config::field::Field;
use crate::config::fields::Fields;
use crate::config::headers;
use crate::config::problem::Report;
use crate::config::schema;
use crate::config::source::Files;
use crate::config::text::quote_key;
use crate::target::credentials::{SecretValue, trimmed};
use crate::target::files::Part;

/// Headers that Prometheus sets by other keys, or by itself.
const RESERVED: [&str; 16] = [
    "authorization",
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "accept-encoding",
    "x-prometheus-remote-write-version",
    "x-prometheus-remote-read-version",
    "x-prometheus-scrape-timeout-seconds",
    "x-amz-date",
];

/// More of them, of SigV4.
const RESERVED_BY_SIGV4: [&str; 2] = ["x-amz-security-token", "x-amz-content-sha256"];

/// Reads the section; each name has its values, then its secrets, then its files.
pub fn read(
    field: Field<'_>,
    files: &mut Files<'_>,
    report: &mut Report,
) -> Vec<(HeaderName, SecretValue)> {
    let mut headers = Vec::new();
    let entries = field.mapping("a mapping of names to values, secrets and files", report);
    for entry in entries.unwrap_or_default() {
        let name = headers::name(entry, report).filter(|name| {
            let is_reserved = RESERVED.iter().chain(&RESERVED_BY_SIGV4).any(|r| name == r);
            if is_reserved {
                let shown = quote_key(&entry.key);
                let message =
                    format!("setting header {shown} in http_headers is not allowed; use headers");
                report.mistake(entry.pos, message);
            }
            !is_reserved
        });
        let values = values(Field::of(entry), headers.len(), files, report);
        if let Some(name) = name {
            headers.extend(values.into_iter().map(|value| (name.clone(), value)));
        }
    }
    headers
}

/// The values of one name, the first of which has the place `first` among all headers.
fn values(
    header: Field<'_>,
    first: usize,
    files: &mut Files<'_>,
    report: &mut Report,
) -> Vec<SecretValue> {
    let mut values = Vec::new();
    let Some(mut fields) = Fields::open(header.node, &schema::HTTP_HEADER, report) else {
        return values;
    };
    for key in ["values", "secrets", "files"] {
        let Some(field) = fields.take(key) else {
            continue;
        };
        for item in field.list("a list of text", report).unwrap_or_default() {
            let item = Field {
                node: item,
                ..field
            };
            let value = if key == "files" {
                let part = Part::HttpHeader(first + values.len());
                let bytes = files.read(item, part, report);
                bytes.and_then(|bytes| headers::value_of(item, trimmed(&bytes), report))
            } else {
                let text = item.text(report);
                text.and_then(|text| headers::value_of(item, text.as_bytes(), report))
            };
            values.extend(value);
        }
    }
    fields.finish(report);
    values
}
