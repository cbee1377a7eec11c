//! What a response must be like: headers, body, version, TLS.

use crate::blackbox::case::{Case, case, ok, raw, status};

const BODY: &str = "fail_if_body_matches_regexp: ['Could not', 'denied$']";
const NOT_BODY: &str = "fail_if_body_not_matches_regexp: ['^all', 'well$']";
const HEADER: &str = "fail_if_header_matches: [{header: X-State, regexp: '^bro'}]";
const NOT_HEADER: &str = "fail_if_header_not_matches: [{header: x-state, regexp: '^fi'}]";

/// Both fail; ours asks in another way.
const PRIOR: &str = "where HTTP/2.0 alone is listed it is spoken without TLS too";

pub fn cases() -> Vec<Case> {
    let mut cases = bodies();
    cases.extend(headers());
    cases.extend(versions_and_tls());
    cases
}

fn bodies() -> Vec<Case> {
    vec![
        case("body_matches")
            .http(BODY)
            .at("/", ok("Could not connect")),
        case("body_matches_the_second")
            .http(BODY)
            .at("/", ok("access denied")),
        case("body_matches_none").http(BODY).at("/", ok("fine")),
        case("body_matches_but_status").http(BODY).at(
            "/",
            raw("HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nCould not"),
        ),
        case("body_not_matches_all")
            .http(NOT_BODY)
            .at("/", ok("all is well")),
        case("body_not_matches_one")
            .http(NOT_BODY)
            .at("/", ok("all is bad")),
        case("body_not_matches_any").http(NOT_BODY).at("/", ok("")),
        case("body_matches_both_ways")
            .http("fail_if_body_matches_regexp: [bad], fail_if_body_not_matches_regexp: [good]")
            .at("/", ok("good and bad")),
        case("body_matches_in_any_case")
            .http("fail_if_body_matches_regexp: ['(?i)ERROR']")
            .at("/", ok("an Error")),
        case("body_matches_by_line")
            .http("fail_if_body_not_matches_regexp: ['(?m)^two$']")
            .at("/", ok("one\ntwo\nthree")),
        case("body_matches_over_lines")
            .http("fail_if_body_not_matches_regexp: ['one.two']")
            .at("/", ok("one\ntwo")),
        case("body_matches_bytes")
            .http("fail_if_body_not_matches_regexp: ['^.a$']")
            .at("/", ok(&b"\xffa"[..])),
        case("body_matches_with_classes")
            .http(r"fail_if_body_not_matches_regexp: ['^[[:alpha:]]+\s\d{3}\z']")
            .at("/", ok("abc 123")),
        case("body_matches_words")
            .http(r"fail_if_body_not_matches_regexp: ['\bok\b']")
            .at("/", ok("is ok.")),
        case("body_matches_only_ascii_digits")
            .http(r"fail_if_body_matches_regexp: ['\d']")
            .at("/", ok("٣")),
        case("body_matches_when_cut_short")
            .http("fail_if_body_matches_regexp: [bad]")
            .at("/", raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ngood")),
        case("body_matches_of_head")
            .http("method: HEAD, fail_if_body_not_matches_regexp: [a]")
            .at("/", ok("a")),
    ]
}

fn headers() -> Vec<Case> {
    let state = |value: &str| ok("").with("X-State", value);
    vec![
        case("header_matches").http(HEADER).at("/", state("broken")),
        case("header_matches_not")
            .http(HEADER)
            .at("/", state("fine")),
        case("header_matches_missing").http(HEADER).at("/", ok("")),
        case("header_matches_may_miss")
            .http("fail_if_header_matches: [{header: X-State, regexp: a, allow_missing: true}]")
            .at("/", ok("")),
        case("header_matches_one_of_two")
            .http(HEADER)
            .at("/", state("broken").with("X-State", "fine")),
        case("header_not_matches")
            .http(NOT_HEADER)
            .at("/", state("broken")),
        case("header_not_matches_but_does")
            .http(NOT_HEADER)
            .at("/", state("fine")),
        case("header_not_matches_missing")
            .http(NOT_HEADER)
            .at("/", ok("")),
        case("header_not_matches_may_miss")
            .http("fail_if_header_not_matches: [{header: X-State, regexp: a, allow_missing: true}]")
            .at("/", ok("")),
        case("header_not_matches_one_of_two")
            .http(NOT_HEADER)
            .at("/", state("broken").with("x-STATE", "fine")),
        case("header_matches_but_status")
            .http(HEADER)
            .at("/", status("404 No").with("X-State", "broken")),
        case("header_matches_before_body")
            .http(
                "fail_if_header_matches: [{header: X-State, regexp: bad}], \
                 fail_if_body_matches_regexp: [bad]",
            )
            .at("/", ok("bad").with("X-State", "bad")),
        case("header_fine_but_body")
            .http(
                "fail_if_header_matches: [{header: X-State, regexp: bad}], \
                 fail_if_body_matches_regexp: [bad]",
            )
            .at("/", ok("bad").with("X-State", "good")),
    ]
}

fn versions_and_tls() -> Vec<Case> {
    let tls = |name| {
        case(name)
            .target("https://localhost:{tls}/")
            .at("/", ok(""))
    };
    let old = || raw("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok");
    vec![
        case("version_1_0").at("/", old()),
        case("version_1_0_listed")
            .http("valid_http_versions: [HTTP/1.0]")
            .at("/", old()),
        case("version_1_0_not_listed")
            .http("valid_http_versions: [HTTP/1.1, HTTP/2.0]")
            .at("/", old()),
        case("version_1_1_listed")
            .http("valid_http_versions: [HTTP/1.1, HTTP/2.0]")
            .at("/", ok("")),
        case("version_1_1_not_listed")
            .http("valid_http_versions: [HTTP/2.0]")
            .at("/", ok("")),
        case("version_1_1_not_listed_nor_followed")
            .http("valid_http_versions: [HTTP/2.0], follow_redirects: false")
            .at("/", ok(""))
            .differs(
                PRIOR,
                &[
                    ("probe_http_status_code", "200", "0"),
                    ("probe_http_version", "1.1", "0"),
                    ("request 1*", "*", "*"),
                ],
            ),
        case("version_not_listed_and_status")
            .http("valid_http_versions: [HTTP/2.0]")
            .at("/", status("404 No")),
        case("ssl_wanted")
            .http("fail_if_not_ssl: true")
            .at("/", ok("")),
        case("ssl_wanted_but_status")
            .http("fail_if_not_ssl: true")
            .at("/", status("404 No")),
        tls("ssl_wanted_and_there")
            .http("fail_if_not_ssl: true, tls_config: {ca_file: '{dir}/ca.pem'}"),
        tls("ssl_unwanted").http("fail_if_ssl: true, tls_config: {ca_file: '{dir}/ca.pem'}"),
        case("ssl_unwanted_and_not_there")
            .http("fail_if_ssl: true")
            .at("/", ok("")),
        tls("ssl_wanted_and_unwanted").http(
            "fail_if_ssl: true, fail_if_not_ssl: true, tls_config: {ca_file: '{dir}/ca.pem'}",
        ),
    ]
}
