//! Bodies: how they are framed, how long they are, how they are compressed.

use crate::blackbox::case::{Answer, Case, case, ok, raw};
use crate::support::compress::{deflate, gzip};
use crate::support::peer::Then;

const GZIP: &str = "compression: gzip, headers: {Accept-Encoding: gzip}";

pub fn cases() -> Vec<Case> {
    let mut cases = framed();
    cases.extend(compressed());
    cases.extend(limited());
    cases
}

fn framed() -> Vec<Case> {
    let chunked = |rest: &str| {
        raw(&format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{rest}"
        ))
    };
    let with_length = |length: &str, body: &str| {
        raw(&format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    };
    vec![
        case("length_of_nothing").at("/", ok("")),
        case("length_of_much").at("/", ok("x".repeat(1_000_000))),
        case("length_unknown").at("/", raw("HTTP/1.1 200 OK\r\n\r\nuntil the end")),
        case("length_unknown_of_1_0").at("/", raw("HTTP/1.0 200 OK\r\n\r\nuntil the end")),
        case("length_too_large").at("/", with_length("10", "short")),
        case("length_too_small").at("/", with_length("2", "longer")),
        case("length_negative")
            .at("/", with_length("-1", "x"))
            .differs(
                "a response counts once its head is whole, lest a conflict be missed",
                &[
                    ("probe_http_content_length", "0", "-1"),
                    ("probe_http_status_code", "0", "200"),
                    ("probe_http_version", "0", "1.1"),
                ],
            ),
        case("length_twice").at("/", with_length("1\r\nContent-Length: 1", "x")),
        case("length_two_ways")
            .at("/", with_length("1\r\nContent-Length: 2", "xy"))
            .differs(
                "a response counts once its head is whole, lest a conflict be missed",
                &[
                    ("probe_http_content_length", "0", "1"),
                    ("probe_http_status_code", "0", "200"),
                    ("probe_http_version", "0", "1.1"),
                ],
            ),
        case("length_then_reset").at("/", with_length("10", "short").then(Then::Reset)),
        case("chunks").at("/", chunked("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n")),
        case("chunks_with_extension").at("/", chunked("5;a=b\r\nhello\r\n0\r\n\r\n")),
        case("chunks_with_trailers").at("/", chunked("5\r\nhello\r\n0\r\nX-After: 1\r\n\r\n")),
        case("chunks_of_nothing").at("/", chunked("0\r\n\r\n")),
        case("chunks_without_end").at("/", chunked("5\r\nhello\r\n")),
        case("chunks_that_are_none").at("/", chunked("five\r\nhello\r\n0\r\n\r\n")),
        case("chunks_with_length")
            .at(
                "/",
                raw(
                    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n\
                 5\r\nhello\r\n0\r\n\r\n",
                ),
            )
            .differs(
                "two lengths in one head are how requests are smuggled",
                &[
                    ("probe_success", "1", "0"),
                    ("probe_http_uncompressed_body_length", "5", "0"),
                ],
            ),
    ]
}

fn compressed() -> Vec<Case> {
    let as_said = |body: Vec<u8>, encoding: &str| ok(body).with("Content-Encoding", encoding);
    let gzipped = || as_said(gzip("hello".repeat(20).as_bytes()), "gzip");
    let mut cut = gzip("hello".repeat(20).as_bytes());
    cut.truncate(cut.len() - 10);
    vec![
        case("gzip").http(GZIP).at("/", gzipped()),
        case("gzip_in_capitals")
            .http("compression: GZIP")
            .at("/", gzipped()),
        case("gzip_not_asked_for")
            .http("compression: gzip")
            .at("/", gzipped()),
        case("gzip_not_said")
            .http(GZIP)
            .at("/", ok(gzip("hello".repeat(20).as_bytes()))),
        case("gzip_not_expected").at("/", gzipped()),
        case("gzip_expected_in_vain")
            .http(GZIP)
            .at("/", ok("hello")),
        case("gzip_expected_of_nothing").http(GZIP).at("/", ok("")),
        case("gzip_of_nothing")
            .http(GZIP)
            .at("/", as_said(gzip(b""), "gzip")),
        case("gzip_cut").http(GZIP).at("/", as_said(cut, "gzip")),
        case("gzip_matches")
            .http("compression: gzip, fail_if_body_not_matches_regexp: ['^hello']")
            .at("/", gzipped()),
        case("gzip_of_head")
            .http("compression: gzip, method: HEAD")
            .at("/", gzipped()),
        case("gzip_in_chunks_of_a_404")
            .http("compression: gzip, valid_status_codes: [404]")
            .at(
                "/",
                Answer {
                    body: gzip(b"no"),
                    ..raw("HTTP/1.1 404 No\r\n\r\n")
                },
            ),
        case("deflate").http("compression: deflate").at(
            "/",
            as_said(deflate("hello".repeat(20).as_bytes()), "deflate"),
        ),
        case("deflate_expected_in_vain")
            .http("compression: deflate")
            .at("/", ok("hello")),
        case("br")
            .http("compression: br, headers: {Accept-Encoding: 'gzip;q=0.1, br'}")
            .at("/", as_said(brotli("hello"), "br")),
        case("br_expected_in_vain")
            .http("compression: br")
            .at("/", ok("hello")),
        case("identity")
            .http("compression: identity")
            .at("/", ok("hello")),
    ]
}

fn limited() -> Vec<Case> {
    vec![
        case("limit_above")
            .http("body_size_limit: 10B")
            .at("/", ok("hello")),
        case("limit_met")
            .http("body_size_limit: 5B")
            .at("/", ok("hello")),
        case("limit_below")
            .http("body_size_limit: 4B")
            .at("/", ok("hello")),
        case("limit_of_none")
            .http("body_size_limit: 0B")
            .at("/", ok("hello")),
        case("limit_in_kib")
            .http("body_size_limit: 1KB")
            .at("/", ok("x".repeat(1024))),
        case("limit_in_kib_passed")
            .http("body_size_limit: 1KB")
            .at("/", ok("x".repeat(1025))),
        case("limit_in_mib")
            .http("body_size_limit: 1MB")
            .at("/", ok("x".repeat(1_000_001))),
        case("limit_of_gzip")
            .http("body_size_limit: 50B, compression: gzip")
            .at("/", ok(gzip("hello".repeat(20).as_bytes()))),
        case("limit_and_match")
            .http("body_size_limit: 5B, fail_if_body_matches_regexp: [bad]")
            .at("/", ok("good or bad")),
        case("limit_and_match_below")
            .http("body_size_limit: 5B, fail_if_body_matches_regexp: [goo]")
            .at("/", ok("good or bad")),
    ]
}

/// One block that is not compressed and one that is empty (RFC 7932, section 9.2).
fn brotli(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len() - 1).unwrap();
    let head = (length << 4) | (1 << 20);
    let mut bytes = head.to_le_bytes()[..3].to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(3);
    bytes
}
