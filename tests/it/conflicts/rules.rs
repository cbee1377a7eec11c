//! Each kind of rule with bodies that have a value and bodies that have none.

use std::time::Duration;

use httpcycle_exporter::outcome::Verdict;
use httpcycle_exporter::outcome::reason::Reason as R;

use super::{PATIENCE, answer, module, outcome, reason};
use crate::support::peer::Then::{self, Close, Hold, Reset};

const JSON: &str = "{json: /reason, values: {AlreadyExists: already_exists, AlreadyThere: already_exists, \
                    Stale: stale-write, 409: four_0_nine, true: 'yes, it is', Known: other, None: unspecified}}";
const DEEP: &str = "{json: /errors/0/code, values: {stale: stale}}";
const BARE: &str = "{json: /reason}";
const HEADER: &str = "{header: X-Reason, values: {stale: stale, 'a b': spaced}}";
const REGEXP: &str = r#"{regexp: 'code=(\w*)', values: {stale: stale, locked: locked}}"#;
const REGEX: &str = r#"{regex: '(?i)<h1>([^<]*)</h1>', values: {Locked by Bob: locked}}"#;
const PROBLEM: &str = "{preset: problem, values: {'https://a.example/stale': stale}}";
const KUBERNETES: &str = "{preset: kubernetes}";
const CHANGED: &str =
    "{preset: kubernetes, values: {Conflict: stale, AlreadyExists: other, Gone: gone}}";
const S3: &str = "{preset: s3}";
const COUCHDB: &str = "{preset: couchdb}";
const ELASTIC: &str = "{preset: elasticsearch}";

/// A rule, headers, a body and the reason that they make.
type Row<'a> = (&'a str, &'a str, &'a [u8], &'a str);

#[rustfmt::skip]
const ROWS: &[Row<'_>] = &[
    (JSON, "", br#"{"reason":"AlreadyExists"}"#, "already_exists"),
    (JSON, "", br#"{"reason": "AlreadyThere", "x": [{}]}"#, "already_exists"),
    (JSON, "Content-Type: text/html\r\n", br#"{"reason":"Stale"}"#, "stale-write"),
    (JSON, "", br#"{"reason":409}"#, "four_0_nine"),
    (JSON, "", br#"{"reason":"409"}"#, "four_0_nine"),
    (JSON, "", br#"{"reason":true}"#, "yes, it is"),
    (JSON, "", br#"{"reason":"Known"}"#, "other"),
    (JSON, "", br#"{"reason":"None"}"#, "unspecified"),
    (JSON, "", br#"{"reason":"alreadyexists"}"#, "other"),
    (JSON, "", br#"{"reason":" Stale"}"#, "other"),
    (JSON, "", br#"{"reason":409.0}"#, "other"),
    (JSON, "", br#"{"reason":false}"#, "other"),
    (JSON, "", br#"{"reason":""}"#, "unspecified"),
    (JSON, "", br#"{"reason":null}"#, "unspecified"),
    (JSON, "", br#"{"reason":{"Stale":1}}"#, "unspecified"),
    (JSON, "", br#"{"reason":["Stale"]}"#, "unspecified"),
    (JSON, "", br#"{"Reason":"Stale"}"#, "unspecified"),
    (JSON, "", br#"["Stale"]"#, "unspecified"),
    (JSON, "", b"reason: Stale", "unspecified"),
    (JSON, "X-Reason: Stale\r\nreason: Stale\r\n", b"", "unspecified"),
    (DEEP, "", br#"{"errors":[{"code":"stale"},{"code":"x"}]}"#, "stale"),
    (DEEP, "", br#"{"errors":[]}"#, "unspecified"),
    (BARE, "", br#"{"reason":"Stale"}"#, "other"),
    (BARE, "", br#"{}"#, "unspecified"),
    (HEADER, "x-reason:  stale \r\n", b"", "stale"),
    (HEADER, "X-Reason:\r\n  stale\r\n", b"", "stale"),
    (HEADER, "X-Reason: a b\r\n", b"stale", "spaced"),
    (HEADER, "X-Reason: stale\r\nX-Reason: x\r\n", b"", "stale"),
    (HEADER, "X-Reason: x\r\nX-Reason: stale\r\n", b"", "other"),
    (HEADER, "X-Reason: Stale\r\n", b"", "other"),
    (HEADER, "X-Reason: \u{ff}\r\n", b"", "other"),
    (HEADER, "X-Reason:\r\n", b"", "unspecified"),
    (HEADER, "", br#"{"X-Reason":"stale"}"#, "unspecified"),
    (REGEXP, "", b"<p>\ncode=stale\ncode=locked", "stale"),
    (REGEXP, "", b"\xff\xfe\0code=locked\xff", "locked"),
    (REGEXP, "", b"code=else", "other"),
    (REGEXP, "", b"code=", "unspecified"),
    (REGEXP, "", b"CODE=stale", "unspecified"),
    (REGEXP, "Code: code=stale\r\n", b"", "unspecified"),
    (REGEX, "", b"<html><H1>Locked by Bob</H1>", "locked"),
    (PROBLEM, "", br#"{"type":"https://a.example/stale","title":"x"}"#, "stale"),
    (PROBLEM, "", br#"{"type":"https://a.example/else"}"#, "other"),
    (PROBLEM, "", br#"{"type":"about:blank"}"#, "unspecified"),
    (PROBLEM, "", br#"{"title":"x"}"#, "unspecified"),
    (KUBERNETES, "", br#"{"kind":"Status","reason":"AlreadyExists","code":409}"#, "already_exists"),
    (KUBERNETES, "", br#"{"kind":"Status","reason":"Conflict","code":409}"#, "conflict"),
    (KUBERNETES, "", br#"{"kind":"Status","reason":"Gone","code":410}"#, "other"),
    (CHANGED, "", br#"{"reason":"Conflict"}"#, "stale"),
    (CHANGED, "", br#"{"reason":"AlreadyExists"}"#, "other"),
    (CHANGED, "", br#"{"reason":"Gone"}"#, "gone"),
    (S3, "", b"<?xml version=\"1.0\"?>\n<Error><Code>BucketNotEmpty</Code><Message>x</Message></Error>", "bucket_not_empty"),
    (S3, "", b"<Error>\n <Code>\n  BucketAlreadyOwnedByYou\n </Code></Error>", "bucket_already_owned_by_you"),
    (S3, "", b"<Error><Code>NoSuchKey</Code></Error>", "other"),
    (S3, "", b"<Error><Code></Code></Error>", "unspecified"),
    (COUCHDB, "", br#"{"error":"conflict","reason":"Document update conflict."}"#, "conflict"),
    (COUCHDB, "", br#"{"error":"file_exists","reason":"x"}"#, "file_exists"),
    (ELASTIC, "", br#"{"error":{"root_cause":[{"type":"x"}],"type":"version_conflict_engine_exception"},"status":409}"#, "version_conflict_engine_exception"),
    (ELASTIC, "", br#"{"error":"x","status":409}"#, "unspecified"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_rule_finds_what_is_there() {
    for &(rule, headers, body, expected) in ROWS {
        let row = format!(
            "{rule} of {headers:?} and {:?}",
            String::from_utf8_lossy(body)
        );
        // A byte that is no ASCII stands for itself.
        let headers: Vec<u8> = headers.chars().map(|c| u8::try_from(c).unwrap()).collect();
        let bytes = answer("HEADERS", body);
        let at = bytes
            .windows(7)
            .position(|window| window == b"HEADERS")
            .unwrap();
        let bytes = [&bytes[..at], &headers, &bytes[at + 7..]].concat();
        for (valid, verdict) in [("200", Verdict::Conflict), ("200, 409", Verdict::Success)] {
            let http = format!("valid_status_codes: [{valid}], conflict: {{reason: {rule}}}");
            let module = module(&http);
            let outcome = outcome(&module, bytes.clone(), Hold, PATIENCE).await;
            assert_eq!(reason(&module, &outcome), Some(expected), "{row}");
            assert_eq!(outcome.verdict(), verdict, "{row}");
            assert_eq!(
                outcome.failure.is_some(),
                verdict == Verdict::Conflict,
                "{row}"
            );
            let response = outcome.response.unwrap();
            assert_eq!(response.body_bytes, body.len() as u64, "{row}");
        }
    }
}

/// What arrived of a body, how it goes on, how the connection ends, and the reasons by JSON and by
/// expression.
type Broken<'a> = (&'a str, Then, Option<&'a str>, &'a str, &'a str);

#[rustfmt::skip]
const BROKEN: &[Broken<'_>] = &[
    ("Content-Length: 99\r\n\r\n{\"reason\":\"Stale\",\"x\":\"code=stale\n", Close, Some("then: "), "unspecified", "stale"),
    ("Content-Length: 99\r\n\r\n{\"reason\":\"Stale\",\"x\":\"code=stale\n", Reset, Some("then: "), "unspecified", "stale"),
    ("Content-Length: 99\r\n\r\n{\"reason\":\"Stale\",\"x\":\"code=stale\n", Hold, Some("then: not done after"), "unspecified", "stale"),
    ("Content-Length: 99\r\n\r\n", Close, Some("then: "), "unspecified", "unspecified"),
    // All of it is there, but for the sign of its end.
    ("Transfer-Encoding: chunked\r\n\r\n23\r\n{\"reason\":\"Stale\",\"x\":\"code=stale\"}\r\n", Close, Some("then: "), "stale-write", "stale"),
    ("Transfer-Encoding: chunked\r\n\r\n15\r\n{\"reason\":\"Stale\"}   \r\n", Hold, Some("then: "), "stale-write", "unspecified"),
    ("Transfer-Encoding: chunked\r\n\r\n9\r\n{\"reason\"\r\n11\r\n:\"Stale\",\"x\":\"cod\r\n8\r\ne=stale\"\r\n1\r\n}\r\n0\r\n\r\n", Hold, None, "stale-write", "stale"),
    ("\r\n{\"reason\":\"Stale\",\"x\":\"code=stale\"}", Close, None, "stale-write", "stale"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_broke_tells_what_arrived() {
    for &(bytes, then, also, by_json, by_regexp) in BROKEN {
        for (rule, expected) in [(JSON, by_json), (REGEXP, by_regexp)] {
            let row = format!("{rule} of {bytes:?}, then {then:?}");
            let module = module(&format!("conflict: {{reason: {rule}}}"));
            let bytes = format!("HTTP/1.1 409 Conflict\r\n{bytes}").into_bytes();
            let outcome = outcome(&module, bytes, then, Duration::from_millis(1_500)).await;
            assert_eq!(reason(&module, &outcome), Some(expected), "{row}");
            assert_eq!(outcome.verdict(), Verdict::Conflict, "{row}");
            let failure = outcome.failure.unwrap();
            assert_eq!(failure.reason, R::ValidateStatus, "{row}");
            let detail = failure.detail;
            assert_eq!(detail.contains("then: "), also.is_some(), "{row}: {detail}");
            assert!(detail.contains(also.unwrap_or_default()), "{row}: {detail}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_conflicts_have_reasons() {
    let module = module(&format!(
        "conflict: {{codes: [409, 412], reason: {COUCHDB}}}"
    ));
    let body = r#"{"error":"file_exists"}"#;
    for (code, expected) in [("200", None), ("412", Some("file_exists")), ("500", None)] {
        let bytes = format!(
            "HTTP/1.1 {code} X\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let outcome = outcome(&module, bytes.into_bytes(), Hold, PATIENCE).await;
        assert_eq!(reason(&module, &outcome), expected, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reason_stands_in_the_words_of_the_failure() {
    let long = format!(r#"{{"reason":"{}"}}"#, "ü".repeat(1_000));
    let cut = format!(r#"status 409, reason other: "{}""#, "ü".repeat(80));
    for (body, expected) in [
        (r#"{"reason":"Stale"}"#, "status 409, reason stale-write"),
        (
            r#"{"reason":"New\n1"}"#,
            r#"status 409, reason other: "New\n1""#,
        ),
        (r#"{"reason":"None"}"#, "status 409"),
        ("", "status 409"),
        (&long, &cut),
    ] {
        let module = module(&format!("conflict: {{reason: {JSON}}}"));
        let bytes = answer("", body.as_bytes());
        let outcome = outcome(&module, bytes, Hold, PATIENCE).await;
        assert_eq!(outcome.failure.unwrap().detail, expected);
    }
}

/// The search for a reason is the exporter's own time, however long it takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looking_for_the_reason_is_overhead() {
    // The first is one of the few expressions that take long to find nothing.
    let mut overheads = Vec::new();
    for rule in ["regexp: '(a.{400})x$'", "header: X-Reason"] {
        let module = module(&format!("conflict: {{reason: {{{rule}}}}}"));
        let bytes = answer("", &"aä".repeat(20_000).into_bytes());
        let timeline = outcome(&module, bytes, Hold, PATIENCE).await.timeline;
        overheads.push(timeline.overhead());
    }
    assert!(overheads[0] > 4 * overheads[1], "{overheads:?}");
}
