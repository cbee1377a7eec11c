//! Codes that count as themselves, whatever stands beside them.

use httpcycle_exporter::outcome::reason::Reason as R;

use crate::catalogue::Behaviour;
use crate::support::peer::Then::Hold;

pub fn all() -> Vec<Behaviour> {
    let answered = |name: String, code: u16, lines: &str| {
        let bytes = format!("HTTP/1.1 {code} X\r\n{lines}Content-Length: 0\r\n\r\n");
        let reason = match code {
            200..=299 => None,
            301 | 302 | 303 | 307 | 308 => Some(R::RedirectLocation),
            _ => Some(R::ValidateStatus),
        };
        Behaviour::answering(format!("status: {name}"), bytes, Hold)
            .fails(reason)
            .counts(code)
    };
    let mut rows = Vec::new();
    for code in [
        200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 299, 300, 301, 302, 303, 304, 305, 306,
        307, 308, 399, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 415,
        417, 418, 421, 422, 423, 424, 425, 426, 428, 429, 431, 444, 451, 499, 500, 501, 502, 503,
        504, 505, 507, 508, 511, 520, 599, 600, 700, 999,
    ] {
        rows.push(answered(code.to_string(), code, ""));
    }
    for (code, header) in [
        (503, "Retry-After: -1"),
        (503, "Retry-After: 1000000000000"),
        (503, "Retry-After: tomorrow"),
        (503, "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT"),
        (429, "Retry-After: 3600"),
        (401, "WWW-Authenticate: Basic realm=\"a"),
        (407, "Proxy-Authenticate: Basic"),
        (417, "Connection: close"),
        (426, "Upgrade: h2c"),
        (200, "Last-Modified: Thu, 32 Foo 99999 25:61:61 GMT"),
        (200, "Date: never"),
    ] {
        let lines = format!("{header}\r\n");
        rows.push(answered(format!("{code} with {header}"), code, &lines));
    }
    let cookies = "Set-Cookie: a=b\r\n".repeat(200);
    rows.push(answered("200 with 200 cookies".to_owned(), 200, &cookies));
    rows
}
