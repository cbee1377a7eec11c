//! The keys of `http` that say what the body of a response must be like, and how to read it.

use std::num::NonZeroU64;

use http::header;

use crate::config::field::Field;
use crate::config::fields::Fields;
use crate::config::problem::Report;
use crate::config::size;
use crate::target::body::{BodyChecks, Compression};
use crate::target::cel::Cel;
use crate::target::expression::Expression;
use crate::target::module::Module;

/// Reads the keys into a module whose `headers` were read; what is wrong in them is left at its
/// default.
pub fn read(fields: &mut Fields<'_>, module: &mut Module, report: &mut Report) {
    let matches = fields.take("fail_if_body_matches_regexp");
    let not_matches = fields.take("fail_if_body_not_matches_regexp");
    let json_matches = fields.take("fail_if_body_json_matches_cel");
    let json_not_matches = fields.take("fail_if_body_json_not_matches_cel");
    let compression = fields.take("compression");
    let size_limit = fields.take("body_size_limit");
    module.checks.body = BodyChecks {
        matches: regexps(matches, report),
        not_matches: regexps(not_matches, report),
        json_matches: json_matches.and_then(|field| expression(field, report)),
        json_not_matches: json_not_matches.and_then(|field| expression(field, report)),
        compression: compression.and_then(|field| self::compression(field, module, report)),
        size_limit: size_limit.and_then(|field| self::size_limit(field, report)),
    };
}

fn regexps(field: Option<Field<'_>>, report: &mut Report) -> Vec<Expression> {
    let Some(field) = field else {
        return Vec::new();
    };
    let items = field.list("a list of regular expressions", report);
    let regexp = |item| {
        let item = Field {
            node: item,
            ..field
        };
        match Expression::new(item.text(report)?) {
            Ok(regexp) => Some(regexp),
            Err(why) => item.mistake(&why, report),
        }
    };
    let items = items.unwrap_or_default().iter();
    items.map(AsRef::as_ref).filter_map(regexp).collect()
}

fn expression(field: Field<'_>, report: &mut Report) -> Option<Cel> {
    match Cel::new(field.text(report)?) {
        Ok(expression) => Some(expression),
        Err(why) => field.mistake(&why, report),
    }
}

/// Names may be written in capitals, and none is none, as in blackbox_exporter; what it does not
/// know it refuses at every probe.
fn compression(field: Field<'_>, module: &Module, report: &mut Report) -> Option<Compression> {
    let written = field.text(report)?;
    let compression = match written.to_ascii_lowercase().as_str() {
        "gzip" => Some(Compression::Gzip),
        "br" => Some(Compression::Br),
        "deflate" => Some(Compression::Deflate),
        "identity" | "" => None,
        _ => return field.expected("gzip, br, deflate or identity", "", report),
    };
    let mut headers = module.headers.iter();
    let asked = headers.find(|(name, _)| *name == header::ACCEPT_ENCODING);
    if let Some((_, asked)) = asked
        && !is_asked_for(written, &String::from_utf8_lossy(asked.expose().as_bytes()))
    {
        return field.mistake(
            "is not what the header \"Accept-Encoding\" asks for; name it there, or leave that header out",
            report,
        );
    }
    compression
}

/// Whether a request with this `Accept-Encoding` may be answered in `compression`: the most wanted
/// entry that names it, or everything, says so.
fn is_asked_for(compression: &str, accept_encoding: &str) -> bool {
    if compression.is_empty() || accept_encoding.is_empty() {
        return true;
    }
    let mut entries: Vec<(&str, f64)> = accept_encoding.split(',').map(entry).collect();
    entries.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let mut entries = entries.into_iter();
    let named = entries.find(|(name, _)| *name == compression || *name == "*");
    named.is_some_and(|(_, quality)| quality > 0.0)
}

/// A name, and how much it is wanted: in thousandths, and not at all if that cannot be read.
fn entry(text: &str) -> (&str, f64) {
    let Some((name, quality)) = text.rsplit_once(';') else {
        return (text.trim(), 1.0);
    };
    let quality = quality.trim();
    let quality = quality.strip_prefix("q=").unwrap_or(quality);
    let quality = quality.parse().unwrap_or(0.0);
    (name.trim(), (quality * 1000.0_f64).round() / 1000.0)
}

fn size_limit(field: Field<'_>, report: &mut Report) -> Option<NonZeroU64> {
    match size::parse(field.text(report)?) {
        Ok(bytes) => bytes.and_then(NonZeroU64::new),
        Err(hint) => field.expected("a size like 512KB or 1.5MB", hint, report),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_told_as_in_blackbox_exporter() {
        for (compression, accept_encoding, expected) in [
            ("", "gzip", true),
            ("gzip", "", true),
            ("gzip", "gzip", true),
            ("gzip", "br", false),
            ("GZIP", "gzip", false),
            ("br", "gzip, br", true),
            ("br", "gzip;q=1.0, br;q=0.5", true),
            ("br", "gzip;q=1.0, br;q=0", false),
            ("br", "gzip;q=1.0, br;q=0.0001", false),
            ("br", "gzip, *", true),
            ("br", "gzip, *;q=0", false),
            ("br", "br;q=0, *", true),
            ("br", "br;q=0, *;q=0", false),
            ("br", "br;q=high", false),
            ("br", " br ; q=0.5 ", true),
            ("identity", "gzip", false),
            ("identity", "gzip, identity;q=0.1", true),
            ("deflate", "deflate;level=9;q=0.5", false),
        ] {
            assert_eq!(
                is_asked_for(compression, accept_encoding),
                expected,
                "{compression} of {accept_encoding}"
            );
        }
    }
}
