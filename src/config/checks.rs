//! The keys of `http` that say what a response must be like besides its status.

use http::HeaderName;

use crate::config::field::Field;
use crate::config::fields::Fields;
use crate::config::http3;
use crate::config::problem::Report;
use crate::config::schema;
use crate::config::text::quote;
use crate::target::checks::{Checks, HeaderMatch};
use crate::target::expression::Expression;

/// The versions that a response can have.
const VERSIONS: [&str; 3] = ["HTTP/1.0", "HTTP/1.1", "HTTP/2.0"];

/// Reads the keys; what is wrong in them is left at its default.
pub fn read(fields: &mut Fields<'_>, enable_http3: bool, report: &mut Report) -> Checks {
    let versions = fields.take("valid_http_versions");
    let ssl = fields.take("fail_if_ssl");
    let not_ssl = fields.take("fail_if_not_ssl");
    let matches = fields.take("fail_if_header_matches");
    let not_matches = fields.take("fail_if_header_not_matches");
    let boolean = |field: Option<Field<'_>>, report: &mut Report| {
        field
            .and_then(|field| field.boolean(report))
            .unwrap_or_default()
    };
    let checks = Checks {
        http_versions: versions
            .and_then(|field| http_versions(field, enable_http3, report))
            .unwrap_or_default(),
        fail_if_ssl: boolean(ssl, report),
        fail_if_not_ssl: boolean(not_ssl, report),
        fail_if_header_matches: header_matches(matches, report),
        fail_if_header_not_matches: header_matches(not_matches, report),
        ..Checks::default()
    };
    if let (Some(field), true) = (not_ssl, checks.fail_if_ssl && checks.fail_if_not_ssl) {
        let message = "fail_if_not_ssl beside fail_if_ssl lets no probe succeed";
        report.warning(field.key_pos, message);
    }
    checks
}

fn http_versions(field: Field<'_>, enable_http3: bool, report: &mut Report) -> Option<Vec<String>> {
    let mut versions = Vec::new();
    for item in field.list("a list of versions like [HTTP/1.1]", report)? {
        let item = Field {
            node: item,
            ..field
        };
        let Some(version) = item.text(report) else {
            continue;
        };
        if enable_http3 || version == http3::VERSION {
            http3::check_version(version, item, enable_http3, report);
        } else if !VERSIONS.contains(&version) {
            // blackbox_exporter loads such a file.
            let shown = quote(version);
            let names = VERSIONS.join(", ");
            let message = format!("no response has the version {shown}; known are {names}");
            report.warning(item.pos(), message);
        }
        versions.push(version.to_owned());
    }
    Some(versions)
}

fn header_matches(field: Option<Field<'_>>, report: &mut Report) -> Vec<HeaderMatch> {
    let Some(field) = field else {
        return Vec::new();
    };
    let items = field.list("a list of header, regexp and allow_missing", report);
    let mut matches = Vec::new();
    for item in items.unwrap_or_default() {
        let item = Field {
            node: item,
            ..field
        };
        matches.extend(header_match(item, report));
    }
    matches
}

fn header_match(item: Field<'_>, report: &mut Report) -> Option<HeaderMatch> {
    let mut fields = Fields::open(item.node, &schema::HEADER_MATCH, report)?;
    let header = fields.take("header");
    let regexp = fields.take("regexp");
    let allow_missing = fields.take("allow_missing");
    fields.finish(report);
    let header =
        set(item, header, "header", report).and_then(|(field, text)| match HeaderName::from_bytes(
            text.as_bytes(),
        ) {
            Ok(name) => Some(name),
            Err(_) => field.expected("the name of a header", "", report),
        });
    let regexp =
        set(item, regexp, "regexp", report).and_then(|(field, text)| match Expression::new(text) {
            Ok(regexp) => Some(regexp),
            Err(why) => field.mistake(&why, report),
        });
    let allow_missing = allow_missing.and_then(|field| field.boolean(report));
    Some(HeaderMatch {
        header: header?,
        regexp: regexp?,
        allow_missing: allow_missing.unwrap_or_default(),
    })
}

/// The text of a key that must be there and not empty.
fn set<'n>(
    item: Field<'n>,
    field: Option<Field<'n>>,
    key: &str,
    report: &mut Report,
) -> Option<(Field<'n>, &'n str)> {
    let Some(field) = field else {
        return item.mistake(&format!("has an entry without {key}; add it"), report);
    };
    match field.text(report)? {
        "" => field.mistake("is empty", report),
        text => Some((field, text)),
    }
}
