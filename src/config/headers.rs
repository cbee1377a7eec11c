//! The section `headers`: what a request carries.

use std::collections::HashMap;

use http::HeaderName;

use crate::config::field::Field;
use crate::config::problem::Report;
use crate::config::text::quote_key;
use crate::config::yaml::Entry;
use crate::target::credentials::{SecretValue, secret_value};

/// What is wrong with a text that no header can hold.
pub const NO_VALUE: &str = "holds a line break or another control character";

/// Headers that frame the message, which Go's client leaves out as well (net/http,
/// `reqWriteExcludeHeader`).
const LEFT_OUT: [(&str, &str); 3] = [
    ("content-length", "the probe counts the body itself"),
    ("transfer-encoding", "the probe frames the body itself"),
    ("trailer", "the probe sends no trailers"),
];

/// Reads the section.
pub fn read(field: Field<'_>, report: &mut Report) -> Vec<(HeaderName, SecretValue)> {
    let mut headers = Vec::new();
    let mut lines = HashMap::new();
    let entries = field.mapping("a mapping of names to values", report);
    for entry in entries.unwrap_or_default() {
        let name = name(entry, report);
        let value = value(entry, report);
        let Some(name) = name else { continue };
        if let Some(line) = lines.insert(name.clone(), entry.pos.line) {
            let message = format!(
                "header {} is given twice; the first is on line {line}",
                quote_key(&entry.key)
            );
            report.mistake(entry.pos, message);
        } else if let Some(value) = value {
            headers.push((name, value));
        }
    }
    headers
}

/// The name of a header that is sent.
pub fn name(entry: &Entry, report: &mut Report) -> Option<HeaderName> {
    let shown = quote_name(&entry.key);
    let Ok(name) = HeaderName::from_bytes(entry.key.as_bytes()) else {
        report.mistake(
            entry.pos,
            format!("header name {shown} is invalid; use letters, digits and -"),
        );
        return None;
    };
    if let Some((_, why)) = LEFT_OUT.iter().find(|(own, _)| name == *own) {
        report.warning(entry.pos, format!("header {shown} is not sent: {why}"));
        return None;
    }
    Some(name)
}

/// Quotes the name of a header, unless it has digits, as few names and most secrets have: what stands
/// there may be a value whose name is missing.
pub fn quote_name(name: &str) -> String {
    let shown = quote_key(name);
    match shown.contains(|c: char| c.is_ascii_digit()) {
        true => "\"…\"".to_owned(),
        false => shown,
    }
}

/// Nothing is an empty value, and white space around a value is no part of it, both as in Go.
fn value(entry: &Entry, report: &mut Report) -> Option<SecretValue> {
    let name = format!("the value of header {}", quote_name(&entry.key));
    let field = Field {
        name: &name,
        ..Field::of(entry)
    };
    let text = if field.node.is_null() {
        ""
    } else {
        field.text(report)?
    };
    value_of(field, text.as_bytes(), report)
}

/// Reads a value that is sent without the white space around it.
pub fn value_of(field: Field<'_>, bytes: &[u8], report: &mut Report) -> Option<SecretValue> {
    secret_value(bytes).or_else(|| field.mistake(NO_VALUE, report))
}
