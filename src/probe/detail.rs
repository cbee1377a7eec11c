//! What the head of a response tells those who ask for details.

use std::time::UNIX_EPOCH;

use http::HeaderMap;
use http::Method;
use http::StatusCode;
use http::header;

use crate::outcome::detail::Head;
use crate::probe::walk::Walk;

/// Notes the head of a response to a request with `method`, if anybody asked.
pub fn note_head(walk: &mut Walk, status: StatusCode, headers: &HeaderMap, method: &Method) {
    if let Some(detail) = &mut walk.detail {
        detail.head = Some(Head {
            content_length: content_length(headers, status, method),
            last_modified: last_modified(headers),
        });
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
