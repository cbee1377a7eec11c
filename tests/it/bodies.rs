//! What a module wants of a body: keys as users write them, against real sockets.

use std::path::Path;
use std::time::Duration;

use httpcycle_exporter::config;
use httpcycle_exporter::outcome::judgement::Judgement;
use httpcycle_exporter::outcome::phase::Phase;
use httpcycle_exporter::outcome::reason::Reason as R;
use httpcycle_exporter::outcome::{Outcome, Verdict};
use httpcycle_exporter::target::module::Module;
use tokio::time::Instant;

use crate::support::compress::{deflate, gzip};
use crate::support::peer::{self, Then};
use crate::support::probing;

/// Longer than any probe takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// `{"state": "paid"}`, and the same in br, whose encoder is not among the dependencies.
const PAID: &[u8] = br#"{"state": "paid"}"#;
const PAID_BR: &[u8] = include_bytes!("../bodies/paid.br");

/// 100 MB of zeros in br.
const ZEROS_BR: &[u8] = include_bytes!("../bodies/zeros.br");

/// The module `m` of a configuration that has these keys under `http`.
fn module(http: &str) -> Module {
    let text = format!("modules: {{m: {{prober: http, http: {{{http}}}}}}}\n");
    let config = config::parse("f.yml", Path::new(""), &text, &|_| Ok(()));
    let config = config.unwrap_or_else(|problems| panic!("{text}{problems}"));
    Module::clone(&config.modules["m"].module)
}

/// A response with this status and body, of known length or in chunks.
fn response(status: &str, body: &[u8], in_chunks: bool) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status}\r\n").into_bytes();
    if in_chunks {
        bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
        for chunk in body.chunks(7_000) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
            bytes.extend([chunk, b"\r\n"].concat());
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
    } else {
        bytes.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes());
        bytes.extend_from_slice(body);
    }
    bytes
}

async fn probe(http: &str, bytes: Vec<u8>, then: Then) -> Outcome {
    let peer = peer::answering(bytes, then).await;
    let url = format!("http://{}/", peer.address);
    probing::probe(&probing::prober(&url, module(http), PATIENCE)).await
}

/// How the expressions of a module went: neither looked at, fine or failed.
type Flags = (Option<bool>, Option<bool>);

const NEITHER: Flags = (None, None);
const FINE: Option<bool> = Some(false);
const FAILED: Option<bool> = Some(true);

/// Keys under `http`, a status, a body, then the reason and words of the failure, and the flags.
type Row = (
    &'static str,
    &'static str,
    Vec<u8>,
    Option<(R, &'static str)>,
    Flags,
);

const MATCHES: &str = "fail_if_body_matches_regexp: ['a.c', '(?i)down']";
const NOT_MATCHES: &str = "fail_if_body_not_matches_regexp: ['^a', 'z$']";
const BOTH: &str = "fail_if_body_matches_regexp: [b], fail_if_body_not_matches_regexp: [c]";
const JSON: &str = "fail_if_body_json_matches_cel: body.n > 1";
const NOT_JSON: &str = "fail_if_body_json_not_matches_cel: 'body.l.all(x, x > 0)'";
const TWICE: &str = "fail_if_body_json_matches_cel: has(body.error), fail_if_body_json_not_matches_cel: body.n == 1";
const TEXT_AND_JSON: &str =
    "fail_if_body_not_matches_regexp: ['\"n\"'], fail_if_body_json_not_matches_cel: body.n == 1";
const ALL: &str = "fail_if_header_matches: [{header: content-length, regexp: '^3$'}], \
                   fail_if_body_matches_regexp: ['\\[6'], fail_if_body_json_matches_cel: body.size() == 4, \
                   body_size_limit: 200B, valid_http_versions: [HTTP/1.0], fail_if_not_ssl: true";

fn text(detail: &'static str) -> Option<(R, &'static str)> {
    Some((R::ValidateBody, detail))
}

fn json(detail: &'static str) -> Option<(R, &'static str)> {
    Some((R::ValidateJson, detail))
}

#[rustfmt::skip]
fn checks() -> Vec<Row> {
    let ok = "200 OK";
    let body = |text: &str| text.as_bytes().to_vec();
    let deep = body(&format!("{}1{}", r#"{"n":"#.repeat(10_000), "}".repeat(10_000)));
    let many = body(&format!("[{}1]", "1,".repeat(1_000_000)));
    vec![
        (MATCHES, ok, body(""), None, (FINE, None)),
        (MATCHES, ok, body("acb"), None, (FINE, None)),
        (MATCHES, ok, body("xabcx"), text(r#"the body matches "a.c""#), (FAILED, None)),
        (MATCHES, ok, body("all\nDOWN\n"), text(r#"the body matches "(?i)down""#), (FAILED, None)),
        (MATCHES, ok, b"a\xffc".to_vec(), text(r#"the body matches "a.c""#), (FAILED, None)),
        (NOT_MATCHES, ok, body("a-z"), None, (FINE, None)),
        (NOT_MATCHES, ok, body("a-y"), text(r#"the body does not match "z$""#), (FAILED, None)),
        (NOT_MATCHES, ok, body(""), text(r#"the body does not match "^a""#), (FAILED, None)),
        (BOTH, ok, body("c"), None, (FINE, None)),
        (BOTH, ok, body("b"), text(r#"the body matches "b""#), (FAILED, None)),
        (BOTH, ok, body("a"), text(r#"the body does not match "c""#), (FAILED, None)),
        (JSON, ok, body(r#"{"n": 1}"#), None, (None, FINE)),
        (JSON, ok, body(r#"{"n": 1.5}"#), json(r#"the body matches "body.n > 1""#), (None, FAILED)),
        (JSON, ok, body(r#"{"m": 1}"#), json(r#""body.n > 1" cannot be told: no such key: n"#), (None, FAILED)),
        (JSON, ok, body(r#"{"n": "1"}"#), json(r#""body.n > 1" cannot be told: found no matching overload"#), (None, FAILED)),
        (JSON, ok, body(""), json("the body is no JSON that can be checked: EOF"), (None, FAILED)),
        (JSON, ok, body("<html>"), json("the body is no JSON that can be checked: expected value"), (None, FAILED)),
        (JSON, ok, body(r#"{"n": 1} {}"#), json("the body is no JSON that can be checked: trailing"), (None, FAILED)),
        (JSON, ok, body(r#"{"n": 1e400}"#), json("the body is no JSON that can be checked: number out of range"), (None, FAILED)),
        (JSON, ok, b"{\"n\": 1, \"\xff\": \"\xff\"}".to_vec(), None, (None, FINE)),
        (JSON, ok, deep, json("the body is no JSON that can be checked: recursion limit"), (None, FAILED)),
        (JSON, ok, many, json("the body is no JSON that can be checked: more than 1000000 values"), (None, FAILED)),
        ("fail_if_body_json_matches_cel: body.n", ok, body(r#"{"n": 1}"#), json(r#""body.n" cannot be told: its result is double, no boolean"#), (None, FAILED)),
        (NOT_JSON, ok, body(r#"{"l": [1, 2]}"#), None, (None, FINE)),
        (NOT_JSON, ok, body(r#"{"l": [1, 0]}"#), json(r#"the body does not match "body.l.all(x, x > 0)""#), (None, FAILED)),
        (NOT_JSON, ok, body(r#"{"l": {}}"#), None, (None, FINE)),
        (NOT_JSON, ok, body(r#"{"l": 1}"#), json(r#""body.l.all(x, x > 0)" cannot be told"#), (None, FAILED)),
        (TWICE, ok, body(r#"{"n": 1}"#), None, (None, FINE)),
        (TWICE, ok, body(r#"{"n": 1, "error": 1}"#), json(r#"the body matches "has(body.error)""#), (None, FAILED)),
        (TWICE, ok, body(r#"{"n": 2}"#), json(r#"the body does not match "body.n == 1""#), (None, FAILED)),
        (TEXT_AND_JSON, ok, body(r#"{"n": 1}"#), None, (FINE, FINE)),
        (TEXT_AND_JSON, ok, body(r#"{"m": 1}"#), text(r#"the body does not match "\"n\"""#), (FAILED, None)),
        (TEXT_AND_JSON, ok, body(r#"{"n": 2}"#), json(r#"the body does not match "body.n == 1""#), (FINE, FAILED)),
        (ALL, "500 No", body("[1]"), Some((R::ValidateStatus, "status 500")), NEITHER),
        (ALL, ok, body("[1]"), Some((R::ValidateHeader, "header content-length matches")), (FAILED, None)),
        (ALL, ok, body("[6, 2, 3, 4]"), text(r#"the body matches "\\[6""#), (FAILED, None)),
        (ALL, ok, body("[1, 2, 3, 4]"), json(r#"the body matches "body.size() == 4""#), (FINE, FAILED)),
        (ALL, ok, body("[1, 2, 3]"), Some((R::ValidateHttpVersion, "HTTP/1.1 instead of HTTP/1.0")), (FINE, FINE)),
    ]
}

fn assert_judged(what: &str, outcome: &Outcome, expected: Option<(R, &str)>, flags: Flags) {
    let failure = outcome.failure.as_ref();
    let reason = failure.map(|failure| failure.reason);
    assert_eq!(
        reason,
        expected.map(|expected| expected.0),
        "{what}: {failure:?}"
    );
    if let (Some(failure), Some((_, detail))) = (failure, expected) {
        assert!(
            failure.detail.starts_with(detail),
            "{what}: {}",
            failure.detail
        );
    }
    let Judgement {
        failed_by_regexp,
        failed_by_cel,
        ..
    } = outcome.judgement;
    assert_eq!((failed_by_regexp, failed_by_cel), flags, "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_are_as_the_module_wants_them_or_not() {
    for (http, status, body, expected, flags) in checks() {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        let what = format!("{http}: {status}, {shown}");
        let outcome = probe(http, response(status, &body, false), Then::Hold).await;
        assert_judged(&what, &outcome, expected, flags);
        let length = body.len() as u64;
        assert_eq!(outcome.response.unwrap().body_bytes, length, "{what}");
        assert_eq!(outcome.judgement.decoded_bytes, length, "{what}");
        if http != ALL {
            let outcome = probe(http, response(status, &body, true), Then::Hold).await;
            assert_judged(&format!("{what} in chunks"), &outcome, expected, flags);
        }
    }
}

const GZIP: &str = "compression: gzip";
const BR: &str = "compression: br";
const DEFLATE: &str = "compression: Deflate";
const IDENTITY: &str = "compression: identity, fail_if_body_not_matches_regexp: [paid]";
const GZIP_TEXT: &str = "compression: gzip, fail_if_body_not_matches_regexp: [paid]";
const BR_JSON: &str = "compression: br, fail_if_body_json_not_matches_cel: body.state == 'paid'";
const GZIP_BOTH: &str = "compression: gzip, body_size_limit: 20B, fail_if_body_not_matches_regexp: [paid], \
                         fail_if_body_json_not_matches_cel: body.state == 'paid'";
const LIMIT: &str = "body_size_limit: 1KB";
const LIMIT_TEXT: &str = "body_size_limit: 1KB, fail_if_body_matches_regexp: [z]";
const GZIP_LIMIT: &str = "compression: gzip, body_size_limit: 1KB";

/// Like the rows above, with the length of the decoded body behind the body itself.
type Coded = (
    &'static str,
    &'static str,
    Vec<u8>,
    u64,
    Option<(R, &'static str)>,
    Flags,
);

#[rustfmt::skip]
fn coded() -> Vec<Coded> {
    let ok = "200 OK";
    let decode = |detail| Some((R::TransferBodyDecode, detail));
    let too_large = |detail| Some((R::TransferBodyTooLarge, detail));
    let arrived = too_large("the body has more than 1024 bytes");
    let decoded = too_large("the decoded body has more than 1024 bytes");
    let cut = |bytes: &[u8]| bytes[..bytes.len() - 3].to_vec();
    let of = |length| vec![b'a'; length];
    vec![
        (GZIP, ok, gzip(PAID), 17, None, NEITHER),
        (GZIP, ok, PAID.to_vec(), 0, decode("the body is no gzip: "), NEITHER),
        (GZIP, ok, cut(&gzip(PAID)), 17, decode("the body is no gzip: "), NEITHER),
        (GZIP, ok, Vec::new(), 0, decode("the body is no gzip: "), NEITHER),
        (GZIP, "500 No", PAID.to_vec(), 0, Some((R::ValidateStatus, "status 500")), NEITHER),
        (GZIP, "500 No", gzip(PAID), 17, Some((R::ValidateStatus, "status 500")), NEITHER),
        (BR, ok, PAID_BR.to_vec(), 17, None, NEITHER),
        (BR, ok, gzip(PAID), 0, decode("the body is no br"), NEITHER),
        (BR, ok, cut(PAID_BR), 0, decode("the br in the body is cut"), NEITHER),
        (DEFLATE, ok, deflate(PAID), 17, None, NEITHER),
        (DEFLATE, ok, b"\xff\xff".to_vec(), 0, decode("the body is no bare deflate: "), NEITHER),
        (DEFLATE, ok, cut(&deflate(&of(9))), 1, decode("the deflate in the body is cut"), NEITHER),
        (IDENTITY, ok, PAID.to_vec(), 17, None, (FINE, None)),
        (IDENTITY, ok, gzip(PAID), gzip(PAID).len() as u64, text("the body does not match"), (FAILED, None)),
        (GZIP_TEXT, ok, gzip(PAID), 17, None, (FINE, None)),
        (GZIP_TEXT, ok, gzip(b"open"), 4, text("the body does not match"), (FAILED, None)),
        (GZIP_TEXT, ok, PAID.to_vec(), 0, decode("the body is no gzip: "), (FAILED, None)),
        (BR_JSON, ok, PAID_BR.to_vec(), 17, None, (None, FINE)),
        (BR_JSON, ok, PAID.to_vec(), 0, decode("the body is no br"), (None, FAILED)),
        (GZIP_BOTH, ok, gzip(PAID), 17, None, (FINE, FINE)),
        (GZIP_BOTH, ok, gzip(&[PAID, b"    "].concat()), 20, too_large("the decoded body has more than 20 bytes"), (FAILED, None)),
        (LIMIT, ok, of(1023), 1023, None, NEITHER),
        (LIMIT, ok, of(1024), 1024, None, NEITHER),
        (LIMIT, ok, of(1025), 1024, arrived, NEITHER),
        (LIMIT_TEXT, ok, of(1024), 1024, None, (FINE, None)),
        (LIMIT_TEXT, ok, of(1025), 1024, arrived, (FAILED, None)),
        (GZIP_LIMIT, ok, gzip(&of(1024)), 1024, None, NEITHER),
        (GZIP_LIMIT, ok, gzip(&of(1025)), 1024, decoded, NEITHER),
        (GZIP_LIMIT, ok, gzip(&of(1_000_000)), 1024, decoded, NEITHER),
        (BR, ok, ZEROS_BR.to_vec(), 64 << 20, Some((R::TransferBodyBomb, "67 bytes of the body become more than")), NEITHER),
        ("compression: br, body_size_limit: 100MB", ok, ZEROS_BR.to_vec(), 100_000_000, None, NEITHER),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_are_decoded_up_to_their_limit() {
    for (http, status, body, length, expected, flags) in coded() {
        for in_chunks in [false, true] {
            let what = format!("{http}: {status}, {} bytes, {in_chunks}", body.len());
            let bytes = response(status, &body, in_chunks);
            let outcome = probe(http, bytes, Then::Hold).await;
            assert_judged(&what, &outcome, expected, flags);
            let response = outcome.response.unwrap();
            assert_eq!(response.body_bytes, body.len() as u64, "{what}");
            assert_eq!(outcome.judgement.decoded_bytes, length, "{what}");
        }
    }
}

/// The body of a redirect is not read, so that nothing can be found in it.
#[tokio::test]
async fn redirects_have_no_body_to_judge() {
    let valid = "follow_redirects: false, valid_status_codes: [302]";
    for (keys, expected, flags) in [
        (
            "fail_if_body_matches_regexp: [z]",
            Some(R::ValidateBody),
            (FAILED, None),
        ),
        (
            "fail_if_body_json_matches_cel: 'false'",
            Some(R::ValidateJson),
            (None, FAILED),
        ),
        (GZIP, None, NEITHER),
    ] {
        let http = format!("{valid}, {keys}");
        let bytes = response("302 Found\r\nLocation: /b", &gzip(b"1"), false);
        let outcome = probe(&http, bytes, Then::Hold).await;
        let expected = expected.map(|reason| (reason, "the body of a redirect is not read"));
        assert_judged(&http, &outcome, expected, flags);
    }
}

/// What did not arrive whole is no body to judge, but its expressions count as failed.
#[tokio::test]
async fn broken_transfers_stay_broken() {
    for (http, flags) in [
        ("fail_if_body_matches_regexp: [z]", (FAILED, None)),
        ("fail_if_body_json_matches_cel: 'false'", (None, FAILED)),
        (GZIP_TEXT, (FAILED, None)),
        (GZIP, NEITHER),
    ] {
        let mut bytes = response("200 OK", &gzip(PAID), false);
        bytes.truncate(bytes.len() - 5);
        let outcome = probe(http, bytes, Then::Close).await;
        let expected = Some((R::TransferBodyTruncated, ""));
        assert_judged(http, &outcome, expected, flags);
    }
}

#[tokio::test]
async fn conflicts_tell_their_reason_in_what_is_compressed() {
    let keys = "compression: gzip, conflict: {reason: {json: /state, values: {paid: paid}}}";
    let module = module(keys);
    let long = format!(r#"{{"state": "paid", "pad": "{}"}}"#, "a".repeat(100_000));
    let short = format!(r#"{{"state": "paid", "pad": "{}"}}"#, "a".repeat(60_000));
    for (what, body, reason) in [
        ("compressed", gzip(PAID), "paid"),
        ("as it is", PAID.to_vec(), "paid"),
        ("large", gzip(short.as_bytes()), "paid"),
        ("too large to look at", gzip(long.as_bytes()), "unspecified"),
        ("neither", b"paid".to_vec(), "unspecified"),
    ] {
        let outcome = probe(keys, response("409 Conflict", &body, false), Then::Hold).await;
        assert_eq!(outcome.verdict(), Verdict::Conflict, "{what}");
        let conflict = outcome.response.unwrap().conflict.unwrap();
        assert_eq!(module.conflict_label(conflict.reason), reason, "{what}");
    }
}

/// Text in which each place has its own set of beginnings, so that a search cannot remember any.
fn slow_text(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let letter = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if state >> 31 == 0 { b'a' } else { b'b' }
    };
    (0..length).map(letter).collect()
}

const SLOW: &str = "fail_if_body_matches_regexp: ['a[ab]{300}[^ab]']";

/// Judging is the exporter's own time, however long it takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn judging_a_body_is_in_no_phase() {
    let bytes = response("200 OK", &slow_text(60_000), false);
    let slow = probe(SLOW, bytes.clone(), Then::Hold).await;
    let quick = probe("fail_if_body_matches_regexp: ['^x']", bytes, Then::Hold).await;
    for outcome in [&slow, &quick] {
        assert_eq!(outcome.verdict(), Verdict::Success);
    }
    let [own, quick] = [&slow, &quick].map(|outcome| outcome.timeline.overhead());
    assert!(own > 4 * quick, "{own:?}, {quick:?}");
    let transfer = slow
        .timeline
        .spans()
        .iter()
        .find(|span| span.phase == Phase::Transfer);
    let transfer = transfer.map(|span| span.end - span.start).unwrap();
    assert!(own > 4 * transfer, "{own:?}, {transfer:?}");
}

/// While one body is judged on the only worker, what else runs there goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn judging_a_large_body_holds_up_no_other_probe() {
    let bytes = response("200 OK", &slow_text(60_000), false);
    let judged = tokio::spawn(probe(SLOW, bytes, Then::Hold));
    let watch = tokio::spawn(async move {
        let (mut longest, mut last) = (Duration::ZERO, Instant::now());
        while !judged.is_finished() {
            tokio::time::sleep(Duration::from_millis(1)).await;
            longest = longest.max(last.elapsed());
            last = Instant::now();
        }
        (longest, judged.await.unwrap())
    });
    let (longest, outcome) = watch.await.unwrap();
    let own = outcome.timeline.overhead();
    assert!(own > 2 * longest, "{own:?}, {longest:?}");
}
