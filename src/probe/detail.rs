//! What the head of a response tells those who ask for details.

use std::time::UNIX_EPOCH;

use http::HeaderMap;
use http::Method;
use http::StatusCode;
use http::header;

use crate::outcome::detail::Head;
use crate::outcome::printable;
use crate::probe::walk::Walk;
use crate::target::address::TargetUrl;

/// The headers that people look at first, in the order in which they are shown. None of them is there
/// to let anybody in; `Location` may hold what does and is shown as a URL.
const TELLING: [&str; 14] = [
    "content-type",
    "content-length",
    "content-encoding",
    "etag",
    "last-modified",
    "cache-control",
    "age",
    "retry-after",
    "allow",
    "www-authenticate",
    "location",
    "server",
    "via",
    "x-request-id",
];

/// What bodies mostly are.
const MEDIA_TYPES: [&str; 9] = [
    "application/json",
    "application/octet-stream",
    "application/problem+json",
    "application/problem+xml",
    "application/x-www-form-urlencoded",
    "application/xml",
    "text/html",
    "text/plain",
    "text/xml",
];

/// How much of a header is shown.
const MAX_CHARS: usize = 200;

/// Notes the head of a response to a request with `method`, if anybody asked.
pub fn note_head(walk: &mut Walk, status: StatusCode, headers: &HeaderMap, method: &Method) {
    if let Some(detail) = &mut walk.detail {
        detail.head = Some(Head {
            content_length: content_length(headers, status, method),
            last_modified: last_modified(headers),
        });
        if let Some(wanted) = &mut detail.headers {
            *wanted = telling(headers);
        }
    }
}

/// Notes that the head was all of the response, which HTTP/2 tells with it.
pub fn note_end(walk: &mut Walk, method: &Method) {
    let head = walk.detail.as_mut().and_then(|detail| detail.head.as_mut());
    if let Some(head) = head.filter(|_| method != Method::HEAD) {
        head.content_length.get_or_insert(0);
    }
}

/// The length that a body is to have by its head, as Go's client finds it.
fn content_length(headers: &HeaderMap, status: StatusCode, method: &Method) -> Option<u64> {
    let is_bodyless = matches!(
        status,
        StatusCode::SWITCHING_PROTOCOLS | StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    if method != Method::HEAD && is_bodyless {
        return Some(0);
    }
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return None;
    }
    let named = headers.get(header::CONTENT_LENGTH);
    named.and_then(|value| value.to_str().ok()?.trim().parse().ok())
}

fn telling(headers: &HeaderMap) -> Vec<(&'static str, String)> {
    let found = TELLING.iter().filter_map(|name| {
        let value = String::from_utf8_lossy(headers.get(*name)?.as_bytes());
        Some((*name, value.into_owned()))
    });
    let shown = found.map(|(name, value)| match name {
        "location" => (name, without_secrets(&value)),
        _ => (name, value),
    });
    shown.collect()
}

/// A URL, or a part of one, without what may be a secret in it.
fn without_secrets(url: &str) -> String {
    TargetUrl::parse(url).map_or_else(
        |_| match url.contains('@') {
            true => "a URL that cannot be probed".to_owned(),
            false => url.split(['?', '#']).next().unwrap_or_default().to_owned(),
        },
        |url| url.to_string(),
    )
}

/// The value of a header fit to be shown, of which `masked` hides what the request held. A known media
/// type is none of that, though a request may have it too.
pub fn shown(value: &str, masked: impl Fn(&str) -> String) -> String {
    let known = MEDIA_TYPES.iter().find(|known| {
        let rest = value.strip_prefix(**known);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(';'))
    });
    let shown = match known.and_then(|known| Some((known, value.strip_prefix(known)?))) {
        Some((known, rest)) => format!("{known}{}", masked(rest)),
        None => masked(value),
    };
    printable(&shown, MAX_CHARS)
}

fn last_modified(headers: &HeaderMap) -> Option<i64> {
    let text = headers.get(header::LAST_MODIFIED)?.to_str().ok()?;
    let since_1970 = httpdate::parse_http_date(text)
        .ok()?
        .duration_since(UNIX_EPOCH);
    i64::try_from(since_1970.ok()?.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let lines = lines.iter().map(|(name, value)| {
            let name = http::HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        lines.collect()
    }

    #[test]
    fn lengths_are_those_of_go() {
        let length = ("content-length", "12");
        let chunked = ("transfer-encoding", "chunked");
        for (lines, status, method, expected) in [
            (&[length][..], 200, Method::GET, Some(12)),
            (&[], 200, Method::GET, None),
            (&[chunked], 200, Method::GET, None),
            (&[length], 204, Method::GET, Some(0)),
            (&[length], 304, Method::GET, Some(0)),
            (&[length], 200, Method::HEAD, Some(12)),
            (&[length], 304, Method::HEAD, Some(12)),
            (&[], 200, Method::HEAD, None),
            (&[("content-length", "x")], 200, Method::HEAD, None),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let found = content_length(&headers(lines), status, &method);
            assert_eq!(found, expected, "{lines:?} {status} {method}");
        }
    }

    #[test]
    fn a_media_type_that_was_sent_as_well_is_no_secret() {
        let hiding = |text: &str| text.replace("application/json", "?").replace("hidden", "?");
        for (value, expected) in [
            ("application/json", "application/json"),
            ("application/json;a=hidden", "application/json;a=?"),
            ("application/jsonhidden", "??"),
            ("hidden", "?"),
            ("a\u{1b}b", "a\u{fffd}b"),
        ] {
            assert_eq!(shown(value, hiding), expected, "{value}");
        }
    }

    #[test]
    fn a_location_is_shown_as_a_url() {
        for (location, expected) in [
            ("https://u:p@h.test/a?b=c#d", "https://h.test/a?b=xxxxx"),
            ("/a/b?c=d", "/a/b"),
            ("../a#b", "../a"),
            ("//u:p@h:port/", "a URL that cannot be probed"),
        ] {
            assert_eq!(without_secrets(location), expected, "{location}");
        }
    }

    #[test]
    fn dates_have_three_forms() {
        for (text, expected) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777)),
            ("Sun Nov  6 08:49:37 1994", Some(784_111_777)),
            ("1994-11-06T08:49:37Z", None),
            ("yesterday", None),
            ("", None),
        ] {
            let headers = headers(&[("last-modified", text)]);
            assert_eq!(last_modified(&headers), expected, "{text}");
        }
    }
}
