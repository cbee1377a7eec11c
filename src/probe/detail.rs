//! What the head of a response tells those who ask for details.

use std::time::UNIX_EPOCH;

use http::HeaderMap;
use http::Method;
use http::StatusCode;
use http::Version;
use http::header;
use hyper::body::Body;

use crate::outcome::detail::Head;
use crate::probe::walk::Walk;

/// Notes the head of a response to a request with `method`, if anybody asked.
pub fn note_head(walk: &mut Walk, response: &http::Response<impl Body>, method: &Method) {
    if let Some(detail) = &mut walk.detail {
        let ended = response.version() == Version::HTTP_2 && response.body().is_end_stream();
        let headers = response.headers();
        detail.head = Some(Head {
            content_length: content_length(headers, response.status(), method, ended),
            last_modified: last_modified(headers),
        });
    }
}

/// The length that a body is to have by its head, as Go's client finds it; `ended` if the head is
/// known to be all.
fn content_length(
    headers: &HeaderMap,
    status: StatusCode,
    method: &Method,
    ended: bool,
) -> Option<u64> {
    let is_bodyless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if method != Method::HEAD && is_bodyless {
        return Some(0);
    }
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return None;
    }
    let named = headers.get(header::CONTENT_LENGTH);
    let named = named.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    named.or_else(|| (ended && method != Method::HEAD).then_some(0))
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
        for (lines, status, method, ended, expected) in [
            (&[length][..], 200, Method::GET, false, Some(12)),
            (&[], 200, Method::GET, false, None),
            (&[], 200, Method::GET, true, Some(0)),
            (&[chunked], 200, Method::GET, false, None),
            (&[length], 204, Method::GET, false, Some(0)),
            (&[length], 304, Method::GET, false, Some(0)),
            (&[length], 200, Method::HEAD, false, Some(12)),
            (&[length], 304, Method::HEAD, false, Some(12)),
            (&[], 200, Method::HEAD, true, None),
            (&[("content-length", "x")], 200, Method::HEAD, false, None),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let found = content_length(&headers(lines), status, &method, ended);
            assert_eq!(found, expected, "{lines:?} {status} {method} {ended}");
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
